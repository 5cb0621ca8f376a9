"""The engine for large networks on one GPU: the same blocks, words and steps, one kernel per run.

All threads of the device walk the steps together. In a step, the threads of a block of the grid
take a sender's group of synapses at a time and add its words to the sums (whole numbers, so the
order of atomic additions does not matter); the grid meets; every thread sweeps neurons of its own,
whose sums it reads and clears, and lists who spiked; the grid meets again. The step function of the
neuron is the one that every engine runs, compiled for the device.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import cuda as _cuda  # loads drivers
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.synapses import noise as poisson
from mossy.twin.engines.helpers import ALONE
from mossy.twin.engines.tally import Tally, by_step, outside, rasters
from mossy.twin.engines.trace import Recorded, Trace
from mossy.twin.layout.load import plane
from mossy.twin.layout.wide import Wide, wide

cuda: Any = _cuda  # kernels look it up among the names of their module
THREADS = 128  # of a block of the grid
SIMULATED = 4  # threads where the device is simulated
STRETCH = 500  # steps of one launch
NONE = -1

# columns of the table of noises by neuron
NOISE, ELEMENT, KIND = range(3)


def run(
    program: Program,
    chip: Chip,
    inputs: dict[str, NDArray[Any]],
    steps: int,
    record: Recorded,
    *,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run one sample. inputs: population -> (1, time, n) spikes. progress gets steps done.

    threads: of the host, which makes the synapses.

    Raises BadInput E0425 (no device) and E0426 (neurons of several models).
    """
    _check(program)
    laid = wide(program, chip, threads or os.cpu_count() or 1)
    live = _Run(program, laid, inputs, steps, record)
    stretch = 1 if record.states else STRETCH
    for begin in range(0, steps, stretch):
        end = min(steps, begin + stretch)
        live.advance(begin, end)
        if progress:
            progress(end - begin)
    return live.trace()


def _check(program: Program) -> None:
    if not cuda.is_available():
        raise BadInput(
            "E0425",
            "there is no CUDA device, or no driver for it",
            where=f"program {program.network}",
            got='engine="cuda"',
            hint="pip install 'mossy[cuda]' where there is one, or engine=\"fast\"",
        )
    models = sorted({(c.model, c.fmt) for c in program.cores if c.role != "source"})
    if len(models) > 1:
        raise BadInput(
            "E0426",
            "the CUDA engine runs neurons of one model",
            where=f"program {program.network}",
            got=", ".join(m for m, _ in models),
            hint='engine="fast"',
        )


