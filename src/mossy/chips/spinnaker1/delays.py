"""Delays beyond the ring buffer: cores that hold spikes back, as sPyNNaker adds them.

A core of n neurons has N = 2^(14 - 1 - b) slots, b the bits of n neurons, a bit for the type; 32
slots for 256 neurons. One is a step, so a synapse can wait 1 .. N steps. A longer delay d is parted

    d = s N + r     s = floor((d - 1) / N) stages,  1 <= r <= N

A delay core gets the spikes of some sources and sends each of them again, s N steps later, under
a key of its own for every stage s = 1 .. S; the synapse waits the other r steps. S is what the
longest delay needs, ceil(d / N) - 1, and 8 at most: 9 N steps are the longest delay. All stages of
a source are sent, as by the release, whether or not a synapse needs each of them.

In a program a stage of a source is a neuron, i S + s - 1 for source i (neurons/relay.py), whose
synapse holds the spike s N - 1 steps beyond the first. A delay core is cut where the source is, if
cuts are asked for; else it holds up to 256 sources, as memory allows.

A population keeps one N for all that ends at it. A source that reaches populations of different N
gets delay cores for each. Recipes whose delays are drawn become lists, so that no draw changes.

Cores are cut smaller instead, up to 128 slots, for delays from inputs, which may send several
spikes in a step as engines of large networks do not let a neuron do; and for drawn delays where the
lists would be too long.

Before: quantised populations with any delays. After: the same with delay cores between them; all
other delays fit the words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips import recipes
from mossy.chips.facts import Facts
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Synapses, busy_cycles
from mossy.errors import UnsupportedNode
from mossy.network.populations import Population, Populations
from mossy.network.recipe import Recipe, constant
from mossy.program.artefact import WordFormat
from mossy.synapses import generate

RELAY, RELAY_MANY = "relay", "relay.many"
SMALLER = 128  # slots up to which cores may be cut smaller
MOST_LISTED = 10_000_000  # synapses of recipes that are written out
WORD = WordFormat(32, weight=16, delay=5, type=1, index=8, coding="magnitude")  # 256 neurons
Held = dict[tuple[str, int], int]  # (source, slots) -> stages
Ints = NDArray[np.int64]


def extend(
    populations: Populations, quantised: Mapping[str, Quantised], options: Any, facts: Facts
) -> tuple[Populations, dict[str, Quantised], Any]:
    """Return the network with delay cores, and the options that are left to be met.

    Raises UnsupportedNode E0221 where a delay needs too many stages, E0284 where a recipe is too
    large to be written out.
    """
    made, held, latency = dict(quantised), Held(), int(facts["step_latency"])
    slots = _all_slots(populations, made, options, facts)
    for name, q in made.items():
        here = [(s, _stages(populations, name, s, slots[name], facts)) for s in q.incoming]
        longest = max((longest_of(s, latency) for s in q.incoming), default=1)
        made[name] = dataclasses.replace(q, word=_word(min(longest, slots[name]), facts))
        for s, stages in here:
            if stages:
                key = s.source, slots[name]
                held[key] = max(stages, held.get(key, 0))
    if not held:
        return populations, made, options
    names = {key: _name(populations, held, key) for key in held}
    for name, q in made.items():
        parts = [
            part
            for s in q.incoming
            for part in _parted(s, slots[name], held, names, latency, populations)
        ]
        made[name] = dataclasses.replace(made[name], incoming=tuple(parts))
    relays = [_relays(populations, quantised, held, names, key, latency) for key in held]
    made |= {q.name: q for _, q in relays}
    whole = dataclasses.replace(
        populations,
        populations=(*populations.populations, *(p for p, _ in relays)),
        notes=(*populations.notes, *(_note(key, held) for key in held)),
        cuts=_cuts(populations, options, names),
    )
    return whole, made, dataclasses.replace(options, neurons_per_core=None)


def _word(steps: int, facts: Facts) -> WordFormat:
    """The word for delays of up to so many steps: what they leave of an address is the index."""
    delay = max(WORD.delay, (steps - 1).bit_length())
    return dataclasses.replace(WORD, delay=delay, index=int(facts["ring_bits"]) - 1 - delay)


def longest_of(s: Synapses, latency: int) -> int:
    """Return the steps from a spike to its last arrival."""
    if isinstance(s.weight, Recipe):
        return s.weight.max_delay
    if s.max_delay + latency <= 1 or not s.weight.nnz:
        return latency
    found = s.weight.tocoo()
    return int((s.delay_source[found.col] + s.delay_target[found.row]).max()) + latency


def _all_slots(
    populations: Populations, quantised: Mapping[str, Quantised], options: Any, facts: Facts
) -> dict[str, int]:
    """Steps that the ring buffers of each population's cores hold."""
    slots = {k: _slots(populations, q, options, facts) for k, q in quantised.items()}
    long = sum(
        recipes.synapses(s.weight)
        for name, q in quantised.items()
        for s in q.incoming
        if _needs_list(s, slots[name])
    )
    if long <= MOST_LISTED:
        return slots
    return {k: _slots(populations, q, options, facts, drawn=True) for k, q in quantised.items()}


