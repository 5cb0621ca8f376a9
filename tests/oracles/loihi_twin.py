"""mossy's own compiler and twin on the networks that the Loihi 1 emulators run.

The registers are given, so compilation begins behind quantisation: partition to emit, then a run.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from mossy.chips.quantised import Quantised, Synapses
from mossy.neurons import model
from mossy.program import Program, WordFormat
from mossy.twin import run
from tests.oracles.assembled import assembled, name_of
from tests.oracles.loihi_exchange import INPUT, Connection, Network, Trace
from tests.oracles.loihi_exchange import Population as Registers

FULL = (1 << 23) - 1
WORD = WordFormat(32, weight=8, delay=6, type=0, index=10, coding="signed")
STORED_SHIFT = 7  # weights are aligned by 6 bits and their mantissas are even


def twin_run(network: Network, engine: str = "fast", per_core: int | None = None) -> list[Trace]:
    """Return u, v and spikes of every population. per_core: most neurons on a core."""
    program = _program(network, per_core)
    names = [f"pop{p}" for p in range(len(network["populations"]))]
    steps = len(network["x"])
    result = run(program, network["x"][None], engine=engine, record=names, states=names)
    return [
        Trace(
            result.states[k]["u"][0, :steps].astype(np.int64),
            result.states[k]["v"][0, :steps].astype(np.int64),
            result.spikes[k][0, :steps].astype(bool),
        )
        for k in names
    ]


def _program(network: Network, per_core: int | None) -> Program:
    pops = network["populations"]
    size = {INPUT: network["x"].shape[1]} | {p: pop["n"] for p, pop in enumerate(pops)}

    def registers_of(p: int, incoming: list[Connection]) -> Quantised:
        return _quantised(name_of(p), pops[p], incoming)

    return assembled("loihi1", size, network["connections"], registers_of, per_core)


def _quantised(name: str, pop: Registers, incoming: list[Connection]) -> Quantised:
    found = model("cuba_lif.int")
    params = np.zeros(pop["n"], found.params)
    for field in ("decay_u", "decay_v", "bias", "refract"):
        params[field] = pop[field]
    params["threshold"], params["v_min"], params["v_max"] = pop["vth"], -FULL, FULL
    one = np.ones(pop["n"])
    return Quantised(
        name,
        "cuba_lif.int",
        (12, 21, 23),
        params,
        np.zeros(pop["n"], found.state),
        WORD,
        one,
        0 * one,
        1.0,
        tuple(s for c in incoming for s in _synapses(c)),
    )


def _synapses(con: Connection) -> list[Synapses]:
    """One group per delay, with the smallest exponent that stores the weights exactly."""
    w = con["weight"].T
    shifts = range(STORED_SHIFT, STORED_SHIFT + 8)
    shift = next(s for s in shifts if -128 << s <= w.min() and w.max() <= 127 << s)
    assert not (w % (1 << shift)).any()
    found = []
    for d in np.unique(con["delay"]):
        part = sparse.csr_array((w >> shift) * (d == con["delay"].T))
        part.eliminate_zeros()
        axonal = np.full(w.shape[1], int(d))
        dendritic = np.zeros(w.shape[0], np.int64)
        found.append(Synapses(name_of(con["src"]), f"d{d}", part, axonal, dendritic, shift))
    return found