@cache
def _kernel(name: str, fmt: tuple[int, ...]) -> Any:
    """Return the compiled walk of a model: one launch runs many steps."""
    model = neurons.model(name)
    step = cuda.jit(device=True)(model.step)
    take, inputs, top = model.takes.type, model.inputs, model.sums[1] if model.sums else 0
    weyl, first_, second = (np.uint64(k) for k in (poisson.WEYL, poisson.FIRST, poisson.SECOND))
    unsure, shift = poisson.UNSURE, 16 - poisson.GUIDE

    @cuda.jit(device=True)
    def scrambled(x, one, two):  # type: ignore[no-untyped-def]
        full = np.uint64(0xFFFFFFFF)
        x = (np.uint64(x) * weyl + np.uint64(one)) & full
        x = ((x ^ (x >> np.uint64(16))) * first_) & full
        x = (x ^ (x >> np.uint64(15))) + np.uint64(two)
        x = ((x & full) * second) & full
        x = x ^ (x >> np.uint64(15))
        return x

    @cuda.jit(device=True)
    def drawn(e, one, two, row, guide, borders, most, rest):  # type: ignore[no-untyped-def]
        both = scrambled(e >> 1, one, two)
        u = (both >> np.uint64(16 * (e & 1))) & np.uint64(0xFFFF)
        found = int(guide[row, u >> np.uint64(shift)])
        if found == unsure:
            found = 0
            while found < borders.shape[1] and borders[row, found] <= u:
                found += 1
        if found == most[row]:
            u = scrambled(e, two, one)
            found = 0
            while rest[row, found] <= u:
                found += 1
        return found

    @cuda.jit
    def walk(  # type: ignore[no-untyped-def]
        begin, end, form, first, start, base, words, sums, spikes, counts, outside, outside_start,
        state, params, where, noises, keys, weights, planes, guide, borders, most, rest,
        recorded, recorded_at, listed,
    ):  # fmt: skip
        lead, width, groups, room, sums_each, bits = form
        grid = cuda.cg.this_grid()
        thread, threads = cuda.grid(1), cuda.gridsize(1)
        kept, blocks, mask = spikes.shape[0], start.shape[0], (1 << bits) - 1
        for t in range(begin, end):
            slot = (t % width) * sums_each * room
            if thread == 0:
                counts[t % kept] = 0
            item = cuda.blockIdx.x
            for g in range(groups):
                s = t - lead - g * width
                if s < 0:
                    break
                own = counts[s % kept]
                given = 0
                if s + 1 < outside_start.size:
                    given = outside_start[s + 1] - outside_start[s]
                many = (own + given) * blocks
                while item < many:
                    i, q = item // blocks, item % blocks
                    later = outside_start[s] + i - own
                    o = (spikes[s % kept, i] if i < own else outside[later]) * groups + g
                    k = start[q, o] + cuda.threadIdx.x
                    while k < start[q, o + 1]:
                        w = words[base[q] + k]
                        at = (w + slot) & mask
                        cuda.atomic.add(sums, (q, at), w >> bits)
                        k += cuda.blockDim.x
                    item += cuda.gridDim.x
                item -= many
            grid.sync()
            for i in range(thread, state.size, threads):
                q = where[i, 0]
                at = slot + where[i, 1]
                for z in range(noises.shape[0]):
                    n = noises[z, i, 0]
                    if n >= 0:
                        one, two = keys[n, t - begin, 0], keys[n, t - begin, 1]
                        row = noises[z, i, 2]
                        found = drawn(noises[z, i, 1], one, two, row, guide, borders, most, rest)
                        sums[q, at + planes[n] * room] += weights[n] * found
                a = sums[q, at]
                b = a
                sums[q, at] = 0
                if inputs == 2:
                    b = sums[q, at + room]
                    sums[q, at + room] = 0
                if top > 0:
                    a, b = min(a, top), min(b, top)
                if step(state[i], take(a), take(b), params[i], fmt):
                    spikes[t % kept, cuda.atomic.add(counts, t % kept, 1)] = first + i
                    m = cuda.atomic.add(listed, 0, 1)
                    recorded[m] = first + i
                    recorded_at[m] = t
            grid.sync()

    return walk


