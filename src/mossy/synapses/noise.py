"""Poisson numbers of spikes, drawn for every neuron and step, and the same wherever they are drawn.

The 32 bits of (seed, neuron, step) are the neuron's number scrambled twice by the finaliser of
MurmurHash3 (Appleby, 2011), under two keys of the step. They are read as a share u of the
cumulative distribution: n spikes where cdf(n - 1) <= u < cdf(n), to 2^-32. The first twelve bits
look the answer up, and but for the few shares of 2^-12 that hold a border that is all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray
from scipy.stats import poisson

from mossy.synapses.chance import jit, stream

_intrinsic: Any = intrinsic  # numba ships no types: what it decorates is called with one less
GUIDE = 12  # bits that are looked up
UNSURE = 65535


def tables(mean: NDArray[np.float64]) -> tuple[NDArray[np.uint16], NDArray[np.uint64]]:
    """Return (guide (rates, 4096), borders (rates, most + 1)) of each mean number of spikes."""
    most = int(np.max(mean, initial=0.0) + 12 * np.sqrt(np.max(mean, initial=0.0)) + 20)
    below = poisson.cdf(np.arange(most + 1), mean[:, None])
    borders = np.minimum(np.rint(below * 2.0**32), 2.0**32).astype(np.uint64)
    borders[:, -1] = 1 << 32
    edge = np.arange((1 << GUIDE) + 1, dtype=np.uint64) << np.uint64(32 - GUIDE)
    guide = np.empty((len(mean), 1 << GUIDE), np.uint16)
    for k in range(len(mean)):
        first = np.searchsorted(borders[k], edge[:-1], side="right")
        last = np.searchsorted(borders[k], edge[1:] - np.uint64(1), side="right")
        guide[k] = np.where(first == last, first, UNSURE)
    return guide, borders


@_intrinsic
def scrambled(typingctx: Any, x: Any, one: Any, two: Any) -> Any:
    """scrambled(x, one, two): 32 scrambled bits of x under two keys, all uint32.

    Written in 32 bits, which a product of uint32 in Numba is not, so that eight fit a vector.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, one, two = args
        for key in (one, two):
            x = builder.xor(x, key)
            x = builder.mul(builder.xor(x, builder.lshr(x, x.type(16))), x.type(0x85EBCA6B))
            x = builder.mul(builder.xor(x, builder.lshr(x, x.type(13))), x.type(0xC2B2AE35))
            x = builder.xor(x, builder.lshr(x, x.type(16)))
        return x

    return types.uint32(types.uint32, types.uint32, types.uint32), codegen


@jit
def keys(seed: Any, t: Any) -> Any:
    """Return the two keys of a step."""
    both = stream(np.uint64(seed), t)
    return np.uint32(both & np.uint64(0xFFFFFFFF)), np.uint32(both >> np.uint64(32))


@jit
def resolved(borders: Any, u: Any) -> Any:
    """Return the number of spikes of a share u (32 bits): how many borders lie at or below it."""
    n = 0
    while borders[n] <= np.uint64(u):
        n += 1
    return n


@jit
def arrivals(
    seed: Any, t: Any, first: Any, kind: Any, guide: Any, borders: Any, weight: Any, sums: Any
) -> Any:
    """Add weight times the spikes of the neurons first, first + 1, ... at step t to `sums` (n,).

    kind: (n,) row of each neuron in the tables, or (0,) where there is only one.
    """
    one, two = keys(seed, t)
    n = sums.size
    bits = np.empty(n, np.uint32)
    for i in range(n):
        bits[i] = scrambled(np.uint32(first + i), one, two)
    if kind.size == 0:
        looked = guide[0]
        for i in range(n):
            count = np.int64(looked[bits[i] >> np.uint32(32 - GUIDE)])
            if count == UNSURE:
                count = resolved(borders[0], bits[i])
            sums[i] += weight * count
    else:
        for i in range(n):
            count = np.int64(guide[kind[i], bits[i] >> np.uint32(32 - GUIDE)])
            if count == UNSURE:
                count = resolved(borders[kind[i]], bits[i])
            sums[i] += weight * count
