"""mossy's own compiler and twin on the networks that lava-nc runs.

The registers are given, so compilation begins behind quantisation: partition to emit, then a run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from mossy.chips.loihi2.rules import WORD
from mossy.chips.quantised import Quantised, Synapses
from mossy.neurons import model
from mossy.program import Program
from mossy.twin import run
from tests.oracles.assembled import assembled, name_of
from tests.oracles.lava_exchange import INPUT, STATES, Connection, Network, Trace
from tests.oracles.lava_exchange import Population as Registers

FULL = (1 << 23) - 1
MODELS = {
    "lif": "cuba_lif.int",
    "sigma_delta": "sigma_delta.int",
    "rf": "resonate_fire.int",
    "rf_iz": "resonate_fire.int",
    "atrlif": "adaptive_lif.int",
    "graded_lif": "graded_lif.int",
}
FIELDS = {  # their name of a state -> ours
    "sigma_delta": {"sigma": "v"},
    "rf": {"real": "v", "imag": "im"},
    "rf_iz": {"real": "v", "imag": "im"},
    "atrlif": {"i": "u", "theta": "over"},
}
ALIGN = {"lif": 6, "atrlif": 6, "graded_lif": 6}  # bits by which a kind shifts what it receives


def twin_run(network: Network, engine: str = "fast", per_core: int | None = None) -> list[Trace]:
    """Return states and what was sent of every population. per_core: most neurons on a core."""
    program = _program(network, per_core)
    names = [name_of(p) for p in range(len(network["populations"]))]
    steps = len(network["x"])
    result = run(program, network["x"][None], engine=engine, record=names, states=names)
    traces = []
    for name, pop in zip(names, network["populations"], strict=True):
        states = result.states[name][0, :steps]
        ours = FIELDS.get(pop["kind"], {})
        trace = {k: states[ours.get(k, k)].astype(np.int64) for k in STATES[pop["kind"]]}
        if pop["kind"] == "atrlif":
            trace["theta"] += pop["registers"]["rest"].astype(np.int64)  # ours is above rest
        traces.append(trace | {"sent": result.spikes[name][0, :steps].astype(np.int64)})
    return traces


def _program(network: Network, per_core: int | None) -> Program:
    pops = network["populations"]
    size = {INPUT: network["x"].shape[1]} | {p: pop["n"] for p, pop in enumerate(pops)}

    def registers_of(p: int, incoming: list[Connection]) -> Quantised:
        return _quantised(name_of(p), pops[p], incoming)

    return assembled("loihi2", size, network["connections"], registers_of, per_core)


def _quantised(name: str, pop: Registers, incoming: list[Connection]) -> Quantised:
    kind, n = pop["kind"], pop["n"]
    found = model(MODELS[kind])
    fmt, values = registers(pop)
    params, state = np.zeros(n, found.params), np.zeros(n, found.state)
    for field, value in values.items():
        params[field] = value
    one, align = np.ones(n), ALIGN.get(kind, 0)
    synapses = tuple(s for c in incoming for s in _synapses(c, align))
    return Quantised(name, found.name, fmt, params, state, WORD, one, 0 * one, 1.0, synapses)


def registers(pop: Registers) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return fmt and the parameter fields of our model for their registers."""
    r = pop["registers"]
    whole = {k: v.astype(np.int64) for k, v in r.items() if k not in ("period", "alpha")}
    if pop["kind"] == "sigma_delta":
        fmt = int(whole.pop("spike_exp")), int(whole.pop("state_exp"))
        return fmt, {"threshold": whole["vth"], "offset": whole["bias"]}
    limits = {"v_min": -FULL, "v_max": FULL}
    if pop["kind"] == "lif":
        whole["threshold"] = whole.pop("vth")
        return (12, 31, 23, 31), whole | limits | {"refract": 1}
    if pop["kind"] == "graded_lif":
        whole["threshold"] = whole.pop("vth")
        return (12, 31, 23, 31, int(whole.pop("payload_shift"))), whole | limits
    if pop["kind"] == "atrlif":
        return (12, 23), whole | limits
    turn, bits = 2 * np.pi / r["period"], int(whole["decay_bits"])
    factors = {
        "cos": int((1 - r["alpha"]) * np.cos(turn) * (1 << bits)),
        "sin": int((1 - r["alpha"]) * np.sin(turn) * (1 << bits)),
    }
    shift = int(whole["state_exp"])
    threshold = whole["vth"] << shift
    return (bits, shift, 23), factors | {"threshold": threshold, "snap": pop["kind"] == "rf_iz"}


def _synapses(con: Connection, align: int) -> list[Synapses]:
    """One group per delay."""
    w = con["weight"].T
    found = []
    for d in np.unique(con["delay"]):
        part = sparse.csr_array(w * (d == con["delay"].T))
        part.eliminate_zeros()
        axonal = np.full(w.shape[1], int(d))
        dendritic = np.zeros(w.shape[0], np.int64)
        shift = con["exponent"] + align
        found.append(
            Synapses(name_of(con["src"]), f"d{d}", part, axonal, dendritic, shift, con["port"])
        )
    return found
