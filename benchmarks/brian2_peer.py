"""A recurrent network in Brian2: python -m benchmarks.brian2_peer NETWORK THREADS SECONDS STATS

Runs in an environment of its own, without mossy; prints one JSON document. Brian2 writes a C++
program ("standalone"; OpenMP with more than one thread), which runs the warm-up, records STATS
seconds (0 leaves that out), then is timed by itself for SECONDS, with spikes counted but not
recorded. The program runs TIMES times, and the fastest counts.

Compiler flags are Brian2's own (-O3 -ffast-math -march=native). Rules other than "bernoulli" are
drawn here with NumPy, as Brian2 has none for them. Background is its PoissonInput, without a delay,
which makes no difference to independent inputs. Where both synaptic time constants are the same,
one current serves both signs, which is quicker.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import brian2 as b  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
from numpy.typing import NDArray

from benchmarks.recurrent_networks import NETWORKS, Cell, Draw, Recurrent, Uniform, Wiring
from benchmarks.spike_statistics import of_groups

SEED = 20070
TIMES = 3
EXC, INH = "di_exc/dt = -i_exc / tau_exc : amp", "di_inh/dt = -i_inh / tau_inh : amp"
DC = "i_dc : amp (constant)"
# Brian2's own clock shows processor time where there is one thread, wall time where there are more
START = """timespec wall[2], cpu[2];
clock_gettime(CLOCK_MONOTONIC, wall);
clock_gettime(CLOCK_PROCESS_CPUTIME_ID, cpu);"""
STOP = """clock_gettime(CLOCK_MONOTONIC, wall + 1);
clock_gettime(CLOCK_PROCESS_CPUTIME_ID, cpu + 1);
std::ofstream("{file}")
    << (wall[1].tv_sec - wall[0].tv_sec) + 1e-9 * (wall[1].tv_nsec - wall[0].tv_nsec) << " "
    << (cpu[1].tv_sec - cpu[0].tv_sec) + 1e-9 * (cpu[1].tv_nsec - cpu[0].tv_nsec);"""
LEAK = "dv/dt = (E_L - v + {drive}) / tau_m : volt (unless refractory)"
ONE = "\n".join([LEAK.format(drive="(i_exc + i_dc) * r_m"), EXC, DC])
TWO = "\n".join([LEAK.format(drive="(i_exc + i_inh + i_dc) * r_m"), EXC, INH, DC])
COMPILERS = 2  # at once; the default starts as many as there are files


def build(network: Recurrent) -> tuple[Any, dict[str, Any]]:
    """Return the network and its parts, "neurons" and "wirings"."""
    cell, dt = network.cell, network.dt
    b.defaultclock.dt = dt * b.second
    rng = np.random.default_rng(SEED)
    neurons = population(network)
    neurons.v = np.concatenate([draw(g.v0, g.n, rng) for g in network.groups]) * b.volt
    if cell.tau_syn is not None:
        neurons.i_dc = np.concatenate([np.full(g.n, g.dc) for g in network.groups]) * b.amp
    first = dict(zip([g.name for g in network.groups], ends(network)[:-1], strict=True))
    part = {g.name: neurons[first[g.name] : first[g.name] + g.n] for g in network.groups}
    if network.wirings[0].rule == "bernoulli":
        wirings = [random_pairs(w, part, cell) for w in network.wirings]
    else:
        wirings = [listed(network, neurons, rng)]
    unit = b.amp if cell.tau_syn else b.volt
    inputs = [
        b.PoissonInput(part[g.name], target(cell, 1.0), N=g.inputs, rate=g.input_rate * b.Hz,
                       weight=g.input_weight * unit)
        for g in network.groups if g.inputs
    ]  # fmt: skip
    return b.Network(neurons, *wirings, *inputs), {"neurons": neurons, "wirings": wirings}


def population(network: Recurrent) -> Any:
    """Return all neurons as one group."""
    cell = network.cell
    constants = {
        "E_L": cell.e_l * b.volt, "tau_m": cell.tau_m * b.second, "v_th": cell.v_th * b.volt,
        "v_reset": cell.v_reset * b.volt, "r_m": cell.tau_m / cell.c_m * b.ohm,
    }  # fmt: skip
    equations = LEAK.format(drive="0 * volt")
    if cell.tau_syn is not None:
        constants |= {"tau_exc": cell.tau_syn[0] * b.second, "tau_inh": cell.tau_syn[1] * b.second}
        equations = ONE if cell.tau_syn[0] == cell.tau_syn[1] else TWO
    return b.NeuronGroup(
        network.neurons, equations, threshold="v >= v_th", reset="v = v_reset",
        refractory=cell.t_ref * b.second, method="exact", namespace=constants,
    )  # fmt: skip


def target(cell: Cell, weight: float) -> str:
    """Return the variable that a weight of that sign is added to."""
    if cell.tau_syn is None:
        return "v"
    return "i_exc" if weight > 0 or cell.tau_syn[0] == cell.tau_syn[1] else "i_inh"


def random_pairs(w: Wiring, part: dict[str, Any], cell: Cell) -> Any:
    """Return one wiring, drawn by Brian2; weight and delay are the same for all."""
    assert w.weight.sd == 0 and w.delay.sd == 0
    unit = b.amp if cell.tau_syn else b.volt
    found = b.Synapses(
        part[w.source], part[w.target], on_pre=f"{target(cell, w.weight.mean)}_post += weight",
        delay=w.delay.mean * b.second, namespace={"weight": w.weight.mean * unit},
    )  # fmt: skip
    found.connect(p=w.number)
    return found


def listed(network: Recurrent, neurons: Any, rng: np.random.Generator) -> Any:
    """Return all wirings as one object, each synapse with a weight and a delay of its own."""
    assert len({target(network.cell, w.weight.mean) for w in network.wirings}) == 1
    first = ends(network)
    span = {g.name: (a, a + g.n) for g, a in zip(network.groups, first[:-1], strict=True)}
    columns: list[list[NDArray[Any]]] = [[], [], [], []]
    for w in network.wirings:
        post = np.arange(*span[w.target], dtype=np.int32)
        if w.rule == "indegree":
            post = np.repeat(post, int(w.number))
        else:
            post = rng.integers(*span[w.target], int(w.number), np.int32)
        k = len(post)
        columns[0].append(rng.integers(*span[w.source], k, np.int32))
        columns[1].append(post)
        columns[2].append(draw(w.weight, k, rng))
        columns[3].append(np.maximum(np.rint(draw(w.delay, k, rng) / network.dt), 1) * network.dt)
    unit, kind = (b.amp, "amp") if network.cell.tau_syn else (b.volt, "volt")
    variable = target(network.cell, 1.0)
    found = b.Synapses(neurons, neurons, f"w : {kind}", on_pre=f"{variable}_post += w")
    found.connect(i=np.concatenate(columns[0]), j=np.concatenate(columns[1]))
    found.w = np.concatenate(columns[2]) * unit
    found.delay = np.concatenate(columns[3]) * b.second
    return found


def draw(x: Draw | Uniform, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return n numbers."""
    if isinstance(x, Uniform):
        return rng.uniform(x.low, x.high, n)
    found = x.mean + x.sd * rng.standard_normal(n)
    while (outside := (found < x.low) | (found > x.high)).any():
        found[outside] = x.mean + x.sd * rng.standard_normal(int(outside.sum()))
    return found


