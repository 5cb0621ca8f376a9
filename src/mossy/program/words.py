"""Packing synapses into memory words and reading them back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import WordFormat


def pack(
    fmt: WordFormat, weight: NDArray[Any], delay: NDArray[Any], index: NDArray[Any]
) -> NDArray[Any]:
    """Return the packed words. weight: signed; delay: delay field; index: target on the core.

    Raises ValueError where a value does not fit its field: the passes check that before.
    """
    value, kind = _encode(fmt, weight)
    for name, bits, data in (
        ("weight", fmt.weight, value),
        ("delay", fmt.delay, delay),
        ("index", fmt.index, index),
    ):
        if data.size and (int(data.min()) < 0 or int(data.max()) >> bits):
            raise ValueError(f"{name} {int(data.min())}..{int(data.max())} exceeds {bits} bits")
    low = index.astype(np.uint64)
    low |= kind.astype(np.uint64) << np.uint64(fmt.index)
    low |= delay.astype(np.uint64) << np.uint64(fmt.index + fmt.type)
    low |= value.astype(np.uint64) << np.uint64(fmt.index + fmt.type + fmt.delay)
    return low.astype(fmt.dtype)


def _encode(fmt: WordFormat, weight: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    kind = np.zeros(weight.shape, np.uint64)
    if fmt.coding == "float32":
        return weight.astype(np.float32).view(np.uint32).astype(np.int64), kind
    if fmt.coding == "signed":
        limit = 1 << (fmt.weight - 1)
        if weight.size and (weight.min() < -limit or weight.max() >= limit):
            raise ValueError(f"weight {weight.min()}..{weight.max()} exceeds {fmt.weight} bits")
        return weight.astype(np.int64) & ((1 << fmt.weight) - 1), kind
    return np.abs(weight.astype(np.int64)), (weight < 0).astype(np.uint64)


def unpack(fmt: WordFormat, words: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return (signed weight, delay field, index) of packed words."""
    w = words.astype(np.uint64)

    def cut(shift: int, bits: int) -> NDArray[np.uint64]:
        return (w >> np.uint64(shift)) & np.uint64((1 << bits) - 1)

    index = cut(0, fmt.index).astype(np.int64)
    kind = cut(fmt.index, fmt.type)
    delay = cut(fmt.index + fmt.type, fmt.delay).astype(np.int64)
    raw = cut(fmt.index + fmt.type + fmt.delay, fmt.weight)
    if fmt.coding == "float32":
        return raw.astype(np.uint32).view(np.float32), delay, index
    value = raw.astype(np.int64)
    if fmt.coding == "signed":
        value -= (value >> (fmt.weight - 1)) << fmt.weight
    else:
        value = np.where(kind == 1, -value, value)
    return value, delay, index
