"""The routing entries of many trees, compiled: a tree is grown once for all slices that share it.

Slices are taken in an order that puts those with one chip and the same target chips side by side;
a tree is grown where a slice differs from the one before.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.passes.trees import Grid, Growing, grow

Rows = tuple[int, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@numba.njit(cache=True)
def fingerprints(start: NDArray[Any], chip: NDArray[Any]) -> NDArray[np.uint64]:
    """A number per slice, equal where the target chips are; the order of targets does not count."""
    found = np.zeros(start.size - 1, np.uint64)
    for s in range(found.size):
        chips = np.unique(chip[start[s] : start[s + 1]])
        number = np.uint64(14695981039346656037)
        for c in chips:
            number = (number ^ np.uint64(c)) * np.uint64(1099511628211)
        found[s] = number
    return found


@numba.njit(cache=True)
def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    if a.size != b.size:
        return False
    for k in range(a.size):
        if a[k] != b[k]:
            return False
    return True


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

    home: chip of each slice; chip, core: of each target, slice s having start[s] to start[s + 1].
    """
    size = max(1024, order.size * 2)
    of, at = np.empty(size, np.int32), np.empty(size, np.int32)
    links, bits = np.empty(size, np.uint8), np.zeros((size, words), np.uint64)
    straight = np.empty(size, np.bool_)
    where = np.empty(room.mark.size, np.int64)  # chip -> its entry for this slice
    used, count, number, begin = 0, 0, 0, -1
    before = np.empty(0, np.int64)
    for s in order:
        first, last = start[s], start[s + 1]
        if first == last:
            continue
        ends = np.unique(chip[first:last])
        if home[s] != begin or not _same(ends, before):
            number += 1
            count = grow(grid, room, number, home[s], ends)
            if count < 0:
                return -count - 1, of, at, links, bits, straight
            begin, before = home[s], ends
        if used + count > size:
            more = size + count
            size += more
            of = np.concatenate((of, np.empty(more, np.int32)))
            at = np.concatenate((at, np.empty(more, np.int32)))
            links = np.concatenate((links, np.empty(more, np.uint8)))
            bits = np.concatenate((bits, np.zeros((more, words), np.uint64)))
            straight = np.concatenate((straight, np.empty(more, np.bool_)))
        for k in range(count):
            node = room.nodes[k]
            where[node] = used + k
            of[used + k], at[used + k], links[used + k] = s, node, room.out[node]
            straight[used + k] = k > 0 and room.out[node] == 1 << room.by[node]
        for k in range(first, last):
            entry = where[chip[k]]
            bits[entry, core[k] >> 6] |= np.uint64(1) << np.uint64(core[k] & 63)
            straight[entry] = False
        used += count
    return -1, of[:used], at[:used], links[:used], bits[:used], straight[:used]
