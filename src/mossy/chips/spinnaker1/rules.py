"""SpiNNaker1: sPyNNaker's fixed point registers, weight scaling and memories.

One unit of potential is v_scale = 2^15 `unit` register units, `unit` a power of two: the largest
with which threshold, reset and R x (the largest input expected) stay below 2^15 in s16.15, as
nothing saturates there.

    exp_tc = alpha            R = gain / (1 - alpha)     a weight w is a current of gain_syn w
    lif        decay = 0: the current is this step's input alone
    cuba_lif   decay = alpha_syn

A weight field f adds (f << shift) init >> 32 to the current with init = 1/2, which loses no bit.
`shift` is the smallest with which a step's summed input fits 16 bits, by sPyNNaker's own bound:
the mean of Poisson sources at 30 Hz and five standard deviations, not below the largest weight and
not above the sum of all. Beyond it the ring buffer saturates, and so does the twin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import as_rows, bias_notes, integer_synapses, offset_with_current
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.program.artefact import Place, WordFormat
from mossy.synapses import conv2d

MODELS = ("lif", "cuba_lif")  # of network/populations.py
MODEL = "if_curr_exp.fixed"
ONE = 1 << 15  # of s16.15
HALF = 1 << 31  # of u0.32
ROOM = float(1 << 15)  # largest number that any product may reach; the register ends at twice that
WORD = WordFormat(32, weight=16, delay=5, type=1, index=8, coding="magnitude")
NEURON, SYNAPSE_STATE, RING_SLOT = 32, 24, 2  # bytes
ROW_HEADER, TABLE_ENTRY, SDRAM_ENTRY = 12, 16, 4  # bytes
RECORDED_STEPS = 128


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in s16.15 registers. Raises UnsupportedNode E0220-E0222, E0228."""
    refuse.graded(population)
    refuse.no_gain(population)
    slots = 1 << int(facts["delay_bits"])
    delay = refuse.longest_delay(incoming)
    refuse.delay_beyond(population, delay, slots - 2, int(facts["step_latency"]))
    _refuse_unlike(population)
    p = population.params
    r = p["gain"] / (1 - p["alpha"])
    synaptic = p["gain_syn"] if population.model == "cuba_lif" else np.ones(population.n)
    bound = _expected(population, incoming, synaptic, facts)
    unit = _unit(population, r, bound)
    shift, scale = _weight_scale(bound, unit, synaptic, scaling, facts)
    synapses = tuple(as_rows(integer_synapses(j, scale, (1 << 16) - 1)) for j in incoming)
    params, state = _registers(population, r, unit, shift)
    v_scale = np.full(population.n, unit * ONE)
    return Quantised(
        population.name,
        MODEL,
        (0,),
        params,
        state,
        WORD,
        v_scale,
        np.zeros(population.n),
        scale,
        synapses,
        bias_notes(population) + _notes(population, synapses, scale),
    )


def _refuse_unlike(population: Population) -> None:
    p = population.params
    if population.subtract:
        raise UnsupportedNode(
            "E0223",
            "the chip resets to a potential, not by subtraction",
            where=population.node,
            got="reset subtract",
            allowed="reset node",
            hint='train with reset="node"',
        )
    if (p["alpha"] * ONE > ONE - 1).any() or np.unique(_synaptic(population)).size > 1:
        raise UnsupportedNode(
            "E0228",
            "every neuron leaks here, and one population has one synaptic gain",
            where=population.node,
            got=f"decay {p['alpha'].max():g} per step",
            allowed=f"decay up to {(ONE - 1) / ONE:.5f} (IF neurons do not leak)",
            hint="a long time constant, e.g. 1000 steps, in place of none",
        )


def _synaptic(population: Population) -> Array:
    one: Array = np.ones(population.n)
    return population.params["gain_syn"] if population.model == "cuba_lif" else one


def _expected(
    population: Population, incoming: tuple[Projection, ...], synaptic: Array, facts: Facts
) -> float:
    """Largest summed current in a step that the ring buffer is made for, in network units."""
    rate = float(facts["spikes_per_second"]) * float(facts["tick"])
    sigma = float(facts["ring_sigma"])
    total, mean, square, largest = (np.zeros(population.n) for _ in range(4))
    for j in incoming:
        w: Any = j.weight
        w = abs(w if not hasattr(w, "in_shape") else conv2d.matrix(w))
        total += w.sum(axis=1)
        mean += rate * w.sum(axis=1)
        square += rate * w.power(2).sum(axis=1)
        largest = np.maximum(largest, w.max(axis=1).toarray().reshape(-1))
    bound = np.maximum(np.minimum(total, mean + sigma * np.sqrt(square)), largest) * synaptic
    return float(bound.max(initial=0)) or 1.0


