"""Weights as sPyNNaker scales them: a left shift for the ring buffer and 2^(15 - shift) per unit.

    w_max  = total                                      where all delays of a projection are equal
             max(min(mean + sigma sd, total), largest)  of Poisson sources otherwise
    shift  = ceil(log2 w_max) or 0, and one more where w_max is that power itself
    field  = rint(|w| 2^(15 - shift))                   unsigned; the word's type is the sign

`total` adds up, for each projection, its largest weight times the synapses of the neuron that has
most, times what a Poisson source of known rate can send in a step. That is far more than any neuron
can receive, so the shift is taken smaller where all weights of one sign still fit an entry of 16
bits together; max_expected_summed_weight asks sPyNNaker for the same. Both signs share the larger
shift, because a population has one weight scale here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse, special

from mossy.chips.facts import Facts
from mossy.network.populations import Array, Projection
from mossy.synapses import conv2d

TOP = (1 << 16) - 1  # largest entry of a ring buffer, and largest field
SUMMED = 3.0  # standard deviations to which the Poisson sum of the weights' variance is taken
SLOW = 0.01  # spikes per step below which a Poisson source counts as any other
RARE = 1e-3  # of all steps, in which such a source sends more than is reckoned with
HUGE = 701.0  # exponents beyond this are left out


def matrices(incoming: tuple[Projection, ...], factor: Array) -> list[sparse.csr_array]:
    """Weights (n_target, n_source) of each projection, the rows multiplied by `factor`."""
    found = []
    for j in incoming:
        w: Any = j.weight
        w = w if isinstance(w, sparse.csr_array) else conv2d.matrix(w)
        found.append(sparse.csr_array(w.multiply(factor[:, None])))
    return found


def totals(weights: list[sparse.csr_array], n: int) -> Array:
    """Largest sum (n,) of either sign in a step in which every source sends one spike."""
    both = np.zeros((2, n))
    for w in weights:
        both[0] += np.asarray(w.maximum(0).sum(axis=1)).reshape(-1)
        both[1] -= np.asarray(w.minimum(0).sum(axis=1)).reshape(-1)
    largest: Array = both.max(axis=0)
    return largest


def left_shift(w_max: float) -> int:
    """Left shift of a ring buffer for sums up to `w_max`."""
    shift = max(0, math.ceil(math.log2(w_max))) if w_max > 0 else 0
    return shift + (w_max >= 1 << shift)


def fitting_shift(weights: list[sparse.csr_array], n: int, shift: int) -> int:
    """Smallest shift up to `shift` with which everything fits an entry. weights: in s16.15 bits."""
    while shift and totals([_fields(w, shift - 1) for w in weights], n).max(initial=0) <= TOP:
        shift -= 1
    return shift


def _fields(weight: sparse.csr_array, shift: int) -> sparse.csr_array:
    return sparse.csr_array((weight / 2.0**shift).rint())


class Inflow(NamedTuple):
    """Weights of one sign of one projection: those of the neuron that has most, and what they are.

    spread: their delays differ. rate: spikes per step of the liveliest source, None if unknown.
    """

    n: int
    mean: float
    variance: float
    largest: float
    spread: bool
    rate: float | None = None


def expected(
    incoming: tuple[Projection, ...], weights: list[sparse.csr_array], facts: Facts
) -> float:
    """Largest summed input that the ring buffer is made for, in the unit of `weights`."""
    rate = float(facts["spikes_per_second"]) * float(facts["tick"])
    pairs = list(zip(incoming, weights, strict=True))
    signs = ([inflow(w, sign, _differ(j)) for j, w in pairs] for sign in (1, -1))
    return max(largest_sum(parts, rate, float(facts["ring_sigma"])) for parts in signs)


def _differ(j: Projection) -> bool:
    return bool(np.ptp(j.delay_source) > 0 or np.ptp(j.delay_target) > 0)


def inflow(weight: sparse.csr_array, sign: int, spread: bool) -> Inflow:
    """Return what there is of one sign in a matrix."""
    kept = (weight * sign).maximum(0)
    kept.eliminate_zeros()
    w = sparse.csr_array(kept)
    most = int(np.diff(w.indptr).max(initial=0))
    if not most:
        return Inflow(0, 0.0, 0.0, 0.0, spread)
    return Inflow(most, float(w.data.mean()), float(w.data.var()), float(w.data.max()), spread)


def largest_sum(parts: list[Inflow], rate: float, sigma: float) -> float:
    """Largest sum of one sign that is reckoned with. rate: of a source of unknown rate."""
    parts = [part for part in parts if part.n]
    if not parts:
        return 0.0
    top = max(part.largest for part in parts)
    total = sum(_at_once(part.rate, rate) * part.largest * part.n for part in parts)
    if not any(part.spread for part in parts):
        return max(total, top)
    events = sum(part.n * (part.rate or rate) for part in parts)
    bound = _poisson(events, *_moments(parts), sigma)
    return max(min(bound, total), top)


def _at_once(known: float | None, rate: float) -> float:
    """Spikes of one source in a step that are reckoned with.

    Of a Poisson source, one more than it exceeds in a thousandth of all steps, if it is not slow.
    """
    if known is None:
        return max(1.0, rate)
    if known < SLOW:
        return 1.0
    most = math.ceil(special.pdtrik(1 - RARE, known))
    exact = bool(special.pdtr(max(most - 1, 0), known) < 1 - RARE)
    return float(most + exact)


def _moments(parts: list[Inflow]) -> tuple[float, float]:
    """Mean and variance of the weights of all projections, each counted `n` times."""
    means, count = np.array([p.mean for p in parts]), np.array([p.n for p in parts])
    mean = float(count @ means / count.sum())
    within = (count - 1) @ np.array([p.variance for p in parts])
    variance = (within + count @ (means - mean) ** 2) / max(1, count.sum() - 1)
    return mean, float(variance)


def _poisson(rate: float, mean: float, variance: float, sigma: float) -> float:
    """Mean of a compound Poisson sum and `sigma` standard deviations.

    rate: events per step. The weights' own variance counts once per event, up to three standard
    deviations of their number: the sum of k P(k) is rate P(most - 1). It is left out, as there,
    where its terms leave the range of a double.
    """
    most = round(rate + SUMMED * math.sqrt(rate))
    size = most * math.log(rate) - math.lgamma(1 + most)
    events = rate * float(special.pdtr(most - 1, rate)) if 0 < abs(size) < HUGE and most else 0.0
    return rate * mean + sigma * math.sqrt(rate * mean**2 + events * variance)
