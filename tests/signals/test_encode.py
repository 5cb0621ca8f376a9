"""Encoders: what each formula gives, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mossy.errors import BadInput
from mossy.signals import encode


def test_direct_repeats_the_value():
    out = encode.direct([[0.25, 1]], 3)
    assert out.shape == (1, 3, 2) and out.tolist() == [[[0.25, 1]] * 3]


def test_rate_is_a_comparison_with_one_draw():
    x = np.random.default_rng(0).random((4, 2, 3))
    out = encode.rate(x, 50, np.random.default_rng(7))
    draws = np.random.default_rng(7).random((4, 50, 2, 3))
    assert out.dtype == bool and np.array_equal(out, draws < x[:, None])


def test_rate_at_the_ends_and_on_average():
    rng = np.random.default_rng(1)
    out = encode.rate(np.array([[0, 0.3, 1]]), 20_000, rng)
    assert out[..., 0].sum() == 0 and out[..., 2].all()
    # Five standard deviations of a mean of 20,000 draws.
    assert abs(out[..., 1].mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 20_000)


def test_latency_by_hand():
    out = encode.latency([[1, 0.75, 0.5, 0.01, 0]], 5)
    assert [np.flatnonzero(c).tolist() for c in out[0].T] == [[0], [1], [2], [4], []]


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=20), st.integers(1, 40))
def test_latency_gives_one_spike_and_keeps_the_order(values, steps):
    out = encode.latency([values], steps)
    assert (out.sum(axis=1) == 1).all()
    when = out.argmax(axis=1)[0]
    assert (np.diff(when[np.argsort(values)]) <= 0).all()


CALLS = [
    encode.direct,
    lambda x, steps: encode.rate(x, steps, np.random.default_rng(0)),
    encode.latency,
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("x", "steps", "code", "text"),
    [
        ([[1.5, -0.5]], 3, "E0130", r"must lie in \[0, 1\]; got -0.5 to 1.5; .* Try: x / x.max"),
        ([[np.nan, 0]], 3, "E0130", "got nan to nan"),
        ("abc", 3, "E0130", "must be an array of numbers"),
        (0.5, 3, "E0130", r"got shape \(\).*Try: x\[None\]"),
        ([[0.5]], 0, "E0131", "steps must be a whole number above 0; got 0"),
        ([[0.5]], 1.5, "E0131", "got 1.5"),
        ([[0.5]], True, "E0131", "got True"),
    ],
)
def test_refusals(call, x, steps, code, text):
    with pytest.raises(BadInput, match=text) as error:
        call(x, steps)
    assert error.value.code == code


def test_regular_spreads_spikes_evenly():
    brightness = np.array([[0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0]])
    drawn = ["".join(".|"[int(s)] for s in row) for row in encode.regular(brightness, 8)[0].T]
    assert drawn == ["........", ".......|", "...|....", ".|...|..", "|.|.|.|.", "||||||||"]


def test_regular_rounds_the_count_half_up():
    x = np.arange(17)[None] / 16
    np.testing.assert_array_equal(encode.regular(x, 8).sum(axis=1)[0], (np.arange(17) + 1) // 2)


def test_delta_by_hand() -> None:
    # changes with residue: 3 sent | 0.5 | 0.5 + 0.5 = 1 sent | -4 sent | 0
    signal = np.array([3, 3.5, 4, 0, 0])[None, :, None]
    assert encode.delta(signal, 1)[0, :, 0].tolist() == [3, 0, 1, -4, 0]


def test_delta_of_whole_numbers_and_of_no_steps() -> None:
    out = encode.delta(np.array([[200, 100]], np.uint8), 0)
    assert out.dtype == np.float64 and out.tolist() == [[200, -100]]
    assert encode.delta(np.zeros((2, 0, 3)), 1).shape == (2, 0, 3)


@given(
    st.lists(st.integers(-400, 400), min_size=1, max_size=30),
    st.sampled_from([0, 0.25, 3, 1000]),
)
def test_delta_sums_up_to_the_signal_but_for_less_than_the_threshold(
    values: list[int], threshold: float
) -> None:
    signal = np.array(values)[None, :, None] / 4
    out = encode.delta(signal, threshold)
    off = np.abs(out.cumsum(axis=1) - signal).max()
    assert out.shape == signal.shape and (off < threshold or off == 0)
    assert (np.abs(out[out != 0]) >= threshold).all()


@pytest.mark.parametrize(
    ("x", "threshold", "code", "text"),
    [
        ([[1.0]], -1, "E0131", "the threshold of changes must be a number, 0 or more; got -1"),
        ([[1.0]], np.nan, "E0131", "got nan"),
        ([[1.0]], "1", "E0131", "got '1'"),
        ([1.0], 1, "E0130", r"\(batch, time, \*shape\); got shape \(1,\)"),
        ([[np.inf]], 1, "E0130", "finite numbers"),
        ([["a"]], 1, "E0130", "finite numbers"),
    ],
)
def test_delta_refuses(x: Any, threshold: Any, code: str, text: str) -> None:
    with pytest.raises(BadInput, match=text) as error:
        encode.delta(x, threshold)
    assert error.value.code == code
