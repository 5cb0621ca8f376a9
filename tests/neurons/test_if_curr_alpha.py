"""The alpha-shaped currents against the matrix exponential, by hand, and bit by bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from mossy import neurons
from mossy.neurons.if_curr_alpha import coefficients, level, ramp
from tests.neurons import cells

DT = 1e-4
UNIT = 2.0**-35  # amperes
CELL: dict[str, Any] = {
    "tau_m": 20e-3,
    "c_m": 0.25e-9,
    "tau_exc": 2e-3,
    "tau_inh": 3e-3,
    "v_rest": -65e-3,
    "v_reset": -70e-3,
    "v_thresh": -50e-3,
    "tau_refrac": 2e-3,
    "i_offset": 0.1e-9,
}


@pytest.mark.parametrize("tau", [0.5e-3, 2e-3, 19.9e-3, 20e-3, 80e-3])
@pytest.mark.parametrize("dt", [1e-4, 1e-3])
def test_a_potential_is_the_matrix_exponential(tau: float, dt: float) -> None:
    """No threshold: (j_exc, i_exc, j_inh, i_inh, V, 1) moves by exp(A dt), A the equations."""
    cell = CELL | {"tau_exc": tau, "tau_inh": 1.7 * tau, "v_thresh": 1.0}
    model = neurons.model("if_curr_alpha.double")
    x = cells.arrivals(3, 400, 1, 0.1, 40)
    states, sent = cells.compiled(model, cells.params(model, coefficients(dt, **cell), 1, UNIT), x)
    a = np.zeros((6, 6))
    for k, t in ((0, tau), (2, 1.7 * tau)):
        a[k, k] = a[k + 1, k + 1] = -1 / t
        a[k + 1, k] = math.e / t
    a[4] = [0, 1 / CELL["c_m"], 0, -1 / CELL["c_m"], -1 / CELL["tau_m"], 0.1e-9 / CELL["c_m"]]
    once, y = expm(a * dt), np.array([0, 0, 0, 0, 0, 1.0])
    for t in range(len(x)):
        y = once @ y
        y[[0, 2]] += UNIT * x[t, 0]
        assert states["v"][t, 0] == pytest.approx(y[4], rel=1e-10, abs=1e-15)
        assert states["i_inh"][t, 0] == pytest.approx(y[3], rel=1e-10, abs=1e-22)
    assert not sent.any() and np.abs(states["v"]).max() > 1e-3


def test_one_weight_makes_a_current_of_that_peak_at_its_time_constant() -> None:
    model = neurons.model("if_curr_alpha.double")
    x = np.zeros((101, 1, 2), np.int64)
    x[0, 0, 0] = 50
    states, _ = cells.compiled(model, cells.params(model, coefficients(DT, **CELL), 1, UNIT), x)
    peak = int(states["i_exc"][:, 0].argmax())
    assert peak * DT == pytest.approx(CELL["tau_exc"], rel=1e-9)
    assert states["i_exc"][peak, 0] == pytest.approx(50 * UNIT, rel=1e-12)


def test_the_order_of_a_step_is_membrane_currents_arrivals_threshold() -> None:
    """alpha 1/2, every gain 1, every decay 1/2, rise 1/4, unit 1; the weight 8 arrives in step 0.

    step 0: V 0, i 0, j 8.   1: V 0 + 0 + 8, i 0 + 2, j 4.   2: V 4 + 2 + 4 = 10 fires, i 1 + 1,
    j 2.   3, 4: V waits, i 1 + 0.5, then 0.75 + 0.25; j 1, then 0.5.   5: V -0.5 + 1 + 0.5
    """
    fields = neurons.model("if_curr_alpha.double").params.names or ()
    found = dict.fromkeys(fields, 0.0) | {"alpha": 0.5, "threshold": 10.0, "v_reset": -1.0}
    for sign in ("exc", "inh"):
        gains = {"gain": 1.0, "rise_gain": 1.0, "decay": 0.5, "rise": 0.25}
        found |= {f"{sign}_{k}": v for k, v in gains.items()}
    found |= {"refract": 2}
    x = np.zeros((6, 1, 2), np.int64)
    x[0, 0, 0] = 8
    for name in ("if_curr_alpha", "if_curr_alpha.double"):
        model = neurons.model(name)
        states, sent = cells.compiled(model, cells.params(model, found, 1, 1.0), x)
        assert states["j_exc"][:3, 0].tolist() == [8, 4, 2]
        assert states["i_exc"][:3, 0].tolist() == [0, 2, 2]
        assert states["v"][:5, 0].tolist() == [0, 8, -1, -1, -1]
        assert sent[:, 0].tolist() == [0, 0, 1, 0, 0, 0]
        assert states["refract"][:5, 0].tolist() == [0, 0, 2, 1, 0]
        assert states["i_exc"][3:5, 0].tolist() == [1.5, 1.0]
        assert states["v"][5, 0] == 1.0


@pytest.mark.parametrize("name", ["if_curr_alpha", "if_curr_alpha.double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model = neurons.model(name)
    p = cells.params(model, coefficients(DT, **CELL), 3, UNIT)
    x = cells.arrivals(5, 400, 3, 0.3, 60)
    by_code, sent = cells.compiled(model, p, x)
    by_hand, said = cells.plain(model, p, x)
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 3


def test_integrals_over_a_step_meet_where_their_series_ends() -> None:
    for z in (-3.0, -1.0, -1e-9, 0.0, 1e-12, 0.999999, 1.000001, 20.0):
        u = (np.arange(20000) + 0.5) / 20000
        assert level(z) == pytest.approx(np.exp(-z * u).mean(), rel=1e-6)
        assert ramp(z) == pytest.approx((u * np.exp(-z * u)).mean(), rel=1e-6)
    assert ramp(0.9999999) == pytest.approx(float(ramp(1.0000001)), rel=1e-6)
