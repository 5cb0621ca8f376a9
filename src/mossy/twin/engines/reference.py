"""The reference engine: one packet at a time, in plain Python. Slow, and the arbiter.

Each step: every core's neurons are updated by the model's own Python function from the sums that
have arrived for this step; then the inputs, and after them every neuron that sends, become packets
whose key is looked up in the routing tables, then in the population table of each core reached,
then in its row or kernel. Where layers are evaluated in order, inputs come first and a layer's
packets leave before the next layer is updated. What is dead takes no part in any of it; what a
packet would have done there is counted as lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.neurons.model import Model, evolve
from mossy.program.artefact import CoreImage, Program, RowTable
from mossy.program.words import unpack
from mossy.synapses import conv2d
from mossy.twin.engines.trace import COUNTED, LOST, Recorded, Trace, raster_type
from mossy.twin.faults import Stretch
from mossy.twin.layout.load import made, noises
from mossy.twin.traffic.packets import Network


def run(
    program: Program,
    chip: Chip,
    inputs: dict[str, NDArray[Any]],
    stretches: Sequence[Stretch],
    record: Recorded,
) -> Trace:
    """Run all samples, one after the other. inputs: population -> (batch, time, n).

    stretches: the steps of the run, and what is dead in them.
    """
    steps = stretches[-1].end
    names = (*COUNTED, *LOST) if len(stretches) > 1 else COUNTED
    batch = next((x.shape[0] for x in inputs.values()), 1)
    cores = len(program.cores)
    size = {p.name: int(np.prod(p.shape, dtype=np.int64)) for p in program.populations}
    model = {c.population: neurons.model(c.model) for c in program.cores if c.role != "source"}
    trace = Trace(
        {k: np.zeros((batch, steps, cores), np.int64) for k in names},
        {p: np.zeros((batch, steps, size[p]), raster_type(program, p)) for p in record.spikes},
        {p: np.zeros((batch, steps, size[p]), model[p].state) for p in record.states},
    )
    for b in range(batch):
        sample = _Sample(program, chip, trace, b)
        for stretch in stretches:
            sample.run({k: x[b] for k, x in inputs.items()}, stretch)
    return trace


Synapse = tuple[Any, int, int]  # weight, delay field, neuron


class _Sums:
    """The input sums of one core for one step, in the model's own type."""

    def __init__(self, model: Model, n: int, state: Any) -> None:
        self.model = model
        self.values = np.zeros(n * model.inputs, model.drive)
        for i, field in enumerate(model.keeps):  # the register is the sum
            self.values[i :: model.inputs] = state[field]

    def add(self, index: int, kind: int, weight: Any, value: Any) -> None:
        """Add one packet's weight times its value."""
        at = index * self.model.inputs + kind
        exact = self.model.drive.kind == "i"
        total = int(self.values[at]) + int(weight) * int(value) if exact else 0
        if self.model.sums is not None:
            low, high = self.model.sums
            self.values[at] = min(max(total, low), high)
        elif exact:  # wraps as the register does
            bits = 8 * self.model.drive.itemsize
            half = 1 << (bits - 1)
            self.values[at] = ((total + half) & ((1 << bits) - 1)) - half
        else:
            real = self.model.drive.type
            self.values[at] += real(real(weight) * real(value))


