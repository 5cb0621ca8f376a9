"""Izhikevich's two-variable neuron in float32; the unit of time is a millisecond, one step.

    twice:  v <- v + 0.5 (0.04 v^2 + 5 v + 140 - u + I)         I = x + offset
            u <- u + a (b v - u)
    v >= 30: spike, then v <- v_reset and u <- u + d

Equations and half steps: E. M. Izhikevich, "Simple model of spiking neurons", IEEE Transactions on
Neural Networks 14(6), 2003, whose program looks for spikes at the beginning of the next step. Each
operation rounds to float32 in the order written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


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


FLOAT = build(
    "izhikevich",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("u", "f4")],
    params=[("a", "f4"), ("b", "f4"), ("v_reset", "f4"), ("d", "f4"), ("offset", "f4")],
)
