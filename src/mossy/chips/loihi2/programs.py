"""Registers of the programs beside LIF and sigma-delta: resonate and fire, adaptive threshold.

A weight f 2^s reaches the state as f 2^(s + 6), as with LIF.

resonate_fire   cos and sin are cut to 12 fraction bits, as the published program's are; the
                threshold is brought near 2^16, which leaves 7 bits above it for the oscillation
adaptive_lif    unit and registers as LIF's, with the threshold at rest in place of the threshold
"""

from __future__ import annotations

import math

import numpy as np

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import largest
from mossy.chips.loihi2 import lif
from mossy.chips.loihi2.weights import fields, top_field
from mossy.chips.quantised import Quantised, Scaling
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.program.artefact import WordFormat

RESONATE, ADAPTIVE = "resonate_fire.int", "adaptive_lif.int"
WANTED = 16  # bits of a resonator's threshold


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
    wanted = math.ceil(WANTED - math.log2(threshold)) if threshold else lif.ALIGN + 1
    shift = min(max(wanted, lif.ALIGN), lif.ALIGN + 1 + int(facts["weight_exponent_max"]))
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
    scale, shift = lif.unit(incoming, p["rest"], p["bias"], p["gain"], scaling, facts)
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
