"""A conventional processor: float32 registers in network units, gains folded into the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.cpu import cells
from mossy.chips.facts import Facts
from mossy.chips.float_state import gain
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, Synapses
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.program.artefact import Place, WordFormat
from mossy.synapses import conv2d

# of network/populations.py
LAYERS = ("lif", "cuba_lif", "sigma_delta", "resonate_fire", "adaptive_lif", "graded_lif")
MODELS = (*LAYERS, *cells.MODELS)
RECIPES = True
WORD = WordFormat(64, weight=32, delay=8, type=0, index=24, coding="float32")


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population as it is, in float32. Raises UnsupportedNode E0221."""
    if population.model in cells.MODELS:
        return cells.quantise(population, incoming, scaling, facts)
    name: str = population.model
    if population.graded:
        name = {"lif": "li", "cuba_lif": "li.cuba"}[name]
    model, p = neurons.model(name), population.params
    params = np.zeros(population.n, model.params)
    given = {**p, "subtract": np.full(population.n, population.subtract)}
    if population.model == "cuba_lif":
        given["exc_decay"] = given["inh_decay"] = p["alpha_syn"]
        given["offset_syn"] = p["gain"] * p["offset_syn"]
    for field in set(model.params.names or ()) & set(given):
        params[field] = given[field]
    most = int(facts["delay_max"])
    refuse.delay_beyond(
        population, refuse.longest_delay(incoming), most, int(facts["step_latency"])
    )
    return Quantised(
        population.name,
        name,
        (),
        params,
        np.zeros(population.n, model.state),
        WORD,
        np.ones(population.n),
        np.zeros(population.n),
        1.0,
        tuple(_scaled(j, gain(population)) for j in incoming),
    )


def _scaled(projection: Projection, factor: Array) -> Synapses:
    w: Any = projection.weight
    if isinstance(w, Conv):
        if (factor == factor[0]).all():
            kernel = (w.weight * factor[0]).astype(np.float32)
            w = Conv(kernel, w.in_shape, w.out_shape, w.stride, w.padding, w.pool)
        else:
            w = conv2d.matrix(w)
    if not isinstance(w, Conv):
        w = sparse.csr_array(sparse.diags_array(factor) @ w).astype(np.float32)
        w.eliminate_zeros()
        w.sort_indices()
    return Synapses(
        projection.source,
        projection.name,
        w,
        projection.delay_source,
        projection.delay_target,
    )


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the memory a population takes in the process."""
    return [
        ("neurons", load.n * load.param_bytes),
        ("synapse rows", load.synapses * load.word_bits // 8 + load.rows * 8),
        ("kernels", load.kernel_bytes),
    ]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return the only limit: the index field of a synapse word."""
    return [Limit("neurons", load.n, 1 << int(facts["index_bits"]), "split the population")]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return one place; every population may share it."""
    return []


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return 0: there is no network."""
    return 0
