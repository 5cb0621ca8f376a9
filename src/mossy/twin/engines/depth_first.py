"""Depth first: one event at a time, followed through all layers before the next one begins.

For chips without steps. An event (an input spike, or a neuron's) reaches its synapses in order of
core and neuron; at each, the model's `event` adds the weight, and where the neuron fires, its own
event is followed to the end before the next synapse is served. A neuron fires at most once for each
event that reaches it.

A step of the recording is one tick of the slow clock: first every neuron with a bias gets it, as if
it were an event of that weight, layer by layer and neuron by neuron; then the step's input events
follow, channel by channel, a channel's n spikes one behind the other. States are those at the end
of the step. Silent synapses (weight 0) are not stored, so they are no events.

Order and single spike are from the sinabs documentation ("Breadth-first vs Depth-first", "Weight
Clipping During Training"). That the tick comes first, and can make a neuron fire, is this engine's
own choice.

The fast way works on the linked program, compiled, with a stack instead of calls; the reference
walks the program itself, packet by packet, in Python. Both give the same spikes, states and counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.errors import UnsupportedNode
from mossy.neurons.model import Model, compile_step
from mossy.program.artefact import CoreImage, Program
from mossy.program.words import unpack
from mossy.synapses import conv2d
from mossy.twin.engines.trace import COUNTED, Recorded, Trace
from mossy.twin.inputs import MOST_SPIKES
from mossy.twin.layout.link import Linked, link
from mossy.twin.traffic.packets import Network

Row = list[tuple[int, int]]


def run(
    program: Program,
    chip: Chip,
    inputs: dict[str, NDArray[Any]],
    steps: int,
    record: Recorded,
    *,
    engine: str = "fast",
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run all samples, compiled or (engine "reference") in Python.

    inputs: population -> (batch, time, n). progress gets samples done. Raises UnsupportedNode
    E0242, E0243.
    """
    model = _model(program)
    batch = next(iter(inputs.values())).shape[0]
    trace = _empty(program, batch, steps, record)
    sample = (
        _Plan(program, link(program, chip), model) if engine == "fast" else _Plain(program, chip)
    )

    def one(b: int) -> None:
        sample.run({k: x[b] for k, x in inputs.items()}, steps, trace, b)
        if progress:
            progress(1)

    threads = min(threads or os.cpu_count() or 1, batch)
    if threads == 1 or engine != "fast":
        for b in range(batch):
            one(b)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(batch)))
    return trace


def _empty(program: Program, batch: int, steps: int, record: Recorded) -> Trace:
    size = {p.name: int(np.prod(p.shape, dtype=np.int64)) for p in program.populations}
    state = {c.population: c.state.dtype for c in program.cores if c.role != "source"}
    return Trace(
        {k: np.zeros((batch, steps, len(program.cores)), np.int64) for k in COUNTED},
        {p: np.zeros((batch, steps, size[p]), np.uint8) for p in record.spikes},
        {p: np.zeros((batch, steps, size[p]), state[p]) for p in record.states},
    )


def _model(program: Program) -> Model:
    """The model that all neurons share. Raises UnsupportedNode E0242 where events mean nothing."""
    names = {c.model for c in program.cores if c.role != "source"}
    found = [neurons.model(k) for k in sorted(names)]
    if len(found) != 1 or found[0].event is None or found[0].inputs != 1 or program.latency:
        raise UnsupportedNode(
            "E0242",
            "these neurons cannot be run event by event",
            where=program.chip,
            got=", ".join(sorted(names)) or "no neurons",
            allowed="one model with an event form, and layers without latency",
            hint='order="frame"',
        )
    return found[0]


def _shown(program: Program, core: CoreImage, spikes: NDArray[Any]) -> NDArray[Any]:
    """Spikes of a core's neurons in one step, as a record holds them. Raises E0243 beyond that."""
    if spikes.max(initial=0) > MOST_SPIKES:
        raise UnsupportedNode(
            "E0243",
            "a neuron fires too often in one step to be recorded",
            where=f"{program.chip}, population {core.population}",
            got=int(spikes.max()),
            allowed=f"0 to {MOST_SPIKES}",
            hint="a smaller dt",
        )
    return spikes.astype(np.uint8)


# ------------------------------------------------------------------------------------- compiled


