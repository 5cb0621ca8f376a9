"""Sigma-delta steps against numbers worked by hand, and Python against compiled code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mossy import neurons
from mossy.testing.vectors import Vector, replay, replay_compiled

FLOAT, INT = neurons.model("sigma_delta"), neurons.model("sigma_delta.int")
TOP = (1 << 31) - 1


def sent(name: str, x: Sequence[float], fmt: tuple[int, ...] = (), **params: float) -> Vector:
    """Step one neuron through `x`; return its states and what it sends, compiled and not."""
    model = neurons.model(name)
    p = np.zeros(1, model.params)
    for key, value in params.items():
        p[key] = value
    drive = np.array(x).reshape(-1, 1, 1)
    empty = np.zeros((len(x), 1), model.drive)
    states = np.zeros((len(x), 1), model.state)
    given = Vector(name, "", np.array(fmt, np.int64), p, states[0], drive, states, empty)
    (states, out), compiled = replay(given), replay_compiled(given)
    assert states.tobytes() == compiled[0].tobytes() and (out == compiled[1]).all()
    return Vector(name, "", given.fmt, p, states[0], drive, states, out)


def test_a_change_is_sent_when_it_reaches_the_threshold() -> None:
    v = sent("sigma_delta", [1, 1, 0, -3, 2], threshold=2.0)
    # s 1 2 2 -1 1; a 1 2 2 0 1; d 1, 1 + 1 = 2 sent, 0, -2 sent, 1 kept
    assert v.states["v"].ravel().tolist() == [1, 2, 2, -1, 1]
    assert v.fired.ravel().tolist() == [0, 2, 0, -2, 0]
    assert v.states["residue"].ravel().tolist() == [1, 0, 0, 0, 1]


def test_without_threshold_what_was_sent_adds_up_to_the_activation() -> None:
    rng = np.random.default_rng(4)
    v = sent("sigma_delta", rng.integers(-9, 9, 50).astype(float).tolist(), offset=3.0)
    s = np.cumsum(v.drive.ravel())
    assert np.cumsum(v.fired.ravel()).tolist() == np.maximum(s + 3, 0).tolist()


def test_a_bias_is_sent_in_the_first_step() -> None:
    assert sent("sigma_delta", [0, 0], offset=5.0).fired.ravel().tolist() == [5, 0]
    v = sent("sigma_delta.int", [0, 0], (6, 6), offset=5 << 12)
    assert v.fired.ravel().tolist() == [5 << 6, 0]


def test_integers_are_sent_without_their_state_bits_rounded_down() -> None:
    v = sent("sigma_delta.int", [7, 0, -6], (0, 2))
    # d 7 -> 1 (3 of 4 lost), then 0, then -6 -> -2: the floor of -1.5
    assert v.fired.ravel().tolist() == [1, 0, -2]
    assert v.states["residue"].ravel().tolist() == [0, 0, 0]
    assert v.states["act"].ravel().tolist() == [7, 7, 1]


def test_the_residue_is_kept_until_it_is_worth_a_spike() -> None:
    v = sent("sigma_delta.int", [3, 3, 3], (0, 0), threshold=8)
    assert v.states["residue"].ravel().tolist() == [3, 6, 0]
    assert v.fired.ravel().tolist() == [0, 0, 9]


@pytest.mark.parametrize(("start", "x", "v"), [(TOP, 1, -TOP - 1), (-TOP, -2, TOP)])
def test_sums_wrap_to_32_bits(start: int, x: int, v: int) -> None:
    seen = sent("sigma_delta.int", [start, x], (6, 6), threshold=TOP)
    assert seen.states["v"].ravel().tolist() == [start, v]


def test_a_change_of_minus_2_to_31_has_no_magnitude() -> None:
    """As in 32-bit arithmetic, where its absolute value is itself and below every threshold."""
    state = np.zeros(1, INT.state).view(np.recarray)
    state["act"], state["v"], state["residue"] = TOP, 0, -1
    params = np.zeros(1, INT.params).view(np.recarray)
    params["threshold"] = 1
    assert INT.step(state[0], 0, 0, params[0], (6, 6)) == 0
    assert state["residue"][0] == -TOP - 1


def test_a_readout_never_sends() -> None:
    assert not sent("sigma_delta", [1e30, -1e30], threshold=np.inf).fired.any()
    assert not sent("sigma_delta.int", [TOP - 1, -5], (6, 6), threshold=TOP).fired.any()


def test_what_the_models_send_are_values() -> None:
    assert FLOAT.sends == INT.sends == "values"
