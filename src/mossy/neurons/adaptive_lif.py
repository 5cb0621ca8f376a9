"""Leaky integrate and fire with a threshold that rises and a refractory state, in both forms.

        u <- (1 - decay_u) u + x              theta <- (1 - decay_theta) (theta - rest) + rest
        v <- (1 - decay_v) v + u + bias       r <- (1 - decay_r) r
        v - r >= theta: sends a spike; then r <- r + 2 theta, and theta <- theta + jump

The potential is not reset: r, of twice the threshold, holds it down. The state `over` is theta -
rest, so that all states are zero at rest.

float   each operation rounds to float32 in the order written; parameters hold the factors 1 - decay
int     k fraction bits of decay, taken off 2^k: z <- sgn(z) (|z| (2^k - decay) >> k). u is wrapped
        beyond +-2^current_bits, +2^current_bits itself stays; v is clipped to [v_min, v_max]; r
        and theta have 32 bits. fmt = (k, current_bits)

Source: Bellec et al., "Long short-term memory and learning-to-learn in networks of spiking
neurons", 2018, for the rising threshold; the order of the update and the integer form are those
of a published model (lava-nc 0.10, ATRLIF), observed in runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float32; return whether it fired."""
    s.u = np.float32(p.keep_u * s.u) + np.float32(x0)
    s.v = np.float32(np.float32(p.keep_v * s.v) + s.u) + p.bias
    over = np.float32(p.keep_theta * s.over)
    theta = np.float32(over + p.rest)
    r = np.float32(p.keep_r * s.r)
    fired = np.float32(s.v - r) >= theta
    if fired:
        r = np.float32(r + np.float32(np.float32(2) * theta))
        over = np.float32(over + p.jump)
    s.r = r
    s.over = over
    return bool(fired)


def step_int(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in integers; return whether it fired."""
    k, one, whole = fmt[0], 1 << fmt[0], 1 << fmt[1]
    half, mask = 1 << 31, (1 << 32) - 1

    u = int(s.u)
    kept = (abs(u) * (one - int(p.decay_u))) >> k
    u = (kept if u >= 0 else -kept) + int(x0)
    u = whole - ((whole - u) & (2 * whole - 1))  # -2^c < u <= 2^c
    v = int(s.v)
    kept = (abs(v) * (one - int(p.decay_v))) >> k
    v = (kept if v >= 0 else -kept) + u + int(p.bias)
    v = min(max(v, int(p.v_min)), int(p.v_max))

    over = int(s.over)
    kept = (abs(over) * (one - int(p.decay_theta))) >> k
    over = kept if over >= 0 else -kept
    theta = over + int(p.rest)
    r = int(s.r)
    kept = (abs(r) * (one - int(p.decay_r))) >> k
    r = kept if r >= 0 else -kept

    fired = v - r >= theta
    if fired:
        r = ((r + 2 * theta + half) & mask) - half
        over = ((over + int(p.jump) + half) & mask) - half
    s.u = u
    s.v = v
    s.over = over
    s.r = r
    return bool(fired)


FLOAT = build(
    "adaptive_lif",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("u", "f4"), ("over", "f4"), ("r", "f4")],
    params=[
        ("keep_u", "f4"),
        ("keep_v", "f4"),
        ("keep_theta", "f4"),
        ("keep_r", "f4"),
        ("bias", "f4"),
        ("rest", "f4"),
        ("jump", "f4"),
    ],
)

INT = build(
    "adaptive_lif.int",
    step_int,
    inputs=1,
    drive="int32",
    state=[("v", "i4"), ("u", "i4"), ("over", "i4"), ("r", "i4")],
    params=[
        ("decay_u", "i4"),
        ("decay_v", "i4"),
        ("decay_theta", "i4"),
        ("decay_r", "i4"),
        ("bias", "i4"),
        ("rest", "i4"),
        ("jump", "i4"),
        ("v_min", "i4"),
        ("v_max", "i4"),
    ],
)
