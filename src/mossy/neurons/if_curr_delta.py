"""Leaky integrate and fire whose synapses make V jump, exact on the grid of steps.

    waiting: V stays, what arrives is lost
    else     V <- alpha V + offset + unit (x_exc - x_inh)
    V >= threshold: spike, V <- v_reset, wait for `refract` steps

V is relative to rest; the sums x are whole numbers of `unit`, in volts. Between spikes the membrane
is linear and the coefficients are its solution over one step (Rotter and Diesmann, Biol. Cybern.
81, 1999). The order is that of NEST's iaf_psc_delta (3.10), the cell behind PyNN's IF_curr_delta.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.point import firing, in_float


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in float; return whether it fired."""
    waiting = s.refract > 0
    v = p.alpha * s.v + p.offset + (x0 - x1) * p.unit
    v = s.v if waiting else v
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
    v_rest: ArrayLike,
    v_reset: ArrayLike,
    v_thresh: ArrayLike,
    tau_refrac: ArrayLike,
    i_offset: ArrayLike,
) -> dict[str, NDArray[np.float64]]:
    """Return the model's parameters but `unit`. Seconds, farads, volts and amperes."""
    tau_m = np.asarray(tau_m, float)
    driven = tau_m / np.asarray(c_m, float) * np.asarray(i_offset, float)
    return {
        "alpha": np.exp(-dt / tau_m),
        "offset": -np.expm1(-dt / tau_m) * driven,
        **firing(dt, v_rest=v_rest, v_reset=v_reset, v_thresh=v_thresh, tau_refrac=tau_refrac),
    }


FLOAT, DOUBLE = in_float(
    "if_curr_delta", step, ("v",), ("alpha", "offset", "unit", "threshold", "v_reset")
)
