"""A synfire chain: volleys of spikes that travel, sharpen, or die out.

    python -m examples.synfire --out synfire.png

Ten groups of 100 neurons, each group connected to the whole of the next, every neuron under the
background of 17,600 excitatory inputs of 2 Hz and 2,400 inhibitory ones of 12.5 Hz: M. Diesmann,
M.-O. Gewaltig and A. Aertsen, "Stable propagation of synchronous spiking in cortical neural
networks", Nature 402 (1999). tau 10 ms, threshold 15 mV above rest, alpha-shaped currents that lift
the potential by 0.14 mV at most; 5 ms from group to group is ours.

They report a separatrix: a volley of enough spikes, synchronous enough, becomes one of nearly all
100 neurons within less than a millisecond, one of too few dies. Two volleys are sent: 100 spikes
with a deviation of 2 ms, and 40.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import mossy.pynn as sim
from examples.networks import Row, Spikes, draw, options, show, spikes

GROUPS, SIZE, DELAY = 10, 100, 5.0  # neurons of a group; ms
CELL = {"tau_m": 10.0, "cm": 0.25, "v_rest": -70.0, "v_reset": -70.0, "v_thresh": -55.0,
        "tau_refrac": 1.0, "tau_syn_E": 0.33, "tau_syn_I": 0.33}  # fmt: skip
LIFT = 0.14  # mV that one spike lifts a potential by
BACKGROUND = {"excitatory": 17_600 * 2.0, "inhibitory": 2_400 * 12.5}  # spikes per second
VOLLEYS = {"strong": 100, "weak": 40}
SPREAD, AT, WINDOW = 2.0, 100.0, 6.0  # ms: of a volley; when it is sent; half of where it is sought


@dataclass(frozen=True)
class Volley:
    """What a group did: how many neurons fired when the volley passed, and their deviation (ms)."""

    count: int
    spread: float


def weight() -> float:
    """Return the peak current (nA) of one spike that lifts the potential by LIFT."""
    tau, tau_m, c = CELL["tau_syn_E"], CELL["tau_m"], CELL["cm"]
    rate = 1 / tau - 1 / tau_m

    def lifted(t: float) -> float:  # by 1 nA at its peak: mV after t ms
        inner = (1 - np.exp(-rate * t) * (1 + rate * t)) / rate**2
        return float(np.e / tau / c * np.exp(-t / tau_m) * inner)

    peak = minimize_scalar(lambda t: -lifted(t), bounds=(0.1, 10.0), method="bounded").x
    return LIFT / lifted(float(peak))


def run(kind: str, threads: int | None = None) -> tuple[list[Spikes], list[Volley]]:
    """Return every group's spikes, and what each made of the volley."""
    sim.setup(timestep=0.1, threads=threads, seed=1999)
    groups = [
        sim.Population(SIZE, sim.IF_curr_alpha(**CELL), label=f"group {k}") for k in range(GROUPS)
    ]
    w = weight()
    rng = np.random.default_rng(1999)
    times = np.sort(rng.normal(AT, SPREAD, VOLLEYS[kind]))
    source = sim.Population(times.size, sim.SpikeSourceArray(spike_times=[[t] for t in times]))
    before: Any = source
    for group in groups:
        group.initialize(v=sim.RandomDistribution("uniform", (-70, -55), rng=sim.NumpyRNG(seed=2)))
        group.record("spikes")
        for receptor, rate in BACKGROUND.items():
            noise = sim.Population(SIZE, sim.SpikeSourcePoisson(rate=rate))
            one = sim.StaticSynapse(weight=w if receptor == "excitatory" else -w, delay=0.1)
            sim.Projection(noise, group, sim.OneToOneConnector(), one, receptor_type=receptor)
        link = sim.StaticSynapse(weight=w, delay=DELAY)
        sim.Projection(before, group, sim.AllToAllConnector(), link)
        before = group
    sim.run(AT + 100.0)
    found = [spikes(g) for g in groups]
    return found, volleys(found)


def volleys(found: list[Spikes]) -> list[Volley]:
    """Return the volley in each group, sought DELAY after that of the group before."""
    made, expected = [], AT
    for f in found:
        expected += DELAY
        near = f.time[np.abs(f.time - expected) < WINDOW]
        middle = float(np.median(near)) if near.size else expected
        close = (np.abs(f.time - middle) < WINDOW / 2) if near.size else np.zeros(f.time.size, bool)
        count = np.unique(f.neuron[close]).size
        made.append(Volley(int(count), float(f.time[close].std()) if count else float("nan")))
        expected = middle if count > SIZE // 4 else expected
    return made


def rows(kind: str, found: list[Volley]) -> list[Row]:
    """Return the figures beside what is reported."""
    last = found[-1]
    strong = kind == "strong"
    return [
        Row("neurons of group 1", found[0].count, None, "what the volley met"),
        Row(f"neurons of group {GROUPS}", last.count, SIZE if strong else 0.0,
            "Diesmann 1999: nearly all, or what fires anyway"),
        Row("deviation in group 1 (ms)", found[0].spread, None, ""),
        Row(f"deviation in group {GROUPS} (ms)", last.spread, None,
            "Diesmann 1999: below 1 ms" if strong else "no volley"),
    ]  # fmt: skip


def main() -> None:
    """Run the example."""
    given = options("A synfire chain", volley="both")
    for kind in VOLLEYS if given.volley == "both" else (given.volley,):
        found, made = run(kind, given.threads)
        show(f"Synfire chain, {VOLLEYS[kind]} spikes with a deviation of {SPREAD} ms",
             rows(kind, made))  # fmt: skip
        out = given.out and given.out.with_stem(f"{given.out.stem}-{kind}")
        draw(found, out, f"Diesmann, Gewaltig and Aertsen 1999, {kind} volley")


if __name__ == "__main__":
    main()
