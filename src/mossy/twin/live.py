"""A program that is run piece by piece: registers, sums and spikes under way go on.

    live = Live(program, threads=2)
    live.watch({("exc", "v"): indices})
    found = live.run(1000, {"input": (steps, neurons)})    # the next 1,000 steps
    live.put("exc", registers);  live.tune("exc", params)   # between pieces

Steps are counted from 1: step k takes the neurons from time (k - 1) dt to k dt, so that a spike of
a source at step 0 is one at time 0. One program can take over from another, changed one: `replay`
tells it which spikes of earlier steps are still under way. The program must be one that the engine
of large networks can run.

Parts can die on the way (faults.py): one that dies at step k of the script is dead from the piece's
step k + 1 on, which is that step counted from 1; at step 0 it never lived. It stays dead when
another program takes over, whatever that has put there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips.chip import chip as find_chip
from mossy.program.artefact import Program
from mossy.twin.engines.tally import rasters
from mossy.twin.engines.trace import Listed, Recorded
from mossy.twin.engines.wide import Run
from mossy.twin.faults import Fault, Stretch, checked, parted
from mossy.twin.layout import columns as col
from mossy.twin.layout.bands import by_field
from mossy.twin.layout.severed import NEVER, severed, spared, whole
from mossy.twin.layout.tables import Registers, swept_by, where_is
from mossy.twin.layout.wide import wide

Events = tuple[NDArray[np.int64], NDArray[np.int64]]  # step and neuron of each spike, by step
Watched = dict[tuple[str, str], NDArray[np.int64]]  # (population, field) -> neurons, rising
NONE = np.zeros(0, np.int64), np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Piece:
    """What a piece gave. events: by population, sources left out. fields: (steps, neurons)."""

    first: int
    events: dict[str, Events]
    fields: dict[tuple[str, str], NDArray[Any]]


class Live:
    """The registers and spikes of a program between two pieces of a run."""

    def __init__(
        self,
        program: Program,
        *,
        threads: int,
        step: int = 1,
        faults: Iterable[Fault | str] = (),
    ) -> None:
        """Begin at `step`. faults: what dies, counted from step 0. Raises BadInput E0410-E0413."""
        self.program, self.step = program, step
        chip = find_chip(program.chip)
        laid = wide(program, chip, threads)
        nothing, alive = Recorded((), ()), (whole(laid, 0, 0),)
        self._run = Run(program, laid, {}, alive, nothing, min(threads, len(laid.blocks)))
        self.faults = checked(program, chip, faults)
        self._parts = severed(laid, program, chip, _stretches(program, self.faults))
        self._run.spared = spared(laid, self._parts)
        self._lives = np.full(len(program.cores), NEVER)  # the first step without each core
        for s in reversed(self._parts):
            self._lives[s.dead] = s.begin
        shape = laid.shape
        self.reach = shape.lead + shape.width * shape.groups  # steps that a spike can be under way
        self._watched: Watched = {}
        self._given: dict[tuple[str, int], list[NDArray[Any]]] = {}  # what `tune` has set
        self._recent: Events = NONE  # spikes of sources of the last steps, numbered through
        self._starts = np.zeros(1 << 10, np.int64)

    # -------------------------------------------------------------------------- registers
    def _bands(self, population: str) -> list[Registers]:
        """The bands of a population, with registers and table of each."""
        return [r for r in self._run.tables.registers if r[0].population == population]

    def registers(self, population: str) -> NDArray[Any]:
        """Return the registers of a population as they are now: (n,) records."""
        core = self.program.cores[self.program.population(population).cores[0]]
        n = int(np.prod(self.program.population(population).shape))
        found = np.zeros(n, core.state.dtype)
        for band, state, _ in self._bands(population):
            for field, array in state.items():
                found[field][band.lo : band.hi] = array
        return found

    def put(self, population: str, registers: NDArray[Any]) -> None:
        """Set the registers of a population: (n,) records; fields that it lacks stay."""
        for band, state, _ in self._bands(population):
            for field in set(state) & set(registers.dtype.names or ()):
                state[field][:] = registers[field][band.lo : band.hi]

    def tune(self, population: str, params: NDArray[Any]) -> None:
        """Set the parameters of a population: (n,) records."""
        tables = self._run.tables
        for part, (band, state, table) in zip(tables.parts, tables.registers, strict=True):
            if band.population != population:
                continue
            table[0], given = by_field(params[band.lo : band.hi])
            self._given[population, band.lo] = given
            part[col.SWEEP] = swept_by(band, given)
            for k, values in enumerate(given):
                table[4 + len(state) + k] = where_is(values)

    # -------------------------------------------------------------------------- running
    def watch(self, watched: Watched) -> None:
        """Say which registers to keep from here on."""
        self._watched = dict(watched)

    def run(self, steps: int, sources: Mapping[str, Events]) -> Piece:
        """Run the next steps. sources: spikes of this piece, or of the step before it, by source.

        A spike of a source in step k is one at time k dt.
        """
        first, last = self.step, self.step + steps
        self._feed(sources)
        pieces: list[dict[tuple[str, str], NDArray[Any]]] = []
        lists: list[Listed] = []
        for begin, end in self._pieces(first, last):
            pieces.append(self._aim(begin, end))
            self._window(begin, end)
            self._bury(begin, pieces[-1])
            lists += [own.copied() for own in self._run.advance(begin, end)]
        self.step = last
        fields = {
            k: np.concatenate([p[k] for p in pieces]) if pieces else np.zeros((0, n.size))
            for k, n in self._watched.items()
        }
        return Piece(first, self._events(lists), fields)

    def _pieces(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the steps that are run in one go, begin .. end: nothing dies within them."""
        dies = (s.begin for s in self._parts if first < s.begin < last)
        for a, b in pairwise(sorted({first, last, *dies})):
            for begin in range(a, b, self._run.stretch):
                yield begin, min(b, begin + self._run.stretch)

    def _bury(self, begin: int, room: Mapping[tuple[str, str], NDArray[Any]]) -> None:
        """Take those who are dead in a step out of the tables; what they held is what is kept."""
        dead = self._lives <= begin
        if not dead.any():
            return
        laid, tables = self._run.laid, self._run.tables
        self._run.blocks, self._run.parts = tables.living(laid.blocks, dead[laid.core_of])
        for (population, field), out in room.items():
            out[:] = self.registers(population)[field][self._watched[population, field]]

    def _feed(self, sources: Mapping[str, Events]) -> None:
        """Add spikes of sources to those under way, and forget what has arrived."""
        when, who = [self._recent[0]], [self._recent[1]]
        for name, (step, neuron) in sources.items():
            when.append(step)
            who.append(self._run.laid.numbers(self.program, name, neuron))
        t, i = np.concatenate(when), np.concatenate(who)
        late = (t >= self.step - self.reach) & (t < self._lives[self._run.laid.core_of[i]])
        order = np.argsort(t[late], kind="stable")
        self._recent = t[late][order], i[late][order]

    def _window(self, begin: int, end: int) -> None:
        """Show the engine the sources' spikes that it can ask for in the steps begin .. end."""
        while self._starts.size < end + 2:
            self._starts = np.concatenate([self._starts, np.zeros_like(self._starts)])
        low = max(0, begin - self.reach)
        self._starts[low : end + 2] = np.searchsorted(self._recent[0], np.arange(low, end + 2))
        run, starts = self._run, self._starts[: end + 2]
        run.outside = Listed(0, starts, self._recent[1].astype(np.int32))
        most = int(np.diff(starts[low:]).max(initial=0)) + run.laid.core_of.size
        run.tables.room(run.threads, most * run.laid.shape.groups)
        if run.spared.cut < NEVER:
            self._spare(end, most * run.laid.shape.groups)

    def _spare(self, end: int, runs: int) -> None:
        """Have the engine know what is dead in all steps up to an end, and room for its runs."""
        run, which = self._run, self._run.spared.which
        if which.size < end + 1:
            later = np.full(which.size + end + 1, len(self._parts) - 1, which.dtype)
            run.spared = run.spared._replace(which=np.concatenate([which, later]))
        if run.some.shape[1] < runs:
            run.some = np.empty((run.threads, 2 * runs, 3), np.int64)

    def _aim(self, begin: int, end: int) -> dict[tuple[str, str], NDArray[Any]]:
        """Make room for what is watched in some steps, and point the engine's table at it."""
        tables = self._run.tables
        room, by_part = {}, [list[list[int]]() for _ in tables.registers]
        for (population, field), wanted in self._watched.items():
            for k, (band, state, _) in enumerate(tables.registers):
                if band.population != population:
                    continue
                source = state[field]
                if (population, field) not in room:
                    room[population, field] = np.zeros((end - begin, wanted.size), source.dtype)
                out, size = room[population, field], source.itemsize
                origin = where_is(out) - begin * out.strides[0]
                for at, n in _runs(wanted, band.lo, band.hi):
                    here = where_is(source) + (int(wanted[at]) - band.lo) * size
                    by_part[k].append([here, size, origin + at * size, out.strides[0], size, n])
        rows: list[list[int]] = []
        for k, found in enumerate(by_part):
            tables.parts[k, [col.FIELDS, col.FIELDS_END]] = len(rows), len(rows) + len(found)
            rows += found
        self._run.fields = np.array(rows, np.int64).reshape(-1, 6)
        return room

    def _events(self, lists: list[Listed]) -> dict[str, Events]:
        """The spikes of lists by population."""
        names = [p.name for p in self.program.populations if p.role != "source"]
        found = rasters(self.program, self._run.laid, names, lists, self.step)
        return {p: found.events(p) for p in names}

    # -------------------------------------------------------------------------- taking over
    def replay(self, spikes: Mapping[str, Events]) -> None:
        """Put spikes of steps before this one on their way; to be called before the first run.

        What they bring at steps that are over is thrown away; the rest arrives when it is due.
        """
        self._feed(spikes)
        run, tables, shape = self._run, self._run.tables, self._run.laid.shape
        asleep = tables.blocks.copy()
        tables.blocks[:, [col.PARTS, col.PARTS_END]] = 0
        for t in range(max(1, self.step - self.reach), self.step):
            self._window(t, t + 1)
            run.advance(t, t + 1)
            one = shape.sums * shape.neurons
            for sums in tables.sums:
                sums[(t % shape.width) * one : (t % shape.width + 1) * one] = 0
        tables.blocks[:] = asleep


