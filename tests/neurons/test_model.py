"""What a neuron model may be: chip folders, values, registers that are sums, whole cores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy import neurons
from mossy.errors import BadInput
from mossy.neurons.model import build, evolve


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> Any:
    s.v = s.v + x0
    return s.v


def chain(state: Any, x: Any, params: Any, fmt: Any, out: Any) -> None:
    """Each neuron hands half of what it sends to the next, inside the step."""
    for i in range(len(out)):
        out[i] += step(state[i], x[i], x[i], params[i], fmt)
        if i + 1 < len(out):
            out[i + 1] += out[i] // 2


def test_keeps_that_is_no_field_is_e0190() -> None:
    with pytest.raises(BadInput) as found:
        build("m", step, inputs=1, drive="int32", state=[("v", "i4")], params=[], keeps=("i",))
    e = found.value
    assert e.code == "E0190" and "one field of the state for each input" in str(e)
    assert "neuron model m" in str(e) and "allowed: 1 of v" in str(e)


def test_neurons_that_touch_each_other_run_alike_in_python_and_compiled() -> None:
    model = build(
        "m", step, inputs=1, drive="int32", state=[("v", "i4")], params=[("p", "i4")], evolve=chain
    )
    n = 5
    state, params = np.zeros(n, model.state), np.zeros(n, model.params)
    x = np.array([4, 0, 1, 0, 8], np.int32)
    # 4; 0 + 4/2 = 2; 1 + 2/2 = 2; 0 + 1 = 1; 8 + 0 = 8
    assert evolve(model, state.view(np.recarray), x, params.view(np.recarray), ()) == [
        4, 2, 2, 1, 8,
    ]  # fmt: skip
    ring, live = x.copy().reshape(1, 1, n), np.zeros((1, n), model.state)
    fired, sent, count = np.zeros((1, n), np.int32), np.zeros((1, n), np.int32), np.zeros(1, int)
    model.update(live, params, ring, 0, 0, (), fired, sent, count)
    assert sent[0, : count[0]].tolist() == [4, 2, 2, 1, 8]
    assert live[0]["v"].tolist() == state["v"].tolist() == x.tolist()


def test_a_leaky_integrator_sends_its_potential() -> None:
    model = neurons.model("li")
    state, params = np.zeros(1, model.state), np.zeros(1, model.params)
    params["alpha"], params["offset"] = 0.5, 0.25
    r = state.view(np.recarray), params.view(np.recarray)
    sent = [evolve(model, r[0], np.float32([x]), r[1], ())[0] for x in (1, 0, -2)]
    assert sent == [1.25, 0.875, -1.3125]  # v/2 + x + 1/4
    assert model.sends == "values"


def test_a_current_based_integrator_sends_its_potential() -> None:
    model = neurons.model("li.cuba")
    state, params = np.zeros(1, model.state), np.zeros(1, model.params)
    params["alpha"], params["exc_decay"], params["inh_decay"] = 0.5, 0.5, 0.25
    r = state.view(np.recarray), params.view(np.recarray)
    sent = [evolve(model, r[0], np.float32(x), r[1], ())[0] for x in ((4, 1), (0, 0), (0, 0))]
    # i: 4, 2, 1 and 1, 1/4, 1/16; v: 3; 1.5 + 1.75; 1.625 + 0.9375
    assert sent == [3, 3.25, 2.5625]
