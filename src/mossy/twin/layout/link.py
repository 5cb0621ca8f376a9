"""Link: a program as flat arrays for the fast engine.

Neurons of all cores are numbered through, sources first, then in phases of equal arithmetic. Every
neuron owns a run of segments, one per core its packet reaches, and every segment a run of synapses:

    neuron g -> segments seg_start[g] .. seg_start[g + 1]
    segment s -> core seg_core[s], synapses syn_start[s] .. syn_start[s + 1]
    synapse k -> ring column[k] += weight[k], delay[k] steps beyond the latency

Multicast trees are static, so a packet's way is found once per neuron block, here.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.neurons.model import Model
from mossy.program.artefact import CoreImage, Program, RowTable
from mossy.program.words import unpack
from mossy.synapses import conv2d
from mossy.twin.layout.load import made
from mossy.twin.traffic.packets import Journey, Network


@dataclass(frozen=True, eq=False)
class Phase:
    """Neurons start .. stop that are updated by one call; ring columns begin at `column`."""

    model: Model
    fmt: tuple[int, ...]
    start: int
    stop: int
    column: int
    params: NDArray[Any]
    state: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Linked:
    """A program ready to run. start[c]: number of core c's first neuron."""

    start: NDArray[np.int64]
    core_of: NDArray[np.int32]
    phases: tuple[Phase, ...]
    drive: np.dtype[Any]
    width: int
    slots: int
    seg_start: NDArray[np.int64]
    seg_core: NDArray[np.int32]
    syn_start: NDArray[np.int64]
    column: NDArray[np.uint32]
    weight: NDArray[Any]
    delay: NDArray[np.uint8 | np.uint16]
    sends: NDArray[np.int32]
    hops: NDArray[np.int32]
    lookups: NDArray[np.int64]
    links: NDArray[np.int32]

    @property
    def one_delay(self) -> bool:
        """Whether all synapses have the same delay field."""
        return bool((self.delay == self.delay[:1]).all())


_linked: weakref.WeakKeyDictionary[Program, Linked] = weakref.WeakKeyDictionary()


def link(program: Program, chip: Chip) -> Linked:
    """Return `program` as flat arrays; a program is linked once as long as it lives."""
    if program not in _linked:
        _linked[program] = _link(program, chip)
    return _linked[program]


def _link(program: Program, chip: Chip) -> Linked:
    order, start, core_of = numbered(program)
    phases, columns, width = _phases(program, order, start)
    drive = phases[0].model.drive if phases else np.dtype("float32")
    assert len({(p.model.drive, p.model.sums) for p in phases}) <= 1, "sums of different kinds"

    network = Network(program, chip)
    block = {}
    for c in program.cores:
        block[c.number] = [network.journey(c, k) for k in distinct(program, c)]
    segments = _Segments(program, columns, block, drive)
    for c in order:
        segments.add(c)
    slots = 1
    largest = int(segments.longest)
    assert not (largest and any(p.model.keeps for p in phases)), "a register cannot be delayed"
    while slots < program.latency + largest + 1:
        slots *= 2
    return Linked(start, core_of, phases, drive, width, slots, **segments.arrays())


def numbered(program: Program) -> tuple[list[CoreImage], NDArray[np.int64], NDArray[np.int32]]:
    """Return the cores in the order of their neurons' numbers, each core's first number, and each
    number's core."""
    order = _order(program)
    start = np.zeros(len(program.cores), np.int64)
    total = 0
    for c in order:
        start[c.number] = total
        total += c.n
    core_of = np.zeros(total, np.int32)
    for c in program.cores:
        core_of[start[c.number] : start[c.number] + c.n] = c.number
    return order, start, core_of


def distinct(program: Program, core: CoreImage) -> range:
    """Return the neurons whose packets may differ: all of them only where axons are listed."""
    return range(core.n) if program.routing == "axons" else range(1)


