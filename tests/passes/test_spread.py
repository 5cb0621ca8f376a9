"""The placer that lays a network out in the plane: every core once, and fewer links to cross."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.errors import BadInput
from mossy.passes import Options
from mossy.passes.place import PLACERS, working_cores
from mossy.passes.route import draw
from mossy.passes.spread import spread
from mossy.program.machine import Machine, hexagonal
from tests.passes.mapped import crossed as links
from tests.passes.mapped import small, stages
from tests.strategies import sample

HEXAGON = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))


def sheet(side: int, order: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Slices in a square that each send to the four beside them, numbered in some order."""
    found: list[list[int]] = [[] for _ in range(side * side)]
    for y in range(side):
        for x in range(side):
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                if 0 <= x + dx < side and 0 <= y + dy < side:
                    here = order[y * side + x]
                    found[here].append(int(order[(y + dy) * side + x + dx]))
    return np.cumsum([0, *(len(t) for t in found)]), np.array([t for f in found for t in f])


def crossed(m: Machine, places: NDArray[Any], graph: tuple[NDArray[Any], NDArray[Any]]) -> int:
    """Links that one packet of every slice crosses on its way to all its targets."""
    n = len(graph[0]) - 1
    keys = np.column_stack([np.arange(n), np.full(n, (1 << 32) - 1)])
    return links(draw(m, places[:n], keys, *graph), keys)


@given(
    n=st.integers(1, 60), per_chip=st.integers(1, 4), edges=st.integers(0, 100),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_every_slice_gets_a_working_core_of_its_own(
    n: int, per_chip: int, edges: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    m = hexagonal(3, HEXAGON).without(chips=[(1, 1)], cores=[(0, 0, 0)])
    source = np.sort(rng.integers(0, n, edges))
    start = np.searchsorted(source, np.arange(n + 1))
    cores = working_cores(m, range(per_chip))
    places = spread(cores, start, rng.integers(0, n, edges))
    given_out = {tuple(p) for p in cores.tolist()}
    got = [tuple(p) for p in places.tolist()]
    assert len(set(got)) == len(got) == n and set(got) <= given_out
    assert (0, 0, 0) not in got and all(p[:2] != (1, 1) for p in got)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_slices_numbered_at_random_find_their_neighbours(seed: int) -> None:
    m, side = hexagonal(3, HEXAGON), 24
    graph = sheet(side, np.random.default_rng(seed).permutation(side * side))
    cores = working_cores(m, range(16))
    greedy = crossed(m, cores, graph)
    assert crossed(m, spread(cores, *graph), graph) < 0.25 * greedy


@pytest.mark.parametrize("placer", PLACERS[1:])
def test_the_option_moves_slices_and_changes_nothing_else(placer: str) -> None:
    net, chip = sample(), small("spinnaker2", 3)
    programs = [
        stages(net, chip, Options(neurons_per_core=2, placer=p))[0] for p in ("greedy", placer)
    ]
    places = [[c.place for c in p.cores] for p in programs]
    assert places[0] != places[1] and len(set(places[1])) == len(places[1])
    x = np.random.default_rng(1).random((2, 6, *programs[0].populations[0].shape)) < 0.5
    a, b = (p.run(x.astype(np.uint8), threads=1) for p in programs)
    for name, values in a.outputs.items():
        assert (values == b.outputs[name]).all()


def test_an_unknown_placer_is_e0199() -> None:
    with pytest.raises(BadInput) as e:
        stages(sample(), small("spinnaker2", 3), Options(placer="best"))
    assert e.value.code == "E0199"
    assert "no such placer" in str(e.value) and "allowed: greedy or spread" in str(e.value)
