"""TrueNorth: registers of a neuron, the memory of a core, the mesh of cores and chips.

The network arrives as crossbar bits (prepare.py): a synapse counts one unit of its neuron, or
minus one, three or minus three. The unit becomes a whole number w <= 85 (255 where no type counts
three) with which threshold and leak still fit, near the largest, where the leak is rounded least:

    network potential = register / scale + shift,     scale = w / (gain unit)

and each neuron has a scale of its own. A spike needs v > threshold in the network and
V >= threshold on the chip, so the register is floor(threshold x scale) + 1.

    alpha = 1      leak = bias per step; v_reset is the register's zero. The first potential is low
                   by the bias of as many ticks as the first input takes to arrive
    alpha = 0      nothing is kept: threshold 1 and leak 1 - T, where T is the least sum that fires;
                   what does not fire ends at or below zero, and the floor at zero forgets it
    0 < alpha < 1  not native. Where the user allows it: a constant leak towards zero (reversal)
                   that equals the exponential one at half the threshold

Sums below zero end at -(2^18 - 1), the lowest floor there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, Synapses
from mossy.chips.truenorth import levels
from mossy.chips.truenorth.neuron import COUNT_BITS
from mossy.chips.truenorth.prepare import Axons, prepare
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.program.artefact import Place, WordFormat

__all__ = ["CUT", "MODELS", "blocks", "hops", "limits", "places", "prepare", "quantise"]

MODELS = ("lif",)
CUT = False  # a neuron's one axon ends in one core, so cuts are made while axons are counted
WORD = WordFormat(16, weight=2, delay=4, type=0, index=8, coding="signed")
SLACK = 1e-6  # of a register unit: closer to a whole number is a float's rounding
NEAR = 32  # weights of a unit that are tried for one that rounds a leak well
SIDE = 64  # cores of a chip along x and y


@dataclass(frozen=True, eq=False)
class Wanted:
    """What the registers are to say, in network units. drift: what the leak is set from.

    memoryless, leaky: which of the three kinds of leak each neuron has (neither: none).
    """

    threshold: Array
    drift: Array
    reset: Array
    shift: Array
    memoryless: NDArray[np.bool_]
    leaky: NDArray[np.bool_]
    silent: NDArray[np.bool_]


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in registers. Raises UnsupportedNode E0220-E0224, E0244-E0248."""
    _refuse(population, incoming, scaling, facts)
    wanted = _wanted(population)
    kinds = [j.kind for j in incoming if isinstance(j, Axons)]
    scale, w = _scale(population, wanted, max(kinds, default=0), facts)
    params, notes = _registers(population, wanted, scale, w, facts)
    if scaling.scale:
        notes += (f"{population.node}: weight_scale is not used, each neuron has its own unit",)
    state = np.zeros(population.n, neurons.model("truenorth/neuron.int").state)
    state["v"] = _start(population, wanted, scale, params)
    state["random"] = (np.arange(1, population.n + 1) * 2654435761) % (1 << 32)
    return Quantised(
        population.name,
        "truenorth/neuron.int",
        (int(facts["state_bits"]), 0),
        params,
        state,
        WORD,
        scale,
        wanted.shift,
        1.0,
        tuple(_synapses(j) for j in incoming),
        notes,
    )


