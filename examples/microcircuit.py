"""The microcircuit under a square millimetre of cortex, by Potjans and Diesmann (2014).

    python -m examples.microcircuit --scale 1 --seconds 10 --out microcircuit.png

Four layers of excitatory and inhibitory neurons, 77,169 in all, with 299 million synapses; `scale`
keeps that share of the neurons, each with as many inputs as before, so that rates stay near. Rates,
irregularity and synchrony are printed beside those of the public model's own run in NEST and of a
second simulator (numbers and sources: benchmarks/recurrent_networks.py). At full scale it takes
about 5 GB.
"""

from __future__ import annotations

import numpy as np
from pyNN.random import NumpyRNG, RandomDistribution

import mossy.pynn as sim
from benchmarks.recurrent_networks import PUBLISHED, Cell, Draw, Group, Wiring, microcircuit
from examples.networks import Row, Spikes, draw, options, show, spikes

WARM = 500.0  # ms until the start is forgotten


def run(scale: float, seconds: float, threads: int | None = None) -> list[Spikes]:
    """Return the spikes of the eight populations."""
    network = microcircuit(scale, "poisson", seconds)
    sim.setup(timestep=network.dt * 1e3, threads=threads)
    rng = NumpyRNG(seed=2014)
    made = {g.name: _population(g, network.cell, rng) for g in network.groups}
    for w in network.wirings:
        _projection(w, made, network.dt * 1e3, rng)
    sim.run(WARM + seconds * 1e3)
    return [spikes(p, WARM) for p in made.values()]


def _population(g: Group, cell: Cell, rng: NumpyRNG) -> sim.Population:
    """Neurons with their background, one Poisson source for each."""
    assert cell.tau_syn is not None and isinstance(g.v0, Draw)
    kind = sim.IF_curr_exp(
        cm=cell.c_m * 1e9, tau_m=cell.tau_m * 1e3, v_rest=cell.e_l * 1e3, v_thresh=cell.v_th * 1e3,
        v_reset=cell.v_reset * 1e3, tau_refrac=cell.t_ref * 1e3,
        tau_syn_E=cell.tau_syn[0] * 1e3, tau_syn_I=cell.tau_syn[1] * 1e3,
    )  # fmt: skip
    v = RandomDistribution("normal", mu=g.v0.mean * 1e3, sigma=g.v0.sd * 1e3, rng=rng)
    population = sim.Population(g.n, kind, label=g.name, initial_values={"v": v})
    population.record("spikes")
    noise = sim.Population(g.n, sim.SpikeSourcePoisson(rate=g.inputs * g.input_rate))
    synapse = sim.StaticSynapse(weight=g.input_weight * 1e9, delay=g.input_delay * 1e3)
    sim.Projection(noise, population, sim.OneToOneConnector(), synapse)
    return population


def _projection(w: Wiring, made: dict[str, sim.Population], dt: float, rng: NumpyRNG) -> None:
    """As many synapses as the model has, between random pairs."""
    inhibitory = w.weight.mean < 0
    weight = RandomDistribution(
        "normal_clipped", mu=w.weight.mean * 1e9, sigma=w.weight.sd * 1e9, rng=rng,
        low=-np.inf if inhibitory else 0.0, high=0.0 if inhibitory else np.inf,
    )  # fmt: skip
    delay = RandomDistribution(
        "normal_clipped", mu=w.delay.mean * 1e3, sigma=w.delay.sd * 1e3, low=dt / 2, high=20.0,
        rng=rng,
    )  # fmt: skip
    sim.Projection(
        made[w.source], made[w.target], sim.FixedTotalNumberConnector(int(w.number), rng=rng),
        sim.StaticSynapse(weight=weight, delay=delay),
        receptor_type="inhibitory" if inhibitory else "excitatory",
    )  # fmt: skip


def rows(found: list[Spikes]) -> list[Row]:
    """Return rate, irregularity and synchrony of each population beside the published ones."""
    return [
        Row(f"{f.name} {p.statistic}", getattr(f, p.statistic), value, p.source)
        for p in PUBLISHED["microcircuit"]
        for f, value in zip(found, p.values, strict=True)
    ]


def main() -> None:
    """Run the example."""
    given = options("The cortical microcircuit", scale=0.1, seconds=2.0)
    found = run(given.scale, given.seconds, given.threads)
    n = sum(f.n for f in found)
    show(f"Microcircuit, {n} neurons, {given.seconds:g} s", rows(found))
    draw(found, given.out, "Potjans and Diesmann 2014")


if __name__ == "__main__":
    main()