def _order(program: Program) -> list[CoreImage]:
    sources = [c for c in program.cores if c.role == "source"]
    rest = [c for c in program.cores if c.role != "source"]
    if program.latency:
        rest.sort(key=lambda c: (c.model, c.fmt, c.number))
    return sources + rest


def _phases(
    program: Program, order: list[CoreImage], start: NDArray[np.int64]
) -> tuple[tuple[Phase, ...], dict[int, tuple[int, int]], int]:
    """Phases, (first ring column, inputs) of each core, and the ring's width."""
    groups: list[list[CoreImage]] = []
    for c in (c for c in order if c.role != "source"):
        last = groups[-1][-1] if groups else None
        joins = last is not None and (last.model, last.fmt) == (c.model, c.fmt)
        if not program.latency:  # layers in order: one phase per population
            joins = joins and last is not None and last.population == c.population
        if joins:
            groups[-1].append(c)
        else:
            groups.append([c])
    phases, columns, width = [], {}, 0
    for group in groups:
        model = neurons.model(group[0].model)
        first = width
        for c in group:
            columns[c.number] = (width, model.inputs)
            width += model.inputs * c.n
        begin = int(start[group[0].number])
        phases.append(
            Phase(
                model,
                group[0].fmt,
                begin,
                begin + sum(c.n for c in group),
                first,
                np.concatenate([c.params for c in group]),
                np.concatenate([c.state for c in group]),
            )
        )
    return tuple(phases), columns, width


