"""Recurrent networks beside NEST and Brian2: python -m benchmarks.recurrent [--networks NAME ...]

Each simulator is a program of its own that builds the network from the same rules
(recurrent_networks.py), with its own random numbers, and prints its figures. They run in turns,
`--rounds` times over, with every number of threads and every OMP_WAIT_POLICY asked for: whether
threads that wait for each other sleep or spin matters more than anything else where cores are
shared, and which is better depends on who else is there. A simulator's figure is its best.

RTF is wall seconds per biological second, without building, compiling and a warm-up; CPU is the
same in processor time of all threads, which on a busy machine says more where there is one thread,
and nothing where threads spin. Synaptic events are spikes times the mean number of synapses of a
neuron; background is not counted, though NEST and Brian2 spend much of their time on it. Then
follow the spike statistics, recorded in a stretch that is not timed, beside what others published.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.figure import Figure, skipped, table
from benchmarks.recurrent_networks import NETWORKS, PUBLISHED, Recurrent
from benchmarks.run import vars_of
from benchmarks.spike_statistics import MOST
from mossy.columns import columns

ROOT = Path(__file__).parents[1]
Figures = dict[str, Any]
HEAD = (
    "network", "simulator", "threads", "waiting", "build", "compile", "RTF", "x mossy",
    "CPU", "ns/event", "spikes/s", "peak MB",
)  # fmt: skip
GPU = "mossy-cuda"  # ours on a GPU, where it is asked for
BARE = "mossy-uncounted"  # ours without its counts, where it is asked for
STATISTICS = ("rate", "cv", "synchrony")
LONGEST = 1800  # s; a program that takes longer is stopped


@dataclass(frozen=True)
class Peer:
    """A simulator: the interpreter that has it, its program, and the memory a synapse takes."""

    name: str
    python: Path
    module: str
    bytes_per_synapse: float  # as measured with microcircuit10, for what does not fit
    more: tuple[str, ...] = ()  # what the program is told on top

    def run(
        self, network: str, threads: int, waiting: str, seconds: float, recorded: float
    ) -> Figures:
        """Run it once; return its figures, or {"skipped": why}."""
        if not self.python.exists():
            return {"skipped": f"no {self.python.parents[1].name}; see tests/oracles/make_envs.sh"}
        needed = NETWORKS[network]().synapses * self.bytes_per_synapse
        if needed > 0.9 * free_memory():
            return {"skipped": f"needs some {needed / 1e9:.3g} GB, {free_memory() / 1e9:.3g} free"}
        given = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": waiting, "PYNEST_QUIET": "1"}
        command = [self.python, "-m", self.module, network, threads, seconds, recorded, *self.more]
        try:
            done = subprocess.run(
                [str(c) for c in command], cwd=ROOT, capture_output=True, text=True, check=False,
                env=os.environ | given | {"PYTHONPATH": str(ROOT)}, timeout=LONGEST,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"skipped": f"not done after {LONGEST} s"}
        if done.returncode:
            return {"skipped": (done.stderr.strip().splitlines() or ["no reason given"])[-1]}
        found: Figures = json.loads(done.stdout.splitlines()[-1])
        return found | {"threads": threads, "waiting": waiting, "seconds": seconds}


def peers() -> dict[str, Peer]:
    """Return the simulators by name, ours first."""
    made = ROOT / ".oracles"
    return {
        "mossy": Peer("mossy", Path(sys.executable), "benchmarks.mossy_peer", 12, ("wide",)),
        GPU: Peer(GPU, Path(sys.executable), "benchmarks.mossy_peer", 12, ("cuda",)),
        BARE: Peer(BARE, Path(sys.executable), "benchmarks.mossy_peer", 12, ("uncounted",)),
        "NEST": Peer("NEST", made / "nest/bin/python", "benchmarks.nest_peer", 47),
        "Brian2": Peer("Brian2", made / "brian2/bin/python", "benchmarks.brian2_peer", 95),
    }


def free_memory() -> float:
    """Return the bytes that programs may still take."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    return math.inf


