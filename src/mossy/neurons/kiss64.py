"""KISS64: Marsaglia's 32-bit generator of four combined ones, as spinn_common's random.c writes it.

    x <- 314527869 x + 1234567;   y ^= y << 5, y ^= y >> 7, y ^= y << 22
    t <- 4294584393 z + c;        c <- t >> 32, z <- t mod 2^32;   out = x + y + z     (mod 2^32)

`draw` is a plain function of the four numbers of its state, compiled once for neuron models.
`streams` spreads one seed over many generators; how a chip spreads its seeds is not published, so
the numbers that neurons draw have the chip's distribution and not its sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.neurons.model import compile_step

DEFAULT = (123456789, 987654321, 43219876, 6543217)  # x, y, z, c of spinn_common's random.c
WHOLE = 1 << 32  # numbers drawn are below this
STATE = [("rx", "i8"), ("ry", "i8"), ("rz", "i8"), ("rc", "i8")]  # fields of a neuron that draws


def following(x: Any, y: Any, z: Any, c: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return the next state (x, y, z, c) and the number drawn, 0 .. 2^32 - 1."""
    mask = 0xFFFFFFFF
    x = (314527869 * x + 1234567) & mask
    y = (y ^ (y << 5)) & mask
    y ^= y >> 7
    y = (y ^ (y << 22)) & mask
    t = 4294584393 * z + c  # in 64 bits the product may wrap; its upper half is masked free of sign
    c = (t >> 32) & mask
    z = t & mask
    return x, y, z, c, (x + y + z) & mask


draw = compile_step(following)


def chance(p: NDArray[Any]) -> NDArray[np.int64]:
    """Return the numbers below which a draw counts as a hit of probability `p`, 0 to 1."""
    return np.rint(np.asarray(p, np.float64) * WHOLE).astype(np.int64)


def streams(seed: int, n: int) -> NDArray[np.int64]:
    """Return (n, 4) states x, y, z, c: one generator for each of `n` neurons.

    The default state with `seed` added to x and words of NumPy's seed sequence in y and z, never 0.
    """
    words = np.random.SeedSequence(seed % WHOLE).generate_state(2 * n, np.uint32).astype(np.int64)
    found = np.empty((n, 4), np.int64)
    found[:, 0] = (DEFAULT[0] + seed) % WHOLE
    found[:, 1] = np.maximum(words[:n], 1)
    found[:, 2] = np.maximum(words[n:], 1)
    found[:, 3] = DEFAULT[3]
    return found


def seeded(state: NDArray[Any], seed: int) -> NDArray[Any]:
    """Return neurons' records `state` (n,) with a generator in each."""
    for field, column in zip(("rx", "ry", "rz", "rc"), streams(seed, len(state)).T, strict=True):
        state[field] = column
    return state
