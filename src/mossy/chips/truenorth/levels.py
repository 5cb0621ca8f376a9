"""Weights as a few whole multiples of one unit per neuron, with the least squared error.

    w_i ~ unit m_i,   m_i whole, |m_i| <= top;      top 1: -, 0, +       top 4: nine levels

For a given unit the best m_i is the nearest, so as the unit shrinks each |m_i| steps up once at
unit = |w_i| / (k + 1/2), k = 0 .. top - 1. Between two such steps m is fixed, the best unit is
sum |w| m / sum m^2 and the error is sum w^2 - (sum |w| m)^2 / sum m^2. Walking the steps in order
with two running sums finds the global optimum; for top = 1 it is the well-known rule of ternary
weights, the mean of the largest magnitudes.

A level is made of axon types: type 0 adds the unit, 1 takes it, 2 adds and 3 takes FAR units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FAR = 3
UNITS = (1, -1, FAR, -FAR)  # what one spike on an axon of each type adds
PARTS = ((), (0,), (2, 1), (2,), (2, 0))  # the types that make levels 0 to 4


def fit(weights: NDArray[np.float64], top: int) -> tuple[float, NDArray[np.int64]]:
    """Return (unit, m) for the weights of one neuron; unit 0 where all weights are zero."""
    size = np.abs(weights)
    steps = np.arange(top) + 0.5
    order = np.argsort(-(size[:, None] / steps).ravel(), kind="stable")
    covered = np.cumsum(np.repeat(size, top)[order])
    squares = np.cumsum(np.tile(2 * np.arange(top) + 1, size.size)[order])
    if not covered.size or covered[-1] <= 0:
        return 0.0, np.zeros(size.size, np.int64)
    best = int(np.argmax(covered**2 / squares))
    m = np.bincount(order[: best + 1] // top, minlength=size.size)
    return float(covered[best] / squares[best]), np.sign(weights).astype(np.int64) * m


def fit_rows(weights: sparse.csr_array, top: int) -> tuple[NDArray[np.float64], sparse.csr_array]:
    """Return the unit of every row, and the levels of all weights with the zeros left out."""
    unit = np.zeros(weights.shape[0])
    level = np.zeros(weights.nnz, np.int64)
    for j in range(weights.shape[0]):
        a, b = weights.indptr[j], weights.indptr[j + 1]
        unit[j], level[a:b] = fit(weights.data[a:b], top)
    return unit, _without_zeros(level, weights)


def of_type(level: sparse.csr_array, kind: int) -> sparse.csr_array:
    """Return the crossbar bits on axons of type `kind`: ones where a level needs that type."""
    bits = np.array([_needs(m, kind) for m in range(-4, 5)], float)[level.data + 4]
    return _without_zeros(bits, level)


def _without_zeros(data: NDArray[Any], like: sparse.csr_array) -> sparse.csr_array:
    """A matrix with other data in the places of `like`, which keeps its own."""
    places = like.indices.copy(), like.indptr.copy()  # changed when the zeros go
    found = sparse.csr_array((data, *places), shape=like.shape)
    found.eliminate_zeros()
    return found


def _needs(m: int, kind: int) -> bool:
    """Whether level m needs an axon of that type; below zero the signs change places."""
    return (kind if m > 0 else kind ^ 1) in PARTS[abs(m)]
