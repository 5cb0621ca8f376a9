"""The same graphs through PACMAN, on a virtual machine: python pacman_peer.py FILE TIMES

Runs in an environment of its own, without mossy. FILE holds the arrays of one graph and the size of
the machine; one JSON document with the best seconds of each stage and the sizes of the tables is
printed. Splitting is not timed, for the graph is given in slices.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
from pacman.config_setup import unittest_setup
from pacman.data import PacmanDataView
from pacman.data.pacman_data_writer import PacmanDataWriter
from pacman.model.graphs.application import ApplicationEdge, ApplicationVertex
from pacman.model.graphs.common import Slice
from pacman.model.graphs.machine import SimpleMachineVertex
from pacman.model.partitioner_splitters import AbstractSplitterCommon
from pacman.model.placements import Placement, Placements
from pacman.model.resources import ConstantSDRAM
from pacman.operations.placer_algorithms.application_placer import place_application_graph
from pacman.operations.router_algorithms.application_router import route_application_graph
from pacman.operations.router_compressors.pair_compressor import pair_compressor
from pacman.operations.routing_info_allocator_algorithms.zoned_routing_info_allocator import (
    global_allocate,
)
from pacman.operations.routing_table_generators import merged_routing_table_generator
from spinn_machine.virtual_machine import virtual_machine
from spinn_utilities.config_holder import set_config

ATOMS = 256  # neurons of a slice
CORES = 16  # of a chip; the others are the system's, as in mossy
PART = "spikes"


class Population(ApplicationVertex):
    """A population that is cut already."""

    def __init__(self, name: str, slices: int) -> None:
        super().__init__(name, max_atoms_per_core=ATOMS)
        self.atoms = slices * ATOMS

    @property
    def n_atoms(self) -> int:
        return self.atoms


class Cut(AbstractSplitterCommon):
    """Slices as given, and for each the slices that send to it. senders: by population."""

    def __init__(self, slices: int) -> None:
        super().__init__()
        self.slices = slices
        self.senders: dict[Any, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))

    def create_machine_vertices(self, chip_counter: Any) -> None:
        for i in range(self.slices):
            cut = Slice(i * ATOMS, (i + 1) * ATOMS - 1)
            app = self.governed_app_vertex
            one = SimpleMachineVertex(ConstantSDRAM(1000), f"{app.label} {i}", app, cut)
            app.remember_machine_vertex(one)

    def _all(self) -> list[Any]:
        return list(self.governed_app_vertex.machine_vertices)

    def get_out_going_slices(self) -> Any:
        return [v.vertex_slice for v in self._all()]

    get_in_coming_slices = get_out_going_slices

    def get_out_going_vertices(self, partition_id: str) -> Any:
        return self._all()

    get_in_coming_vertices = get_out_going_vertices

    def get_source_specific_in_coming_vertices(self, source_vertex: Any, partition_id: str) -> Any:
        mine, senders = self._all(), self.senders[source_vertex]
        whole = len(source_vertex.machine_vertices)
        return [
            (mine[i], [source_vertex] if len(from_) == whole else from_)
            for i, from_ in sorted(senders.items())
        ]

    def machine_vertices_for_recording(self, variable_to_record: str) -> Any:
        return []

    def reset_called(self) -> None:
        pass


def prepare(data: Any) -> PacmanDataWriter:
    """Make the graph and the machine."""
    unittest_setup()
    set_config("Machine", "version", "5")
    writer = PacmanDataWriter.mock()
    writer.set_machine(virtual_machine(int(data["width"]), int(data["height"])))
    slices, of = [], []
    for p, count in enumerate(data["populations"].tolist()):
        population = Population(f"p{p}", count)
        splitter = Cut(count)
        splitter.set_governed_app_vertex(population)
        splitter.create_machine_vertices(None)
        writer.add_vertex(population)
        slices += [(population, i, v) for i, v in enumerate(population.machine_vertices)]
        of.append(population)
    start, targets = data["start"].tolist(), data["targets"].tolist()
    joined = set()
    for s, (population, _, vertex) in enumerate(slices):
        for t in targets[start[s] : start[s + 1]]:
            target, number, _ = slices[t]
            target.splitter.senders[population][number].append(vertex)
            if (population, target) not in joined:
                joined.add((population, target))
                writer.add_edge(ApplicationEdge(population, target), PART)
    return writer


def taken() -> Placements:
    """Return system vertices on the cores that slices may not have."""
    found = Placements()
    for chip in PacmanDataView.get_machine().chips:
        for core in chip.placable_processors_ids[: max(0, chip.n_placable_processors - CORES)]:
            one = SimpleMachineVertex(ConstantSDRAM(1000), f"system {chip.x} {chip.y} {core}")
            found.add_placement(Placement(one, chip.x, chip.y, core))
    return found


def run(data: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Map once; return seconds by stage, and the sizes of the tables."""
    writer = prepare(data)
    system = taken()
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        found = work()
        seconds[stage] = time.perf_counter() - begin
        return found

    writer.set_placements(timed("place", lambda: place_application_graph(system)))
    writer.set_routing_infos(timed("keys", lambda: global_allocate([])))
    writer.set_routing_table_by_partition(timed("route", route_application_graph))
    tables = timed("tables", merged_routing_table_generator)
    writer.set_uncompressed(tables)
    writer.set_precompressed(tables)
    needed = timed("compress", lambda: pair_compressor(accept_overflow=True))
    set_config("Mapping", "router_table_compress_as_far_as_possible", "True")
    least = timed("compress far", lambda: pair_compressor(accept_overflow=True))
    by_partition = writer.get_routing_table_by_partition()
    routers = list(by_partition.get_routers())
    parts = [by_partition.get_entries_for_router(*xy) or {} for xy in routers]
    return seconds, {
        "entries": sizes([len(p) for p in parts]),
        "before": sizes(lengths(tables)),
        "after": sizes(lengths(needed)),
        "least": sizes(lengths(least)),
        "links": sum(len(e.link_ids) for p in parts for e in p.values()),
    }


def lengths(tables: Any) -> list[int]:
    return [t.number_of_entries for t in tables.routing_tables]


def sizes(found: list[int]) -> tuple[int, int]:
    """Total, and the longest table."""
    return sum(found), max(found, default=0)


def main() -> None:
    data = dict(np.load(sys.argv[1]))
    best: dict[str, float] = {}
    tables: dict[str, Any] = {}
    for _ in range(int(sys.argv[2])):
        seconds, tables = run(data)
        best = {k: min(v, best.get(k, v)) for k, v in seconds.items()}
    version = metadata.version("SpiNNaker_PACMAN")
    print(json.dumps({"version": version, "seconds": best, "tables": tables}))


if __name__ == "__main__":
    main()
