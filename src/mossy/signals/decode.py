"""Read a class from a network's output (batch, time, classes): class index (batch,).

A tie goes to the lowest class index in every rule, so a result does not depend on the machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.errors import BadInput


def spike_count(out: ArrayLike) -> NDArray[np.int64]:
    """Return the class with most spikes; the lowest index if several have as many."""
    return np.asarray(np.argmax(_checked(out).sum(axis=1), axis=-1))


def first_spike(out: ArrayLike) -> NDArray[np.int64]:
    """Return the class that spikes first.

    Among classes that spike first in the same step the one with most spikes in that step wins,
    then the lowest index; a sample without any spike gives class 0.
    """
    values = _checked(out)
    spikes = values > 0
    steps = values.shape[1]
    when = np.where(spikes.any(axis=1), spikes.argmax(axis=1), steps)
    first = when.min(axis=-1)
    at_first = values[np.arange(len(values)), np.minimum(first, steps - 1)]
    candidates = np.where(when == first[:, None], np.where(at_first > 0, at_first, 0), -1)
    return np.asarray(np.argmax(candidates, axis=-1))


def max_potential(out: ArrayLike) -> NDArray[np.int64]:
    """Return the class whose potential is highest at any step; lowest index on a tie."""
    return np.asarray(np.argmax(_checked(out).max(axis=1), axis=-1))


def accuracy(pred: ArrayLike, y: ArrayLike) -> float:
    """Return the share of `pred` (batch,) that equals `y` (batch,). Raises BadInput E0135."""
    guess, truth = np.asarray(pred), np.asarray(y)
    if guess.shape != truth.shape or guess.ndim != 1 or guess.size == 0:
        raise BadInput(
            "E0135",
            "predictions and labels must be two lists of one length",
            where="accuracy",
            got=f"{guess.shape} and {truth.shape}",
            hint="labels are class indices, not one-hot",
        )
    return float((guess == truth).mean())


def _checked(out: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(out)
    if values.dtype.kind not in "biuf" or values.ndim != 3 or 0 in values.shape:
        raise BadInput(
            "E0134",
            "an output to decode must be (batch, time, classes)",
            where="decode",
            got=f"shape {values.shape}, dtype {values.dtype}",
            hint="out.reshape(batch, time, -1)",
        )
    return values.astype(np.float64)