def ends(network: Recurrent) -> list[int]:
    """Return the first neuron of each group, and the number of neurons."""
    return [int(x) for x in np.cumsum([0, *(g.n for g in network.groups)])]


def main(name: str, threads: str, seconds: str, recorded: str) -> None:
    """Build, record, time, print."""
    network = NETWORKS[name]()
    b.prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{COMPILERS}"]
    if int(threads) > 1:
        b.prefs.devices.cpp_standalone.openmp_threads = int(threads)
    with tempfile.TemporaryDirectory() as folder:
        b.set_device("cpp_standalone", directory=folder, build_on_run=False)
        b.seed(SEED)
        begin = time.perf_counter()
        whole, parts = build(network)
        counter = b.SpikeMonitor(parts["neurons"], record=False)
        recorder = b.SpikeMonitor(parts["neurons"])
        whole.add(counter, recorder)
        recorder.active = counter.active = False
        whole.run(network.warm * b.second)
        if float(recorded):
            recorder.active = True
            whole.run(float(recorded) * b.second)
            recorder.active = False
        counter.active = True
        stopwatch = Path(folder) / "stopwatch.txt"
        b.device.insert_code("before_network_run", START)
        b.device.insert_code("after_network_run", STOP.format(file=stopwatch))
        whole.run(float(seconds) * b.second)
        written = time.perf_counter()
        b.device.build(directory=folder, compile=True, run=False)
        compiled = time.perf_counter()
        times = []
        for _ in range(TIMES):
            b.device.run(folder, with_output=False, run_args=[])
            wall, cpu = map(float, stopwatch.read_text("ascii").split())
            times.append((wall, cpu))
        found: dict[str, Any] = {
            "version": f"Brian2 {b.__version__}",
            "neurons": network.neurons,
            "synapses": int(sum(len(s) for s in parts["wirings"])),
            "build_s": written - begin,
            "compile_s": compiled - written,
            "simulate_s": min(times)[0],
            "cpu_s": min(times)[1],
            "spikes": int(counter.num_spikes),
            "peak_mb": peak(),
        }
        if float(recorded):
            steps = np.rint(np.asarray(recorder.t_) / network.dt).astype(np.int64)
            steps -= round(network.warm / network.dt)
            found["groups"] = of_groups(
                steps, np.asarray(recorder.i), [g.n for g in network.groups], network.dt,
                round(float(recorded) / network.dt),
            )  # fmt: skip
    print(json.dumps(found))


def peak() -> float:
    """Return the most memory that this process or one of its programs had; the compiler counts."""
    owners = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in owners) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
