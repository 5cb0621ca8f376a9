"""A script that is run on chips, and what it recorded."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyNN.random import NumpyRNG

import mossy.pynn as sim

CHIPS = ("spinnaker1", "spinnaker2")
STEPS = 160
COARSE = "ignore:.*the chip's own words allow:UserWarning"  # four bits of weight are few
Ints = NDArray[np.int64]


def v_of(population: Any) -> NDArray[np.float64]:
    return np.asarray(population.get_data().segments[-1].filter(name="v")[0].magnitude)


def trains(population: Any) -> list[list[float]]:
    return [t.magnitude.tolist() for t in population.get_data().segments[-1].spiketrains]


def raster(population: Any, steps: int, dt: float = 1.0) -> Ints:
    """Spikes (steps, n) at their times; one at the very end of a run belongs to the next."""
    found = np.zeros((steps + 1, population.size), np.int64)
    for i, train in enumerate(trains(population)):
        np.add.at(found, (np.rint(np.array(train) / dt).astype(int), i), 1)
    return found[:steps]


# ------------------------------------------------------------------------------ one network
class Made(NamedTuple):
    """A script's populations, its sources and its projections."""

    cells: tuple[Any, Any]
    sources: tuple[Any, Any]
    projections: list[Any]


def network(chip: str | None, seed: int = 5, dt: float = 1.0, **more: Any) -> Made:
    """Two populations of unlike neurons, driven by times and by chance; no delay beyond 8 steps."""
    sim.setup(timestep=dt, chip=chip, threads=1, **more)
    rng = np.random.default_rng(seed)
    n, m = 24, 9
    shared = {"v_rest": -65.0, "v_reset": -68.5, "tau_syn_E": 2.5, "tau_syn_I": 6.0}
    exc = sim.Population(
        n, sim.IF_curr_exp(
            tau_m=20.0, cm=0.5, v_thresh=-52.0, tau_refrac=2.0,
            i_offset=rng.uniform(0, 0.2, n), **shared,
        ), initial_values={"v": np.rint(rng.uniform(-65, -55, n) * 64) / 64}, label="exc",
    )  # fmt: skip
    inh = sim.Population(
        m, sim.IF_curr_exp(
            tau_m=8.0, cm=0.25, v_thresh=-54.0 + rng.integers(0, 4, m), tau_refrac=0.3, **shared
        ), initial_values={"isyn_exc": 0.25}, label="inh",
    )  # fmt: skip
    times = [np.sort(rng.integers(0, STEPS - 1, 8)) * dt for _ in range(10)]
    given = sim.Population(10, sim.SpikeSourceArray(spike_times=[np.unique(t) for t in times]))
    noise = sim.Population(n, sim.SpikeSourcePoisson(rate=25.0 / dt))
    synapse, numbers = sim.StaticSynapse, NumpyRNG(seed)
    made = [
        sim.Projection(noise, exc, sim.OneToOneConnector(), synapse(weight=2.0, delay=2 * dt)),
        sim.Projection(given, exc, _list(rng, 10, n, 0.4, 0.5, 3 * dt)),
        sim.Projection(exc, inh, _list(rng, n, m, 0.5, 1.2, dt)),
        sim.Projection(inh, exc, _list(rng, m, n, 0.5, -0.4, 8 * dt), receptor_type="inhibitory"),
        sim.Projection(
            inh, inh, sim.AllToAllConnector(allow_self_connections=False),
            synapse(weight=-0.11, delay=4 * dt), receptor_type="inhibitory",
        ),
        sim.Projection(
            exc, exc, sim.FixedProbabilityConnector(0.1, rng=numbers),
            synapse(weight=0.21, delay=5 * dt),
        ),
    ]  # fmt: skip
    for p in (exc, inh):
        p.record(["spikes", "v"])
    for p in (given, noise):
        p.record("spikes")
    return Made((exc, inh), (given, noise), made)


def _list(rng: np.random.Generator, n: int, m: int, p: float, weight: float, delay: float) -> Any:
    pairs = [(i, j) for i, j in itertools.product(range(n), range(m)) if rng.random() < p]
    return sim.FromListConnector([(i, j, weight * rng.uniform(0.5, 1.0), delay) for i, j in pairs])
