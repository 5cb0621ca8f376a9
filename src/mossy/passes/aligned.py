"""Runs of keys as few aligned blocks, which is what a (key, mask) pair can name, compiled.

Keys that nobody sends to a chip may be part of any block there. Among neighbours in key order that
take the same route, those between them may, and those before the first and behind the last. A run
is the smallest aligned block around it, or where others are in the way, its halves are done alone.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

WORD = 1 << 32


@numba.njit(cache=True)
def _around(first: Any, end: Any) -> int:
    """Size of the smallest aligned block that holds the keys first .. end."""
    size = 1
    while (first ^ (end - 1)) >= size:
        size <<= 1
    return size


@numba.njit(cache=True)
def cover(
    key: NDArray[Any], end: NDArray[Any], rows: tuple[Any, Any], low: Any, high: Any,
    begin: NDArray[Any], size: NDArray[Any], used: Any,
) -> Any:  # fmt: skip
    """Write the fewest blocks that hold all keys of some rows and none outside low .. high.

    key, end: of every row, which is a block itself; in key order. rows: the first, and one more
    than the last. begin, size: of the blocks, in key order, written from `used` on. Returns the
    number of blocks with these.
    """
    todo = [(rows[0], rows[1], low, high)]
    while len(todo) > 0:
        i, j, low, high = todo.pop()
        whole = _around(key[i], end[j - 1])
        start = key[i] & -whole
        if start >= low and start + whole <= high:
            begin[used], size[used] = start, whole
            used += 1
            continue
        middle = start + (whole >> 1)
        half = i + np.searchsorted(key[i:j], middle)
        todo.append((half, j, middle, high))
        todo.append((i, half, low, middle))
    return used


@numba.njit(cache=True)
def _alike(i: int, j: int, chip: NDArray[Any], links: NDArray[Any], bits: NDArray[Any]) -> bool:
    if chip[i] != chip[j] or links[i] != links[j]:
        return False
    for word in range(bits.shape[1]):  # noqa: SIM110 (the compiler knows no generators)
        if bits[i, word] != bits[j, word]:
            return False
    return True


@numba.njit(cache=True)
def merged(
    chip: NDArray[Any], key: NDArray[Any], mask: NDArray[Any], links: NDArray[Any],
    bits: NDArray[Any], straight: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]]:  # fmt: skip
    """Return (row with the same route, key, mask) of merged entries, none straight on.

    The rows are sorted by chip and key, and no two of a chip overlap.
    """
    n = chip.size
    first = key.astype(np.int64)
    ends = first + WORD - mask.astype(np.int64)
    rows, begin, size = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    used: Any = np.int64(0)
    i: Any = np.int64(0)
    low: Any = np.int64(0)
    while i < n:
        if i == 0 or chip[i] != chip[i - 1]:
            low = np.int64(0)
        j = i + 1
        if straight[i]:
            low = ends[i]
        else:
            while j < n and not straight[j] and _alike(i, j, chip, links, bits):
                j += 1
            high = first[j] if j < n and chip[j] == chip[i] else np.int64(WORD)
            last = used
            used = cover(first, ends, (i, j), low, high, begin, size, used)
            rows[last:used] = i
            low = begin[used - 1] + size[used - 1]
        i = j
    return rows[:used], begin[:used].astype(np.uint32), (WORD - size[:used]).astype(np.uint32)
