"""Poisson numbers of spikes, drawn for every neuron and step, and the same wherever they are drawn.

The 32 bits of (seed, neuron, step) are the neuron's number of a Weyl sequence, scrambled by two
multiplications and shifts (constants of Wellons' hash prospector, 2018, which searched for those
with the least bias) under two keys of the step. They are read as a share u of the cumulative
distribution: n spikes where cdf(n - 1) <= u < cdf(n), to 2^-32. Where few spikes are likely, u is
compared with every border; else its first twelve bits look the answer up, and but for the few
shares of 2^-12 that hold a border that is all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray
from scipy.stats import poisson

from mossy.synapses.chance import jit, stream

_intrinsic: Any = intrinsic  # numba ships no types: what it decorates is called with one less
GUIDE = 12  # bits that are looked up
UNSURE = 65535
WEYL, FIRST, SECOND = 0x9E3779B9, 0x21F0AAAD, 0x735A2D97
RARE = np.uint64((1 - 2e-4) * 2**32)  # neurons beyond the last border, few enough to look at again
CHUNK = 256


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
        x = builder.add(builder.mul(x, x.type(WEYL)), one)
        x = builder.mul(builder.xor(x, builder.lshr(x, x.type(16))), x.type(FIRST))
        x = builder.add(builder.xor(x, builder.lshr(x, x.type(15))), two)
        x = builder.mul(x, x.type(SECOND))
        return builder.xor(x, builder.lshr(x, x.type(15)))

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


@_intrinsic
def passed(typingctx: Any, u: Any, borders: Any) -> Any:
    """passed(u, borders): how many borders > 0, a tuple of uint32, lie at or below u; an int32."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        total, sign = ir.Constant(ir.IntType(32), 0), ir.Constant(ir.IntType(32), 1 << 31)
        for k in range(borders.count):
            # signed and strict: the one comparison of whole numbers that vector units have
            below = builder.sub(builder.extract_value(args[1], k), total.type(1))
            here = builder.icmp_signed(">", builder.xor(args[0], sign), builder.xor(below, sign))
            total = builder.add(total, builder.zext(here, total.type))
        return total

    return types.int32(types.uint32, borders), codegen


@jit
def _few(first: Any, one: Any, two: Any, short: Any, borders: Any, weight: Any, sums: Any) -> Any:
    """Add the noise of neurons of one rate by comparing with every border: `short`, a tuple.

    A loop without branches, eight neurons an instruction. Who passes all of them, which is rare, is
    looked at again.
    """
    most = np.int32(len(short))
    for begin in range(0, sums.size, CHUNK):
        some = sums[begin : begin + CHUNK]
        highest, number = np.int32(0), np.uint32(first + begin)
        for i in range(some.size):
            n = passed(scrambled(np.uint32(number + np.uint32(i)), one, two), short)
            some[i] += weight * n
            highest = max(highest, n)
        if highest == most:
            for i in range(some.size):
                u = scrambled(np.uint32(number + np.uint32(i)), one, two)
                if passed(u, short) == most:
                    some[i] += weight * (resolved(borders, u) - most)


@jit
def arrivals(
    seed: Any, t: Any, first: Any, kind: Any, guide: Any, borders: Any, weight: Any, sums: Any
) -> Any:
    """Add weight times the spikes of the neurons first, first + 1, ... at step t to `sums` (n,).

    kind: (n,) row of each neuron in the tables, or (0,) where there is only one.
    """
    one, two = keys(seed, t)
    if kind.size == 0:
        b, top = borders[0], np.uint64(0xFFFFFFFF)
        if b[min(7, b.size - 1)] > RARE:
            short = (
                np.uint32(min(b[0], top)), np.uint32(min(b[1], top)), np.uint32(min(b[2], top)),
                np.uint32(min(b[3], top)), np.uint32(min(b[4], top)), np.uint32(min(b[5], top)),
                np.uint32(min(b[6], top)), np.uint32(min(b[7], top)),
            )  # fmt: skip
            _few(first, one, two, short, b, weight, sums)
            return
        if b[min(15, b.size - 1)] > RARE:
            longer = (
                np.uint32(min(b[0], top)), np.uint32(min(b[1], top)), np.uint32(min(b[2], top)),
                np.uint32(min(b[3], top)), np.uint32(min(b[4], top)), np.uint32(min(b[5], top)),
                np.uint32(min(b[6], top)), np.uint32(min(b[7], top)), np.uint32(min(b[8], top)),
                np.uint32(min(b[9], top)), np.uint32(min(b[10], top)), np.uint32(min(b[11], top)),
                np.uint32(min(b[12], top)), np.uint32(min(b[13], top)),
                np.uint32(min(b[14], top)), np.uint32(min(b[15], top)),
            )  # fmt: skip
            _few(first, one, two, longer, b, weight, sums)
            return
    bits = np.empty(sums.size, np.uint32)
    for i in range(sums.size):
        bits[i] = scrambled(np.uint32(first + i), one, two)
    for i in range(sums.size):
        row = kind[i] if kind.size > 0 else 0
        count = np.int64(guide[row, bits[i] >> np.uint32(32 - GUIDE)])
        if count == UNSURE:
            count = resolved(borders[row], bits[i])
        sums[i] += weight * count
