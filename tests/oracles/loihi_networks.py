"""Random Loihi 1 networks: one per seed, lively, and inside what an emulator can do.

Covered: 1 to 3 populations of 5 to 40 neurons; forward, self and backward connections; sparse
even mixed-sign weights with exponents 0..3; refractory periods 1..5; decays from none to all.

                   "nengo"                              "brian2"
    biases         half of the populations              none (it has none)
    delays         any 0..7, one network in ten 0..62   up to three values in a connection, 0..62
    overflow       one network in five wraps q or u,    none (its registers are unbounded)
                   with exponents up to 7

Thresholds are set from the voltages that a first run reaches, so that every population spikes;
a draw that is silent, saturated or overflows where it must not is drawn again.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator

from tests.oracles.loihi_exchange import INPUT, Connection, Ints, Network, Population
from tests.oracles.loihi_golden import golden, simulate

Emulator = Literal["nengo", "brian2"]

VTH_MAX = (2**17 - 1) << 6
BIAS_MANTISSA = 2**12  # exclusive
RATES = (0.04, 0.7)  # spikes per neuron and step that count as lively
ATTEMPTS = 1000


def random_network(seed: int, *, for_: Emulator) -> Network:
    """Return the network of this seed. Raises RuntimeError where no draw is lively."""
    rng = np.random.default_rng([seed, ("nengo", "brian2").index(for_)])
    wild = for_ == "nengo" and seed % 5 == 4
    far = seed % 10 == 7
    for _ in range(ATTEMPTS):
        network = _draw(rng, for_, wild, far)
        _set_thresholds(rng, network)
        if _accepted(network, wild):
            return network
    raise RuntimeError(f"seed {seed}: no lively network in {ATTEMPTS} draws")


def _draw(rng: Generator, for_: Emulator, wild: bool, far: bool) -> Network:
    steps, channels = int(rng.integers(90 if far else 60, 101)), int(rng.integers(5, 31))
    populations = [_population(rng, for_, wild) for _ in range(rng.integers(1, 4))]
    sizes = {INPUT: channels} | {p: one["n"] for p, one in enumerate(populations)}
    return Network(
        x=rng.random((steps, channels)) < rng.uniform(0.05, 0.4),
        populations=populations,
        connections=[
            Connection(
                src=src,
                dst=dst,
                weight=_weights(rng, (sizes[src], sizes[dst]), wild),
                delay=_delays(rng, (sizes[src], sizes[dst]), for_, far),
            )
            for src, dst in _pairs(rng, len(populations))
        ],
    )


def _pairs(rng: Generator, n: int) -> list[tuple[int, int]]:
    """Return which population feeds which: a chain from the input, and random others."""
    chain = [(p - 1, p) for p in range(n)]
    others = [(a, b) for a in range(INPUT, n) for b in range(n) if a != b - 1]
    return chain + [pair for pair in others if rng.random() < 0.35]


def _population(rng: Generator, for_: Emulator, wild: bool) -> Population:
    n = int(rng.integers(5, 41))
    bias = np.zeros(n, np.int64)
    if for_ == "nengo" and rng.random() < 0.5:
        exponents = rng.integers(0, 8 if wild else 4, n)
        bias = rng.integers(1 - BIAS_MANTISSA, BIAS_MANTISSA, n) << exponents
    return Population(
        n=n,
        decay_u=_one_of(rng, 4096, rng.integers(1, 4096), rng.integers(1, 200)),
        decay_v=_one_of(rng, 0, 4095, rng.integers(1, 4095), rng.integers(1, 400)),
        vth=VTH_MAX,
        refract=int(rng.integers(1, 6)),
        bias=bias,
    )


def _one_of(rng: Generator, *values: int | np.int64) -> int:
    return int(values[rng.integers(len(values))])


def _weights(rng: Generator, shape: tuple[int, int], wild: bool) -> Ints:
    lowest = int(rng.integers(-128, 1))  # a random share of inhibition
    mantissa = 2 * rng.integers(lowest, 128, shape)
    exponent = int(rng.integers(5, 8) if wild else rng.integers(0, 4))
    present = rng.random(shape) < rng.uniform(0.3, 1.0)
    return np.where(present, mantissa, 0) << (6 + exponent)


def _delays(rng: Generator, shape: tuple[int, int], for_: Emulator, far: bool) -> Ints:
    if rng.random() < 0.3:
        return np.zeros(shape, np.int64)
    values = rng.integers(0, 63 if far else 8, 3 if for_ == "brian2" else 64)
    return rng.choice(values, shape)


def _set_thresholds(rng: Generator, network: Network) -> None:
    """Set each threshold, in order, at a high quantile of the voltages reached without it."""
    for p, population in enumerate(network["populations"]):
        reached = golden(network)[p].v
        rising = reached[reached > 0]
        if rising.size:
            wanted = np.quantile(rising, rng.uniform(0.05, 0.8))
            population["vth"] = int(np.clip(int(wanted) >> 6, 1, VTH_MAX >> 6)) << 6


def _accepted(network: Network, wild: bool) -> bool:
    traces, corners = simulate(network)
    lively = all(RATES[0] < trace.spikes.mean() < RATES[1] for trace in traces)
    return lively and (corners.q + corners.u > 0 if wild else not any(corners))
