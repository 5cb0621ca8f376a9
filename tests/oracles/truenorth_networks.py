"""Random networks of crossbar cores, as registers, and what a simulator says of them.

Every axon has one driver, a neuron or an input of the host, as the compiler would have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

N = 256  # neurons and axons of a core
OUT = -1  # as a destination: leaves the machine
HOST = -1  # as a driver

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Core:
    """Registers of one core.

    kind: (axons,) type of each axon. bits: (neurons, axons). weight: (neurons, 4). floor: the
    negative threshold as a number above zero. target, axon, delay: (neurons,) where a spike goes,
    and ticks beyond the first.
    """

    kind: Ints
    bits: NDArray[np.bool_]
    weight: Ints
    leak: Ints
    threshold: Ints
    floor: Ints
    v_reset: Ints
    reset: Ints
    start: Ints
    target: Ints
    axon: Ints
    delay: Ints


@dataclass(frozen=True, eq=False)
class Network:
    """Cores and inputs. inclusive: whether v = -floor counts as below the floor.

    x: (steps, inputs). input_core, input_axon, input_delay: (inputs,) where a spike of the host
    goes, and ticks beyond the first.
    """

    cores: list[Core]
    inclusive: bool
    x: NDArray[np.bool_]
    input_core: Ints
    input_axon: Ints
    input_delay: Ints


class Trace(NamedTuple):
    """Potential at the end of each step, and spikes, of one core: (steps, neurons)."""

    v: Ints
    spikes: NDArray[np.bool_]


def random_network(seed: int, steps: int = 24) -> Network:
    """Return a network of 2 to 6 cores; a third of all axons are the host's."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 7))
    places = rng.permutation(count * N)
    inputs = count * N // 3
    ours, theirs = places[:inputs], places[inputs:]
    targets = np.full(count * N, OUT)  # neurons beyond the free axons leave the machine
    targets[rng.permutation(count * N)[: theirs.size]] = theirs
    cores = [_core(rng, targets[k * N : (k + 1) * N]) for k in range(count)]
    return Network(
        cores,
        bool(seed % 2),
        rng.random((steps, inputs)) < rng.uniform(0.02, 0.15),
        ours // N,
        ours % N,
        rng.integers(0, 15, inputs) * (seed // 2 % 2),
    )


def _core(rng: np.random.Generator, place: Ints) -> Core:
    density = rng.uniform(0.02, 0.12)
    large = int(rng.choice([40, 255]))
    return Core(
        kind=rng.integers(0, 4, N),
        bits=rng.random((N, N)) < density,
        weight=rng.integers(-large, large + 1, (N, 4)),
        leak=rng.integers(-6, 7, N) * rng.integers(0, 2, N),
        threshold=rng.integers(1, 5 * large, N),
        floor=rng.integers(0, 5 * large, N),
        v_reset=rng.integers(-large, large, N),
        reset=rng.integers(0, 2, N),
        start=rng.integers(-large, large, N),
        target=np.where(place == OUT, OUT, place // N),
        axon=np.where(place == OUT, 0, place % N),
        delay=rng.integers(0, 15, N) * rng.integers(0, 2, N),
    )


def drivers(network: Network) -> dict[tuple[int, int], dict[str, Any]]:
    """(driving core or HOST, driven core) -> who drives which axon, with what delay.

    Each entry holds `sender`, `axon` and `delay`, arrays of equal length.
    """
    found: dict[tuple[int, int], dict[str, Any]] = {}
    every = [(HOST, network.input_core, network.input_axon, network.input_delay)]
    every += [(k, c.target, c.axon, c.delay) for k, c in enumerate(network.cores)]
    for source, target, axon, delay in every:
        for t in range(len(network.cores)):
            sender = np.flatnonzero(target == t)
            if sender.size:
                entry = {"sender": sender, "axon": axon[sender], "delay": delay[sender]}
                found[source, t] = entry
    return found
