"""Current-based leaky integrate and fire with alpha-shaped synapses, exact on the grid of steps.

    waiting: V stays
    else     V <- alpha V + (exc_gain i_exc + exc_rise_gain j_exc)
                          - (inh_gain i_inh + inh_rise_gain j_inh) + offset
    i <- decay i + rise j;   j <- decay j + unit x               for either synapse
    V >= threshold: spike, V <- v_reset, wait for `refract` steps

One arriving weight w makes the current w (e t / tau) exp(-t / tau), whose peak w is at t = tau:

    di/dt = -i / tau + (e / tau) j,   dj/dt = -j / tau,   C dV/dt = -C V / tau_m + i_exc - i_inh + I

V is relative to rest; the sums x are whole numbers of `unit`. The equations are linear between
spikes and the coefficients are their solution over one step (Rotter and Diesmann, Biol. Cybern. 81,
1999). The order, membrane first, then currents, arrivals and threshold, is that of NEST's
iaf_psc_alpha (3.10), the cell behind PyNN's IF_curr_alpha.

PyNN's names, in nF, ms, mV and nA, where they are not ours: cm, tau_syn_E, tau_syn_I.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.point import firing, in_float


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float; return whether it fired."""
    waiting = s.refract > 0
    exc = p.exc_gain * s.i_exc + p.exc_rise_gain * s.j_exc
    inh = p.inh_gain * s.i_inh + p.inh_rise_gain * s.j_inh
    v = p.alpha * s.v + (exc - inh) + p.offset
    v = s.v if waiting else v
    s.i_exc = p.exc_decay * s.i_exc + p.exc_rise * s.j_exc
    s.i_inh = p.inh_decay * s.i_inh + p.inh_rise * s.j_inh
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
    v_rest: ArrayLike,
    v_reset: ArrayLike,
    v_thresh: ArrayLike,
    tau_refrac: ArrayLike,
    i_offset: ArrayLike,
) -> dict[str, NDArray[np.float64]]:
    """Return the model's parameters but `unit`. Seconds, farads, volts and amperes."""
    tau_m, c_m = np.asarray(tau_m, float), np.asarray(c_m, float)
    found = {
        "alpha": np.exp(-dt / tau_m),
        "offset": -np.expm1(-dt / tau_m) * tau_m / c_m * np.asarray(i_offset, float),
        **firing(dt, v_rest=v_rest, v_reset=v_reset, v_thresh=v_thresh, tau_refrac=tau_refrac),
    }
    for name, given in (("exc", tau_exc), ("inh", tau_inh)):
        tau = np.asarray(given, float)
        z = dt * (1 / tau - 1 / tau_m)
        volts = dt * np.exp(-dt / tau_m) / c_m
        found[f"{name}_gain"] = volts * level(z)
        found[f"{name}_rise_gain"] = volts * ramp(z) * math.e * dt / tau
        found[f"{name}_decay"] = np.exp(-dt / tau)
        found[f"{name}_rise"] = math.e * dt / tau * np.exp(-dt / tau)
    return found


def level(z: ArrayLike) -> NDArray[np.float64]:
    """Return the integral of exp(-z u) over u from 0 to 1."""
    z = np.asarray(z, float)
    safe = np.where(z == 0, 1.0, z)
    found: NDArray[np.float64] = np.where(z == 0, 1.0, -np.expm1(-safe) / safe)
    return found


def ramp(z: ArrayLike) -> NDArray[np.float64]:
    """Return the integral of u exp(-z u) over u from 0 to 1."""
    z = np.asarray(z, float)
    near = np.where(np.abs(z) < 1, z, 0.0)
    far = np.where(np.abs(z) < 1, 1.0, z)
    series = sum((-near) ** n / (math.factorial(n) * (n + 2)) for n in range(18))
    found: NDArray[np.float64] = np.where(
        np.abs(z) < 1, series, (1 - (1 + far) * np.exp(-far)) / far**2
    )
    return found


EACH = ("gain", "rise_gain", "decay", "rise")
FIELDS = [f"{sign}_{f}" for sign in ("exc", "inh") for f in EACH]
FLOAT, DOUBLE = in_float(
    "if_curr_alpha",
    step,
    ("v", "i_exc", "j_exc", "i_inh", "j_inh"),
    (*FIELDS, "alpha", "offset", "unit", "threshold", "v_reset"),
)
