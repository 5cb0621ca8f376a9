"""Registers of leaky integrate and fire, with and without a synaptic current: `cuba_lif.int`.

A weight f 2^s reaches the current as f 2^(s + 6). Two ways to choose the unit:

exact   weights, thresholds and biases that are whole numbers of 1/64 (as networks trained for this
        chip have them) keep those numbers: s is what the largest weight needs, one unit of
        potential is 4096 / gain
scaled  else the largest weight becomes 127 and s >= 1 is the smallest that gives the threshold a
        mantissa of at least 512 (0.1 %), as long as threshold, bias and the worst sum of inputs
        stay in range

Neurons that are fed with numbers of b fraction bits take f 2^(s + 6 - b) times the number: the 6
bits by which plain spikes are shifted are the number's own. For b > 6, s is b - 6 larger.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import bias_notes, from_reset, gain, largest
from mossy.chips.loihi2.weights import exact_shift, fields, is_whole, top_field
from mossy.chips.quantised import Quantised, Scaling
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.program.artefact import WordFormat
from mossy.synapses import conv2d

MODEL = "cuba_lif.int"
ALIGN = 6  # what arrives and the thresholds are stored 6 bits above the state's unit
UNIT = 64  # whole numbers of 1/64 are kept
FINE = 512  # wanted threshold mantissa


def quantise(
    population: Population,
    incoming: tuple[Projection, ...],
    scaling: Scaling,
    facts: Facts,
    word: WordFormat,
) -> Quantised:
    """Return the population in integer registers. Raises UnsupportedNode E0222-E0225."""
    _refuse(population)
    top = top_field(facts, scaling)
    threshold, offset = from_reset(population)
    scale, shift = unit(population, incoming, threshold, offset, gain(population), scaling, facts)
    v_scale = scale * 2.0**shift / gain(population)
    params, notes = _registers(population, threshold, offset, v_scale, facts)
    notes += wrap_notes(population, incoming, scale * 2.0**shift, facts)
    v_reset = np.where(np.isfinite(threshold), population.params["v_reset"], 0.0)
    state = np.zeros(population.n, neurons.model(MODEL).state)
    state["v"] = np.rint(-v_reset * v_scale)
    fmt = tuple(int(facts[k]) for k in ("decay_bits", "adder_bits", "state_bits", "adder_bits"))
    return Quantised(
        population.name,
        MODEL,
        fmt,
        params,
        state,
        word,
        v_scale,
        v_reset,
        scale,
        fields(incoming, scale, shift, top),
        notes,
    )


def _refuse(population: Population) -> None:
    refuse.graded(population)
    refuse.no_gain(population)
    refuse.subtraction(population)
    refuse.decay_outside(population)


def numbers(population: Population) -> int:
    """Return the fraction bits of the numbers that reach a population, 0 for plain spikes."""
    return int(population.params["taken"][0]) if "taken" in population.params else 0


def align(population: Population) -> int:
    """Return the bits by which a weight field is at least shifted."""
    return max(ALIGN, numbers(population))


def wrap_notes(
    population: Population, incoming: tuple[Projection, ...], each: float, facts: Facts
) -> tuple[str, ...]:
    """What to tell the user of currents that may wrap. each: units per unit of weight."""
    if _worst(population, incoming) * each < 1 << int(facts["state_bits"]):
        return ()
    return (f"{population.node}: a current wraps where nearly all inputs spike at once",)


def unit(
    population: Population,
    incoming: tuple[Projection, ...],
    threshold: Array,
    offset: Array,
    each: Array,
    scaling: Scaling,
    facts: Facts,
) -> tuple[float, int]:
    """Return fields per weight and the shift of a field. each: potential per unit of weight."""
    scale, shift = _exact(population, incoming, threshold, offset, each, scaling, facts)
    if not shift:
        scale = scaling.scale or top_field(facts, scaling) / (largest(incoming) * scaling.keep)
        shift = _shift(population, incoming, threshold, offset, scale / each, scale, facts)
    return scale, shift


def _exact(
    population: Population,
    incoming: tuple[Projection, ...],
    threshold: Array,
    offset: Array,
    each: Array,
    scaling: Scaling,
    facts: Facts,
) -> tuple[float, int]:
    """Scale and shift that keep every whole number of 1/64, or shift 0 where none does."""
    if scaling != dataclasses.replace(scaling, bits=None, keep=1.0, scale=None):
        return 0.0, 0
    shift = exact_shift(incoming, UNIT, top_field(facts, scaling), facts)
    finite, full = np.isfinite(threshold), UNIT << align(population)
    mantissa = threshold[finite] * (full >> ALIGN) / each[finite]
    bias = offset * full / each
    if (
        shift is None
        or not is_whole(mantissa)
        or not (mantissa < 1 << int(facts["threshold_bits"])).all()
        or not is_whole(bias)
        or np.abs(np.rint(bias) - bias_register(bias, facts)).any()
    ):
        return 0.0, 0
    return UNIT / 2.0**shift, shift + align(population)


def _shift(
    population: Population,
    incoming: tuple[Projection, ...],
    threshold: Array,
    offset: Array,
    base: Array,
    scale: float,
    facts: Facts,
) -> int:
    """Smallest shift that gives fine thresholds, within what the registers hold."""
    finite = np.isfinite(threshold)
    top_threshold = (1 << int(facts["threshold_bits"])) - 1
    top_bias = int(facts["bias_max"]) << int(facts["bias_exponent_max"])
    worst = _worst(population, incoming) * scale
    first = best = max(ALIGN + 1, align(population))
    for shift in range(first, first + int(facts["weight_exponent_max"]) + 1):
        mantissa = threshold[finite] * base[finite] * 2.0 ** (shift - ALIGN)
        fits = (
            not (mantissa > top_threshold).any()
            and not (np.abs(offset * base) * 2.0**shift > top_bias).any()
            and worst * 2.0**shift < 1 << int(facts["state_bits"])
        )
        if shift > first and not fits:
            break
        best = shift
        if not mantissa.size or mantissa.min() >= FINE:
            break
    return best


def _worst(population: Population, incoming: tuple[Projection, ...]) -> float:
    """Largest sum of |weights| that one neuron can receive in a step, times the largest number.

    No number is known to be the largest; taken is twice the threshold of what sends it.
    """
    total: Array = np.zeros(1)
    for p in incoming:
        w = conv2d.matrix(p.weight) if isinstance(p.weight, Conv) else p.weight
        total = total + np.asarray(abs(w).sum(axis=1)).ravel()
    return float(total.max()) * float(population.params.get("loud", np.ones(1))[0])


def _registers(
    population: Population, threshold: Array, offset: Array, v_scale: Array, facts: Facts
) -> tuple[np.ndarray, tuple[str, ...]]:
    p, full = population.params, 1 << int(facts["decay_bits"])
    v_max = (1 << int(facts["state_bits"])) - 1
    notes = bias_notes(population)
    params = np.zeros(population.n, neurons.model(MODEL).params)
    params["decay_v"] = np.rint((1 - p["alpha"]) * full)
    params["decay_u"] = full
    if population.model == "cuba_lif":
        wanted = np.rint((1 - p["alpha_syn"]) * full)
        params["decay_u"] = np.maximum(wanted, 1)
        if (wanted < 1).any():
            notes += (f"{population.node}: a current loses at least 1/{full} of itself per step",)
    finite = np.isfinite(threshold)
    level = threshold_register(population, np.where(finite, threshold, 0), v_scale, facts)
    params["threshold"] = np.where(finite, level, v_max)
    params["bias"] = bias_register(offset * v_scale, facts)
    params["v_min"], params["v_max"] = -v_max, v_max
    params["refract"] = 1
    error = np.abs(params["bias"] - offset * v_scale) / np.maximum(np.abs(offset * v_scale), 1)
    if error.max(initial=0) > 0.01:
        notes += (f"{population.node}: biases are rounded by up to {error.max():.1%}",)
    return params, notes


def threshold_register(
    population: Population, value: Array, v_scale: float | Array, facts: Facts
) -> Array:
    """Return thresholds as multiples of 2^6. Raises UnsupportedNode E0225."""
    top = (1 << int(facts["threshold_bits"])) - 1
    mantissa: Array = np.rint(value * v_scale / (1 << ALIGN))
    if (mantissa > top).any() or (mantissa < 0).any():
        raise UnsupportedNode(
            "E0225",
            "threshold does not fit its register",
            where=population.node,
            got=f"mantissa {int(mantissa.max())}",
            allowed=f"0 to {top}",
            hint="larger weights, or a smaller threshold (both scale together)",
        )
    return mantissa * (1 << ALIGN)


def bias_register(value: Array, facts: Facts) -> Array:
    """Nearest number to each bias that a mantissa and an exponent can say."""
    best = np.zeros_like(value)
    top = int(facts["bias_max"])
    for e in reversed(range(int(facts["bias_exponent_max"]) + 1)):
        step = float(1 << e)
        near = np.clip(np.rint(value / step), -top, top) * step
        best = np.where(np.abs(near - value) <= np.abs(best - value), near, best)
    return best
