"""Loads of links and routers are exact; what follows from full ones is worked by hand here."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pytest import approx

import mossy
from mossy.chips import chip as find_chip
from mossy.errors import BadInput
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes import Options
from mossy.program import Program
from mossy.program.machine import board_of
from mossy.testing.networks import cases, lif
from mossy.twin import Counts, Result
from mossy.twin.traffic.congestion import Congestion
from mossy.twin.traffic.full_links import Full
from mossy.twin.traffic.link_facts import LinkFacts, kind_of
from mossy.twin.traffic.loads import Traffic, loads, traffic
from tests.twin.machines import faults, programs, spread
from tests.twin.runs import fuzz

DENSE = next(c for c in cases() if c.name == "dense")
NO_SHARE = np.zeros(2)


def by_step(counts: Counts, found: Traffic, what: str) -> NDArray[np.int64]:
    total = np.zeros(counts.shape[:2], np.int64)
    for b, t, load in loads(counts, found, what):
        total[b, t : t + len(load)] += load.sum(axis=1)
    return total


def seen(result: Result) -> Congestion:
    found = result.congestion
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["spinnaker2", "spinnaker1"])
@fuzz(10)
@given(data=st.data())
def test_loads_add_up_to_what_engines_count(name: str, data: st.DataObject) -> None:
    program, x = data.draw(programs(name))
    died = data.draw(st.one_of(st.just([]), faults(program)))
    result = program.run(x, faults=died)
    where = traffic(program, result.counts, LinkFacts(find_chip(name)), result.faults)
    for what, count in (("links", "link_packets"), ("routers", "router_lookups")):
        counted = result.counts[count].sum(axis=2, dtype=np.int64)
        np.testing.assert_array_equal(by_step(result.counts, where, what), counted)


def line() -> tuple[Program, NDArray[np.uint8]]:
    """Two chips of one core: four channels on the first, two neurons on the second."""
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((4,)),
        "fc": nd.Linear(np.ones((2, 4))),
        "lif": lif(),
        "output": nd.Output((2,)),
    }
    edges = list(zip(nodes, list(nodes)[1:], strict=False))
    network = build(nodes, edges, 1e-3, name="line")
    machine = mossy.machine(
        "spinnaker2", chips=2, dead=[f"core 0,0,{k}" for k in range(1, 153) if k != 101]
    )
    program = mossy.compile(network, "spinnaker2", options=Options(machine=machine))
    assert [c.place for c in program.cores] == [(0, 0, 101), (1, 0, 101)]
    x = np.zeros((1, 5, 4), np.uint8)
    x[0, 1], x[0, 3] = 3, [1, 0, 0, 0]
    return program, x


def test_a_worked_link() -> None:
    """12 packets of 96 bits at step 1, in a tick of 6 Mbit; one at step 3."""
    program, x = line()
    found = seen(program.run(x))
    (link,) = found.links
    assert (link.name, link.kind, link.load) == ("chip (0,0) east", "on board", 12)
    assert (link.sample, link.step) == (0, 1)
    assert link.use is not None and link.use.value == approx(12 * 96 / (6e9 * 1e-3))
    np.testing.assert_allclose(found.per_step[0, :5], np.array([0, 12, 0, 1, 0]) * 96 / 6e6)
    assert found.router is not None and found.router.use is not None
    assert found.router.load == 12 and found.router.use.value == approx(12 / 1.2e6)
    assert found.router.use.low < found.router.use.high == approx(12 / 0.3e6)
    assert (found.over, found.late, found.dropped, found.fifo.arrivals) == (0, 0, 0, 12)
    assert found.policy == "late" and "link_policy late" in found.assumed
    assert "router_latency" in found.assumed and "fifo_depth" in found.assumed
    assert found.fifo.depth is not None and found.fifo.over is not None
    assert found.fifo.depth.value == 256 and found.fifo.over.high == 0


def test_the_longest_way_is_the_sum_of_its_parts() -> None:
    """Two routers, one hop of five cycles on either chip, one frame of 96 bits on the link."""
    program, x = line()
    way = seen(program.run(x)).longest
    assert way.leg == (2, 2, 1, 0) and way.leg.links == 1
    parts = {name: q.value for name, q in way.parts.items()}
    assert parts == {
        "routers": approx(2e-7),
        "network on chip": approx(2 * 5 / 300e6),
        "links on board": approx(96 / 6e9),
    }
    assert way.total is not None and way.total.value == approx(sum(parts.values()))
    assert way.total.low == approx(2e-8 + 2 * 5 / 300e6 + 16e-9)
    slow = seen(program.run(x, assume={"noc_hop_cycles": 5000, "link_rate": 96e3})).longest
    assert slow.total is not None and slow.total.value == approx(2e-7 + 1e4 / 300e6 + 1e-3)


def test_a_link_that_is_too_slow_makes_packets_late() -> None:
    """Five packets of 96 bits fit a tick: 12 come at step 1, so 7 wait, then 2."""
    program, x = line()
    slow = program.run(x, assume={"link_rate": 5 * 96 / 1e-3})
    found = seen(slow)
    assert (found.over, found.over_steps) == (1, 1)
    assert found.late == approx(7) and found.ticks_late == 2
    assert found.links[0].use is not None and found.links[0].use.value == approx(12 / 5)
    dropped = seen(slow.assuming(link_policy="drop"))
    assert dropped.late == 0 and dropped.policy == "drop"
    assert dropped.dropped == approx(7) and dropped.lost == approx(7)
    text = str(slow.report())
    assert "above 100 %: 1 links, in 1 steps" in text and "7 packets late, by up to 2" in text
    twice = slow.at("high", tick=2e-3)  # the same steps further apart: ten fit
    assert seen(twice).late == approx(2)
    whole = program.run(x)
    np.testing.assert_array_equal(whole.outputs["output"], slow.outputs["output"])


LINKS = ((0, 0, 0), (0, 0, 1))


def test_waiting_is_worked_by_hand() -> None:
    full = Full(LINKS, np.array([0.1, 0.1]), "late", 0.0)
    full.add(0, np.array([[25, 0], [0, 0]]))
    assert full.late == approx(15) and full.ticks_late == 2
    full.add(0, np.array([[5, 10], [30, 0]]))  # all has gone when the 30 come
    assert full.late == approx(15 + 0 + 20) and full.ticks_late == 2
    full.add(1, np.array([[0, 0], [10, 10]]))  # another input: nothing waits
    assert full.late == approx(35) and full.ticks_late == 2


def test_dropping_is_worked_by_hand() -> None:
    full = Full(LINKS, np.array([0.1, 0.1]), "drop", 16.0)
    full.add(0, np.array([[25, 14], [5, 10]]))  # 15 + 4 of one chip, 16 of them tried again
    assert full.dropped == approx(19) and full.lost == approx(3) and full.late == 0
    known = Full(LINKS, NO_SHARE, "drop", 0.0)  # a rate that is not known: nothing is claimed
    known.add(0, np.array([[10**9, 1]]))
    assert (known.dropped, known.lost) == (0, 0)


@fuzz(30)
@given(
    rows=st.lists(st.lists(st.integers(0, 200), min_size=2, max_size=2), min_size=1, max_size=8),
    fits=st.integers(1, 100),
    cut=st.integers(0, 8),
)
def test_late_packets_by_following_each_one(rows: list[list[int]], fits: int, cut: int) -> None:
    """Each link as a queue of packets, each with the step it came in."""
    late = worst = 0
    for link in range(2):
        queue: list[int] = []
        for t in range(len(rows) + sum(map(max, rows))):
            queue += [t] * (rows[t][link] if t < len(rows) else 0)
            gone, queue = queue[:fits], queue[fits:]
            late += sum(t > came for came in gone)
            worst = max([worst, *(t - came for came in gone)])
    load, full = np.array(rows), Full(LINKS, np.full(2, 1 / fits), "late", 0.0)
    full.add(0, load[:cut])
    full.add(0, load[cut:])
    assert full.late == approx(late)
    assert full.ticks_late == worst


def test_links_between_boards_are_told_apart() -> None:
    machine = mossy.machine("spinnaker2", boards=3)
    kinds = [kind_of(machine, (*spot, k)) for spot in machine.spots() for k in range(6)]
    # 48 links lead from each of the three boards to the others
    between = kinds.count("between_boards")
    assert between == sum(
        board_of(machine, spot) != board_of(machine, machine.beside(spot, k) or spot)
        for spot in machine.spots()
        for k in range(6)
    )
    assert between == 3 * 48 and len(kinds) == 144 * 6
    assert kind_of(mossy.machine("spinnaker2", boards=1), (0, 0, 0)) == "on_board"


def test_a_slower_link_between_boards_is_the_busier() -> None:
    """A packet between boards takes 120 bits at 2 Gbit/s, 3.75 times as long as on a board."""
    net = DENSE.network
    dead = [f"core 0,0,{k}" for k in range(1, 153) if k != 101]
    machine = mossy.machine("spinnaker2", boards=3, dead=[*dead, *_all_but_two_chips()])
    program = mossy.compile(net, "spinnaker2", options=Options(machine=machine, neurons_per_core=9))
    found = seen(program.run(DENSE.x))
    kinds = {b.kind for b in found.links}
    assert "between boards" in kinds and "board_link_frame" in found.assumed
    each = {b.kind: b.use.value / b.load for b in found.links if b.use is not None}
    assert each["between boards"] == approx(120 / 2e6)


def _all_but_two_chips() -> list[str]:
    """Chips dead so that a program on two of them must cross to another board."""
    machine = mossy.machine("spinnaker2", boards=3)
    first = board_of(machine, (0, 0))
    return [
        f"chip {x},{y}"
        for x, y in machine.spots()
        if board_of(machine, (x, y)) == first and (x, y) != (0, 0)
    ]


def test_an_event_fifo_of_known_depth_overflows() -> None:
    program, x = line()
    found = seen(program.run(x, assume={"fifo_depth": 10}))
    assert found.fifo.arrivals == 12 and found.fifo.over is not None
    assert found.fifo.over.value == 2 and "fifo_depth" in found.assumed


def test_the_older_chip_drops_and_its_router_is_unknown() -> None:
    found = seen(spread(DENSE.network, "spinnaker1").run(DENSE.x))
    assert found.policy == "drop" and "router_rate" in found.unknown
    assert found.router is not None and found.router.use is None
    assert found.noc is None and found.longest.leg.hops == 0
    assert found.fifo.over is not None and found.fifo.over.value == 0
    text = str(spread(DENSE.network, "spinnaker1").run(DENSE.x).report())
    assert "not known: router_rate" in text and "routers           busiest load" in text


def test_other_policies_are_e0415() -> None:
    program, x = line()
    with pytest.raises(BadInput) as error:
        program.run(x, assume={"link_policy": "lost"})
    assert error.value.code == "E0415" and "allowed: late, drop" in str(error.value)
    assert "link_policy is a choice of the chip" in str(error.value)


def test_chips_whose_links_are_not_followed_have_none() -> None:
    result = spread(DENSE.network, "loihi1").run(DENSE.x)
    assert result.congestion is None and result.report().json()["congestion"] is None


def test_parts_that_die_take_their_load_with_them() -> None:
    program, x = line()
    result = program.run(x, faults=["link 0,0 east @ 2"])
    assert seen(result).per_step[0].tolist() == [
        0,
        12 * 96 / 6e6,
        *[0] * (len(result.counts["spikes"][0]) - 2),
    ]


def test_the_report_says_where_and_when() -> None:
    program, x = line()
    result = program.run(x)
    text, said = str(result.report()), result.report().json()["congestion"]
    assert "busiest 0.019 % of a tick, 12 at step 1 of input 0, chip (0,0) east" in text
    assert "its depth is 128 to 1,024" in text
    assert "link_policy late" in text and "fifo_policy drop" in text
    assert "longest way       2 routers, 2 hops on chip, 1 links: 249 ns" in text
    assert "network on chip   busiest 0.004 % of a tick, 12 at step 1 of input 0, chip (" in text
    assert said["links"][0]["load"] == 12 and said["event_fifo"]["over"]["high"] == 0
    assert said["longest_way"]["parts"]["routers"]["value"] == approx(2e-7)
