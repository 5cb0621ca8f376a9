"""Levels by population: one setting for each is one for all, and each counts for itself alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.twin import Result
from tests.twin.test_levels import ALL, CORE_1, busy, cycles, fact, three_spikes

SETTINGS = ["low", "high", ("auto", 0), ("auto", 10), ("auto", None)]
Asked = Any  # "low", or ("auto", 10)


def at(result: Result, setting: Asked, by: dict[str, Asked] | None = None) -> Result:
    level, threshold = (setting, None) if isinstance(setting, str) else setting
    return result.at(level, threshold=threshold, by=by)


def bill(result: Result) -> list[Any]:
    """Everything that a level may change, to the last bit."""
    energy, timing = result.energy, result.timing
    return [
        [(o.name, o.amount, o.energy, o.basis) for o in energy.operations],
        [(u.name, u.amount) for u in energy.unpriced],
        energy.states,
        timing.busy.tolist(),
        timing.worst_step,
        timing.overruns,
        result.busy.tolist(),
    ]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("whole", SETTINGS)
def test_all_populations_at_one_setting_are_the_whole_run_at_it(
    setting: Asked, whole: Asked
) -> None:
    result = busy()
    everyone = {p.name: setting for p in result.program.populations}
    assert len(everyone) > 2
    assert bill(at(result, whole, everyone)) == bill(at(result, setting))


@pytest.mark.parametrize("seed", range(6))
def test_what_a_population_saves_does_not_depend_on_the_others(seed: int) -> None:
    """Uncore and packets are everybody's; all else is the sum over populations."""
    rng = np.random.default_rng(seed)
    result, first = busy(), SETTINGS[rng.integers(len(SETTINGS))]
    own = {p.name: SETTINGS[rng.integers(len(SETTINGS))] for p in result.program.populations}
    base = at(result, first).energy.value
    saved = [at(result, first, {p: s}).energy.value - base for p, s in own.items()]
    found = at(result, first, own)
    assert found.energy.value == pytest.approx(base + sum(saved), rel=1e-12)
    states = found.energy.by("state")
    assert sum(states.values()) == pytest.approx(found.energy.value, rel=1e-12)
    assert all(joules > 0 for joules in states.values())
    assert all(o.energy.low <= o.energy.value <= o.energy.high for o in found.energy.operations)


def test_an_automatic_population_beside_one_at_the_high_level_by_hand() -> None:
    """Core 1 is automatic above one packet, which step 2 brings; core 0 sends, at the high one."""
    result = three_spikes().at("high", by={"n": ("auto", 1)})
    seconds, fast = len(CORE_1) * fact("tick"), (2, 4)
    sends = len(CORE_1) * cycles(0, 0, 0)
    at_high = cycles(*fast, 3)
    at_low = sum(cycles(*row) for row in ALL) - sends - at_high
    away = at_high / fact("pe_clock") + fact("level_switch_time")
    joules = fact("uncore_power") * seconds + 3 * fact("router_packet_energy")
    joules += seconds * fact("pe_sleep_power") + sends * fact("pe_cycle_energy")
    joules += (seconds - away) * fact("pe_sleep_power_low") + away * fact("pe_sleep_power")
    joules += at_low * fact("pe_cycle_energy_low") + at_high * fact("pe_cycle_energy")
    assert result.energy.value == pytest.approx(joules, rel=1e-12)
    assert [u.amount for u in result.energy.unpriced if u.name == "level switches"] == [2]
    clock = [fact("pe_clock_low") if row != fast else fact("pe_clock") for row in CORE_1]
    steps = [cycles(*row, 3) / f for row, f in zip(CORE_1, clock, strict=True)]
    steps[2] += fact("level_switch_time")
    assert result.busy[0, :, 1] == pytest.approx(steps)
    assert result.busy[0, :, 0] == pytest.approx(cycles(0, 0, 0) / fact("pe_clock"))


def test_a_level_of_one_population_leaves_the_others_in_time() -> None:
    tick = 1.05 * cycles(2, 4, 3) / fact("pe_clock")
    late = three_spikes().at("high", tick=tick, by={"n": "low"}).timing.overruns
    assert [o.core for o in late] == [1]


def test_the_report_names_populations_with_levels_of_their_own() -> None:
    report = three_spikes().at("low", by={"n": ("auto", 1), "i": "high"}).report()
    said = "all at low; n automatic: at high above 1 packets in a step, else at low; i at high"
    assert said in str(report)
    assert report.json()["level_by_population"] == {
        "n": {"level": "auto", "threshold": 1},
        "i": {"level": "high", "threshold": None},
    }


@pytest.mark.parametrize(
    ("by", "code", "says"),
    [
        ({"m": "low"}, "E0188", "no such population; got 'm'; allowed: i, n"),
        ({"n": "turbo"}, "E0196", "got 'turbo'; allowed: low, high, auto"),
        ({"n": ("low", 3)}, "E0197", "got threshold 3 at level 'low'"),
        ({"n": ("auto", -1)}, "E0197", "got threshold -1 at level 'auto'"),
    ],
)
def test_bad_levels_of_a_population_are_named(by: dict[str, Asked], code: str, says: str) -> None:
    with pytest.raises(BadInput) as e:
        three_spikes().at("low", by=by)
    assert e.value.code == code and says in str(e.value)


# ------------------------------------------------------------------------------ by core
@pytest.mark.parametrize("setting", SETTINGS)
def test_cores_add_up_and_pay_for_their_own_level_alone(setting: Asked) -> None:
    result = busy()
    plain, changed = result.at("high"), result.at("high", by={"n": setting})
    before, after = plain.energy.by("core"), changed.energy.by("core")
    assert sum(after.values()) == pytest.approx(changed.energy.value, rel=1e-12)
    own = {f"{c.number} {c.population}" for c in result.program.cores if c.population == "n"}
    assert len(own) == 3 and set(after) > own
    for core in after:
        if core not in own:
            assert after[core] == pytest.approx(before[core], rel=1e-12)
        elif setting != "high":
            assert after[core] < before[core]


def test_the_joules_of_a_core_by_hand() -> None:
    """Half of the chip's rest for each of the two cores; core 0 sends the packets."""
    result = three_spikes().at("high", by={"n": "low"})
    seconds = len(CORE_1) * fact("tick")
    rest = fact("uncore_power") * seconds / 2
    sends = len(CORE_1) * cycles(0, 0, 0) * fact("pe_cycle_energy")
    sends += seconds * fact("pe_sleep_power") + 3 * fact("router_packet_energy")
    works = sum(cycles(*row, 3) for row in CORE_1) * fact("pe_cycle_energy_low")
    works += seconds * fact("pe_sleep_power_low")
    assert list(result.energy.by("core").values()) == pytest.approx([rest + sends, rest + works])


def test_cores_add_up_on_every_chip_and_where_the_whole_is_measured() -> None:
    for chip in ("loihi1", "spinnaker1", "cpu"):
        energy = three_spikes(chip).energy
        found = energy.by("core")
        assert sum(found.values()) == pytest.approx(energy.value, rel=1e-12)
        assert all(joules >= 0 for joules in found.values())
        assert list(found.values())[-1] > 0
