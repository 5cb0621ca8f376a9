"""The reference engine: one packet at a time, in plain Python. Slow, and the arbiter.

Each step: every core's neurons are updated by the model's own Python function from the sums that
have arrived for this step, and every spike becomes a packet whose key is looked up in the routing
tables, then in the population table of each core reached, then in its row or kernel.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.program.artefact import CoreImage, Program
from mossy.program.words import unpack
from mossy.synapses import conv2d
from mossy.twin.engines.trace import COUNTED, Recorded, Trace
from mossy.twin.packets import Network


def run(
    program: Program, chip: Chip, inputs: dict[str, NDArray[Any]], steps: int, record: Recorded
) -> Trace:
    """Run all samples, one after the other. inputs: population -> (batch, time, n)."""
    batch = next(iter(inputs.values())).shape[0]
    cores = len(program.cores)
    size = {p.name: int(np.prod(p.shape, dtype=np.int64)) for p in program.populations}
    model = {c.population: neurons.model(c.model) for c in program.cores if c.role != "source"}
    trace = Trace(
        {k: np.zeros((batch, steps, cores), np.int64) for k in COUNTED},
        {p: np.zeros((batch, steps, size[p]), np.uint8) for p in record.spikes},
        {p: np.zeros((batch, steps, size[p]), model[p].state) for p in record.states},
    )
    for b in range(batch):
        _Sample(program, chip, trace, b).run({k: x[b] for k, x in inputs.items()}, steps)
    return trace


class _Sample:
    def __init__(self, program: Program, chip: Chip, trace: Trace, b: int) -> None:
        self.program, self.trace, self.b = program, trace, b
        self.network = Network(program, chip)
        self.state = {c.number: c.state.copy().view(np.recarray) for c in program.cores}
        self.params = {c.number: c.params.view(np.recarray) for c in program.cores}
        # arriving[step][core] -> {(neuron, input): sum}
        self.arriving: dict[int, dict[int, dict[tuple[int, int], Any]]] = defaultdict(
            lambda: defaultdict(dict)
        )

    def run(self, inputs: dict[str, NDArray[Any]], steps: int) -> None:
        sources = [c for c in self.program.cores if c.role == "source"]
        others = [c for c in self.program.cores if c.role != "source"]
        for t in range(steps):
            for c in sources:
                x = inputs[c.population]
                if t < len(x):
                    for k in np.flatnonzero(x[t, c.lo : c.hi]).tolist():
                        self._send(t, c, k, x[t, c.lo + k].item())
            if self.program.latency:
                fired = [(c, self._update(t, c)) for c in others]
                for c, spikes in fired:
                    for k in spikes:
                        self._send(t, c, k, 1)
            else:
                for c in others:
                    spikes = self._update(t, c)
                    if self.program.population(c.population).graded:
                        for k, value in enumerate(self.state[c.number]["v"].tolist()):
                            if value:
                                self._send(t, c, k, value)
                    for k in spikes:
                        self._send(t, c, k, 1)
            self.arriving.pop(t, None)

    def _update(self, t: int, core: CoreImage) -> list[int]:
        model = neurons.model(core.model)
        state, params = self.state[core.number], self.params[core.number]
        sums = self.arriving[t].pop(core.number, {})
        fired = []
        for k in range(core.n):
            x0 = sums.get((k, 0), 0)
            x1 = sums.get((k, 1), 0) if model.inputs == 2 else x0
            if model.step(state[k], x0, x1, params[k], core.fmt):
                fired.append(k)
        if core.population in self.trace.states:
            self.trace.states[core.population][self.b, t, core.lo : core.hi] = state
        return fired

    def _send(self, t: int, core: CoreImage, neuron: int, value: Any) -> None:
        journey = self.network.journey(core, neuron)
        packets = int(value) if isinstance(value, int) else 1
        if core.population in self.trace.spikes:
            self.trace.spikes[core.population][self.b, t, core.lo + neuron] = packets
        sent = len(journey.cores) if self.program.routing == "axons" else bool(journey.cores)
        self._count("spikes", t, core.number, packets)
        self._count("packets_out", t, core.number, packets * sent)
        self._count("hops", t, core.number, packets * journey.hops)
        self._count("router_lookups", t, core.number, packets * journey.lookups)
        self._count("link_packets", t, core.number, packets * journey.links)
        for number in journey.cores:
            events = self._receive(t, self.program.cores[number], core.key + neuron, value)
            self._count("packets_in", t, number, packets)
            self._count("synaptic_events", t, number, packets * events)

    def _receive(self, t: int, core: CoreImage, key: int, value: Any) -> int:
        """Add one packet's row to the core's sums; return how many synapses it has."""
        events = 0
        inputs = neurons.model(core.model).inputs
        for table in core.tables:
            if key & table.mask != table.key:
                continue
            element = table.first + (key & ~table.mask)
            if table.kind == "kernel":
                kernel = core.kernels[table.kernel]
                row = [
                    (w, kernel.delay, i)
                    for i, w in conv2d.targets(kernel, element, kernel.lo, kernel.lo + core.n)
                ]
            else:
                a, b = core.row_start[element], core.row_start[element + 1]
                row = list(zip(*unpack(core.word_format, core.words[a:b]), strict=True))
            for w, delay, index in row:
                weight = w.item() if hasattr(w, "item") else w
                kind = int(weight < 0) if inputs == 2 else 0
                weight = abs(weight) if inputs == 2 else weight
                if table.shift:
                    weight <<= table.shift
                sums = self.arriving[t + self.program.latency + int(delay)][core.number]
                at = (int(index), kind)
                sums[at] = sums.get(at, 0) + weight * value
            events += len(row)
        return events

    def _count(self, name: str, t: int, core: int, n: int) -> None:
        self.trace.counts[name][self.b, t, core] += n
