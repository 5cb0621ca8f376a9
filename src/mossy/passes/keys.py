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
    found = np.zeros((sum(counts), 2), np.int64)
    free = row = 0
    for count, most in zip(counts, largest, strict=True):
        block = 1 << (most - 1).bit_length()
        index = _numbers(chips[row : row + count])
        length = int(index.max()) + 1
        whole = 1 << (block * length - 1).bit_length()
        base = -(-free // whole) * whole
        free = base + block * length
        found[row : row + count, 0] = base + block * index
        found[row : row + count, 1] = WORD - block
        row += count
    return found, free


def _numbers(chips: NDArray[Any]) -> NDArray[Any]:
    """Number the slices of a population so that those of a chip fill an aligned block."""
    if (chips == chips[0]).all():
        return np.arange(len(chips))
    _, first, chip, count = np.unique(
        chips, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.argsort(np.argsort(first))[chip]  # chips in the order in which they are first used
    order = np.argsort(rank, kind="stable")
    begin = np.concatenate([[0], np.cumsum(count[np.argsort(first)])])
    found = np.empty(len(chips), np.int64)
    found[order] = np.arange(len(chips)) - begin[rank[order]]
    room = 1 << int(count.max() - 1).bit_length()
    numbers: NDArray[Any] = rank * room + found
    return numbers
