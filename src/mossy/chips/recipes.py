"""What a chip's rules ask of connectivity that is said and not listed.

How large its weights are and how many end at a neuron follow from the statement alone, without
making a synapse. A distribution is looked at through `quantile`, the inverse of its cumulative
share; its mean and variance are those of 4,096 quantiles in the middle of equal shares, which
gives the variance of a normal distribution to 0.1 %.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, special

from mossy.chips import refuse
from mossy.chips.quantised import Synapses
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.network.recipe import Draw, Recipe
from mossy.synapses import conv2d, generate

SHARES = (np.arange(4096) + 0.5) / 4096


def quantile(d: Draw, share: ArrayLike) -> Array:
    """Return the numbers below which lie these shares, 0 to 1, of what is drawn."""
    first, last = d.shares
    u = first + np.asarray(share, float) * (last - first)
    a, b = d.a, d.b
    if d.shape == "constant":
        found = np.full(u.shape, a)
    elif d.shape == "uniform":
        found = a + u * (b - a)
    elif d.shape == "exponential":
        found = -a * np.log1p(-u)
    else:
        found = a + b * special.ndtri(u) if b else np.full(u.shape, a)
        found = np.exp(found) if d.shape == "lognormal" else found
    bound = d.shape != "constant" or d.clip
    return np.clip(found, d.low, d.high) if bound else found


def mean(d: Draw) -> float:
    """Return the mean of what is drawn."""
    return float(quantile(d, SHARES).mean())


def variance(d: Draw) -> float:
    """Return the variance of what is drawn."""
    return float(quantile(d, SHARES).var())


def probable(n: int, p: float, share: float) -> int:
    """Return how many of n hits of probability p there are at most, but for 1 - `share`."""
    if n == 0 or p <= 0 or p >= 1:
        return n if p >= 1 else 0
    k = int(np.ceil(special.bdtrik(share, n, p)))
    return k - 1 if k and special.bdtr(k - 1, n, p) >= share else k


def degree(r: Recipe, chance: float) -> int:
    """Return the synapses of the target with most of them, exceeded with probability `chance`.

    Of a list, and of a recipe that depends on distance, those that there are.
    """
    pairs = r.n_source * r.n_target
    if r.kind == "one_to_one":
        return 1
    if r.kind == "all_to_all":
        return r.n_source
    if r.kind == "in_degree":
        return r.count
    if r.kind == "probability":
        return probable(r.n_source, r.p, 1 - chance / pairs)
    if r.kind == "out_degree":
        return probable(r.n_source * r.count, 1 / r.n_target, 1 - chance / pairs)
    if r.kind == "total":
        return probable(r.count, 1 / r.n_target, 1 - chance / max(1, r.count))
    return int(generate.in_degrees(generate.spec(r), 0, r.n_target).max(initial=0))


def synapses(r: Recipe) -> float:
    """Return how many synapses a recipe is expected to make, at most."""
    pairs = float(r.n_source) * r.n_target
    return {
        "one_to_one": float(min(r.n_source, r.n_target)), "all_to_all": pairs,
        "probability": pairs * r.p, "distance": pairs * r.p,
        "in_degree": float(r.count) * r.n_target, "out_degree": float(r.count) * r.n_source,
        "total": float(r.count), "listed": float(r.pre.size),
    }[r.kind]  # fmt: skip


def extreme(r: Recipe, chance: float) -> tuple[float, float]:
    """Return the least and largest weight, each exceeded with probability `chance`."""
    if r.kind == "listed":
        return float(r.weights.min(initial=0)), float(r.weights.max(initial=0))
    off = chance / max(1.0, synapses(r))
    low, high = quantile(r.weight, [off, 1 - off])
    return float(low), float(high)


def steps(projection: Projection, latency: int) -> int:
    """Return the most steps from a spike to its arrival, the chip's own `latency` included."""
    w = projection.weight
    return w.max_delay if isinstance(w, Recipe) else refuse.longest_delay((projection,)) + latency


def whole(r: Recipe, scale: Array, top: int, most: int) -> Recipe:
    """Return a recipe in whole weights up to `top`. scale: (2,), of either sign's weights.

    What is drawn has the scale of its mean's sign. most: steps, at least `r.max_delay`; the less
    than one of a billion delays that lies beyond is drawn again.
    """
    if r.kind == "listed":
        fields = np.rint(r.weights * np.where(r.weights < 0, scale[1], scale[0]))
        return dataclasses.replace(r, weights=fields, scale=1.0, top=float(top))
    delay = r.delay
    if delay.bounds[1] > most:
        delay = dataclasses.replace(delay, high=most + 0.49)
    own = float(scale[int(mean(r.weight) < 0)])
    return dataclasses.replace(r, scale=own, top=float(top), delay=delay)


def typical(j: Projection, scale: Array) -> float:
    """Return the mean whole weight of a projection, of any sign; 0 where there is none."""
    w: Any = j.weight
    if isinstance(w, Recipe) and w.kind != "listed":
        average = mean(w.weight)
        return abs(average * float(scale[int(average < 0)]))
    each = w.weights if isinstance(w, Recipe) else (w.weight if isinstance(w, Conv) else w.data)
    return float(np.abs(each * np.where(each < 0, scale[1], scale[0])).mean()) if each.size else 0.0


def matrix(projection: Projection, scale: Array, top: int) -> Synapses:
    """Return listed synapses as whole weights up to `top`. scale: (2,), of either sign's weights.

    A weight that rounds to zero needs no synapse.
    """
    w: Any = projection.weight
    w = conv2d.matrix(w) if isinstance(w, Conv) else w
    field = np.clip(np.rint(w.data * np.where(w.data < 0, scale[1], scale[0])), -top, top)
    made = sparse.csr_array((field.astype(np.int32), w.indices.copy(), w.indptr.copy()), w.shape)
    made.eliminate_zeros()
    made.sort_indices()
    return Synapses(
        projection.source, projection.name, made, projection.delay_source, projection.delay_target
    )


def no_noise(population: Population) -> None:
    """Raise UnsupportedNode E0280: cores here receive packets, and draw nothing beside them."""
    if population.noise:
        raise UnsupportedNode(
            "E0280",
            "noise of a population's own is not drawn here: every spike comes as a packet",
            where=population.node,
            got=f"{len(population.noise)} Poisson sources for each neuron",
            hint="passes.outside.given(populations) makes inputs of the noise, "
            "and passes.outside.drawn their spikes",
        )
