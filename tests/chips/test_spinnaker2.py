"""SpiNNaker2's facts against published figures: those they come from and those they do not."""

from __future__ import annotations

import pytest

from benchmarks import gesture, validation
from mossy.chips import chip
from mossy.chips.published import Measured, published

CHIP = chip("spinnaker2")
ROWS = {row.predict: row for row in published("spinnaker2")}


def fact(name: str, bound: str = "value") -> float:
    return float(getattr(CHIP.facts[name].quantity(), bound))


def predicted(key: str) -> tuple[Measured, float]:
    found = validation.predicted(CHIP, ROWS[key])
    assert found.value is not None
    return ROWS[key], found.value.value


@pytest.mark.parametrize(
    "key", ["power_off", "power_asleep_low", "power_asleep", "power_busy_low", "power_busy"]
)
def test_power_states_are_the_published_ones(key: str) -> None:
    row, watts = predicted(key)
    assert watts == pytest.approx(row.value, rel=1e-7)


def test_events_per_second_are_the_published_ones() -> None:
    row, rate = predicted("events_per_core")
    assert row.value == 12e6 and rate == pytest.approx(12e6, rel=0.02)
    row, rate = predicted("events_per_chip")
    assert row.value == 1.8e9 and rate == pytest.approx(1.8e9, rel=0.02) and rate > 1.8e9


def test_the_range_of_an_event_closes_the_published_budget() -> None:
    """300,000 cycles of a tick = tick + 1,024 updates + 120 packets + 12,000 events."""
    budget = fact("tick") * fact("pe_clock")
    assert budget / 12_000 == fact("cycles_per_synaptic_event", "high") == 25
    for event, others in (("value", "value"), ("low", "high")):
        used = fact("cycles_per_tick", others) + 1024 * fact("cycles_per_neuron_update", others)
        used += 120 * fact("cycles_per_packet", others)
        used += 12_000 * fact("cycles_per_synaptic_event", event)
        assert used == pytest.approx(budget, rel=0.002), event


def test_levels_of_a_gesture_like_network_are_near_the_published_ratios() -> None:
    """The network is not the published one: within 15 % is all that is asked."""
    joules, found = gesture.published_joules(), gesture.ratios()
    assert joules == {"low": 2.010, "high": 1.023, "auto": 0.741}
    for level in ("low", "auto"):
        assert found[level] == pytest.approx(joules[level] / joules["high"], rel=0.15), level
    result = gesture.run(gesture.USED.width, gesture.USED.peak)
    assert not result.at("high", tick=1e-3).timing.overruns
    assert not result.at("auto", threshold=30, tick=1e-3).timing.overruns
    assert result.at("low", tick=1e-3).timing.overruns
    assert not result.at("low", tick=3e-3).timing.overruns
