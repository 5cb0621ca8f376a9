"""Xylo: registers of its neurons, the sizes of its groups, and the cycles of a step.

    network     i <- alpha_syn i + gain_syn W s;   v <- alpha v + gain i + offset
    chip        i <- (1 - 2^-dash_syn) (i + W s);  v <- (1 - 2^-dash_mem) v + i + bias

Decay factors become the nearest shift, which is what a network trained for the chip expects; a note
says by how much each time constant is off. scale.py says what a unit of weight is worth.

A synapse with dash 0 loses all that arrives before it reaches the potential, so the fastest
current halves in a step. A neuron without synaptic current is therefore refused, or, where the user
allows approximations, gets such a current, which brings the same charge a step later on average.
A membrane with dash 0 is exact: it keeps nothing.

Reset is by subtraction. Reset to a potential is refused, or approximated by subtracting what lies
between threshold and reset potential. A neuron sends as many spikes in a step as thresholds fit
into its potential, up to 31, a readout neuron one; networks send one.

A spike is sent at v >= threshold, in networks at v > threshold: the register is the next integer
above.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import (
    as_rows,
    bias_notes,
    gain,
    integer_synapses,
    largest,
    offset_with_current,
)
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, Synapses
from mossy.chips.xylo import scale, wiring
from mossy.chips.xylo.cycles import HIDDEN, READOUT, busiest, cycles, required_clock
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Populations, Projection
from mossy.program.artefact import Place, WordFormat

__all__ = [
    "assign", "blocks", "busiest", "cycles", "hops", "limits", "places", "prepare", "quantise",
    "required_clock",
]  # fmt: skip

MODELS = ("lif", "cuba_lif")
CUT = False  # all neurons of a group advance together
MODEL = "xylo/neuron.int"
WORD = WordFormat(32, weight=8, delay=0, type=0, index=10, coding="signed")
WORTH_SAYING = 0.005  # relative errors below it are left out of the notes


def prepare(
    populations: Populations, options: Any, facts: Facts
) -> tuple[Populations, dict[str, int]]:
    """Return the network with `params["readout"]` and `params["shift"]` of every population.

    readout: 1 for a readout neuron; shift: of the weights that reach it, chosen for its group.
    Raises UnsupportedNode E0221, E0222, E0236, DoesNotFit E0301.
    """
    whole = populations.populations
    if any(p.model not in ("source", *MODELS) for p in whole):
        return populations, {}  # refused by name further on
    for p in whole:
        steps = refuse.longest_delay(populations.into(p.name))
        if steps:
            raise _delay(p.node, steps, "remove the delay")
    outputs, notes = wiring.check(populations, options.approximate, facts)
    shift = {}
    for role in (False, True):
        group = [p for p in whole if p.model != "source" and (p.name in outputs) == role]
        for p in group:
            refuse.no_gain(p)
        pairs = [(p, populations.into(p.name)) for p in group]
        shift[role] = scale.group_shift(pairs, options, facts)
    marked = tuple(
        p if p.model == "source" else _marked(p, p.name in outputs, shift[p.name in outputs])
        for p in whole
    )
    notes = populations.notes + notes
    return dataclasses.replace(populations, populations=marked, notes=notes), {}


def _marked(population: Population, readout: bool, shift: int) -> Population:
    extra = {"readout": float(readout), "shift": float(shift)}
    columns = {k: np.full(population.n, v) for k, v in extra.items()}
    return dataclasses.replace(population, params={**population.params, **columns})


def _mark(population: Population, name: str) -> int:
    return int(population.params[name][0]) if name in population.params else 0


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in integer registers.

    Raises UnsupportedNode E0220 to E0222, E0224, E0225, E0234, E0235.
    """
    notes = _approximated(population, incoming, scaling, facts)
    w_scale = scaling.scale or scale.weight_scale(
        population, incoming, scaling.bits, scaling.keep, facts
    )
    top, shift = scale.top_weight(scaling.bits, facts), _mark(population, "shift")
    v_scale = w_scale * (1 << shift) * scale.units(population, facts)
    params, more = _registers(population, v_scale, facts)
    v_shift = scale_shift(population)
    state = np.zeros(population.n, neurons.model(MODEL).state)
    state["v"] = np.rint(-v_shift * v_scale)
    spikes = facts["readout_spikes" if _mark(population, "readout") else "hidden_spikes"]
    return Quantised(
        population.name,
        MODEL,
        (int(facts["arithmetic"]), int(spikes), 1),
        params,
        state,
        WORD,
        v_scale,
        v_shift,
        w_scale,
        tuple(_synapses(j, w_scale, top, shift) for j in incoming),
        notes + more + _precision(population, incoming, w_scale, top),
    )


