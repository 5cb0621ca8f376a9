"""SANA-FE's own workloads: python -m benchmarks.sanafe [--only NAME ...] [--repeats N] [--json]

Each is built by SANA-FE in its own environment, and compiled here for the chip that its
architecture file describes, neuron for neuron onto the same cores. Both run the same steps in
turns. A ratio is printed only where all events are equal: spikes, packets, hops, synaptic events,
and with them the neurons served (tests/oracles/test_sanafe.py says how the counts meet).

What is timed: SANA-FE's `sim` with its quickest settings, found by trying them, and with its
default timing model, which follows packets through the mesh and which we have no equal of; and our
`run` with all counts, and latency and energy taken from them. Loading and compiling are not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine as about
from benchmarks.figure import Figure, skipped, table
from benchmarks.run import vars_of
from mossy.columns import columns
from mossy.errors import UnknownFact
from tests.oracles.sanafe_networks import Arch, Network, save_networks
from tests.oracles.sanafe_twin import Mapped, mapped

ROOT = Path(__file__).parents[1]
HEAD = (
    "workload", "neurons", "synapses", "steps", "synaptic events", "packets", "equal",
    "SANA-FE", "settings", "default", "ours", "ratio", "to default", "compile",
)  # fmt: skip
DVS_CORES = (1, 4, 16, 16, 4, 1)  # of each layer, as in the tutorial
TARGET = 50  # times the peer
TRIED = 10  # runs to find the quickest settings are this much shorter, and the default model's
LASTING = 0.2  # seconds for which ours is run again and again, as long as one run of the peer takes
DVS_SPIKES = 365277  # of 1000 steps, as the tutorial says

Settings = dict[str, Any]
Ask = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Workload:
    """One of SANA-FE's. network: from what the peer says of itself; peer: what it is told."""

    name: str
    steps: int
    network: Callable[[int, dict[str, Any]], Network]
    peer: str = ""  # nothing: the network goes to the peer as a file


def workloads() -> list[Workload]:
    """Return all of them, small ones first."""
    found = [
        Workload("example", 100_000, _example, "example"),
        Workload("DVS gesture", 1000, _gesture, "dvs"),
    ]
    for neurons, messages, spikes, steps in (
        (64, 16, 8, 50), (256, 4, 1, 50), (256, 4, 32, 20), (1024, 32, 4, 10)
    ):  # fmt: skip
        name = f"random 128 x {neurons}, {messages} x {spikes}"
        found.append(Workload(name, steps, _random(128, neurons, messages, spikes)))
    for cores in (32, 256):
        found.append(Workload(f"TrueNorth {cores} x 256", 100, _nemo(cores)))
    return found


# -------------------------------------------------------------------------------- the networks
def _network(
    arch: Arch, core: NDArray[Any], steps: int, synapses: tuple[Any, Any, Any], **attributes: Any
) -> Network:
    """A network without inputs. attributes: one number, or one per neuron."""
    n = core.size
    pre, post, weight = synapses
    return Network(
        arch, core.astype(np.int64), {k: np.zeros(n) + v for k, v in attributes.items()},
        np.zeros(n, bool), np.zeros((steps, 0), bool),
        pre.astype(np.int64), post.astype(np.int64), np.zeros(pre.size) + weight,
        np.zeros(n, np.int64),
    )  # fmt: skip


def _random(cores: int, neurons: int, messages: int, spikes: int) -> Callable[..., Network]:
    """scripts/tcad2025/random_network.py: a tenth fires every step, at random cores and neurons."""

    def network(steps: int, said: dict[str, Any]) -> Network:
        rng = np.random.default_rng(1)
        n = cores * neurons
        sender = np.flatnonzero(rng.random(n) < 0.1)
        core = _drawn(rng, sender.size, cores, messages)
        within = _drawn(rng, core.size, neurons, spikes)
        post = core.reshape(-1, 1) * neurons + within
        bias = np.zeros(n)
        bias[sender] = 128
        return _network(
            "loihi", np.arange(n) // neurons, steps,
            (sender.repeat(messages * spikes), post.ravel(), 128.0),
            threshold=64, leak_decay=1, refractory_delay=0, force_update=1, bias=bias,
        )  # fmt: skip

    return network


