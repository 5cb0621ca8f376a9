"""Adaptive exponential integrate and fire with exponential conductances, in float.

    C dV/dt = -(C / tau_m) V + (C / tau_m) delta_t exp((V - V_T) / delta_t) - w
              - g_exc (V - E_exc) - g_inh (V - E_inh) + I
    tau_w dw/dt = a V - w,    dg/dt = -g / tau

    fmt[0] times: one Runge-Kutta step of fourth order of V and w, g decaying exactly between;
                  V in the exponential is at most v_spike; waiting: dV/dt = 0
                  V >= v_spike: spike, V <- v_reset, w <- w + b, then wait from here on
    g <- g + unit x                                              for either synapse

V, V_T and the reversal potentials are relative to rest; the sums x are whole numbers of `unit`, in
siemens. Waiting lasts for the rest of the step and `refract` steps; without it a neuron may fire
again in the same step, and the step's number is how many spikes it sent. Where in its part of the
step V crossed v_spike is found by a straight line, so that w, which grows by b there, is of second
order in it. With delta_t = 0 there is no exponential and the spike is at V_T.

Equations: Brette and Gerstner, J. Neurophysiol. 94, 2005. The order is that of NEST's aeif_cond_exp
(3.10), the cell behind PyNN's EIF_cond_exp_isfa_ista, where steps are chosen by their error.

PyNN's names, in nF, ms, mV and nA, where they are not ours: cm, delta_T, tau_syn_E, tau_syn_I,
e_rev_E, e_rev_I; a in nS, weights in uS.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.exponential import exp
from mossy.neurons.point import in_float

Array = NDArray[np.float64]
SUBSTEP = 25e-6  # seconds: V is within 1e-4 mV before a spike, for time constants from 2 ms


def substeps(dt: float) -> int:
    """Return how many parts of a step of dt seconds are worth it."""
    return max(1, math.ceil(dt / SUBSTEP - 1e-9))


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Advance one neuron by one step in float; return how many spikes it sends."""
    real = type(s.v)
    one, two, half, sixth = real(1), real(2), real(0.5), real(1 / 6)
    v, w, g_exc, g_inh, left, count = s.v, s.w, s.g_exc, s.g_inh, s.refract, 0
    hold = p.refract + 1 if p.refract > 0 else 0
    for _ in range(fmt[0]):
        waiting = left > 0
        exc, inh, at, wt = g_exc, g_inh, v, w
        dv, dw = real(0), real(0)
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
            exc = exc * p.exc_decay if stage == 0 or stage == 2 else exc
            inh = inh * p.inh_decay if stage == 0 or stage == 2 else inh
        g_exc, g_inh = exc, inh
        reached, there = v + sixth * dv, w + sixth * dw
        fired = reached >= p.v_spike and not waiting
        share = np.divide(p.v_spike - v, reached - v) if fired else real(1)
        after = w + share * (there - w) + p.b
        after = after + (one - share) * (p.follow * p.v_reset - p.settle * after)
        v, w = (p.v_reset, after) if fired else (reached, there)
        left = hold if fired else left
        count += 1 if fired else 0
    s.v, s.w = v, w
    s.g_exc = g_exc + x0 * p.unit
    s.g_inh = g_inh + x1 * p.unit
    s.refract = left - 1 if left > 0 else left
    return count


def coefficients(
    dt: float,
    *,
    substeps: int,
    tau_m: ArrayLike,
    c_m: ArrayLike,
    delta_t: ArrayLike,
    v_spike: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    tau_w: ArrayLike,
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
    """Return all parameters but `unit`, for fmt = (substeps,); SI units, v_thresh is V_T."""
    tau_m, c_m, tau_w = (np.asarray(x, float) for x in (tau_m, c_m, tau_w))
    delta, rest, h = np.asarray(delta_t, float), np.asarray(v_rest, float), dt / substeps
    return {
        "leak": h / tau_m,
        "kick": h / tau_m * delta,
        "per_delta": np.divide(1, delta, out=np.zeros_like(delta), where=delta > 0),
        "v_turn": np.asarray(v_thresh, float) - rest,
        "v_spike": np.where(delta > 0, v_spike, v_thresh) - rest,
        "per_c": h / c_m,
        "offset": h / c_m * np.asarray(i_offset, float),
        "follow": h / tau_w * np.asarray(a, float),
        "settle": h / tau_w,
        "b": np.asarray(b, float),
        **conductance("exc", h, rest, e_exc, tau_exc),
        **conductance("inh", h, rest, e_inh, tau_inh),
        "v_reset": np.asarray(v_reset, float) - rest,
        "refract": np.rint(np.asarray(tau_refrac, float) / dt),
    }


def conductance(
    name: str, part: float, rest: Array, reversal: ArrayLike, tau: ArrayLike
) -> dict[str, Array]:
    """Return what one synapse asks of a part of a step: its reversal, and its decay over half."""
    decay: Array = np.exp(-part / 2 / np.asarray(tau, float))
    return {f"e_{name}": np.asarray(reversal, float) - rest, f"{name}_decay": decay}


FIELDS = ["leak", "kick", "per_delta", "v_turn", "v_spike", "per_c", "offset", "follow"]
FIELDS += ["settle", "b", "e_exc", "e_inh", "exc_decay", "inh_decay", "v_reset", "unit"]
FLOAT, DOUBLE = in_float("eif_cond_exp", step, ("v", "w", "g_exc", "g_inh"), FIELDS)