@cache
def _compiled(name: str) -> Any:
    """The compiled step of one sample for a neuron model."""
    event = compile_step(neurons.model(name).event)  # type: ignore[arg-type]

    @numba.njit(cache=True, nogil=True)
    def follow(g, net, cells, first, sent, at, end):  # type: ignore[no-untyped-def]
        syn_begin, column, weight = net
        state, params, fmts, kind = cells
        depth = 0
        at[0], end[0] = syn_begin[g], syn_begin[g + 1]
        while depth >= 0:
            k = at[depth]
            if k == end[depth]:
                depth -= 1
                continue
            at[depth] = k + 1
            i = column[k]
            if event(state[i], weight[k], params[i], fmts[kind[i]]):
                g = first + i
                sent[g] += 1
                depth += 1
                at[depth], end[depth] = syn_begin[g], syn_begin[g + 1]

    @numba.njit(cache=True, nogil=True)
    def step(x, biased, bias, net, cells, first, sent, at, end):  # type: ignore[no-untyped-def]
        state, params, fmts, kind = cells
        for n in range(biased.size):
            i = biased[n]
            if event(state[i], bias[n], params[i], fmts[kind[i]]):
                sent[first + i] += 1
                follow(first + i, net, cells, first, sent, at, end)
        for g in range(x.size):
            for _ in range(x[g]):
                sent[g] += 1
                follow(g, net, cells, first, sent, at, end)

    return step


@numba.njit(cache=True, nogil=True)
def _tally(sent, seg_start, seg_core, syn_start, core_of, sends, hops, counts):  # type: ignore[no-untyped-def]
    """Book what a step's spikes caused. counts: (5, cores)."""
    for g in range(sent.size):
        n = sent[g]
        if n:
            core = core_of[g]
            counts[0, core] += n
            counts[1, core] += n * sends[g]
            counts[4, core] += n * hops[g]
            for s in range(seg_start[g], seg_start[g + 1]):
                counts[2, seg_core[s]] += n
                counts[3, seg_core[s]] += n * (syn_start[s + 1] - syn_start[s])


class _Plan:
    """Everything about a run that is the same for all samples."""

    def __init__(self, program: Program, linked: Linked, model: Model) -> None:
        self.program, self.linked = program, linked
        self.step = _compiled(model.name)
        phases = linked.phases
        self.first = phases[0].start
        # with one input and no latency, ring columns are neurons, counted from the first
        assert all(p.column == p.start - self.first for p in phases), "columns are not neurons"
        self.params = np.concatenate([p.params for p in phases])
        self.state = np.concatenate([p.state for p in phases])
        self.fmts = np.array([p.fmt for p in phases], np.int64)
        self.kind = np.repeat(np.arange(len(phases)), [p.stop - p.start for p in phases])
        names = self.params.dtype.names or ()
        bias = self.params["bias"] if "bias" in names else np.zeros(self.params.size, np.int32)
        self.biased = np.flatnonzero(bias)
        self.bias = np.ascontiguousarray(bias[self.biased])
        self.net = (linked.syn_start[linked.seg_start], linked.column, linked.weight)
        self.sources = [c for c in program.cores if c.role == "source"]

    def run(self, inputs: dict[str, NDArray[Any]], steps: int, trace: Trace, b: int) -> None:
        """Run one sample into row `b` of `trace`. inputs: population -> (time, n)."""
        linked, state = self.linked, self.state.copy()
        cells = (state, self.params, self.fmts, self.kind)
        depth = len(linked.phases) + 1  # layers stand in order, so no path is longer
        at, end = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
        counts = np.zeros((steps, 5, len(self.program.cores)), np.int64)
        for t in range(steps):
            x, sent = self._events(inputs, t), np.zeros(linked.core_of.size, np.int64)
            self.step(x, self.biased, self.bias, self.net, cells, self.first, sent, at, end)
            _tally(
                sent, linked.seg_start, linked.seg_core, linked.syn_start, linked.core_of,
                linked.sends, linked.hops, counts[t],
            )  # fmt: skip
            for c in self.program.cores:
                g = int(linked.start[c.number])
                if c.population in trace.spikes:
                    spikes = _shown(self.program, c, sent[g : g + c.n])
                    trace.spikes[c.population][b, t, c.lo : c.hi] = spikes
                if c.population in trace.states:
                    here = state[g - self.first : g - self.first + c.n]
                    trace.states[c.population][b, t, c.lo : c.hi] = here
        for i, name in enumerate(COUNTED[:5]):
            trace.counts[name][b] = counts[:, i]
        starts = linked.start[[c.number for c in self.program.cores]]
        trace.counts["router_lookups"][b] = counts[:, 0] * linked.lookups[starts]
        trace.counts["link_packets"][b] = counts[:, 0] * linked.links[starts]

    def _events(self, inputs: dict[str, NDArray[Any]], t: int) -> NDArray[np.int64]:
        """Events of one step, by input channel in the linked order."""
        x = np.zeros(self.first, np.int64)
        for c in self.sources:
            given = inputs[c.population]
            if t < len(given):
                g = int(self.linked.start[c.number])
                x[g : g + c.n] = given[t, c.lo : c.hi]
        return x


