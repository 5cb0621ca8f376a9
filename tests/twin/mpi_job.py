"""What test_mpi.py runs on several ranks: python -m tests.twin.mpi_job JOB SEED

Every rank makes the same networks, runs them together with the others and then alone, and compares;
a difference ends the job with an exit code.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

import mossy
from mossy import twin
from mossy.errors import BadInput
from mossy.network import graph
from mossy.network.nodes import LIF, Delay, Input, Linear, Network, Node, Output
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.twin.bill.meter import Meter
from mossy.twin.engines import mpi
from tests.strategies import DT
from tests.twin.machines import small
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import assert_same_run

RANKS = MPI.COMM_WORLD
KEPT: dict[str, Any] = {"record": "*", "states": "*"}
ALONE = {"recipes": ("wide", "reference"), "chips": ("fast", "wide", "reference")}
MODELS = (("if_curr_exp", False), ("if_curr_exp", True), ("if_curr_exp.double", False))


def recipes(rng: np.random.Generator) -> list[tuple[Program, NDArray[np.uint8]]]:
    """Random recurrent networks with noise and inputs, on few and on many cores."""
    found = []
    for model, alike in MODELS:
        populations, x = random_network(int(rng.integers(1 << 32)), model, alike)
        found.append((compiled(populations, neurons_per_core=int(rng.integers(5, 60))), x))
    return found


def layers(rng: np.random.Generator) -> Network:
    """Two recurrent layers with delays."""
    n, m, k = (int(v) for v in rng.integers((10, 10, 5), (40, 40, 20)))
    nodes: dict[str, Node] = {"in": Input((k,)), "out": Output((m,))}
    for name, size in (("a", n), ("b", m)):
        one = np.ones(size)
        nodes[name] = LIF(4e-3 * one, one, 0 * one, 0.5 * one, 0 * one)
    edges = [("b", "out")]
    for source, target, width, height in (
        ("in", "a", k, n), ("a", "b", n, m), ("b", "a", m, n), ("a", "a", n, n),
    ):  # fmt: skip
        w = rng.integers(-8, 9, (height, width)) * (rng.random((height, width)) < 0.5) / 4
        wait, weights = f"wait_{source}{target}", f"w_{source}{target}"
        nodes[wait] = Delay(np.asarray(rng.integers(1, 5, width) * DT))
        nodes[weights] = Linear(w)
        edges += [(source, wait), (wait, weights), (weights, target)]
    return graph.build(nodes, edges, DT)


def chips(rng: np.random.Generator) -> list[tuple[Program, NDArray[np.uint8]]]:
    """Random layers on machines of many chips with dead cores, chips and links."""
    found = []
    for name in ("spinnaker1", "spinnaker2"):
        chip = small(name)
        gone = [(x, y, chip.cores[c]) for x, y, c in rng.integers(0, (3, 3, 2), (6, 3)) if x + y]
        dead = ["core {},{},{}".format(*place) for place in gone]
        dead += [f"link {x},{y},{d}" for x, y, d in rng.integers((0, 0, 0), (4, 4, 6), (4, 3))]
        machine = mossy.machine(name, boards=1, dead=sorted({*dead, "chip 1,1"}))
        net = layers(rng)
        options = Options(neurons_per_core=3, machine=machine, approximate=True)
        program = compile(net, chip, options=options)
        used = {c.place[:2] for c in program.cores if c.place}
        assert len(used) > 3
        assert used & {place[:2] for place in gone}, "no dead core that would have been taken"
        (channels,) = net.shapes["in"][1]
        x = rng.random((1, 40, channels)) < 0.3
        found.append((program, x.astype(np.uint8)))
    return found


def agree(job: str, rng: np.random.Generator) -> None:
    """Run networks on all ranks, twice, with one thread and two, and alone on other engines."""
    for program, x in {"recipes": recipes, "chips": chips}[job](rng):
        runs = [twin.run(program, x, engine=e, threads=1, **KEPT) for e in ALONE[job]]
        assert runs[0].counts.mean("spikes") > 50, "too quiet to say anything"
        for threads in (1, 2, 1):
            together = twin.run(program, x, engine="mpi", threads=threads, **KEPT)
            for alone in runs:
                assert_same_run(together, alone)


def one(rng: np.random.Generator) -> None:
    """A single network, to see soon whether all is well."""
    populations, x = random_network(int(rng.integers(1 << 32)))
    program = compiled(populations, neurons_per_core=25)
    assert_same_run(
        twin.run(program, x, engine="mpi", threads=1, **KEPT),
        twin.run(program, x, engine="wide", threads=1, **KEPT),
    )


def hurt(rng: np.random.Generator) -> None:
    """Parts die on the way, whole machines run before and after."""
    for program, x in chips(rng):
        sites = sorted({c.place for c in program.cores if c.place is not None})
        drawn = rng.permutation(len(sites))[:3]
        (a, b, _), first, last = (sites[i] for i in drawn)
        died = [f"link {a},{b},{d} @ {5 + d}" for d in range(6)]
        died += ["core {},{},{} @ 0".format(*first), "chip {},{} @ 20".format(*last)]
        none: list[str] = []
        for faults in (none, died, none):
            wanted = twin.run(program, x, engine="reference", faults=faults, **KEPT)
            assert bool(wanted.counts.mean("events_lost")) == bool(faults)
            for threads in (1, 2):
                together = twin.run(
                    program, x, engine="mpi", threads=threads, faults=faults, **KEPT
                )
                assert together.engine == "mpi"
                assert_same_run(together, wanted)


def differ(rng: np.random.Generator) -> None:
    """Ranks that do not run the same are told so, all of them; then they can go on."""
    populations, x = random_network(7)
    program = compiled(populations)
    other, _ = random_network(8)
    rank = RANKS.rank
    cores = tuple(dataclasses.replace(c, place=(0, 0, c.number)) for c in program.cores)
    placed = dataclasses.replace(program, cores=cores)
    died = [f"core 0,0,{len(cores) - 1} @ 5"] if rank else []
    cases: dict[str, tuple[Program, NDArray[np.uint8], dict[str, Any]]] = {
        "program": (compiled(other) if rank else program, x, {}),
        "inputs": (program, x[:, ::-1] if rank else x, {}),
        "steps": (program, x[:, : x.shape[1] - rank], {}),
        "what is recorded": (program, x, {"states": ["a"] if rank else []}),
        "parts that die": (placed, x, {"faults": died}),
    }
    for what, given in cases.items():
        try:
            twin.run(given[0], given[1], engine="mpi", threads=1, **given[2])
        except BadInput as e:
            assert e.code == "E0421", e
            if what != "steps":  # other inputs then, too
                assert f"{what} of rank 1 and of rank 0 differ" in str(e), e
        else:
            raise AssertionError(f"{what}: nobody noticed")
    # one rank has the program laid out, the others make theirs anew
    again = program if rank else compiled(populations)
    twin.run(again, x, engine="mpi", threads=1)
    assert_same_run(
        twin.run(program, x, engine="mpi", threads=1), twin.run(program, x, engine="wide")
    )


def measure(rng: np.random.Generator) -> None:
    """All ranks report the same seconds, and joules of the machine once or not at all."""
    meter = Meter(seconds=1.0 + RANKS.rank, joules=5.0)
    mpi.together(meter)
    assert meter.seconds == RANKS.size
    assert meter.joules == 5.0, "one machine, whatever the number of ranks"
    meter = Meter(seconds=1.0, joules=None)
    mpi.together(meter)
    assert meter.joules is None


def main() -> None:
    """Do one job."""
    job, rng = sys.argv[1], np.random.default_rng(int(sys.argv[2]))
    if job in ALONE:
        agree(job, rng)
    else:
        {"one": one, "hurt": hurt, "differ": differ, "measure": measure}[job](rng)
    print(f"rank {RANKS.rank} of {RANKS.size} done", flush=True)


if __name__ == "__main__":
    main()