# -------------------------------------------------------------------------------- measuring
@dataclass(frozen=True)
class Measured:
    """All runs of one simulator on one network."""

    network: Recurrent
    peer: str
    runs: tuple[Figures, ...]

    @property
    def best(self) -> Figures | None:
        """The fastest run; None where none came to an end."""
        done = [r for r in self.runs if "skipped" not in r]
        return min(done, key=rtf) if done else None

    @property
    def groups(self) -> list[dict[str, float]] | None:
        """Spike statistics by group, from the run that recorded."""
        return next((r["groups"] for r in self.runs if "groups" in r), None)


def rtf(run: Figures) -> float:
    """Wall seconds per biological second."""
    return float(run["simulate_s"] / run["seconds"])


def measure(name: str, given: argparse.Namespace) -> list[Measured]:
    """Run every simulator in turns on one network."""
    network = NETWORKS[name]()
    seconds = given.seconds or network.seconds
    runs: dict[str, list[Figures]] = {p: [] for p in given.simulators}
    for turn in range(given.rounds):
        for threads in given.threads:
            for waiting in given.waiting if threads > 1 else given.waiting[:1]:
                for peer in given.simulators:
                    if turn and runs[peer] and "skipped" in runs[peer][0]:
                        continue
                    print(f"{name}: {peer}, {threads} threads, {waiting} ...", file=sys.stderr)
                    once = peer in (GPU, BARE) or any("groups" in r for r in runs[peer])
                    recorded = 0.0 if once else given.statistics  # theirs are those of "mossy"
                    runs[peer].append(peers()[peer].run(name, threads, waiting, seconds, recorded))
    return [Measured(network, p, tuple(r)) for p, r in runs.items()]


# ----------------------------------------------------------------------------------- tables
def rows(found: list[Measured]) -> Iterator[tuple[str, ...]]:
    """Yield one row for each simulator and number of threads, its best run there."""
    ours = {m.network.name: m.best for m in found if m.peer == "mossy"}
    for m in found:
        done = [r for r in m.runs if "skipped" not in r]
        if not done:
            yield (m.network.name, m.peer, "", *[""] * (len(HEAD) - 3))
        for threads in sorted({r["threads"] for r in done}):
            run = min((r for r in done if r["threads"] == threads), key=rtf)
            mine = ours.get(m.network.name)
            events = run["spikes"] * run["synapses"] / run["neurons"]
            yield (
                m.network.name, m.peer, str(threads), run["waiting"] if threads > 1 else "",
                f"{run['build_s']:.3g} s",
                f"{run['compile_s']:.3g} s" if "compile_s" in run else "",
                f"{rtf(run):.3g}", f"{rtf(run) / rtf(mine):.3g}" if mine else "",
                f"{run['cpu_s'] / run['seconds']:.3g}",
                f"{1e9 * run['simulate_s'] / events:.3g}" if events else "",
                f"{run['spikes'] / run['seconds'] / run['neurons']:.3g}", f"{run['peak_mb']:.0f}",
            )  # fmt: skip


def statistics(found: list[Measured]) -> Iterator[tuple[str, ...]]:
    """Yield one row per group: rate, cv and synchrony of each simulator, then of publications."""
    name = found[0].network.name
    for i, group in enumerate(found[0].network.groups):
        cells = [f"{m.groups[i][s]:.3g}" if m.groups else "" for m in found for s in STATISTICS]
        for other in PUBLISHED.get(name, ()):
            cells.append(f"{other.values[i]:g}")
        yield (group.name, *cells)


def statistics_head(found: list[Measured]) -> tuple[str, ...]:
    """Return the headings of the rows of `statistics`."""
    other = PUBLISHED.get(found[0].network.name, ())
    return (
        "group",
        *(f"{m.peer} {s}" for m in found for s in STATISTICS),
        *(f"published {p.statistic} ({k})" for k, p in enumerate(other, 1)),
    )