# ------------------------------------------------------------------------------------ in Python


class _Plain:
    """The same on the program itself, packet by packet; the arbiter of `_Plan`."""

    def __init__(self, program: Program, chip: Chip) -> None:
        self.program, self.chip = program, chip
        self.rows: dict[tuple[int, int], Row] = {}

    def run(self, inputs: dict[str, NDArray[Any]], steps: int, trace: Trace, b: int) -> None:
        """Run one sample into row `b` of `trace`. inputs: population -> (time, n)."""
        walk = _Walk(self.program, self.chip, trace, b, self.rows)
        for t in range(steps):
            walk.step(t, {k: x[t] for k, x in inputs.items() if t < len(x)})


class _Walk:
    """One sample. rows: (core, key) -> its synapses (neuron, weight), in order of neurons."""

    def __init__(
        self, program: Program, chip: Chip, trace: Trace, b: int, rows: dict[tuple[int, int], Row]
    ) -> None:
        self.program, self.trace, self.b, self.rows = program, trace, b, rows
        self.network = Network(program, chip)
        self.cores = [c for c in program.cores if c.role != "source"]
        self.state = {c.number: c.state.copy().view(np.recarray) for c in self.cores}
        self.params = {c.number: c.params.view(np.recarray) for c in self.cores}
        self.model = {c.number: neurons.model(c.model) for c in self.cores}
        self.sent: dict[int, NDArray[np.int64]] = {}
        self.t = 0

    def step(self, t: int, inputs: dict[str, NDArray[Any]]) -> None:
        """Tick the slow clock, then let the input events of one step come in."""
        self.t, self.sent = t, {c.number: np.zeros(c.n, np.int64) for c in self.program.cores}
        for c in self.cores:
            names = c.params.dtype.names or ()
            bias = c.params["bias"].tolist() if "bias" in names else []
            for k, value in enumerate(bias):
                if value:
                    self._arrive(c, k, value)
        for c in (c for c in self.program.cores if c.role == "source"):
            if c.population in inputs:
                for k, n in enumerate(inputs[c.population][c.lo : c.hi].tolist()):
                    for _ in range(n):
                        self._send(c, k)
        for c in self.program.cores:
            if c.population in self.trace.spikes:
                spikes = _shown(self.program, c, self.sent[c.number])
                self.trace.spikes[c.population][self.b, t, c.lo : c.hi] = spikes
            if c.population in self.trace.states:
                here = self.state[c.number]
                self.trace.states[c.population][self.b, t, c.lo : c.hi] = here

    def _arrive(self, core: CoreImage, k: int, weight: int) -> None:
        event = self.model[core.number].event
        assert event is not None
        state, params = self.state[core.number][k], self.params[core.number][k]
        if event(state, weight, params, core.fmt):
            self._send(core, k)

    def _send(self, core: CoreImage, k: int) -> None:
        self.sent[core.number][k] += 1
        journey = self.network.journey(core, k)
        self._count("spikes", core.number, 1)
        self._count("packets_out", core.number, journey.sent)
        self._count("hops", core.number, journey.hops)
        self._count("router_lookups", core.number, journey.lookups)
        self._count("link_packets", core.number, journey.links)
        for number in journey.cores:
            target = self.program.cores[number]
            row = self._row(target, core.key + k)
            self._count("packets_in", number, 1)
            self._count("synaptic_events", number, len(row))
            for index, weight in row:
                self._arrive(target, index, weight)

    def _row(self, core: CoreImage, key: int) -> Row:
        at = core.number, key
        if at not in self.rows:
            self.rows[at] = []
            for table in (t for t in core.tables if key & t.mask == t.key):
                element = table.first + (key & ~table.mask)
                if table.kind == "kernel":
                    g = core.kernels[table.kernel]
                    reached = conv2d.targets(g, element, g.lo, g.lo + core.n)
                    found = sorted((i, int(w)) for i, w in reached)
                else:
                    a, b = core.row_start[element], core.row_start[element + 1]
                    weight, _, index = unpack(core.word_format, core.words[a:b])
                    found = list(zip(index.tolist(), weight.tolist(), strict=True))
                self.rows[at] += [(i, w << table.shift) for i, w in found]
        return self.rows[at]

    def _count(self, name: str, core: int, n: int) -> None:
        self.trace.counts[name][self.b, self.t, core] += n
