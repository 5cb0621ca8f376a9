"""Loihi 2: integer registers of its neuron programs, and the memory of a core.

Registers by population model: `lif.py`, `values.py` and `programs.py` beside this file say how they
are scaled.

A spike carries a number of up to 32 bits; a neuron that receives it adds weight times number. Plain
spikes are the number 1. Numbers have 6 fraction bits, plain spikes none, so no neuron takes both,
and sigma-delta neurons, which send changes, and neurons that fire do not feed each other here; each
may be fed by inputs. A graded spike, the potential at which a neuron fired, is a number that both
take: neurons that fire then shift what arrives by that much less (`lif.py`).

Synapses. Convolutions are stored as their kernel, one byte per weight, in every core that holds a
part of their targets. Everything else is stored as rows, one per source neuron: 16 bits per synapse
(24 with a delay), rounded up to words of 64 bits, half a word on average.

Parameters that differ between neurons are kept with each neuron, as its program may.

Place. A machine is a 3-D grid of chips. The third axis is folded into the second coordinate of a
place: chip (x, y) stands at x, y mod 8, y div 8 (chip_rows). `hops` unfolds it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.loihi2 import lif, programs, values
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling
from mossy.errors import UnsupportedNode
from mossy.network.populations import Population, Populations, Projection
from mossy.program.artefact import Place, WordFormat

HOW = {  # by model of network/populations.py
    "lif": lif.quantise,
    "cuba_lif": lif.quantise,
    "sigma_delta": values.quantise,
    "resonate_fire": programs.resonate_fire,
    "adaptive_lif": programs.adaptive_lif,
    "graded_lif": programs.graded_lif,
}
SEND_NUMBERS = ("sigma_delta", "graded_lif")
MODELS = tuple(HOW)
WORD = WordFormat(32, weight=8, delay=6, type=0, index=13, coding="signed")
SYNAPSE_BITS, DELAY_BITS, HALF_WORD = 16, 8, 32
REGISTERS = {  # state and per-neuron parameters
    lif.MODEL: 3,
    values.MODEL: 5,
    programs.RESONATE: 4,
    programs.ADAPTIVE: 7,
    programs.GRADED: 3,
}
SIDE = (8, 4)  # tiles of a chip; 4 cores each


def prepare(
    populations: Populations, options: Any, facts: Facts
) -> tuple[Populations, dict[str, int]]:
    """Return the populations with readouts of sums of numbers as sigma units.

    Other neurons that are fed with graded spikes get two parameters more: `taken`, the numbers'
    fraction bits, and `loud`, about how large they are. Raises UnsupportedNode E0230 where spikes
    meet neurons that take numbers, or the reverse.
    """
    changed = []
    for p in populations.populations:
        names = {j.source for j in populations.into(p.name)}
        sources = [q for q in populations.populations if q.name in names and q.model != "source"]
        numbers = [q for q in sources if q.model in SEND_NUMBERS]
        if p.model == "lif" and numbers and _is_sum(p):
            p = _sigma(p)
        graded = [q for q in sources if q.model == "graded_lif"]
        takes = "numbers" if p.model == "sigma_delta" or graded else "spikes"
        if p.model == "sigma_delta":
            wrong = [q for q in sources if q not in numbers]
        else:
            wrong = [q for q in sources if q not in graded and (graded or q in numbers)]
        if wrong:
            raise _mixed(p, takes, wrong[0])
        changed.append(_taking(p, graded, facts) if takes == "numbers" else p)
    return dataclasses.replace(populations, populations=tuple(changed)), {}


def _taking(p: Population, graded: list[Population], facts: Facts) -> Population:
    """The same neurons with what they must know of the numbers that reach them."""
    if p.model == "sigma_delta":
        return p
    most = max(float(q.params["threshold"].max()) for q in graded)
    params = {
        "taken": np.full(p.n, float(facts["payload_fraction"])),
        "loud": np.full(p.n, max(2 * most, 1.0)),
    }
    return dataclasses.replace(p, params=p.params | params)


def _is_sum(p: Population) -> bool:
    """Whether a population only adds up what arrives, forever."""
    q = p.params
    return bool(
        not np.isfinite(q["threshold"]).any()
        and (q["alpha"] == 1).all()
        and (q["offset"] == 0).all()
    )


def _sigma(p: Population) -> Population:
    """The same sum as the first half of a sigma-delta neuron, with a threshold never reached."""
    params = {
        "threshold": np.full(p.n, np.inf),
        "offset": np.zeros(p.n),
        "gain": p.params["gain"],
    }
    return dataclasses.replace(p, model="sigma_delta", params=params)


def _mixed(p: Population, takes: str, source: Population) -> UnsupportedNode:
    gets = "numbers" if source.model in SEND_NUMBERS else "spikes"
    if takes == gets:  # potentials and changes
        gets = "changes"
    return UnsupportedNode(
        "E0230",
        f"neurons that take {takes} are fed with {gets} by {source.name}; the two do not mix",
        where=p.node,
        allowed="neurons that fire after neurons that fire or after GradedLIF, not after both; "
        "sigma-delta neurons and sums (I with v_leak 0) after sigma-delta neurons and GradedLIF",
        hint="one kind of neuron throughout",
    )


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in integer registers. Raises UnsupportedNode, BadInput E0231."""
    refuse.delay_beyond(
        population,
        refuse.longest_delay(incoming),
        int(facts["delay_max"]),
        int(facts["step_latency"]),
    )
    found = HOW[population.model](population, incoming, scaling, facts, WORD)
    bits = lif.numbers(population)
    if not bits:
        return found
    shifted = tuple(dataclasses.replace(s, shift=s.shift - bits) for s in found.incoming)
    return dataclasses.replace(found, incoming=shifted, taken_scale=2.0**bits)