class _Sample:
    def __init__(self, program: Program, chip: Chip, trace: Trace, b: int) -> None:
        self.program, self.chip, self.trace, self.b = program, chip, trace, b
        self.network = Network(program, chip)
        self.model = {c.number: neurons.model(c.model) for c in program.cores if c.role != "source"}
        self.state = {c.number: c.state.copy().view(np.recarray) for c in program.cores}
        self.params = {c.number: c.params.view(np.recarray) for c in program.cores}
        self.noises = {c.number: noises(c) for c in program.cores}
        self.sends = {p.name: p.sends for p in program.populations}
        self.arriving: dict[int, dict[int, _Sums]] = defaultdict(dict)  # by step and core

    def run(self, inputs: dict[str, NDArray[Any]], stretch: Stretch) -> None:
        self.network = Network(self.program, self.chip, stretch.dead)
        alive = [c for c in self.program.cores if c.number not in self.network.gone]
        sources = [c for c in alive if c.role == "source"]
        others = [c for c in alive if c.role != "source"]
        for t in range(stretch.begin, stretch.end):
            if self.program.latency:
                sent = [(c, self._update(t, c)) for c in others]
                self._inject(t, sources, inputs)
                for c, values in sent:
                    self._send_all(t, c, values)
            else:
                self._inject(t, sources, inputs)
                for c in others:
                    self._send_all(t, c, self._update(t, c))
            self.arriving.pop(t, None)

    def _inject(self, t: int, sources: list[CoreImage], inputs: dict[str, NDArray[Any]]) -> None:
        for c in sources:
            x = inputs[c.population]
            if t < len(x):
                self._send_all(t, c, x[t, c.lo : c.hi].tolist())

    def _sums(self, t: int, core: CoreImage) -> _Sums:
        at = self.arriving[t]
        if core.number not in at:
            at[core.number] = _Sums(self.model[core.number], core.n, self.state[core.number])
        return at[core.number]

    def _update(self, t: int, core: CoreImage) -> list[Any]:
        state = self.state[core.number]
        x = self._sums(t, core).values
        for add in self.noises[core.number]:
            add(t, x)
        sent = evolve(self.model[core.number], state, x, self.params[core.number], core.fmt)
        if core.population in self.trace.states:
            self.trace.states[core.population][self.b, t, core.lo : core.hi] = state
        return sent

    def _send_all(self, t: int, core: CoreImage, values: list[Any]) -> None:
        for k, value in enumerate(values):
            if value:
                self._send(t, core, k, value)

    def _send(self, t: int, core: CoreImage, neuron: int, value: Any) -> None:
        journey = self.network.journey(core, neuron)
        kind = self.sends[core.population]
        packets = 1
        if kind == "spikes" or (kind == "currents" and not isinstance(value, float)):
            packets = int(value)
        if core.population in self.trace.spikes:
            shown = value if kind == "values" else packets
            self.trace.spikes[core.population][self.b, t, core.lo + neuron] = shown
        self._count("spikes", t, core.number, packets)
        self._count("packets_out", t, core.number, packets * journey.sent)
        self._count("hops", t, core.number, packets * journey.hops)
        self._count("router_lookups", t, core.number, packets * journey.lookups)
        self._count("link_packets", t, core.number, packets * journey.links)
        for number in journey.cores:
            key = core.key + neuron
            events = self._receive(t, self.program.cores[number], key, value)
            self._count("packets_in", t, number, packets)
            self._count("synaptic_events", t, number, packets * events)
        for number in journey.lost:
            rows = self._rows(self.program.cores[number], core.key + neuron)
            self._count("packets_lost", t, core.number, packets)
            self._count("events_lost", t, core.number, packets * sum(len(r) for _, r in rows))

    def _receive(self, t: int, core: CoreImage, key: int, value: Any) -> int:
        """Add one packet's row to the core's sums; return how many synapses it has."""
        events = 0
        model = self.model[core.number]
        for table, row in self._rows(core, key):
            for w, delay, index in row:
                weight = w.item() if hasattr(w, "item") else w
                kind = table.receptor
                if model.inputs == 2 and model.receptors == "sign":
                    kind, weight = int(weight < 0), abs(weight)
                if table.shift:
                    weight <<= table.shift
                sums = self._sums(t + self.program.latency + int(delay), core)
                sums.add(int(index), kind if model.inputs == 2 else 0, weight, value)
            events += len(row)
        return events

    def _count(self, name: str, t: int, core: int, n: int) -> None:
        self.trace.counts[name][self.b, t, core] += n

    def _rows(self, core: CoreImage, key: int) -> Iterator[tuple[RowTable, list[Synapse]]]:
        """The synapses that a packet meets on a core, table by table."""
        for table in core.tables:
            if key & table.mask != table.key:
                continue
            element = table.first + (key & ~table.mask)
            if table.kind == "kernel":
                kernel = core.kernels[table.kernel]
                reached = conv2d.targets(kernel, element, kernel.lo, kernel.lo + core.n)
                yield table, [(w, kernel.delay, i) for i, w in reached]
            elif table.kind == "recipe":
                start, index, weight, delay = made(core, table.kernel, self.program.latency)
                at = slice(start[element], start[element + 1])
                yield table, list(zip(weight[at], delay[at], index[at], strict=True))
            else:
                a, b = core.row_start[element], core.row_start[element + 1]
                yield table, list(zip(*unpack(core.word_format, core.words[a:b]), strict=True))
