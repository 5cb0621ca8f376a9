"""Hodgkin and Huxley's neuron with Traub and Miles' rates and exponential conductances, in float.

    C dV/dt = -g_leak V - g_na m^3 h (V - E_na) - g_k n^4 (V - E_k)
              - g_exc (V - E_exc) - g_inh (V - E_inh) + I,    dg/dt = -g / tau
    dz/dt = alpha (1 - z) - beta z   for z = m, h, n, where U = V - v_offset, L(x) = x / (e^x - 1):

    per ms, U in mV         alpha                        beta
                       m    1.28 L((13 - U) / 4)         1.4 L((U - 40) / 5)
                       h    0.128 exp((17 - U) / 18)     4 / (1 + exp((40 - U) / 5))
                       n    0.16 L((15 - U) / 5)         0.5 exp((10 - U) / 40)

    fmt[0] times: one Runge-Kutta step of fourth order of V, m, h, n, g decaying exactly between
    g <- g + unit x                                              for either synapse
    V >= v_offset + 30 mV and below that of the last step, not waiting: spike, wait `refract` steps

V, v_offset and the reversal potentials are relative to that of the leak; the sums x are whole
numbers of `unit`, in siemens. The spike is the first step after the peak and nothing is reset;
waiting only keeps the falling flank from being taken for more. Parts of a step of 50 us are stable,
with an error of some mV at the peak; parts of 100 us are not.

Equations: Traub and Miles, Neuronal Networks of the Hippocampus, 1991, as collected in Brette et
al., J. Comput. Neurosci. 23, 2007. The order is that of NEST's hh_cond_exp_traub (3.10), the cell
behind PyNN's HH_cond_exp, where steps are chosen for an error of 1e-3 mV each.

PyNN's names, in nF, ms, mV, uS and nA, where they are not ours: cm, gbar_Na, gbar_K, e_rev_leak,
e_rev_Na, e_rev_K, tau_syn_E, tau_syn_I, e_rev_E, e_rev_I; its gates begin at m = n = 0, h = 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.eif_cond_exp import conductance
from mossy.neurons.exponential import exp
from mossy.neurons.model import compile_step
from mossy.neurons.point import in_float

Array = NDArray[np.float64]
SUBSTEP = 10e-6  # seconds: V is within 1e-6 mV before a spike and 1e-2 mV at its peak
REFRACTORY = 2e-3  # seconds; NEST's, PyNN names none
E_8, E_3, E_13_4 = math.exp(8), math.exp(3), math.exp(13 / 4)
ALPHA_H, BETA_N = 0.128 * math.exp(17 / 18), 0.5 * math.exp(10 / 40)
FIELDS = ("leak", "na", "k", "per_c", "offset", "ms", "v_offset", "threshold", "e_na", "e_k")


def substeps(dt: float) -> int:
    """Return how many parts of a step of dt seconds are worth it."""
    return max(1, math.ceil(dt / SUBSTEP - 1e-9))


def plain_bend(x: Any, grown: Any) -> Any:
    """Return L(x) = x / (grown - 1), grown = exp(x); by its series where the digits cancel."""
    near = abs(x) < 1e-3
    below = 1.0 if near else grown - 1.0
    return 1.0 - x / 2.0 + x * x / 12.0 if near else np.divide(x, below)


bend = compile_step(plain_bend)


def plain_rates(v: Any) -> Any:
    """Return alpha, beta of m, h, n per millisecond in float64. v: volts above v_offset.

    Every exponential is a power of w = exp(-U / 360), and L(x) = exp(-x) L(-x).
    """
    u = min(max(np.float64(v) * 1000.0, -1000.0), 1000.0)
    w = exp(u * (-1.0 / 360.0))
    w2 = w * w
    w8 = (w2 * w2) * (w2 * w2)
    w9 = w8 * w
    w18 = w9 * w9
    w72 = (w18 * w18) * (w18 * w18)
    at_40 = w72 * E_8
    am = 1.28 * bend((13.0 - u) / 4.0, (w72 * w18) * E_13_4)
    bm = 1.4 * at_40 * bend((40.0 - u) / 5.0, at_40)
    an = 0.16 * bend((15.0 - u) / 5.0, w72 * E_3)
    ah, bh = (w18 * w2) * ALPHA_H, np.divide(4.0, 1.0 + at_40)
    return am, bm, ah, bh, an, w9 * BETA_N


rates = compile_step(plain_rates)


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float; return whether it fired."""
    real = type(s.v)
    one, two, half, sixth = real(1), real(2), real(0.5), real(1 / 6)
    v, m, h, n, g_exc, g_inh = s.v, s.m, s.h, s.n, s.g_exc, s.g_inh
    for _ in range(fmt[0]):
        exc, inh, vt, mt, ht, nt = g_exc, g_inh, v, m, h, n
        dv, dm, dh, dn = real(0), real(0), real(0), real(0)
        for stage in range(4):
            am, bm, ah, bh, an, bn = rates(vt - p.v_offset)
            sodium = p.na * (mt * mt * mt * ht) * (p.e_na - vt)
            potassium = p.k * (nt * nt * nt * nt) * (p.e_k - vt)
            pulled = exc * (p.e_exc - vt) + inh * (p.e_inh - vt)
            kv = (sodium + potassium) + pulled * p.per_c + (p.offset - p.leak * vt)
            km = p.ms * (real(am) * (one - mt) - real(bm) * mt)
            kh = p.ms * (real(ah) * (one - ht) - real(bh) * ht)
            kn = p.ms * (real(an) * (one - nt) - real(bn) * nt)
            weight = two if stage == 1 or stage == 2 else one
            dv, dm, dh, dn = dv + weight * kv, dm + weight * km, dh + weight * kh, dn + weight * kn
            reach = half if stage < 2 else one
            vt, mt, ht, nt = v + reach * kv, m + reach * km, h + reach * kh, n + reach * kn
            exc = exc * p.exc_decay if stage == 0 or stage == 2 else exc
            inh = inh * p.inh_decay if stage == 0 or stage == 2 else inh
        g_exc, g_inh = exc, inh
        v, m, h, n = v + sixth * dv, m + sixth * dm, h + sixth * dh, n + sixth * dn
    waiting = s.refract > 0
    fired = v >= p.threshold and v < s.v and not waiting
    s.v, s.m, s.h, s.n = v, m, h, n
    s.g_exc = g_exc + x0 * p.unit
    s.g_inh = g_inh + x1 * p.unit
    left = s.refract - 1 if waiting else s.refract
    s.refract = p.refract if fired else left
    return bool(fired)


