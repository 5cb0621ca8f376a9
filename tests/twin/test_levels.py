"""Performance levels by hand: what each costs, who takes which, and that nothing is run again."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mossy.chips import chip as find_chip
from mossy.errors import BadInput
from mossy.network import graph
from mossy.network.nodes import LIF, Input, Linear, Node, Output
from mossy.passes import Options, compile
from mossy.twin import Result
from mossy.twin.bill import levels

CHIP, STEPS = "spinnaker2", 6
WORK = ("cycles_per_neuron_update", "cycles_per_packet", "cycles_per_synaptic_event")


@cache
def three_spikes(chip: str = CHIP) -> Result:
    """Two inputs, three neurons; 1, 0, 2, 0, ... packets reach core 1, with 2, 0, 4 synapses."""
    one = np.ones(3)
    nodes: dict[str, Node] = {"i": Input((2,)), "w": Linear(np.array([[1.0, 0], [1, 1], [0, 1]])),
             "n": LIF(1e-3 * one, one, 0 * one, 0.5 * one, 0 * one), "o": Output((3,))}  # fmt: skip
    net = graph.build(nodes, [("i", "w"), ("w", "n"), ("n", "o")], 1e-3)
    x = np.zeros((1, STEPS, 2), np.uint8)
    x[0, 0, 0] = x[0, 2, 0] = x[0, 2, 1] = 1
    result = compile(net, chip).run(x, threads=1)
    assert isinstance(result, Result)
    return result


@cache
def busy() -> Result:
    """A random network on several cores, with packets of every number."""
    rng = np.random.default_rng(7)
    one = np.ones(100)
    nodes: dict[str, Node] = {"i": Input((60,)), "w": Linear(rng.normal(size=(100, 60))),
             "n": LIF(5e-3 * one, one, 0 * one, 0.5 * one, 0 * one),
             "w2": Linear(rng.normal(size=(100, 100)) / 3),
             "m": LIF(5e-3 * one, one, 0 * one, 0.5 * one, 0 * one),
             "o": Output((100,))}  # fmt: skip
    net = graph.build(nodes, list(pairwise(nodes)), 1e-3)
    x = (rng.random((3, 40, 60)) < rng.random((3, 40, 1)) / 2).astype(np.uint8)
    result = compile(net, CHIP, options=Options(neurons_per_core=40)).run(x, threads=1)
    assert isinstance(result, Result)
    return result


def fact(name: str, bound: str = "value") -> float:
    return float(getattr(find_chip(CHIP).facts[name].quantity(), bound))


def cycles(packets: int, events: int, neurons: int) -> float:
    total = fact("cycles_per_tick") + neurons * fact("cycles_per_neuron_update")
    return total + packets * fact("cycles_per_packet") + events * fact("cycles_per_synaptic_event")


# every step of the run: (packets, events) of core 1, which has three neurons; core 0 has none
CORE_1 = [(1, 2), (0, 0), (2, 4), (0, 0), (0, 0), (0, 0), (0, 0)]
ALL = [(0, 0, 0)] * len(CORE_1) + [(p, e, 3) for p, e in CORE_1]


# ------------------------------------------------------------------------------ states
@pytest.mark.parametrize(
    ("level", "duty", "milliwatts"),
    [("low", 0, 235.4), ("high", 0, 564.7), ("low", 1, 424.6), ("high", 1, 1247.9)],
)
def test_published_power_states_follow_from_the_price_of_a_run(
    level: str, duty: int, milliwatts: float
) -> None:
    """The two cores of the run do nothing, or work in every cycle; the chip has 152 like them."""
    result = three_spikes()
    clock = float(levels.at(result.chip, level).facts["pe_clock"])
    free = dict.fromkeys((*WORK, "router_packet_energy"), 0.0)
    result = result.assuming(**free, cycles_per_tick=duty * clock * fact("tick")).at(level)
    watts = result.energy.value / result.latency.value
    uncore = result.energy.by("state")["uncore"] / result.latency.value
    assert uncore == pytest.approx(75.2e-3, rel=1e-12)
    assert uncore + 152 * (watts - uncore) / 2 == pytest.approx(milliwatts * 1e-3, rel=1e-7)
    state = f"{'at work' if duty else 'asleep'}, {level}"
    assert result.energy.by("state")[state] == pytest.approx(
        result.energy.value * (1 - uncore / watts)
    )


@pytest.mark.parametrize("level", ["low", "high"])
def test_a_fixed_level_by_hand(level: str) -> None:
    result = three_spikes().at(level)
    end = "_low" if level == "low" else ""
    seconds = len(CORE_1) * fact("tick")
    work = sum(cycles(*row) for row in ALL)
    asleep = 2 * seconds - work / fact(f"pe_clock{end}")
    sleep = fact(f"pe_sleep_power{end}")
    states = result.energy.by("state")
    assert states["uncore"] == pytest.approx(fact("uncore_power") * seconds)
    assert states[f"asleep, {level}"] == pytest.approx(asleep * sleep)
    at_work = work * (fact(f"pe_cycle_energy{end}") + sleep / fact(f"pe_clock{end}"))
    assert states[f"at work, {level}"] == pytest.approx(at_work)
    assert states["packets"] == pytest.approx(3 * fact("router_packet_energy"))
    assert sum(states.values()) == pytest.approx(result.energy.value)
    worst = result.timing.worst_step
    assert worst is not None
    assert worst.value == pytest.approx(cycles(2, 4, 3) / fact(f"pe_clock{end}"))


def test_a_run_is_priced_at_the_highest_level_unless_asked_otherwise() -> None:
    assert three_spikes().energy.total == three_spikes().at("high").energy.total


@pytest.mark.parametrize(("threshold", "fast"), [(0, [(1, 2), (2, 4)]), (1, [(2, 4)]), (2, [])])
def test_the_automatic_level_by_hand(threshold: int, fast: list[tuple[int, int]]) -> None:
    result = three_spikes().at("auto", threshold=threshold)
    seconds = len(CORE_1) * fact("tick")
    at_high = sum(cycles(*row, 3) for row in fast)
    at_low = sum(cycles(*row) for row in ALL) - at_high
    away = at_high / fact("pe_clock") + len(fast) * fact("level_switch_time")
    joules = fact("uncore_power") * seconds + 3 * fact("router_packet_energy")
    joules += (2 * seconds - away) * fact("pe_sleep_power_low") + away * fact("pe_sleep_power")
    joules += at_low * fact("pe_cycle_energy_low") + at_high * fact("pe_cycle_energy")
    assert result.energy.value == pytest.approx(joules, rel=1e-12)
    assert sum(result.energy.by("state").values()) == pytest.approx(joules)
    switches = [u.amount for u in result.energy.unpriced if u.name == "level switches"]
    assert switches == ([2 * len(fast)] if fast else [])
    steps = [cycles(*row, 3) / fact("pe_clock_low") for row in CORE_1 if row not in fast]
    steps += [cycles(*row, 3) / fact("pe_clock") + fact("level_switch_time") for row in fast]
    assert result.timing.worst_step is not None
    assert result.timing.worst_step.value == pytest.approx(max(steps))


def test_a_price_of_level_changes_is_added_when_assumed() -> None:
    result = three_spikes().at("auto", threshold=0)
    dear = result.assuming(level_switch_energy=1e-6)
    assert dear.energy.by("operation")["level switches"] == pytest.approx(4e-6)
    assert dear.energy.value == pytest.approx(result.energy.value + 4e-6)
    assert all(u.name != "level switches" for u in dear.energy.unpriced)


# ------------------------------------------------------------------------------ order
def test_the_automatic_level_lies_between_the_others_and_falls_with_the_threshold() -> None:
    result = busy()
    most = int(result.counts["packets_in"].max())
    assert most > 30
    found = [result.at("auto", threshold=t).energy.value for t in range(most + 1)]
    assert all(a >= b for a, b in pairwise(found)) and found[0] > found[-1]
    low, high = (result.at(level).energy.value for level in ("low", "high"))
    assert all(low <= joules <= high for joules in found)
    assert found[-1] == pytest.approx(low, rel=1e-12)


@pytest.mark.parametrize(("level", "threshold"), [("low", None), ("high", None), ("auto", 10)])
def test_states_and_operations_add_up_and_ranges_hold_the_value(
    level: str, threshold: float | None
) -> None:
    energy = busy().at(level, threshold=threshold).energy
    assert sum(energy.by("state").values()) == pytest.approx(energy.value, rel=1e-12)
    assert sum(energy.by("operation").values()) == pytest.approx(energy.value, rel=1e-12)
    assert all(o.energy.low <= o.energy.value <= o.energy.high for o in energy.operations)
    assert all(v > 0 for v in energy.by("state").values())


# ------------------------------------------------------------------------------ pricing
def test_only_the_price_changes() -> None:
    result = three_spikes()
    slow = result.at("low", tick=3e-3)
    assert slow.counts is result.counts and slow.outputs is result.outputs
    assert slow.latency.value == pytest.approx(3 * result.latency.value)
    assert result.program.tick == 1e-3 and result.level is None
    assert slow.energy.by("state")["uncore"] == pytest.approx(0.0752 * 7 * 3e-3)
    assert slow.at("high").latency.value == slow.latency.value


def test_a_step_that_fits_the_high_level_may_overrun_at_the_low_one() -> None:
    tick = 1.05 * cycles(2, 4, 3) / fact("pe_clock")
    steps = len(CORE_1)

    def late(level: str, threshold: float | None = None) -> dict[int, int]:
        timing = three_spikes().at(level, tick=tick, threshold=threshold).timing
        return {o.core: o.steps for o in timing.overruns}

    assert late("high") == {}
    assert late("low") == {0: steps, 1: steps}
    # the one step that brings core 1 more than one packet is worked at the high level
    assert late("auto", 1) == {0: steps, 1: steps - 1}


def test_the_report_says_the_level_and_the_states() -> None:
    report = three_spikes().at("auto", threshold=1).report()
    said = "automatic: at high above 1 packets in a step, else at low"
    assert f"by state          {said}" in str(report)
    assert "asleep, low" in str(report) and "at work, high" in str(report)
    plain: dict[str, Any] = report.json()
    assert plain["level"] == "auto" and plain["level_threshold"] == 1
    assert sum(plain["energy_by_state"].values()) == pytest.approx(plain["energy"]["value"])
    assert "all at high" in str(three_spikes().report())
    assert "by state" not in str(three_spikes("loihi1").report())


# ------------------------------------------------------------------------------ errors
def test_an_unknown_level_is_e0196() -> None:
    with pytest.raises(BadInput) as e:
        three_spikes().at("turbo")
    assert e.value.code == "E0196" and "no such level" in str(e.value)
    assert "got 'turbo'; allowed: low, high, auto" in str(e.value)
    with pytest.raises(BadInput) as e:
        three_spikes("loihi1").at("low")
    assert e.value.code == "E0196" and "it has one way to work" in str(e.value)


@pytest.mark.parametrize(
    ("level", "threshold"), [("auto", -1), ("auto", float("nan")), ("low", 30)]
)
def test_a_bad_threshold_is_e0197(level: str, threshold: float) -> None:
    with pytest.raises(BadInput) as e:
        three_spikes().at(level, threshold=threshold)
    assert e.value.code == "E0197" and f"at level {level!r}" in str(e.value)
    assert 'allowed: 0 or more, with level "auto"' in str(e.value)


@pytest.mark.parametrize("tick", [0.0, -1e-3, float("inf"), float("nan")])
def test_a_bad_tick_is_e0198(tick: float) -> None:
    with pytest.raises(BadInput) as e:
        three_spikes().at("low", tick=tick)
    assert e.value.code == "E0198" and "allowed: more than 0 s" in str(e.value)
