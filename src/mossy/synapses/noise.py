"""Poisson numbers of spikes, drawn for every neuron and step, and the same wherever they are drawn.

The 32 bits of (seed, pair of neurons, step) are the pair's number of a Weyl sequence, scrambled by
two multiplications and shifts (constants of Wellons' hash prospector, 2018, which searched for
those with the least bias) under two keys of the step. Each neuron of a pair gets 16 of them, u, so
that sixteen neurons fit a vector. The distribution is a mixture: of the 2^16 values of u, each
number of spikes has as many as fit its probability wholly, from 0 on, and what is left over decides
nothing. Whoever gets one of those, a neuron in ten thousand, draws 32 bits of its own for a number
from the distribution of the remainders. Together the probabilities are right to 2^-47.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray
from scipy.stats import poisson

from mossy.synapses.chance import jit, stream

_intrinsic: Any = intrinsic  # numba ships no types: what it decorates is called with one less
WHOLE = 1 << 16  # values of u
GUIDE = 12  # bits that are looked up, where borders are many
UNSURE = 65535
WEYL, FIRST, SECOND = 0x9E3779B9, 0x21F0AAAD, 0x735A2D97
FEW = 16  # borders, up to which u is compared with each
CHUNK = 512  # neurons at a time
ROOM = CHUNK // 2 + 1  # 32-bit words that they need


class Rates(NamedTuple):
    """How numbers are drawn, for each mean. A number n has the u from borders[n - 1] to borders[n].

    most: (rates,) borders of each; u beyond the last is undecided. guide: (rates, 4096) the number
    by the first twelve bits of u, or UNSURE. rest: (rates, ...) borders of the remainders, 32 bits.
    """

    guide: NDArray[np.uint16]
    borders: NDArray[np.uint32]
    most: NDArray[np.int32]
    rest: NDArray[np.uint64]


def tables(mean: NDArray[np.float64]) -> Rates:
    """Return what is needed to draw with these means (rates,)."""
    top = int(np.max(mean, initial=0.0) + 12 * np.sqrt(np.max(mean, initial=0.0)) + 20)
    share = poisson.pmf(np.arange(top + 1), mean[:, None]) * WHOLE
    fits = np.floor(share)
    most = (share.shape[1] - np.argmax(fits[:, ::-1] > 0, axis=1)).astype(np.int32)
    borders = np.cumsum(fits, axis=1)[:, : max(FEW, most.max(initial=1))].astype(np.uint32)
    borders[np.arange(borders.shape[1]) >= most[:, None]] = WHOLE
    left = np.cumsum(share - fits, axis=1)
    left /= np.where(left[:, -1:] > 0, left[:, -1:], 1.0)
    rest = np.rint(left * 2.0**32).astype(np.uint64)
    rest[:, -1] = 1 << 32
    return Rates(_guide(borders), borders, most, rest)


def rates_of(mean: NDArray[np.float64]) -> tuple[Rates, NDArray[np.int32]]:
    """Return the tables of neurons with these means (n,), and their rows, (0,) if it is one."""
    means, kind = np.unique(mean, return_inverse=True)
    return tables(means), kind.astype(np.int32) if means.size > 1 else np.zeros(0, np.int32)


def _guide(borders: NDArray[np.uint32]) -> NDArray[np.uint16]:
    edge = np.arange((1 << GUIDE) + 1) << (16 - GUIDE)
    guide = np.empty((len(borders), 1 << GUIDE), np.uint16)
    for k, row in enumerate(borders):
        first = np.searchsorted(row, edge[:-1], side="right")
        last = np.searchsorted(row, edge[1:] - 1, side="right")
        guide[k] = np.where(first == last, first, UNSURE)
    return guide


@_intrinsic
def placed(typingctx: Any, x: Any, one: Any) -> Any:
    """placed(x, one): number x of a Weyl sequence from `one` on, all uint32.

    Like the next two written in 32 bits, which a product of uint32 in Numba is not, so that eight
    fit a vector.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, one = args
        return builder.add(builder.mul(x, x.type(WEYL)), one)

    return types.uint32(types.uint32, types.uint32), codegen


@_intrinsic
def following(typingctx: Any, y: Any) -> Any:
    """following(y): the number of the sequence that comes after y."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.add(args[0], args[0].type(WEYL))

    return types.uint32(types.uint32), codegen


@_intrinsic
def scrambled(typingctx: Any, y: Any, two: Any) -> Any:
    """scrambled(y, two): 32 scrambled bits of a number of the sequence."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, two = args
        x = builder.mul(builder.xor(x, builder.lshr(x, x.type(16))), x.type(FIRST))
        x = builder.add(builder.xor(x, builder.lshr(x, x.type(15))), two)
        x = builder.mul(x, x.type(SECOND))
        return builder.xor(x, builder.lshr(x, x.type(15)))

    return types.uint32(types.uint32, types.uint32), codegen


