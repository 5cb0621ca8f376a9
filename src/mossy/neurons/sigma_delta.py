"""Sigma-delta neurons with a rectifier: they send by how much their activation changed.

        s <- s + x                          what arrives are changes, the sum is the signal
        a = max(s + offset, 0)
        d = a - a_before + residue
        |d| >= threshold: sends d, residue <- 0;      else sends nothing, residue <- d

float   each operation rounds to float32 in the order written
int     s, offset, threshold, a, residue have spike_exp + state_exp fraction bits, the value sent
        has spike_exp: it is d >> state_exp (rounded down, what is cut off is lost). Every sum
        wraps to 32 bits, as the published fixed-point model does. fmt = (spike_exp, state_exp)

State `v` is s. A readout of s itself has threshold inf (float) or 2^31 - 1 (int) and sends nothing.

Source: the published process model of the sigma-delta neuron (lava-nc 0.10, SigmaDelta), whose
fixed-point form, residue included, was observed in runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> float:
    """Advance one neuron by one step in float32; return the change it sends, 0 for none."""
    s.v = np.float32(s.v + np.float32(x0))
    a = max(np.float32(s.v + p.offset), np.float32(0))
    d = np.float32(np.float32(a - s.act) + s.residue)
    s.act = a
    if abs(d) >= p.threshold:
        s.residue = np.float32(0)
        return float(d)
    s.residue = d
    return 0.0


def step_int(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Advance one neuron by one step in integers; return the change it sends, 0 for none."""
    half, mask = 1 << 31, (1 << 32) - 1
    v = ((int(s.v) + int(x0) + half) & mask) - half
    a = max(((v + int(p.offset) + half) & mask) - half, 0)
    d = ((a - int(s.act) + int(s.residue) + half) & mask) - half
    s.v = v
    s.act = a
    if ((abs(d) + half) & mask) - half >= int(p.threshold):  # |-2^31| wraps to itself
        s.residue = 0
        return d >> int(fmt[1])
    s.residue = d
    return 0


FLOAT = build(
    "sigma_delta",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("act", "f4"), ("residue", "f4")],
    params=[("threshold", "f4"), ("offset", "f4")],
    sends="values",
)

INT = build(
    "sigma_delta.int",
    step_int,
    inputs=1,
    drive="int32",
    state=[("v", "i4"), ("act", "i4"), ("residue", "i4")],
    params=[("threshold", "i4"), ("offset", "i4")],
    sends="values",
)
