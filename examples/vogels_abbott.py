"""The networks of Vogels and Abbott (2005): activity that keeps itself going, without input.

    python -m examples.vogels_abbott --kind conductance --out vogels.png

3,200 excitatory and 800 inhibitory neurons, 2 % connected. A kick of 50 ms of Poisson spikes starts
them. In the form of benchmarks 1 (conductance) and 2 (current) of R. Brette et al., J. Comput.
Neurosci. 23 (2007); the original: J. Neurosci. 25 (2005). What they report is in words: sustained,
asynchronous, irregular, which is what is checked here; a cv near 1 and above is irregular.
"""

from __future__ import annotations

from typing import Any

import mossy.pynn as sim
from examples.networks import Row, Spikes, draw, options, show, spikes

CELL = {"cm": 0.2, "tau_m": 20.0, "v_thresh": -50.0, "v_reset": -60.0, "tau_refrac": 5.0,
        "tau_syn_E": 5.0, "tau_syn_I": 10.0}  # fmt: skip
KINDS: dict[str, tuple[Any, dict[str, float], float, float]] = {  # cell, more, weights
    "conductance": (
        sim.IF_cond_exp, {"v_rest": -60.0, "e_rev_E": 0.0, "e_rev_I": -80.0}, 6e-3, 67e-3,
    ),  # uS
    "current": (sim.IF_curr_exp, {"v_rest": -49.0}, 1.62 * 0.2 / 20, -9.0 * 0.2 / 20),  # nA
}  # fmt: skip
SHARE, DELAY, KICK = 0.02, 0.1, 50.0  # of pairs; ms; ms


def run(
    kind: str, neurons: int = 4000, seconds: float = 1.0, threads: int | None = None
) -> list[Spikes]:
    """Return the spikes of both populations, from 300 ms on."""
    cell, more, w_exc, w_inh = KINDS[kind]
    sim.setup(timestep=0.1, threads=threads)
    exc = sim.Population(neurons * 4 // 5, cell(**CELL, **more), label="excitatory")
    inh = sim.Population(neurons - exc.size, cell(**CELL, **more), label="inhibitory")
    few = sim.Population(20, sim.SpikeSourcePoisson(rate=100.0, duration=KICK))
    every = exc + inh
    every.initialize(v=sim.RandomDistribution("uniform", (-60, -50), rng=sim.NumpyRNG(seed=1)))
    every.record("spikes")
    sparse = sim.FixedProbabilityConnector(SHARE * 4000 / neurons)
    for source, w, receptor in ((exc, w_exc, "excitatory"), (inh, w_inh, "inhibitory")):
        synapse = sim.StaticSynapse(weight=w, delay=DELAY)
        sim.Projection(source, every, sparse, synapse, receptor_type=receptor)
    kick = sim.StaticSynapse(weight=10 * w_exc, delay=DELAY)
    sim.Projection(few, every, sim.FixedProbabilityConnector(0.01), kick)
    sim.run(300.0 + seconds * 1e3)
    return [spikes(exc, 300.0), spikes(inh, 300.0)]


def rows(found: list[Spikes]) -> list[Row]:
    """Return the figures, and what the papers say in words."""
    last = [float(f.course(50.0)[-1]) for f in found]
    return [
        row
        for f, end in zip(found, last, strict=True)
        for row in (
            Row(f"{f.name} rate (Hz)", f.rate, None, "no figure published"),
            Row(f"{f.name} rate at the end (Hz)", end, None, "sustained: not 0"),
            Row(f"{f.name} irregularity (cv)", f.cv, 1.0, "irregular as a Poisson process"),
            Row(f"{f.name} synchrony", f.synchrony, None, "1: independent neurons"),
        )
    ]


def main() -> None:
    """Run the example."""
    given = options("Vogels and Abbott's network", kind="conductance", neurons=4000, seconds=1.0)
    found = run(given.kind, given.neurons, given.seconds, given.threads)
    show(f"Vogels and Abbott's network, {given.kind}, {given.neurons} neurons", rows(found))
    draw(found, given.out, f"Vogels and Abbott 2005, {given.kind}")


if __name__ == "__main__":
    main()