def _stretches(program: Program, faults: Sequence[Fault]) -> tuple[Stretch, ...]:
    """Stretches between faults in steps counted from 1; the last one has no end, and is empty."""
    end = 1 + max((f.step(program.dt) for f in faults), default=-1)
    found = parted(program, faults, end)
    starts = [0, *(s.begin + 1 if s.begin else 0 for s in found[1:])]
    ends = [*starts[1:], starts[-1]]
    each = zip(found, starts, ends, strict=True)
    return tuple(replace(s, begin=a, end=b) for s, a, b in each)


def _runs(wanted: NDArray[np.int64], lo: int, hi: int) -> list[tuple[int, int]]:
    """Place and length of each run of neighbours among those wanted within lo .. hi."""
    a, b = np.searchsorted(wanted, [lo, hi])
    cuts = np.flatnonzero(np.diff(wanted[a:b]) != 1) + 1
    edges = [int(a), *(int(a + c) for c in cuts), int(b)]
    return [(x, y - x) for x, y in pairwise(edges) if y > x]


def runs_here(model: str, params: NDArray[Any]) -> bool:
    """Return whether no neuron of a model sends two spikes in a step: then it can be run live."""
    step = neurons.model(model).step
    one = step.__annotations__.get("return") in (bool, "bool")
    return one or ("refract" in (params.dtype.names or ()) and bool((params["refract"] > 0).all()))
