"""mossy's own compiler and twin on the networks that SANA-FE runs, core for core.

The registers are given, so compilation begins behind quantisation. Three things are arranged, and
nothing else:

* tiles are numbered column by column there and row by row here; a core keeps its tile, and cores
  that hold nothing count as dead, so that no other may take the place;
* runs of cores with equally many neurons become one population, cut into as many slices;
* SANA-FE checks no memory but that of neurons, so the limits on axons and synapses are lifted.

Inputs have a core there and come from the host here: they are given the core's place afterwards,
from which hops are counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips import Chip, chip
from mossy.chips.quantised import Quantised, Synapses
from mossy.network.populations import Population, Populations, Projection
from mossy.neurons import model
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.program import Program, WordFormat
from mossy.program.machine import Place, grid
from mossy.twin import Result, run
from tests.oracles.sanafe_networks import TYPES, UNIT, Bools, Ints, Network, Trace

NAME = {"loihi": "loihi1", "truenorth": "truenorth"}
MODEL = {"loihi": "cuba_lif.int", "truenorth": "truenorth/neuron.int"}
FMT = {"loihi": (12, 21, 23), "truenorth": (20, 1)}
WORD = {  # weights of 16 bits hold what the chip would share an exponent for
    "loihi": WordFormat(32, weight=16, delay=6, type=0, index=10, coding="signed"),
    "truenorth": WordFormat(16, weight=2, delay=4, type=0, index=8, coding="signed"),
}
LIFTED = {
    "loihi": ("synapse_memory", "in_axons", "out_axons", "profiles"),
    "truenorth": ("axons",),
}
NOWHERE = "in"  # an input of one channel that leads nowhere, for networks without any
V_MAX = (1 << 23) - 1
FLOOR = (1 << 18) - 1  # the lowest there is


@dataclasses.dataclass(frozen=True, eq=False)
class Mapped:
    """A program, and where the neurons of the network went: population name -> their numbers."""

    network: Network
    program: Program
    members: dict[str, Ints]

    def inputs(self) -> dict[str, Bools]:
        """Return what to run the program with, (1, steps, n) by input."""
        found: dict[str, Bools] = {}
        column = np.cumsum(self.network.is_input) - 1
        for name in self.program.inputs:
            members = self.members.get(name)
            x = np.zeros((self.network.steps, 1), bool)
            found[name] = (x if members is None else self.network.x[:, column[members]])[None]
        return found


def number_here(arch: str, core: NDArray[Any]) -> Ints:
    """Return mossy's number of SANA-FE's cores."""
    if arch == "loihi":
        tile, part = core // 4, core % 4
        return np.asarray((tile % 4 * 8 + tile // 4) * 4 + part)
    return np.asarray(core % 64 * 64 + core // 64)


def mapped(network: Network) -> Mapped:
    """Compile a network."""
    on = _lifted(network.arch)
    where = number_here(network.arch, network.core)
    groups = list(_groups(where, network.is_input))
    members = {name: ids for name, ids, _ in groups}
    populations = [
        _population(name, ids.size, bool(network.is_input[ids[0]])) for name, ids, _ in groups
    ]
    inputs = [p.name for p in populations if p.model == "source"]
    if not inputs:
        inputs = [NOWHERE]
        populations.append(_population(NOWHERE, 1, True))
    synapses = _synapses(network, members)
    quantised = {
        name: _quantised(name, ids, synapses.get(name, ()), network)
        for name, ids, _ in groups
        if name not in inputs
    }
    whole = Populations(
        tuple(populations),
        tuple(_projection(t, s) for t, found in synapses.items() for s in found),
        {name: name for name in inputs},
        {"out": next(iter(quantised))},
        cuts={name: len(cores) for name, _, cores in groups if name not in inputs},
    )
    options = Options(machine=_machine(where[~network.is_input], on))
    header = Header("mapped", "", 1e-3, "euler", "node")
    program = assemble(whole, quantised, on, options, header)[0]
    place: dict[str, Place] = {name: (0, 0, cores[0]) for name, _, cores in groups}
    return Mapped(network, _placed(program, {k: place[k] for k in inputs if k in place}), members)


def _lifted(arch: str) -> Chip:
    return chip(NAME[arch]).assuming(dict.fromkeys(LIFTED[arch], 1e12))


def _groups(where: Ints, is_input: Bools) -> Iterable[tuple[str, Ints, list[int]]]:
    """Name, neurons (core by core) and cores of each population."""
    for c in np.unique(where[is_input]).tolist():
        yield f"in{c}", np.flatnonzero(is_input & (where == c)), [c]
    cores, sizes = np.unique(where[~is_input], return_counts=True)
    order = np.argsort(np.where(is_input, 1 << 30, where), kind="stable")
    done = 0
    for size, run_of in groupby(
        zip(cores.tolist(), sizes.tolist(), strict=True), key=lambda x: x[1]
    ):
        found = [c for c, _ in run_of]
        yield f"core{found[0]}", order[done : done + size * len(found)], found
        done += size * len(found)


def _population(name: str, n: int, source: bool) -> Population:
    kind: Any = "source" if source else "lif"
    return Population(
        name, name, (n,), kind, {}, subtract=False, readout="spikes", graded=False, depth=0
    )


def _machine(where: Ints, on: Chip) -> Any:
    """One chip, of which only the cores in use work."""
    steps = tuple((x, y) for x, y in on.spec["topology"]["links"])
    unused = set(range(len(on.rules.places(on.facts)))) - set(where.tolist())
    return grid(1, steps).without(cores=[(0, 0, c) for c in sorted(unused)])


def _placed(program: Program, place: dict[str, Place]) -> Program:
    cores = tuple(
        dataclasses.replace(c, place=place[c.population]) if c.population in place else c
        for c in program.cores
    )
    return dataclasses.replace(program, cores=cores)


# --------------------------------------------------------------------------------- registers
def _synapses(network: Network, members: dict[str, Ints]) -> dict[str, tuple[Synapses, ...]]:
    """Synapses by target population: by source, and where the neuron asks for it by axon type."""
    n = network.core.size
    names = list(members)
    group, index = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for k, ids in enumerate(members.values()):
        group[ids], index[ids] = k, np.arange(ids.size)
    kinds = TYPES if network.arch == "truenorth" else 1
    key = (group[network.post] * len(names) + group[network.pre]) * kinds
    key += network.kind[network.pre] if kinds > 1 else 0
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    found: dict[str, list[Synapses]] = {}
    for part in np.split(order, cuts):
        if not part.size:
            continue
        pair, kind = divmod(int(key[part[0]]), kinds)
        target, source = names[pair // len(names)], names[pair % len(names)]
        shift, words = (16 * kind, np.ones(part.size)) if kinds > 1 else _stored(network, part)
        at = index[network.post[part]], index[network.pre[part]]
        shape = members[target].size, members[source].size
        weight = sparse.csr_array((words.astype(np.int32), at), shape=shape)
        assert weight.nnz == part.size, "two synapses from one neuron to another"
        none = (np.zeros(shape[1], np.int64), np.zeros(shape[0], np.int64))
        found.setdefault(target, []).append(
            Synapses(source, f"{source}->{target}/{kind}", weight, *none, shift=shift)
        )
    return {k: tuple(v) for k, v in found.items()}


def _stored(network: Network, part: Ints) -> tuple[int, NDArray[Any]]:
    """The shift that all weights have in common, and what is left of them."""
    registers = network.weight[part] * UNIT
    whole = np.rint(registers).astype(np.int64)
    assert (whole == registers).all(), "weights are whole 64ths"
    common = int(np.bitwise_or.reduce(np.abs(whole))) or 1  # a synapse of weight 0 is one too
    shift = (common & -common).bit_length() - 1
    return shift, whole >> shift


def _projection(target: str, s: Synapses) -> Projection:
    assert isinstance(s.weight, sparse.csr_array)
    return Projection(
        s.name, s.source, target, s.weight, s.delay_source, s.delay_target, feedback=False
    )


def _quantised(name: str, ids: Ints, incoming: tuple[Synapses, ...], network: Network) -> Quantised:
    found = model(MODEL[network.arch])
    params, state = np.zeros(ids.size, found.params), np.zeros(ids.size, found.state)
    registers = _loihi(network) if network.arch == "loihi" else _truenorth(network)
    for field, values in registers.items():
        params[field] = values[ids]
    if "random" in (state.dtype.names or ()):
        state["random"] = 1
    one = np.ones(ids.size)
    return Quantised(
        name, MODEL[network.arch], FMT[network.arch], params, state, WORD[network.arch],
        one, 0 * one, 1.0, incoming,
    )  # fmt: skip


def _loihi(network: Network) -> dict[str, NDArray[Any]]:
    a = network.attributes
    bias = np.rint(a["bias"] * UNIT)
    decay = np.rint((1 - a["leak_decay"]) * 4096)
    assert (bias == a["bias"] * UNIT).all() and (1 - decay / 4096 == a["leak_decay"]).all()
    top = np.full(network.core.size, V_MAX)
    return {
        "decay_u": np.full(network.core.size, 4096),
        "decay_v": decay,
        "bias": bias,
        "threshold": np.floor(a["threshold"] * UNIT),
        "v_min": -top,
        "v_max": top,
        "refract": np.maximum(a["refractory_delay"], 1),
    }


def _truenorth(network: Network) -> dict[str, NDArray[Any]]:
    a = network.attributes
    weight = np.zeros((network.core.size, TYPES))
    weight[network.post, network.kind[network.pre]] = network.weight
    assert (weight[network.post, network.kind[network.pre]] == network.weight).all()
    return {f"w{g}": weight[:, g] for g in range(TYPES)} | {
        "leak": a["leak"] + a["bias"],
        "threshold": a["threshold"],
        "reset": a["reset_mode"],
        "v_reset": a["reset"],
        "floor": np.where(a["floored"] != 0, a["floor"], FLOOR),
        "saturate": np.ones(network.core.size),
    }


# -------------------------------------------------------------------------------------- runs
def twin_run(network: Network, engine: str = "fast") -> tuple[Trace, Result]:
    """Run a network with everything recorded; return it in SANA-FE's terms, and as it is."""
    here = mapped(network)
    steps = network.steps
    result = run(here.program, here.inputs(), engine=engine, record=["*"], states=["*"])
    spikes = np.zeros((steps, network.core.size), bool)
    v = np.zeros(spikes.shape, np.int64)
    for name, ids in here.members.items():
        spikes[:, ids] = result.spikes[name][0, :steps] != 0
        if name in result.states:
            v[:, ids] = result.states[name]["v"][0, :steps]
    updated = _updated(network, spikes, v).sum(axis=1)
    events, hops = (
        result.counts[k][0, :steps].sum(axis=1).astype(np.int64)
        for k in ("synaptic_events", "hops")
    )
    packets = np.array([result.counts["packets_out"][0, :steps].sum(dtype=np.int64)])
    fired = result.counts["spikes"][0, :steps].sum(axis=1).astype(np.int64)
    return Trace(spikes, v, fired, updated, events, hops, packets, np.zeros(1)), result


def _updated(network: Network, spikes: Bools, v: Ints) -> Bools:
    """Neurons that SANA-FE counts as updated; mossy, like the chip, works on all of them."""
    before = np.zeros_like(v)
    before[1:] = v[:-1]
    joined = sparse.csr_array(
        (np.ones(network.pre.size, np.int64), (network.post, network.pre)),
        shape=(network.core.size,) * 2,
    )
    arrived = np.zeros(spikes.shape, bool)
    arrived[1:] = (joined @ spikes[:-1].T.astype(np.int64)).T > 0
    always = (network.attributes["bias"] != 0) | (network.attributes["force_update"] != 0)
    found: Bools = spikes | (~network.is_input & ((before != 0) | arrived | always))
    return found
