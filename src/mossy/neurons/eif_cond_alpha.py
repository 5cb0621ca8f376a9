"""Adaptive exponential integrate and fire with alpha-shaped conductances, in float.

As neurons/eif_cond_exp.py, whose docstring has the membrane, the adaptation and the order, but

    dg/dt = -g / tau + (e / tau) j,   dj/dt = -j / tau,   j <- j + unit x   for either synapse

so that one arriving weight w makes the conductance w (e t / tau) exp(-t / tau). Both move exactly
between the stages of a Runge-Kutta step. The order is that of NEST's aeif_cond_alpha (3.10), the
cell behind PyNN's EIF_cond_alpha_isfa_ista.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mossy.neurons import eif_cond_exp
from mossy.neurons.eif_cond_exp import Array
from mossy.neurons.exponential import exp
from mossy.neurons.point import in_float

substeps = eif_cond_exp.substeps


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Advance one neuron by one step in float; return how many spikes it sends."""
    real = type(s.v)
    one, two, half, sixth = real(1), real(2), real(0.5), real(1 / 6)
    v, w, left, count = s.v, s.w, s.refract, 0
    exc, inh, j_exc, j_inh = s.g_exc, s.g_inh, s.j_exc, s.j_inh
    hold = p.refract + 1 if p.refract > 0 else 0
    for _ in range(fmt[0]):
        waiting = left > 0
        at, wt, dv, dw = v, w, real(0), real(0)
        for stage in range(4):
            low = min(at, p.v_spike)
            kick = p.kick * real(exp((low - p.v_turn) * p.per_delta))
            pulled = exc * (p.e_exc - low) + inh * (p.e_inh - low)
            kv = kick + (pulled - wt) * p.per_c + (p.offset - p.leak * low)
            kv = real(0) if waiting else kv
            kw = p.follow * low - p.settle * wt
            inner = stage == 1 or stage == 2
            dv = dv + (two * kv if inner else kv)
            dw = dw + (two * kw if inner else kw)
            reach = half if stage < 2 else one
            at, wt = v + reach * kv, w + reach * kw
            moves = stage == 0 or stage == 2
            exc = exc * p.exc_decay + j_exc * p.exc_rise if moves else exc
            inh = inh * p.inh_decay + j_inh * p.inh_rise if moves else inh
            j_exc = j_exc * p.exc_decay if moves else j_exc
            j_inh = j_inh * p.inh_decay if moves else j_inh
        reached, there = v + sixth * dv, w + sixth * dw
        fired = reached >= p.v_spike and not waiting
        share = np.divide(p.v_spike - v, reached - v) if fired else real(1)
        after = w + share * (there - w) + p.b
        after = after + (one - share) * (p.follow * p.v_reset - p.settle * after)
        v, w = (p.v_reset, after) if fired else (reached, there)
        left = hold if fired else left
        count += 1 if fired else 0
    s.v, s.w = v, w
    s.g_exc, s.j_exc = exc, j_exc + x0 * p.unit
    s.g_inh, s.j_inh = inh, j_inh + x1 * p.unit
    s.refract = left - 1 if left > 0 else left
    return count


def coefficients(
    dt: float, *, substeps: int, tau_exc: ArrayLike, tau_inh: ArrayLike, **others: ArrayLike
) -> dict[str, Array]:
    """Return the model's parameters but `unit`; arguments are those of eif_cond_exp."""
    both = {"tau_exc": tau_exc, "tau_inh": tau_inh}
    found = eif_cond_exp.coefficients(dt, substeps=substeps, **both, **others)
    for name, tau in (("exc", tau_exc), ("inh", tau_inh)):
        z = dt / substeps / 2 / np.asarray(tau, float)
        found[f"{name}_rise"] = math.e * z * np.exp(-z)
    return found


FLOAT, DOUBLE = in_float(
    "eif_cond_alpha",
    step,
    ("v", "w", "g_exc", "j_exc", "g_inh", "j_inh"),
    (*eif_cond_exp.FIELDS, "exc_rise", "inh_rise"),
)
