"""What the tests of float cells share: a run in Python, a run compiled, and an exact solution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from mossy.neurons.model import Model

UNIT = 2.0**-30  # siemens for one unit of an arriving weight


def params(model: Model, found: Mapping[str, Any], n: int = 1, unit: float = UNIT) -> NDArray[Any]:
    """Return (n,) records of the coefficients found."""
    p = np.zeros(n, model.params)
    assert set(found) | {"unit"} == set(model.params.names or ())
    for name, value in (dict(found) | {"unit": unit}).items():
        p[name] = value
    return p


def compiled(
    model: Model,
    p: NDArray[Any],
    x: NDArray[np.int64],
    fmt: tuple[int, ...] = (),
    start: Mapping[str, Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return states (steps, n) and what was sent (steps, n). x: (steps, n, 2) arriving units."""
    steps, n = x.shape[:2]
    s = np.zeros((1, n), model.state)
    for name, given in (start or {}).items():
        s[name] = given
    ring = x.reshape(1, steps, 2 * n).astype(model.drive)
    fired, count = np.zeros((1, n), np.int32), np.zeros(1, np.int64)
    value = np.zeros((1, n), model.drive)
    states, sent = np.zeros((steps, n), model.state), np.zeros((steps, n), np.int64)
    for t in range(steps):
        model.update(s, p, ring, t, 0, fmt, fired, value, count)
        states[t] = s[0]
        sent[t, fired[0, : count[0]]] = value[0, : count[0]]
    return states, sent


def plain(
    model: Model,
    p: NDArray[Any],
    x: NDArray[np.int64],
    fmt: tuple[int, ...] = (),
    start: Mapping[str, Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The same through the step in Python."""
    steps, n = x.shape[:2]
    s, take = np.zeros(n, model.state), model.takes.type
    for name, value in (start or {}).items():
        s[name] = value
    states, sent = np.zeros((steps, n), model.state), np.zeros((steps, n), np.int64)
    live, fixed = s.view(np.recarray), p.view(np.recarray)
    for t in range(steps):
        for k in range(n):
            sent[t, k] = model.step(live[k], take(x[t, k, 0]), take(x[t, k, 1]), fixed[k], fmt)
        states[t] = s
    return states, sent


def arrivals(seed: int, steps: int, n: int, chance: float, most: int) -> NDArray[np.int64]:
    """Return (steps, n, 2) random units that arrive, none in the first step."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, most, (steps, n, 2)) * (rng.random((steps, n, 2)) < (chance, chance / 2))
    x[0] = 0
    return x.astype(np.int64)


def solution(
    slope: Callable[[float, NDArray[Any]], Sequence[Any]],
    y: Sequence[float],
    dt: float,
    x: NDArray[np.int64],
    into: tuple[int, int],
    jump: float,
) -> NDArray[np.float64]:
    """Return (steps, states) of dy/dt = slope(t, y) to 1e-11, `jump` x[k] added after step k."""
    out, now, k = np.zeros((len(x), len(y))), np.array(y, float), 0
    while k < len(x):
        last = k
        while last < len(x) - 1 and not x[last].any():
            last += 1
        ends = dt * np.arange(1, last + 2 - k)
        found = solve_ivp(
            slope,
            (0, ends[-1]),
            now,
            "DOP853",
            t_eval=ends,
            rtol=1e-11,
            atol=1e-17,
            first_step=min(1e-7, ends[-1]),  # its own guess overflows after a jump
        )
        assert found.success
        out[k : last + 1] = found.y.T
        for where, much in zip(into, x[last], strict=True):
            out[last, where] += jump * much
        now, k = out[last], last + 1
    return out


def decay_of_error(error: Callable[[float], float], steps: Sequence[float]) -> float:
    """Return the order at which the error vanishes with the step."""
    errors = [error(dt) for dt in steps]
    fit = np.polyfit(np.log(steps), np.log(errors), 1)
    return float(fit[0])
