"""Event FIFOs and filters: bounds worked by hand for a core that gets twelve packets in a step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

import mossy
from mossy.errors import BadInput
from mossy.testing.networks import cases
from mossy.twin import Result
from mossy.twin.traffic.events import Fifo, fifo, filters
from mossy.twin.traffic.link_facts import LinkFacts
from mossy.units import Quantity
from tests.twin.machines import programs, spread
from tests.twin.runs import fuzz
from tests.twin.test_congestion import line

CHIP = "spinnaker2"
CLOCK = 300e6
STEP = 1000 + 2 * 100  # cycles of a step and of two neurons
PACKET = 60 + 2 * 15.8  # cycles of a packet with two synaptic events


def seen(result: Result) -> Fifo:
    found = result.congestion
    assert found is not None
    return found.fifo


@pytest.mark.parametrize("policy", ["drop", "overwrite"])
def test_what_does_not_fit_is_lost(policy: str) -> None:
    """Twelve packets with two synaptic events each, room for five."""
    program, x = line()
    result = program.run(x, assume={"fifo_depth": 5, "fifo_policy": policy})
    found = seen(result)
    assert found.policy == policy and found.stall is None
    assert found.over is not None and (found.over.low, found.over.high) == (0, 7)
    assert found.events is not None and (found.events.low, found.events.high) == (0, 14)
    text = str(result.report())
    assert f"its depth is 5: 0 to 7 too many ({policy}), estimated" in text
    assert "0 to 14 synaptic events lost with them" in text
    said = result.report().json()["congestion"]["event_fifo"]
    assert said["policy"] == policy and said["over"]["value"] == 7 and said["depth"]["value"] == 5


def test_a_stall_lasts_until_the_core_has_caught_up() -> None:
    program, x = line()
    result = program.run(x, assume={"fifo_depth": 5, "fifo_policy": "stall"})
    found = seen(result)
    assert found.events is None and found.stall is not None
    assert found.stall.low == 0 and found.stall.value == approx(7 * PACKET / CLOCK)
    assert "a core holds up the network for up to" in str(result.report())


def test_spread_over_a_short_tick_less_is_worked_off() -> None:
    """A tick in which the core can take four packets: of those beyond the depth three are left."""
    program, x = line()
    result = program.run(x, assume={"fifo_depth": 5}).at("high", tick=(STEP + 4 * PACKET) / CLOCK)
    found = seen(result)
    assert found.over is not None
    assert found.over.low == approx(3) and found.over.high == 7
    never = seen(result.at("high", tick=STEP / 2 / CLOCK))
    assert never.over is not None and never.over.low == never.over.high == 7


def test_without_a_depth_nothing_is_claimed() -> None:
    program, x = line()
    facts = LinkFacts(mossy.chip(CHIP))
    nameless = {k: v for k, v in facts.spec.items() if k != "fifo"}
    facts.spec = nameless
    assert fifo(program, program.run(x).counts, facts) == Fifo("drop", 12, None)


def test_the_depth_assumed_has_a_range_and_so_has_what_does_not_fit() -> None:
    """Of 12 packets, 2 to 9 more than depths of 10 to 3; spread over the tick they all fit."""
    program, x = line()
    result = program.run(x)
    depth = seen(result).depth
    assert depth is not None and (depth.low, depth.value, depth.high) == (128, 256, 1024)
    assert "its depth is 128 to 1,024" in str(result.report())
    facts = LinkFacts(mossy.chip(CHIP))
    quantity = facts.quantity
    facts.quantity = lambda *path: (  # type: ignore[method-assign]
        Quantity(8, "packets", 3, 10) if path == ("fifo",) else quantity(*path)
    )
    short = dataclasses.replace(program, tick=STEP / 2 / CLOCK)
    for p, low in ((program, 0), (short, 2)):
        over = fifo(p, result.counts, facts).over
        assert over is not None and (over.low, over.value, over.high) == (low, 4, 9)


@pytest.mark.parametrize("depth", [0, -3, float("nan"), float("inf")])
def test_no_depth_at_all_is_e0416(depth: float) -> None:
    program, x = line()
    with pytest.raises(BadInput) as error:
        seen(program.run(x, assume={"fifo_depth": depth}))
    assert error.value.code == "E0416" and "fifo_depth must be more than 0" in str(error.value)
    assert "allowed: more than 0" in str(error.value)


def test_a_value_that_no_packet_carries_is_e0416() -> None:
    network = next(c for c in cases() if c.name == "dense").network
    program = spread(network, CHIP)
    facts = LinkFacts(mossy.chip(CHIP))
    from mossy.twin.traffic.formats import format_of

    multicast = format_of(facts, "multicast")
    assert multicast is not None and program.routing == "multicast"
    assert [multicast.bits(n).value for n in (0, 1, 32, 33, 128)] == [40, 72, 72, 104, 168]
    with pytest.raises(BadInput) as error:
        multicast.bits(129)
    assert error.value.code == "E0416" and "allowed: 0 bit, 32 bit, 64 bit" in str(error.value)


@fuzz(15)
@given(data=st.data(), depth=st.integers(1, 6))
def test_bounds_against_a_loop_over_cores(data: st.DataObject, depth: int) -> None:
    program, x = data.draw(programs(CHIP))
    found = seen(program.run(x, assume={"fifo_depth": depth}))
    counts = program.run(x).counts
    together = events = 0.0
    batch, steps, cores = counts.shape
    for b, t, c in np.ndindex(batch, steps, cores):
        n = int(counts["packets_in"][b, t, c])
        if n > depth:
            together += n - depth
            events += (n - depth) * int(counts["synaptic_events"][b, t, c]) / n
    assert found.over is not None and found.over.high == approx(together)
    assert found.events is not None and found.events.high == approx(events)
    assert 0 <= found.over.low <= found.over.high


def test_cores_with_more_source_slices_than_filters() -> None:
    """Cores of four neurons each: the second layer hears from four of them, or from two."""
    network = next(c for c in cases() if c.name == "dense").network
    for per_core in (2, 8):
        program = spread(network, CHIP, per_core)
        heard: dict[int, set[Any]] = {}
        for c in program.cores:
            heard[c.number] = {(t.key, t.mask) for t in c.tables}
        slices = [len(s) for s in heard.values() if s]
        found = filters(program, LinkFacts(mossy.chip(CHIP)))
        assert found is not None and found.each == 2 and found.cores == len(slices)
        assert (found.above, found.most) == (sum(n > 2 for n in slices), max(slices))
    case = next(c for c in cases() if c.name == "dense")
    result = spread(network, CHIP, 2).run(case.x)
    said = result.report().json()["congestion"]["event_filters"]
    assert said["above"] > 0
    assert f"{said['above']} of {said['cores']} cores have more source slices than" in str(
        result.report()
    )
    older = spread(network, "spinnaker1", 2).run(case.x).congestion
    assert older is not None and older.filters is None
