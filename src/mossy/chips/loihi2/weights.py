"""Weights as the words hold them: 8 bits with sign, times a power of two for a whole population.

A weight field f in -127..127 with shift s counts f 2^s. On the chip it is the even mantissa 2 f
with the exponent s - 1; the exponent is applied to the sum, so even for s = 0 nothing is rounded,
and all published emulators of the family agree on it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mossy.chips.facts import Facts
from mossy.chips.float_state import integer_synapses, weights
from mossy.chips.quantised import Scaling, Synapses
from mossy.network.populations import Array, Projection

CLOSE = 1e-6  # how near to a whole number counts as one, relative


def top_field(facts: Facts, scaling: Scaling) -> int:
    """Return the largest weight field: 127, or less where fewer bits are asked for."""
    bits = int(facts["weight_bits"])
    if scaling.bits is not None:
        bits = min(bits, scaling.bits)
    return (1 << (bits - 1)) - 1


def is_whole(values: Array) -> bool:
    """Return whether all values are whole numbers but for rounding of the arithmetic."""
    near = np.rint(values)
    return bool((np.abs(values - near) <= CLOSE * np.maximum(1, np.abs(values))).all())


def exact_shift(
    incoming: tuple[Projection, ...], scale: float, top: int, facts: Facts
) -> int | None:
    """Return the least shift at which all weights times `scale` are fields, or None if none is."""
    flat = [weights(p).ravel() * scale for p in incoming]
    values = np.concatenate(flat) if flat else np.zeros(0)
    if not is_whole(values):
        return None
    whole = np.abs(np.rint(values)).astype(np.int64)
    for shift in range(int(facts["weight_exponent_max"]) + 2):
        if int(whole.max(initial=0)) <= top << shift:
            return None if (whole & ((1 << shift) - 1)).any() else shift
    return None


def fields(
    incoming: tuple[Projection, ...], scale: float, shift: int, top: int
) -> tuple[Synapses, ...]:
    """Return all projections with fields round(weight * scale), each counting field << shift."""
    return tuple(
        dataclasses.replace(integer_synapses(p, scale, top), shift=shift) for p in incoming
    )
