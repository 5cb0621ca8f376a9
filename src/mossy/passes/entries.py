"""The routing entries of many trees, compiled: slices with the same target chips share a tree.

From one chip they share it as it is. From several chips, one tree is grown over the targets and all
those chips, and followed outwards from each of them: away from the chips that send, all packets
then go the same way, and their entries merge. A branch that leads to no target is left out. Where
that takes more links than a tree for each chip by more than a tenth, each has its own.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.passes.trees import Grid, Growing, grow

Rows = tuple[int, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@numba.njit(cache=True)
def fingerprints(
    start: NDArray[Any], chip: NDArray[Any], mark: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """A number per slice, equal where the target chips are. mark: room, one per chip."""
    found = np.zeros(start.size - 1, np.uint64)
    mark[:] = -1
    for s in range(found.size):
        for k in range(start[s], start[s + 1]):
            if mark[chip[k]] != s:
                mark[chip[k]] = s
                number = (np.uint64(chip[k]) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
                number = (number ^ (number >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
                found[s] += number ^ (number >> np.uint64(32))
    return found


@numba.njit(cache=True)
def _distinct(chip: NDArray[Any], mark: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The chips of some targets, each once, marked with `number`."""
    found = np.empty(chip.size, np.int64)
    count = 0
    for c in chip:
        if mark[c] != number:
            mark[c] = number
            found[count] = c
            count += 1
    return found[:count]


@numba.njit(cache=True)
def _same(chip: NDArray[Any], mark: NDArray[np.int64], number: int, count: int) -> bool:
    """Whether some targets lie on the `count` chips that bear `number`, on all of them."""
    for c in chip:
        if mark[c] != number:
            return False
    seen = 0
    for c in chip:
        if mark[c] == number:
            mark[c] = -2 - number
            seen += 1
    for c in chip:
        mark[c] = number
    return seen == count


@numba.njit(cache=True)
def _outwards(
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
def _shared(
    grid: Grid, room: Growing, number: int, homes: NDArray[Any], ends: NDArray[Any],
    way: NDArray[np.int64],
) -> Any:  # fmt: skip
    """Grow one tree for several homes; return its chips, 0 where own trees take far fewer links."""
    own = 0
    for i in range(homes.size):
        count = grow(grid, room, number + 1 + i, homes[i], ends)
        if count < 0:
            return count
        own += count - 1
    count = grow(grid, room, number, homes[homes.size // 2], np.concatenate((ends, homes)))
    links = 0
    for home in homes:
        links += _outwards(grid, room, count, ends, home, way) - 1
    return count if 10 * links <= 11 * own else 0


@numba.njit(cache=True)
def _grown(
    size: int, of: NDArray[Any], at: NDArray[Any], links: NDArray[Any], bits: NDArray[Any],
    straight: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:  # fmt: skip
    """The columns of entries with `size` rows more."""
    return (
        np.concatenate((of, np.empty(size, np.int32))),
        np.concatenate((at, np.empty(size, np.int32))),
        np.concatenate((links, np.empty(size, np.uint8))),
        np.concatenate((bits, np.zeros((size, bits.shape[1]), np.uint64))),
        np.concatenate((straight, np.empty(size, np.bool_))),
    )


@numba.njit(cache=True)
def entries(
    grid: Grid,
    room: Growing,
    order: NDArray[Any],
    home: NDArray[Any],
    start: NDArray[Any],
    chip: NDArray[Any],
    core: NDArray[Any],
    words: int,
) -> Rows:
    """Return (chip without a way to it or -1, slice, chip, links, cores, straight on) by entry.

    order: slices by target chips, then by home. home: chip of each slice; chip, core: of each
    target, slice s having start[s] to start[s + 1].
    """
    size = max(1024, order.size * 2)
    of, at = np.empty(size, np.int32), np.empty(size, np.int32)
    links, bits = np.empty(size, np.uint8), np.zeros((size, words), np.uint64)
    straight = np.empty(size, np.bool_)
    chips = room.mark.size
    where, mark = np.empty(chips, np.int64), np.full(chips, -1, np.int64)
    way = np.empty((chips, 3), np.int64)
    used, number, first = 0, 1, 0
    while first < order.size:
        s = order[first]
        ends = _distinct(chip[start[s] : start[s + 1]], mark, first)
        last = first + 1
        homes = [home[s]]
        while last < order.size:
            t = order[last]
            if not _same(chip[start[t] : start[t + 1]], mark, first, ends.size):
                break
            if home[t] != homes[-1]:
                homes.append(home[t])
            last += 1
        tree, begin, passed = 0, -1, 0
        if len(homes) > 1:
            tree = _shared(grid, room, number, np.array(homes), ends, way)
            if tree < 0:
                return -tree - 1, of, at, links, bits, straight
        for i in range(first, last):
            s = order[i]
            if home[s] != begin:
                begin = home[s]
                count = tree
                if tree == 0:
                    number += len(homes) + 1
                    count = grow(grid, room, number, begin, ends)
                    if count < 0:
                        return -count - 1, of, at, links, bits, straight
                passed = _outwards(grid, room, count, ends, begin, way)
            if used + passed > of.size:
                of, at, links, bits, straight = _grown(
                    of.size + passed, of, at, links, bits, straight
                )
            for k in range(passed):
                where[way[k, 0]] = used + k
                of[used + k], at[used + k], links[used + k] = s, way[k, 0], way[k, 1]
                straight[used + k] = k > 0 and way[k, 1] == 1 << way[k, 2]
            for k in range(start[s], start[s + 1]):
                entry = where[chip[k]]
                bits[entry, core[k] >> 6] |= np.uint64(1) << np.uint64(core[k] & 63)
                straight[entry] = False
            used += passed
        number += len(homes) + 1
        first = last
    return -1, of[:used], at[:used], links[:used], bits[:used], straight[:used]
