"""Keys: every slice gets a block of packet keys; blocks of a population lie side by side.

A block has 2^k keys and starts at a multiple of its size, so one (key, mask) pair names a slice. A
population starts at a multiple of the size of all its blocks, so a power of two of them merges into
one entry where they share a route.

Before: slices. After: (key, mask) per slice; neuron k of a slice sends key + k.
"""

from __future__ import annotations

from itertools import groupby

from mossy.errors import DoesNotFit
from mossy.passes.partition import Slice

WORD = 1 << 32


def keys(slices: tuple[Slice, ...]) -> tuple[tuple[int, int], ...]:
    """Return (key, mask) for each slice. Raises DoesNotFit E0303 beyond 2^32 keys."""
    found: list[tuple[int, int]] = []
    free = 0
    for _, group in groupby(slices, key=lambda s: s.population):
        run = list(group)
        block = 1 << (max(s.hi - s.lo for s in run) - 1).bit_length()
        whole = 1 << (block * len(run) - 1).bit_length()
        base = -(-free // whole) * whole
        free = base + block * len(run)
        found += [(base + i * block, WORD - block) for i in range(len(run))]
    if free > WORD:
        raise DoesNotFit(
            "E0303",
            "the network needs more than 2^32 packet keys",
            got=free,
            allowed=WORD,
            hint="split the network into several programs",
        )
    return tuple(found)
