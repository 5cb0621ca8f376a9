"""Anneal: swap slices between chips while fewer links are crossed.

Simulated annealing from the cheaper of the places of the two other placers. A swap (`swaps`) is
taken where the cost falls, else with probability exp(-rise / heat). The schedule is that of VPR
(Betz and Rose 1997): heat at first from the spread of what random moves cost, 10 n^(4/3) moves at
each, cooled slowest while 15 to 80 % are taken, moves reaching less far the fewer are taken, and
last a round that only improves. VPR begins hot and forgets its start; here that is worth keeping,
so heat begins low. Where time is too short for a move of each slice at each heat, it is zero all
along. In the end the slices of a chip take those of its cores that are given out first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.passes.spread import spread
from mossy.passes.swaps import Board, Net, Put, begun, board_of, moves, net_of
from mossy.program.machine import Machine

HOT = 0.1  # heat at first, in deviations of what random moves cost: tried on sheets, random graphs
ROUNDS = 100  # at most
EFFORT = 10  # moves at each heat, in n^(4/3); VPR's
LOOKS = 4e9  # at places of targets, at most: some seconds
CACHED = 50_000  # slices from which a look takes the longer the more there are
COLD = 0.005  # last heat, in mean costs of a pair of slices; VPR's
TRIED = 10_000  # random moves that the heat is taken from, at most


def anneal(
    cores: NDArray[Any],
    start: NDArray[Any],
    targets: NDArray[Any],
    machine: Machine,
    packets: NDArray[Any] | None = None,
    seed: int = 1,
) -> NDArray[Any]:
    """Return a place (n, 3) of `cores` for each of n slices, the same from the same seed.

    cores: those that work, at least n. Slice s sends to targets[start[s] : start[s + 1]]. packets:
    sent by each slice, in any unit; None: equally many.
    """
    n = start.size - 1
    weight = np.ones(n) if packets is None else packets.astype(np.float64)
    net = net_of(start.astype(np.int64), targets.astype(np.int64), weight)
    begins = cores[:n], spread(cores, start, targets)
    cores = cores[np.lexsort((cores[:, 0], cores[:, 1]))]
    board = board_of(machine, cores)
    puts = [begun(net, board, cores, places) for places in begins]
    put = min(puts, key=lambda p: float(p.cost.sum()))
    found: NDArray[Any] = cores[_packed(board, _cooled(net, board, put, seed))]
    return found


def _packed(board: Board, place: NDArray[Any]) -> NDArray[Any]:
    """Places on the same chips, the first of each."""
    order = np.argsort(place)
    chip = np.searchsorted(board.room, place[order], side="right") - 1
    found = np.empty_like(place)
    found[order] = board.room[chip] + np.arange(len(place)) - np.searchsorted(chip, chip)
    return found


def _cooled(net: Net, board: Board, put: Put, seed: int) -> NDArray[Any]:
    """The cheapest places that were met at the end of a round; `put` is changed."""
    draw = np.random.default_rng(seed)
    best, least = put.place.copy(), float(put.cost.sum())
    widest = float(max(board.width, board.height))
    count, reach, heat = _moves(net), widest, 0.0
    slow = count >= len(put.place)
    if slow:
        heat = HOT * moves(min(count, TRIED), -1.0, int(reach), draw, net, board, put)[1]
    for left in range(ROUNDS - 1, -1, -1):
        if not left or heat < COLD * least / max(1, len(net.targets)):
            heat = 0.0
        taken, _ = moves(count, heat, int(reach), draw, net, board, put)
        if put.cost.sum() < least:
            best, least = put.place.copy(), float(put.cost.sum())
        if slow and not heat:
            break
        heat *= 0.5 if taken > 0.96 else 0.9 if taken > 0.8 else 0.95 if taken > 0.15 else 0.8
        reach = min(max(1.0, reach * (0.56 + taken)), widest)
    return best


def _moves(net: Net) -> int:
    """Moves at each heat."""
    n, degree = len(net.packets), np.diff(net.start).astype(np.float64)
    each = 2 * float((degree + degree**2).sum()) / n + 1  # looks: at their own nets and into them
    looks = LOOKS * min(1.0, CACHED / n)
    return max(1, int(min(EFFORT * n ** (4 / 3), looks / ROUNDS / each)))