def _synapse_bytes(load: CoreLoad) -> int:
    each = SYNAPSE_BITS + (DELAY_BITS if load.delay else 0)
    bits = load.synapses * each + load.rows * HALF_WORD
    return -(-bits // 8) + load.kernel_bytes


def _state_bytes(load: CoreLoad, facts: Facts) -> int:
    return load.n * REGISTERS.get(load.model, 1) * int(facts["register_bytes"])


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the named blocks of a core's memory in bytes."""
    if load.role == "source":
        return []
    rows = _synapse_bytes(load) - load.kernel_bytes
    found = [("neuron state", _state_bytes(load, facts))]
    found += [("synapse rows", rows)] if rows else []
    return found + ([("kernels", load.kernel_bytes)] if load.kernel_bytes else [])


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    if load.role == "source":
        return []
    split = "split the population or prune synapses"
    most = "sigma_delta_neurons" if load.model == values.MODEL else "neurons"
    synapses, state = _synapse_bytes(load), _state_bytes(load, facts)
    return [
        Limit("neurons", load.n, int(facts[most]), "split the population"),
        Limit("synapse memory (B)", synapses, int(facts["synapse_memory"]), split),
        Limit("core memory (B)", synapses + state, int(facts["core_memory"]), split),
        # a core holds a part of one population, which is one group whatever its parameters
        Limit("neuron groups", 1, int(facts["neuron_groups"]), "fewer neuron programs per core"),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the tile of each core of a chip, row by row."""
    tiles = [(x, y) for y in range(SIDE[1]) for x in range(SIDE[0])]
    return [t for t in tiles for _ in range(4)][: int(facts["cores_per_chip"])]


def crossings(start: Place, end: Place, facts: Facts) -> int:
    """Return the chip edges crossed, planes included."""
    rows = int(facts["chip_rows"])
    a, b = ((p[0], *divmod(p[1], rows)) for p in (start, end))
    return sum(abs(i - j) for i, j in zip(a, b, strict=True))


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return the tiles crossed within planes of chips, and the planes crossed."""
    grid, rows = places(facts), int(facts["chip_rows"])

    def tile(p: Place) -> tuple[int, int, int]:
        x, y = grid[p[2]]
        plane, row = divmod(p[1], rows)
        return p[0] * SIDE[0] + x, row * SIDE[1] + y, plane

    return sum(abs(a - b) for a, b in zip(tile(start), tile(end), strict=True))
