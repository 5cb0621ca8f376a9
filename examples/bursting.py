"""A bursting network: excitation that calls itself up, adaptation that calls it off.

    python -m examples.bursting --out bursting.png

400 adaptive exponential neurons (R. Brette and W. Gerstner, J. Neurophysiol. 94, 2005, with their
parameters but a stronger and slower adaptation), a fifth of all pairs connected, kept near
threshold by Poisson spikes. A burst begins by chance, spreads within milliseconds, and ends when
every neuron has adapted; the next one comes when the adaptation has decayed. No figures of just
this network are published: what is expected is that nearly all neurons take part in a burst, that
the intervals between bursts are longer than the adaptation's time constant of 300 ms and that
hardly any spike falls between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import mossy.pynn as sim
from examples.networks import Row, Spikes, draw, options, show, spikes

CELL = {"b": 0.15, "tau_w": 300.0, "tau_refrac": 2.0, "tau_syn_E": 5.0}  # nA, ms; else PyNN's own
SHARE, WEIGHT = 0.2, 1.5e-3  # of pairs; uS
RATE, KICK = 800.0, 3.0e-3  # Hz, uS: of the Poisson spikes
BUSY = 10.0  # Hz of the whole population, in bins of 10 ms, from which it is a burst


@dataclass(frozen=True)
class Bursts:
    """Beginnings in ms, share of the neurons that fire in each whole one, of spikes outside all."""

    begins: list[float]
    shares: list[float]
    outside: float


def run(
    neurons: int = 400, seconds: float = 5.0, threads: int | None = None
) -> tuple[Spikes, Bursts]:
    """Return the spikes and the bursts."""
    sim.setup(timestep=0.1, threads=threads, seed=5)
    cells = sim.Population(neurons, sim.EIF_cond_exp_isfa_ista(**CELL), label="neurons")
    noise = sim.Population(neurons, sim.SpikeSourcePoisson(rate=RATE))
    kick = sim.StaticSynapse(weight=KICK, delay=0.1)
    sim.Projection(noise, cells, sim.OneToOneConnector(), kick)
    synapse = sim.StaticSynapse(
        weight=WEIGHT * 400 / neurons,
        delay=sim.RandomDistribution("uniform", (0.5, 3.0), rng=sim.NumpyRNG(seed=3)),
    )
    sim.Projection(cells, cells, sim.FixedProbabilityConnector(SHARE), synapse)
    cells.record("spikes")
    sim.run(seconds * 1e3)
    found = spikes(cells)
    return found, bursts(found)


def bursts(found: Spikes) -> Bursts:
    """Return where the population is busy for one bin of 10 ms or more.

    Who fires in a burst that the run's end cuts off is not known, so it has no share.
    """
    course = found.course(10.0)
    busy = np.concatenate([[False], course > BUSY, [False]])
    edges = np.flatnonzero(np.diff(busy.astype(int)))
    begins, ends = edges[::2] * 10.0, edges[1::2] * 10.0
    inside = np.zeros(found.time.size, bool)
    shares = []
    for a, b in zip(begins, ends, strict=True):
        here = (found.time > a) & (found.time <= b)
        inside |= here
        if b < 10.0 * course.size:
            shares.append(float(np.unique(found.neuron[here]).size / found.n))
    outside = float((~inside).mean()) if inside.size else 1.0
    return Bursts(begins.tolist(), shares, outside)


def rows(found: Spikes, made: Bursts) -> list[Row]:
    """Return the figures, and what is expected of them in words."""
    gaps = np.diff(made.begins)
    nothing = float("nan")
    return [
        Row("bursts", len(made.begins), None, "several"),
        Row("interval between them (ms)", float(gaps.mean()) if gaps.size else nothing, None,
            "beyond the adaptation's 300 ms"),
        Row("share of neurons in a burst", float(np.mean(made.shares or [nothing])), None,
            "nearly all"),
        Row("share of spikes between bursts", made.outside, None, "few"),
        Row("rate (Hz)", found.rate, None, ""),
        Row("irregularity (cv)", found.cv, None, "bursts: above 1"),
        Row("synchrony", found.synchrony, None, "far above 1, of independent neurons"),
    ]  # fmt: skip


def main() -> None:
    """Run the example."""
    given = options("A bursting network", neurons=400, seconds=5.0)
    found, made = run(given.neurons, given.seconds, given.threads)
    show(f"Bursting network, {given.neurons} neurons, {given.seconds:g} s", rows(found, made))
    draw([found], given.out, "Bursts of adaptive neurons")


if __name__ == "__main__":
    main()
