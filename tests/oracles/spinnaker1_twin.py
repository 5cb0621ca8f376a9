"""mossy's own step, compiler and twin on what sPyNNaker's code runs.

The registers are given, so compilation begins behind quantisation: partition to emit, then a run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.quantised import Quantised, Synapses
from mossy.chips.spinnaker1.rules import MODEL, WORD
from mossy.neurons import model
from mossy.neurons.model import evolve
from mossy.program import Program
from mossy.twin import run
from tests.oracles.assembled import assembled, name_of
from tests.oracles.spinnaker1_exchange import INPUT, STATE, Connection, Ints, Network, Trace
from tests.oracles.spinnaker1_exchange import Population as Registers

FIELDS = {"v": "v", "exc": "exc", "inh": "inh", "wait": "refract"}
NOTHING: Ints = np.zeros((0, 0), np.int64)


def params(pop: Registers) -> NDArray[Any]:
    """Return the parameters as records of the neuron model."""
    found = np.zeros(len(pop["v"]), model(MODEL).params)
    for name in found.dtype.names or ():
        found[name] = pop[name]  # type: ignore[literal-required]
    return found


def state(pop: Registers) -> NDArray[Any]:
    """Return the state before the first step as records of the neuron model."""
    found = np.zeros(len(pop["v"]), model(MODEL).state)
    for name in STATE:
        found[FIELDS[name]] = pop[name]  # type: ignore[literal-required]
    return found


def step_run(pop: Registers, sums: Ints, compiled: bool) -> Trace:
    """Return what the neuron model makes of ring buffer entries (steps, n, 2)."""
    steps, n = sums.shape[:2]
    found, neuron = model(MODEL), params(pop)
    now = state(pop)[None]
    states, fired = np.zeros((steps, n), found.state), np.zeros((steps, n), np.int64)
    ring = sums.reshape(1, steps, 2 * n).astype(found.drive)
    which, count = np.zeros((1, n), np.int32), np.zeros(1, np.int64)
    sent = np.zeros((1, n), found.drive)
    for t in range(steps):
        if compiled:
            found.update(now, neuron, ring, t, 0, (0,), which, sent, count)
            fired[t, which[0, : count[0]]] = 1
        else:
            rows = now[0].view(np.recarray)
            fired[t] = evolve(found, rows, ring[0, t], neuron.view(np.recarray), (0,))
        states[t] = now[0]
    return _trace(states, fired, sums[:, :, 0], sums[:, :, 1])


def twin_run(
    network: Network, engine: str = "fast", per_core: int | None = None, nearest: bool = False
) -> list[Trace]:
    """Return registers and spikes of every population. per_core: most neurons on a core."""
    names = [name_of(p) for p in range(len(network["populations"]))]
    steps = len(network["x"])
    result = run(
        program(network, per_core, nearest),
        network["x"][None],
        engine=engine,
        record=names,
        states=names,
    )
    return [
        _trace({f: result.states[k][f][0, :steps] for f in FIELDS.values()},
               result.spikes[k][0, :steps], NOTHING, NOTHING)
        for k in names
    ]  # fmt: skip


def _trace(states: Any, fired: Any, sum_exc: Ints, sum_inh: Ints) -> Trace:
    v, exc, inh, wait = (states[FIELDS[k]].astype(np.int64) for k in STATE)
    return Trace(sum_exc, sum_inh, v, exc, inh, wait, fired.astype(np.int64))


def program(network: Network, per_core: int | None = None, nearest: bool = False) -> Program:
    """Return the network as a program."""
    pops = network["populations"]
    size = {INPUT: network["x"].shape[1]} | {p: len(pop["v"]) for p, pop in enumerate(pops)}

    def registers_of(p: int, incoming: list[Connection]) -> Quantised:
        return _quantised(name_of(p), pops[p], incoming, nearest)

    return assembled("spinnaker1", size, network["connections"], registers_of, per_core)


def _quantised(name: str, pop: Registers, incoming: list[Connection], nearest: bool) -> Quantised:
    one = np.ones(len(pop["v"]))
    return Quantised(
        name,
        MODEL,
        (int(nearest),),
        params(pop),
        state(pop),
        WORD,
        one,
        0 * one,
        1.0,
        tuple(s for c in incoming for s in _synapses(c)),
    )


def _synapses(con: Connection) -> list[Synapses]:
    """One group per delay."""
    w = con["weight"].T
    found = []
    for d in np.unique(con["delay"]):
        part = sparse.csr_array(w * (d == con["delay"].T))
        part.eliminate_zeros()
        axonal = np.full(w.shape[1], int(d))
        found.append(
            Synapses(name_of(con["src"]), f"d{d}", part, axonal, np.zeros(w.shape[0], np.int64))
        )
    return found
