"""Current-based leaky integrate and fire whose spike carries the potential, in both forms.

        u <- (1 - decay_u) u + x;   v <- (1 - decay_v) v + u + bias
        v > threshold: sends v, then v <- 0

float   each operation rounds to float32 in the order written; parameters hold the factors 1 - decay
int     u, v and the spike are those of `cuba_lif.int` without silent steps, bit by bit. Sent is
        max(v >> payload_shift, 1): cut to the unit of the numbers, and never nothing.
        fmt = (k, input_bits, current_bits, adder_bits, payload_shift), the first four as there

Source: lava-dl's graded spikes (slayer, Spike and neuron.cuba: the spike times the potential before
the reset, unscaled) on the neuron of Davies et al., IEEE Micro 38(1), 2018; that a spike of the
second generation of that chip carries up to 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> float:
    """Advance one neuron by one step in float32; return the potential it sends, 0 for none."""
    s.u = np.float32(p.keep_u * s.u) + np.float32(x0)
    v = np.float32(np.float32(p.keep_v * s.v) + s.u) + p.bias
    if v > p.threshold:
        s.v = np.float32(0)
        return float(v)
    s.v = v
    return 0.0


def step_int(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Advance one neuron by one step in integers; return the number it sends, 0 for none."""
    k, input_bits, current_bits, adder_bits = fmt[0], fmt[1], fmt[2], fmt[3]
    half = 1 << input_bits
    q = ((int(x0) + half) & (2 * half - 1)) - half
    whole, full = 1 << current_bits, 1 << adder_bits
    top = whole if adder_bits > current_bits else whole - 1

    u = int(s.u)
    kept = (abs(u) * ((1 << k) - int(p.decay_u))) >> k
    u = (kept if u >= 0 else -kept) + q
    u = top - ((top - u) & (2 * whole - 1))
    s.u = u

    v = int(s.v)
    kept = (abs(v) * ((1 << k) - int(p.decay_v))) >> k
    drive = ((u + int(p.bias) + full) & (2 * full - 1)) - full
    v = (kept if v >= 0 else -kept) + drive
    v = min(max(v, int(p.v_min)), int(p.v_max))
    if v > int(p.threshold):
        s.v = 0
        return int(max(v >> fmt[4], 1))
    s.v = v
    return 0


FLOAT = build(
    "graded_lif",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("u", "f4")],
    params=[("keep_u", "f4"), ("keep_v", "f4"), ("bias", "f4"), ("threshold", "f4")],
    sends="values",
)

INT = build(
    "graded_lif.int",
    step_int,
    inputs=1,
    drive="int32",
    state=[("v", "i4"), ("u", "i4")],
    params=[
        ("decay_u", "i4"),
        ("decay_v", "i4"),
        ("bias", "i4"),
        ("threshold", "i4"),
        ("v_min", "i4"),
        ("v_max", "i4"),
    ],
    sends="values",
)
