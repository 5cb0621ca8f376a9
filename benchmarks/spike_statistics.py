"""What is said of a network's spikes: rates, irregularity, synchrony.

    rate        spikes per neuron and second
    cv          std / mean of a neuron's intervals, averaged over those with three spikes or more
    synchrony   variance / mean of the spike counts in bins of 3 ms, of up to 1,000 neurons

as Potjans & Diesmann (2014) measure them; 1 is what independent Poisson neurons have of synchrony.
Short recordings make the cv of slow neurons too small: only short intervals fit in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

BIN = 3e-3  # s
MOST = 1000  # neurons of which synchrony is taken: it grows with how many there are
LEAST = 3  # spikes of a neuron that has a cv

Ints = NDArray[np.integer[Any]]


def of_groups(
    steps: Ints, neurons: Ints, counts: Sequence[int], dt: float, total: int
) -> list[dict[str, float]]:
    """Return the statistics of each group. steps, neurons: of every spike, the groups numbered one
    after the other; counts: neurons by group; total: steps recorded.
    """
    ends = np.cumsum([0, *counts])
    found = []
    for low, high in pairwise(ends):
        here = (neurons >= low) & (neurons < high)
        s, i = steps[here], neurons[here] - low
        found.append(
            {
                "rate": len(s) / (high - low) / (total * dt),
                "cv": irregularity(s, i, int(high - low)),
                "synchrony": synchrony(s[i < MOST], total, dt),
            }
        )
    return found


def irregularity(steps: Ints, neurons: Ints, n: int) -> float:
    """Return the mean cv of the intervals; nan where no neuron has spikes enough."""
    order = np.lexsort((steps, neurons))
    s, i = steps[order].astype(np.float64), neurons[order]
    same = i[1:] == i[:-1]
    interval, owner = np.diff(s)[same], i[1:][same]
    number = np.bincount(owner, minlength=n)
    enough = number >= LEAST - 1
    if not enough.any():
        return math.nan
    first = np.bincount(owner, interval, n)[enough] / number[enough]
    second = np.bincount(owner, interval**2, n)[enough] / number[enough]
    return float((np.sqrt(np.maximum(second - first**2, 0)) / first).mean())


def synchrony(steps: Ints, total: int, dt: float) -> float:
    """Return variance over mean of the counts per bin; nan without spikes."""
    wide = round(BIN / dt)
    bins = total // wide
    counts = np.bincount(steps[steps < bins * wide] // wide, minlength=bins)
    return float(counts.var() / counts.mean()) if counts.any() else math.nan
