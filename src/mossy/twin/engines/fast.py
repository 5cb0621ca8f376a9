"""The fast engine: the linked program, event driven, a few samples at a time on every thread.

A step is one call per phase to update neurons and one to push the spikes of the whole group of
samples through their synapses. Groups are small enough that their state stays in cache. Programs
without loops go faster layer by layer (layerwise.py), and do so by themselves.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.twin.engines import layerwise
from mossy.twin.engines.helpers import ALONE, Helpers, helpers_of
from mossy.twin.engines.trace import COUNTED, LOST, Recorded, Trace, raster_type
from mossy.twin.layout.layers import layered, split
from mossy.twin.layout.link import Linked, Phase
from mossy.twin.layout.load import noises
from mossy.twin.sever import moved

CACHE_BYTES = 1 << 20  # state and ring of a group; about one core's share of cache
LARGEST_GROUP = 64
Severed = Sequence[tuple[int, Linked]]
MEASURED = ("spikes", "packets_out", "packets_in", "synaptic_events", "hops", "link_packets")


@numba.njit(cache=True, nogil=True, inline="always")
def _push(ring, b, t, slots, latency, one, g, value, net, counts, packets, bounds):  # type: ignore[no-untyped-def]
    seg_start, seg_core, syn_start, column, weight, delay, core_of, sends, hops, links = net
    core = core_of[g]
    counts[0, core] += packets
    counts[1, core] += packets * sends[g]
    counts[4, core] += packets * hops[g]
    counts[5, core] += packets * links[g]
    begin, end = seg_start[g], seg_start[g + 1]
    for s in range(begin, end):
        counts[2, seg_core[s]] += packets
        counts[3, seg_core[s]] += packets * (syn_start[s + 1] - syn_start[s])
    # the segments of a neuron lie one behind the other, so its synapses are one run
    first, last = syn_start[begin], syn_start[end]
    if first == last:
        return
    if bounds[0] < bounds[1]:  # sums saturate with every packet
        for k in range(first, last):
            at = (t + latency + delay[k]) % slots
            total = int(ring[b, at, column[k]]) + int(weight[k]) * int(value)
            ring[b, at, column[k]] = min(max(total, bounds[0]), bounds[1])
    elif one:
        row = ring[b, (t + latency + delay[first]) % slots]
        for k in range(first, last):
            row[column[k]] += weight[k] * value
    else:
        for k in range(first, last):
            ring[b, (t + latency + delay[k]) % slots, column[k]] += weight[k] * value


@numba.njit(cache=True, nogil=True)
def push_sent(  # type: ignore[no-untyped-def]
    fired, sent, count, start, ring, t, latency, one, net, counts, raster, shown, spikes, bounds
):
    """Push what one phase sends. raster: (batch, steps, columns). spikes: `sent` counts them."""
    slots = ring.shape[1]
    for b in range(fired.shape[0]):
        for i in range(count[b]):
            g = start + fired[b, i]
            value = sent[b, i]
            if shown[g] >= 0:
                raster[b, t, shown[g]] = value
            packets = int(value) if spikes else 1
            _push(ring, b, t, slots, latency, one, g, value, net, counts[b, t], packets, bounds)


@numba.njit(cache=True, nogil=True)
def push_inputs(x, start, ring, t, latency, one, net, counts, raster, shown, whole, values, bounds):  # type: ignore[no-untyped-def]
    """Push the inputs x[:, t]: x (batch, time, n). whole: that many packets; values: one each."""
    slots = ring.shape[1]
    for b in range(x.shape[0]):
        for i in range(x.shape[2]):
            if x[b, t, i] != 0:
                g = start + i
                value = ring.dtype.type(x[b, t, i])
                packets = int(value) if whole else 1
                if shown[g] >= 0:
                    raster[b, t, shown[g]] = value if values else packets
                _push(ring, b, t, slots, latency, one, g, value, net, counts[b, t], packets, bounds)


def run(
    program: Program,
    linked: Linked,
    inputs: dict[str, NDArray[Any]],
    steps: int,
    record: Recorded,
    *,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    severed: Severed = (),
) -> Trace:
    """Run all samples. inputs: population -> (batch, time, n). progress gets samples done.

    severed: (step, the program from there on), in order, where parts die (twin/sever.py).
    """
    batch = next((x.shape[0] for x in inputs.values()), 1)
    threads = threads or os.cpu_count() or 1
    plan = _Plan(program, linked, steps, record, severed, threads if batch == 1 else 1)
    # what a core's packets lose is booked on a core of its own, behind all others
    cores = len(program.cores) * (2 if severed else 1)
    counts = np.zeros((batch, steps, len(MEASURED), cores), np.int32)
    raster = np.zeros((batch, steps, plan.width), plan.raster_type)
    states = {p: np.zeros((batch, steps, plan.size[p]), plan.state_type[p]) for p in record.states}
    group = plan.group(batch, threads)
    spans = [(a, min(batch, a + group)) for a in range(0, batch, group)]

    def one(span: tuple[int, int]) -> None:
        a, b = span
        cut = {p: x[a:b] for p, x in inputs.items()}
        cut_states = {p: s[a:b] for p, s in states.items()}
        plan.run(cut, counts[a:b], raster[a:b], cut_states, helpers if len(spans) == 1 else ALONE)
        if progress:
            progress(b - a)

    helpers = helpers_of(linked, threads)
    if len(spans) == 1:
        one(spans[0])
    else:
        helpers.map(one, spans)
    return plan.trace(counts, raster, states)


class _Plan:
    """Everything about a run that is the same for all samples.

    parts: threads that share a layer, where layers run one after the other.
    """

    def __init__(
        self,
        program: Program,
        linked: Linked,
        steps: int,
        record: Recorded,
        severed: Severed,
        parts: int = 1,
    ) -> None:
        self.program, self.linked, self.steps, self.record = program, linked, steps, record
        begins = [0, *(t for t, _ in severed), steps]
        each = [linked, *(s for _, s in severed)]
        self.stretches = list(zip(begins[:-1], begins[1:], each, strict=True))
        self.size = {p.name: math.prod(p.shape) for p in program.populations}
        self.shown = np.full(linked.core_of.size, -1, np.int32)
        self.columns: dict[str, tuple[int, int]] = {}
        self.width = 0
        for p in record.spikes:
            for c in (c for c in program.cores if c.population == p):
                first = linked.start[c.number]
                self.shown[first : first + c.n] = self.width + np.arange(c.lo, c.hi)
            self.columns[p] = (self.width, self.width + self.size[p])
            self.width += self.size[p]
        types = [raster_type(program, p) for p in record.spikes]
        self.raster_type = max(types, key=lambda d: d.itemsize, default=np.dtype(np.uint8))
        self.sends = {p.name: p.sends for p in program.populations}
        self.bounds = next((p.model.sums for p in linked.phases if p.model.sums), (0, 0))
        self.state_type = {c.population: c.state.dtype for c in program.cores if c.role != "source"}
        # the cores of a source population are numbered in a row, so one call serves them all
        self.sources = {
            p.name: int(linked.start[p.cores[0]]) for p in program.populations if p.role == "source"
        }

        self.noises = {c.number: noises(c) for c in program.cores if c.noise}
        found = None if severed else layered(program, linked)
        if found and parts > 1:
            found = split(found, parts)
        self.layers = found and layerwise.Run(program, linked, found, steps, self.shown)

    def _noises(self, phase: Phase) -> list[tuple[int, int, Callable[..., None]]]:
        """First and last ring column of each core of a phase that has noise, and what adds it."""
        found = []
        for c in self.program.cores:
            first = int(self.linked.start[c.number]) - phase.start
            if c.role != "source" and 0 <= first < phase.stop - phase.start:
                column = phase.column + phase.model.inputs * first
                last = column + phase.model.inputs * c.n
                found += [(column, last, add) for add in self.noises.get(c.number, ())]
        return found

    def group(self, batch: int, threads: int) -> int:
        """Samples to run together: enough groups for the threads, small enough for the cache."""
        if self.layers:
            return self.layers.group(batch, threads)
        linked = self.linked
        each = linked.slots * linked.width * linked.drive.itemsize
        each += sum((p.stop - p.start) * p.state.dtype.itemsize for p in linked.phases)
        fits = max(1, CACHE_BYTES // max(each, 1))
        return max(1, min(fits, LARGEST_GROUP, -(-batch // threads)))

    def run(
        self,
        inputs: dict[str, NDArray[Any]],
        counts: NDArray[np.int32],
        raster: NDArray[Any],
        states: dict[str, NDArray[Any]],
        helpers: Helpers,
    ) -> None:
        """Run one group of samples, stretch by stretch: between them, parts die."""
        # whole numbers of spikes stay bytes: scanning the input for them is bound by memory
        typed: dict[str, NDArray[Any]] = {
            k: np.ascontiguousarray(x, self._input_type(k, x)) for k, x in inputs.items()
        }
        if self.layers:
            self.layers(typed, counts, raster, states, helpers)
            return
        linked, batch = self.linked, counts.shape[0]
        width = max(each.width for _, _, each in self.stretches)
        ring = np.zeros((batch, linked.slots, width), linked.drive)
        live = [np.repeat(p.state[None], batch, axis=0) for p in linked.phases]
        for p, state in zip(linked.phases, live, strict=True):
            self._keep_sums(p, state, ring[:, 0])
        phases = linked.phases
        for begin, end, linked in self.stretches:
            live, phases = moved(phases, linked.phases, live), linked.phases
            self._stretch(range(begin, end), linked, live, ring, typed, counts, raster, states)

    def _stretch(
        self,
        steps: range,
        linked: Linked,
        live: list[NDArray[Any]],
        ring: NDArray[Any],
        typed: dict[str, NDArray[Any]],
        counts: NDArray[np.int32],
        raster: NDArray[Any],
        states: dict[str, NDArray[Any]],
    ) -> None:
        """Run some steps. live: the registers of every phase, ring: the sums; both go on."""
        latency, batch = self.program.latency, counts.shape[0]
        fired = [np.zeros((batch, p.stop - p.start), np.int32) for p in linked.phases]
        sent = [np.zeros(f.shape, linked.drive) for f in fired]
        count = [np.zeros(batch, np.int64) for _ in linked.phases]
        whole = {k: not np.issubdtype(x.dtype, np.floating) for k, x in typed.items()}
        after = (latency, linked.one_delay, _net(linked), counts, raster, self.shown)
        noisy = [self._noises(p) for p in linked.phases]

        def inject(t: int) -> None:
            for name, first in self.sources.items():
                if t < typed[name].shape[1]:
                    values = self.sends[name] == "values"
                    push_inputs(
                        typed[name], first, ring, t, *after,
                        whole[name] and not values, values, self.bounds,
                    )  # fmt: skip

        def update(t: int, i: int) -> None:
            p = linked.phases[i]
            for first, last, add in noisy[i]:
                for b in range(batch):
                    add(t, ring[b, t % linked.slots, first:last])
            p.model.update(
                live[i], p.params, ring, t % linked.slots, p.column, p.fmt,
                fired[i], sent[i], count[i],
            )  # fmt: skip
            self._keep_sums(p, live[i], ring[:, (t + 1) % linked.slots])
            if states:
                self._keep(t, p, live[i], states)

        def send(t: int, i: int) -> None:
            p = linked.phases[i]
            push_sent(
                fired[i], sent[i], count[i], p.start, ring, t, *after,
                p.model.sends == "spikes", self.bounds,
            )  # fmt: skip

        phases = range(len(linked.phases))
        for t in steps:
            if latency:
                for i in phases:
                    update(t, i)
                inject(t)
                for i in phases:
                    send(t, i)
            else:  # layers in order
                inject(t)
                for i in phases:
                    update(t, i)
                    send(t, i)

    def _input_type(self, name: str, x: NDArray[Any]) -> type:
        if self.sends[name] == "values":
            return np.int32
        return np.float32 if np.issubdtype(x.dtype, np.floating) else np.uint8

    def _keep_sums(self, phase: Phase, state: NDArray[Any], row: NDArray[Any]) -> None:
        """Begin a step's sums with the registers that are the sums. row: (batch, width)."""
        inputs = phase.model.inputs
        for i, field in enumerate(phase.model.keeps):
            first = phase.column + i
            row[:, first : first + inputs * state.shape[1] : inputs] = state[field]

    def _keep(
        self, t: int, phase: Phase, state: NDArray[Any], states: dict[str, NDArray[Any]]
    ) -> None:
        for c in self.program.cores:
            first = int(self.linked.start[c.number])
            if c.population in states and phase.start <= first < phase.stop:
                here = first - phase.start
                states[c.population][:, t, c.lo : c.hi] = state[:, here : here + c.n]

    def trace(
        self,
        counts: NDArray[np.int32],
        raster: NDArray[Any],
        states: dict[str, NDArray[Any]],
    ) -> Trace:
        """Put names on the arrays and add what follows from the static routes."""
        n = len(self.program.cores)
        named: dict[str, NDArray[Any]] = {k: counts[:, :, i, :n] for i, k in enumerate(MEASURED)}
        lost: dict[str, NDArray[Any]] = {}
        if len(self.stretches) > 1:
            lost = {k: counts[:, :, MEASURED.index(of), n:] for k, of in LOST.items()}
        first = self.linked.start[[c.number for c in self.program.cores]]
        named["router_lookups"] = np.empty_like(named["spikes"])
        for begin, end, linked in self.stretches:
            now = slice(begin, end)
            lookups = linked.lookups[first].astype(np.int32)
            np.multiply(named["spikes"][:, now], lookups, out=named["router_lookups"][:, now])
        shown = {
            p: raster[:, :, a:b].astype(raster_type(self.program, p), copy=False)
            for p, (a, b) in self.columns.items()
        }
        return Trace({k: named[k] for k in COUNTED} | lost, shown, states)


def _net(linked: Linked) -> tuple[NDArray[Any], ...]:
    """The linked program as the compiled functions take it."""
    return (
        linked.seg_start,
        linked.seg_core,
        linked.syn_start,
        linked.column,
        linked.weight,
        linked.delay,
        linked.core_of,
        linked.sends,
        linked.hops,
        linked.links,
    )
