"""Loads of networks on chip against a walker that moves every packet tile by tile."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mossy
from mossy.chips import chip as find_chip
from mossy.chips.mesh import Mesh, Tile
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.program.machine import Place, Spot
from mossy.testing.networks import cases
from mossy.twin import Result
from mossy.twin.faults import dead_at
from mossy.twin.traffic import loads as loads_module
from mossy.twin.traffic.link_facts import LinkFacts
from mossy.twin.traffic.loads import loads, traffic
from mossy.twin.traffic.packets import Network
from tests.twin.machines import faults, programs, small, spread
from tests.twin.runs import fuzz

NAME = "spinnaker2"
CHIP = find_chip(NAME)
MESH: Mesh = CHIP.rules.mesh(CHIP.facts)
DENSE = next(c for c in cases() if c.name == "dense")
Link = tuple[Spot, Tile, Tile]
Loads = dict[tuple[int, int, Link], int]  # by sample, step and link


# ------------------------------------------------------------------------------ the mesh
def test_every_tile_has_a_shortest_way_to_the_router_and_back() -> None:
    quads = set(MESH.cores.values())
    tiles = quads | set(MESH.router)
    assert len(quads) == 38 and len(tiles) == 40
    for quad in quads:
        for way in (MESH.to_router(quad), tuple((b, a) for a, b in MESH.from_router(quad))):
            assert len(way) == MESH.distance(quad) > 0
            assert all(abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for a, b in way)
            assert {t for hop in way for t in hop} <= tiles
        assert MESH.to_router(quad)[0][0] == quad == MESH.from_router(quad)[-1][1]
        assert MESH.to_router(quad)[-1][1] in MESH.router


def test_ways_by_hand() -> None:
    assert MESH.to_router((2, 1)) == (
        ((2, 1), (3, 1)), ((3, 1), (4, 1)), ((4, 1), (4, 2)), ((4, 2), (4, 3)),
    )  # fmt: skip
    assert MESH.from_router((2, 5)) == (
        ((4, 4), (3, 4)), ((3, 4), (2, 4)), ((2, 4), (2, 5)),
    )  # fmt: skip
    # along x, this one would lead by (7, 3), which is not there
    assert MESH.from_router((7, 2)) == (
        ((4, 3), (4, 2)), ((4, 2), (5, 2)), ((5, 2), (6, 2)), ((6, 2), (7, 2)),
    )  # fmt: skip
    walled = Mesh({1: (2, 2)}, ((0, 0),), frozenset({(1, 0), (0, 1), (2, 1), (1, 2)}))
    with pytest.raises(ValueError, match="no way along x and y"):
        walled.to_router((2, 2))


# ------------------------------------------------------------------------------ a slow walker
def toward(a: int, b: int) -> int:
    return a + (b > a) - (b < a)


def walk(start: Tile, end: Tile) -> list[tuple[Tile, Tile]]:
    """Move from tile to tile, along x first unless a hole lies on that way."""
    xs = range(min(start[0], end[0]), max(start[0], end[0]) + 1)
    ys = range(min(start[1], end[1]), max(start[1], end[1]) + 1)
    holes = {(7, 3), (7, 4)}
    x_first = not holes & ({(x, start[1]) for x in xs} | {(end[0], y) for y in ys})
    here, gone = start, []
    while here != end:
        along_x = here[0] != end[0] if x_first else here[1] == end[1]
        step = (toward(here[0], end[0]), here[1]) if along_x else (here[0], toward(here[1], end[1]))
        gone.append((here, step))
        here = step
    return gone


def port(tile: Tile) -> Tile:
    return (4, 3) if tile[1] <= 3 else (4, 4)


def walked(program: Program, result: Result, tree: bool) -> Loads:
    """Follow every single packet of a run."""
    found: Counter[tuple[int, int, Link]] = Counter()
    quads = CHIP.rules.places(CHIP.facts)
    batch, steps, _ = result.counts.shape
    for t in range(steps):
        network = Network(program, CHIP, dead_at(program, result.faults, t))
        for c in (c for c in program.cores if c.place is not None):
            assert c.place is not None
            way = network.way(c, 0)
            crossed: list[Link] = []
            if program.routing == "core_to_core":
                crossed = straight(program, c.place, way.cores, quads)
                for b, link in ((b, link) for b in range(batch) for link in crossed):
                    found[b, t, link] += int(result.counts["spikes"][b, t, c.number])
                continue
            if way.routers:
                home = quads[c.place[2]]
                crossed += [(c.place[:2], *hop) for hop in walk(home, port(home))]
            targets = {(program.cores[k].place or (0, 0, 0)) for k in way.cores}
            inward = [
                (spot, *hop)
                for spot, quad in {(p[:2], quads[p[2]]) for p in targets}
                for hop in walk(port(quad), quad)
            ]
            crossed += set(inward) if tree else inward
            for b in range(batch):
                for link in crossed:
                    found[b, t, link] += int(result.counts["spikes"][b, t, c.number])
    return {k: n for k, n in found.items() if n}


def straight(program: Program, start: Place, targets: tuple[int, ...], quads: Any) -> list[Link]:
    """The links on chip of packets from a core to each target."""
    home, crossed = quads[start[2]], []
    for end in (program.cores[k].place or (0, 0, 0) for k in targets):
        quad = quads[end[2]]
        if end[:2] == start[:2]:
            crossed += [(start[:2], *hop) for hop in walk(home, quad)]
        else:
            crossed += [(start[:2], *hop) for hop in walk(home, port(home))]
            crossed += [(end[:2], *hop) for hop in walk(port(quad), quad)]
    return crossed


def counted(program: Program, result: Result, word: str) -> Loads:
    chip = CHIP.assuming({"noc_multicast": word})
    where = traffic(program, result.counts, LinkFacts(chip), result.faults)
    return {
        (b, t + int(i), (where.hops[j][0], *where.hops[j][1])): int(load[i, j])
        for b, t, load in loads(result.counts, where, "hops")
        for i, j in zip(*np.nonzero(load), strict=True)
    }


@pytest.mark.parametrize("word", ["copies", "tree"])
@fuzz(10)
@given(data=st.data())
def test_loads_are_those_of_packets_followed_one_by_one(word: str, data: st.DataObject) -> None:
    program, x = data.draw(programs(NAME))
    died = data.draw(st.one_of(st.just([]), faults(program)))
    result = program.run(x, faults=died)
    found = counted(program, result, word)
    assert found == walked(program, result, word == "tree")
    if word == "copies" or program.routing == "core_to_core":
        # what the engines count as hops, step by step
        hops = result.counts["hops"].sum(axis=2, dtype=np.int64)
        total = np.zeros(hops.shape, np.int64)
        for (b, t, _), n in found.items():
            total[b, t] += n
        np.testing.assert_array_equal(total, hops)


@pytest.mark.parametrize(("cores", "branches"), [(12, False), (148, True)])
def test_many_quads_of_a_chip(cores: int, branches: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core for each neuron, on chips of three quads or far out on one; in pieces of few steps."""
    gone = [f"core 0,0,{c}" for c in CHIP.cores[:72]] if branches else []
    machine = mossy.machine(NAME, chips=9, dead=gone)
    options = Options(neurons_per_core=1, machine=machine)
    program = compile(DENSE.network, small(NAME, cores), options=options)
    result = program.run(DENSE.x)
    monkeypatch.setattr(loads_module, "CHUNK", 100)
    copies, tree = (counted(program, result, word) for word in ("copies", "tree"))
    assert copies == walked(program, result, tree=False)
    assert tree == walked(program, result, tree=True)
    # only ways to quads that do not lie beside the router begin alike
    assert (sum(tree.values()) < sum(copies.values())) == branches
    found = result.congestion
    assert found is not None and found.noc is not None
    assert found.noc.link.load == max(copies.values())
    assert found.noc.packets == sum(copies.values()) and found.noc.branching == "copies"
    other = result.assuming(noc_multicast="tree").congestion
    assert other is not None and other.noc is not None
    assert other.noc.packets == sum(tree.values()) and other.noc.branching == "tree"


def test_a_slow_network_on_chip_is_above_100_percent() -> None:
    program = spread(DENSE.network, NAME, per_core=1, cores=12)
    result = program.run(DENSE.x, assume={"noc_link_rate": 2e3})  # two packets a tick
    copies = counted(program, result, "copies")
    found = result.congestion
    assert found is not None and found.noc is not None and found.noc.link.use is not None
    assert found.noc.link.use.value == max(copies.values()) / 2
    above = {k: n for k, n in copies.items() if n > 2}
    assert found.noc.over_steps == len(above) > 0
    assert found.noc.over == len({link for _, _, link in above})
    assert f"above 100 %: {found.noc.over} links on chip" in str(result.report())
