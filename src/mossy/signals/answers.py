"""From an output to an answer: which rule reads it, and the labels it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.errors import BadInput
from mossy.signals import decode as rules

Decode = str | Callable[[NDArray[Any]], NDArray[Any]]

CHOICES = ("spike_count", "first_spike", "max_potential")


def decoder(
    decode: Decode | None, carried: str
) -> tuple[Callable[[NDArray[Any]], NDArray[Any]], str]:
    """Return the rule that reads a class from an output, and its name. Raises BadInput E0611.

    carried: what the output carries, "spikes" or "potential"; it decides where decode is None.
    """
    if callable(decode):
        return decode, getattr(decode, "__name__", type(decode).__name__)
    name = decode or ("spike_count" if carried == "spikes" else "max_potential")
    if name not in CHOICES:
        raise BadInput(
            "E0611", "unknown way to read an output", got=repr(name), allowed=", ".join(CHOICES)
        )
    rule: Callable[[NDArray[Any]], NDArray[Any]] = getattr(rules, name)
    return rule, name


def decoded(rule: Callable[[NDArray[Any]], NDArray[Any]], output: NDArray[Any]) -> NDArray[Any]:
    """Return the answers (batch,) that `rule` reads from an output (batch, time, *shape)."""
    return rule(output.reshape(*output.shape[:2], -1))


def check_labels(y: ArrayLike, batch: int, count: int) -> NDArray[np.int64]:
    """Return `y` as class indices (batch,) below `count`. Raises BadInput E0603."""
    labels = np.asarray(y)
    if labels.shape != (batch,):
        raise BadInput(
            "E0603",
            "labels do not match the inputs",
            got=f"shape {labels.shape}",
            allowed=f"({batch},): one class index per input",
        )
    if labels.dtype.kind not in "biuf" or (labels != np.rint(labels)).any():
        raise BadInput(
            "E0603", "labels must be whole numbers", got=labels.dtype, allowed=f"0 to {count - 1}"
        )
    if labels.min() < 0 or labels.max() >= count:
        raise BadInput(
            "E0603",
            "a label is no class of the network's output",
            got=f"{labels.min():g} to {labels.max():g}",
            allowed=f"0 to {count - 1}",
        )
    return labels.astype(np.int64)
