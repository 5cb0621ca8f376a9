"""One tree for the slices of several chips, followed outwards from each of them, compiled.

Where many chips send to the same ones, a tree is grown over the targets from one of them, and
another over the senders from there: packets gather in it and spread from it. Among the senders and
among the targets all packets then go the same way, so a chip needs few entries. Where that takes
too many links, targets and senders join one tree wherever they are near it; where even that does,
each chip has a tree of its own. A branch that leads to no target is left out.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.passes.trees import Grid, Growing, distance, extend, grow

MORE = 110  # links of a shared tree, in per cent of those of trees of their own


@numba.njit(cache=True)
def outwards(
    grid: Grid, room: Growing, count: int, ends: NDArray[Any], start: int, way: NDArray[np.int64]
) -> int:
    """Follow the tree from any of its chips; return the chips passed.

    Row by row of `way`: chip, links it sends on, link that leads there (-1 at the start). Uses
    `came` for the number of targets in and beyond each chip, seen from where the tree began.
    """
    beyond = room.came
    for k in range(count):
        beyond[room.nodes[k]] = 0
    for end in ends:
        beyond[end] = 1
    for k in range(count - 1, 0, -1):
        node = room.nodes[k]
        beyond[grid.beside[node, grid.back[room.by[node]]]] += beyond[node]
    way[0, 0], way[0, 2] = start, -1
    passed = 1
    at = 0
    while at < passed:
        node, by = way[at, 0], way[at, 2]
        out = 0
        for link in range(grid.back.size):
            if by >= 0 and link == grid.back[by]:
                continue
            beside = grid.beside[node, link]
            down = room.out[node] >> link & 1 == 1 and beyond[beside] > 0
            up = room.by[node] >= 0 and link == grid.back[room.by[node]]
            if down or (up and ends.size > beyond[node]):
                out |= 1 << link
                way[passed, 0], way[passed, 2] = beside, link
                passed += 1
        way[at, 1] = out
        at += 1
    return passed


@numba.njit(cache=True)
def _gate(grid: Grid, room: Growing, homes: NDArray[Any], ends: NDArray[Any]) -> Any:
    """The target that all packets come by first: one that sends too, if any; near the senders."""
    middle = homes[homes.size // 2]
    sends = room.came
    for end in ends:
        sends[end] = 0
    for home in homes:
        sends[home] = 1
    best, found = 1 << 62, ends[0]
    for end in ends:
        rank = distance(grid, middle, end) - (sends[end] << 40)
        if rank < best:
            best, found = rank, end
    return found


@numba.njit(cache=True)
def _gathered(
    grid: Grid, room: Growing, number: int, homes: NDArray[Any], ends: NDArray[Any]
) -> Any:
    """Grow a tree over the targets from one of them, and another over the homes from there."""
    count = grow(grid, room, number, _gate(grid, room, homes, ends), ends)
    return count if count < 0 else extend(grid, room, number, count, count, homes)


@numba.njit(cache=True)
def shared(
    grid: Grid, room: Growing, number: int, homes: NDArray[Any], ends: NDArray[Any],
    way: NDArray[np.int64],
) -> Any:  # fmt: skip
    """Grow one tree for several homes; return its chips, 0 where own trees take far fewer links.

    Takes the numbers from `number` to number + homes.size + 1. A negative value is a target that
    cannot be reached, as from `grow`.
    """
    own = 0
    for i in range(homes.size):
        count = grow(grid, room, number + 2 + i, homes[i], ends)
        if count < 0:
            return count
        own += count - 1
    count = _gathered(grid, room, number, homes, ends)
    if count < 0 or 100 * _links(grid, room, count, homes, ends, way) <= MORE * own:
        return count
    count = grow(grid, room, number + 1, homes[homes.size // 2], np.concatenate((ends, homes)))
    return count if 100 * _links(grid, room, count, homes, ends, way) <= MORE * own else 0


@numba.njit(cache=True)
def _links(
    grid: Grid, room: Growing, count: int, homes: NDArray[Any], ends: NDArray[Any],
    way: NDArray[np.int64],
) -> int:  # fmt: skip
    links = 0
    for home in homes:
        links += outwards(grid, room, count, ends, home, way) - 1
    return links
