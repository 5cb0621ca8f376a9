"""The Loihi 1 neuron in plain NumPy integers, written from its published arithmetic.

    q = wrap21(sum of weights that arrive)             21 bits and a sign, two's complement
    u = wrap23(sgn(u) ((|u| (4096 - decay_u)) >> 12) + q)
    v = clip(sgn(v) ((|v| (4096 - decay_v)) >> 12) + wrap23(u + bias), -(2^23 - 1), 2^23 - 1)
    v = 0 while refractory; a spike if v > vth, then v = 0

Sources: Davies et al., "Loihi", IEEE Micro 2018; Michaelis et al., Front. Neuroinform. 2022,
doi 10.3389/fninf.2022.1015624 (decay and its rounding); widths as in the two emulators that
this model is compared with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.oracles.loihi_exchange import INPUT, Bools, Ints, Network, Population, Trace

Q_BITS = 21
U_BITS = 23
V_MAX = 2**23 - 1


class Corners(NamedTuple):
    """How often a run left the plain integers: wraps of q, u and u + bias, clips of v."""

    q: int
    u: int
    bias: int
    v: int


def golden(network: Network) -> list[Trace]:
    """Return u, v and spikes of every population."""
    return simulate(network)[0]


def simulate(network: Network) -> tuple[list[Trace], Corners]:
    """Return what `golden` returns, and how often each register wrapped or clipped."""
    steps = len(network["x"])
    neurons = [_Neurons(population, steps) for population in network["populations"]]
    fans = [_FanIn(network, p) for p in range(len(neurons))]
    spikes = {INPUT: network["x"]} | {p: n.trace.spikes for p, n in enumerate(neurons)}
    for t in range(steps):
        arrived = [fan.arrive(spikes, t) for fan in fans]
        for population, q in zip(neurons, arrived, strict=True):
            population.step(t, q)
    corners = Corners(*np.sum([n.corners for n in neurons], axis=0).tolist())
    return [n.trace for n in neurons], corners


class _FanIn:
    """All synapses onto one population, as one matrix per source over its recent steps."""

    def __init__(self, network: Network, target: int) -> None:
        self.n = network["populations"][target]["n"]
        self.parts: list[tuple[int, Ints]] = []
        for connection in network["connections"]:
            if connection["dst"] == target:
                weight, delay = connection["weight"], connection["delay"]
                taps = [np.where(delay == d, weight, 0) for d in range(int(delay.max()) + 1)]
                self.parts.append((connection["src"], np.stack(taps)))

    def arrive(self, spikes: dict[int, Bools], t: int) -> Ints:
        """Return the sum of the weights that arrive in step t, not wrapped."""
        q = np.zeros(self.n, np.int64)
        for source, taps in self.parts:
            past = spikes[source][max(0, t - len(taps)) : t][::-1]  # step t-1-d stands in row d
            row, neuron = np.nonzero(past)
            q += taps[row, neuron].sum(axis=0)
        return q


class _Neurons:
    """One population's state, and the record of it."""

    def __init__(self, population: Population, steps: int) -> None:
        shape = (steps, population["n"])
        self.parameters = population
        self.trace = Trace(np.zeros(shape, int), np.zeros(shape, int), np.zeros(shape, bool))
        self.u = np.zeros(population["n"], np.int64)
        self.v = np.zeros(population["n"], np.int64)
        self.wait = np.zeros(population["n"], np.int64)
        self.corners = np.zeros(4, np.int64)

    def step(self, t: int, q: Ints) -> None:
        """Update to the end of step t with the input q."""
        p = self.parameters
        drive = _decay(self.u, p["decay_u"]) + _wrap(q, Q_BITS)
        self.u = _wrap(drive, U_BITS)
        biased = self.u + p["bias"]
        v = _decay(self.v, p["decay_v"]) + _wrap(biased, U_BITS)
        self.v = np.where(self.wait > 0, 0, np.clip(v, -V_MAX, V_MAX))
        spikes = self.v > p["vth"]
        self.v[spikes] = 0
        self.wait = np.where(spikes, p["refract"] - 1, np.maximum(self.wait - 1, 0))
        self.corners += [
            np.count_nonzero(_wrap(q, Q_BITS) != q),
            np.count_nonzero(self.u != drive),
            np.count_nonzero(_wrap(biased, U_BITS) != biased),
            np.count_nonzero(np.abs(v) > V_MAX),
        ]
        self.trace.u[t], self.trace.v[t], self.trace.spikes[t] = self.u, self.v, spikes


def _decay(x: Ints, decay: int) -> Ints:
    shrunk: Ints = np.sign(x) * ((np.abs(x) * (4096 - decay)) >> 12)
    return shrunk


def _wrap(x: Ints, bits: int) -> Ints:
    half = 1 << bits
    return ((x + half) & (2 * half - 1)) - half