def _refuse(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> None:
    refuse.graded(population)
    refuse.no_gain(population)
    longest = refuse.longest_delay(incoming)
    latency = int(facts["step_latency"])
    refuse.delay_beyond(population, longest, int(facts["delay_max"]), latency)
    alpha = population.params["alpha"]
    if population.readout == "potential":
        raise UnsupportedNode(
            "E0246",
            "only spikes leave the chip, and this output is a potential",
            where=population.node,
            allowed="outputs with a finite threshold",
            hint="give the output a threshold and count its spikes",
        )
    if ((alpha < 0) | (alpha > 1)).any():
        raise UnsupportedNode(
            "E0224",
            "a decay factor lies outside 0..1",
            where=population.node,
            hint='use integrator="exponential" or a smaller dt',
        )
    leaky = (alpha > 0) & (alpha < 1)
    if leaky.any() and not scaling.approximate:
        raise UnsupportedNode(
            "E0244",
            "exponential leak is not native: a neuron leaks a constant per tick",
            where=population.node,
            got=f"{int(leaky.sum())} neurons that keep {alpha[leaky][0]:.4g} of their potential",
            allowed="no leak (IF), or nothing kept (Threshold)",
            hint="approximate=True takes a constant leak and says what that costs",
        )


def _wanted(population: Population) -> Wanted:
    p = population.params
    memoryless, leaky = p["alpha"] == 0, (p["alpha"] > 0) & (p["alpha"] < 1)
    keeps = 1 - p["alpha"]
    rest = p["offset"] / np.where(leaky, keeps, 1.0)
    shift = np.where(leaky, rest, np.where(memoryless, 0.0, p["v_reset"]))
    silent = ~np.isfinite(p["threshold"])
    threshold = np.where(silent, 1.0, p["threshold"] - shift)
    if (leaky & (threshold < 0)).any():
        raise UnsupportedNode(
            "E0248",
            "a constant drive beyond the threshold together with a leak",
            where=population.node,
            got=f"{int((leaky & (threshold < 0)).sum())} neurons that rest above their threshold",
            allowed="a resting potential below the threshold",
            hint="IF neurons (no leak), or a smaller bias",
        )
    drift = np.where(leaky, -keeps * threshold / 2, p["offset"])
    drift = np.where(memoryless, p["offset"] - p["threshold"], drift)
    return Wanted(
        threshold,
        np.where(silent, 0.0, drift),
        np.where(leaky, p["v_reset"] - shift, 0.0),
        shift,
        memoryless,
        leaky,
        silent,
    )


def _scale(
    population: Population, wanted: Wanted, kind: int, facts: Facts
) -> tuple[Array, NDArray[np.int64]]:
    """Register units per network potential, and the weight of one unit, for every neuron."""
    per_unit = population.params["gain"] * population.params["unit"]
    fed = (per_unit > 0) & ~wanted.silent
    per_unit = np.where(per_unit > 0, per_unit, np.maximum(np.abs(wanted.threshold), 1e-12))
    largest = int(facts["weight_max"]) // (levels.FAR if kind > 1 else 1)
    most = np.full(population.n, float(largest))
    top = (1 << int(facts["threshold_bits"])) - 1
    leak = int(facts["leak_max"])
    with np.errstate(divide="ignore"):
        for size, register in ((wanted.threshold, top), (wanted.drift, leak), (wanted.reset, top)):
            room = np.floor(register * per_unit / np.abs(size) + SLACK)
            most = np.minimum(most, room)
    bad = most < 1
    if bad.any():
        raise UnsupportedNode(
            "E0247",
            "threshold, bias or leak is too large beside the weights for its register",
            where=population.node,
            got=f"{int(bad.sum())} neurons; threshold {wanted.threshold[bad][0]:.4g}, leak or bias "
            f"{wanted.drift[bad][0]:.4g} for a unit weight of {per_unit[bad][0]:.4g}",
            allowed=f"threshold up to {top}, leak and bias up to {leak} unit weights",
            hint="larger weights, or a smaller threshold and bias",
        )
    w = _whole(most, np.where(wanted.memoryless, 0.0, wanted.drift / per_unit))
    return w / per_unit, np.where(fed, w, 0)


def _whole(most: Array, drift: Array) -> NDArray[np.int64]:
    """The unit's weight, at most `most` and more than half of it, that rounds the leak least."""
    tried = np.maximum(most - np.arange(NEAR)[:, None], np.ceil((most + 1) / 2))
    error = np.abs(drift * tried - np.rint(drift * tried)) / tried
    best = np.argmin(np.round(error, 9), axis=0)
    found: NDArray[np.int64] = tried[best, np.arange(most.size)].astype(np.int64)
    return found


def _registers(
    population: Population, wanted: Wanted, scale: Array, w: NDArray[np.int64], facts: Facts
) -> tuple[NDArray[Any], tuple[str, ...]]:
    params = np.zeros(population.n, neurons.model("truenorth/neuron.int").params)
    used = (
        levels.UNITS if int(w.max(initial=0)) * levels.FAR <= int(facts["weight_max"]) else (1, -1)
    )
    for g, units in enumerate(used):
        params[f"w{g}"] = w * units
    top = (1 << int(facts["threshold_bits"])) - 1
    least = np.floor(-wanted.drift * scale + SLACK) + 1  # the sum that fires a memoryless neuron
    fires = np.floor(wanted.threshold * scale + SLACK) + 1
    params["threshold"] = np.where(wanted.memoryless, 1, np.clip(fires, 0, top))
    params["leak"] = np.rint(np.where(wanted.memoryless, 1 - least, wanted.drift * scale))
    params["reversal"] = wanted.leaky
    params["reset"] = population.subtract & ~wanted.memoryless
    params["v_reset"] = _near(wanted.reset * scale)
    params["floor"] = np.where(wanted.memoryless, 0, top)
    params["saturate"] = 1
    return params, _notes(population, wanted, scale, params)


def _start(
    population: Population, wanted: Wanted, scale: Array, params: NDArray[Any]
) -> NDArray[np.int64]:
    """First potential: network zero, less what a bias adds in the ticks before the first input."""
    top = params["floor"].max(initial=0)
    zero = np.clip(np.rint(-wanted.shift * scale), -top, top)
    plain = ~(wanted.memoryless | wanted.leaky)
    early = zero - np.where(plain, population.depth * params["leak"].astype(np.int64), 0)
    fits = (early < params["threshold"]) & (early >= -top)
    start: NDArray[np.int64] = np.where(fits, early, zero).astype(np.int64)
    return start


def _near(value: Array) -> NDArray[np.int64]:
    """The nearest sigma (2^k - 1), which is what a reset register holds."""
    size = np.abs(value)
    below = np.exp2(np.floor(np.log2(size + 1))) - 1
    above = 2 * below + 1
    near = np.where(size - below <= above - size, below, above)
    found: NDArray[np.int64] = (np.sign(value) * near).astype(np.int64)
    return found


def _notes(
    population: Population, wanted: Wanted, scale: Array, params: NDArray[Any]
) -> tuple[str, ...]:
    """What the approximations cost."""
    notes: list[str] = []
    k = wanted.leaky & ~wanted.silent
    if k.any():
        kept, limit = population.params["alpha"][k], wanted.threshold[k]
        flat = -params["leak"][k] / scale[k] / np.maximum((1 - kept) * limit, 1e-300)
        off = np.sqrt(np.maximum(1 / 3 - flat + flat**2, 0) * 3).mean()
        notes.append(
            f"{population.node}: exponential leak (keeps {kept.mean():.4g} a step) became "
            f"a constant one, {flat.mean():.3g} of that at threshold (wanted: 0.5): from rest to "
            f"threshold the two differ by {off:.0%} rms"
        )
    off = np.abs(params["v_reset"] - wanted.reset * scale) / np.maximum(wanted.threshold * scale, 1)
    if k.any() and off[k].max() > 0.01:
        notes.append(f"{population.node}: v_reset is off by up to {off[k].max():.1%} of threshold")
    return tuple(notes)


def _synapses(j: Projection) -> Synapses:
    assert isinstance(j, Axons) and isinstance(j.weight, sparse.csr_array)
    return Synapses(
        j.source,
        j.name,
        j.weight.astype(np.int32),
        j.delay_source,
        j.delay_target,
        shift=COUNT_BITS * j.kind,
    )


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the memory of a core in bytes: all of it is there, whatever is used."""
    if load.role == "source":
        return []
    n = int(facts["neurons"])
    names = ("axons", "neuron_bits", "target_bits")
    parts = zip(("crossbar", "neurons", "targets"), names, strict=True)
    return [(name, n * int(facts[fact]) // 8) for name, fact in parts]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    if load.role == "source":
        return []
    fewer = "fewer inputs per neuron"
    bits = int(facts["neurons"]) * int(facts["axons"])
    return [
        Limit("neurons", load.n, int(facts["neurons"]), "split the population"),
        Limit("axons", load.in_axons, int(facts["axons"]), fewer),
        Limit("crossbar bits", load.synapses, bits, fewer),
        Limit("axons driven", load.out_axons, load.n, "a splitter, one axon per neuron"),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the column and row of each core of a chip, row by row."""
    return [(i % SIDE, i // SIDE) for i in range(int(facts["cores_per_chip"]))]


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return the routers passed, x then y; chips lie side by side as one mesh."""
    dx = (end[0] - start[0]) * SIDE + end[2] % SIDE - start[2] % SIDE
    dy = (end[1] - start[1]) * SIDE + end[2] // SIDE - start[2] // SIDE
    return abs(dx) + abs(dy)