class _Segments:
    """Collects segments and synapses, neuron after neuron."""

    def __init__(
        self,
        program: Program,
        columns: dict[int, tuple[int, int]],
        journeys: dict[int, list[Journey]],
        drive: np.dtype[Any],
    ) -> None:
        self.program, self.columns, self.journeys, self.drive = program, columns, journeys, drive
        self.cores: list[NDArray[np.int32]] = []
        self.per_neuron: list[NDArray[np.int64]] = []
        self.lengths: list[NDArray[np.int64]] = []
        self.synapses: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        self.sends: list[NDArray[Any]] = []
        self.trips: list[NDArray[Any]] = []
        self.longest = 0
        self.expanded: dict[tuple[int, int], sparse.csc_array] = {}  # kernels as matrices

    def add(self, core: CoreImage) -> None:
        """Add all neurons of one sending core."""
        journeys = self.journeys[core.number]
        each = journeys if len(journeys) == core.n else journeys * core.n
        reach = np.zeros((core.n, len(self.program.cores)), bool)
        for k, j in enumerate(each):
            reach[k, list(j.cores)] = True
        parts = [
            (t, *self._received(core, self.program.cores[t]))
            for t in np.flatnonzero(reach.any(axis=0)).tolist()
        ]
        lengths = np.zeros((core.n, len(parts)), np.int64)
        for i, (t, neuron, *_) in enumerate(parts):
            keep = reach[:, t]
            lengths[:, i] = np.bincount(neuron, minlength=core.n)
            assert not lengths[~keep, i].any(), "a synapse no packet reaches"
        shown = reach[:, [p[0] for p in parts]]
        self.per_neuron.append(shown.sum(axis=1))
        self.cores.append(
            np.broadcast_to([p[0] for p in parts], shown.shape)[shown].astype(np.int32)
        )
        self.lengths.append(lengths[shown])
        if parts:
            neuron = np.concatenate([p[1] for p in parts])
            order = np.argsort(neuron, kind="stable")
            column, weight, delay = (
                np.concatenate([p[i] for p in parts])[order] for i in (2, 3, 4)
            )
            self.synapses.append((column, weight, delay))
            self.longest = max(self.longest, int(delay.max(initial=0)))
        self.sends.append(np.array([j.sent for j in each], np.int32))
        self.trips.append(np.array([(j.hops, j.lookups, j.links) for j in each], np.int64))

    def _received(
        self, source: CoreImage, target: CoreImage
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """(sending neuron, ring column, weight, delay) of all synapses from core to core."""
        found = [
            (
                *self._synapses(source, target, t),
                t.receptor,
            )
            for t in target.tables
            if source.key & t.mask == t.key
        ]
        if not found:
            empty = np.zeros(0, np.int64)
            return empty, empty, empty.astype(self.drive), empty
        receptor = np.concatenate([np.full(len(f[0]), f[4]) for f in found])
        neuron, index, weight, delay = (
            np.concatenate(p) for p in list(zip(*found, strict=True))[:4]
        )
        order = np.argsort(neuron, kind="stable")
        neuron, index, weight, delay = neuron[order], index[order], weight[order], delay[order]
        first, inputs = self.columns[target.number]
        column = first + inputs * index
        if inputs == 2 and neurons.model(target.model).receptors == "type":
            column = column + receptor[order]
        elif inputs == 2:
            column, weight = column + (weight < 0), np.abs(weight)
        return neuron, column, weight.astype(self.drive), delay

    def _synapses(self, source: CoreImage, target: CoreImage, table: RowTable) -> tuple[Any, ...]:
        if table.kind == "kernel":
            return self._kernel_synapses(source, target, table)
        if table.kind == "recipe":
            return _made_synapses(source, target, table, self.program.latency)
        return _row_synapses(source, target, table)

    def _kernel_synapses(
        self, source: CoreImage, target: CoreImage, table: RowTable
    ) -> tuple[Any, ...]:
        at = (target.number, table.kernel)
        kernel = target.kernels[table.kernel]
        if at not in self.expanded:
            whole = conv2d.matrix(kernel)[kernel.lo : kernel.lo + target.n]
            self.expanded[at] = whole.tocsc()
        m = self.expanded[at][:, table.first : table.first + source.n].tocoo()
        return m.col, m.row, _shifted(m.data, table.shift), np.full(m.nnz, kernel.delay)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of `Linked`."""
        trips = np.concatenate(self.trips)
        syn = (
            [np.concatenate([s[i] for s in self.synapses]) for i in range(3)]
            if (self.synapses)
            else [np.zeros(0)] * 3
        )
        return {
            "seg_start": _starts(np.concatenate(self.per_neuron)),
            "seg_core": np.concatenate(self.cores),
            "syn_start": _starts(np.concatenate(self.lengths)),
            "column": syn[0].astype(np.uint32),  # unsigned: no check for negative indices
            "weight": syn[1].astype(self.drive),
            "delay": syn[2].astype(np.uint8 if self.longest < 1 << 8 else np.uint16),
            "sends": np.concatenate(self.sends),
            "hops": trips[:, 0].astype(np.int32),
            "lookups": trips[:, 1],
            "links": trips[:, 2].astype(np.int32),
        }


def _starts(lengths: NDArray[Any]) -> NDArray[np.int64]:
    start = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=start[1:])
    return start


def _row_synapses(source: CoreImage, target: CoreImage, table: RowTable) -> tuple[Any, ...]:
    a, b = target.row_start[table.first], target.row_start[table.first + source.n]
    weight, delay, index = unpack(target.word_format, target.words[a:b])
    lengths = np.diff(target.row_start[table.first : table.first + source.n + 1])
    neuron = np.repeat(np.arange(source.n), lengths)
    return neuron, index, _shifted(weight, table.shift), delay


def _made_synapses(
    source: CoreImage, target: CoreImage, table: RowTable, latency: int
) -> tuple[Any, ...]:
    start, index, weight, delay = made(target, table.kernel, latency)
    here = slice(start[table.first], start[table.first + source.n])
    lengths = np.diff(start[table.first : table.first + source.n + 1])
    neuron = np.repeat(np.arange(source.n), lengths)
    return neuron, index[here], _shifted(weight[here], table.shift), delay[here]


def _shifted(weight: NDArray[Any], shift: int) -> NDArray[Any]:
    return weight.astype(np.int64) << shift if shift else weight
