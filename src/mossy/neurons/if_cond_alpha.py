"""Conductance-based leaky integrate and fire with alpha-shaped synapses, in float.

    C dV/dt = -(C / tau_m) V - g_exc (V - E_exc) - g_inh (V - E_inh) + I
    dg/dt = -g / tau + (e / tau) j,   dj/dt = -j / tau

    waiting: V stays
    else     rate  = leak + exc_leak g_exc + exc_rise_leak j_exc + the same of inh
             drive = offset + exc_pull g_exc + exc_rise_pull j_exc + the same of inh
                     + cross g_exc g_inh + cross_exc j_exc g_inh + cross_inh g_exc j_inh
                     + cross_both j_exc j_inh
             V <- V + (drive - rate V) (1 - exp(-rate)) / rate
    g <- decay g + rise j;   j <- decay j + unit x               for either synapse
    V >= threshold: spike, V <- v_reset, wait for `refract` steps

One arriving weight w makes the conductance w (e t / tau) exp(-t / tau). Everything else is as in
neurons/if_cond_exp.py: fourth-order Magnus expansion, the membrane first, then synapses, arrivals
and threshold, as in NEST's iaf_cond_alpha (3.10), the cell behind PyNN's IF_cond_alpha.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mossy.neurons.exponential import expm1
from mossy.neurons.if_cond_exp import Array, Kernel, cross, decaying, pull
from mossy.neurons.if_curr_alpha import level, ramp
from mossy.neurons.point import firing, in_float

CROSSES = ("cross", "cross_exc", "cross_inh", "cross_both")


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float; return whether it fired."""
    real = type(s.v)
    waiting = s.refract > 0
    rate = p.exc_leak * s.g_exc + p.exc_rise_leak * s.j_exc
    rate = rate + (p.inh_leak * s.g_inh + p.inh_rise_leak * s.j_inh) + p.leak
    drive = p.exc_pull * s.g_exc + p.exc_rise_pull * s.j_exc
    drive = drive + (p.inh_pull * s.g_inh + p.inh_rise_pull * s.j_inh) + p.offset
    by_level = p.cross * s.g_exc + p.cross_exc * s.j_exc
    by_rise = p.cross_inh * s.g_exc + p.cross_both * s.j_exc
    drive = drive + (by_level * s.g_inh + by_rise * s.j_inh)
    v = s.v - (drive - rate * s.v) * np.divide(real(expm1(-rate)), rate)
    v = s.v if waiting else v
    s.g_exc = p.exc_decay * s.g_exc + p.exc_rise * s.j_exc
    s.g_inh = p.inh_decay * s.g_inh + p.inh_rise * s.j_inh
    s.j_exc = p.exc_decay * s.j_exc + x0 * p.unit
    s.j_inh = p.inh_decay * s.j_inh + x1 * p.unit
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
    e_exc: ArrayLike,
    e_inh: ArrayLike,
    v_rest: ArrayLike,
    v_reset: ArrayLike,
    v_thresh: ArrayLike,
    tau_refrac: ArrayLike,
    i_offset: ArrayLike,
) -> dict[str, Array]:
    """Return the model's parameters but `unit`. Seconds, farads, volts and amperes."""
    tau_m, c_m, rest = (np.asarray(a, float) for a in (tau_m, c_m, v_rest))
    current = np.asarray(i_offset, float) / c_m
    found = {
        "leak": dt / tau_m,
        "offset": dt * current,
        **firing(dt, v_rest=v_rest, v_reset=v_reset, v_thresh=v_thresh, tau_refrac=tau_refrac),
    }
    taus = [np.asarray(t, float) for t in (tau_exc, tau_inh)]
    reversals = [np.asarray(e, float) - rest for e in (e_exc, e_inh)]
    for name, tau, reversal in zip(("exc", "inh"), taus, reversals, strict=True):
        mean = dt * level(dt / tau) / c_m
        rise = math.e * dt**2 / tau * ramp(dt / tau) / c_m
        found[f"{name}_leak"], found[f"{name}_rise_leak"] = mean, rise
        for f, kernel, of in (("pull", decaying(tau), mean), ("rise_pull", rising(tau), rise)):
            found[f"{name}_{f}"] = pull(dt, kernel, of, reversal, tau_m, c_m, current)
        found[f"{name}_decay"] = np.exp(-dt / tau)
        found[f"{name}_rise"] = math.e * dt / tau * np.exp(-dt / tau)
    exc, inh = taus
    pairs = [(e, i) for i in (decaying(inh), rising(inh)) for e in (decaying(exc), rising(exc))]
    for name, (one, other) in zip(CROSSES, pairs, strict=True):
        found[name] = cross(dt, one, other, reversals[1] - reversals[0], c_m)
    return found


def rising(tau: Array) -> Kernel:
    """Return (e t / tau) exp(-t / tau)."""
    return lambda t: np.asarray(math.e * t / tau * np.exp(-t / tau))


EACH = ("leak", "rise_leak", "pull", "rise_pull", "decay", "rise")
FIELDS = [f"{sign}_{f}" for sign in ("exc", "inh") for f in EACH]
FLOAT, DOUBLE = in_float(
    "if_cond_alpha",
    step,
    ("v", "g_exc", "j_exc", "g_inh", "j_inh"),
    (*FIELDS, *CROSSES, "leak", "offset", "unit", "threshold", "v_reset"),
)
