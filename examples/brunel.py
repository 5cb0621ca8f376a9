"""Brunel's sparse network in its three inhibition-dominated states.

    python -m examples.brunel --state irregular --out brunel.png

10,000 excitatory and 2,500 inhibitory neurons whose potential jumps by J = 0.1 mV (-g J) with every
spike of 1,000 (250) partners, driven by as many Poisson inputs as there are excitatory partners,
each of eta times the rate that alone would hold the mean at threshold. Delay 1.5 ms, tau 20 ms,
threshold 20 mV, reset 10 mV, dead for 2 ms: model A of N. Brunel, J. Comput. Neurosci. 8 (2000).

    irregular   g = 5,   eta = 2     asynchronous and irregular: no rhythm         figure 8C
    fast        g = 6,   eta = 4     irregular neurons, fast rhythm of all         figure 8B
    slow        g = 4.5, eta = 0.9   irregular neurons, slow rhythm of all         figure 8D

The rates that his simulations and his theory give, and the rhythms, are printed beside ours.
"""

from __future__ import annotations

import mossy.pynn as sim
from examples.networks import Row, Spikes, draw, options, show, spikes

STATES = {"irregular": (5.0, 2.0), "fast": (6.0, 4.0), "slow": (4.5, 0.9)}
# Hz, the paper's table of simulation and theory: rate, theory's rate, rhythm, theory's rhythm
PUBLISHED: dict[str, tuple[float, float, float | None, float | None]] = {
    "irregular": (37.7, 38.0, None, None),
    "fast": (60.7, 55.8, 180.0, 190.0),
    "slow": (5.5, 6.5, 22.0, 29.0),
}
PARTNERS, J, DELAY = 1000, 0.1, 1.5  # excitatory partners; mV; ms
CELL = {
    "tau_m": 20.0, "cm": 1.0, "v_rest": 0.0, "v_reset": 10.0, "v_thresh": 20.0, "tau_refrac": 2.0,
}  # fmt: skip
WARM = 200.0  # ms until the start is forgotten


def run(
    state: str, neurons: int = 10_000, seconds: float = 1.0, threads: int | None = None
) -> Spikes:
    """Return the spikes of the excitatory neurons, so many; each keeps its 1,000 partners."""
    g, eta = STATES[state]
    sim.setup(timestep=0.1, threads=threads)
    exc = sim.Population(neurons, sim.IF_curr_delta(**CELL), label="excitatory")
    inh = sim.Population(neurons // 4, sim.IF_curr_delta(**CELL), label="inhibitory")
    threshold = CELL["v_thresh"] / (J * PARTNERS * CELL["tau_m"]) * 1e3  # Hz of one input
    for p in (exc, inh):
        p.initialize(v=0.0)
        noise = sim.Population(p.size, sim.SpikeSourcePoisson(rate=eta * threshold * PARTNERS))
        synapse = sim.StaticSynapse(weight=J, delay=DELAY)
        sim.Projection(noise, p, sim.OneToOneConnector(), synapse)
        for source, count, w in ((exc, PARTNERS, J), (inh, PARTNERS // 4, -g * J)):
            sim.Projection(
                source, p, sim.FixedNumberPreConnector(count, with_replacement=True),
                sim.StaticSynapse(weight=w, delay=DELAY),
                receptor_type="excitatory" if w > 0 else "inhibitory",
            )  # fmt: skip
    exc.record("spikes")
    sim.run(WARM + seconds * 1e3)
    return spikes(exc, WARM)


def rows(state: str, found: Spikes) -> list[Row]:
    """Return the figures beside Brunel's."""
    rate, theory, rhythm, theory_rhythm = PUBLISHED[state]
    made = [
        Row("rate (Hz)", found.rate, rate, "Brunel 2000, simulation"),
        Row("rate (Hz)", found.rate, theory, "Brunel 2000, theory"),
        Row("irregularity (cv)", found.cv, None, "no figure published; 0: a clock"),
        Row("synchrony", found.synchrony, None, "no figure published; 1: independent"),
    ]
    if rhythm is not None:
        made.append(Row("rhythm (Hz)", found.rhythm, rhythm, "Brunel 2000, simulation"))
        made.append(Row("rhythm (Hz)", found.rhythm, theory_rhythm, "Brunel 2000, theory"))
    return made


def main() -> None:
    """Run the example."""
    given = options("Brunel's sparse network", state="irregular", neurons=10_000, seconds=1.0)
    found = run(given.state, given.neurons, given.seconds, given.threads)
    show(f"Brunel's network, {given.state}, {found.n * 5 // 4} neurons", rows(given.state, found))
    draw([found], given.out, f"Brunel 2000, {given.state}")


if __name__ == "__main__":
    main()