def _unit(population: Population, r: Array, bound: float) -> float:
    p = population.params
    threshold = np.where(np.isfinite(p["threshold"]), np.abs(p["threshold"]), 0)
    kept = 1 / (1 - p["alpha_syn"]) if population.model == "cuba_lif" else np.ones(population.n)
    settled = np.abs(offset_with_current(population)) / (1 - p["alpha"])
    largest = np.maximum.reduce([threshold, np.abs(p["v_reset"]), r * bound * kept + settled])
    return float(2.0 ** np.floor(np.log2(ROOM / float(largest.max()))))


def _weight_scale(
    bound: float, unit: float, synaptic: Array, scaling: Scaling, facts: Facts
) -> tuple[int, float]:
    """Left shift of the ring buffer, and weight field units per network weight."""
    current = unit * ONE * float(synaptic[0]) if synaptic.size else 1.0
    top = (1 << int(facts["weight_bits"])) - 1
    field = bound / float(synaptic[0]) * current * 2 if synaptic.size else 1.0
    shift = max(0, int(np.ceil(np.log2(field / top)))) if field > top else 0
    scale = scaling.scale or current * 2 / (1 << shift)
    return shift, scale


def _registers(
    population: Population, r: Array, unit: float, shift: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    p, model = population.params, neurons.model(MODEL)
    s = unit * ONE
    params = np.zeros(population.n, model.params)
    rest = offset_with_current(population) / (1 - p["alpha"])
    params["v_rest"] = np.rint(rest * s)
    params["v_reset"] = np.rint(p["v_reset"] * s)
    finite = np.isfinite(p["threshold"])
    above = np.floor(np.where(finite, p["threshold"], 0) * s) + 1  # V >= here is v > there
    params["v_thresh"] = np.where(finite, above, (1 << 31) - 1)
    params["r"] = np.rint(r * ONE)
    params["exp_tc"] = np.rint(p["alpha"] * ONE)
    decay = p["alpha_syn"] if population.model == "cuba_lif" else np.zeros(population.n)
    for sign in ("exc", "inh"):
        params[f"{sign}_decay"] = np.minimum(np.rint(decay * 2.0**32), 2.0**32 - 1)
        params[f"{sign}_init"] = HALF
        params[f"{sign}_shift"] = shift
    return params, np.zeros(population.n, model.state)


def _notes(population: Population, synapses: tuple[Any, ...], scale: float) -> tuple[str, ...]:
    lost = sum(int((s.weight.data == 0).sum()) for s in synapses)
    coarse = 1 / scale
    return (
        (f"{population.node}: {lost} weights below {coarse / 2:.3g} became zero",) if lost else ()
    )


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the blocks of a core's data memory and of its share of SDRAM: (name, bytes)."""
    if load.role == "source":
        return [("spike list", load.n * RECORDED_STEPS // 8), ("stack", int(facts["stack"]))]
    slots = 1 << int(facts["delay_bits"])
    return [
        ("neurons", load.n * (NEURON + SYNAPSE_STATE)),
        ("population table", load.sources * TABLE_ENTRY),
        ("ring buffers", slots * load.n * load.inputs * RING_SLOT),
        ("stack", int(facts["stack"])),
        ("synapse rows (SDRAM)", _rows(load)),
    ]


def _rows(load: CoreLoad) -> int:
    return load.synapses * load.word_bits // 8 + load.rows * ROW_HEADER


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    memory = sum(size for name, size in blocks(load, facts) if "SDRAM" not in name)
    share = int(facts["sdram"]) // int(facts["usable_cores"])
    cycles = (
        float(facts["cycles_per_tick"])
        + load.neuron_updates * float(facts["cycles_per_neuron_update"])
        + load.packets_in * float(facts["cycles_per_packet"])
        + load.synaptic_events * float(facts["cycles_per_synaptic_event"])
    )
    return [
        Limit("neurons", load.n, int(facts["neurons_per_core"]), "split the population"),
        Limit("data memory (B)", memory, int(facts["dtcm"]), "fewer neurons on the core"),
        Limit("SDRAM of a core (B)", _rows(load), share, "sparser weights"),
        Limit(
            "cycles per tick",
            cycles,
            float(facts["tick"]) * float(facts["core_clock"]),
            "a longer tick, or a network with fewer spikes",
        ),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the place of each application core around the router, six to a row."""
    return [(i % 6, i // 6) for i in range(int(facts["usable_cores"]))]


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return 0: a packet reaches every core of a chip in one step of its router."""
    return 0
