"""Leaky integrate and fire that spikes with a probability, and may send its spikes late.

    late leak 0   v <- alpha v + x + offset
    late leak 1   v <- v + x + offset;  alpha v is what is kept at the end of a step without spike
    v > threshold and draw < chance: spike, then v <- v_reset or v <- v - threshold
    a spike leaves `wait` steps after it fired, 0 .. 31

draw is a number of KISS64 (neurons/kiss64.py), chance = p 2^32; a number is drawn only where it
decides, above the threshold with p < 1. With the late leak, this is the neuron of Fugu (Aimone et
al., "Composing neural algorithms with Fugu", ICONS 2019): integrate, compare, reset or leak.
A neuron above its threshold that does not spike keeps its potential.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.kiss64 import STATE, WHOLE, draw
from mossy.neurons.model import build

LONGEST_WAIT = 31  # steps


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step; return whether a spike leaves it."""
    v = s.v if p.late_leak else np.float32(p.alpha * s.v)
    v = np.float32(v + np.float32(x0))
    v = np.float32(v + p.offset)
    fired = bool(v > p.threshold)
    if fired and int(p.chance) < WHOLE:
        x, y, z, c, u = draw(int(s.rx), int(s.ry), int(s.rz), int(s.rc))
        s.rx, s.ry, s.rz, s.rc = x, y, z, c
        fired = bool(u < int(p.chance))
    if fired:
        v = np.float32(v - p.threshold) if p.subtract else p.v_reset
    elif p.late_leak:
        v = np.float32(p.alpha * v)
    s.v = v
    fires = 1 if fired else 0
    queue = ((int(s.queue) << 1) & 0xFFFFFFFF) | fires  # bit k: fired k steps ago
    s.queue = queue
    return bool((queue >> int(p.wait)) & 1)


FLOAT = build(
    "probabilistic_lif",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("queue", "i8"), *STATE],
    params=[
        ("alpha", "f4"),
        ("offset", "f4"),
        ("threshold", "f4"),
        ("v_reset", "f4"),
        ("chance", "i8"),
        ("wait", "i4"),
        ("subtract", "u1"),
        ("late_leak", "u1"),
    ],
)