def _drawn(rng: np.random.Generator, times: int, of: int, count: int) -> NDArray[Any]:
    """`count` different numbers below `of`, many times."""
    return np.array([rng.choice(of, count, replace=False) for _ in range(times)])


def _nemo(cores: int) -> Callable[..., Network]:
    """scripts/tcad2025/compare_nemo_perf.py: full cores, each neuron on one of another core."""

    def network(steps: int, said: dict[str, Any]) -> Network:
        rng = np.random.default_rng(1)
        n = cores * 256
        core = np.arange(n) // 256
        other = rng.integers(0, cores - 1, n)
        other += other >= core
        target = np.where(rng.random(n) < 0.8, other, core)
        post = target * 256 + rng.integers(0, 256, n)
        return _network(
            "truenorth", core, steps, (np.arange(n), post, 1.0),
            threshold=0, reset=-1, reset_mode=0, leak=0, bias=0, floored=0, floor=0, force_update=1,
        )  # fmt: skip

    return network


def _gesture(steps: int, said: dict[str, Any]) -> Network:
    """The convolutional network of the DVS tutorial, from the weights in the installed package."""
    with np.load(said["weights"]) as file:
        given = dict(file)
    shape: tuple[int, ...] = (1, 32, 32)
    first, sizes, synapses = 0, [32 * 32], []
    for k in range(1, 5):
        kernel = given[f"conv{k}"]
        pre, post, weight, shape = _convolved(shape, kernel, 2 if k == 1 else 1)
        synapses.append((pre + first, post + first + sizes[-1], weight))
        first += sizes[-1]
        sizes.append(int(np.prod(shape)))
    dense = given["dense1"]
    pre, post = (i.ravel() for i in np.indices(dense.shape))
    synapses.append((pre + first, post + first + sizes[-1], dense[pre, post]))
    sizes.append(dense.shape[1])
    layer = np.repeat(np.arange(6), sizes)
    bias = np.zeros(layer.size)
    bias[: sizes[0]] = given["inputs"]
    joined = tuple(np.concatenate([s[i] for s in synapses]) for i in range(3))
    return _network(
        "loihi", _cores_of(sizes), steps, joined,  # type: ignore[arg-type]
        threshold=given["thresholds"][layer], leak_decay=1, refractory_delay=0, force_update=0,
        bias=bias,
    )  # fmt: skip


def _convolved(
    shape: tuple[int, ...], kernel: NDArray[Any], stride: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], tuple[int, ...]]:
    """Synapses of a convolution without padding. kernel: (y, x, in, out); neurons: (c, y, x)."""
    ky, kx, _, count = kernel.shape
    high, wide = (shape[1] - ky) // stride + 1, (shape[2] - kx) // stride + 1
    at = np.meshgrid(*(np.arange(s) for s in (high, wide, *kernel.shape)), indexing="ij")
    y, x, dy, dx, c, f = (a.ravel() for a in at)
    pre = (c * shape[1] + y * stride + dy) * shape[2] + x * stride + dx
    post = (f * high + y) * wide + x
    return pre, post, kernel[dy, dx, c, f], (count, high, wide)


