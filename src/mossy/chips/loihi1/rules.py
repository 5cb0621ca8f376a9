"""Loihi 1: integer registers of its current-based LIF, and the memories of a core.

Scaling. Weights become even mantissas in [-254, 254] with one exponent e >= 0 for a population, so
one unit of potential is v_scale = w_scale 2^e 64 / gain register units. e is the smallest that
gives the threshold a mantissa of at least 512 (0.1 % resolution), as long as threshold, bias
and the worst sum of inputs stay in range. Potentials are shifted so that v_reset is the
register's zero.

    lif        decay_u = 4096: the current is this step's input alone
    cuba_lif   decay_u = 4096 (1 - alpha_syn)            decay_v = 4096 (1 - alpha)

Registers count the decay as what is taken off 4096, as brian2-loihi and chip traces do
(nengo-loihi and lava-nc store one less).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import (
    as_rows,
    bias_notes,
    from_reset,
    gain,
    integer_synapses,
    largest,
)
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, Synapses
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.program.artefact import Place, WordFormat

MODELS = ("lif", "cuba_lif")  # of network/populations.py
ALIGN = 6  # thresholds and weights are stored 6 bits above the state's unit
FINE = 512  # wanted threshold mantissa
PROFILE = ("decay_u", "decay_v", "threshold", "v_min", "v_max", "refract")
LIST_BITS = 64  # assumed overhead of one in-axon's synapse list (header and alignment)
INDEX_BITS, DELAY_BITS, WEIGHT_BITS = 10, 6, 8
SIDE = (8, 4)  # tiles; 4 cores each


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in integer registers. Raises UnsupportedNode E0220-E0225."""
    _refuse(population, incoming, facts)
    v_reset, threshold = population.params["v_reset"], population.params["threshold"]
    top = int(facts["weight_max"])
    if scaling.bits is not None:
        top = min(top, 2 * ((1 << (scaling.bits - 1)) - 1))
    w_scale = scaling.scale or top / (largest(incoming) * scaling.keep)
    synapses = tuple(as_rows(integer_synapses(p, w_scale, top, step=2)) for p in incoming)
    base = w_scale * (1 << ALIGN) / gain(population)
    exponent = _exponent(population, synapses, base, facts)
    v_scale = base * (1 << exponent)
    params, notes = _registers(population, v_scale, facts)
    state = np.zeros(population.n, neurons.model("cuba_lif.int").state)
    start = np.where(np.isfinite(threshold), -v_reset * v_scale, 0)
    state["v"] = np.rint(start)
    fmt = tuple(int(facts[k]) for k in ("decay_bits", "input_bits", "state_bits"))
    word = WordFormat(
        32,
        weight=WEIGHT_BITS,
        delay=DELAY_BITS,
        type=0,
        index=INDEX_BITS,
        coding="signed",
    )
    return Quantised(
        population.name,
        "cuba_lif.int",
        fmt,
        params,
        state,
        word,
        v_scale,
        np.where(np.isfinite(threshold), v_reset, 0.0),
        w_scale / 2,
        tuple(_halved(s, 1 + ALIGN + exponent) for s in synapses),
        notes,
    )


def _refuse(population: Population, incoming: tuple[Projection, ...], facts: Facts) -> None:
    refuse.graded(population)
    refuse.no_gain(population)
    refuse.delay_beyond(
        population,
        refuse.longest_delay(incoming),
        int(facts["delay_max"]),
        int(facts["step_latency"]),
    )
    refuse.subtraction(population)
    refuse.decay_outside(population)


