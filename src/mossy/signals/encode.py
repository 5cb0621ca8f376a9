"""Turn values in [0, 1] into signals over time: (batch, *shape) -> (batch, time, *shape).

direct    the value itself as a current, at every step
rate      a spike with probability x at each step, independently (Bernoulli)
regular   round(steps x) spikes, evenly spaced: in step t = 1..steps
          if floor(t x + 1/2) > floor((t - 1) x + 1/2); nothing is drawn at random
latency   one spike at step floor((1 - x) (steps - 1) + 1/2); no spike where x = 0

and a signal over time, of any range, into its changes, (batch, time, *shape) -> the same shape:

delta     d = x - x_before + residue, x_before = 0 at first; sends d and keeps no residue where
          |d| >= threshold, else sends 0 and keeps d
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from mossy.errors import BadInput


def direct(x: ArrayLike, steps: int) -> NDArray[np.float64]:
    """Return x (batch, *shape) repeated over `steps`: float64 (batch, time, *shape).

    Raises BadInput E0130 (values outside [0, 1]) and E0131 (steps).
    """
    values = _checked(x, steps)
    return np.repeat(values[:, None], steps, axis=1)


def rate(x: ArrayLike, steps: int, rng: Generator) -> NDArray[np.bool_]:
    """Return spikes (batch, time, *shape) drawn with probability x: rng.random(...) < x.

    Raises BadInput E0130 and E0131.
    """
    values = _checked(x, steps)
    draws = rng.random((values.shape[0], steps, *values.shape[1:]))
    return np.asarray(draws < values[:, None])


def regular(x: ArrayLike, steps: int) -> NDArray[np.bool_]:
    """Return round(steps x) evenly spaced spikes per element: (batch, time, *shape).

    An input's spikes never depend on its place in a batch. Raises BadInput E0130 and E0131.
    """
    values = _checked(x, steps)
    t = np.arange(steps + 1).reshape((1, steps + 1, *([1] * (values.ndim - 1))))
    return np.asarray(np.diff(np.floor(t * values[:, None] + 0.5), axis=1) > 0)


def latency(x: ArrayLike, steps: int) -> NDArray[np.bool_]:
    """Return one spike per element, earlier if x is larger: (batch, time, *shape).

    x = 1 spikes at step 0, the smallest x at the last step, x = 0 never. Raises BadInput E0130
    and E0131.
    """
    values = _checked(x, steps)
    when = np.floor((1 - values) * (steps - 1) + 0.5).astype(np.int64)
    time = np.arange(steps).reshape((1, steps, *([1] * (values.ndim - 1))))
    return np.asarray((time == when[:, None]) & (values[:, None] > 0))


def delta(x: ArrayLike, threshold: float) -> NDArray[np.float64]:
    """Return the changes of x (batch, time, *shape), float64 of the same shape.

    threshold: smallest change that is sent, in the unit of x; what is below waits as a residue, so
    the sum of what was sent never misses x by `threshold` or more. Raises BadInput E0131
    (threshold) and E0130 (x).
    """
    number = isinstance(threshold, int | float | np.integer | np.floating)
    if not number or not 0 <= threshold < np.inf:
        raise BadInput(
            "E0131",
            "the threshold of changes must be a number, 0 or more",
            where="encode",
            got=repr(threshold),
            hint="0 sends every change",
        )
    values = np.asarray(x)
    if values.dtype.kind not in "biuf" or values.ndim < 2 or not np.isfinite(values).all():
        raise BadInput(
            "E0130",
            "x must be an array of finite numbers (batch, time, *shape)",
            where="encode",
            got=f"shape {values.shape}, dtype {values.dtype}",
            hint="x[None] for a batch of one, direct(x, steps) for a signal that stands still",
        )
    values = values.astype(np.float64)
    sent = np.zeros_like(values)
    before = residue = np.zeros((len(values), *values.shape[2:]))
    for t in range(values.shape[1]):
        change = (values[:, t] - before) + residue
        goes = np.abs(change) >= threshold
        sent[:, t] = np.where(goes, change, 0)
        before, residue = values[:, t], np.where(goes, 0, change)
    return sent


def _checked(x: ArrayLike, steps: int) -> NDArray[np.float64]:
    if not _whole(steps) or steps < 1:
        raise BadInput(
            "E0131", "steps must be a whole number above 0", where="encode", got=repr(steps)
        )
    values = np.asarray(x)
    if values.dtype.kind not in "biuf" or values.ndim < 1:
        raise BadInput(
            "E0130",
            "x must be an array of numbers (batch, *shape)",
            where="encode",
            got=f"shape {values.shape}, dtype {values.dtype}",
            hint="x[None] for a batch of one",
        )
    values = values.astype(np.float64)
    # Written so that NaN, which compares false, is refused too.
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise BadInput(
            "E0130",
            "values to encode must lie in [0, 1]",
            where="encode",
            got=f"{values.min():.4g} to {values.max():.4g}",
            allowed="0 to 1",
            hint="x / x.max() for values that start at 0",
        )
    return values


def _whole(steps: object) -> bool:
    return isinstance(steps, int | np.integer) and not isinstance(steps, bool)
