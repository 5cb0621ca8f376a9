"""Keys: every slice gets a block of packet keys; blocks of a population lie side by side.

A block has 2^k keys and starts at a multiple of its size, so one (key, mask) pair names a slice. A
population starts at a multiple of the size of all its blocks, so a power of two of them merges into
one entry where they share a route.

Before: slices. After: (key, mask) per slice; neuron k of a slice sends key + k.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.errors import DoesNotFit
from mossy.passes.partition import Slice

WORD = 1 << 32


def keys(slices: tuple[Slice, ...]) -> tuple[tuple[int, int], ...]:
    """Return (key, mask) for each slice. Raises DoesNotFit E0303 beyond 2^32 keys."""
    sizes = [
        [s.hi - s.lo for s in run] for _, run in groupby(slices, key=lambda s: s.population)
    ]
    found = blocks([len(run) for run in sizes], [max(run) for run in sizes])
    return tuple((key, mask) for key, mask in found.tolist())


def blocks(counts: Sequence[int], largest: Sequence[int]) -> NDArray[Any]:
    """Return (key, mask) of every slice (slices, 2). Raises DoesNotFit E0303.

    counts: slices of each population; largest: neurons of its largest one.
    """
    found = np.empty((sum(counts), 2), np.int64)
    free = row = 0
    for count, most in zip(counts, largest, strict=True):
        block = 1 << (most - 1).bit_length()
        whole = 1 << (block * count - 1).bit_length()
        base = -(-free // whole) * whole
        free = base + block * count
        if free > WORD:
            break
        found[row : row + count, 0] = base + block * np.arange(count)
        found[row : row + count, 1] = WORD - block
        row += count
    if free > WORD:
        raise DoesNotFit(
            "E0303",
            "the network needs more than 2^32 packet keys",
            got=f"at least {free}",
            allowed=WORD,
            hint="split the network into several programs",
        )
    return found
