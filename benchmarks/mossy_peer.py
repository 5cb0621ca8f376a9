"""A recurrent network here: python -m benchmarks.mossy_peer NETWORK THREADS SECONDS RECORDED ENGINE

ENGINE "uncounted" is "wide" without its counts; what counting costs is then the median of TURNS
runs with counts beside runs without, in turns: from one process to the next, times differ by more.

A program of its own, as those of the peers are, so that its memory is its own; prints one JSON
document. Connectivity stays a recipe until the engine lays it out, which is part of the building; a
small network run before has loaded the compiled code, whose time is given apart. The network runs
TIMES times from its start, and the fastest counts, without its warm-up; everything that a run
returns, counts of all steps among it, is part of the time. Weights are those of the model in single
precision: 11 bits and a sign.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterable
from statistics import median
from typing import Any

import numpy as np

from benchmarks.recurrent_networks import (
    NETWORKS,
    Group,
    Recurrent,
    Uniform,
    Wiring,
    cuba,
    microcircuit,
)
from benchmarks.recurrent_networks import Draw as Drawn
from benchmarks.spike_statistics import of_groups
from mossy import __version__
from mossy.chips import chip
from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Draw, Noise, Recipe, constant
from mossy.neurons import if_curr_delta, if_curr_exp
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.twin.engines import tally, wide
from mossy.twin.engines.trace import COUNTED, Listed
from mossy.twin.layout import wide as layout

SEED = 20070
TIMES = 3
TURNS = 9
UNCOUNTED = "uncounted"
KINDS = {"total": "total", "indegree": "in_degree", "bernoulli": "probability"}


def run_mossy(
    network: Recurrent, threads: int, seconds: float, recorded: float, engine: str
) -> dict[str, Any]:
    """Build, time and record; return the figures."""
    bare, engine = engine == UNCOUNTED, engine.replace(UNCOUNTED, "wide")
    begin = time.perf_counter()
    for small in (cuba(100, 1.0), microcircuit(0.002, "poisson", 1.0)):
        built(small).run({}, steps=1, engine=engine, threads=threads)
    loaded = time.perf_counter()
    program = built(network)
    program.run({}, steps=1, engine=engine, threads=threads)  # lays it out
    ready = time.perf_counter()
    cost = {"counting": counting(program, network, threads, seconds)} if bare else {}
    simulated, cpu, spikes = min(
        timed(program, network, threads, seconds, engine) for _ in range(TIMES)
    )
    found = cost | {
        "version": f"mossy {__version__}",
        "neurons": network.neurons,
        "synapses": laid_out(program, threads),
        "compile_s": loaded - begin,
        "build_s": ready - loaded,
        "simulate_s": simulated,
        "cpu_s": cpu,
        "spikes": spikes,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if recorded:
        found["groups"] = statistics(program, network, threads, recorded)
    return found


def counting(program: Program, network: Recurrent, threads: int, seconds: float) -> float:
    """Return what counting adds to a run, as a share of it; what runs later counts no more."""
    ratios = []
    for _ in range(TURNS):
        both = []
        for kind in (tally.Tally, Uncounted):
            wide.Tally = kind  # type: ignore[misc]
            both.append(timed(program, network, threads, seconds, "wide")[0])
        ratios.append(both[0] / both[1])
    return median(ratios) - 1


class Uncounted(tally.Tally):
    """Spikes of a step all together, and nothing else."""

    def add(self, lists: Iterable[Listed]) -> None:
        """Add the lengths of the lists."""
        for own in lists:
            each = np.diff(own.start)
            self.counts[tally.SPIKES, own.begin : own.begin + each.size, 0] += each

    def total(self) -> dict[str, Any]:
        """Return what there is."""
        return {name: self.counts[i][None] for i, name in enumerate(COUNTED)}


def built(network: Recurrent) -> Program:
    """Compile the network for a processor."""
    cpu, options = chip("cpu"), Options()
    groups = {g.name: g for g in network.groups}
    whole = Populations(
        tuple(population(g, network, k) for k, g in enumerate(network.groups)),
        tuple(projection(w, groups, network.dt, k) for k, w in enumerate(network.wirings)),
        {},
        {g.name: g.name for g in network.groups},
    )
    registers = quantise(whole, cpu, options, None)
    header = Header(network.name, "", network.dt, "exact", "node")
    return assemble(whole, registers, cpu, options, header)[0]


def population(g: Group, network: Recurrent, number: int) -> Population:
    """Return a group with its parameters, initial V and background."""
    cell, rng = network.cell, np.random.default_rng([SEED, number])
    common: dict[str, Any] = {
        "tau_m": cell.tau_m, "c_m": cell.c_m, "v_rest": cell.e_l, "v_reset": cell.v_reset,
        "v_thresh": cell.v_th, "tau_refrac": cell.t_ref, "i_offset": g.dc,
    }  # fmt: skip
    if cell.tau_syn is None:
        model, params = "if_curr_delta", if_curr_delta.coefficients(network.dt, **common)
    else:
        exc, inh = cell.tau_syn
        model = "if_curr_exp"
        params = if_curr_exp.coefficients(network.dt, tau_exc=exc, tau_inh=inh, **common)
    params = {k: np.broadcast_to(v, g.n) for k, v in params.items()}
    if isinstance(g.v0, Uniform):
        v0 = rng.uniform(g.v0.low, g.v0.high, g.n)
    else:
        v0 = rng.normal(g.v0.mean, g.v0.sd, g.n)
    params["v_init"] = v0 - cell.e_l
    mean = g.inputs * g.input_rate * network.dt
    noise = (Noise(np.full(g.n, mean), g.input_weight, SEED + number),) if g.inputs else ()
    return Population(g.name, g.name, (g.n,), model, params, False, "spikes", False, 0, noise)


def projection(w: Wiring, groups: dict[str, Group], dt: float, number: int) -> Projection:
    """Return a wiring as a recipe."""
    n, m = groups[w.source].n, groups[w.target].n
    given: dict[str, Any] = {"count": int(w.number)}
    if w.rule == "bernoulli":
        given = {"p": w.number}
    recipe = Recipe(
        KINDS[w.rule], n, m, draw(w.weight), draw(w.delay, dt), SEED + number,  # type: ignore[arg-type]
        **given,
    )  # fmt: skip
    none = np.zeros(n, np.int64), np.zeros(m, np.int64)
    return Projection(f"{number}", w.source, w.target, recipe, *none, True)


def draw(x: Drawn, unit: float = 1.0) -> Draw:
    """Return a distribution in multiples of `unit`."""
    if x.sd == 0:
        return constant(x.mean / unit)
    return Draw("normal", x.mean / unit, x.sd / unit, x.low / unit, x.high / unit)


def timed(
    program: Program, network: Recurrent, threads: int, seconds: float, engine: str
) -> tuple[float, float, int]:
    """Return wall and processor seconds of a run after its warm-up, and the spikes of that time."""
    warm = round(network.warm / network.dt)
    steps = warm + round(seconds / network.dt)
    wall, cpu, done = 0.0, 0.0, 0

    def progress(count: int) -> None:
        nonlocal wall, cpu, done
        done += count
        if done <= warm:
            wall, cpu = time.perf_counter(), time.process_time()

    result = program.run({}, steps=steps, engine=engine, threads=threads, progress=progress)
    assert wall, "progress is told too rarely to leave out the warm-up"
    took = time.perf_counter() - wall, time.process_time() - cpu
    return *took, int(result.counts["spikes"][0, warm:].sum())


def laid_out(program: Program, threads: int) -> int:
    """Return the number of synapses, as the engine has them."""
    return layout.wide(program, chip("cpu"), threads).synapses


def statistics(
    program: Program, network: Recurrent, threads: int, seconds: float
) -> list[dict[str, float]]:
    """Record all neurons for `seconds` after the warm-up; return the statistics by group."""
    warm, total = (round(s / network.dt) for s in (network.warm, seconds))
    result = program.run({}, steps=warm + total, engine="wide", threads=threads, record="*")
    steps, neurons, first = [], [], 0
    for g in network.groups:
        step, neuron = result.spikes.events(g.name)
        steps.append(step[step >= warm] - warm)
        neurons.append(neuron[step >= warm] + first)
        first += g.n
    return of_groups(
        np.concatenate(steps), np.concatenate(neurons), [g.n for g in network.groups],
        network.dt, total,
    )  # fmt: skip


if __name__ == "__main__":
    name, threads, seconds, recorded, engine = sys.argv[1:]
    found = run_mossy(NETWORKS[name](), int(threads), float(seconds), float(recorded), engine)
    print(json.dumps(found))