def gates(v: ArrayLike, v_offset: ArrayLike) -> dict[str, Array]:
    """Return m, h, n at which nothing changes at the potential v. Volts, on the same zero."""
    at = np.asarray(v, float) - np.asarray(v_offset, float)
    found = np.array([rates(float(x)) for x in at.ravel()]).T.reshape(6, *at.shape)
    return {z: found[2 * i] / (found[2 * i] + found[2 * i + 1]) for i, z in enumerate("mhn")}


def coefficients(
    dt: float,
    *,
    substeps: int,
    c_m: ArrayLike,
    g_leak: ArrayLike,
    g_na: ArrayLike,
    g_k: ArrayLike,
    e_leak: ArrayLike,
    e_na: ArrayLike,
    e_k: ArrayLike,
    v_offset: ArrayLike,
    tau_exc: ArrayLike,
    tau_inh: ArrayLike,
    e_exc: ArrayLike,
    e_inh: ArrayLike,
    i_offset: ArrayLike,
    tau_refrac: ArrayLike = REFRACTORY,
) -> dict[str, Array]:
    """Return all parameters but `unit`, for fmt = (substeps,); SI units."""
    rest, h, c = np.asarray(e_leak, float), dt / substeps, np.asarray(c_m, float)
    offset = np.asarray(v_offset, float) - rest
    return {
        "leak": h / c * np.asarray(g_leak, float),
        "na": h / c * np.asarray(g_na, float),
        "k": h / c * np.asarray(g_k, float),
        "per_c": h / c,
        "offset": h / c * np.asarray(i_offset, float),
        "ms": np.asarray(1e3 * h),
        "v_offset": offset,
        "threshold": offset + 0.03,
        "e_na": np.asarray(e_na, float) - rest,
        "e_k": np.asarray(e_k, float) - rest,
        **conductance("exc", h, rest, e_exc, tau_exc),
        **conductance("inh", h, rest, e_inh, tau_inh),
        "refract": np.rint(np.asarray(tau_refrac, float) / dt),
    }


FLOAT, DOUBLE = in_float(
    "hh_cond_exp",
    step,
    ("v", "m", "h", "n", "g_exc", "g_inh"),
    (*FIELDS, "e_exc", "e_inh", "exc_decay", "inh_decay", "unit"),
)
