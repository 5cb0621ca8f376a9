"""Current-based leaky integrate and fire with exponential synapses: exact in float, and s16.15.

float   waiting: V stays
        else     V <- alpha V + exc_gain i_exc - inh_gain i_inh + offset
        i_exc <- exc_decay i_exc + unit x_exc;  i_inh <- inh_decay i_inh + unit x_inh
        V >= threshold: spike, V <- v_reset, wait for `refract` steps    (tested while waiting, too)

V is relative to rest; the sums x are whole numbers of `unit`, the same in whatever order spikes
arrive. The equations are linear between spikes and the coefficients are their solution over
one step (Rotter and Diesmann, Biol. Cybern. 81, 1999), so nothing depends on the step but the
spikes' grid. The order, membrane first, is that of NEST's iaf_psc_exp.

one     the same with one current for both, where they decay alike

fixed   value  <- value + ((sum << shift) x init >> 32)                      for either synapse
        waiting: count down, V stays
        else     alpha = ((I_offset + exc - inh) R >> 15) + V_rest
                 V     <- alpha - ((alpha - V) exp_tc >> 15)
        V >= V_thresh: spike, V <- V_reset, wait for `refract` steps     (tested while waiting, too)
        value  <- value x decay >> 32                                        after the update

Every product is 64 bits wide and shifted towards minus infinity; every sum, and a sum shifted left,
wraps to 32 bits and is signed then. Nothing saturates but the input sums, which are unsigned 16-bit
ring buffer entries, one for each sign. exp_tc = exp(-dt / tau_m), decay = exp(-dt / tau_syn) and
init are fractions, R a resistance. The order and the rounding are those of sPyNNaker's released
binary (sPyNNaker 1!7.4.1, IF_curr_exp), run in an emulator. fmt = (round,): 1 rounds the two
products of the membrane to nearest instead, as its source code on a branch does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.model import build
from mossy.neurons.point import firing, in_float

RING_TOP = (1 << 16) - 1  # an entry of the ring buffer saturates here


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float; return whether it fired."""
    waiting = s.refract > 0
    v = p.alpha * s.v + (p.exc_gain * s.i_exc - p.inh_gain * s.i_inh) + p.offset
    v = s.v if waiting else v
    s.i_exc = p.exc_decay * s.i_exc + x0 * p.unit
    s.i_inh = p.inh_decay * s.i_inh + x1 * p.unit
    fired = v >= p.threshold
    s.v = p.v_reset if fired else v
    left = s.refract - 1 if waiting else s.refract
    s.refract = p.refract if fired else left
    return bool(fired)