def scale_shift(population: Population) -> Array:
    """Return the network potential at which the register is zero."""
    p = population.params
    resets = np.isfinite(p["threshold"]) & (not population.subtract)
    found: Array = np.where(resets, p["v_reset"], 0.0)
    return found


def _approximated(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> tuple[str, ...]:
    """What the chip cannot do and the user lets it do nearly. Raises where he does not."""
    refuse.graded(population)
    refuse.no_gain(population)
    p, node, notes = population.params, population.node, []
    alphas = np.concatenate([p["alpha"], scale.synaptic(population)])
    if ((alphas < 0) | (alphas > 1)).any():
        raise UnsupportedNode(
            "E0224",
            "a decay factor lies outside 0..1",
            where=node,
            hint='use integrator="exponential" or a smaller dt',
        )
    wait = refuse.longest_delay(incoming)  # of a path around layers; `prepare` refuses others
    if wait and not scaling.approximate:
        raise _delay(node, wait, "a path of equally many layers; Options(approximate=True) lets "
                     "the spikes arrive early")  # fmt: skip
    if wait:
        notes.append(
            f"{node}: spikes that come around a layer arrive up to {wait} step(s) early; "
            "the chip has no delays"
        )
    notes += _fast_synapse(population, scaling, facts)
    notes += _reset(population, incoming, scaling)
    return tuple(notes)


def _delay(node: str, steps: int, hint: str) -> UnsupportedNode:
    return UnsupportedNode(
        "E0221",
        "the chip has no delays: every connection takes one step",
        where=node,
        got=f"{steps + 1} steps",
        allowed="1 step",
        hint=hint,
    )


def _fast_synapse(population: Population, scaling: Scaling, facts: Facts) -> list[str]:
    alpha = scale.synaptic(population)
    if not (alpha < scale.FASTEST).any():
        return []
    if not scaling.approximate:
        raise UnsupportedNode(
            "E0234",
            "the chip's synaptic current halves in a step at the fastest; the neuron's has "
            f"{'a faster decay' if alpha.any() else 'no current at all'}",
            where=population.node,
            got=f"decay factor {float(alpha.min()):g}",
            allowed=f"{scale.FASTEST:.2f} to 1, 0.5 without loss",
            hint="train with a synaptic current (CubaLIF), or Options(approximate=True)",
        )
    kept = f"one that keeps {float(alpha.min()):.0%}" if alpha.any() else "acting at once"
    late = 1 - float((alpha / (1 - alpha)).min())
    return [
        f"{population.node}: input acts through a current that halves in a step, in place of "
        f"{kept}: the same charge, on average {late:.2g} step(s) later"
    ]


def _reset(population: Population, incoming: tuple[Projection, ...], scaling: Scaling) -> list[str]:
    p, height = population.params, scale.thresholds(population)
    remembers = np.isfinite(height) & (p["alpha"] > 0)
    if population.subtract or not remembers.any():
        return []
    if not scaling.approximate:
        raise UnsupportedNode(
            "E0235",
            "reset to a potential is not native: a spike subtracts the threshold",
            where=population.node,
            allowed='reset="subtract"',
            hint='train with reset="subtract", or Options(approximate=True)',
        )
    jump = largest(incoming) * float((gain(population)[remembers] / height[remembers]).max())
    return [
        f"{population.node}: a spike subtracts the threshold instead of resetting; what exceeds "
        f"it stays, up to {jump:.0%} of the threshold for one spike of the largest weight"
    ]


def _synapses(projection: Projection, w_scale: float, top: int, shift: int) -> Synapses:
    found = as_rows(integer_synapses(projection, w_scale, top))
    none = np.zeros_like(found.delay_source), np.zeros_like(found.delay_target)
    return dataclasses.replace(found, delay_source=none[0], delay_target=none[1], shift=shift)


def _registers(
    population: Population, v_scale: Array, facts: Facts
) -> tuple[NDArray[Any], tuple[str, ...]]:
    p, node = population.params, population.node
    params = np.zeros(population.n, neurons.model(MODEL).params)
    params["dash_mem"] = mem = scale.dash(p["alpha"], 0, facts)
    params["dash_syn0"] = syn = scale.dash(scale.synaptic(population), 1, facts)
    params["dash_syn1"] = 1
    height = scale.thresholds(population)
    finite = np.isfinite(height)
    top = int(facts["threshold_max"])
    wanted = np.floor(np.where(finite, height, 0) * v_scale) + 1
    bad = finite & ((wanted < 1) | (wanted > top))
    if bad.any():
        raise UnsupportedNode(
            "E0225",
            "threshold does not fit its register",
            where=node,
            got=f"{int(wanted[bad][0])}",
            allowed=f"1 to {top}",
            hint="a threshold above the reset potential, or a smaller weight_scale",
        )
    params["threshold"] = np.where(finite, wanted, top)
    shifted = offset_with_current(population) - (1 - p["alpha"]) * scale_shift(population)
    bias, most = np.rint(shifted * v_scale), int(facts["bias_max"])
    params["bias"] = np.clip(bias, -most, most)
    notes = bias_notes(population)
    if (np.abs(bias) > most).any():
        share = float(most / np.abs(bias).max())
        notes += (f"{node}: biases are clipped, the largest to {share:.0%} of what it should be",)
    if population.readout == "potential":
        notes += (
            f"{node}: its potential is read out of the chip's memory in every step, which takes "
            "the chip longer than a step in real time, and saturates at 16 bits",
        )
    notes += _time_constants(node, "membrane", p["alpha"], mem)
    if population.model == "cuba_lif":
        slow = scale.synaptic(population) >= scale.FASTEST
        notes += _time_constants(node, "synaptic", scale.synaptic(population)[slow], syn[slow])
    return params, notes + _linear_leak(node, mem[finite], params["threshold"][finite])


def _time_constants(
    node: str, name: str, alpha: Array, shift: NDArray[np.int64]
) -> tuple[str, ...]:
    """How far time constants are from powers of two, and what an integrator loses."""
    notes: tuple[str, ...] = ()
    leaky = (alpha > 0) & (alpha < 1) & (shift > 0)
    if leaky.any():
        ratio = np.log(alpha[leaky]) / np.log(scale.kept(shift[leaky])) - 1
        worst = float(ratio[np.abs(ratio).argmax()])
        if abs(worst) > WORTH_SAYING:
            notes += (f"{node}: {name} time constants become shifts, off by up to {worst:+.1%}",)
    forgotten = (alpha > 0) & (shift == 0)
    if forgotten.any():
        most = float(alpha[forgotten].max())
        notes += (f"{node}: a {name} decay factor of {most:.2g} becomes 0",)
    if (alpha == 1).any():
        notes += (f"{node}: the {name} integrator leaks at least one register unit per step",)
    return notes


def _linear_leak(node: str, shift: NDArray[np.int64], threshold: NDArray[Any]) -> tuple[str, ...]:
    """A register below 2^dash loses one unit per step, more than its share."""
    if not shift.size:
        return ()
    share = float((2.0**shift / threshold).max())
    if share < 0.25:
        return ()
    return (
        f"{node}: potentials below {min(share, 1):.0%} of the threshold leak by one register unit "
        "per step, faster than they should",
    )


def _precision(
    population: Population, incoming: tuple[Projection, ...], w_scale: float, top: int
) -> tuple[str, ...]:
    """A high threshold leaves fewer bits to the weights."""
    used = largest(incoming) * w_scale
    if not incoming or used >= top / 2:
        return ()
    return (
        f"{population.node}: the threshold leaves the largest weight {used:.0f} of {top} steps",
    )


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the weights that end at a population, in bytes of 8-bit memory."""
    return [] if load.role == "source" else [("weights", load.synapses)]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return what a population alone may ask of its group; `prepare` checks the whole network."""
    if load.role == "source":
        return []
    each = int(facts["inputs"]) * int(facts["input_targets"]) + int(facts["recurrent_pairs"])
    return [
        Limit("hidden neurons", load.n, int(facts["hidden"]), "fewer neurons"),
        Limit("weights", load.synapses, each * int(facts["synapse_states"]), "prune weights"),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the hidden and the readout group, which are the chip's two cores."""
    return [(0, 0), (1, 0)]


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return 0: nothing travels between the groups but over one memory."""
    return 0


def assign(
    slices: tuple[Any, ...], destinations: tuple[tuple[int, ...], ...], facts: Facts
) -> tuple[int, ...]:
    """Return the group of every slice on the chip. Raises DoesNotFit E0301.

    What feeds nothing and takes no input is a readout.
    """
    fed = {k for s, d in zip(slices, destinations, strict=True) if s.role == "source" for k in d}
    roles = [
        "source" if s.role == "source" else "hidden" if d or k in fed else "readout"
        for k, (s, d) in enumerate(zip(slices, destinations, strict=True))
    ]
    size = {
        role: sum(s.hi - s.lo for s, r in zip(slices, roles, strict=True) if r == role)
        for role in ("source", "hidden", "readout")
    }
    wiring.check_sizes(size["source"], size["hidden"], size["readout"], facts)
    return tuple(HIDDEN if r == "hidden" else READOUT for r in roles if r != "source")
