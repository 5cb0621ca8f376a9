"""The adaptive exponential neuron with alpha-shaped conductances; the rest of it is tested with
exponential ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.eif_cond_alpha import coefficients, substeps
from tests.neurons import cells, test_eif_cond_exp

DT = 1e-4
CELL = test_eif_cond_exp.CELL | {"tau_exc": 2e-3}
REST = CELL["v_rest"]


def slope(t: float, y: NDArray[Any]) -> Sequence[Any]:
    """dy/dt of y = (V in volts, w, g_exc, g_inh, j_exc, j_inh)."""
    v, w, exc, inh, j_exc, j_inh = y
    fast, slow = 1 / CELL["tau_exc"], 1 / CELL["tau_inh"]
    moves = test_eif_cond_exp.slope(CELL)(t, np.array([v, w, exc, inh]))
    rises = [fast * (math.e * j_exc - exc), slow * (math.e * j_inh - inh)]
    return [moves[0], moves[1], *rises, -fast * j_exc, -slow * j_inh]


def test_below_a_spike_the_potential_is_the_exact_one() -> None:
    """At the recommended substep: within 2e-5 mV in float64, 5e-4 mV in float32."""
    x, parts = cells.arrivals(4, 1500, 1, 0.05, 6), substeps(DT)
    wanted = cells.solution(slope, (REST, 0, 0, 0, 0, 0), DT, x[:, 0], (4, 5), cells.UNIT)
    assert wanted[:, 0].max() < CELL["v_thresh"] and np.ptp(wanted[:, 0]) > 5e-3
    for name, near in (("eif_cond_alpha.double", 2e-8), ("eif_cond_alpha", 5e-7)):
        model = neurons.model(name)
        p = cells.params(model, coefficients(DT, substeps=parts, **CELL))
        states, sent = cells.compiled(model, p, x, (parts,))
        assert not sent.any()
        assert np.abs(states["v"][:, 0] + REST - wanted[:, 0]).max() < near
        assert states["g_exc"][:, 0] == pytest.approx(wanted[:, 2], rel=1e-4, abs=1e-14)


def test_one_weight_makes_a_conductance_of_that_peak_at_its_time_constant() -> None:
    model = neurons.model("eif_cond_alpha.double")
    x = np.zeros((41, 1, 2), np.int64)
    x[0, 0, 0] = 5
    p = cells.params(model, coefficients(DT, substeps=3, **CELL))
    states, _ = cells.compiled(model, p, x, (3,))
    peak = int(states["g_exc"][:, 0].argmax())
    assert peak * DT == pytest.approx(CELL["tau_exc"], rel=1e-9)
    assert states["g_exc"][peak, 0] == pytest.approx(5 * cells.UNIT, rel=1e-12)


@pytest.mark.parametrize("name", ["eif_cond_alpha", "eif_cond_alpha.double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model, parts = neurons.model(name), 3
    cell = CELL | {"i_offset": 0.8e-9}
    p = cells.params(model, coefficients(DT, substeps=parts, **cell), 2)
    x = cells.arrivals(5, 200, 2, 0.3, 10)
    by_code, sent = cells.compiled(model, p, x, (parts,))
    by_hand, said = cells.plain(model, p, x, (parts,))
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 1
