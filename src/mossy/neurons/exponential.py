"""The exponential for neuron models, in plain arithmetic: the same bits in Python and compiled.

    x = k ln 2 + r, |r| <= ln(2) / 2        exp(x) = 2^k + 2^k p,  expm1(x) = 2^k p + (2^k - 1)
    p = exp(r) - 1 = r + r^2 (1/2! + r / 3! + ... + r^11 / 13!)

k is found by adding 1.5 x 2^52, which leaves it in the lowest bits of the sum, and 2^k is made by
moving it into the exponent; ln 2 is taken off in two parts (Cody and Waite, Software Manual for the
Elementary Functions, 1980). The terms left out are below 2e-17 of r; those kept are summed in pairs
of pairs, which do not wait for one another (Estrin's scheme). There is no table, no branch
and no call of the C library, whose last bit differs between versions, so that a loop over neurons
becomes vector instructions. All is float64 whatever comes in; a model rounds the result to the type
of its state. Arguments are clipped to +-700, where 2^k is a normal number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import compile_step

PER_LN2 = 1.4426950408889634  # 1 / ln 2
LN2_HIGH = 6.93147180369123816490e-01  # 33 bits, so that k times it is exact
LN2_LOW = 1.90821492927058770002e-10
MAGIC = 6755399441055744.0  # 1.5 x 2^52: what is added to it is rounded to a whole number
ONE_BITS = 1023 << 52  # the bits of 1.0
LARGEST = 700.0


def power_and_rest(x: Any) -> Any:
    """Return 2^k and exp(r) - 1 of x = k ln 2 + r."""
    x = min(max(np.float64(x), -LARGEST), LARGEST)
    shifted = np.float64(x * PER_LN2 + MAGIC)
    k = shifted - MAGIC
    two = np.int64((shifted.view(np.int64) << 52) + ONE_BITS).view(np.float64)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    r2 = r * r
    low = (1 / 2 + r * (1 / 6)) + r2 * (1 / 24 + r * (1 / 120))
    mid = (1 / 720 + r * (1 / 5040)) + r2 * (1 / 40320 + r * (1 / 362880))
    high = (1 / 3628800 + r * (1 / 39916800)) + r2 * (1 / 479001600 + r * (1 / 6227020800))
    r4 = r2 * r2
    return two, r + r2 * (low + r4 * (mid + r4 * high))


_parts = compile_step(power_and_rest)


def plain_exp(x: Any) -> Any:
    """Return exp(x) in float64."""
    two, rest = _parts(x)
    return two + two * rest


def plain_expm1(x: Any) -> Any:
    """Return exp(x) - 1 in float64, to the last bits near zero, too."""
    two, rest = _parts(x)
    return two * rest + (two - 1.0)


exp = compile_step(plain_exp)
expm1 = compile_step(plain_expm1)
