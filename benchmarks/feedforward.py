"""Feed-forward inference beside its peers: python -m benchmarks.feedforward [--rounds 3] [--json]

784-1000-1000-10 LIF neurons, 100 steps of rate-coded input, about 3 % of the hidden neurons spiking
in a step; samples per second of one sample alone and of a batch of 256. The same weights and inputs
for all. They run in turns, `--rounds` times over, with one thread and with two; a figure is the
best of all. mossy runs as a user runs it, `program.run(x)`, with every count on; its inputs are
bytes, GeNN's the times of spikes, the other peers' float32, as each takes them. With one thread
the clock is the processor's time, which other programs on the machine disturb least; with two it
is the wall's. GeNN's CPU backend has one thread alone.

The peers live in environments of their own: tests/oracles/make_envs.sh speed_torch speed_jax genn.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mossy
from benchmarks import machine
from benchmarks.figure import Figure, skipped
from benchmarks.figure import table as targets_table
from benchmarks.run import vars_of
from mossy.columns import columns
from mossy.errors import MossyError
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.program.artefact import Program
from mossy.twin.engines import fast
from mossy.twin.layout import layers

ROOT = Path(__file__).parents[1]
SIZES, STEPS, DT = (784, 1000, 1000, 10), 100, 1e-3
BETA, THRESHOLD, SEED = 0.9, 1.0, 7
RATE = 0.1  # of an input of mean brightness, in spikes per step
BATCHES = (1, 256)
TARGETS = {1: 15, 256: 5}  # times the fastest peer
COUNTING = 0.15  # at most so much of the time
CHIPS = ("spinnaker2", "spinnaker1", "loihi1")
PEERS = {
    "PyTorch": "speed_torch",
    "PyTorch compiled": "speed_torch",
    "SpikingJelly": "speed_torch",
    "sinabs": "speed_torch",
    "snnTorch": "speed_torch",
    "Norse": "speed_torch",
    "spyx": "speed_jax",
    "GeNN": "genn",
}
UNTHREADED = ("GeNN",)  # left out where more than one thread is asked for
HEAD = ("what", "threads", "batch 1", "mossy is", "batch 256", "mossy is", "spikes by layer")
LONGEST = 900  # s


def weights() -> list[NDArray[np.float32]]:
    """Uniform weights, of a mean a little above zero so that some neurons fire; (out, in) each."""
    rng = np.random.default_rng(SEED)
    found = []
    for n, m, spread in zip(SIZES[:-1], SIZES[1:], (1.8, 1.8, 5.4), strict=True):
        w = spread * (2 * rng.random((m, n)) - 1) / np.sqrt(n) + 0.3 / n
        found.append(w.astype(np.float32))
    return found


def inputs(batch: int) -> NDArray[np.uint8]:
    """Spikes drawn from random brightness: (batch, time, n)."""
    rng = np.random.default_rng(SEED + 1)
    chance = 2 * RATE * rng.random((batch, 1, SIZES[0]), dtype=np.float32)
    return (rng.random((batch, STEPS, SIZES[0]), dtype=np.float32) < chance).astype(np.uint8)


def network() -> nd.Network:
    """The network, with tau such that a neuron keeps BETA of its potential."""
    tau = DT / (1 - BETA)
    nodes: dict[str, nd.Node] = {"input": nd.Input(SIZES[:1])}
    for i, w in enumerate(weights()):
        one = np.ones(len(w))
        nodes[f"linear{i}"] = nd.Linear(w)
        nodes[f"lif{i}"] = nd.LIF(tau * one, tau / DT * one, 0 * one, THRESHOLD * one, 0 * one)
    nodes["output"] = nd.Output(SIZES[-1:])
    return build(nodes, list(zip(nodes, list(nodes)[1:], strict=False)), DT, name="feedforward")


class Mossy:
    """A program and its inputs, to be timed."""

    def __init__(self, chip: str) -> None:
        self.program = mossy.compile(network(), chip)
        self.x = {batch: inputs(max(BATCHES))[:batch] for batch in BATCHES}
        shown = [f"lif{i}" for i in range(len(SIZES) - 1)]
        result = self.program.run(self.x[max(BATCHES)], record=shown)
        self.spikes = [float(result.spikes[p].sum()) for p in shown]

    def rate(self, batch: int, threads: int) -> float:
        """Samples per second, the best of some runs."""
        clock = time.process_time if threads == 1 else time.perf_counter
        x, seconds = self.x[batch], []
        for _ in range(60 if batch == 1 else 3):
            begin = clock()
            self.program.run(x, threads=threads)
            seconds.append(clock() - begin)
        return batch / min(seconds)


def without_counts(work: Any) -> Any:
    """Call `work` with an engine that records but does not count: no core has any neurons."""

    def bare(program: Program, linked: Any) -> Any:
        found = layers.layered(program, linked)
        assert found is not None
        cut = tuple(dataclasses.replace(s, cuts=s.cuts[:1]) for s in found.senders)
        return dataclasses.replace(found, senders=cut)

    real = fast.layered
    fast.layered = bare
    try:
        return work()
    finally:
        fast.layered = real


def ask(peer: str, threads: int, file: Path) -> dict[str, Any]:
    """Run a peer once; return what it prints, or {"skipped": why}."""
    python = ROOT / ".oracles" / PEERS[peer] / "bin" / "python"
    if not python.exists():
        return {"skipped": f"no environment: tests/oracles/make_envs.sh {PEERS[peer]}"}
    script = Path(__file__).with_name("feedforward_peers.py")
    command = [str(python), str(script), str(file), peer, str(threads)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return {"skipped": f"not done after {LONGEST} s"}
    if done.returncode:
        return {"skipped": (done.stderr.strip().splitlines() or ["no reason given"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(rounds: int, peers: list[str], threads_asked: list[int]) -> dict[str, Any]:
    """Everything in turns: rates by name, threads and batch, spikes, and what was left out."""
    rates: dict[tuple[str, int, int], float] = defaultdict(float)
    spikes: dict[str, list[float]] = {}
    notes: dict[str, str] = {}
    ours = {}
    for chip in ("cpu", *CHIPS):
        try:
            ours[f"mossy, {chip}"] = Mossy(chip)
        except MossyError as e:
            notes[f"mossy, {chip}"] = str(e).splitlines()[0]
    spikes |= {name: m.spikes for name, m in ours.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "feedforward.npz"
        x = np.moveaxis(inputs(max(BATCHES)), 1, 0)
        parts = {f"weight{i}": w for i, w in enumerate(weights())}
        np.savez(
            file, x=np.packbits(x), shape=x.shape, beta=BETA, threshold=THRESHOLD,
            batches=BATCHES, **parts,
        )  # fmt: skip
        for _ in range(rounds):
            for threads in threads_asked:
                for peer in peers:
                    if peer in UNTHREADED and threads > 1:
                        continue
                    found = ask(peer, threads, file)
                    if "skipped" in found:
                        notes[peer] = found["skipped"]
                        continue
                    print(f"{peer}, {threads} threads: {found['seconds']}", file=sys.stderr)
                    notes[peer], spikes[peer] = found["version"], found["spikes"]
                    for batch in BATCHES:
                        rate = batch / found["seconds"][str(batch)]
                        rates[peer, threads, batch] = max(rates[peer, threads, batch], rate)
                for batch in BATCHES:
                    for name, m in ours.items():
                        at = name, threads, batch
                        rates[at] = max(rates[at], m.rate(batch, threads))
                    at = "mossy, cpu, counts off", threads, batch
                    bare = without_counts(lambda b=batch, t=threads: ours["mossy, cpu"].rate(b, t))
                    rates[at] = max(rates[at], bare)
    return {"rates": dict(rates), "spikes": spikes, "notes": notes}


def table(found: dict[str, Any]) -> str:
    """Return the rates as a table, with how many times faster mossy on the CPU is."""
    rates = found["rates"]
    names = list(dict.fromkeys((name, threads) for name, threads, _ in rates))
    rows = []
    for name, threads in names:
        row = [name, str(threads)]
        for batch in BATCHES:
            rate = rates[name, threads, batch]
            own = rates["mossy, cpu", threads, batch]
            row += [f"{rate:.4g}/s", "" if name == "mossy, cpu" else f"{own / rate:.3g} x"]
        counted = found["spikes"].get(name, [])
        rows.append((*row, ", ".join(f"{s:.0f}" for s in counted)))
    return columns(HEAD, rows, right=HEAD[1:6])


def targets(found: dict[str, Any]) -> Iterator[Figure]:
    """Yield what is aimed at beside what was reached."""
    rates = found["rates"]
    for batch, wanted in TARGETS.items():
        what = f"feed-forward, batch {batch}"
        peers = {k: v for k, v in rates.items() if k[2] == batch and k[0] in PEERS}
        if peers:
            fastest = max(peers, key=lambda k: peers[k])
            for chip, how in (("cpu", "float32"), ("spinnaker2", "weights of eight bits")):
                own = max(rates.get((f"mossy, {chip}", t, batch), 0.0) for t in (1, 2))
                remark = f"{how}; {fastest[0]}, {fastest[1]} thread{'s' * (fastest[1] > 1)}"
                times = own / peers[fastest]
                name = f"{what}: mossy on {chip} / fastest peer"
                yield Figure(name, times, "x", wanted, remark=remark)
        else:
            yield skipped(f"{what}: mossy / fastest peer", "x", "no peer ran")
        for threads in sorted({t for _, t, _ in rates}):
            off = rates["mossy, cpu, counts off", threads, batch]
            cost = off / rates["mossy, cpu", threads, batch] - 1
            name = f"{what}, {threads} threads: cost of counting"
            yield Figure(name, cost, "", COUNTING, at_least=False, remark="of the time without")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], choices=[1, 2])
    given = parser.parse_args()
    about = machine.describe(2)
    about["command"] = " ".join(["python -m benchmarks.feedforward", *sys.argv[1:]])
    found = measure(given.rounds, given.peers, given.threads)
    if given.json:
        rates = [(*k, v) for k, v in found["rates"].items()]
        figures = [vars_of(f) for f in targets(found)]
        print(json.dumps({"machine": about, **found, "rates": rates, "figures": figures}, indent=2))
        return
    for key, value in about.items():
        print(f"{key}: {value}")
    print("\n" + table(found) + "\n")
    print("\n".join(f"{k}: {v}" for k, v in found["notes"].items()))
    print("\n" + targets_table(targets(found)))


if __name__ == "__main__":
    main()
