"""Leaky integrate and fire with instantaneous synapses, in float32.

    v <- alpha v + x + offset;   v > threshold: spike, then v <- v_reset  or  v <- v - threshold

IF is alpha = 1; a Threshold node is alpha = 0; a readout without spikes has threshold = inf.
Each operation rounds to float32 in the order written, with no fused multiply-add.
The order was confirmed on a voltage trace released with the NIR paper (01_lif).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step; return whether it fired."""
    v = np.float32(p.alpha * s.v) + np.float32(x0)
    v = np.float32(v + p.offset)
    if v > p.threshold:
        s.v = np.float32(v - p.threshold) if p.subtract else p.v_reset
        return True
    s.v = v
    return False


FLOAT = build(
    "lif",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4")],
    params=[
        ("alpha", "f4"),
        ("offset", "f4"),
        ("threshold", "f4"),
        ("v_reset", "f4"),
        ("subtract", "u1"),
    ],
)
