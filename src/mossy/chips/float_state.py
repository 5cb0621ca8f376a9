"""Registers of chips whose neurons keep float32 state: shared by their rules."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips.quantised import Scaling, Synapses
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.synapses import conv2d


def gain(population: Population) -> Array:
    """Potential that one unit of summed weight is worth."""
    g = population.params["gain"]
    return g * population.params["gain_syn"] if population.model == "cuba_lif" else g


def weights(projection: Projection) -> NDArray[Any]:
    """The non-zero weights of a projection."""
    w = projection.weight
    return w.weight if isinstance(w, Conv) else w.data


def largest(incoming: tuple[Projection, ...]) -> float:
    """Largest |weight| that ends at a population; 1 where there is none."""
    return max((float(np.abs(weights(p)).max(initial=0)) for p in incoming), default=0.0) or 1.0


def rounded(weight: NDArray[Any], scale: float, top: int, step: int = 1) -> NDArray[np.int32]:
    """Integers nearest to weight * scale that are multiples of `step`, within +-top."""
    value = np.rint(weight * (scale / step)) * step
    clipped: NDArray[np.int32] = np.clip(value, -top, top).astype(np.int32)
    return clipped


def integer_synapses(projection: Projection, scale: float, top: int, step: int = 1) -> Synapses:
    """One projection with integer weights; a weight that rounds to zero needs no synapse."""
    w = projection.weight
    integer: Any
    if isinstance(w, Conv):
        integer = Conv(
            rounded(w.weight, scale, top, step),
            w.in_shape,
            w.out_shape,
            w.stride,
            w.padding,
            w.pool,
        )
    else:
        integer = w.copy()  # the indices are changed below, and the network keeps its own
        integer.data = rounded(w.data, scale, top, step)
        integer.eliminate_zeros()
        integer.sort_indices()
    return Synapses(
        projection.source,
        projection.name,
        integer,
        projection.delay_source,
        projection.delay_target,
    )


def as_rows(synapses: Synapses) -> Synapses:
    """The same synapses as a sparse matrix, for cores that keep no kernel."""
    w = synapses.weight
    if not isinstance(w, Conv):
        return synapses
    return dataclasses.replace(synapses, weight=conv2d.matrix(w))


def scaled_synapses(
    incoming: tuple[Projection, ...], top: int, scaling: Scaling
) -> tuple[tuple[Synapses, ...], float]:
    """All projections of a population on one scale, and that scale."""
    scale = scaling.scale or top / (largest(incoming) * scaling.keep)
    return tuple(integer_synapses(p, scale, top) for p in incoming), scale


def offset_with_current(population: Population) -> Array:
    """Potential added per step, a constant current folded in at its steady state.

    No register holds a constant current, so it is added to the potential as what it settles at,
    gain offset_syn / (1 - alpha_syn): the first few steps differ from the float reference.
    """
    p = population.params
    if population.model != "cuba_lif":
        return p["offset"].copy()
    settled = p["gain"] * p["offset_syn"] / np.maximum(1 - p["alpha_syn"], 1e-12)
    folded: Array = p["offset"] + settled
    return folded


def from_reset(population: Population) -> tuple[Array, Array]:
    """Threshold and offset of v - v_reset, for chips that reset to zero; currents folded in."""
    p = population.params
    shift = np.where(np.isfinite(p["threshold"]), p["v_reset"], 0.0)
    return p["threshold"] - shift, offset_with_current(population) - (1 - p["alpha"]) * shift


def bias_notes(population: Population) -> tuple[str, ...]:
    """What to tell the user about a constant current."""
    if population.model == "cuba_lif" and population.params["offset_syn"].any():
        return (f"{population.node}: a bias current acts at its steady state from the first step",)
    return ()


def lif_registers(
    population: Population, scale: float | NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any], Array]:
    """Float32 parameters and state of `lif` and `cuba_lif`, and register units per potential."""
    model, p = neurons.model(population.model), population.params
    s = scale / gain(population)
    params = np.zeros(population.n, model.params)
    if population.model == "cuba_lif":
        params["exc_decay"] = params["inh_decay"] = p["alpha_syn"]
    params["alpha"], params["offset"] = p["alpha"], offset_with_current(population) * s
    params["threshold"], params["v_reset"] = p["threshold"] * s, p["v_reset"] * s
    params["subtract"] = population.subtract
    return params, np.zeros(population.n, model.state), s
