"""Resonate and fire: a damped oscillator in the complex plane, in float32 and in integers.

        re <- cos re - sin im + x0,     im <- sin re + cos im + x1       (both from the old re, im)
        cos, sin = decay cos w, decay sin w:   w = 2 pi / period in steps, decay = 1 - alpha

    snap = 0    sends a spike where im passes zero upwards while re >= threshold; no reset
    snap = 1    (Izhikevich) sends a spike where im >= threshold; then re <- 0 and im just below the
                threshold: threshold - 1e-5 (float), threshold - 1 (int)

float   each operation rounds to float32 in the order written
int     cos, sin are mantissas of `decay_bits` fraction bits; each product is shifted right by them
        with its magnitude, so towards zero; inputs are shifted left by `in_shift`; re and im are
        clipped to +-(2^state_bits - 1). fmt = (decay_bits, in_shift, state_bits)

State `v` is re. Receptor 0 drives re, receptor 1 im.

Sources: Izhikevich, "Resonate-and-fire neurons", Neural Networks 14, 2001; the integer form is that
of a published fixed-point model (lava-nc 0.10, RF and RF_IZ), observed in runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float32; return whether it fired."""
    re = np.float32(np.float32(p.cos * s.v) - np.float32(p.sin * s.im)) + np.float32(x0)
    im = np.float32(np.float32(p.sin * s.v) + np.float32(p.cos * s.im)) + np.float32(x1)
    if p.snap:
        fired = im >= p.threshold
        if fired:
            re, im = np.float32(0), np.float32(p.threshold - np.float32(1e-5))
    else:
        fired = re >= p.threshold and im >= 0 and s.im < 0
    s.v = re
    s.im = im
    return bool(fired)


def step_int(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in integers; return whether it fired."""
    bits, shift, top = fmt[0], fmt[1], (1 << fmt[2]) - 1
    cos, sin, old_re, old_im = int(p.cos), int(p.sin), int(s.v), int(s.im)
    # the magnitude is shifted, the sign put back
    cos_re = abs(cos * old_re) >> bits
    sin_im = abs(sin * old_im) >> bits
    sin_re = abs(sin * old_re) >> bits
    cos_im = abs(cos * old_im) >> bits
    re = (cos_re if cos * old_re >= 0 else -cos_re) - (sin_im if sin * old_im >= 0 else -sin_im)
    im = (sin_re if sin * old_re >= 0 else -sin_re) + (cos_im if cos * old_im >= 0 else -cos_im)
    re = min(max(re + (int(x0) << shift), -top), top)
    im = min(max(im + (int(x1) << shift), -top), top)
    if p.snap:
        fired = im >= int(p.threshold)
        if fired:
            re, im = 0, int(p.threshold) - 1
    else:
        fired = re >= int(p.threshold) and im >= 0 and old_im < 0
    s.v = re
    s.im = im
    return bool(fired)


FLOAT = build(
    "resonate_fire",
    step,
    inputs=2,
    drive="float32",
    state=[("v", "f4"), ("im", "f4")],
    params=[("cos", "f4"), ("sin", "f4"), ("threshold", "f4"), ("snap", "u1")],
    receptors="type",
)

INT = build(
    "resonate_fire.int",
    step_int,
    inputs=2,
    drive="int32",
    state=[("v", "i4"), ("im", "i4")],
    params=[("cos", "i4"), ("sin", "i4"), ("threshold", "i4"), ("snap", "u1")],
    receptors="type",
)
