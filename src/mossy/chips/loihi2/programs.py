"""Registers of the programs beside LIF and sigma-delta: `resonate_fire.int` and others.

A weight f 2^s reaches the state as f 2^(s + 6), as with LIF.

resonate_fire   cos and sin are cut to 12 fraction bits, as the published program's are; the
                threshold is brought near 2^16, which leaves 7 bits above it for the oscillation
adaptive_lif    unit and registers as LIF's, with the threshold at rest in place of the threshold
graded_lif      registers as LIF's. What it sends has payload_fraction bits, as sigma-delta's, so
                the unit of the potential is a power of two, and the step shifts by the rest
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import largest
from mossy.chips.loihi2 import lif
from mossy.chips.loihi2.weights import fields, top_field
from mossy.chips.quantised import Quantised, Scaling
from mossy.errors import BadInput, UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.program.artefact import WordFormat

RESONATE, ADAPTIVE, GRADED = "resonate_fire.int", "adaptive_lif.int", "graded_lif.int"
WANTED = 16  # bits of a resonator's threshold
ROOM = 8  # times its threshold that a potential should reach before it is clipped


def resonate_fire(
    population: Population,
    incoming: tuple[Projection, ...],
    scaling: Scaling,
    facts: Facts,
    word: WordFormat,
) -> Quantised:
    """Return resonators in integer registers. Raises UnsupportedNode E0225."""
    refuse.no_gain(population)
    model, p, top = neurons.model(RESONATE), population.params, top_field(facts, scaling)
    scale = scaling.scale or top / (largest(incoming) * scaling.keep)
    threshold = float(np.abs(p["threshold"]).max(initial=0)) * scale
    least = lif.align(population)
    wanted = math.ceil(WANTED - math.log2(threshold)) if threshold else least + 1
    shift = min(max(wanted, least), least + 1 + int(facts["weight_exponent_max"]))
    v_scale, one = scale * 2.0**shift, 1 << int(facts["decay_bits"])
    params = np.zeros(population.n, model.params)
    params["cos"], params["sin"] = np.trunc(p["cos"] * one), np.trunc(p["sin"] * one)
    params["threshold"], params["snap"] = (
        _level(population, p["threshold"] * v_scale, facts),
        p["snap"],
    )
    return Quantised(
        population.name,
        RESONATE,
        (int(facts["decay_bits"]), 0, int(facts["state_bits"])),
        params,
        np.zeros(population.n, model.state),
        word,
        np.full(population.n, v_scale),
        np.zeros(population.n),
        scale,
        fields(incoming, scale, shift, top),
    )


def _level(population: Population, value: Array, facts: Facts) -> Array:
    found, most = np.rint(value), (1 << int(facts["state_bits"])) - 1
    if (np.abs(found) > most).any():
        raise UnsupportedNode(
            "E0225",
            "threshold does not fit its register",
            where=population.node,
            got=f"{np.abs(found).max():.0f}",
            allowed=f"{-most} to {most}",
            hint="larger weights, or a smaller threshold (both scale together)",
        )
    return found


def adaptive_lif(
    population: Population,
    incoming: tuple[Projection, ...],
    scaling: Scaling,
    facts: Facts,
    word: WordFormat,
) -> Quantised:
    """Return neurons with adaptive threshold in integer registers. Raises UnsupportedNode E0225."""
    refuse.no_gain(population)
    model, p, top = neurons.model(ADAPTIVE), population.params, top_field(facts, scaling)
    scale, shift = lif.unit(population, incoming, p["rest"], p["bias"], p["gain"], scaling, facts)
    v_scale, full = scale * 2.0**shift, 1 << int(facts["decay_bits"])
    v_max = (1 << int(facts["state_bits"])) - 1
    params = np.zeros(population.n, model.params)
    for name in ("u", "v", "theta", "r"):
        params[f"decay_{name}"] = np.rint((1 - p[f"keep_{name}"]) * full)
    params["decay_u"] = np.maximum(params["decay_u"], 1)
    params["rest"] = lif.threshold_register(population, p["rest"], v_scale, facts)
    params["jump"] = lif.threshold_register(population, p["jump"], v_scale, facts)
    params["bias"] = lif.bias_register(p["bias"] * v_scale, facts)
    params["v_min"], params["v_max"] = -v_max, v_max
    return Quantised(
        population.name,
        ADAPTIVE,
        (int(facts["decay_bits"]), int(facts["state_bits"])),
        params,
        np.zeros(population.n, model.state),
        word,
        np.full(population.n, v_scale),
        np.zeros(population.n),
        scale,
        fields(incoming, scale, shift, top),
    )


def graded_lif(
    population: Population,
    incoming: tuple[Projection, ...],
    scaling: Scaling,
    facts: Facts,
    word: WordFormat,
) -> Quantised:
    """Return LIF neurons that send potentials. Raises BadInput E0231, UnsupportedNode E0225."""
    refuse.no_gain(population)
    model, p, top = neurons.model(GRADED), population.params, top_field(facts, scaling)
    payload = int(facts["payload_fraction"])
    scale, shift = _binary_unit(population, incoming, scaling, facts)
    v_scale, full = scale * 2.0**shift, 1 << int(facts["decay_bits"])
    v_max = (1 << int(facts["state_bits"])) - 1
    params = np.zeros(population.n, model.params)
    for name in ("u", "v"):
        params[f"decay_{name}"] = np.rint((1 - p[f"keep_{name}"]) * full)
    params["decay_u"] = np.maximum(params["decay_u"], 1)
    params["threshold"] = lif.threshold_register(population, p["threshold"], v_scale, facts)
    params["bias"] = lif.bias_register(p["bias"] * v_scale, facts)
    params["v_min"], params["v_max"] = -v_max, v_max
    bits = (int(facts[k]) for k in ("decay_bits", "adder_bits", "state_bits", "adder_bits"))
    return Quantised(
        population.name,
        GRADED,
        (*bits, round(math.log2(v_scale)) - payload),
        params,
        np.zeros(population.n, model.state),
        word,
        np.full(population.n, v_scale),
        np.zeros(population.n),
        scale,
        fields(incoming, scale, shift, top),
        lif.wrap_notes(population, incoming, v_scale, facts)
        + _clip_notes(population, v_max / v_scale),
        sent_scale=2.0**payload,
    )


def _clip_notes(population: Population, top: float) -> tuple[str, ...]:
    """What to tell the user of payloads that may be clipped. top: the largest potential."""
    if top >= ROOM * population.params["threshold"].max():
        return ()
    return (f"{population.node}: potentials, and with them what spikes carry, end at {top:.3g}",)


def _binary_unit(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> tuple[float, int]:
    """Scale and shift as LIF's, but powers of two, and at least the unit of what is sent."""
    p = population.params
    of = population, incoming, p["threshold"], p["bias"], p["gain"]
    scale, shift = lif.unit(*of, scaling, facts)
    if not math.log2(scale).is_integer():
        if scaling.scale is not None:
            raise BadInput(
                "E0231",
                "weights of neurons that send numbers are scaled by powers of two",
                where=population.node,
                got=f"{scale:g}",
                allowed="powers of two",
                hint=f"weight_scale={{{population.name!r}: 64}}",
            )
        rounded = dataclasses.replace(scaling, scale=2.0 ** math.floor(math.log2(scale)))
        scale, shift = lif.unit(*of, rounded, facts)
    return scale, max(shift, int(facts["payload_fraction"]) - int(math.log2(scale)))
