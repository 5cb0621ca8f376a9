"""The published neuron equation, written down term by term in plain Python.

    V += sum_i A_i [(1 - b) s + b F(s, rho) sgn(s)]            F(s, rho) = 1 if |s| >= rho, else 0
    V += Omega [(1 - c) leak + c F(leak, rho) sgn(leak)]       Omega = (1 - e) + e sgn(V)
    eta = rho_T & M;   V >= alpha + eta: fire, V = R  |  V - (alpha + eta)  |  V
    V < -(beta kappa + (beta + eta)(1 - kappa)):  kappa 1: V = -beta
                                                  kappa 0: V = -R  |  V + (beta + eta)  |  V

Cassidy et al., IJCNN 2013, doi:10.1109/IJCNN.2013.6707077. Nothing here knows mossy. The chip's
random numbers are not published; these are xorshift32's, one generator per neuron: the top 8 bits
for rho, the bits above the lowest 8 for rho_T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.oracles.truenorth_networks import HOST, Core, Ints, N, Network, Trace, drivers

WORD = (1 << 32) - 1
LOW, HIGH = -(1 << 19), (1 << 19) - 1


@dataclass(frozen=True)
class Neuron:
    """Parameters of one neuron by the names of the equation. gamma: reset mode.

    equal: V = -beta already counts as below (the simulator's symmetric kind).
    """

    s: tuple[int, int, int, int]
    b: tuple[int, int, int, int] = (0, 0, 0, 0)
    leak: int = 0
    e: int = 0
    c: int = 0
    alpha: int = 1
    mask: int = 0
    gamma: int = 0
    r: int = 0
    beta: int = 0
    kappa: int = 0
    equal: bool = False


def sgn(x: int) -> int:
    return (x > 0) - (x < 0)


def draw(state: int) -> int:
    """Return the generator's next state (Marsaglia 2003)."""
    state = (state ^ (state << 13)) & WORD
    state ^= state >> 17
    return (state ^ (state << 5)) & WORD


def clip(v: int) -> int:
    return max(LOW, min(HIGH, v))


def tick(v: int, counts: tuple[int, ...], p: Neuron, random: int) -> tuple[int, bool, int]:
    """Return potential, spike and generator after one tick with so many events of each type."""
    for s, b, n in zip(p.s, p.b, counts, strict=True):
        for _ in range(n):
            random = draw(random) if b else random
            v += (1 - b) * s + b * (abs(s) >= random >> 24) * sgn(s)
    v = clip(v)
    random = draw(random) if p.c else random
    omega = (1 - p.e) + p.e * sgn(v)
    v = clip(v + omega * ((1 - p.c) * p.leak + p.c * (abs(p.leak) >= random >> 24) * sgn(p.leak)))
    random = draw(random) if p.mask else random
    eta = (random >> 8) & p.mask if p.mask else 0
    if v >= p.alpha + eta:
        return (p.r, v - (p.alpha + eta), v)[p.gamma], True, random
    floor = -(p.beta * p.kappa + (p.beta + eta) * (1 - p.kappa))
    if v < floor or (p.equal and v == floor):
        v = -p.beta if p.kappa else (-p.r, v + p.beta + eta, v)[p.gamma]
    return v, False, random


def neurons(core: Core, inclusive: bool) -> list[Neuron]:
    """The neurons of a core; such cores have the deterministic modes only."""
    fields = (core.leak, core.threshold, core.reset, core.v_reset, core.floor)
    return [
        Neuron(
            (w[0], w[1], w[2], w[3]),
            leak=leak, alpha=alpha, gamma=gamma, r=r, beta=beta, equal=inclusive,
        )
        for w, leak, alpha, gamma, r, beta in zip(
            core.weight.tolist(), *(f.tolist() for f in fields), strict=True
        )
    ]  # fmt: skip


def golden(network: Network) -> tuple[list[Trace], list[Ints]]:
    """Return the trace of every core, and its events: (steps, neurons, 4 types)."""
    steps, cores = len(network.x), network.cores
    events = [np.zeros((steps + 16, N, 4), np.int64) for _ in cores]
    links = drivers(network)
    every = [neurons(core, network.inclusive) for core in cores]
    v = [core.start.tolist() for core in cores]
    found = [Trace(np.zeros((steps, N), np.int64), np.zeros((steps, N), bool)) for _ in cores]
    for t in range(steps):
        for k, traces in enumerate(found):
            arrived = events[k][t].tolist()
            for i, p in enumerate(every[k]):
                v[k][i], traces.spikes[t, i], _ = tick(v[k][i], arrived[i], p, 0)
            traces.v[t] = v[k]
        for (source, target), link in links.items():
            sent = network.x[t] if source == HOST else found[source].spikes[t]
            on = sent[link["sender"]]
            for axon, delay in zip(link["axon"][on], link["delay"][on], strict=True):
                core = cores[target]
                events[target][t + 1 + delay, core.bits[:, axon], core.kind[axon]] += 1
    return found, [e[:steps] for e in events]
