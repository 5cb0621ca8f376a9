"""The potential that jumps: its solution between jumps, and the order of a step by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mossy import neurons
from mossy.neurons.if_curr_delta import coefficients
from tests.neurons import cells

DT, UNIT = 1e-4, 2.0**-30  # seconds; volts
CELL: dict[str, Any] = {
    "tau_m": 20e-3, "c_m": 0.25e-9, "v_rest": -65e-3, "v_reset": -70e-3, "v_thresh": -50e-3,
    "tau_refrac": 2e-3, "i_offset": 0.1e-9,
}  # fmt: skip


def test_between_jumps_the_potential_decays_to_what_the_current_holds() -> None:
    model = neurons.model("if_curr_delta.double")
    found = coefficients(DT, **CELL | {"v_thresh": 1.0})
    x = np.zeros((100, 1, 2), np.int64)
    x[9, 0] = 5 << 20, 2 << 20
    states, sent = cells.compiled(model, cells.params(model, found, 1, UNIT), x)
    held = CELL["i_offset"] * CELL["tau_m"] / CELL["c_m"]
    for t in (8, 9, 10, 99):
        jump = 3 * 2.0**-10 * math.exp(-(t - 9) * DT / CELL["tau_m"]) if t >= 9 else 0.0
        wanted = held * -math.expm1(-(t + 1) * DT / CELL["tau_m"]) + jump
        assert states["v"][t, 0] == pytest.approx(wanted, rel=1e-12)
    assert not sent.any()


def test_the_order_of_a_step_is_decay_jump_threshold_and_waiting_loses_what_arrives() -> None:
    """alpha 1/2, threshold 10, reset -1, 2 steps of waiting; jumps 8, 8, 8, 8, 0, 0."""
    found = {"alpha": 0.5, "offset": 0.0, "threshold": 10.0, "v_reset": -1.0, "refract": 2}
    x = np.zeros((6, 1, 2), np.int64)
    x[:4, 0, 0] = 8
    for name in ("if_curr_delta", "if_curr_delta.double"):
        model = neurons.model(name)
        states, sent = cells.compiled(model, cells.params(model, found, 1, 1.0), x)
        assert states["v"][:, 0].tolist() == [8, -1, -1, -1, -0.5, -0.25]
        assert sent[:, 0].tolist() == [0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("name", ["if_curr_delta", "if_curr_delta.double"])
def test_python_and_compiled_agree_bit_by_bit(name: str) -> None:
    model = neurons.model(name)
    rng = np.random.default_rng(5)
    cell = CELL | {"i_offset": rng.uniform(0, 5e-10, 7)}
    p = cells.params(model, coefficients(DT, **cell), 7, 1e-6)
    x = rng.poisson(30, (300, 7, 2))
    one, other = cells.compiled(model, p, x), cells.plain(model, p, x)
    assert one[0].tobytes() == other[0].tobytes()
    np.testing.assert_array_equal(one[1], other[1])
    assert one[1].sum() > 2
