"""The routing entries of many slices, compiled.

Slices that send to the same chips share a tree: from one chip as it is, from several as `shared`
has it. Those of one chip that send to the same cores as well share their entries, as long as their
keys are neighbours. Where a slice sends to nobody, an entry that leads nowhere keeps others off its
keys; it is marked as one that a chip does without.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.passes.aligned import cover
from mossy.passes.shared import outwards, shared
from mossy.passes.trees import Grid, Growing, grow

WORD = 1 << 32
ZERO: Any = np.int64(0)  # for a plain 0, what is called would be compiled once more
Rows = tuple[
    int, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]
]


class Senders(NamedTuple):
    """What is to be routed; one row per slice, on the machine or not (home -1).

    key, end: its keys, `end` not among them; free: up to where the keys behind are nobody's. like:
    a number per slice, equal where neighbours have the same targets. Slice s sends to the slices
    targets[start[s] : start[s + 1]].
    """

    home: NDArray[np.int64]
    core: NDArray[np.int64]
    key: NDArray[np.int64]
    end: NDArray[np.int64]
    free: NDArray[np.int64]
    start: NDArray[np.int64]
    targets: NDArray[np.int64]
    like: NDArray[np.int64]


@numba.njit(cache=True)
def kinds(
    home: NDArray[np.int64], start: NDArray[np.int64], targets: NDArray[np.int64],
    mark: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:  # fmt: skip
    """Return `like` of the slices, and a number for each, equal where the target chips are.

    mark: room, one per chip; all -1 before.
    """
    like = np.empty(home.size, np.int64)
    prints = np.zeros(home.size, np.uint64)
    for s in range(home.size):
        like[s] = s
        first, last = start[s], start[s + 1]
        before = first - start[s - 1] if s > 0 else -1
        if last - first == before:
            k = first
            while k < last and targets[k] == targets[k - before]:
                k += 1
            if k == last:
                like[s], prints[s] = like[s - 1], prints[s - 1]
                continue
        for k in range(first, last):
            chip = home[targets[k]]
            if mark[chip] != s:
                mark[chip] = s
                number = (np.uint64(chip) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
                number = (number ^ (number >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
                prints[s] += number ^ (number >> np.uint64(32))
    return like, prints


@numba.njit(cache=True, inline="always")
def _distinct(by: Senders, s: int, mark: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The chips that a slice sends to, each once, marked with `number`."""
    found = np.empty(min(by.start[s + 1] - by.start[s], mark.size), np.int64)
    count = 0
    for k in range(by.start[s], by.start[s + 1]):
        chip = by.home[by.targets[k]]
        if mark[chip] != number:
            mark[chip] = number
            found[count] = chip
            count += 1
    return found[:count]


@numba.njit(cache=True)
def _same(by: Senders, s: int, mark: NDArray[np.int64], number: int, count: int) -> bool:
    """Whether a slice sends to the `count` chips that bear `number`, to all of them."""
    seen, same = 0, True
    for k in range(by.start[s], by.start[s + 1]):
        chip = by.home[by.targets[k]]
        if mark[chip] == number:
            mark[chip] = -2 - number
            seen += 1
        elif mark[chip] != -2 - number:
            same = False
    for k in range(by.start[s], by.start[s + 1]):
        chip = by.home[by.targets[k]]
        if mark[chip] == -2 - number:
            mark[chip] = number
    return same and seen == count


@numba.njit(cache=True, inline="always")
def _group(
    by: Senders, order: NDArray[Any], first: int, mark: NDArray[np.int64], count: int
) -> tuple[int, NDArray[np.int64]]:
    """Where the slices end that send to the same `count` chips as the first, and their homes."""
    homes = [by.home[order[first]]]
    last = first + 1
    while last < order.size:
        s, before = order[last], order[last - 1]
        if by.like[s] != by.like[before] and not _same(by, s, mark, first, count):
            break
        if by.home[s] != homes[-1]:
            homes.append(by.home[s])
        last += 1
    return last, np.array(homes)


@numba.njit(cache=True, inline="always")
def _run(by: Senders, order: NDArray[Any], first: int, last: int) -> int:
    """Where the slices end that, from order[first] on, may share their entries."""
    s = order[first]
    upto = first + 1
    while upto < last:
        t, before = order[upto], order[upto - 1]
        alike = by.like[t] == by.like[s] and by.home[t] == by.home[s]
        if not (alike and by.end[before] <= by.key[t] <= by.free[before]):
            break
        upto += 1
    return upto