def _needs_list(s: Synapses, slots: int) -> bool:
    """Whether a recipe's synapses need different stages, or one that is not the first."""
    r = s.weight
    if not isinstance(r, Recipe) or r.kind == "listed" or r.max_delay <= slots:
        return False
    return r.min_delay < r.max_delay or r.max_delay > 2 * slots


def _slots(
    populations: Populations, q: Quantised, options: Any, facts: Facts, drawn: bool = False
) -> int:
    """Slots of a population's cores, enough for delays from inputs and drawn ones if possible."""
    most = int(facts["neurons_per_core"])
    n = min(q.params.size, most, options.neurons_per_core or most)
    slots = 1 << (int(facts["ring_bits"]) - 1 - max(1, (n - 1).bit_length()))
    inputs = {p.name for p in populations.populations if p.model == "source"}
    given = [s for s in q.incoming if s.source in inputs or (drawn and _needs_list(s, slots))]
    longest = max((longest_of(s, int(facts["step_latency"])) for s in given), default=1)
    return max(slots, 1 << (longest - 1).bit_length()) if longest <= SMALLER else slots


def _stages(populations: Populations, name: str, s: Synapses, slots: int, facts: Facts) -> int:
    """Stages that the longest delay of a projection needs. Raises UnsupportedNode E0221."""
    longest, latency = longest_of(s, int(facts["step_latency"])), int(facts["step_latency"])
    stages, most = -(-longest // slots) - 1, int(facts["delay_stages"])
    if stages > most:
        raise UnsupportedNode(
            "E0221",
            f"a delay is longer than {most} stages of a delay core and the {slots} slots of a "
            "ring buffer hold",
            where=populations.population(name).node,
            got=f"{longest} steps",
            allowed=f"{latency} to {(most + 1) * slots}",
            hint="use a larger dt or shorter delays, or smaller cores, which have more slots: "
            "Options(neurons_per_core=64)",
        )
    return stages


def _name(populations: Populations, held: Held, key: tuple[str, int]) -> str:
    """A name that no other population has."""
    source, slots = key
    name = f"{source} delayed"
    if sum(other == source for other, _ in held) > 1:
        name += f" by {slots}"
    taken = {p.name for p in populations.populations}
    while name in taken:
        name += "'"
    return name


def _note(key: tuple[str, int], held: Held) -> str:
    (source, slots), stages = key, held[key]
    count = f"{stages} stages" if stages > 1 else "one stage"
    return f"{source}: spikes for delays beyond {slots} steps go by delay cores of {count}"


def _cuts(
    populations: Populations, options: Any, names: Mapping[tuple[str, int], str]
) -> dict[str, int]:
    """Cuts of all populations, where the user wants small cores: delay cores like their sources.

    A limit on neurons of a core would count every stage of a source as a neuron.
    """
    cuts = dict(populations.cuts)
    if options.neurons_per_core:
        for p in populations.populations:
            cuts[p.name] = max(cuts.get(p.name, 1), -(-p.n // options.neurons_per_core))
    return cuts | {name: cuts.get(source, 1) for (source, _), name in names.items()}


# ------------------------------------------------------------------------------ relays
def _relays(
    populations: Populations,
    quantised: Mapping[str, Quantised],
    held: Held,
    names: Mapping[tuple[str, int], str],
    key: tuple[str, int],
    latency: int,
) -> tuple[Population, Quantised]:
    """The population that holds a source's spikes back, and what leads to it."""
    (source, slots), stages = key, held[key]
    before = populations.population(source)
    n = before.n * stages
    model = RELAY if _one_spike(quantised.get(source)) else RELAY_MANY
    each = slots * (1 + np.arange(n) % stages)
    params = np.zeros(n, neurons.model(model).params)
    params["steps"] = each
    ones = np.ones(n, np.int32)
    weight = sparse.csr_array((ones, (np.arange(n), np.arange(n) // stages)), (n, before.n))
    bits = max(1, (slots * stages - latency).bit_length())
    none = np.zeros(before.n, np.int64)
    lead = Synapses(source, f"{source}->{names[key]}", weight, none, each - latency)
    shown = Population(
        names[key], names[key], (n,), RELAY, {}, False, "spikes", False, before.depth
    )
    return shown, Quantised(
        names[key],
        model,
        (0,),
        params,
        np.zeros(n, neurons.model(model).state),
        WordFormat(32, weight=2, delay=bits, type=0, index=30 - bits, coding="signed"),
        np.ones(n),
        np.zeros(n),
        1.0,
        (lead,),
    )


def _one_spike(q: Quantised | None) -> bool:
    """Whether no neuron of a population sends two spikes in a step."""
    return q is not None and neurons.model(q.model).step.__annotations__["return"] in (bool, "bool")


# ------------------------------------------------------------------------------ synapses
def _parted(
    s: Synapses,
    slots: int,
    held: Held,
    names: Mapping[tuple[str, int], str],
    latency: int,
    populations: Populations,
) -> list[Synapses]:
    """A projection as the synapses that a ring buffer holds and those behind delay cores."""
    if longest_of(s, latency) <= slots:
        return [s]
    key = s.source, slots
    relay, stages = names[key], held[key]
    if isinstance(s.weight, Recipe):
        parts = _recipe(s, s.weight, slots, stages, relay)
    else:
        parts = _matrix(s, slots, stages, relay, latency)
    return [dataclasses.replace(part, name=f"{s.name} #{k}") for k, part in enumerate(parts)]


def _matrix(s: Synapses, slots: int, stages: int, relay: str, latency: int) -> list[Synapses]:
    """Parts of a matrix. Where targets wait for different times, each time has parts of its own."""
    m = s.weight.tocoo()
    found = []
    for late in np.unique(s.delay_target[m.row]).tolist():
        here = s.delay_target[m.row] == late
        row, col, data = m.row[here], m.col[here], m.data[here]
        field = s.delay_source + late
        stage, left = field // slots, field % slots
        near, behind = stage[col] == 0, col * stages + stage[col] - 1
        for source, own, column, delay in (
            (s.source, near, col, left),
            (relay, ~near, behind, np.repeat(left, stages)),
        ):
            if own.any():
                shape = (s.weight.shape[0], delay.size)
                weight = sparse.csr_array((data[own], (row[own], column[own])), shape)
                used = np.isin(np.arange(delay.size), column[own])
                none = np.zeros(shape[0], np.int64)
                found.append(Synapses(source, "", weight, np.where(used, delay, 0), none))
    return found


def _recipe(s: Synapses, r: Recipe, slots: int, stages: int, relay: str) -> list[Synapses]:
    """Parts of a recipe: itself where all is one stage away, else lists of what it draws."""
    away = np.zeros(r.n_source * stages, np.int64), np.zeros(r.n_target, np.int64)
    if r.kind != "listed" and r.min_delay == r.max_delay and stages == 1:
        return [
            Synapses(relay, "", dataclasses.replace(r, delay=constant(r.max_delay - slots)), *away)
        ]
    pre, post, weight, delay = _written(s, r)
    stage = (delay - 1) // slots
    near, found = stage == 0, []
    if near.any():
        kept = _list(r, r.n_source, pre[near], post[near], weight[near], delay[near])
        found.append(Synapses(s.source, "", kept, s.delay_source, s.delay_target))
    if not near.all():
        far = ~near
        behind = (pre * stages + stage - 1)[far]
        kept = _list(r, away[0].size, behind, post[far], weight[far], (delay - stage * slots)[far])
        found.append(Synapses(relay, "", kept, *away))
    return found


def _written(s: Synapses, r: Recipe) -> tuple[Ints, Ints, NDArray[np.float64], Ints]:
    """Source, target, whole weight and delay of every synapse. Raises UnsupportedNode E0284."""
    if r.kind == "listed":
        return r.pre, r.post, r.weights, r.delays
    if recipes.synapses(r) > MOST_LISTED:
        raise UnsupportedNode(
            "E0284",
            "delays of several stages would need a list of all synapses, which is too long",
            where=s.name,
            got=f"about {recipes.synapses(r):,.0f} synapses, delays to {r.max_delay} steps",
            allowed=f"{MOST_LISTED:,}",
            hint="shorter delays, or populations in several parts",
        )
    start, post, weight, delay = generate.rows(r, 0, r.n_target)
    pre = np.repeat(np.arange(r.n_source), np.diff(start))
    return pre, post, weight.astype(np.float64), delay


def _list(
    r: Recipe, n_source: int, pre: Ints, post: Ints, weight: NDArray[np.float64], delay: Ints
) -> Recipe:
    """The synapses themselves, in whole weights."""
    return Recipe(
        "listed", n_source, r.n_target, constant(0), constant(1), 0,
        pre=pre, post=post, weights=weight, delays=delay, top=r.top,
    )  # fmt: skip


# ------------------------------------------------------------------------------ what a core holds
def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the blocks of a delay core: (name, bytes). A counter of 8 bits a source and step."""
    slots = 1 << load.delay.bit_length()
    return [("counters", slots * load.in_axons), ("stack", int(facts["stack"]))]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a delay core with what `load` uses of it."""
    own = tuple(blocks(load, facts))
    return [
        Limit("sources", load.in_axons, int(facts["neurons_per_core"]), "split the population"),
        Limit(
            "data memory (B)",
            sum(size for _, size in own),
            int(facts["dtcm"]),
            "shorter delays",
            own,
        ),
        Limit(
            "cycles per tick",
            busy_cycles(load, facts),
            float(facts["tick"]) * float(facts["core_clock"]),
            "a longer tick, or a network with fewer spikes",
        ),
    ]
