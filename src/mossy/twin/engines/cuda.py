"""The engine for large networks on one GPU: the same blocks, words and steps, one kernel per run.

All threads of the device walk the steps together. In a step, the threads of a block of the grid
take a sender's group of synapses at a time and add its words to the sums (whole numbers, so the
order of atomic additions does not matter); the grid meets; every thread sweeps neurons of its own,
group by group of one model and format, whose sums it reads and clears, and lists who spiked; the
grid meets again. The step functions of the neurons are those that every engine runs, compiled for
the device (cuda_kernel.py).

Whole numbers are exact. In the registers of float models a device may differ in the last bit, and
so in time in spikes: its compiler fuses products with sums, and Numba (numba-cuda 0.30) has no
switch that forbids it. The device that Numba simulates gives what the other engines give.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import cuda as _cuda  # loads drivers
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import CoreImage, Program
from mossy.synapses import noise as poisson
from mossy.twin.engines.cuda_kernel import (
    AT,
    BLOCK,
    ELEMENT,
    KIND,
    NOISE,
    NUMBER,
    Drawn,
    Group,
    Heard,
    Key,
    Synapses,
    grid,
    kernel,
)
from mossy.twin.engines.helpers import ALONE
from mossy.twin.engines.tally import Tally, by_step, outside, rasters
from mossy.twin.engines.trace import Recorded, Trace
from mossy.twin.faults import Stretch
from mossy.twin.layout.load import plane
from mossy.twin.layout.severed import Severed, Spared, severed, spared
from mossy.twin.layout.wide import Wide, wide

cuda: Any = _cuda  # numba ships no types
STRETCH = 500  # steps of one launch
NONE = -1


def run(
    program: Program,
    chip: Chip,
    inputs: dict[str, NDArray[Any]],
    stretches: Sequence[Stretch],
    record: Recorded,
    *,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run one sample. inputs: population -> (1, time, n) spikes. progress gets steps done.

    threads: of the host, which makes the synapses.

    Raises BadInput E0425 (no device).
    """
    if not cuda.is_available():
        raise BadInput(
            "E0425",
            "there is no CUDA device, or no driver for it",
            where=f"program {program.network}",
            got='engine="cuda"',
            hint="pip install 'mossy[cuda]' where there is one, or engine=\"fast\"",
        )
    laid = wide(program, chip, threads or os.cpu_count() or 1)
    parts = severed(laid, program, chip, stretches)
    live = _Run(program, laid, inputs, parts, record)
    launch = 1 if record.states else STRETCH
    for part in parts:
        live.enter(part)
        for begin in range(part.begin, part.end, launch):
            end = min(part.end, begin + launch)
            live.advance(begin, end)
            if progress:
                progress(end - begin)
    return live.trace()


class _Noises:
    """What neurons draw for themselves, collected group by group."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.weights: list[int] = []
        self.planes: list[int] = []
        self.means = [np.zeros(1)]  # the first stands for none
        self.drawn = 1

    def rows(self, cores: list[CoreImage]) -> NDArray[np.int64]:
        """Return (layers, n, 3) of a group's neurons, whose KIND `tables` will put right."""
        layers = max(1, *(len(c.noise) for c in cores))
        rows = np.full((layers, sum(c.n for c in cores), 3), NONE, np.int64)
        a = 0
        for c in cores:
            for z, n in enumerate(c.noise):
                to, weight = plane(c, n)
                own = rows[z, a : a + c.n]
                own[:, NOISE] = len(self.seeds)
                own[:, ELEMENT] = np.arange(c.lo, c.hi)
                own[:, KIND] = self.drawn + np.arange(c.n)
                self.seeds.append(n.seed)
                self.weights.append(weight)
                self.planes.append(to)
                self.means.append(n.mean)
                self.drawn += c.n
            a += c.n
        return rows

    def tables(self, rows: list[NDArray[np.int64]]) -> tuple[NDArray[Any], ...]:
        """Return weights, sums and tables of all noises, whose rows get to know their kinds."""
        known, kind = np.unique(np.concatenate(self.means), return_inverse=True)
        for r in rows:
            r[:, :, KIND] = kind[np.maximum(r[:, :, KIND], 0)]
        put = (np.array(x or [0], np.int64) for x in (self.weights, self.planes))
        return *put, *poisson.tables(known)

    def keys(self, begin: int, end: int) -> NDArray[np.uint64]:
        """Return the keys of all noises in the steps begin .. end: (noises, steps, 2)."""
        found = np.zeros((max(len(self.seeds), 1), end - begin, 2), np.uint64)
        for k, seed in enumerate(self.seeds):
            for t in range(begin, end):
                found[k, t - begin] = poisson.keys(seed, t)
        return found