@jit
def keys(seed: Any, t: Any) -> Any:
    """Return the two keys of a step."""
    both = stream(np.uint64(seed), t)
    return np.uint32(both & np.uint64(0xFFFFFFFF)), np.uint32(both >> np.uint64(32))


@jit
def resolved(borders: Any, u: Any) -> Any:
    """Return how many borders lie at or below u."""
    n = 0
    while n < borders.size and borders[n] <= u:
        n += 1
    return n


@jit
def remainder(rest: Any, e: Any, one: Any, two: Any) -> Any:
    """Return the number of spikes of neuron e where its u decides nothing."""
    return resolved(rest, np.uint64(scrambled(placed(np.uint32(e), two), one)))


@_intrinsic
def passed(typingctx: Any, u: Any, borders: Any) -> Any:
    """passed(u, borders): how many borders > 0, a tuple of uint16, lie at or below u (uint16)."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        total, sign = ir.Constant(ir.IntType(16), 0), ir.Constant(ir.IntType(16), 1 << 15)
        for k in range(borders.count):
            # signed and strict: the one comparison of whole numbers that vector units have
            below = builder.sub(builder.extract_value(args[1], k), total.type(1))
            here = builder.icmp_signed(">", builder.xor(args[0], sign), builder.xor(below, sign))
            total = builder.add(total, builder.zext(here, total.type))
        return total

    return types.uint16(types.uint16, borders), codegen


@jit
def _few(u: Any, short: Any) -> Any:
    """Replace every u by how many borders it passes: `short`, a tuple; return the most."""
    highest = np.uint16(0)
    for i in range(u.size):
        u[i] = passed(u[i], short)
        highest = max(highest, u[i])
    return highest


@jit
def _many(u: Any, kind: Any, rates: Any) -> Any:
    """The same by the guide, where borders are many or rates differ; return whether any is open."""
    undecided = False
    for i in range(u.size):
        row = kind[i] if kind.size > 0 else 0
        n = rates.guide[row, u[i] >> np.uint16(16 - GUIDE)]
        if n == UNSURE:
            n = np.uint16(resolved(rates.borders[row], np.uint32(u[i])))
        u[i] = n
        undecided |= n == rates.most[row]
    return undecided


@jit
def _counted(u: Any, kind: Any, rates: Any) -> Any:
    """Replace every u by its number of spikes; return whether any stays undecided."""
    b, most = rates.borders[0], rates.most[0]
    if kind.size > 0 or most > FEW or b[0] == 0:
        return _many(u, kind, rates)
    eight = (
        np.uint16(b[0]), np.uint16(b[1]), np.uint16(b[2]), np.uint16(b[3]),
        np.uint16(b[4]), np.uint16(b[5]), np.uint16(b[6]), np.uint16(b[7]),
    )  # fmt: skip
    if most <= 8:
        return _few(u, eight) == most
    twelve = (*eight, np.uint16(b[8]), np.uint16(b[9]), np.uint16(b[10]), np.uint16(b[11]))
    if most <= 12:
        return _few(u, twelve) == most
    last = (np.uint16(b[12]), np.uint16(b[13]), np.uint16(b[14]), np.uint16(b[15]))
    return _few(u, (*twelve, *last)) == most


@jit
def arrivals(
    seed: Any, t: Any, first: Any, kind: Any, rates: Any, weight: Any, sums: Any, bits: Any
) -> Any:
    """Add weight times the spikes of the neurons first, first + 1, ... at step t to `sums` (n,).

    kind: (n,) row of each neuron in the tables, or (0,) where there is only one. bits: (ROOM,)
    uint32, own scratch.
    """
    one, two = keys(seed, t)
    for begin in range(0, sums.size, CHUNK):
        some, which = sums[begin : begin + CHUNK], kind[begin : begin + CHUNK]
        e = first + begin
        odd = e & 1
        y = placed(np.uint32(e >> 1), one)
        for j in range((odd + some.size + 1) >> 1):
            bits[j] = scrambled(y, two)
            y = following(y)
        u = bits.view(np.uint16)[odd : odd + some.size]
        undecided = _counted(u, which, rates)
        for i in range(some.size):
            some[i] += weight * u[i]
        if undecided:
            for i in range(some.size):
                row = which[i] if which.size > 0 else 0
                if u[i] == rates.most[row]:
                    n = remainder(rates.rest[row], e + i, one, two)
                    some[i] += weight * (n - np.int64(u[i]))
