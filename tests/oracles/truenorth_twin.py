"""mossy's own compiler and twin on the networks of crossbar cores that RANC runs.

The registers are given, so compilation begins behind quantisation: partition to emit, then a run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from mossy.chips import chip
from mossy.chips.quantised import Quantised, Synapses
from mossy.network.populations import Population, Populations, Projection
from mossy.neurons import model
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.program import Program, WordFormat
from mossy.twin import run
from tests.oracles.truenorth_networks import HOST, Core, N, Network, Trace, drivers

MODEL = "truenorth/neuron.int"
WORD = WordFormat(16, weight=2, delay=4, type=0, index=8, coding="signed")


def twin_run(network: Network, engine: str = "fast") -> list[Trace]:
    """Return potentials and spikes of every core."""
    names = [_name(k) for k in range(len(network.cores))]
    steps = len(network.x)
    result = run(program(network), network.x[None], engine=engine, record=names, states=names)
    return [
        Trace(
            result.states[k]["v"][0, :steps].astype(np.int64),
            result.spikes[k][0, :steps].astype(bool),
        )
        for k in names
    ]


def program(network: Network) -> Program:
    """Return the network as a program, one population for each core."""
    size = {HOST: network.x.shape[1]} | {k: N for k in range(len(network.cores))}
    links = drivers(network)
    incoming = {t: [_synapses(network, s, t, links[s, t]) for s in size if (s, t) in links]
                for t in range(len(network.cores))}  # fmt: skip
    projections = [
        Projection(
            x.name, x.source, _name(t), x.weight, x.delay_source, np.zeros(N, np.int64), False
        )
        for t, groups in incoming.items()
        for group in groups
        for x in group
    ]
    whole = Populations(
        tuple(_population(k, n) for k, n in size.items()),
        tuple(projections),
        {"in": _name(HOST)},
        {"out": _name(0)},
    )
    quantised = {
        _name(k): _quantised(k, core, [x for group in incoming[k] for x in group], network)
        for k, core in enumerate(network.cores)
    }
    header = Header("random", "", 1e-3, "euler", "node")
    return assemble(whole, quantised, chip("truenorth"), Options(), header)[0]


def _name(k: int) -> str:
    return "in" if k == HOST else f"core{k}"


def _population(k: int, n: int) -> Population:
    kind: Any = "source" if k == HOST else "lif"
    return Population(
        _name(k), _name(k), (n,), kind, {}, subtract=False, readout="spikes", graded=False, depth=0
    )


def _synapses(network: Network, source: int, t: int, link: dict[str, Any]) -> list[Synapses]:
    """Crossbar bits of the axons that `source` drives, one group per axon type."""
    n = network.x.shape[1] if source == HOST else N
    core = network.cores[t]
    delay = np.zeros(n, np.int64)
    delay[link["sender"]] = link["delay"]
    found = []
    for kind in range(4):
        mine = core.kind[link["axon"]] == kind
        bits = np.zeros((N, n), np.int32)
        bits[:, link["sender"][mine]] = core.bits[:, link["axon"][mine]]
        weight = sparse.csr_array(bits)
        name = f"{_name(source)}->{_name(t)}/{kind}"
        none = np.zeros(N, np.int64)
        found.append(Synapses(_name(source), name, weight, delay, none, shift=16 * kind))
    return found


def _quantised(k: int, core: Core, incoming: list[Synapses], network: Network) -> Quantised:
    found = model(MODEL)
    params, state = np.zeros(N, found.params), np.zeros(N, found.state)
    for g in range(4):
        params[f"w{g}"] = core.weight[:, g]
    for field in ("leak", "threshold", "reset", "v_reset", "floor"):
        params[field] = getattr(core, field)
    state["v"], state["random"] = core.start, 1
    one = np.ones(N)
    fmt = (20, int(network.inclusive))
    return Quantised(_name(k), MODEL, fmt, params, state, WORD, one, 0 * one, 1.0, tuple(incoming))