class Drawn(NamedTuple):
    """Columns of the entries. at: chip."""

    at: NDArray[np.int32]
    key: NDArray[np.uint32]
    mask: NDArray[np.uint32]
    links: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    straight: NDArray[np.bool_]


@numba.njit(cache=True)
def _room(size: int, words: int) -> Drawn:
    return Drawn(
        np.empty(size, np.int32), np.empty(size, np.uint32), np.empty(size, np.uint32),
        np.empty(size, np.uint8), np.zeros((size, words), np.uint64), np.empty(size, np.bool_),
    )  # fmt: skip


@numba.njit(cache=True)
def _grown(to: Drawn, size: int) -> Drawn:
    """The columns with room for `size` rows."""
    more = _room(size - to.at.size, to.bits.shape[1])
    return Drawn(
        np.concatenate((to.at, more.at)), np.concatenate((to.key, more.key)),
        np.concatenate((to.mask, more.mask)), np.concatenate((to.links, more.links)),
        np.concatenate((to.bits, more.bits)), np.concatenate((to.straight, more.straight)),
    )  # fmt: skip


@numba.njit(cache=True, inline="always")
def _write(
    to: Drawn, used: int, by: Senders, s: int, way: NDArray[Any], where: NDArray[Any],
    begin: NDArray[Any], size: NDArray[Any],
) -> Any:  # fmt: skip
    """Write the entries of one way, for all blocks of keys; return the rows then used."""
    passed = way.shape[0]
    mute = by.start[s] == by.start[s + 1]
    for k in range(passed):
        where[way[k, 0]] = used + k
        to.straight[used + k] = mute or (k > 0 and way[k, 1] == 1 << way[k, 2])
    for k in range(by.start[s], by.start[s + 1]):
        t = by.targets[k]
        row = where[by.home[t]]
        to.bits[row, by.core[t] >> 6] |= np.uint64(1) << np.uint64(by.core[t] & 63)
        to.straight[row] = False
    for b in range(begin.size):
        for k in range(passed):
            row = used + b * passed + k
            to.at[row], to.links[row] = way[k, 0], way[k, 1]
            to.key[row], to.mask[row] = begin[b], WORD - size[b]
            if b > 0:
                to.straight[row] = to.straight[used + k]
                for word in range(to.bits.shape[1]):
                    to.bits[row, word] = to.bits[used + k, word]
    return used + begin.size * passed


@numba.njit(cache=True)
def drawn(
    grid: Grid, room: Growing, order: NDArray[Any], by: Senders, words: int
) -> tuple[int, int, Drawn]:
    """Return (chip without a way to it or -1, number of rows, rows and room behind them).

    order: slices by target chips, then by home.
    """
    to = _room(max(1024, order.size * 2), words)
    where, mark = room.mark.copy(), np.full(room.mark.size, -1, np.int64)
    way = np.empty((where.size, 3), np.int64)
    begin, size = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    key, end, free = by.key[order], by.end[order], by.free[order]
    used, number, first = ZERO, ZERO + 1, ZERO
    while first < order.size:
        ends = _distinct(by, order[first], mark, first)
        last, homes = _group(by, order, first, mark, ends.size)
        tree, at, passed = 0, -1, 0
        if homes.size > 1 and ends.size > 0:
            tree = shared(grid, room, number, homes, ends, way)
            if tree < 0:
                return -tree - 1, 0, to
        while first < last:
            s = order[first]
            if by.home[s] != at:
                at, count = by.home[s], tree
                if tree == 0:
                    number += homes.size + 2
                    count = grow(grid, room, number, at, ends)
                    if count < 0:
                        return -count - 1, 0, to
                passed = outwards(grid, room, count, ends, at, way)
            upto = _run(by, order, first, last)
            low, high = key[first], free[upto - 1]
            blocks = cover(key, end, (first, upto), low, high, begin, size, ZERO)
            first = upto
            if used + blocks * passed > to.at.size:
                to = _grown(to, 2 * to.at.size + blocks * passed)
            used = _write(to, used, by, s, way[:passed], where, begin[:blocks], size[:blocks])
        number += homes.size + 2
    return -1, used, to
