"""Keys: every slice gets a block of packet keys; blocks of a population lie side by side.

A block has 2^k keys and starts at a multiple of its size, so one (key, mask) pair names a slice. A
population starts at a multiple of the size of all its blocks, and so do its slices on one chip, as
long as there are keys enough: where they share a route, one entry can name them all.

Before: placed slices. After: (key, mask) per slice; neuron k of a slice sends key + k.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.errors import DoesNotFit
from mossy.passes.partition import Slice
from mossy.program.machine import Place

WORD = 1 << 32


def keys(
    slices: tuple[Slice, ...], places: Sequence[Place | None] = ()
) -> tuple[tuple[int, int], ...]:
    """Return (key, mask) for each slice. Raises DoesNotFit E0303 beyond 2^32 keys."""
    sizes = [[s.hi - s.lo for s in run] for _, run in groupby(slices, key=lambda s: s.population)]
    chips = np.array([(p[0] << 32) + p[1] if p else -1 for p in places], np.int64)
    found = blocks([len(run) for run in sizes], [max(run) for run in sizes], chips)
    return tuple((key, mask) for key, mask in found.tolist())


def blocks(
    counts: Sequence[int], largest: Sequence[int], chips: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return (key, mask) of every slice (slices, 2). Raises DoesNotFit E0303.

    counts: slices of each population; largest: neurons of its largest one; chips: a number for the
    chip of each slice.
    """
    if chips is not None and len(chips):
        found, free = _blocks(counts, largest, chips)
        if free <= WORD:
            return found
    found, free = _blocks(counts, largest, np.zeros(sum(counts), np.int64))
    if free > WORD:
        raise DoesNotFit(
            "E0303",
            "the network needs more than 2^32 packet keys",
            got=free,
            allowed=WORD,
            hint="split the network into several programs",
        )
    return found


def _blocks(
    counts: Sequence[int], largest: Sequence[int], chips: NDArray[Any]
) -> tuple[NDArray[Any], int]:
    each = np.array(counts, np.int64)
    row = np.cumsum(each) - each
    index = _numbers(np.repeat(np.arange(len(each)), each), chips, row)
    length = np.maximum.reduceat(index, row) + 1 if len(each) else each
    free, base = 0, []
    block = [1 << (most - 1).bit_length() for most in largest]
    for size, used in zip(block, length.tolist(), strict=True):
        whole = 1 << (size * used - 1).bit_length()
        base.append(-(-free // whole) * whole)
        free = base[-1] + size * used
    found = np.empty((len(chips), 2), np.int64)
    size_of = np.repeat(np.array(block, np.int64), each)
    found[:, 0] = np.repeat(np.array(base, np.int64), each) + size_of * index
    found[:, 1] = WORD - size_of
    return found, free


def _numbers(of: NDArray[Any], chips: NDArray[Any], row: NDArray[Any]) -> NDArray[Any]:
    """Number the slices of each population so that those of a chip fill an aligned block.

    of: population of each slice; row: first slice of each population.
    """
    order = np.lexsort((chips, of))  # stable: slices of a population on a chip side by side
    pops, spots = of[order], chips[order]
    new = np.ones(len(of) + 1, bool)
    new[1:-1] = (pops[1:] != pops[:-1]) | (spots[1:] != spots[:-1])
    begin = np.flatnonzero(new)
    begin, count = begin[:-1], begin[1:] - begin[:-1]
    # chips in the order in which they are first used
    first = order[begin]
    by_use = np.argsort(first)
    rank = np.empty(len(begin), np.int64)
    rank[by_use] = np.arange(len(begin))
    pop = pops[begin]
    before = np.searchsorted(first[by_use], row)  # chips of the populations before
    # an aligned block for as many slices as the fullest chip has; none around a single chip's
    room = np.zeros(len(row), np.int64)
    np.maximum.at(room, pop, count)
    room = 1 << np.ceil(np.log2(room)).astype(np.int64)
    room[np.bincount(pop, minlength=len(row)) == 1] = 0
    found = np.empty(len(of), np.int64)
    found[order] = np.arange(len(of)) + np.repeat((rank - before[pop]) * room[pop] - begin, count)
    return found
