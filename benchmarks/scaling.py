"""Ranks of an MPI job: python -m benchmarks.scaling [--neurons 20000] [--ranks 1 2 4] [--json]

A random balanced network, every neuron with 800 excitatory and 200 inhibitory synapses and noise
of its own, is run on 1, 2, 4 ranks of one thread each: with as many neurons for each rank ("weak"),
and with as many in all as the most ranks have ("strong"), with a shortest delay of 1.5 ms (ranks
tell each other every 15 steps) and of 0.1 ms (every step).

    run       seconds by the clock: they stay as they are (weak) or fall as 1 / ranks (strong) where
              every rank has a processor of its own and the network is quick
    busy      processor seconds of the busiest rank, what it spends in MPI left out: what a quiet
              machine with enough processors would take, but for the telling itself
    synapses, starts, rest    what a rank lays out: words, where they start, all else
    held      what a rank's process holds after the runs, on top of Python and Numba; peak: the most
              it did, which is while a block is built

However many ranks a network has, the counts of every step and core are to be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine as about
from benchmarks.figure import Figure, table
from benchmarks.run import vars_of
from mossy import twin
from mossy.chips.chip import chip as find
from mossy.columns import columns
from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Draw, Noise, Recipe, constant
from mossy.neurons.if_curr_exp import coefficients
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.twin.counts import Counts
from mossy.twin.engines import digest, mpi
from mossy.twin.layout.shape import Share
from mossy.twin.layout.wide import Wide, wide

ROOT = Path(__file__).parents[1]
MPIRUN = ("mpirun", "--oversubscribe", "--allow-run-as-root", "-n")
DT, STEPS, TIMES = 1e-4, 1000, 3
HELD = 1.25  # what all ranks hold together, at most so many times what one does
EXCITATORY, INHIBITORY = 800, 200  # synapses of each neuron
WEIGHT = 20e-12  # ampere; inhibition 5 times as strong
NOISE = 1.25  # spikes in a step, of that weight
CELL = {
    "tau_m": 20e-3, "c_m": 250e-12, "tau_exc": 2e-3, "tau_inh": 2e-3, "v_rest": -65e-3,
    "v_reset": -65e-3, "v_thresh": -50e-3, "tau_refrac": 2e-3,
}  # fmt: skip
HEAD = (
    "scaling", "told every", "neurons", "engine", "ranks", "build", "run", "busy", "ratio",
    "spikes/s", "synapses", "starts", "rest", "held", "peak",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Neurons in all, shortest delay in steps, ranks, and the engine that runs it."""

    scaling: str
    neurons: int
    shortest: int
    ranks: int
    engine: str


class Told:
    """All ranks, with the processor seconds that telling and waiting for each other take."""

    def __init__(self, ranks: Any) -> None:
        self.ranks, self.seconds = ranks, 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.ranks, name)
        if not callable(found):
            return found

        def timed(*given: Any) -> Any:
            begin = time.process_time()
            answer = found(*given)
            self.seconds += time.process_time() - begin
            return answer

        return timed


