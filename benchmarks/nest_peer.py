"""A recurrent network in NEST: python -m benchmarks.nest_peer NETWORK THREADS SECONDS STATISTICS

Runs in an environment of its own, without mossy; prints one JSON document. The network is built,
run for its warm-up, timed TIMES times for SECONDS without any recorder (the fastest counts), then
recorded for STATISTICS seconds (0 leaves that out). NEST draws connectivity, weights, delays
and initial V by itself, from the rules.

Units of NEST are ms, mV, pA and pF. The kernel has its defaults but for threads, and the time step;
background is one poisson_generator per population, as in the public model of the microcircuit.
Neurons are numbered from 1 in the order of creation.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import nest  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np

from benchmarks.recurrent_networks import NETWORKS, Cell, Draw, Group, Recurrent, Uniform, Wiring
from benchmarks.spike_statistics import of_groups

SEED = 20070
TIMES = 3
RULES = {
    "total": "fixed_total_number",
    "indegree": "fixed_indegree",
    "bernoulli": "pairwise_bernoulli",
}
ARGUMENTS = {"total": "N", "indegree": "indegree", "bernoulli": "p"}


def milli(x: float) -> float:
    """SI to ms or mV, without what a product of decimals leaves behind."""
    return float(f"{x * 1e3:.12g}")


def pico(x: float) -> float:
    """SI to pA or pF."""
    return float(f"{x * 1e12:.12g}")


def build(network: Recurrent, threads: int) -> dict[str, Any]:
    """Make the network in the kernel; return node collections by group."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=milli(network.dt), local_num_threads=threads, rng_seed=SEED)
    groups = {g.name: create(g, network.cell) for g in network.groups}
    weight = pico if network.cell.tau_syn else milli
    for wiring in network.wirings:
        connect(wiring, groups, weight)
    for g in network.groups:
        if g.inputs:
            source = nest.Create("poisson_generator", params={"rate": g.inputs * g.input_rate})
            nest.Connect(
                source, groups[g.name], "all_to_all",
                {"weight": weight(g.input_weight), "delay": milli(g.input_delay)},
            )  # fmt: skip
    return groups


def create(g: Group, cell: Cell) -> Any:
    """Make the neurons of a group."""
    params = {
        "C_m": pico(cell.c_m), "tau_m": milli(cell.tau_m), "E_L": milli(cell.e_l),
        "V_th": milli(cell.v_th), "V_reset": milli(cell.v_reset), "t_ref": milli(cell.t_ref),
        "I_e": pico(g.dc), "V_m": draw(g.v0, milli),
    }  # fmt: skip
    if cell.tau_syn is None:
        return nest.Create("iaf_psc_delta", g.n, params)
    exc, inh = cell.tau_syn
    return nest.Create(
        "iaf_psc_exp", g.n, params | {"tau_syn_ex": milli(exc), "tau_syn_in": milli(inh)}
    )


def connect(wiring: Wiring, groups: dict[str, Any], weight: Any) -> None:
    """Draw the synapses of one wiring."""
    number = wiring.number if wiring.rule == "bernoulli" else int(wiring.number)
    rule = {"rule": RULES[wiring.rule], ARGUMENTS[wiring.rule]: number, "allow_autapses": True}
    if wiring.rule != "bernoulli":
        rule["allow_multapses"] = True
    nest.Connect(
        groups[wiring.source], groups[wiring.target], rule,
        {"synapse_model": "static_synapse", "weight": draw(wiring.weight, weight),
         "delay": draw(wiring.delay, milli)},
    )  # fmt: skip


def draw(x: Draw | Uniform, unit: Any) -> Any:
    """Return a number, or NEST's distribution."""
    if isinstance(x, Uniform):
        return nest.random.uniform(unit(x.low), unit(x.high))
    if x.sd == 0:
        return unit(x.mean)
    normal = nest.random.normal(unit(x.mean), unit(x.sd))
    if np.isinf([x.low, x.high]).all():
        return normal
    return nest.math.redraw(normal, min=unit(x.low), max=unit(x.high))


Statistics = list[dict[str, float]]


def statistics(network: Recurrent, groups: dict[str, Any], seconds: float) -> Statistics:
    """Record all neurons for `seconds`; return the statistics by group."""
    recorder = nest.Create("spike_recorder")
    for nodes in groups.values():
        nest.Connect(nodes, recorder, syn_spec={"delay": nest.min_delay})
    begin = nest.biological_time
    nest.Simulate(milli(seconds))
    events = recorder.events
    steps = np.rint((events["times"] - begin) / nest.resolution).astype(np.int64) - 1
    counts = [g.n for g in network.groups]
    # a spike of the step before was still on its way to the recorder when it was connected
    kept = steps >= 0
    return of_groups(
        steps[kept], events["senders"][kept] - 1, counts, network.dt, round(seconds / network.dt)
    )


def timed(seconds: float) -> tuple[float, float, int]:
    """Simulate on; return the wall and processor time it took and the number of spikes."""
    wall, cpu = time.perf_counter(), time.process_time()
    nest.Simulate(milli(seconds))
    took = time.perf_counter() - wall, time.process_time() - cpu
    return *took, int(nest.local_spike_counter)  # counted per call


def main(name: str, threads: str, seconds: str, recorded: str) -> None:
    """Build, time, record, print."""
    network = NETWORKS[name]()
    begin = time.perf_counter()
    groups = build(network, int(threads))
    built = time.perf_counter()
    connections = nest.num_connections
    nest.Simulate(milli(network.warm))
    simulated, cpu, spikes = min(timed(float(seconds)) for _ in range(TIMES))
    background = sum(g.n for g in network.groups if g.inputs)
    found = {
        "version": f"NEST {nest.__version__}",
        "neurons": network.neurons,
        "synapses": int(connections - background),
        "build_s": built - begin,
        "simulate_s": simulated,
        "cpu_s": cpu,
        "spikes": spikes,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if float(recorded):
        found["groups"] = statistics(network, groups, float(recorded))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
