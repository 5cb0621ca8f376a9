"""The placer by simulated annealing: every core once, never dearer than what it begins with."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.passes import anneal as module
from mossy.passes.anneal import anneal
from mossy.passes.place import working_cores
from mossy.passes.route import draw
from mossy.passes.spread import spread
from mossy.passes.swaps import SHARE
from mossy.program.machine import Machine, grid, hexagonal
from tests.passes.mapped import crossed as links
from tests.passes.test_spread import HEXAGON, sheet

Graph = tuple[NDArray[Any], NDArray[Any]]
SQUARE = ((1, 0), (0, 1), (-1, 0), (0, -1))
MACHINES = (
    hexagonal(3, HEXAGON).without(chips=[(1, 1)], cores=[(0, 0, 0)]),
    hexagonal(1, HEXAGON).without(cores=[(0, 0, 1), (2, 3, 0)]),
    grid(61, SQUARE),
)


def scattered(n: int, edges: int, seed: int) -> Graph:
    """`n` slices, each sending to any number of others, drawn at random."""
    rng = np.random.default_rng(seed)
    source = np.sort(rng.integers(0, n, edges))
    return np.searchsorted(source, np.arange(n + 1)), rng.integers(0, n, edges)


def cost(m: Machine, places: NDArray[Any], graph: Graph, packets: NDArray[Any]) -> float:
    """What is minimised, straight from its definition."""
    start, targets = graph
    spots = [(int(x), int(y)) for x, y, _ in places]

    @cache
    def far(a: tuple[int, int], b: tuple[int, int]) -> int:
        return m.length(m.vector(a, b))

    total = 0.0
    for s, home in enumerate(spots):
        chips = {spots[t] for t in targets[start[s] : start[s + 1]]} - {home}
        total += packets[s] * sum(1 + SHARE * (far(home, chip) - 1) for chip in chips)
    return total


def crossed(m: Machine, places: NDArray[Any], graph: Graph) -> int:
    """Links that one packet of every slice crosses on the trees that are drawn."""
    n = len(graph[0]) - 1
    keys = np.column_stack([np.arange(n), np.full(n, (1 << 32) - 1)])
    return links(draw(m, places[:n], keys, *graph), keys)


@settings(deadline=None, max_examples=30)
@given(
    m=st.sampled_from(MACHINES), n=st.integers(1, 40), per_chip=st.integers(1, 3),
    edges=st.integers(0, 120), seed=st.integers(0, 99),
)  # fmt: skip
def test_every_slice_gets_a_working_core_and_never_a_dearer_one(
    m: Machine, n: int, per_chip: int, edges: int, seed: int
) -> None:
    graph = scattered(n, edges, seed)
    packets = np.random.default_rng(seed).integers(0, 5, n)
    cores = working_cores(m, range(per_chip), n)
    places = anneal(cores, *graph, m, packets)
    got, given_out = ([tuple(p) for p in a.tolist()] for a in (places, cores))
    assert len(set(got)) == len(got) == n and set(got) <= set(given_out)
    assert not set(got) & m.dead_cores and all(p[:2] not in m.empty for p in got)
    begins = min(cost(m, p, graph, packets) for p in (cores[:n], spread(cores, *graph)))
    assert cost(m, places, graph, packets) <= begins + 1e-9 * (1 + begins)


@pytest.mark.parametrize("m", MACHINES)
def test_what_a_move_changes_is_what_it_costs(m: Machine) -> None:
    from mossy.passes import swaps

    graph, cores = scattered(50, 200, 4), working_cores(m, range(2))
    cores = cores[np.lexsort((cores[:, 0], cores[:, 1]))]
    packets = np.random.default_rng(1).random(50)
    net, board = swaps.net_of(*graph, packets), swaps.board_of(m, cores)
    put = swaps.begun(net, board, cores, cores[:50])
    before = put.cost.sum()
    assert before == pytest.approx(cost(m, cores[:50], graph, packets))
    taken, _ = swaps.moves(500, 1e9, 3, np.random.default_rng(2), net, board, put)
    assert taken == 1 and put.cost.sum() != before
    assert put.cost.sum() == pytest.approx(cost(m, cores[put.place], graph, packets))
    assert (put.holds[put.place] == np.arange(50)).all() and (put.holds >= 0).sum() == 50


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_ring_numbered_at_random_comes_near_its_optimum(seed: int) -> None:
    """Four slices a chip: at best, two packets of each chip cross a link."""
    m, n = hexagonal(1, HEXAGON), 96
    order = np.random.default_rng(seed).permutation(n)
    place = np.argsort(order)
    to = np.column_stack([order[(place + 1) % n], order[(place - 1) % n]])
    graph = np.arange(0, 2 * n + 1, 2), to.ravel()
    cores = working_cores(m, range(4), n)
    found = crossed(m, anneal(cores, *graph, m), graph)
    assert found < crossed(m, spread(cores, *graph), graph)
    assert found <= 1.6 * 2 * n // 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sheet_numbered_at_random_crosses_fewer_links_than_laid_out_in_the_plane(
    seed: int,
) -> None:
    m, side = hexagonal(3, HEXAGON), 24
    graph = sheet(side, np.random.default_rng(seed).permutation(side * side))
    cores = working_cores(m, range(16), side * side)
    best = 4 * side * (side // 4 - 1)  # squares of 4 x 4 slices, one to a chip
    found = crossed(m, anneal(cores, *graph, m), graph)
    assert found < crossed(m, spread(cores, *graph), graph)
    assert found <= 1.1 * best


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_graph_crosses_a_fifth_fewer_links(seed: int) -> None:
    m, graph = hexagonal(3, HEXAGON), scattered(600, 5000, seed)
    cores = working_cores(m, range(16), 600)
    assert crossed(m, anneal(cores, *graph, m), graph) < 0.8 * crossed(m, cores, graph)


def test_packets_pull_their_targets_nearer() -> None:
    m, graph = hexagonal(3, HEXAGON), scattered(300, 1500, 5)
    cores = working_cores(m, range(4), 300)
    loud = np.where(np.arange(300) % 10 == 0, 100.0, 1.0)
    even, heard = (anneal(cores, *graph, m, p) for p in (None, loud))
    assert cost(m, heard, graph, loud) < 0.9 * cost(m, even, graph, loud)


def test_the_same_seed_gives_the_same_places() -> None:
    m, graph = hexagonal(1, HEXAGON), scattered(100, 400, 6)
    cores = working_cores(m, range(4), 100)
    first, again, other = (anneal(cores, *graph, m, seed=s) for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_with_little_time_it_only_improves(monkeypatch: pytest.MonkeyPatch) -> None:
    m, graph = hexagonal(3, HEXAGON), scattered(300, 1500, 7)
    cores, one = working_cores(m, range(4), 300), np.ones(300)
    full = cost(m, anneal(cores, *graph, m), graph, one)
    monkeypatch.setattr(module, "LOOKS", 1e5)
    hasty = cost(m, anneal(cores, *graph, m), graph, one)
    begins = min(cost(m, p, graph, one) for p in (cores[:300], spread(cores, *graph)))
    assert full < hasty < begins
