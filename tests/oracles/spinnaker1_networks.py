"""Random SpiNNaker1 networks, lively ones, and random registers without a network.

A network draws time constants and weights, then sets each threshold where its potentials, run
without one, would cross it now and then. One in four has weights that fill ring buffers to the top;
another has exponentials, waits and delays at their ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.oracles.spinnaker1_exchange import (
    INPUT,
    RING_TOP,
    SLOTS,
    Connection,
    Ints,
    Network,
    Population,
)
from tests.oracles.spinnaker1_golden import golden

ONE = 1 << 15
ATTEMPTS = 200
NEVER = (1 << 31) - 1


def random_registers(seed: int, n: int, steps: int) -> Network:
    """Return n neurons with registers drawn from all 32-bit numbers, and ring buffer entries."""
    rng = np.random.default_rng([seed, 0])
    low, high = -(1 << 31), 1 << 31
    signed = ("v", "exc", "inh", "v_rest", "v_reset", "v_thresh", "r", "exp_tc", "i_offset")
    unsigned = ("exc_decay", "inh_decay", "exc_init", "inh_init")
    pop = plain_population(n)
    for name in signed:
        pop[name] = rng.integers(low, high, n)  # type: ignore[literal-required]
    for name in unsigned:
        pop[name] = rng.integers(0, 1 << 32, n)  # type: ignore[literal-required]
    pop["wait"], pop["refract"] = rng.integers(-2, 4, n), rng.integers(0, 6, n)
    pop["exc_shift"], pop["inh_shift"] = (int(s) for s in rng.integers(0, 20, 2))
    pop["drive"] = rng.integers(0, RING_TOP + 1, (steps, n, 2)) * (rng.random((steps, n, 2)) < 0.6)
    return Network(x=np.zeros((steps, 0), np.int64), populations=[pop], connections=[])


def random_network(seed: int) -> Network:
    """Return the network of this seed. Raises RuntimeError where no draw is lively."""
    rng = np.random.default_rng([seed, 1])
    full, far = seed % 4 == 3, seed % 4 == 2
    for _ in range(ATTEMPTS):
        network = _draw(rng, full, far)
        _set_thresholds(rng, network)
        if _lively(network, full):
            return network
    raise RuntimeError(f"seed {seed}: no lively network in {ATTEMPTS} draws")


def _draw(rng: Generator, full: bool, far: bool) -> Network:
    steps, channels = int(rng.integers(60, 101)), int(rng.integers(5, 31))
    populations = [_leaky(rng, int(rng.integers(5, 41)), far) for _ in range(rng.integers(1, 4))]
    sizes = {INPUT: channels} | {p: len(pop["v"]) for p, pop in enumerate(populations)}
    chain = [(p - 1, p) for p in range(len(populations))]
    others = [(a, b) for a in range(INPUT, len(populations)) for b in range(len(populations))]
    pairs = chain + [(a, b) for a, b in others if a != b - 1 and rng.random() < 0.35]
    return Network(
        x=(rng.random((steps, channels)) < rng.uniform(0.05, 0.4)).astype(np.int64),
        populations=populations,
        connections=[
            Connection(
                src=src,
                dst=dst,
                weight=_weights(rng, (sizes[src], sizes[dst]), full),
                delay=_delays(rng, (sizes[src], sizes[dst]), far),
            )
            for src, dst in pairs
        ],
    )


def _leaky(rng: Generator, n: int, far: bool) -> Population:
    pop = plain_population(n)
    pop["v_rest"] = rng.integers(-2 * ONE, 2 * ONE, n)
    pop["v_reset"] = rng.integers(-4 * ONE, 2 * ONE, n)
    pop["v_thresh"][:] = NEVER
    pop["v"] = pop["v_rest"].copy()
    pop["r"] = rng.integers(1, 20 * ONE, n)
    pop["exp_tc"] = rng.choice([0, ONE - 1, 1], n) if far else rng.integers(0, ONE, n)
    pop["i_offset"] = rng.integers(-ONE, ONE, n) * int(rng.integers(2))
    pop["refract"] = rng.integers(0, 6, n)
    for sign in ("exc", "inh"):
        decay = rng.choice([0, (1 << 32) - 1, 1 << 31], n) if far else rng.integers(0, 1 << 32, n)
        pop[f"{sign}_decay"] = decay  # type: ignore[literal-required]
        pop[f"{sign}_init"] = rng.integers(1 << 20, 1 << 32, n)  # type: ignore[literal-required]
        pop[f"{sign}_shift"] = int(rng.integers(0, 8))  # type: ignore[literal-required]
    return pop


def plain_population(n: int) -> Population:
    """Return n neurons whose registers are all zero, and no ring buffer entries."""
    names = [k for k in Population.__annotations__ if not k.endswith("_shift")]
    zeros: dict[str, Any] = {name: np.zeros(n, np.int64) for name in names}
    zeros["drive"] = np.zeros((0, n, 2), np.int64)
    made: Population = Population(**zeros, exc_shift=0, inh_shift=0)  # type: ignore[typeddict-item]
    return made


def _weights(rng: Generator, shape: tuple[int, int], full: bool) -> Ints:
    top = RING_TOP if full else int(rng.integers(50, 4000))
    weight = rng.integers(int(-top * rng.random()), top + 1, shape)
    return weight * (rng.random(shape) < rng.uniform(0.3, 1.0))


def _delays(rng: Generator, shape: tuple[int, int], far: bool) -> Ints:
    if rng.random() < 0.3:
        return np.zeros(shape, np.int64)
    return rng.integers(0, SLOTS - 1 if far else 8, shape)


def _set_thresholds(rng: Generator, network: Network) -> None:
    """Set each threshold, in order, at a high quantile of the potentials reached without it."""
    for p, population in enumerate(network["populations"]):
        reached = golden(network)[p].v
        wanted = np.quantile(reached, rng.uniform(0.6, 0.98))
        population["v_thresh"] = population["v_thresh"] * 0 + int(wanted)


def _lively(network: Network, full: bool) -> bool:
    traces = golden(network)
    rates = [trace.spikes.mean() for trace in traces]
    topped = sum(int((t.sum_exc == RING_TOP).sum() + (t.sum_inh == RING_TOP).sum()) for t in traces)
    return all(0.01 < rate < 0.6 for rate in rates) and (topped > 20 or not full)
