"""Alpha-shaped conductances against an exact solution, the order of the error, and bit by bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.if_cond_alpha import coefficients
from tests.neurons import cells

DT = 1e-4
CELL: dict[str, Any] = {
    "tau_m": 15e-3,
    "c_m": 0.25e-9,
    "tau_exc": 2e-3,
    "tau_inh": 6e-3,
    "e_exc": 0.0,
    "e_inh": -80e-3,
    "v_rest": -65e-3,
    "v_reset": -68e-3,
    "v_thresh": -52e-3,
    "tau_refrac": 2e-3,
    "i_offset": 0.05e-9,
}
SILENT = CELL | {"v_thresh": 1.0}
REST = CELL["v_rest"]


def slope(cell: dict[str, Any]) -> Callable[[float, NDArray[Any]], Sequence[Any]]:
    """dy/dt of y = (V in volts, g_exc, j_exc, g_inh, j_inh)."""

    def f(t: float, y: NDArray[Any]) -> Sequence[Any]:
        v, exc, j_exc, inh, j_inh = y
        leak = cell["c_m"] / cell["tau_m"] * (v - cell["v_rest"])
        into = -leak - exc * (v - cell["e_exc"]) - inh * (v - cell["e_inh"]) + cell["i_offset"]
        rates = 1 / cell["tau_exc"], 1 / cell["tau_inh"]
        return [
            into / cell["c_m"],
            rates[0] * (math.e * j_exc - exc),
            -rates[0] * j_exc,
            rates[1] * (math.e * j_inh - inh),
            -rates[1] * j_inh,
        ]

    return f


@pytest.mark.parametrize("other", [{}, {"tau_exc": 0.2e-3, "tau_inh": 1e-3}])
def test_a_potential_is_the_exact_one(other: dict[str, float]) -> None:
    """Conductances of ten leaks and more: within 3e-5 mV in float64, 1e-4 mV in float32."""
    cell = SILENT | other
    x = cells.arrivals(4, 1000, 1, 0.05, 60)
    y = (REST, 0, 0, 0, 0)
    wanted = cells.solution(slope(cell), y, DT, x[:, 0], (2, 4), cells.UNIT)
    for name, near in (("if_cond_alpha.double", 3e-8), ("if_cond_alpha", 1e-7)):
        model = neurons.model(name)
        states, _ = cells.compiled(model, cells.params(model, coefficients(DT, **cell)), x)
        v = states["v"][:, 0] + REST
        assert np.abs(v - wanted[:, 0]).max() < near
        assert np.ptp(v) > 5e-3
        assert states["g_inh"][:, 0] == pytest.approx(wanted[:, 3], rel=1e-4, abs=1e-14)


def test_its_error_falls_with_the_fourth_power_of_the_step() -> None:
    start = {"g_exc": 100e-9, "j_exc": 60e-9, "g_inh": 40e-9, "j_inh": 90e-9}
    model = neurons.model("if_cond_alpha.double")
    until, none = 8e-3, np.zeros((1, 2), np.int64)
    wanted = cells.solution(slope(SILENT), (REST, *start.values()), until, none, (2, 4), 0.0)

    def error(dt: float) -> float:
        p = cells.params(model, coefficients(dt, **SILENT))
        x = np.zeros((round(until / dt), 1, 2), np.int64)
        states, _ = cells.compiled(model, p, x, start=start)
        return float(abs(float(states["v"][-1, 0]) + REST - wanted[-1, 0]))

    assert cells.decay_of_error(error, [1e-3, 0.5e-3, 0.25e-3]) == pytest.approx(4, abs=0.4)


def test_one_weight_makes_a_conductance_of_that_peak_at_its_time_constant() -> None:
    model = neurons.model("if_cond_alpha.double")
    x = np.zeros((101, 1, 2), np.int64)
    x[0, 0, 1] = 5
    states, _ = cells.compiled(model, cells.params(model, coefficients(DT, **SILENT)), x)
    peak = int(states["g_inh"][:, 0].argmax())
    assert peak * DT == pytest.approx(CELL["tau_inh"], rel=1e-9)
    assert states["g_inh"][peak, 0] == pytest.approx(5 * cells.UNIT, rel=1e-12)
    assert not states["g_exc"].any()


@pytest.mark.parametrize("name", ["if_cond_alpha", "if_cond_alpha.double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model = neurons.model(name)
    p = cells.params(model, coefficients(DT, **CELL), 3)
    x = cells.arrivals(5, 400, 3, 0.3, 10)
    by_code, sent = cells.compiled(model, p, x)
    by_hand, said = cells.plain(model, p, x)
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 3
