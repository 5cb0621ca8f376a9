"""Laws: how the weights and delays of a recipe are drawn as whole numbers.

A distribution of few values becomes a table, from which a value is picked in one look (Walker's
alias method); a finer one is drawn by its formula.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mossy.network.recipe import SHAPES, Draw
from mossy.synapses.chance import alias

MOST_VALUES = 1 << 16  # of a table; finer distributions are drawn by the formula


class Law(NamedTuple):
    """How a whole number is drawn: `first` + one of the table's values, or by the formula.

    shape, a, b, low, high: as in a recipe's draw; share, span: of the distribution, what lies
    between its bounds; then times `scale`, within least .. top.
    """

    first: int
    threshold: NDArray[np.uint64]
    other: NDArray[np.int64]
    shape: int
    a: float
    b: float
    share: float
    span: float
    low: float
    high: float
    scale: float
    least: float
    top: float


def law(d: Draw, scale: float, least: float, top: float) -> Law:
    """Return the law of rint(d scale) within least .. top."""
    low, high = (d.low, d.high) if d.clip or d.shape != "constant" else (-np.inf, np.inf)
    share, last = d.shares
    first, threshold, other = _table(d, scale, least, top)
    return Law(
        first, threshold, other,
        SHAPES.index(d.shape), float(d.a), float(d.b), share, last - share, float(low), float(high),
        scale, least, top,
    )  # fmt: skip


def _table(
    d: Draw, scale: float, least: float, top: float
) -> tuple[int, NDArray[np.uint64], NDArray[np.int64]]:
    """First value, thresholds and aliases; no thresholds where the values are too many."""
    bounds = [np.clip(np.rint(v * scale), least, top) for v in _far(d)]
    if bounds[1] - bounds[0] >= MOST_VALUES:
        return 0, np.zeros(0, np.uint64), np.zeros(0, np.int64)
    value = np.arange(bounds[0], bounds[1] + 1)
    share, last = d.shares
    inner = d.below((value[:-1] + 0.5) / scale)
    if not d.clip:
        inner = np.clip((inner - share) / (last - share), 0, 1)
    shares = np.diff(inner, prepend=0.0, append=1.0)
    return (int(value[0]), *alias(shares / shares.sum()))


def _far(d: Draw) -> tuple[float, float]:
    """Bounds, so far out that no 64 bits lie beyond them."""
    least, most = d.bounds
    if d.shape in ("normal", "lognormal"):
        ends = d.a - 9 * d.b, d.a + 9 * d.b
        if d.shape == "lognormal":
            ends = float(np.exp(ends[0])), float(np.exp(ends[1]))
        return max(least, ends[0]), min(most, ends[1])
    return least, min(most, 45 * d.a) if d.shape == "exponential" else most
