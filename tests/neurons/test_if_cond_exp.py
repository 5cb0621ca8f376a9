"""Exponential conductances against an exact solution, the order of the error, and bit by bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.if_cond_exp import coefficients, commutator, decaying
from tests.neurons import cells

DT = 1e-4
CELL: dict[str, Any] = {  # Vogels and Abbott's, as in Brette et al. 2007
    "tau_m": 20e-3,
    "c_m": 0.2e-9,
    "tau_exc": 5e-3,
    "tau_inh": 10e-3,
    "e_exc": 0.0,
    "e_inh": -80e-3,
    "v_rest": -60e-3,
    "v_reset": -60e-3,
    "v_thresh": -50e-3,
    "tau_refrac": 5e-3,
    "i_offset": 0.02e-9,
}
SILENT = CELL | {"v_thresh": 1.0}


def slope(cell: dict[str, Any]) -> Callable[[float, NDArray[Any]], Sequence[Any]]:
    """dy/dt of y = (V in volts, g_exc, g_inh)."""

    def f(t: float, y: NDArray[Any]) -> Sequence[Any]:
        v, exc, inh = y
        leak = cell["c_m"] / cell["tau_m"] * (v - cell["v_rest"])
        into = -leak - exc * (v - cell["e_exc"]) - inh * (v - cell["e_inh"]) + cell["i_offset"]
        return [into / cell["c_m"], -exc / cell["tau_exc"], -inh / cell["tau_inh"]]

    return f


@pytest.mark.parametrize("other", [{}, {"tau_exc": 0.3e-3, "tau_inh": 1e-3}, {"tau_m": 5e-3}])
def test_a_potential_is_the_exact_one(other: dict[str, float]) -> None:
    """Conductances of thirty leaks: within 2e-6 mV in float64, 5e-5 mV in float32."""
    cell = SILENT | other
    x = cells.arrivals(4, 1000, 1, 0.05, 60)
    wanted = cells.solution(slope(cell), (cell["v_rest"], 0, 0), DT, x[:, 0], (1, 2), cells.UNIT)
    for name, near in (("if_cond_exp.double", 2e-9), ("if_cond_exp", 5e-8)):
        model = neurons.model(name)
        states, _ = cells.compiled(model, cells.params(model, coefficients(DT, **cell)), x)
        v = states["v"][:, 0] + cell["v_rest"]
        assert np.abs(v - wanted[:, 0]).max() < near
        assert np.ptp(v) > 5e-3
        assert states["g_exc"][:, 0] == pytest.approx(wanted[:, 1], rel=1e-4, abs=1e-14)


def test_its_error_falls_with_the_fourth_power_of_the_step() -> None:
    start = {"g_exc": 150e-9, "g_inh": 80e-9}
    model = neurons.model("if_cond_exp.double")
    y = (SILENT["v_rest"], *start.values())
    until = 8e-3
    none = np.zeros((1, 2), np.int64)
    wanted = cells.solution(slope(SILENT), y, until, none, (1, 2), 0.0)[-1, 0]

    def error(dt: float) -> float:
        p = cells.params(model, coefficients(dt, **SILENT))
        x = np.zeros((round(until / dt), 1, 2), np.int64)
        states, _ = cells.compiled(model, p, x, start=start)
        return float(abs(float(states["v"][-1, 0]) + SILENT["v_rest"] - wanted))

    assert cells.decay_of_error(error, [2e-3, 1e-3, 0.5e-3, 0.25e-3]) == pytest.approx(4, abs=0.3)


def test_conductances_that_stay_give_the_closed_form_at_any_step() -> None:
    """g_exc = 0.6 uS, 60 leaks, does not decay: V relaxes to its mean with C / g."""
    cell, dt = SILENT | {"tau_exc": 1e9, "tau_inh": 1e9}, 1e-3
    model = neurons.model("if_cond_exp.double")
    x, g = np.zeros((5, 1, 2), np.int64), 0.6e-6
    p = cells.params(model, coefficients(dt, **cell))
    states, _ = cells.compiled(model, p, x, start={"g_exc": g})
    total = g + cell["c_m"] / cell["tau_m"]
    mean = (g * (cell["e_exc"] - cell["v_rest"]) + cell["i_offset"]) / total
    wanted = mean * (1 - np.exp(-np.arange(1, 6) * dt * total / cell["c_m"]))
    assert states["v"][:, 0] == pytest.approx(wanted, rel=1e-12)


def test_the_order_of_a_step_is_membrane_then_arrivals_then_threshold() -> None:
    """A weight of step 2 moves V in step 3; a spike waits for 50 steps, and g decays meanwhile."""
    model = neurons.model("if_cond_exp.double")
    cell = CELL | {"i_offset": 0.0}
    x = np.zeros((80, 1, 2), np.int64)
    x[2, 0, 0] = 200
    states, sent = cells.compiled(model, cells.params(model, coefficients(DT, **cell)), x)
    v = states["v"][:, 0]
    assert not v[:3].any() and v[3] > 0
    first = int(np.flatnonzero(sent[:, 0])[0])
    assert (v[first : first + 51] == 0).all() and v[first + 51] > 0
    assert states["refract"][first : first + 51, 0].tolist() == list(range(50, -1, -1))
    decay = math.exp(-DT / CELL["tau_exc"])
    assert states["g_exc"][3:, 0] == pytest.approx(
        200 * cells.UNIT * decay ** np.arange(1, 78), rel=1e-12
    )


@pytest.mark.parametrize("name", ["if_cond_exp", "if_cond_exp.double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model = neurons.model(name)
    p = cells.params(model, coefficients(DT, **CELL), 3)
    x = cells.arrivals(5, 400, 3, 0.3, 10)
    by_code, sent = cells.compiled(model, p, x)
    by_hand, said = cells.plain(model, p, x)
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 3


def test_a_commutator_is_the_one_worked_by_hand() -> None:
    """Of 1 and t over (0, h): 1/2 int int (s - r) = h^3 / 12; swapped, the opposite; of 1, 1: 0."""
    h = 0.3
    one, ramp = (lambda t: np.ones(())), (lambda t: np.asarray(t))
    assert commutator(h, one, ramp) == pytest.approx(h**3 / 12, rel=1e-14)
    assert commutator(h, ramp, one) == pytest.approx(-(h**3) / 12, rel=1e-14)
    assert commutator(h, one, one) == 0
    many = commutator(h, one, decaying(np.array([0.1, 1.0])))
    assert many.shape == (2,) and (many < 0).all()
