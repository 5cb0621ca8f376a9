"""One SpiNNaker2 chip at work: as many neurons as it holds, 1.8 G synaptic events a second.

    python -m benchmarks.chip_scale [--steps 1000] [--threads 2] [--runs 3] [--json]

The figure published for the chip is more than 150,000 neurons and 1.8 G events a second at a tick
of 1 ms, 12 M events and 1,024 neurons for a core. Two networks are compiled for one chip and run
on its twin, with all counts:

    256 a core     the 16-bit synapse word that public networks use; current-based neurons,
                   connectivity as recipes
    1,024 a core   the same word with ten bits of index, which nobody has published: assumed;
                   neurons without synaptic current, because the memory of a core holds no other

A core's population gets its synapses from one other core's. Neurons are driven by a constant
current, so that they fire at the rate that makes the traffic; half the synapses inhibit. What the
twin says of the chip (longest step, overruns) and how long the twin takes are both printed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks import machine
from benchmarks.figure import Figure, table
from benchmarks.run import vars_of
from mossy import twin
from mossy.chips.chip import Chip
from mossy.chips.chip import chip as find
from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Recipe, constant
from mossy.neurons.if_curr_exp import coefficients
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.twin.layout.wide import wide

TICK = 1e-3
TRAFFIC = 1.8e9  # synaptic events a second, published for the chip
CORES = 148
MEMBRANE = {"tau_m": 10e-3, "c_m": 250e-12, "tau_exc": 5e-3, "tau_inh": 5e-3, "v_rest": -65e-3,
            "v_reset": -65e-3, "v_thresh": -50e-3, "tau_refrac": 0.0}  # fmt: skip
SYNAPSE = 20e-12  # amperes, so little that the current decides


@dataclass(frozen=True)
class Case:
    """A network of one population a core: neurons on it, synapses of a neuron, what is assumed."""

    name: str
    neurons: int
    synapses: int
    make: Callable[[Case], Populations]
    assume: dict[str, float]

    @property
    def rate(self) -> float:
        """Spikes of a neuron per step that make the traffic."""
        return TRAFFIC * TICK / (CORES * self.neurons * self.synapses)


def current_based(case: Case) -> Populations:
    """Neurons with synaptic currents, and recipes."""
    rng = np.random.default_rng(1)
    populations = []
    for c in range(CORES):
        need = 15e-3 / -np.expm1(-_reached(case, rng) * TICK / 10e-3) / (10e-3 / 250e-12)
        p = coefficients(TICK, **MEMBRANE, i_offset=need)
        params = {k: np.broadcast_to(np.asarray(v, float), case.neurons) for k, v in p.items()}
        populations.append(_population(c, case, "if_curr_exp", params))
    projections = []
    for c in range(CORES):
        for k, sign in enumerate((1, -1)):
            recipe = Recipe(
                "in_degree", case.neurons, case.neurons, constant(sign * SYNAPSE), constant(1),
                seed=2 * c + k, count=case.synapses // 2,
            )  # fmt: skip
            projections.append(_projection(c, k, case, recipe))
    return _whole(populations, projections)


def plain(case: Case) -> Populations:
    """Neurons without currents, and lists of synapses."""
    rng = np.random.default_rng(1)
    n, k = case.neurons, case.synapses
    alpha = float(np.exp(-TICK / 10e-3))
    populations, projections = [], []
    for c in range(CORES):
        params = {
            "alpha": np.full(n, alpha), "gain": np.ones(n), "threshold": np.ones(n),
            "v_reset": np.zeros(n), "offset": (1 - alpha) / (1 - alpha ** _reached(case, rng)),
        }  # fmt: skip
        populations.append(_population(c, case, "lif", params))
        pre = (rng.integers(0, n, n)[:, None] + np.arange(k) * (n // k)).ravel() % n
        sign = np.tile(np.repeat([1.0, -1.0], [k - k // 2, k // 2]), n)
        matrix = sparse.csr_array((0.002 * sign, (np.repeat(np.arange(n), k), pre)), (n, n))
        projections.append(_projection(c, 0, case, matrix))
    return _whole(populations, projections)


CASES = (
    Case("256 a core", 256, 140, current_based, {}),
    Case("1,024 a core, assumed", 1024, 22, plain, {"neurons_per_core": 1024}),
)


def _reached(case: Case, rng: np.random.Generator) -> NDArray[np.float64]:
    """After how many steps each neuron reaches its threshold: half a step before it fires.

    Periods are whole, and two of them are mixed so that the mean rate is what it should be.
    """
    short = int(1 / case.rate)
    share = (case.rate - 1 / (short + 1)) * short * (short + 1)
    return np.where(rng.random(case.neurons) < share, short - 0.5, short + 0.5)


def _population(c: int, case: Case, model: str, params: dict[str, Any]) -> Population:
    name = f"core {c}"
    return Population(name, name, (case.neurons,), model, params, False, "spikes", False, 0)


def _projection(c: int, k: int, case: Case, weight: Any) -> Projection:
    before, none = f"core {(c - 1) % CORES}", np.zeros(case.neurons, np.int64)
    return Projection(f"{before}->core {c} #{k}", before, f"core {c}", weight, none, none, True)


def _whole(populations: list[Population], projections: list[Projection]) -> Populations:
    return Populations(tuple(populations), tuple(projections), {}, {"core 0": "core 0"})


def compiled(case: Case, populations: Populations, chip: Chip) -> Program:
    """Return the program of a case, the potentials begun anywhere below the threshold."""
    options = Options(chips=1, activity=min(1.0, case.rate), headroom=2.0)  # late cores are wanted
    header = Header(case.name, "", TICK, "exact", "zero")
    made = quantise(populations, chip, options, None)
    program, _ = assemble(populations, made, chip, options, header)
    rng = np.random.default_rng(2)
    for core in program.cores:
        core.state["v"] = rng.random(core.n) * core.params["threshold"]
    return program


def measured(case: Case, steps: int, threads: int, runs: int) -> list[Figure]:
    """Compile and run a case."""
    chip = find("spinnaker2").assuming(case.assume)
    populations = case.make(case)
    compiled(case, populations, chip)  # what Numba has to compile is compiled
    begin = time.perf_counter()
    program = compiled(case, populations, chip)
    compiling = time.perf_counter() - begin
    begin = time.perf_counter()
    laid = wide(program, chip, threads)
    laying = time.perf_counter() - begin

    def run(many: int) -> Any:
        return twin.run(program, {}, steps=many, engine="wide", threads=threads, assume=case.assume)

    run(10)
    found, worked = [], []
    for _ in range(runs):
        begin, used = time.perf_counter(), time.process_time()
        result = run(steps)
        found.append(time.perf_counter() - begin)
        worked.append(time.process_time() - used)
    events = result.counts.mean("synaptic_events")
    late = result.timing.overruns
    worst = result.timing.worst_step
    assert worst is not None
    name, span = case.name, steps * TICK
    steps_late = f"{sum(o.steps for o in late)} of {steps * CORES} steps of a core"
    return [
        Figure(f"{name}: neurons", float(CORES * case.neurons), "", remark=f"on {CORES} cores"),
        Figure(f"{name}: synapses", float(laid.synapses), "", remark=f"{case.synapses} a neuron"),
        Figure(f"{name}: traffic", events / span, "events/s", remark="of model time"),
        Figure(f"{name}: spikes of a neuron", case.rate / TICK, "Hz", remark="as meant"),
        Figure(
            f"{name}: longest step on the chip", worst.value, "s",
            remark=f"{worst.low:.3g} to {worst.high:.3g} s; late: {steps_late}",
        ),
        Figure(f"{name}: compiling", compiling, "s", remark="quantised to emitted, warm"),
        Figure(f"{name}: laying out", laying, "s", remark="synapses made, once"),
        Figure(
            f"{name}: real-time factor", min(found) / span, "s/s",
            remark=f"{threads} threads, all counts on, best of {runs}; "
            f"{1e9 * min(found) / events:.3g} ns an event",
        ),
        Figure(
            f"{name}: processor time", min(worked) / span, "s/s",
            remark="of all threads, which spin where one waits for another",
        ),
    ]  # fmt: skip


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    about = machine.describe(given.threads) | {"command": "python -m benchmarks.chip_scale"}
    figures = []
    for case in CASES:
        figures += measured(case, given.steps, given.threads, given.runs)
    if given.json:
        print(json.dumps({"machine": about, "figures": list(map(vars_of, figures))}, indent=2))
        return
    for key, value in about.items():
        print(f"{key}: {value}")
    print("\n" + table(figures))


if __name__ == "__main__":
    main()
