"""mossy's own compiler and twin on the networks that xylosim runs.

The registers are given, so compilation begins behind quantisation: partition to emit, then a run.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import sparse

from mossy.chips import chip
from mossy.chips.quantised import Quantised, Synapses
from mossy.chips.xylo.rules import MODEL, WORD
from mossy.network.populations import Population, Populations, Projection
from mossy.neurons import model
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.program import Program
from mossy.twin import run
from tests.oracles.xylo_exchange import (
    MOST_HIDDEN,
    MOST_OUT,
    NO_ALIAS,
    Ints,
    Network,
    Trace,
)

ROLES = INPUT, HIDDEN, READOUT = "in", "hidden", "readout"
Group = tuple[str, str, Ints]  # source, target, weights (source, target, register)


def twin_run(network: Network, name: str, engine: str = "fast") -> Trace:
    """Return every register and spike of a network on the chip called `name`."""
    both = [HIDDEN, READOUT]
    steps = len(network["x"])
    result = run(
        program(network, name), network["x"][None], engine=engine, record=both, states=both
    )

    def state(population: str, field: str) -> Ints:
        return result.states[population][field][0, :steps].astype(np.int64)

    def spikes(population: str) -> Ints:
        return result.spikes[population][0, :steps].astype(np.int64)

    return Trace(
        state(HIDDEN, "v"),
        state(HIDDEN, "i0"),
        state(HIDDEN, "i1"),
        spikes(HIDDEN),
        state(READOUT, "v"),
        state(READOUT, "i0"),
        spikes(READOUT),
    )


def program(network: Network, name: str) -> Program:
    """Return the network as a program for the chip called `name`."""
    size = dict(zip(ROLES, (network["x"].shape[1], *network["w_out"].shape), strict=True))
    groups: list[Group] = [
        (INPUT, HIDDEN, network["w_in"]),
        (HIDDEN, HIDDEN, network["w_rec"]),
        (HIDDEN, READOUT, network["w_out"][:, :, None]),
    ]
    whole = Populations(
        tuple(_population(k, v) for k, v in size.items()),
        tuple(_projection(*group) for group in groups),
        {INPUT: INPUT},
        {READOUT: READOUT},
    )
    incoming: dict[str, list[Synapses]] = {HIDDEN: [], READOUT: []}
    for group, shift in zip(groups, network["shift"].tolist(), strict=True):
        incoming[group[1]] += _synapses(*group, shift)
    quantised = {
        HIDDEN: _quantised(network, HIDDEN, MOST_HIDDEN, hidden_registers(network), incoming),
        READOUT: _quantised(network, READOUT, MOST_OUT, readout_registers(network), incoming),
    }
    header = Header("random", "", 1e-3, "euler", "subtract")
    return assemble(whole, quantised, chip(name), Options(), header)[0]


def _projection(source: str, target: str, w: Ints) -> Projection:
    some = sparse.csr_array(w.any(axis=2).T.astype(float))
    return Projection(f"{source} {target}", source, target, some, *_no_delays(w), source == target)


def _synapses(source: str, target: str, w: Ints, shift: int) -> list[Synapses]:
    """One for each synaptic register."""
    return [
        Synapses(
            source, f"{source} {target} {k}", sparse.csr_array(w[:, :, k].T), *_no_delays(w),
            shift, k,
        )
        for k in range(w.shape[2])
    ]  # fmt: skip


def _no_delays(w: Ints) -> tuple[Ints, Ints]:
    return np.zeros(w.shape[0], np.int64), np.zeros(w.shape[1], np.int64)


def hidden_registers(network: Network) -> Any:
    """Parameters of the hidden neurons, as the model's records."""
    n = network["dash_mem"].size
    params = np.zeros(n, model(MODEL).params)
    for name in ("dash_mem", "threshold", "bias"):
        params[name] = network[name]
    params["dash_syn0"], params["dash_syn1"] = network["dash_syn"].T
    alias = network["alias"]
    params["alias"] = np.where(alias == NO_ALIAS, 0, alias - np.arange(n))
    return params


def readout_registers(network: Network) -> Any:
    """Parameters of the readout neurons, whose second synaptic register stays empty."""
    params = np.zeros(network["out_dash_mem"].size, model(MODEL).params)
    for name in ("dash_mem", "threshold", "bias"):
        params[name] = network[f"out_{name}"]  # type: ignore[literal-required]
    params["dash_syn0"] = network["out_dash_syn"]
    return params


def _population(name: str, n: int) -> Population:
    kind: Literal["source", "cuba_lif"] = "source" if name == INPUT else "cuba_lif"
    return Population(name, name, (n,), kind, {}, True, "spikes", False, 0)


def _quantised(
    network: Network, name: str, most: int, params: Any, incoming: dict[str, list[Synapses]]
) -> Quantised:
    one = np.ones(params.size)
    return Quantised(
        name,
        MODEL,
        (network["version"], most, network["has_bias"]),
        params,
        np.zeros(params.size, model(MODEL).state),
        WORD,
        one,
        0 * one,
        1.0,
        tuple(incoming[name]),
    )
