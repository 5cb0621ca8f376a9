"""A kernel's targets one by one, as a matrix, and as SciPy's correlation: one answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import correlate

from mossy.network.populations import Conv
from mossy.synapses import conv2d


@st.composite
def convolutions(draw: st.DrawFn) -> Conv:
    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    c_in, c_out = pair(1, 3)
    pool, kernel, stride, padding = pair(1, 3), pair(1, 3), pair(1, 3), pair(0, 2)
    size = tuple(
        p * max(k - 2 * q, 1) + draw(st.integers(0, 5))
        for p, k, q in zip(pool, kernel, padding, strict=True)
    )
    places = [
        (n // p + 2 * q - k) // s + 1
        for n, p, q, k, s in zip(size, pool, padding, kernel, stride, strict=True)
    ]
    seed = draw(st.integers(0, 2**16))
    weight = np.random.default_rng(seed).integers(-3, 4, (c_out, c_in, *kernel))
    return Conv(
        weight,
        (c_in, size[0], size[1]),
        (c_out, places[0], places[1]),
        stride,
        padding,
        pool,
    )


def by_scipy(c: Conv, x: NDArray[Any]) -> NDArray[Any]:
    """Sum-pool, pad, correlate and stride one image (c_in, y, x)."""
    py, px = c.pool
    _, h, w = c.in_shape
    cut = x[:, : h // py * py, : w // px * px]
    pooled = cut.reshape(len(x), h // py, py, w // px, px).sum(axis=(2, 4))
    padded = np.pad(pooled, ((0, 0), (c.padding[0],) * 2, (c.padding[1],) * 2))
    full = [correlate(padded, kernel, mode="valid", method="direct")[0] for kernel in c.weight]
    return np.stack(full)[:, :: c.stride[0], :: c.stride[1]]


@settings(deadline=None)
@given(convolutions(), st.integers(0, 2**16))
def test_matrix_equals_correlation(c: Conv, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-4, 5, c.in_shape)
    got = (conv2d.matrix(c) @ x.reshape(-1)).reshape(c.out_shape)
    np.testing.assert_array_equal(got, by_scipy(c, x))


@settings(deadline=None, max_examples=60)
@given(convolutions(), st.data())
def test_targets_equal_the_columns_of_the_matrix(c: Conv, data: st.DataObject) -> None:
    dense = conv2d.matrix(c).toarray()
    n = dense.shape[0]
    lo = data.draw(st.integers(0, n - 1))
    hi = data.draw(st.integers(lo + 1, n))
    for source in range(dense.shape[1]):
        row = np.zeros(hi - lo, dense.dtype)
        for index, weight in conv2d.targets(c, source, lo, hi):
            assert weight != 0
            row[index] += weight
        np.testing.assert_array_equal(row, dense[lo:hi, source])


@settings(deadline=None, max_examples=60)
@given(convolutions(), st.data())
def test_degrees_and_reach_equal_those_of_the_matrix(c: Conv, data: st.DataObject) -> None:
    whole = conv2d.matrix(c)
    assert (conv2d.in_degrees(c) == np.diff(whole.indptr)).all()
    lo = data.draw(st.integers(0, whole.shape[0] - 1))
    hi = data.draw(st.integers(lo + 1, whole.shape[0]))
    wanted = np.zeros(whole.shape[1], bool)
    wanted[whole[lo:hi].indices] = True
    assert (conv2d.reach(c, lo, hi) == wanted).all()


def test_what_does_not_fill_a_pooling_window_reaches_nothing() -> None:
    c = Conv(np.ones((1, 1, 1, 1), int), (1, 5, 4), (1, 2, 2), (1, 1), (0, 0), (2, 2))
    last_row = [4 * 4 + x for x in range(4)]
    assert [list(conv2d.targets(c, s, 0, 4)) for s in last_row] == [[], [], [], []]
    assert list(conv2d.targets(c, 3, 0, 4)) == [(1, 1)]


def test_zeros_are_left_out() -> None:
    kernel = np.array([[[[0, 5]]]])
    c = Conv(kernel, (1, 1, 3), (1, 1, 2), (1, 1), (0, 0), (1, 1))
    assert conv2d.matrix(c).nnz == 2
    assert list(conv2d.targets(c, 0, 0, 2)) == []