# ---------------------------------------------------------------------------------- targets
FACTORS = {  # how many times as fast as that simulator we mean to be
    ("microcircuit10", "NEST"): 30, ("microcircuit10", "Brian2"): 30,
    ("cuba40000", "NEST"): 30, ("cuba4000", "NEST"): 10,
}  # fmt: skip
RTFS = {"microcircuit": 1.0, "microcircuit_dc": 0.7}
BUILD, MEMORY = 60.0, 24e3  # s and MB, of the full microcircuit
MADE = 50e6  # synapses a second
COUNTING = 0.15  # at most so much of the time without
ON_GPU = 0.2  # real-time factor of the full microcircuit
# Between two who run the same network with other random numbers, as published of the microcircuit:
# rates of two simulators differ by up to 11 %; of cv there is that of one simulator, 2 %, between
# two sizes that are meant to be equivalent (recurrent_networks.py has the sources). Eight draws of
# our own cuba4000 of 2 s have standard deviations of 5 % in rate and 2 % in cv.
SPREAD = {"rate": 0.11, "cv": 0.02}


def targets(found: list[Measured], recorded: float) -> Iterator[Figure]:
    """Yield what is aimed at beside what was reached. recorded: seconds of the statistics."""
    name = found[0].network.name
    best = {m.peer: m.best for m in found}
    ours = best.get("mossy")
    for (network, peer), factor in FACTORS.items():
        if network != name or peer not in best:
            continue
        theirs = best[peer]
        if ours is None or theirs is None:
            yield skipped(f"{name}: {peer} / mossy", "x", reason(found, peer, "mossy"))
        else:
            yield Figure(f"{name}: {peer} / mossy", rtf(theirs) / rtf(ours), "x", factor)
    bare = best.get(BARE)
    if bare is not None and "counting" in bare:
        remark = "of the time without; median of runs in turns"
        yield Figure(f"{name}: cost of counting", bare["counting"], "", COUNTING, False, remark)
    if name in RTFS and ours is not None:
        yield Figure(f"{name}: RTF", rtf(ours), "", RTFS[name], at_least=False)
        yield Figure(f"{name}: build", ours["build_s"], "s", BUILD, at_least=False)
        made = ours["synapses"] / ours["build_s"]
        remark = "compiled and laid out, one step run"
        yield Figure(f"{name}: synapses made", made, "/s", MADE, remark=remark)
        yield Figure(f"{name}: memory", ours["peak_mb"], "MB", MEMORY, at_least=False)
    if name in RTFS and GPU in best:
        here = best[GPU]
        if here is None:
            yield skipped(f"{name}: RTF on a GPU", "", reason(found, GPU))
        else:
            yield Figure(f"{name}: RTF on a GPU", rtf(here), "", ON_GPU, at_least=False)
    yield from beside_published(found, recorded)
    yield from beside_peers(found, recorded)


def beside_published(found: list[Measured], recorded: float) -> Iterator[Figure]:
    """Yield how far the worst group's statistics are off the published ones."""
    name, mine = found[0].network.name, own_groups(found)
    for p in PUBLISHED.get(name, ()) if mine else ():
        worst = max(abs(g[p.statistic] / v - 1) for g, v in zip(mine or [], p.values, strict=True))
        what = f"{name}: {p.statistic}, worst group"
        if recorded < p.seconds:
            yield skipped(what, "off", f"needs {p.seconds:g} s of --statistics")
            continue
        yield Figure(what, worst, "off", p.tolerance, at_least=False, remark=p.source)


def own_groups(found: list[Measured]) -> list[dict[str, float]] | None:
    """Return our statistics by group, if they were recorded."""
    return next((m.groups for m in found if m.peer == "mossy"), None)


def beside_peers(found: list[Measured], recorded: float) -> Iterator[Figure]:
    """Yield how far our rate and irregularity are off each peer's, who draws other numbers."""
    mine = own_groups(found)
    for m in found:
        for statistic in SPREAD if m.peer not in ("mossy", GPU, BARE) else ():
            what = f"{m.network.name}: {statistic} beside {m.peer}, worst group"
            if m.best is None or mine is None or m.groups is None:
                why = "no statistics were recorded" if m.best else reason(found, m.peer)
                yield skipped(what, "off", why)
            else:
                yield worst_group(what, statistic, mine, m, recorded)


