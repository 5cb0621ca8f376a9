"""Current-based leaky integrate and fire, in float32 and in integers.

float   i_exc <- d_exc i_exc + x_exc + offset_syn;  i_inh <- d_inh i_inh + x_inh
        v <- alpha v + (i_exc - i_inh) + offset          (skipped while refractory)
        v > threshold: spike, then v <- v_reset or v <- v - threshold

int     u <- sgn(u) (|u| (2^k - decay_u) >> k) + wrap(x)          wrapped to `current_bits`
        v <- sgn(v) (|v| (2^k - decay_v) >> k) + wrap(u + bias)   clipped to [v_min, v_max]
        v > threshold: spike, then v <- 0 for `refract` steps (1: no silent step)
        fmt = (k, input_bits, current_bits[, adder_bits]), widths without the sign. u + bias wraps
        to adder_bits, which are current_bits where not given. With a wider adder the current is
        turned round only beyond the register's range: +2^current_bits stays, -2^current_bits does
        not

Both forms update the current first and then the membrane with the new current, as NIR's platforms
do. The integer form follows Davies et al., IEEE Micro 38(1), 2018, as three public emulators of
that chip agree on it; the wider adder is that of its successor's published model (lava-nc 0.10).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float32; return whether it fired."""
    s.i_exc = np.float32(np.float32(p.exc_decay * s.i_exc) + np.float32(x0)) + p.offset_syn
    s.i_inh = np.float32(p.inh_decay * s.i_inh) + np.float32(x1)
    if s.refract > 0:
        s.refract -= 1
        return False
    v = np.float32(p.alpha * s.v) + np.float32(s.i_exc - s.i_inh)
    v = np.float32(v + p.offset)
    if v > p.threshold:
        s.v = np.float32(v - p.threshold) if p.subtract else p.v_reset
        s.refract = p.refract
        return True
    s.v = v
    return False


def step_int(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in integers; return whether it fired."""
    k, input_bits, current_bits, adder_bits = fmt[0], fmt[1], fmt[2], fmt[-1]
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
    wait = int(s.refract)
    if wait > 0:
        v = 0
    fired = v > int(p.threshold)
    if fired:
        v = 0
        wait = int(p.refract)
    s.v = v
    s.refract = wait - 1 if wait > 0 else wait
    return fired


FLOAT = build(
    "cuba_lif",
    step,
    inputs=2,
    drive="float32",
    state=[("v", "f4"), ("i_exc", "f4"), ("i_inh", "f4"), ("refract", "i4")],
    params=[
        ("exc_decay", "f4"),
        ("inh_decay", "f4"),
        ("offset_syn", "f4"),
        ("alpha", "f4"),
        ("offset", "f4"),
        ("threshold", "f4"),
        ("v_reset", "f4"),
        ("refract", "i4"),
        ("subtract", "u1"),
    ],
)

INT = build(
    "cuba_lif.int",
    step_int,
    inputs=1,
    drive="int32",
    state=[("v", "i4"), ("u", "i4"), ("refract", "i4")],
    params=[
        ("decay_u", "i4"),
        ("decay_v", "i4"),
        ("bias", "i4"),
        ("threshold", "i4"),
        ("v_min", "i4"),
        ("v_max", "i4"),
        ("refract", "i4"),
    ],
)