class _Run:
    """What lies on the device during a run."""

    def __init__(
        self,
        program: Program,
        laid: Wide,
        inputs: dict[str, NDArray[Any]],
        steps: int,
        record: Recorded,
    ) -> None:
        self.program, self.laid = program, laid
        self.steps, self.record, shape = steps, record, laid.shape
        own = [c for c in laid.order if c.role != "source"]
        self.first = int(laid.start[own[0].number])
        self.n = sum(c.n for c in own)
        self.kernel = _kernel(own[0].model, own[0].fmt)
        self.form = (
            shape.lead, shape.width, shape.groups, shape.neurons, shape.sums, shape.bits,
        )  # fmt: skip
        kept = shape.lead + shape.width * shape.groups + 1
        self.outside = outside(program, laid, inputs, steps)
        self.state = self._put(np.concatenate([c.state for c in own]).view(np.recarray))
        signed = np.int32 if laid.blocks[0].words.itemsize == 4 else np.int64
        sizes = [b.words.size for b in laid.blocks]
        self.tables = [
            self._put(a)
            for a in (
                np.stack([b.start for b in laid.blocks]),
                np.cumsum([0, *sizes[:-1]]),
                np.concatenate([b.words for b in laid.blocks]).view(signed),
                np.zeros((len(laid.blocks), 1 << shape.bits), laid.drive),
                np.zeros((kept, self.n), np.int32),
                np.zeros(kept, np.int64),
                np.append(self.outside.who, 0).astype(np.int32),
                self.outside.start,
            )
        ]
        self.params = self._put(np.concatenate([c.params for c in own]).view(np.recarray))
        self.where = self._put(self._places())
        self.seeds, self.noise = self._noises(own)
        self.states = {
            p: np.zeros((1, steps, int(np.prod(program.population(p).shape))), s.dtype)
            for p, s in ((c.population, c.state) for c in own)
            if p in record.states
        }
        self.found: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = []

    def _put(self, array: NDArray[Any]) -> Any:
        return cuda.to_device(array)

    def _places(self) -> NDArray[np.int64]:
        """Block and place in its sums of every neuron: (n, 2)."""
        found = np.zeros((self.n, 2), np.int64)
        for q, b in enumerate(self.laid.blocks):
            a = b.first - self.first
            found[a : a + b.last - b.first] = np.stack(
                [np.full(b.last - b.first, q), np.arange(b.last - b.first)], axis=1
            )
        return found

    def _noises(self, own: list[Any]) -> tuple[list[int], list[Any]]:
        """Seeds, and the tables of noise: by layer and neuron (noise, element, kind), and more."""
        layers = max(len(c.noise) for c in own)
        rows = np.full((layers, self.n, 3), NONE, np.int64)
        seeds: list[int] = []
        weights: list[int] = []
        planes: list[int] = []
        means = [np.zeros(1)]
        for c in own:
            a = int(self.laid.start[c.number]) - self.first
            for z, n in enumerate(c.noise):
                to, weight = plane(c, n)
                rows[z, a : a + c.n, NOISE] = len(seeds)
                rows[z, a : a + c.n, ELEMENT] = np.arange(c.lo, c.hi)
                seeds.append(n.seed)
                weights.append(weight)
                planes.append(to)
                means.append(n.mean)
        known, kind = np.unique(np.concatenate(means), return_inverse=True)
        done = 1  # the first stands for none
        for c in own:
            a = int(self.laid.start[c.number]) - self.first
            for z in range(len(c.noise)):
                rows[z, a : a + c.n, KIND] = kind[done : done + c.n]
                done += c.n
        rates = poisson.tables(known)
        put = [self._put(np.array(x or [0], np.int64)) for x in (weights, planes)]
        return seeds, [self._put(rows), *put, *(self._put(a) for a in rates)]

    def advance(self, begin: int, end: int) -> None:
        """Run the steps begin .. end."""
        keys = np.zeros((max(len(self.seeds), 1), end - begin, 2), np.uint64)
        for k, seed in enumerate(self.seeds):
            for t in range(begin, end):
                keys[k, t - begin] = poisson.keys(seed, t)
        recorded = cuda.device_array((end - begin) * self.n, np.int32)
        recorded_at = cuda.device_array((end - begin) * self.n, np.int64)
        listed = self._put(np.zeros(1, np.int64))
        rows, *rest = self.noise
        self.kernel[self._grid()](
            begin, end, self.form, self.first, *self.tables, self.state, self.params, self.where,
            rows, self._put(keys), *rest, recorded, recorded_at, listed,
        )  # fmt: skip
        many = int(listed.copy_to_host()[0])
        self.found.append(
            (recorded_at[:many].copy_to_host(), recorded[:many].copy_to_host())
            if many
            else (np.zeros(0, np.int64), np.zeros(0, np.int32))
        )
        if self.states:
            self._keep(begin)

    def _grid(self) -> tuple[int, int]:
        """Blocks of the grid and threads of each: as many as can meet."""
        if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0"):
            return 1, SIMULATED
        processors = cuda.get_current_device().MULTIPROCESSOR_COUNT
        return processors * 4, THREADS

    def _keep(self, t: int) -> None:
        now = self.state.copy_to_host()
        for c in self.laid.order:
            if c.role != "source" and c.population in self.states:
                a = int(self.laid.start[c.number]) - self.first
                self.states[c.population][0, t, c.lo : c.hi] = now[a : a + c.n]

    def trace(self) -> Trace:
        """Put names on what was found."""
        when, who = (np.concatenate([f[k] for f in self.found]) for k in (0, 1))
        lists = [self.outside, by_step(when, who, self.steps)]  # a device lists in any order
        tally = Tally(self.program, self.laid, self.steps, ALONE)
        tally.add(lists)
        shown = rasters(self.program, self.laid, self.record.spikes, lists, self.steps)
        return Trace(tally.total(), shown, self.states)
