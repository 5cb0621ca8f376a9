"""Neurons of the simulators on a processor: registers in SI units, weights in whole numbers.

Every weight is a whole number of a population's `unit`, so that the sum of a step is the same in
whatever order spikes arrive, on any number of threads or machines. A model in float32 keeps weights
of 12 bits and a sign, which pack with their target into four bytes; the largest weight is the top.
A model in float64 keeps 44 bits, and its unit is a power of two, so that weights which are sums of
few powers of two are exact.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import sparse

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.quantised import Quantised, Scaling, Synapses
from mossy.network.populations import Conv, Population, Projection
from mossy.network.recipe import Draw, Noise, Recipe
from mossy.program.artefact import WordFormat
from mossy.synapses import conv2d

PLAIN = (
    "if_curr_exp", "if_curr_alpha", "if_curr_delta", "if_cond_exp", "if_cond_alpha", "eif_cond_exp",
    "eif_cond_alpha", "hh_cond_exp",
)  # fmt: skip
MODELS = (
    *PLAIN, *(f"{name}.double" for name in PLAIN), "izhikevich.euler", "izhikevich.euler_double",
)  # fmt: skip
BITS = {"single": 12, "double": 44}
WORD = WordFormat(64, weight=32, delay=8, type=0, index=24, coding="signed")
WIDE_WORD = WordFormat(64, weight=45, delay=0, type=0, index=19, coding="signed")


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return a population whose parameters are its model's own. Raises UnsupportedNode E0221."""
    name, noise = population.model, population.noise
    double = name.endswith("double")
    if name == "if_curr_exp" and _one_current(population):
        name = "if_curr_exp.one"
    model = neurons.model(name)
    top = (1 << (scaling.bits - 1 if scaling.bits else BITS["double" if double else "single"])) - 1
    largest = max([*(_largest(j) for j in incoming), *(abs(n.weight) for n in noise)], default=0.0)
    scale = top / (largest or 1.0)
    if double:
        scale = 2.0 ** math.floor(math.log2(scale))
    params = np.zeros(population.n, model.params)
    for field in set(model.params.names or ()) & set(population.params):
        params[field] = population.params[field]
    params["unit"] = 1 / scale
    state = np.zeros(population.n, model.state)
    for field in set(model.state.names or ()):
        state[field] = population.params.get(f"{field}_init", 0.0)
    most = int(facts["delay_max"])
    refuse.delay_beyond(population, _longest(incoming), most, int(facts["step_latency"]))
    return Quantised(
        population.name, name, _fmt(population), params, state,
        WIDE_WORD if double else WORD,
        np.ones(population.n), np.zeros(population.n), scale,
        tuple(_scaled(j, scale, top, most) for j in incoming),
        noise=tuple(Noise(n.mean, float(np.rint(n.weight * scale)), n.seed) for n in noise),
    )  # fmt: skip


def _fmt(population: Population) -> tuple[int, ...]:
    """Into how many parts a model of several parts cuts its step; all its neurons do alike."""
    parts = population.params.get("substeps")
    return () if parts is None else (int(parts[0]),)


def _one_current(population: Population) -> bool:
    """Whether excitation and inhibition decay alike, so that one current can hold both."""
    p = population.params
    pairs = (("exc_decay", "inh_decay"), ("exc_gain", "inh_gain"))
    return all(np.array_equal(p[a], p[b]) for a, b in pairs)


def _largest(projection: Projection) -> float:
    w = projection.weight
    if isinstance(w, Recipe):
        return w.largest
    return float(np.abs(w.weight if isinstance(w, Conv) else w.data).max(initial=0))


def _longest(incoming: tuple[Projection, ...]) -> int:
    listed = tuple(j for j in incoming if not isinstance(j.weight, Recipe))
    recipes = (_centre(j.weight.delay) for j in incoming if isinstance(j.weight, Recipe))
    return max([refuse.longest_delay(listed), *(int(r) for r in recipes)], default=0)


def _centre(d: Draw) -> float:
    """A delay that surely occurs; a tail beyond what a word holds is drawn again."""
    return d.a if np.isinf(d.bounds[1]) else min(d.bounds[1], np.inf)


def _scaled(projection: Projection, scale: float, top: int, most: int) -> Synapses:
    w: Any = projection.weight
    if isinstance(w, Recipe):
        delay = w.delay
        if delay.bounds[1] > most:
            delay = dataclasses.replace(delay, high=most + 0.49)
        w = dataclasses.replace(w, scale=scale, top=float(top), delay=delay)
    else:
        w = conv2d.matrix(w) if isinstance(w, Conv) else w
        w = sparse.csr_array(
            (np.rint(w.data * scale).astype(np.int64), w.indices, w.indptr), w.shape
        )
        w.eliminate_zeros()
        w.sort_indices()
    return Synapses(
        projection.source,
        projection.name,
        w,
        projection.delay_source,
        projection.delay_target,
    )
