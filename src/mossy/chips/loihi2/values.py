"""Registers of sigma-delta neurons, which send numbers: `sigma_delta.int`.

A number in a spike has 6 fraction bits (payload_fraction). Weights are whole numbers of 2^-k, so
the state has 6 + k fraction bits. k is 6 (state_fraction), the resolution that networks for this
chip are trained with, where that keeps every weight exactly, or where weights are too large for
more; else k is as fine as the largest weight allows, up to state_fraction_max.
"""

from __future__ import annotations

import math

import numpy as np

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import largest, weights
from mossy.chips.loihi2.weights import exact_shift, fields, is_whole, top_field
from mossy.chips.quantised import Quantised, Scaling
from mossy.errors import BadInput, UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.program.artefact import WordFormat

MODEL = "sigma_delta.int"
NEVER = (1 << 31) - 1  # a threshold that nothing reaches


def quantise(
    population: Population,
    incoming: tuple[Projection, ...],
    scaling: Scaling,
    facts: Facts,
    word: WordFormat,
) -> Quantised:
    """Return the population in integer registers. Raises UnsupportedNode E0222, E0232, BadInput."""
    refuse.no_gain(population)
    top, payload = top_field(facts, scaling), int(facts["payload_fraction"])
    fraction, shift = _fraction(population, incoming, scaling, facts)
    unit = 2.0 ** (payload + fraction)
    model, p = neurons.model(MODEL), population.params
    params = np.zeros(population.n, model.params)
    finite = np.isfinite(p["threshold"])
    params["threshold"] = np.where(
        finite, _register(population, "threshold", np.where(finite, p["threshold"], 0), unit), NEVER
    )
    params["offset"] = _register(population, "offset", p["offset"], unit)
    scale = 2.0 ** (fraction - shift)
    return Quantised(
        population.name,
        MODEL,
        (payload, fraction),
        params,
        np.zeros(population.n, model.state),
        word,
        unit / p["gain"],
        np.zeros(population.n),
        scale,
        fields(incoming, scale, shift, top),
        _notes(population, incoming, scale, payload),
        sent_scale=2.0**payload,
        taken_scale=2.0**payload,
    )


def _fraction(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> tuple[int, int]:
    """Fraction bits that weights add to the payload's, and the shift of the weight fields."""
    usual, most = int(facts["state_fraction"]), int(facts["state_fraction_max"])
    top = top_field(facts, scaling)
    if scaling.scale is not None:
        bits = math.log2(scaling.scale)
        if not bits.is_integer() or not -usual <= bits <= most:
            raise BadInput(
                "E0231",
                "weights of neurons that send numbers are scaled by powers of two",
                where=population.node,
                got=f"{scaling.scale:g}",
                allowed=f"2^{-usual} to 2^{most}",
                hint=f"weight_scale={{{population.name!r}: 64}}",
            )
        return max(usual, int(bits)), max(usual - int(bits), 0)
    if scaling.keep == 1:
        exact = exact_shift(incoming, 2.0**usual, top, facts)
        if exact is not None:
            return usual, exact
    wanted = math.floor(math.log2(top / (largest(incoming) * scaling.keep)))
    return min(max(wanted, usual), most), max(usual - wanted, 0)


def _notes(
    population: Population, incoming: tuple[Projection, ...], scale: float, payload: int
) -> tuple[str, ...]:
    """What rounding costs a network that was not trained in the chip's numbers."""
    if is_whole(np.concatenate([weights(p).ravel() for p in incoming] or [np.zeros(0)]) * scale):
        return ()
    return (
        f"{population.node}: numbers are sent in steps of 1/{1 << payload} and the rest of each is "
        "lost; larger signals lose less",
    )


def _register(population: Population, name: str, value: Array, unit: float) -> Array:
    found: Array = np.rint(value * unit)
    if (np.abs(found) >= NEVER).any():
        raise UnsupportedNode(
            "E0232",
            f"the {name} does not fit a register of 32 bits",
            where=population.node,
            got=f"{np.abs(value).max():g}",
            allowed=f"-{NEVER / unit:g} to {NEVER / unit:g}",
            hint="scale the network's signals down; weights stay as they are",
        )
    return found