def worst_group(
    what: str, statistic: str, mine: list[dict[str, float]], peer: Measured, recorded: float
) -> Figure:
    """Return the difference of the group that has most of what it is allowed.

    Allowed is the published spread and three standard errors of two recordings' difference.
    """
    found = []
    for group, ours, theirs in zip(peer.network.groups, mine, peer.groups or [], strict=True):
        if not theirs["rate"] or math.isnan(theirs[statistic]):
            continue
        off = abs(ours[statistic] / theirs[statistic] - 1)
        off = math.inf if math.isnan(off) else off  # they have one, we none
        chance = 3 * math.sqrt(2) * error(group.n, theirs, recorded)
        allowed = round(SPREAD[statistic] + chance, 3)
        remark = f"{group.name}; published spread {SPREAD[statistic]:g}, chance {chance:.2g}"
        found.append((off / allowed, Figure(what, off, "off", allowed, False, remark)))
    if not found:
        return skipped(what, "off", f"{peer.peer} has too few spikes")
    return max(found, key=lambda f: f[0])[1]


def error(n: int, theirs: dict[str, float], seconds: float) -> float:
    """Return the relative standard error of a group's rate, and of its irregularity.

    That of a count is sqrt(variance / mean / count); of n neurons that swing together the first
    ratio exceeds 1 by so much as synchrony does, which is that of at most MOST neurons, and grows
    with n. A cv of intervals has about the same. Taken from the peer alone, and counts in bins of 3
    ms as independent: swings that last longer are not in it, nor is the draw of the synapses.
    """
    grown = 1 + (theirs["synchrony"] - 1) * n / min(n, MOST)
    return math.sqrt(max(1.0, grown) / (theirs["rate"] * n * seconds))


def reason(found: list[Measured], *names: str) -> str:
    """Return why one of the simulators has no figure."""
    for m in found:
        if m.peer in names and m.best is None:
            return f"{m.peer}: {m.runs[0]['skipped'] if m.runs else 'not run'}"
    return "not run"


# ------------------------------------------------------------------------------------- main
def arguments() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recurrent", description=__doc__)
    add: Callable[..., Any] = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=["cuba4000", "microcircuit10"])
    add("--simulators", nargs="+", choices=peers(),
        default=[p for p in peers() if p not in (GPU, BARE)])  # fmt: skip
    add("--threads", nargs="+", type=int, default=[1, 2])
    add("--waiting", nargs="+", choices=["passive", "active"], default=["passive", "active"],
        help="OMP_WAIT_POLICY of more than one thread")  # fmt: skip
    add("--rounds", type=int, default=2)
    add("--seconds", type=float, help="biological seconds to time, the network's own if not given")
    add("--statistics", type=float, default=2.0, help="biological seconds to record; 0: none")
    add("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = arguments()
    about = machine.describe(max(given.threads))
    about["command"] = " ".join(["python -m benchmarks.recurrent", *sys.argv[1:]])
    found = [measure(name, given) for name in given.networks]
    figures = [f for part in found for f in targets(part, given.statistics)]
    if given.json:
        runs = [{"network": m.network.name, "simulator": m.peer, "runs": m.runs}
                for part in found for m in part]  # fmt: skip
        print(json.dumps({"machine": about, "runs": runs, "figures": list(map(vars_of, figures))},
                         indent=2))  # fmt: skip
        return
    versions = {r["version"] for part in found for m in part for r in m.runs if "version" in r}
    about["simulators"] = ", ".join(sorted(versions))
    for key, value in about.items():
        print(f"{key}: {value}")
    print("\n" + columns(HEAD, [r for part in found for r in rows(part)], right=HEAD[4:]))
    for part in found:
        for m in part:
            for why in {r["skipped"] for r in m.runs if "skipped" in r}:
                print(f"{m.network.name}, {m.peer}: {why}")
    for part in found if given.statistics else ():
        head = statistics_head(part)
        print(f"\n{part[0].network.name}\n" + columns(head, list(statistics(part)), right=head[1:]))
        for k, p in enumerate(PUBLISHED.get(part[0].network.name, ()), 1):
            print(f"({k}) {p.source}")
    if figures:
        print("\n" + table(figures))


if __name__ == "__main__":
    main()
