"""Adaptive-threshold steps against numbers worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons

TOP = (1 << 23) - 1
FLOAT = {
    "keep_u": 0.5, "keep_v": 0.5, "keep_theta": 0.5, "keep_r": 0.5,
    "rest": 4.0, "jump": 2.0,
}  # fmt: skip
INT = {
    "decay_u": 4096, "decay_v": 2048, "decay_theta": 2048, "decay_r": 2048,
    "rest": 100, "jump": 50, "v_min": -TOP, "v_max": TOP,
}  # fmt: skip
FMT = (12, 23)


def trace(
    name: str, x: Sequence[float], fmt: tuple[int, ...], params: Mapping[str, float]
) -> tuple[NDArray[Any], list[bool]]:
    """Step one neuron from rest; return its states and whether it fired in each step."""
    model = neurons.model(name)
    p, s = np.zeros(1, model.params).view(np.recarray), np.zeros(1, model.state).view(np.recarray)
    for key, value in params.items():
        p[key] = value
    seen, fired = np.zeros(len(x), model.state), []
    for t, now in enumerate(x):
        fired.append(bool(model.step(s[0], now, now, p[0], fmt)))
        seen[t] = s[0]
    return seen, fired


def test_float_threshold_and_refractory_state_rise_at_a_spike() -> None:
    seen, fired = trace("adaptive_lif", [5, 0, 0, 0], (), FLOAT)
    # v 5 >= 4: r = 2 * 4, theta = 6; then theta 5, r 4; u 2.5, v 5: 5 - 4 < 5
    assert fired == [True, False, False, False]
    assert seen["v"].tolist() == [5, 5, 3.75, 2.5]
    assert seen["u"].tolist() == [5, 2.5, 1.25, 0.625]
    assert seen["over"].tolist() == [2, 1, 0.5, 0.25]
    assert seen["r"].tolist() == [8, 4, 2, 1]


def test_it_fires_at_its_threshold() -> None:
    assert trace("adaptive_lif", [4], (), FLOAT)[1] == [True]
    assert trace("adaptive_lif.int", [100], FMT, INT)[1] == [True]
    assert trace("adaptive_lif.int", [99], FMT, INT)[1] == [False]


def test_integer_threshold_and_refractory_state_rise_at_a_spike() -> None:
    seen, fired = trace("adaptive_lif.int", [101, 0, 0], FMT, INT)
    # theta 150, then 100 + 25, 100 + 12 (25 / 2 cut); r 200, 100, 50; v 101, 50, 25
    assert fired == [True, False, False]
    assert seen["over"].tolist() == [50, 25, 12]
    assert seen["r"].tolist() == [200, 100, 50] and seen["v"].tolist() == [101, 50, 25]


def test_the_threshold_decays_towards_rest_from_below_too() -> None:
    model = neurons.model("adaptive_lif.int")
    p, s = np.zeros(1, model.params).view(np.recarray), np.zeros(1, model.state).view(np.recarray)
    for key, value in INT.items():
        p[key] = value
    s["over"], s["r"] = -5, 1000
    assert not model.step(s[0], 0, 0, p[0], FMT)
    assert s["over"][0] == -2  # -5 / 2, cut towards zero


def test_the_current_turns_and_the_potential_clips() -> None:
    p = INT | {"decay_u": 0, "decay_v": 0, "rest": TOP + 1}
    half = 1 << 22
    seen, _ = trace("adaptive_lif.int", [half, half, half], FMT, p)
    assert seen["u"].tolist() == [half, 2 * half, -half]  # +2^23 stays, 3 * 2^22 - 2^24
    assert seen["v"].tolist() == [half, TOP, TOP - half]
    seen, _ = trace("adaptive_lif.int", [-half, -half], FMT, p)
    assert seen["u"].tolist() == [-half, 2 * half]  # -2^23 does not


def test_a_bias_drives_it_without_input() -> None:
    assert any(trace("adaptive_lif.int", [0] * 5, FMT, INT | {"bias": 60})[1])
    assert any(trace("adaptive_lif", [0] * 5, (), FLOAT | {"bias": 3.0})[1])
