"""Izhikevich's two-variable neuron: in float32 with the published half steps, and by Euler's rule.

half steps (FLOAT): the unit of time is a millisecond, one step

    twice:  v <- v + 0.5 (0.04 v^2 + 5 v + 140 - u + I)         I = x + offset
            u <- u + a (b v - u)
    v >= 30: spike, then v <- v_reset and u <- u + d

Equations and half steps: E. M. Izhikevich, "Simple model of spiking neurons", IEEE Transactions on
Neural Networks 14(6), 2003, whose program looks for spikes at the beginning of the next step. Each
operation rounds to float32 in the order written.

Euler (EULER, EULER_DOUBLE): any step h, V in volts and u in volts per second, where PyNN and others
have mV and mV/ms, and weights that are jumps of V

    v <- v + h (40000 v^2 + 5000 v + 140 - u + I) + unit (x_exc - x_inh)
    u <- u + h a (b v - u)                                       from the v and u of before
    v >= 0.03: spike, v <- v_reset, u <- u + d

This is the order of NEST's izhikevich (3.10), the cell behind PyNN's Izhikevich, whose rule is the
same, so that both agree to rounding. Euler's rule is of first order: h is part of the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.model import Model, build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step; return whether it fired."""
    v, u = np.float32(s.v), np.float32(s.u)
    drive = np.float32(np.float32(x0) + p.offset)
    for _ in range(2):
        slope = np.float32(np.float32(np.float32(0.04) * v) * v)
        slope = np.float32(slope + np.float32(np.float32(5) * v))
        slope = np.float32(np.float32(slope + np.float32(140)) - u)
        slope = np.float32(slope + drive)
        v = np.float32(v + np.float32(np.float32(0.5) * slope))
    toward = np.float32(np.float32(p.b * v) - u)
    u = np.float32(u + np.float32(p.a * toward))
    fired = bool(v >= np.float32(30))
    if fired:
        v = np.float32(p.v_reset)
        u = np.float32(u + p.d)
    s.v = v
    s.u = u
    return fired


def step_euler(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step of Euler's rule; return whether it fired."""
    slope = (p.square * s.v + p.linear) * s.v + (p.offset - p.h * s.u)
    v = s.v + slope + (x0 - x1) * p.unit
    u = s.u + p.a * (p.b * s.v - s.u)
    fired = v >= p.threshold
    s.v = p.v_reset if fired else v
    s.u = u + p.d if fired else u
    return bool(fired)


def coefficients(
    dt: float,
    *,
    a: ArrayLike,
    b: ArrayLike,
    v_reset: ArrayLike,
    d: ArrayLike,
    i_offset: ArrayLike,
) -> dict[str, NDArray[np.float64]]:
    """Return the parameters of Euler's rule but `unit`.

    a, b in 1/s, v_reset in volts, d in volts per second; i_offset in amperes, of which 1 pA drives
    V by 1 V/s, as a cell without a capacitance has it in PyNN and NEST.
    """
    return {
        "h": np.asarray(dt),
        "square": np.asarray(4e4 * dt),
        "linear": np.asarray(5e3 * dt),
        "offset": dt * (140.0 + 1e12 * np.asarray(i_offset, float)),
        "a": dt * np.asarray(a, float),
        "b": np.asarray(b, float),
        "v_reset": np.asarray(v_reset, float),
        "d": np.asarray(d, float),
        "threshold": np.asarray(0.03),
    }


def _euler(name: str, real: str, drive: str) -> Model:
    fields = ("h", "square", "linear", "offset", "a", "b", "v_reset", "d", "threshold", "unit")
    return build(
        name,
        step_euler,
        inputs=2,
        drive=drive,
        takes=real,
        state=[("v", real), ("u", real)],
        params=[(f, real) for f in fields],
    )


EULER = _euler("izhikevich.euler", "f4", "int32")
EULER_DOUBLE = _euler("izhikevich.euler_double", "f8", "int64")

FLOAT = build(
    "izhikevich",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("u", "f4")],
    params=[("a", "f4"), ("b", "f4"), ("v_reset", "f4"), ("d", "f4"), ("offset", "f4")],
)
