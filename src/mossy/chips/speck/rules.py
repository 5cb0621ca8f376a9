"""Speck: integer registers of its integrate-and-fire layers.

Scaling. Weights, biases and the threshold of a layer share one scale, the largest at which weights
and biases fit 8 signed bits and the threshold 16 (sinabs 3.1.3, discretize.py, in float32 as there,
rounding half to even):

    scale = min(s_8(weights), s_8(biases), s_16(threshold)),    s_b(x): 2^(b-1) - 1 over max x,
                                                     or 2^(b-1) over -min x where that is larger

A core has one threshold. Where neurons differ in threshold or gain by channel, the kernels are
scaled instead. Potentials are shifted so that v_reset is the register's zero. No lower bound but
that of the register (-2^15) is set, because networks have none.

There is no exponential leak. Where the user allows it, a constant leak stands in for one,

    bias <- bias - (1 - alpha) threshold / 2

which is what a neuron at half its threshold loses in a step. It does not stop at zero, so the lower
bound is then one threshold below it, as in the vendor's own examples. A bound at zero would forget
each event of negative weight that arrives at rest, before the positive ones of the same moment.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import gain
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, Synapses
from mossy.chips.speck.layers import prepare
from mossy.chips.speck.memory import assign, memories, needs
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.program.artefact import Place, WordFormat

__all__ = ["CUT", "MODELS", "assign", "blocks", "hops", "limits", "places", "prepare", "quantise"]

MODELS = ("lif",)  # of network/populations.py
CUT = False  # a layer is on one core
WORD = WordFormat(8, weight=8, delay=0, type=0, index=0, coding="signed")
SUM_BITS = 30  # a step's sum in the frame model, which knows no width; events never come near it
MOST = 255  # spikes that the twin can show of one neuron in one step
SIDE = 3  # cores are drawn as a square; nothing is known of their places

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class _Layer:
    """A layer before rounding, on one threshold. weights: a kernel per projection."""

    weights: tuple[Floats, ...]
    bias: Floats  # by channel
    threshold: np.float32
    unit: Array  # units of the layer per network potential, by neuron


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the layer in integer registers. Raises UnsupportedNode E0220, E0222, E0239, E0241."""
    _refuse(population, scaling)
    layer = _on_one_threshold(population, incoming)
    bits = min(scaling.bits or 64, int(facts["weight_bits"]))
    state_bits = int(facts["state_bits"])
    scale = np.float32(scaling.scale or _scale(layer, bits, state_bits, scaling.keep))
    top = 1 << (bits - 1)
    kernels = [np.clip(np.rint(w * scale), -top, top - 1).astype(np.int32) for w in layer.weights]
    found = neurons.model("lif.int")
    params = np.zeros(population.n, found.params)
    bias = np.clip(np.rint(layer.bias * scale), -top, top - 1)
    params["bias"] = np.repeat(bias, population.n // bias.size)
    params["threshold"] = threshold = _threshold(population, layer.threshold * scale, state_bits)
    leaks = (population.params["alpha"] < 1).any()
    params["v_min"] = -threshold if leaks else -(1 << (state_bits - 1))
    shift = _v_reset(population)
    state = np.zeros(population.n, found.state)
    state["v"] = np.rint(-shift * layer.unit * scale)
    return Quantised(
        population.name,
        "lif.int",
        (SUM_BITS, state_bits - 1, MOST, int(population.subtract), 0),
        params,
        state,
        WORD,
        layer.unit * float(scale),
        shift,
        float(scale),
        tuple(_synapses(j, k) for j, k in zip(incoming, kernels, strict=True)),
        _notes(population, kernels, threshold),
    )


def _refuse(population: Population, scaling: Scaling) -> None:
    refuse.graded(population)
    refuse.no_gain(population)
    p = population.params
    if population.readout == "potential" or not np.isfinite(p["threshold"]).all():
        raise UnsupportedNode(
            "E0241",
            "a potential is to be read out; the chip sends spikes",
            where=population.node,
            hint="end the network with neurons that spike",
        )
    if (p["threshold"] <= _v_reset(population)).any():
        raise UnsupportedNode(
            "E0241",
            "a threshold is not above the potential that a spike resets to",
            where=population.node,
            got=f"{p['threshold'].min():g}",
            allowed=f"> {_v_reset(population).min():g}",
            hint="raise the threshold",
        )
    if (p["alpha"] != 1).any() and not scaling.approximate:
        raise UnsupportedNode(
            "E0239",
            "the chip has no exponential leak, only a constant one",
            where=population.node,
            got=f"decay {p['alpha'].min():g} per step",
            allowed="1 (integrate and fire)",
            hint="train with IF neurons, or Options(approximate=True) for a constant leak",
        )


def _v_reset(population: Population) -> Array:
    """Potential that becomes the register's zero; where a spike subtracts, zero stays zero."""
    v: Array = population.params["v_reset"]
    return np.zeros_like(v) if population.subtract else v


def _on_one_threshold(population: Population, incoming: tuple[Projection, ...]) -> _Layer:
    """The layer in units in which all its neurons have the same threshold."""
    p, shift = population.params, _v_reset(population)
    height = (p["threshold"] - shift) / gain(population)  # in units of weight
    common = height.max()
    unit = common / height / gain(population)
    lost = (1 - p["alpha"]) * (shift + (p["threshold"] - shift) / 2)
    channels = incoming[0].weight.weight.shape[0] if incoming else population.n
    factor = _by_channel(population, common / height, channels, "threshold over gain")
    bias = _by_channel(population, (p["offset"] - lost) * unit, channels, "bias")
    weights = []
    for j in incoming:
        assert isinstance(j.weight, Conv)
        weights.append((j.weight.weight * factor[:, None, None, None]).astype(np.float32))
    return _Layer(tuple(weights), bias.astype(np.float32), np.float32(common), unit)


def _by_channel(population: Population, value: Array, channels: int, what: str) -> Array:
    """One value for each channel. Raises UnsupportedNode E0241 where its neurons differ."""
    maps = value.reshape(channels, -1)
    if not np.allclose(maps, maps[:, :1], rtol=1e-6, atol=0):
        raise UnsupportedNode(
            "E0241",
            f"neurons of one channel differ in {what}",
            where=population.node,
            got=f"{maps.min():g} to {maps.max():g}",
            allowed="one value per channel",
            hint="share the parameter over the map",
        )
    return maps[:, 0]


def _scale(layer: _Layer, bits: int, state_bits: int, keep: float) -> np.float32:
    """Largest common scale. keep: share of the largest weight that still fits."""
    weights = np.concatenate([w.ravel() for w in layer.weights] or [np.zeros(1, np.float32)])
    found = [
        _largest_scale(weights, bits) / np.float32(keep),
        _largest_scale(layer.bias, bits),
        _largest_scale(np.array([layer.threshold]), state_bits),
    ]
    return min(s for s in found if np.isfinite(s))


def _largest_scale(x: Floats, bits: int) -> np.float32:
    """Factor with which x just fits `bits` signed bits; infinite where x is zero."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    least, most = np.float32(x.min()), np.float32(x.max())
    if abs(least) <= abs(most) * np.float32(-low / high):
        edge, end = high, most
    else:
        edge, end = low, least
    if end == 0:
        return np.float32(np.inf)
    return np.float32(abs(np.float32(edge) / end))


def _threshold(population: Population, value: np.float32, state_bits: int) -> int:
    top = (1 << (state_bits - 1)) - 1
    threshold = int(np.rint(value))
    if not 1 <= threshold <= top:
        raise UnsupportedNode(
            "E0241",
            "the threshold does not fit its register beside weights of 8 bits",
            where=population.node,
            got=f"{threshold} (threshold over largest weight: see the network)",
            allowed=f"1 to {top}",
            hint="smaller weights or a larger threshold, and no weight_scale",
        )
    return threshold


def _synapses(projection: Projection, kernel: NDArray[np.int32]) -> Synapses:
    w = projection.weight
    assert isinstance(w, Conv)
    return Synapses(
        projection.source,
        projection.name,
        dataclasses.replace(w, weight=kernel),
        projection.delay_source,
        projection.delay_target,
    )


def _notes(
    population: Population, kernels: list[NDArray[np.int32]], threshold: int
) -> tuple[str, ...]:
    notes, node, alpha = [], population.node, population.params["alpha"]
    largest = max((int(k.max(initial=0)) for k in kernels), default=0)
    if largest > threshold:
        notes.append(
            f"{node}: weights of up to {largest / threshold:.1f} thresholds: a neuron spikes once "
            "for an arriving event and keeps the rest"
        )
    if (alpha != 1).any():
        worst = float((1 - alpha).max()) / 2
        notes.append(
            f"{node}: a constant leak of {worst:.3g} thresholds per step stands in for the decay "
            f"{alpha.min():g}: off by up to as much in each step; it ends one threshold below zero"
        )
    return tuple(notes)


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the memories that a layer takes on its core, in bytes."""
    if load.role == "source":
        return []
    words = needs(load)
    return [("states", 2 * words.states), ("weights", words.weights), ("biases", words.biases)]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return what the largest memories of any core allow; which core has both is assign's."""
    if load.role == "source":
        return []
    words, there = needs(load), memories(facts)
    smaller = "fewer channels, or a stride or pool before the layer"
    return [
        Limit("states", words.states, max(c.states for c in there), smaller),
        Limit("weights", words.weights, max(c.weights for c in there), "a smaller kernel"),
        Limit("biases", words.biases, int(facts["biases"]), "fewer channels"),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return a place for each core; nobody has published where they lie."""
    return [(k % SIDE, k // SIDE) for k in range(int(facts["cores_per_chip"]))]


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return 0: nothing is known of the way between cores."""
    return 0