class _Run:
    """What lies on the device during a run."""

    def __init__(
        self,
        program: Program,
        laid: Wide,
        inputs: dict[str, NDArray[Any]],
        stretches: tuple[Severed, ...],
        record: Recorded,
    ) -> None:
        self.program, self.laid, self.stretches = program, laid, stretches
        steps, shape = stretches[-1].end, laid.shape
        self.steps, self.record = steps, record
        own = [c for c in laid.order if c.role != "source"]
        self.n = sum(c.n for c in own)
        self.cores: dict[Key, list[CoreImage]] = {
            key: [c for c in own if (c.model, c.fmt) == key]
            for key in sorted({(c.model, c.fmt) for c in own})
        }
        self.kernel = kernel(tuple(self.cores), len(stretches) > 1)
        asked = spared(laid, stretches)
        self.spared = Spared(asked.cut, *(_put(a) for a in asked[1:]))
        self.form = (
            shape.lead, shape.width, shape.groups, shape.neurons, shape.sums, shape.bits,
        )  # fmt: skip
        self.outside = outside(program, laid, inputs, steps)
        self.synapses = self._synapses()
        self.heard = self._heard(shape.lead + shape.width * shape.groups + 1)
        self.noises = _Noises()
        rows = [self.noises.rows(cores) for cores in self.cores.values()]
        self.tables = [_put(a) for a in self.noises.tables(rows)]
        places = self._places()
        self.groups = tuple(
            Group(
                _put(np.concatenate([c.state for c in cores]).view(np.recarray)),
                _put(np.concatenate([c.params for c in cores]).view(np.recarray)),
                self._placed(places, cores),
                _put(r),
                max(len(c.noise) for c in cores),
            )
            for cores, r in zip(self.cores.values(), rows, strict=True)
        )
        self.states = {
            p: np.zeros((1, steps, int(np.prod(program.population(p).shape))), s.dtype)
            for p, s in ((c.population, c.state) for c in own)
            if p in record.states
        }
        self.found: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = []

    def _synapses(self) -> Synapses:
        blocks, shape = self.laid.blocks, self.laid.shape
        signed = np.int32 if blocks[0].words.itemsize == 4 else np.int64
        sizes = [b.words.size for b in blocks]
        words = [b.words for b in blocks] if any(sizes) else [np.zeros(1, blocks[0].words.dtype)]
        return Synapses(
            _put(np.stack([b.start for b in blocks])),
            _put(np.cumsum([0, *sizes[:-1]])),
            _put(np.concatenate(words).view(signed)),
            _put(np.zeros((len(blocks), 1 << shape.bits), self.laid.drive)),
            _put(np.array([b.first for b in blocks])),
        )

    def _heard(self, kept: int) -> Heard:
        """The lists of spikes; those of a launch are put in their places by `advance`."""
        return Heard(
            _put(np.zeros((kept, self.n), np.int32)),
            _put(np.zeros(kept, np.int64)),
            _put(np.append(self.outside.who, 0).astype(np.int32)),
            _put(self.outside.start),
            None,
            None,
            None,
        )

    def _places(self) -> NDArray[np.int64]:
        """Block, place in its sums and number of every neuron, by number: (numbers, 3)."""
        found = np.zeros((self.laid.core_of.size, 3), np.int64)
        found[:, NUMBER] = np.arange(len(found))
        for q, b in enumerate(self.laid.blocks):
            found[b.first : b.last, BLOCK] = q
            found[b.first : b.last, AT] = np.arange(b.last - b.first)
        return found

    def _placed(self, places: NDArray[np.int64], cores: list[CoreImage]) -> Any:
        start = self.laid.start
        return _put(np.concatenate([places[start[c.number] :][: c.n] for c in cores]))

    def enter(self, stretch: Severed) -> None:
        """Take what is dead in a stretch of steps out of the sweeps."""
        if stretch.dies:
            places = self._places()
            places[stretch.dead[self.laid.core_of], BLOCK] = NONE
            self.groups = tuple(
                group._replace(place=self._placed(places, cores))
                for group, cores in zip(self.groups, self.cores.values(), strict=True)
            )

    def advance(self, begin: int, end: int) -> None:
        """Run the steps begin .. end."""
        numbers = cuda.device_array((end - begin) * self.n, np.int32)
        steps = cuda.device_array((end - begin) * self.n, np.int64)
        many = _put(np.zeros(1, np.int64))
        heard = self.heard._replace(numbers=numbers, steps=steps, many=many)
        drawn = Drawn(_put(self.noises.keys(begin, end)), *self.tables)
        self.kernel[grid()](
            begin, end, self.form, self.synapses, heard, self.spared, drawn, self.groups
        )  # fmt: skip
        n = int(many.copy_to_host()[0])
        if n:
            self.found.append((steps[:n].copy_to_host(), numbers[:n].copy_to_host()))
        if self.states:
            self._keep(begin)

    def _keep(self, t: int) -> None:
        """Record the registers after step t."""
        for cores, group in zip(self.cores.values(), self.groups, strict=True):
            if not any(c.population in self.states for c in cores):
                continue
            now, a = group.state.copy_to_host(), 0
            for c in cores:
                if c.population in self.states:
                    self.states[c.population][0, t, c.lo : c.hi] = now[a : a + c.n]
                a += c.n

    def trace(self) -> Trace:
        """Put names on what was found."""
        none = np.zeros(0, np.int64), np.zeros(0, np.int32)
        when, who = (np.concatenate([f[k] for f in (none, *self.found)]) for k in (0, 1))
        lists = [self.outside, by_step(when, who, self.steps)]  # a device lists in any order
        tally = Tally(self.program, self.laid, self.steps, ALONE, self.stretches)
        tally.add(lists)
        shown = rasters(self.program, self.laid, self.record.spikes, lists, self.steps)
        return Trace(tally.total(), shown, self.states)


def _put(array: NDArray[Any]) -> Any:
    return cuda.to_device(array)
