"""Resonate-and-fire steps against numbers worked by hand and the closed form of the oscillation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons

TOP = (1 << 23) - 1
QUARTER = {"cos": 0.0, "sin": 1.0}  # a quarter turn per step, no decay
FMT = (0, 0, 23)


def trace(
    name: str,
    x: Sequence[tuple[float, float]],
    params: Mapping[str, float],
    fmt: tuple[int, ...] = (),
) -> tuple[NDArray[Any], list[bool]]:
    """Step one neuron; return its states and whether it fired in each step."""
    model = neurons.model(name)
    p, s = np.zeros(1, model.params).view(np.recarray), np.zeros(1, model.state).view(np.recarray)
    for key, value in params.items():
        p[key] = value
    seen, fired = np.zeros(len(x), model.state), []
    for t, (x0, x1) in enumerate(x):
        fired.append(bool(model.step(s[0], x0, x1, p[0], fmt)))
        seen[t] = s[0]
    return seen, fired


def test_a_quarter_turn_per_step() -> None:
    seen, fired = trace(
        "resonate_fire", [(4, 0), (0, 0), (0, 0), (0, 0)], QUARTER | {"threshold": 3}
    )
    assert seen["v"].tolist() == [4, 0, -4, 0] and seen["im"].tolist() == [0, 4, 0, -4]
    assert not any(fired)


def test_it_fires_where_the_imaginary_part_rises_through_zero() -> None:
    start = [(0, -4), (0, 0)]
    seen, fired = trace("resonate_fire", start, QUARTER | {"threshold": 3})
    # im: -4 (no crossing: it was 0), then re = 4, im = 0: a crossing from below with re >= 3
    assert seen["v"].tolist() == [0, 4] and fired == [False, True]
    assert trace("resonate_fire", start, QUARTER | {"threshold": 5})[1] == [False, False]
    exact, fires = trace("resonate_fire.int", start, QUARTER | {"threshold": 3}, FMT)
    assert exact["v"].tolist() == [0, 4] and fires == [False, True]


def test_the_float_form_follows_the_closed_form() -> None:
    period, decay, n = 7.3, 0.95, 60
    turn = 2 * np.pi / period
    factors = {"cos": decay * np.cos(turn), "sin": decay * np.sin(turn)}
    seen, _ = trace("resonate_fire", [(1, 0)] + [(0, 0)] * (n - 1), factors | {"threshold": 9})
    z = (decay * np.exp(1j * turn)) ** np.arange(n)
    assert np.allclose(seen["v"] + 1j * seen["im"], z, atol=1e-6)


def test_the_snapping_form_resets() -> None:
    seen, fired = trace("resonate_fire", [(1, 5)], QUARTER | {"threshold": 4, "snap": 1})
    assert fired == [True] and seen["v"][0] == 0
    assert seen["im"][0] == np.float32(np.float32(4) - np.float32(1e-5))
    snapping = QUARTER | {"threshold": 4, "snap": 1}
    exact, fires = trace("resonate_fire.int", [(1, 4)], snapping, FMT)
    assert fires == [True] and exact["v"][0] == 0 and exact["im"][0] == 3


def test_integer_products_are_cut_towards_zero() -> None:
    for sign in (1, -1):
        drive = [(sign * 5, 0), (0, 0)]
        seen, _ = trace("resonate_fire.int", drive, {"cos": 3, "threshold": TOP}, (2, 0, 23))
        assert seen["v"].tolist() == [sign * 5, sign * 3]  # 15 / 4 = 3.75


def test_inputs_are_shifted_and_states_clipped() -> None:
    drive = [(1 << 20, -(1 << 20))] * 2
    seen, _ = trace("resonate_fire.int", drive, {"cos": 1, "threshold": TOP, "snap": 1}, (0, 4, 23))
    assert seen["v"].tolist() == [TOP, TOP] and seen["im"].tolist() == [-TOP, -TOP]


@pytest.mark.parametrize("name", ["resonate_fire", "resonate_fire.int"])
def test_both_inputs_are_parted_by_type(name: str) -> None:
    model = neurons.model(name)
    assert (model.inputs, model.receptors, model.sends) == (2, "type", "spikes")
