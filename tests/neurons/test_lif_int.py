"""The integer integrate-and-fire: counts, resets, bounds, and one event at a time, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mossy import neurons

MODEL = neurons.model("lif.int")


def one(
    v: int, bias: int, threshold: int, v_reset: int, v_min: int
) -> tuple[np.recarray, np.recarray]:
    state = np.array([(v,)], MODEL.state).view(np.recarray)
    params = np.array([(bias, threshold, v_reset, v_min)], MODEL.params).view(np.recarray)
    return state, params


@pytest.mark.parametrize(
    ("v", "x", "bias", "threshold", "fmt", "sent", "after"),
    [
        (0, 9, 0, 10, (30, 15, 255, 1, 0), 0, 9),
        (0, 10, 0, 10, (30, 15, 255, 1, 0), 1, 0),  # at the threshold
        (0, 10, 0, 10, (30, 15, 255, 1, 1), 0, 10),  # strict: not yet
        (0, 11, 0, 10, (30, 15, 255, 1, 1), 1, 1),
        (0, 20, 0, 10, (30, 15, 255, 1, 1), 1, 10),  # strict: the second one not yet
        (5, 28, 2, 10, (30, 15, 255, 1, 0), 3, 5),
        (5, 28, 2, 10, (30, 15, 2, 1, 0), 2, 15),  # no more than two
        (5, 28, 2, 10, (30, 15, 255, 0, 0), 1, 3),  # to v_reset
        (5, 28, 2, 10, (30, 15, 255, 2, 0), 1, 35),  # stays
        (0, -60, -7, 10, (30, 15, 255, 1, 0), 0, -50),  # the lower bound
        (0, 120, 0, 100, (6, 15, 255, 1, 0), 0, 63),  # the sum saturates
        (0, -120, 0, 100, (5, 15, 255, 1, 0), 0, -32),
        (0, 90, 0, 10, (30, 4, 1, 1, 0), 1, 15),  # what is kept saturates
    ],
)
def test_a_step(
    v: int, x: int, bias: int, threshold: int, fmt: tuple[int, ...], sent: int, after: int
) -> None:
    state, params = one(v, bias, threshold, 3, -50)
    assert MODEL.step(state[0], x, x, params[0], fmt) == sent
    assert state[0].v == after
    live, ring = np.array([[(v,)]], MODEL.state), np.array([[[x]]], MODEL.drive)
    fired, spikes, count = np.zeros((1, 1), int), np.zeros((1, 1), MODEL.drive), np.zeros(1, int)
    record = params.view(np.ndarray).view(MODEL.params)
    MODEL.update(live, record, ring, 0, 0, fmt, fired, spikes, count)
    assert (live["v"][0, 0], count[0]) == (after, int(sent > 0))
    assert spikes[0, 0] == sent


@pytest.mark.parametrize(
    ("v", "w", "fmt", "fired", "after"),
    [
        (0, 9, (30, 15, 255, 1, 0), False, 9),
        (5, 5, (30, 15, 255, 1, 0), True, 0),
        (5, 5, (30, 15, 255, 1, 1), False, 10),
        (5, 30, (30, 15, 255, 1, 0), True, 25),  # one spike; the rest waits
        (25, -5, (30, 15, 255, 1, 0), True, 10),  # also for an event that takes away
        (5, 30, (30, 15, 255, 0, 0), True, 3),
        (5, 30, (30, 15, 255, 2, 0), True, 35),
        (-45, -9, (30, 15, 255, 1, 0), False, -50),
        (5, 30, (30, 4, 255, 1, 0), True, 5),  # the register saturates before it is compared
    ],
)
def test_an_event(v: int, w: int, fmt: tuple[int, ...], fired: bool, after: int) -> None:
    state, params = one(v, 0, 10, 3, -50)
    assert MODEL.event is not None
    assert MODEL.event(state[0], w, params[0], fmt) is fired
    assert state[0].v == after
