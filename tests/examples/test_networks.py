"""The example networks, small or short, beside what is published of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmarks.recurrent import free_memory
from examples import networks, radar
from examples.networks import Row, Spikes

pynn = pytest.mark.skipif(
    importlib.util.find_spec("pyNN") is None,
    reason="PyNN is not installed; pip install 'mossy[pynn]'",
)


GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "networks.md"


def spikes(time: list[float], neuron: list[int], n: int, end: float) -> Spikes:
    return Spikes("x", n, np.array(time), np.array(neuron, np.int64), 0.0, end, 0.1)


def test_statistics_by_hand() -> None:
    regular = spikes([10.0, 20.0, 30.0, 15.0], [0, 0, 0, 1], 2, 40.0)
    assert regular.rate == pytest.approx(50.0)
    assert regular.cv == pytest.approx(0.0)
    assert regular.course(20.0).tolist() == [50.0, 50.0]
    times = np.sort(np.random.default_rng(1).uniform(0, 1000, 4000))
    beat = times[np.sin(2 * np.pi * 40e-3 * times) > 0]
    assert spikes(beat.tolist(), [0] * beat.size, 1, 1000.0).rhythm == pytest.approx(40, abs=3)


def test_figures_are_shown_with_where_they_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("rate (Hz)", 37.51, 37.7, "a paper"), Row("cv", 0.4, None, "no figure")]
    networks.show("A network", rows)
    title, header, first, second = capsys.readouterr().out.splitlines()
    assert (title, header.split()) == ("A network", ["what", "here", "expected", "from"])
    assert first.split() == ["rate", "(Hz)", "37.5", "37.7", "a", "paper"]
    assert second.split() == ["cv", "0.4", "no", "figure"]


@pytest.mark.parametrize(
    ("active", "cycles", "microjoules"), [(0.01, 5900, 0.2), (0.05, 19_300, 0.4)]
)
def test_the_radar_shape_fits_and_costs_what_is_written(
    active: float, cycles: int, microjoules: float
) -> None:
    """With 5 % of the inputs it takes more than the 8,000 cycles that are published."""
    rows = {r.what: r for r in radar.rows(*radar.run("spinnaker2", active))}
    assert rows["cores"].measured == 2 and rows["cores"].expected == 3
    assert rows["memory (kB)"].measured == pytest.approx(37, abs=0.5)
    assert rows["cycles of the busiest core in a frame"].measured == pytest.approx(cycles, abs=50)
    assert rows["cycles of the busiest core in a frame"].expected == 8000
    energy = rows["energy of a frame, cores at work (uJ)"].measured
    assert energy == pytest.approx(microjoules, abs=0.05)
    written = GUIDE.read_text("utf-8")
    assert f"{cycles:,}" in written and "2 cores, 37 kB" in written and "0.2 to 0.4 µJ" in written


@pynn
def test_brunels_irregular_state_has_its_rate(tmp_path: Path) -> None:
    """A fifth of the neurons with all their partners; correlations of so few cost some percent."""
    from examples import brunel

    found = brunel.run("irregular", neurons=2000, seconds=0.2, threads=2)
    assert found.rate == pytest.approx(37.7, rel=0.15)
    networks.draw([found], tmp_path / "brunel.png", "a test")
    assert (tmp_path / "brunel.png").stat().st_size > 1000


@pynn
@pytest.mark.slow
@pytest.mark.parametrize("state", ["irregular", "fast", "slow"])
def test_brunels_states_at_full_size(state: str) -> None:
    from examples import brunel

    found = brunel.run(state, seconds=0.6, threads=2)
    rate, _, rhythm, _ = brunel.PUBLISHED[state]
    assert found.rate == pytest.approx(rate, rel=0.08)
    if rhythm is not None:
        assert found.rhythm == pytest.approx(rhythm, rel=0.25)


@pynn
def test_a_strong_volley_arrives_sharp_and_a_weak_one_does_not() -> None:
    from examples import synfire

    _, strong = synfire.run("strong", threads=1)
    _, weak = synfire.run("weak", threads=1)
    assert strong[-1].count >= 95 and strong[-1].spread < 1.0 < strong[0].spread
    assert weak[-1].count <= 15


@pynn
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conductance", "current"])
def test_vogels_and_abbotts_activity_keeps_itself_going(kind: str) -> None:
    from examples import vogels_abbott

    found = vogels_abbott.run(kind, seconds=0.7, threads=2)
    rows = {r.what: r.measured for r in vogels_abbott.rows(found)}
    for name in ("excitatory", "inhibitory"):
        assert rows[f"{name} rate at the end (Hz)"] > 1
        assert rows[f"{name} irregularity (cv)"] > (1.0 if kind == "conductance" else 0.3)
        assert rows[f"{name} synchrony"] < 10


@pynn
@pytest.mark.slow
def test_bursts_take_everybody_along_and_silence_follows() -> None:
    from examples import bursting

    found, made = bursting.run(seconds=3.0, threads=1)
    assert len(made.begins) >= 2
    assert np.mean(made.shares) > 0.9 and made.outside < 0.1
    assert np.diff(made.begins).mean() > 300
    assert found.cv > 1 and found.synchrony > 30


def beside(rows: list[Row], statistic: str, source: str) -> list[float]:
    """Measured over published, of each population."""
    found = [r for r in rows if r.what.endswith(f" {statistic}") and source in r.basis]
    assert len(found) == 8
    return [r.measured / r.expected for r in found if r.expected]


@pynn
@pytest.mark.slow
def test_a_tenth_of_the_microcircuit_is_near_the_published_rates_and_irregularity() -> None:
    """Fewer neurons share more of their inputs and swing together.

    So rates rise, up to double (bounds: a tenth more than seen), and synchrony by 2.7 to 27 times,
    where no more can be said than that. Irregularity holds, within 20 %: 10 s have too few
    intervals of neurons of 1 Hz, whose cv comes out 14 % too small.
    """
    from examples import microcircuit

    rows = microcircuit.rows(microcircuit.run(0.1, 10.0, threads=2))
    rates = beside(rows, "rate", "PD14")
    assert min(rates) > 0.85 and max(rates) < 2.15
    assert beside(rows, "cv", "A.3") == pytest.approx([1.0] * 8, rel=0.2)
    swing = beside(rows, "synchrony", "A.5")
    assert min(swing) > 2 and max(swing) < 40
    order = np.argsort([r.measured for r in rows[:8]])
    assert set(order[:2]) == {0, 6} and set(order[-2:]) <= {4, 5, 7}


@pynn
@pytest.mark.slow
@pytest.mark.skipif(free_memory() < 6e9, reason="needs 4 GB of memory")
def test_the_whole_microcircuit_has_the_published_rates_and_synchrony() -> None:
    """Two seconds: rates within 10 % of NEST's of a minute, though two simulators differ by 11 %.

    Synchrony is above the published, which is a known miss: by 1.2 to 1.7 times, here up to twice.
    The irregularity needs a minute; the test above has it of a tenth of the neurons.
    """
    from examples import microcircuit

    rows = microcircuit.rows(microcircuit.run(1.0, 2.0, threads=2))
    assert beside(rows, "rate", "PD14") == pytest.approx([1.0] * 8, rel=0.1)
    swing = beside(rows, "synchrony", "A.5")
    assert min(swing) > 1 and max(swing) < 2
