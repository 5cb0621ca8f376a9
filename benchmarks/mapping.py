"""Mapping at size: python -m benchmarks.mapping [--side 1000] [--pacman PYTHON] [--json]

A sheet of a million cores is placed, keyed, routed and compressed for the largest machine; then
graphs of some hundred to some thousand slices, here and by PACMAN on a virtual machine, each with
the algorithms it uses by default. Times are the best of some runs on one machine that others may
use as well; both are given the machine ready made. What is timed ends with tables in memory, ours
as arrays; turning them into the objects that a program file is written from is timed apart. Every
key is then followed through the tables to its targets, by a walker that knows nothing of routing.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine as about
from benchmarks.figure import Figure, best, skipped, table
from benchmarks.graphs import Graph, layers, scattered, sheet
from benchmarks.run import vars_of
from mossy.chips import Chip
from mossy.chips import chip as find_chip
from mossy.columns import columns
from mossy.errors import DoesNotFit
from mossy.passes.anneal import anneal
from mossy.passes.compress import compress, minimise
from mossy.passes.keys import blocks
from mossy.passes.place import PLACERS, working_cores
from mossy.passes.route import draw
from mossy.passes.spread import spread
from mossy.passes.tables import Tables
from mossy.program.machine import Machine, hexagonal
from mossy.testing.delivery import Walked, expect_delivery

ROOT = Path(__file__).parents[1]
NEURONS = 256  # of a slice
TIMES = 3
FASTER = 20  # than the peer
LONG = 2000  # slices from which PACMAN runs once
HEAD = (
    "graph", "boards", "PACMAN", "ours", "ratio", "as objects", "ours, spread",
    "PACMAN entries", "ours", "ours, spread", "PACMAN least", "ours",
)  # fmt: skip
PLACED = ("graph", *(f"{what}, {p}" for what in ("links", "place") for p in PLACERS))


@dataclass(frozen=True)
class Mapped:
    """What became of a graph. seconds: by stage. places, keys: core, (key, mask) of every slice.

    links: crossed by each packet, on average; known once its keys were followed.
    """

    seconds: dict[str, float]
    places: NDArray[Any]
    keys: NDArray[Any]
    drawn: Tables
    tables: Tables
    links: float | None = None

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


def mapped(graph: Graph, machine: Machine, chip: Chip, placer: str) -> Mapped:
    """Map a graph once."""
    marks = [time.perf_counter()]
    places = _placed(graph, machine, chip.cores, placer)
    marks.append(time.perf_counter())
    chips = places[:, 1] * machine.width + places[:, 0]
    keys = blocks(graph.populations, [NEURONS] * len(graph.populations), chips)
    marks.append(time.perf_counter())
    drawn = draw(machine, places, keys, graph.start, graph.targets)
    marks.append(time.perf_counter())
    tables = compress(drawn, int(chip.facts["routing_entries"]))
    marks.append(time.perf_counter())
    stages = ("place", "keys", "route", "compress")
    return Mapped(
        dict(zip(stages, np.diff(marks).tolist(), strict=True)), places, keys, drawn, tables
    )


def _placed(graph: Graph, machine: Machine, numbers: Sequence[int], placer: str) -> NDArray[Any]:
    needed = sum(graph.populations)
    cores = working_cores(machine, numbers, needed)
    if placer == "anneal":
        return anneal(cores, graph.start, graph.targets, machine)
    return spread(cores, graph.start, graph.targets) if placer == "spread" else cores[:needed]


def followed(graph: Graph, machine: Machine, found: Mapped) -> Walked:
    """Follow every key through the tables. Raises AssertionError where one goes astray."""
    return expect_delivery(
        machine, found.places, found.keys, graph.start, graph.targets, found.tables
    )


def fastest(graph: Graph, machine: Machine, chip: Chip, placer: str) -> Mapped:
    """Map a graph some times; return the fastest, whose tables have been proved."""
    times = 1 if placer == "anneal" else TIMES  # it takes the seconds that it is given
    runs = [mapped(graph, machine, chip, placer) for _ in range(times)]
    walked = followed(graph, machine, runs[0])
    return replace(min(runs, key=lambda m: m.total), links=walked.links / walked.packets)


# ------------------------------------------------------------------------- the largest machine
def largest(side: int) -> Iterator[Figure]:
    """Yield the figures of a sheet of side x side cores; shuffled, their numbers say nothing."""
    chip = find_chip("spinnaker2")
    machine = _machine(side * side, chip)
    mapped(sheet(12), machine, chip, "spread")  # loads the compiled code
    for shuffled, placer in ((False, "spread"), (True, "spread"), (False, "greedy")):
        graph = sheet(side, shuffled)
        what = f"{graph.name}, {placer}"
        try:
            found = mapped(graph, machine, chip, placer)
        except (DoesNotFit, MemoryError) as error:
            yield skipped(f"map {what}", "s", str(error).splitlines()[0])
            continue
        stages = ", ".join(f"{k} {v:.3g} s" for k, v in found.seconds.items())
        yield Figure(f"map {what}", found.total, "s", 60, at_least=False, remark=stages)
        size = found.tables.sizes()
        begin = time.perf_counter()
        walked = followed(graph, machine, found)
        proved = time.perf_counter() - begin
        links = walked.links / side**2
        yield Figure(
            f"entries of {what}", len(found.tables), "entries",
            remark=f"{len(found.drawn)} before; longest table {size.max()}; "
            f"{links:.3g} links crossed per packet",
        )  # fmt: skip
        yield Figure(
            f"keys of {what} proved", walked.packets, "keys",
            remark=f"each followed to exactly its targets, {walked.copies} copies, {proved:.3g} s",
        )  # fmt: skip
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        yield Figure("memory so far, at most", used, "GB", 8, at_least=False)


def _machine(slices: int, chip: Chip) -> Machine:
    """One board, or the smallest torus of triads up to twice as wide as high, with cores enough."""
    per_board = 48 * len(chip.cores)
    steps = tuple((x, y) for x, y in chip.spec["topology"]["links"])
    if slices <= per_board:
        return hexagonal(1, steps)
    for boards in range(3, 100_000, 3):
        found = hexagonal(boards, steps)
        if boards * per_board >= slices and max(found.width, found.height) <= 2 * min(
            found.width, found.height
        ):
            return found
    raise ValueError(f"no machine for {slices} slices")


# ------------------------------------------------------------------------------- beside PACMAN
@dataclass(frozen=True)
class Beside:
    """A graph mapped by each of our placers, in their order, and by the peer."""

    graph: Graph
    boards: int
    ours: tuple[Mapped, ...]
    least: Tables
    objects: float
    peer: dict[str, Any] | None

    @property
    def seconds(self) -> float | None:
        """What the peer took, its compression beyond what fits left out."""
        if self.peer is None:
            return None
        return sum(v for k, v in self.peer["seconds"].items() if k != "compress far")


def beside(python: Path) -> list[Beside]:
    """Map graphs here and, where it is at hand, by PACMAN."""
    chip = find_chip("spinnaker1")
    graphs = [
        layers(4, 50), layers(10, 100), layers(25, 200), sheet(14), sheet(32), sheet(70),
        scattered(4, 50, 8), scattered(10, 100, 10), scattered(20, 250, 10),
    ]  # fmt: skip
    mapped(sheet(12), _machine(144, chip), chip, "anneal")  # loads the compiled code
    return [_beside(g, _machine(sum(g.populations), chip), chip, python) for g in graphs]


def _beside(graph: Graph, machine: Machine, chip: Chip, python: Path) -> Beside:
    ours = tuple(fastest(graph, machine, chip, placer) for placer in PLACERS)
    objects = best(ours[0].tables.by_chip, TIMES)
    peer = pacman(graph, machine, python)
    return Beside(graph, machine.chips // 48, ours, minimise(ours[0].drawn, 0), objects, peer)


def targets(found: list[Beside]) -> Iterator[Figure]:
    """Yield what is aimed at beside the peer and what was reached."""
    for f in found:
        what = f"map {f.graph.name}"
        if f.peer is None or f.seconds is None:
            yield skipped(f"{what}: PACMAN / mossy", "x", "no PACMAN")
            continue
        yield Figure(f"{what}: PACMAN / mossy", f.seconds / f.ours[0].total, "x", FASTER)
        own, theirs = len(f.ours[0].tables), f.peer["tables"]["after"][0]
        yield Figure(
            f"{what}: entries, mossy / PACMAN", own / theirs, "x", 1.0, at_least=False,
            remark=f"{own} / {theirs}, both stopped as soon as they fit",
        )  # fmt: skip
        least, fewest = len(f.least), f.peer["tables"]["least"][0]
        yield Figure(
            f"{what}: least entries, mossy / PACMAN", least / fewest, "x", 1.0, at_least=False,
            remark=f"{least} / {fewest}, both compressed as far as they go",
        )  # fmt: skip


def _row(f: Beside) -> tuple[str, ...]:
    first, second = f.ours[:2]
    tables = f.peer["tables"] if f.peer else {}
    theirs = {k: "{} ({})".format(*tables[k]) if tables else "" for k in ("after", "least")}
    return (
        f.graph.name, str(f.boards), "" if f.seconds is None else f"{f.seconds * 1e3:.3g} ms",
        f"{first.total * 1e3:.3g} ms",
        "" if f.seconds is None else f"{f.seconds / first.total:.3g}",
        f"{f.objects * 1e3:.3g} ms", f"{second.total * 1e3:.3g} ms",
        theirs["after"], _size(first.tables), _size(second.tables), theirs["least"], _size(f.least),
    )  # fmt: skip


def _placed_row(f: Beside) -> tuple[str, ...]:
    """Links that a packet crosses, and seconds to place, by placer."""
    links = (f"{m.links:.3g}" for m in f.ours)
    return f.graph.name, *links, *(f"{m.seconds['place'] * 1e3:.3g} ms" for m in f.ours)


def _size(tables: Tables) -> str:
    """All entries, and those of the longest table."""
    return f"{len(tables)} ({tables.sizes().max()})"


def pacman(graph: Graph, machine: Machine, python: Path) -> dict[str, Any] | None:
    """Return what the peer printed; None where its environment is absent or it failed."""
    if not python.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.npz"
        np.savez(
            file, width=machine.width, height=machine.height, populations=graph.populations,
            start=graph.start, targets=graph.targets,
        )  # fmt: skip
        times = 1 if sum(graph.populations) > LONG else TIMES
        done = subprocess.run(
            [python, Path(__file__).parent / "pacman_peer.py", file, str(times)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        print(done.stderr[-1000:], file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mapping", description=__doc__)
    parser.add_argument("--side", type=int, default=1000, help="of the sheet; 0 leaves it out")
    parser.add_argument("--pacman", type=Path, default=ROOT / ".oracles/pacman/bin/python")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    machine = about.describe(1) | {"command": "python -m benchmarks.mapping"}
    figures = list(largest(given.side)) if given.side else []
    found = beside(given.pacman)
    rows, figures = [_row(f) for f in found], [*figures, *targets(found)]
    placed = [_placed_row(f) for f in found]
    if given.json:
        print(json.dumps({"machine": machine, "figures": [vars_of(f) for f in figures],
                          "head": HEAD, "rows": rows,
                          "placed": [PLACED, *placed]}, indent=2))  # fmt: skip
        return
    for key, value in machine.items():
        print(f"{key}: {value}")
    print("\n" + table(figures) + "\n")
    print(columns(HEAD, rows, right=HEAD[1:]) + "\n")
    print(columns(PLACED, placed, right=PLACED[1:]))


if __name__ == "__main__":
    main()
