"""sPyNNaker's IF_curr_exp in plain NumPy integers, written from its disassembled arithmetic.

    value <- value + ((entry << shift) x init >> 32)                  the entry is then cleared
    waiting: count down; else
    alpha <- ((I_offset + exc - inh) R >> 15) + V_rest;   V <- alpha - ((alpha - V) exp_TC >> 15)
    V >= V_thresh: a spike, V <- V_reset, wait T_refract steps
    value <- value x decay >> 32

int64 arithmetic on whole populations, wrapped to 32 bits after each sum; shifts go towards minus
infinity. Ring buffer entries are 16 bits, unsigned, and stay at the top once they reach it. A
branch of the source rounds the two products of V to nearest: half a unit is added before the shift.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.spinnaker1_exchange import (
    INPUT,
    RING_TOP,
    STATE,
    Ints,
    Network,
    Population,
    Trace,
)


def golden(network: Network, nearest: bool = False) -> list[Trace]:
    """Return ring buffer entries, registers and spikes of every population."""
    steps = len(network["x"])
    populations = network["populations"]
    traces = [Trace(*(np.zeros((steps, len(p["v"])), np.int64) for _ in Trace._fields))
              for p in populations]  # fmt: skip
    spikes = {INPUT: network["x"]} | {p: trace.spikes for p, trace in enumerate(traces)}
    state = [{k: p[k].copy() for k in STATE} for p in populations]  # type: ignore[literal-required]
    fans = [_fan_in(network, p) for p in range(len(populations))]
    for t in range(steps):
        arrived = [_arrived(p, fan, spikes, t) for p, fan in zip(populations, fans, strict=True)]
        for pop, now, trace, sums in zip(populations, state, traces, arrived, strict=True):
            fired = _step(pop, now, *sums, (1 << 14) * nearest)
            row = (*sums, *(now[k] for k in STATE), fired)
            for column, values in zip(trace, row, strict=True):
                column[t] = values
    return traces


def _fan_in(network: Network, target: int) -> list[tuple[int, int, Ints]]:
    """Source, delay and weights (source, sign, target) of all that ends at a population."""
    found = []
    for con in (c for c in network["connections"] if c["dst"] == target):
        both = np.stack([np.maximum(con["weight"], 0), np.maximum(-con["weight"], 0)], axis=1)
        for delay in np.unique(con["delay"]):
            part = np.where(con["delay"][:, None] == delay, both, 0)
            found.append((con["src"], int(delay), part))
    return found


def _arrived(
    pop: Population, fan: list[tuple[int, int, Ints]], spikes: dict[int, Ints], t: int
) -> tuple[Ints, Ints]:
    """Ring buffer entries in step `t`: excitation and inhibition."""
    both = np.zeros((2, len(pop["v"])), np.int64)
    if len(pop["drive"]):
        both += pop["drive"][t].T
    for source, delay, weight in fan:
        if t - 1 - delay >= 0:
            both += weight[np.flatnonzero(spikes[source][t - 1 - delay])].sum(axis=0)
    return np.minimum(both[0], RING_TOP), np.minimum(both[1], RING_TOP)


def _step(pop: Population, now: dict[str, Ints], x_exc: Ints, x_inh: Ints, half: int) -> Ints:
    exc = wrap(now["exc"] + (wrap(x_exc << pop["exc_shift"]) * pop["exc_init"] >> 32))
    inh = wrap(now["inh"] + (wrap(x_inh << pop["inh_shift"]) * pop["inh_init"] >> 32))
    waits = now["wait"] > 0
    current = wrap(pop["i_offset"] + exc - inh)
    alpha = wrap((current * pop["r"] + half >> 15) + pop["v_rest"])
    v = wrap(alpha - (wrap(alpha - now["v"]) * pop["exp_tc"] + half >> 15))
    v = np.where(waits, now["v"], v)
    fired = v >= pop["v_thresh"]
    now["v"] = np.where(fired, pop["v_reset"], v)
    now["wait"] = np.where(fired, pop["refract"], now["wait"] - waits)
    now["exc"] = exc * pop["exc_decay"] >> 32
    now["inh"] = inh * pop["inh_decay"] >> 32
    return fired.astype(np.int64)


def wrap(value: Ints) -> Ints:
    """The low 32 bits of `value`, as a signed number."""
    wrapped: Ints = ((value + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    return wrapped
