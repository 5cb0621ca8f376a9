"""Loading: packets, stages and bottleneck by hand, and ways over machines with dead parts."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

import mossy
from mossy.chips import chip as find_chip
from mossy.program import Program
from mossy.program.machine import Machine, Spot, grid
from mossy.testing.networks import cases
from mossy.twin.traffic.loading import Loading, loading, sent
from mossy.twin.traffic.ways import reached
from tests.twin.machines import spread
from tests.twin.runs import fuzz
from tests.twin.test_congestion import line

DENSE = next(c for c in cases() if c.name == "dense")
CODE = 33024  # bytes of a core's code


def of(program: Program, steps: int = 0, recorded: dict[str, int] | None = None) -> Loading:
    found = loading(program, find_chip(program.chip), steps, recorded)
    assert found is not None
    return found


def up(a: float, b: float) -> int:
    return int(-(-a // b))


def test_a_small_program_by_hand() -> None:
    """Two chips of a core each: data and a routing table for both, code of two kinds of cores."""
    program, _ = line()
    found = of(program)
    blocks = {c.number: {b.name: b.size for b in c.memory} for c in program.cores}
    own = [
        sum(n for k, n in b.items() if k not in ("code", "stack", "ring buffers", "spike record"))
        for b in blocks.values()
    ]
    tables = [28 * len(program.tables[s]) for s in ("0,0", "1,0")]
    load = found.load
    assert load.data == sum(own) + sum(tables) and found.kinds == 2 and found.code == CODE
    assert load.packets == {
        "core_to_core": sum(up(n, 16) for n in [*own, *tables]),
        "nearest_neighbour": 2 * CODE // 16,
    }
    datagrams = sum(n > 0 for n in [*own, *tables]) + 2 * up(CODE, 1472)
    assert load.datagrams == datagrams
    ethernet, link = load.stages
    assert (ethernet.name, ethernet.where) == ("Ethernet", "chip (0,0)")
    bits = 8 * (load.data + 2 * CODE + 66 * datagrams)
    assert ethernet.seconds is not None and ethernet.seconds.value == approx(bits / 1e9)
    # a packet of 32 or 40 bits and 128 of payload takes two frames of 96
    packets = up(own[1], 16) + up(tables[1], 16) + 2 * CODE // 16
    assert (link.name, link.where) == ("link", "chip (0,0) to (1,0)")
    assert link.seconds is not None and link.seconds.value == approx(packets * 192 / 6e9)
    assert load.slowest is ethernet and load.time is not None
    assert load.time.value == ethernet.seconds.value
    assert load.time.high == approx(ethernet.seconds.high + link.seconds.high)


def test_reading_back_by_hand() -> None:
    """Three bytes a step of a population of two neurons with 12 bits each, 100 steps."""
    program, _ = line()
    (name,) = program.outputs.values()
    found = of(program, 100, {name: 12}).back
    assert found is not None and found.data == 300
    assert found.packets == {"memory": 2 * up(300, 16)} and found.datagrams == 1
    ethernet, link = found.stages
    assert ethernet.seconds is not None and link.seconds is not None
    assert ethernet.seconds.value == approx(8 * (300 + 66) / 1e9)
    assert link.seconds.value == approx(up(300, 16) * 192 / 6e9)  # 56 + 128 bits in two frames
    assert of(program, 100, {}).back is None and of(program).back is None


def test_a_slow_link_or_memory_is_the_bottleneck() -> None:
    program, _ = line()
    slow = loading(program, find_chip("spinnaker2").assuming({"link_rate": 1e6}))
    assert slow is not None and slow.load.slowest is not None
    assert slow.load.slowest.name == "link" and "link_rate" in slow.assumed
    older = spread(DENSE.network, "spinnaker1")
    chip = find_chip("spinnaker1")
    shared = [b.size for c in older.cores for b in c.memory if b.memory == "shared"]
    assert sum(shared) > 0  # synapse rows lie in SDRAM there
    usual, worst = loading(older, chip), loading(older, chip.assuming({"sdram_rate": 1e3}))
    assert usual is not None and usual.load.slowest is not None
    assert usual.load.slowest.name == "Ethernet"
    assert worst is not None and worst.load.slowest is not None
    assert worst.load.slowest.name == "DRAM"
    assert usual.load.packets["core_to_core"] >= sum(shared) / 4  # four bytes to a packet


def test_an_unknown_rate_leaves_the_time_unknown() -> None:
    program, _ = line()
    chip = find_chip("spinnaker2")
    facts = {k: f for k, f in chip.facts.items()}
    facts["ethernet_rate"] = dataclasses.replace(
        facts["ethernet_rate"], value=None, low=None, high=None, basis="unknown"
    )
    dark = dataclasses.replace(chip, facts=type(chip.facts)(chip.name, facts))
    found = loading(program, dark)
    assert found is not None and found.load.time is None and found.load.slowest is None
    assert "ethernet_rate" in found.unknown and found.load.packets["core_to_core"] > 0


def test_chips_that_say_nothing_of_it_have_none() -> None:
    result = spread(DENSE.network, "loihi1").run(DENSE.x)
    assert result.loading is None and result.report().json()["loading"] is None
    assert "loading" not in str(result.report())


def test_the_report_names_the_bottleneck() -> None:
    program, x = line()
    result = program.run(x)
    text, said = str(result.report()), result.report().json()["loading"]
    assert "2 x 33 kB of code: at least" in text and "most of it on Ethernet, chip (0,0)" in text
    assert "4,128 nearest neighbour packets" in text and "reading back      6 B" in text
    assert said["load"]["bottleneck"] == "Ethernet" and said["code_bytes"] == CODE
    assert said["read_back"]["bytes"] == result.counts.shape[1]  # two neurons, a bit each
    more = program.run(x, record=["*"], states=["lif"]).loading
    assert more is not None and more.back is not None
    record = 8 * program.cores[1].state.dtype.itemsize
    assert more.back.data == result.counts.shape[1] * (up(4, 8) + up(2 * (1 + record), 8))


def test_every_block_of_a_core_is_sent_or_is_said_not_to_be() -> None:
    for name in ("spinnaker2", "spinnaker1"):
        program = spread(DENSE.network, name)
        working = find_chip(name).spec["loading"]["working"]
        for c in program.cores:
            named = sum(b.size for b in c.memory if b.name in working or b.memory == "code")
            assert sum(sent(c, working)) == sum(b.size for b in c.memory) - named


# ------------------------------------------------------------------------------ ways
def distances(machine: Machine) -> dict[Spot, int]:
    """Hops from the nearest chip with Ethernet, by repeated relaxation."""
    far = {s: 0 if s in machine.ethernet else 10**6 for s in machine.spots()}
    for _ in far:
        for spot in far:
            for link in range(len(machine.steps)):
                beyond = machine.beside(spot, link)
                if beyond is not None:
                    far[beyond] = min(far[beyond], far[spot] + 1)
    return far


STEPS = mossy.machine("spinnaker2", chips=1).steps


@fuzz(40)
@given(data=st.data(), chips=st.integers(1, 20))
def test_ways_are_shortest_and_avoid_what_is_dead(data: st.DataObject, chips: int) -> None:
    machine = grid(chips, STEPS)
    spots = [s for s in machine.spots() if s != (0, 0)]
    gone = data.draw(st.lists(st.sampled_from(spots), unique=True)) if spots else []
    machine = machine.without(chips=gone)
    far = distances(machine)
    wanted = {s for s, n in far.items() if n < 10**6}
    tree, missing = reached(machine, wanted)
    assert not missing
    for spot in wanted:
        here = tree.root[spot]
        for link in tree.links(spot):
            assert link[:2] == here
            beyond = machine.beside(here, link[2])
            assert beyond is not None
            here = beyond
        assert here == spot and len(tree.links(spot)) == far[spot] and tree.root[spot] == (0, 0)
    cut_off = set(far) - wanted
    assert reached(machine, cut_off)[1] == cut_off


def test_each_board_is_fed_by_its_own_ethernet() -> None:
    machine = mossy.machine("spinnaker2", boards=3)
    tree, missing = reached(machine, set(machine.spots()))
    assert not missing and set(tree.root.values()) == set(machine.ethernet)
    fed = [list(tree.root.values()).count(s) for s in machine.ethernet]
    assert sum(fed) == 144 and len(fed) == 3


@pytest.mark.parametrize("chips", [1, 2, 4])
def test_more_chips_more_links(chips: int) -> None:
    """Every link of the tree carries all code and what the chips behind it need."""
    program = spread(DENSE.network, "spinnaker2", per_core=2, cores=max(1, 12 // chips))
    found = of(program)
    used = {c.place[:2] for c in program.cores if c.place}
    names = [s.name for s in found.load.stages]
    assert names == ["Ethernet", "link"] if used != {(0, 0)} else names == ["Ethernet"]
    assert found.load.time is not None and 0 < found.load.time.value <= found.load.time.high