def network(n: int, shortest: int) -> Populations:
    """Return the network; delays are uniform from the shortest to 1.5 ms."""
    given = coefficients(DT, **CELL, i_offset=0.0)
    populations, projections = [], []
    for k, (name, size) in enumerate({"e": n * 4 // 5, "i": n - n * 4 // 5}.items()):
        params = {f: np.broadcast_to(v, (size,)).copy() for f, v in given.items()}
        params["v_init"] = np.random.default_rng(k).uniform(0, 15e-3, size)
        noise = Noise(np.full(size, NOISE), WEIGHT, 100 + k)
        populations.append(
            Population(
                name, name, (size,), "if_curr_exp", params, False, "spikes", False, 0, (noise,)
            )
        )
    for s, (source, count, sign) in enumerate(
        zip(populations, (EXCITATORY, INHIBITORY), (1, -5), strict=True)
    ):
        for t, target in enumerate(populations):
            delay = Draw("uniform", shortest, 15) if shortest < 15 else constant(15)
            recipe = Recipe(
                "in_degree", source.n, target.n, constant(sign * WEIGHT), delay, 10 * s + t,
                count=count,
            )  # fmt: skip
            wait = np.zeros(source.n, np.int64), np.zeros(target.n, np.int64)
            projections.append(Projection(f"{s}{t}", source.name, target.name, recipe, *wait, True))
    return Populations(tuple(populations), tuple(projections), {}, {})


def compiled(case: Case) -> Program:
    """Return the program, as every rank compiles it."""
    made, chip, options = network(case.neurons, case.shortest), find("cpu"), Options()
    header = Header("balanced", "", DT, "exact", "zero")
    return assemble(made, quantise(made, chip, options, None), chip, options, header)[0]


def resident(what: str) -> int:
    """Return bytes of this process in memory: now (VmRSS) or at most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    line = next(x for x in lines if x.startswith(what))
    return int(line.split()[1]) << 10


def sizes(laid: Wide) -> dict[str, int]:
    """Return the bytes of what a rank lays out."""
    fan = (laid.fan.start, laid.fan.core, laid.fan.count)
    return {
        "synapses": sum(b.words.nbytes for b in laid.blocks),
        "starts": sum(b.start.nbytes for b in laid.blocks),
        "rest": sum(a.nbytes for a in (*fan, laid.start, laid.core_of)),
    }


def measured(case: Case) -> dict[str, Any]:
    """Run the case on this rank; every rank of the job calls this."""
    options: dict[str, Any] = {"engine": case.engine, "threads": 1}
    small = compiled(Case("", 200 * case.ranks, case.shortest, case.ranks, case.engine))
    twin.run(small, {}, steps=20, **options)  # compiles the engine
    before = resident("VmRSS")
    program = compiled(case)
    begin = time.perf_counter()
    twin.run(program, {}, steps=1, **options)
    build = time.perf_counter() - begin
    rank, told = 0, Told(None)
    if case.engine == "mpi":
        told = Told(mpi.world())
        rank = told.ranks.rank
        mpi.world = lambda: told
    seconds, busy, spikes = [], [], 0.0
    for _ in range(TIMES):
        told.seconds = 0.0
        begin, used = time.perf_counter(), time.process_time()
        result = twin.run(program, {}, steps=STEPS, **options)
        seconds.append(time.perf_counter() - begin)
        busy.append(time.process_time() - used - told.seconds)
        spikes = result.counts.mean("spikes")
    laid = wide(program, find("cpu"), 1, Share(rank, case.ranks))
    rate = spikes / (STEPS * DT) / case.neurons
    taken = {"held": resident("VmRSS") - before, "peak": resident("VmHWM") - before}
    times = {"build": build, "run": min(seconds), "busy": min(busy)}
    return times | {"rate": rate} | sizes(laid) | taken | {"counts": said_of(result.counts)}


def said_of(counts: Counts) -> str:
    """Return a digest of what happened on every core in every step, spikes among it."""
    wide_enough = {k: a.astype(np.int64) for k, a in sorted(counts.arrays.items())}
    return digest.of(wide_enough).hex()


def work(text: str) -> None:
    """Measure a case on all ranks; the first prints the slowest's times and the largest's bytes."""
    case = Case(**json.loads(text))
    own = measured(case)
    every = [own]
    if case.engine == "mpi":
        from mpi4py import MPI

        every = MPI.COMM_WORLD.allgather(own)
        if MPI.COMM_WORLD.rank:
            return
    found = {k: max(e[k] for e in every) for k in own}
    print(json.dumps(found | {"counts": " ".join(sorted({e["counts"] for e in every}))}))


def asked(case: Case) -> dict[str, Any]:
    """Run a case as a job of its own."""
    start = (*MPIRUN, str(case.ranks)) if case.ranks > 1 else ()
    done = subprocess.run(
        [*start, sys.executable, "-m", "mpi4py", "-m", "benchmarks.scaling", "--case",
         json.dumps(vars(case))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def cases(neurons: int, ranks: list[int]) -> list[Case]:
    """Return what is run; "wide", the engine without ranks, beside a single one."""
    found = []
    for shortest in (15, 1):
        found.append(Case("weak", neurons, shortest, 1, "wide"))
        found += [Case("weak", neurons * r, shortest, r, "mpi") for r in ranks]
    whole = neurons * max(ranks)
    found.append(Case("strong", whole, 15, 1, "wide"))
    return found + [Case("strong", whole, 15, r, "mpi") for r in ranks]


def row(case: Case, got: dict[str, Any], first: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table; the ratio is that of busy to the engine without ranks, above."""
    megabytes = [f"{got[k] / 1e6:.1f} MB" for k in ("synapses", "starts", "rest", "held", "peak")]
    return (
        case.scaling, f"{case.shortest} steps", str(case.neurons), case.engine, str(case.ranks),
        f"{got['build']:.2f} s", f"{got['run']:.3f} s", f"{got['busy']:.3f} s",
        f"{got['busy'] / first['busy']:.2f}", f"{got['rate']:.1f}", *megabytes,
    )  # fmt: skip


def targets(found: list[tuple[Case, dict[str, Any]]]) -> Iterator[Figure]:
    """Yield what is aimed at: memory of a rank times ranks stays, and so does what happens."""
    strong = {c.ranks: got for c, got in found if c.scaling == "strong" and c.engine == "mpi"}
    for ranks, got in strong.items():
        if ranks == min(strong):
            continue
        share = got["held"] * ranks / (strong[min(strong)]["held"] * min(strong))
        remark = f"{got['held'] / 1e6:.4g} MB a rank; times ranks, beside {min(strong)}"
        what = f"memory of {ranks} ranks"
        yield Figure(what, share, "x", HELD, at_least=False, remark=remark)
    yield same(found)


def same(found: list[tuple[Case, dict[str, Any]]]) -> Figure:
    """Return how many strong runs had other counts, on any rank, than the engine without ranks."""
    said = {(c.engine, c.ranks): got["counts"] for c, got in found if c.scaling == "strong"}
    alone = said.pop(("wide", 1))
    others = [str(ranks) for (_, ranks), counts in said.items() if counts != alone]
    remark = f"of {len(said)}, beside no ranks: spikes and all counts, every core and step"
    if others:
        remark += f"; other on {', '.join(others)} ranks"
    return Figure("ranks: runs that differ", len(others), "runs", 0, at_least=False, remark=remark)


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--neurons", type=int, default=20000, help="for each rank")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        work(given.case)
        return
    described = about.describe(max(given.ranks))
    described["command"] = " ".join(["python -m benchmarks.scaling", *sys.argv[1:]])
    found = []
    for case in cases(given.neurons, given.ranks):
        print(f"{case} ...", file=sys.stderr)
        found.append((case, asked(case)))
    if given.json:
        rows = [vars(case) | got for case, got in found]
        figures = [vars_of(f) for f in targets(found)]
        print(json.dumps({"machine": described, "cases": rows, "figures": figures}, indent=2))
        return
    for key, value in described.items():
        print(f"{key}: {value}")
    print(f"load after: {os.getloadavg()[0]:.2f}\n")
    lines: list[tuple[str, ...]] = []
    first = found[0][1]
    for case, got in found:
        first = got if case.engine == "wide" else first
        lines.append(row(case, got, first))
    print(columns(HEAD, lines, right=[h for h in HEAD if h not in ("scaling", "engine")]))
    print("\n" + table(targets(found)))


if __name__ == "__main__":
    main()
