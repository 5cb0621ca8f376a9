"""The example networks, small or short, beside what is published of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from examples import networks, radar
from examples.networks import Row, Spikes

pynn = pytest.mark.skipif(
    importlib.util.find_spec("pyNN") is None,
    reason="PyNN is not installed; pip install 'mossy[pynn]'",
)


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


def test_the_radar_shape_fits_and_costs_what_is_printed() -> None:
    program, result = radar.run("spinnaker2", 0.01)
    rows = {r.what: r for r in radar.rows(program, result)}
    assert rows["cores"].measured <= 3
    assert rows["memory (kB)"].measured < 134.2
    assert rows["cycles of the busiest core in a frame"].measured < 8000
    assert 0 < rows["energy of a frame, cores at work (uJ)"].measured < 3.29


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


@pynn
@pytest.mark.slow
def test_a_tenth_of_the_microcircuit_is_near_the_published_rates() -> None:
    """Fewer neurons share more of their inputs and swing together; rates rise by two thirds."""
    from examples import microcircuit

    found = microcircuit.run(0.1, 1.0, threads=2)
    rows = microcircuit.rows(found)[:8]
    assert [r.what for r in rows][:2] == ["L23E rate", "L23I rate"]
    for r in rows:
        assert r.expected is not None and 0.7 < r.measured / r.expected < 2.0, r
    order = np.argsort([r.measured for r in rows])
    assert set(order[:2]) == {0, 6} and set(order[-2:]) <= {4, 5, 7}