def step_one(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron with one current for both signs; return whether it fired."""
    waiting = s.refract > 0
    v = p.alpha * s.v + p.exc_gain * s.i + p.offset
    v = s.v if waiting else v
    s.i = p.exc_decay * s.i + x0 * p.unit
    fired = v >= p.threshold
    s.v = p.v_reset if fired else v
    left = s.refract - 1 if waiting else s.refract
    s.refract = p.refract if fired else left
    return bool(fired)


def coefficients(
    dt: float,
    *,
    tau_m: ArrayLike,
    c_m: ArrayLike,
    tau_exc: ArrayLike,
    tau_inh: ArrayLike,
    v_rest: ArrayLike,
    v_reset: ArrayLike,
    v_thresh: ArrayLike,
    tau_refrac: ArrayLike,
    i_offset: ArrayLike,
) -> dict[str, NDArray[np.float64]]:
    """Return the float form's parameters but `unit`. Seconds, farads, volts and amperes."""
    tau_m, c_m = np.asarray(tau_m, float), np.asarray(c_m, float)
    alpha = np.exp(-dt / tau_m)
    return {
        "alpha": alpha,
        "exc_gain": _gain(dt, tau_m, c_m, np.asarray(tau_exc, float)),
        "inh_gain": _gain(dt, tau_m, c_m, np.asarray(tau_inh, float)),
        "exc_decay": np.exp(-dt / np.asarray(tau_exc, float)),
        "inh_decay": np.exp(-dt / np.asarray(tau_inh, float)),
        "offset": -np.expm1(-dt / tau_m) * tau_m / c_m * np.asarray(i_offset, float),
        **firing(dt, v_rest=v_rest, v_reset=v_reset, v_thresh=v_thresh, tau_refrac=tau_refrac),
    }


def _gain(dt: float, tau_m: Any, c_m: Any, tau: Any) -> NDArray[np.float64]:
    """Volts after one step for one ampere of synaptic current at its start."""
    rate = 1 / tau - 1 / tau_m  # 0 where the time constants agree: then the limit
    near = np.abs(rate * dt) < 1e-9
    slow = np.where(near, 1.0, rate)
    gained = -np.exp(-dt / tau_m) * np.expm1(-dt * slow) / slow
    found: NDArray[np.float64] = np.where(near, dt * np.exp(-dt / tau_m), gained) / c_m
    return found


def step_fixed(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in fixed point; return whether it fired."""
    half = 1 << 31
    arrived = (((int(x0) << int(p.exc_shift)) + half) & 0xFFFFFFFF) - half
    exc = int(s.exc) + ((arrived * int(p.exc_init)) >> 32)
    arrived = (((int(x1) << int(p.inh_shift)) + half) & 0xFFFFFFFF) - half
    inh = int(s.inh) + ((arrived * int(p.inh_init)) >> 32)
    exc = ((exc + half) & 0xFFFFFFFF) - half
    inh = ((inh + half) & 0xFFFFFFFF) - half
    if s.refract > 0:
        s.refract -= 1
    else:
        nearest = int(fmt[0]) << 14
        current = ((int(p.i_offset) + exc - inh + half) & 0xFFFFFFFF) - half
        alpha = ((current * int(p.r) + nearest) >> 15) + int(p.v_rest)
        alpha = ((alpha + half) & 0xFFFFFFFF) - half
        gap = ((alpha - int(s.v) + half) & 0xFFFFFFFF) - half
        v = alpha - ((gap * int(p.exp_tc) + nearest) >> 15)
        s.v = ((v + half) & 0xFFFFFFFF) - half
    fired = s.v >= p.v_thresh
    if fired:
        s.v = p.v_reset
        s.refract = p.refract
    s.exc = (exc * int(p.exc_decay)) >> 32
    s.inh = (inh * int(p.inh_decay)) >> 32
    return bool(fired)


ONE = build(
    "if_curr_exp.one",
    step_one,
    inputs=1,
    drive="int32",
    takes="f4",
    state=[("v", "f4"), ("i", "f4"), ("refract", "i4")],
    params=[
        ("alpha", "f4"),
        ("exc_gain", "f4"),
        ("offset", "f4"),
        ("exc_decay", "f4"),
        ("unit", "f4"),
        ("threshold", "f4"),
        ("v_reset", "f4"),
        ("refract", "i4"),
    ],
)
FIELDS = ("alpha", "exc_gain", "inh_gain", "offset", "exc_decay", "inh_decay", "unit")
FLOAT, DOUBLE = in_float(
    "if_curr_exp", step, ("v", "i_exc", "i_inh"), (*FIELDS, "threshold", "v_reset")
)

FIXED = build(
    "if_curr_exp.fixed",
    step_fixed,
    inputs=2,
    drive="int32",
    state=[("v", "i4"), ("exc", "i4"), ("inh", "i4"), ("refract", "i4")],
    params=[
        ("v_rest", "i4"),
        ("v_reset", "i4"),
        ("v_thresh", "i4"),
        ("r", "i4"),
        ("exp_tc", "i4"),
        ("i_offset", "i4"),
        ("refract", "i4"),
        ("exc_decay", "u4"),
        ("inh_decay", "u4"),
        ("exc_init", "u4"),
        ("inh_init", "u4"),
        ("exc_shift", "i4"),
        ("inh_shift", "i4"),
    ],
    sums=(0, RING_TOP),
)