def _cores_of(sizes: list[int]) -> NDArray[Any]:
    found, first = [], 0
    for size, count in zip(sizes, DVS_CORES, strict=True):
        found.append(first + np.minimum(np.arange(size) // (size // count), count - 1))
        first += count
    return np.concatenate(found)


def _example(steps: int, said: dict[str, Any]) -> Network:
    """Whatever network of two groups the peer's example is, from the lines it saves it in."""
    core: dict[tuple[str, ...], int] = {}
    words: dict[tuple[str, ...], str] = {}
    edges = []
    for line in said["netlist"].splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "n":
            words[_address(rest)] = rest
        elif kind == "e":
            ends, _, weight = rest.partition(" weight=")
            start, _, end = ends.partition("->")
            edges.append((_address(start), _address(end), float(weight)))
        elif kind == "&":
            tile, within = _address(rest.partition("@")[2])
            core[_address(rest)] = 4 * int(tile) + int(within)
    number = {a: i for i, a in enumerate(words)}
    is_input = np.array(["input" in w for w in words.values()])
    x = np.zeros((steps, int(is_input.sum())), bool)
    for k, w in enumerate(w for w in words.values() if "input" in w):
        train = re.search(r"spikes: \[([01,]*)\]", w)
        for t, spike in enumerate(train.group(1).split(",") if train else []):
            x[t, k] = spike == "1"
    threshold = [float(m.group(1)) if (m := re.search(r"threshold=(\S+)", w)) else 0.0
                 for w in words.values()]  # fmt: skip
    pre = np.array([number[e[0]] for e in edges])
    post = np.array([number[e[1]] for e in edges])
    found = _network(
        "loihi", np.array([core[a] for a in words]), steps,
        (pre, post, np.array([e[2] for e in edges])),
        threshold=threshold, leak_decay=1, refractory_delay=0, force_update=0, bias=0,
    )  # fmt: skip
    return found._replace(is_input=is_input, x=x)


def _address(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"[ @]", text)[0].split("."))


# ------------------------------------------------------------------------------------ the runs
@contextmanager
def peer(python: Path, what: str) -> Iterator[tuple[dict[str, Any], Ask]]:
    """Start SANA-FE with one network; gives what it says of itself, and how to run it."""
    command = [str(python), "-m", "benchmarks.sanafe_peer", what]
    # threads that wait in a loop would slow down the peer wherever cores are shared
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    into, out = process.stdin, process.stdout

    def answer() -> dict[str, Any]:
        line = out.readline()
        if not line:
            raise SystemExit(f"the peer ended with {process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(steps: int, settings: Settings, hops: bool = False) -> dict[str, Any]:
        into.write(json.dumps(settings | {"steps": steps, "hops": hops}) + "\n")
        into.flush()
        return answer()

    try:
        yield answer(), ask
    finally:
        into.close()
        process.wait()


def settings() -> list[Settings]:
    """Return what may be SANA-FE's quickest settings on this machine."""
    every = os.cpu_count() or 1
    return [
        {"timing_model": "simple", "processing_threads": p, "scheduler_threads": s}
        for p in sorted({1, every})
        for s in (0, 1)
    ]


def ours(here: Mapped) -> tuple[float, dict[str, int]]:
    """Return seconds of a run, with latency and energy where they have a price, and counts.

    The mean of all runs in a while: a single one is over before a processor has woken up.
    """
    x = here.inputs()
    begin, runs = time.perf_counter(), 0
    while not runs or time.perf_counter() - begin < LASTING:
        result = here.program.run(x)
        assert result.latency.value > 0
        with suppress(UnknownFact):  # of a price that nobody has published
            assert result.energy.total.value > 0
        runs += 1
    seconds = (time.perf_counter() - begin) / runs
    names = {"neurons_fired": "spikes", "spikes": "synaptic_events", "packets_sent": "packets_out",
             "hops": "hops"}  # fmt: skip
    return seconds, {k: int(result.counts[v].sum(dtype=np.int64)) for k, v in names.items()}


def measured(work: Workload, python: Path, repeats: int) -> dict[str, Any]:
    """Run one workload on both sides, in turns."""
    with TemporaryDirectory() as folder:
        what, network = work.peer, None
        if not what:
            network = work.network(work.steps, {})
            what = str(Path(folder) / "network.npz")
            save_networks(Path(what), [network])
        with peer(python, what) as (said, ask):
            network = network or work.network(work.steps, said)
            begin = time.perf_counter()
            here = mapped(network)
            compiling = time.perf_counter() - begin
            return _turns(work, network, here, ask, repeats) | {"compile": compiling}


def _turns(
    work: Workload, network: Network, here: Mapped, ask: Ask, repeats: int
) -> dict[str, Any]:
    steps = work.steps
    quickest = min(settings(), key=lambda s: ask(max(steps // TRIED, 5), s)["seconds"])
    default = quickest | {"timing_model": "detailed"}
    theirs = ask(steps, quickest, hops=True)["counts"]
    if work.peer == "dvs" and steps == 1000:
        assert theirs["neurons_fired"] == DVS_SPIKES, theirs
    _, counts = ours(here)  # compiles, links
    same = all(theirs[k] == v for k, v in counts.items())
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _ in range(repeats):
        times["theirs"].append(ask(steps, quickest)["seconds"])
        times["ours"].append(ours(here)[0])
    few = max(steps // TRIED, 5)  # it takes long
    times["default"] = [ask(few, default)["seconds"] * steps / few]
    return {
        "name": work.name, "neurons": network.core.size, "synapses": network.pre.size,
        "steps": steps, "theirs": theirs, "ours": counts, "equal": same, "seconds": times,
        "settings": quickest,
        "ratio": median(a / b for a, b in zip(times["theirs"], times["ours"], strict=True)),
        "to default": times["default"][0] / median(times["ours"]),
    }  # fmt: skip


def _row(f: dict[str, Any]) -> tuple[str, ...]:
    best = {k: f"{min(v):.3g} s" for k, v in f["seconds"].items()}
    threads = f["settings"]["processing_threads"], f["settings"]["scheduler_threads"]
    ratios = (f"{f[k]:.3g}" if f["equal"] else "" for k in ("ratio", "to default"))
    return (
        f["name"], str(f["neurons"]), str(f["synapses"]), str(f["steps"]), str(f["ours"]["spikes"]),
        str(f["ours"]["packets_sent"]), "yes" if f["equal"] else f"NO: {f['theirs']}, {f['ours']}",
        best["theirs"], "{} + {} threads".format(*threads), best["default"], best["ours"], *ratios,
        f"{f['compile']:.3g} s",
    )  # fmt: skip


def targets(found: list[dict[str, Any]]) -> Iterator[Figure]:
    """Yield what is aimed at beside what was reached."""
    for f in found:
        what = f"{f['name']}: SANA-FE / mossy"
        if f["equal"]:
            threads = "{processing_threads} + {scheduler_threads} threads".format(**f["settings"])
            yield Figure(what, f["ratio"], "x", TARGET, remark=f"its best: {threads}")
        else:
            yield skipped(what, "x", "other counts")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sanafe", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="workloads whose name begins so")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--python", type=Path, default=ROOT / ".oracles/sanafe/bin/python")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    if not given.python.exists():
        sys.exit(f"no {given.python}; make it with: tests/oracles/make_envs.sh sanafe")
    machine = about.describe(os.cpu_count() or 1) | {"command": "python -m benchmarks.sanafe"}
    chosen = [w for w in workloads() if not given.only or w.name.startswith(tuple(given.only))]
    found = []
    for work in chosen:
        print(f"{work.name} ...", file=sys.stderr, flush=True)
        found.append(measured(work, given.python, given.repeats))
    if given.json:
        figures = [vars_of(f) for f in targets(found)]
        print(json.dumps({"machine": machine, "workloads": found, "figures": figures}, indent=2))
        return
    for key, value in machine.items():
        print(f"{key}: {value}")
    print("\n" + columns(HEAD, [_row(f) for f in found], right=(*HEAD[1:6], *HEAD[7:])))
    print("\n" + table(targets(found)))


if __name__ == "__main__":
    main()
