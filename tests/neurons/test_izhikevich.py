"""Izhikevich's neuron by Euler's rule; the half steps are in test_random_neurons.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy import neurons
from mossy.neurons.izhikevich import coefficients
from tests.neurons import cells

DT = 1e-4
UNIT = 2.0**-11  # volts
CELL: dict[str, Any] = {"a": 20.0, "b": 200.0, "v_reset": -65e-3, "d": 2.0, "i_offset": 5e-12}
START = {"v": -70e-3, "u": -14.0}


def test_every_step_is_eulers_rule_in_millivolts_and_milliseconds() -> None:
    """v <- v + h (0.04 v^2 + 5 v + 140 - u + I) + w;  u <- u + h a (b v - u) with a, b per ms."""
    x = cells.arrivals(4, 4000, 1, 0.05, 6)
    model = neurons.model("izhikevich.euler_double")
    p = cells.params(model, coefficients(DT, **CELL), 1, UNIT)
    states, sent = cells.compiled(model, p, x, start=START)
    v, u, h, fired = -70.0, -14.0, 0.1, 0
    for t in range(len(x)):
        arrived = 1e3 * UNIT * (x[t, 0, 0] - x[t, 0, 1])
        old = v
        v = old + h * (0.04 * old**2 + 5 * old + 140 - u + 5.0) + arrived
        u = u + h * 0.02 * (0.2 * old - u)
        assert sent[t, 0] == (v >= 30)
        if v >= 30:
            v, u, fired = -65.0, u + 2, fired + 1
        assert 1e3 * states["v"][t, 0] == pytest.approx(v, rel=1e-8, abs=1e-8)
        assert states["u"][t, 0] == pytest.approx(u, rel=1e-8)
    assert fired > 3


@pytest.mark.parametrize("name", ["izhikevich.euler", "izhikevich.euler_double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model = neurons.model(name)
    p = cells.params(model, coefficients(DT, **CELL), 3, UNIT)
    x = cells.arrivals(5, 600, 3, 0.3, 20)
    by_code, sent = cells.compiled(model, p, x, start=START)
    by_hand, said = cells.plain(model, p, x, start=START)
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 3


def test_a_weight_moves_the_potential_in_the_step_it_arrives() -> None:
    """At its fixed point without u and I: 0.04 v^2 + 5 v + 140 = 0 at v = -82.66 mV."""
    rest = (-5 - np.sqrt(25 - 4 * 0.04 * 140)) / 0.08
    model = neurons.model("izhikevich.euler_double")
    found = coefficients(DT, **(CELL | {"i_offset": 0.0, "a": 0.0}))
    x = np.array([[[0, 0]], [[8, 0]], [[0, 3]]])
    p = cells.params(model, found, 1, UNIT)
    states, _ = cells.compiled(model, p, x, start={"v": rest * 1e-3, "u": 0.0})
    jumps = np.diff(states["v"][:, 0])
    assert states["v"][0, 0] == pytest.approx(rest * 1e-3, rel=1e-12)
    assert jumps[0] == pytest.approx(8 * UNIT, rel=1e-12)
    slope = 0.04 * (rest + 8e3 * UNIT) ** 2 + 5 * (rest + 8e3 * UNIT) + 140
    assert jumps[1] == pytest.approx(1e-4 * slope - 3 * UNIT, rel=1e-9)