def _halved(synapses: Synapses, shift: int) -> Synapses:
    """Even mantissas lose their low bit, which the word does not store."""
    w = synapses.weight
    assert not isinstance(w, Conv)
    half = sparse.csr_array((w.data // 2, w.indices, w.indptr), shape=w.shape)
    return dataclasses.replace(synapses, weight=half, shift=shift)


def _exponent(
    population: Population, synapses: tuple[Synapses, ...], base: Array, facts: Facts
) -> int:
    threshold, offset = from_reset(population)
    finite = np.isfinite(threshold)
    top_threshold = (1 << int(facts["threshold_bits"])) - 1
    top_bias = int(facts["bias_max"]) << int(facts["bias_exponent_max"])
    worst = np.zeros(population.n)
    for s in synapses:
        assert not isinstance(s.weight, Conv)
        worst += abs(s.weight).sum(axis=1)
    room = 1 << int(facts["input_bits"])
    best = 0
    for e in range(int(facts["weight_exponent_max"]) + 1):
        mantissa = threshold[finite] * base[finite] * 2.0**e / (1 << ALIGN)
        fits = (
            not (mantissa > top_threshold).any()
            and not (np.abs(offset * base) * 2.0**e > top_bias).any()
            and float(worst.max(initial=0)) * 2.0 ** (ALIGN + e) < room
        )
        if e and not fits:
            break
        best = e
        if not mantissa.size or mantissa.min() >= FINE:
            break
    return best


def _registers(
    population: Population, v_scale: Array, facts: Facts
) -> tuple[NDArray[Any], tuple[str, ...]]:
    threshold, offset = from_reset(population)
    full = 1 << int(facts["decay_bits"])
    top = (1 << int(facts["threshold_bits"])) - 1
    v_max = (1 << int(facts["state_bits"])) - 1
    params = np.zeros(population.n, neurons.model("cuba_lif.int").params)
    p = population.params
    params["decay_v"] = np.rint((1 - p["alpha"]) * full)
    params["decay_u"] = full
    if population.model == "cuba_lif":
        params["decay_u"] = np.rint((1 - p["alpha_syn"]) * full)
    finite = np.isfinite(threshold)
    mantissa = np.rint(np.where(finite, threshold, 0) * v_scale / (1 << ALIGN))
    if (mantissa > top).any() or (mantissa[finite] < 0).any():
        raise UnsupportedNode(
            "E0225",
            "threshold does not fit its register",
            where=population.node,
            got=f"mantissa {int(mantissa.max())}",
            allowed=f"0 to {top}",
            hint="larger weights, or a smaller threshold (both scale together)",
        )
    params["threshold"] = np.where(finite, mantissa * (1 << ALIGN), v_max)
    params["bias"], error = _bias(offset * v_scale, facts)
    params["v_min"], params["v_max"] = -v_max, v_max
    params["refract"] = 1
    notes = bias_notes(population)
    if error > 0.01:
        notes += (f"{population.node}: biases are rounded by up to {error:.1%}",)
    return params, notes


def _bias(value: Array, facts: Facts) -> tuple[Array, float]:
    """Nearest mantissa and exponent to each bias, as a number, and the largest relative error."""
    best = np.zeros_like(value)
    top = int(facts["bias_max"])
    for e in reversed(range(int(facts["bias_exponent_max"]) + 1)):
        step = float(1 << e)
        near = np.clip(np.rint(value / step), -top, top) * step
        best = np.where(np.abs(near - value) <= np.abs(best - value), near, best)
    error = np.abs(best - value) / np.maximum(np.abs(value), 1)
    return best, float(error.max(initial=0))


def _synapse_bits(load: CoreLoad) -> int:
    each = WEIGHT_BITS + INDEX_BITS + (DELAY_BITS if load.delay else 0)
    return load.synapses * each + load.rows * LIST_BITS


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the synapse memory of a core in bytes; the axon tables are memories of their own."""
    return [] if load.role == "source" else [("synapse lists", -(-_synapse_bits(load) // 8))]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    if load.role == "source":
        return []
    split = "split the population or prune synapses"
    return [
        Limit("compartments", load.n, int(facts["compartments"]), "split the population"),
        Limit(
            "synapse memory (B)", -(-_synapse_bits(load) // 8), int(facts["synapse_memory"]), split
        ),
        Limit("in-axons", load.in_axons, int(facts["in_axons"]), "fewer source neurons per core"),
        Limit("out-axons", load.out_axons, int(facts["out_axons"]), "fewer target cores"),
        Limit("profiles", load.profiles, int(facts["profiles"]), "share thresholds and decays"),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the tile of each core of a chip, row by row."""
    tiles = [(x, y) for y in range(SIDE[1]) for x in range(SIDE[0])]
    return [t for t in tiles for _ in range(4)][: int(facts["cores_per_chip"])]


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return the tiles crossed, x then y, chips laid side by side."""
    grid = places(facts)

    def tile(p: Place) -> tuple[int, int]:
        x, y = grid[p[2]]
        return p[0] * SIDE[0] + x, p[1] * SIDE[1] + y

    (ax, ay), (bx, by) = tile(start), tile(end)
    return abs(ax - bx) + abs(ay - by)
