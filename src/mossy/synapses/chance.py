"""Random numbers as a function of where they are used: no state, the same on every core.

A distribution of whole numbers is a table of aliases (Walker, ACM TOMS 3, 1977): one look-up a
number, and exactly the shares of the rounded distribution. A stream is a 64-bit key; its k-th
number is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at key + k gamma.
`normal` inverts the normal distribution with Wichura's PPND7 (algorithm AS 241, Appl. Statist. 37,
1988), which is exact to seven digits.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HALF = 2.0**-53
ROOT = Path(__file__).parents[1]
LINKED = ("neurons", "synapses", "twin")  # folders


@lru_cache(maxsize=1)
def _stamp() -> tuple[int, int]:
    """What changes when a source file changes whose functions call each other across files."""
    files = [f for folder in LINKED for f in (ROOT / folder).rglob("*.py")]
    found = [f.stat() for f in files]
    return max(s.st_mtime_ns for s in found), sum(s.st_size for s in found)


def jit(function: Any) -> Any:
    """Return the function compiled, without the GIL, and kept on disk.

    Numba keeps what it compiled until the function's own file changes, also where a function of
    another file was compiled into it; here it is made again when any of them changes.
    """
    made = numba.njit(cache=True, nogil=True, inline="never", error_model="numpy")(function)
    kept: Any = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if hasattr(kept, "_source_stamp"):
        kept._source_stamp = (kept._source_stamp, _stamp())
    return made


@jit
def mix(x: Any) -> Any:
    """Return 64 scrambled bits of x."""
    x = np.uint64(x)
    x = (x ^ (x >> np.uint64(30))) * _A
    x = (x ^ (x >> np.uint64(27))) * _B
    return x ^ (x >> np.uint64(31))


@jit
def stream(key: Any, number: Any) -> Any:
    """Return the key of a stream of its own for `number`."""
    return mix(np.uint64(key) ^ mix(np.uint64(number) * GAMMA + GAMMA))


@jit
def bits_of(key: Any, k: Any) -> Any:
    """Return the k-th 64 bits of a stream."""
    return mix(key + np.uint64(k) * GAMMA)


@jit
def uniform(bits: Any) -> Any:
    """Return a number strictly between 0 and 1 from 64 bits."""
    return (np.float64(np.uint64(bits) >> np.uint64(11)) + 0.5) * _HALF


@jit
def below(bits: Any, n: Any) -> Any:
    """Return a whole number 0 .. n - 1 from 64 bits, n up to 2^24."""
    return np.int64(((np.uint64(bits) >> np.uint64(24)) * np.uint64(n)) >> np.uint64(40))


@jit
def normal(u: Any) -> Any:
    """Return the standard normal number below which lies a share u, 0 < u < 1."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        return q * top / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    r = math.sqrt(-math.log(u if q < 0 else 1.0 - u))
    if r <= 5.0:
        r -= 1.6
        top = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777
        x = top / ((0.12021132975 * r + 0.73700164250) * r + 1.0)
    else:
        r -= 5.0
        top = ((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150
        x = top / ((0.012258202635 * r + 0.24197894225) * r + 1.0)
    return -x if q < 0 else x


@jit
def drawn(shape: Any, a: Any, b: Any, share: Any, span: Any, low: Any, high: Any, bits: Any) -> Any:
    """Return a number of a distribution. shape: index of recipe.SHAPES."""
    if shape == 0:
        x = a
    else:
        u = share + uniform(bits) * span
        if shape == 1:
            x = a + u * (b - a)
        elif shape == 4:
            x = -a * math.log1p(-u)
        else:
            x = a + b * normal(u)
            if shape == 3:
                x = math.exp(x)
    return min(max(x, low), high)


@jit
def alias(shares: Any) -> Any:
    """Return (threshold, other) of each of n values with these shares: (n,), summing to 1."""
    n = shares.size
    level = shares * n
    threshold, other = np.empty(n, np.uint64), np.arange(n)
    small, large = [i for i in range(n) if level[i] < 1.0], [i for i in range(n) if level[i] >= 1.0]
    threshold[:] = np.uint64(1) << np.uint64(32)
    while len(small) > 0 and len(large) > 0:
        i, j = small.pop(), large[-1]
        threshold[i] = np.uint64(np.rint(level[i] * 4294967296.0))
        other[i] = j
        level[j] -= 1.0 - level[i]
        if level[j] < 1.0:
            small.append(large.pop())
    return threshold, other


@jit
def picked(threshold: Any, other: Any, first: Any, key: Any, n: Any, out: Any) -> Any:
    """Put n values first + 0, first + 1, ... of an alias table, up to 2^31 of them, into `out`.

    One after the other here, for handing a table to another function costs more than a look.
    """
    size = np.uint64(threshold.size)
    for k in range(n):
        bits = bits_of(key, k)
        i = ((bits >> np.uint64(32)) * size) >> np.uint64(32)
        o = other[i]  # no branch: nobody could foresee it
        own = (bits & np.uint64(0xFFFFFFFF)) < threshold[i]
        out[k] = first + o + (np.int64(i) - o) * np.int64(own)
