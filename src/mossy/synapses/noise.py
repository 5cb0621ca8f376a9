"""Poisson numbers of spikes, drawn for every neuron and step, and the same wherever they are drawn.

The 32 bits of (seed, neuron, step) are the neuron's number scrambled twice by the finaliser of
MurmurHash3 (Appleby, 2011) under two keys of the step. They are read as a share u of the cumulative
distribution: n spikes where cdf(n - 1) <= u < cdf(n), to 2^-32. The first twelve bits look the
answer up, and but for the few shares of 2^-12 that hold a border nothing more has to be done.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from mossy.synapses.chance import jit, stream

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


@jit
def scrambled(x: Any) -> Any:
    """Return 32 scrambled bits of 32 bits."""
    x = np.uint32(x)
    x = np.uint32((x ^ np.uint32(x >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    x = np.uint32((x ^ np.uint32(x >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(x ^ np.uint32(x >> np.uint32(16)))


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
def arrivals(seed: Any, t: Any, first: Any, kind: Any, guide: Any, borders: Any, out: Any) -> Any:
    """Put the numbers of spikes of the neurons first, first + 1, ... at step t into `out` (n,).

    kind: (n,) row of each neuron in the tables, or (0,) where there is only one.
    """
    one, two = keys(seed, t)
    bits = np.empty(out.size, np.uint32)
    for i in range(out.size):
        bits[i] = scrambled(scrambled(np.uint32(first + i) ^ one) ^ two)
    if kind.size == 0:
        for i in range(out.size):
            n = guide[0, bits[i] >> np.uint32(32 - GUIDE)]
            out[i] = n if n != UNSURE else resolved(borders[0], bits[i])
    else:
        for i in range(out.size):
            k = kind[i]
            n = guide[k, bits[i] >> np.uint32(32 - GUIDE)]
            out[i] = n if n != UNSURE else resolved(borders[k], bits[i])
