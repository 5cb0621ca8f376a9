"""The engine of many machines: every rank of an MPI job runs a share of a program's blocks.

All ranks hold the same program and inputs; each lays out and runs an equal share of the blocks, as
the engine for large networks does. A spike is felt `lead` steps later at the earliest, the shortest
delay of the whole program, so ranks meet once in so many steps and tell each other who has spiked
(Morrison et al., Neural Computation 17, 2005). What others tell, but for those who have no synapse
here, goes into the same lists that our own blocks write. Sums are whole numbers, so that spikes do
not depend on the number of ranks. In the end counts are added up and recorded spikes and states
told to all: every rank returns the same trace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.twin.bill.meter import Meter
from mossy.twin.engines import digest
from mossy.twin.engines.helpers import ALONE
from mossy.twin.engines.tally import EVENTS, EVENTS_LOST, SPIKES, Tally, by_step, rasters
from mossy.twin.engines.trace import Listed, Recorded, Trace
from mossy.twin.engines.wide import Run, walk
from mossy.twin.faults import Stretch
from mossy.twin.layout.gate import LOOKS, meet
from mossy.twin.layout.severed import Severed, severed
from mossy.twin.layout.shape import Extent, Share
from mossy.twin.layout.tables import LINE
from mossy.twin.layout.wide import Wide, known, wide

PIECE = 1 << 27  # items that are told in one go


def world() -> Any:
    """Return all ranks, as mpi4py's communicator. Raises BadInput E0420."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as e:  # the second: no MPI library on this machine
        raise BadInput(
            "E0420",
            "several ranks need mpi4py and an MPI library",
            where='engine="mpi"',
            got=str(e).splitlines()[0],
            hint="pip install 'mossy[cluster]', and OpenMPI or MPICH from the system's packages",
        ) from None
    return MPI.COMM_WORLD


def together(meter: Meter) -> None:
    """Make it the seconds of the slowest rank and the joules of all machines, None if unknown."""
    ranks = world()
    meter.seconds = max(ranks.allgather(meter.seconds))
    machine = _host(ranks)
    first = machine.rank == 0
    machine.Free()
    joules = [j for j, counts in ranks.allgather((meter.joules, first)) if counts]
    meter.joules = None if None in joules else sum(joules)


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
    """Run one sample on all ranks; all must call this, with the same arguments.

    inputs: population -> (1, time, n) spikes. threads: of each rank, by default its part of the
    machine's processors. progress gets steps done, on every rank. Raises BadInput E0420, E0421.
    """
    ranks = world()
    _alike(ranks, program, inputs, stretches, record)
    threads = min(ranks.allgather(threads or _threads(ranks)))
    share = Share(ranks.rank, ranks.size, lambda extent: _whole(ranks, extent))
    again = not min(ranks.allgather(known(program, threads, share)))
    laid = wide(program, chip, threads, share, again)
    parts = severed(laid, program, chip, stretches)
    live = _Live(ranks, program, laid, inputs, parts, record, threads)
    for begin, end in live.run.pieces():
        live.advance(begin, end)
        if progress:
            progress(end - begin)
    return live.trace()


# ------------------------------------------------------------------ what ranks agree on
def _alike(
    ranks: Any,
    program: Program,
    inputs: dict[str, NDArray[Any]],
    stretches: Sequence[Stretch],
    record: Recorded,
) -> None:
    """Raise BadInput E0421, on all ranks, where they do not run the same."""
    own = {
        "the program": digest.of_program(program),
        "the inputs": digest.of(inputs),
        "the steps": digest.of(stretches[-1].end),
        "the parts that die": digest.of(tuple(stretches)),
        "what is recorded": digest.of((record.spikes, record.states)),
    }
    every = ranks.allgather(own)
    for what in own:
        other = [k for k in range(ranks.size) if every[k][what] != every[0][what]]
        if other:
            raise BadInput(
                "E0421",
                f"ranks do not run the same: {what} of rank {other[0]} and of rank 0 differ",
                where=f"program {program.network}, {ranks.size} ranks",
                hint="fixed seeds for everything that the script draws",
            )


def _host(ranks: Any) -> Any:
    """The ranks on this machine."""
    from mpi4py import MPI

    return ranks.Split_type(MPI.COMM_TYPE_SHARED)


def _threads(ranks: Any) -> int:
    """Processors of this machine for each of its ranks, but no more than this one may use."""
    machine = _host(ranks)
    mine = os.sched_getaffinity(0)
    all_ = set().union(*machine.allgather(mine))
    found: int = max(1, min(len(mine), len(all_) // machine.size))
    machine.Free()
    return found


def _whole(ranks: Any, extent: Extent) -> Extent:
    every = ranks.allgather(extent)
    lead, last, heaviest = zip(*every, strict=True)
    return min(lead), max(last), max(heaviest)


# ------------------------------------------------------------------ the steps of a rank
@jit
def _packed(spikes: Any, counts: Any, own: Any, begin: Any, end: Any, told: Any, out: Any) -> Any:
    """Put who spiked in the steps begin .. end into `out`, and how many in each into `told`."""
    kept, n = counts.shape[1], 0
    told[:] = 0
    for t in range(begin, end):
        before = n
        for b in range(own):
            m = counts[b, t % kept]
            out[n : n + m] = spikes[b, t % kept, :m]
            n += m
        told[t - begin] = n - before
    return n


@jit
def _lengths(told: Any, each: Any) -> Any:
    """Put how many spikes each rank tells into `each`; return how many all do."""
    for r in range(told.shape[0]):
        each[r] = told[r].sum()
    return each.sum()


@jit
def _entered(
    heard: Any, told: Any, rank: Any, begin: Any, end: Any, spikes: Any, counts: Any, own: Any,
    core_of: Any, start: Any, core: Any, count: Any, tally: Any,
) -> Any:  # fmt: skip
    """List the spikes of others behind our own blocks', and count what all spikes bring here.

    heard: spikes by rank, then step, of which told[rank, step] says how many. start, core, count:
    the fan of our cores; tally: (counts, steps, cores).
    """
    kept, room = counts.shape[1], spikes.shape[2]
    at = np.zeros(told.shape[0], np.int64)
    for r in range(1, told.shape[0]):
        at[r] = at[r - 1] + told[r - 1].sum()
    for t in range(begin, end):
        slot, n = t % kept, 0
        sent, events = tally[SPIKES, t], tally[EVENTS, t]
        for r in range(told.shape[0]):
            for k in range(at[r], at[r] + told[r, t - begin]):
                g = heard[k]
                sent[core_of[g]] += 1
                if start[g] == start[g + 1]:
                    continue
                for e in range(start[g], start[g + 1]):
                    events[core[e]] += count[e]
                if r != rank:
                    spikes[own + n // room, slot, n % room] = g
                    n += 1
            at[r] += told[r, t - begin]
        for q in range(own, counts.shape[0]):
            counts[q, slot] = min(max(n - (q - own) * room, 0), room)


@jit
def _follow(
    begin: Any, end: Any, lead: Any, first: Any, last: Any, form: Any, blocks: Any, parts: Any,
    noise: Any, fields: Any, start_like: Any, words_like: Any, sums_like: Any, spikes: Any,
    counts: Any, outside: Any, outside_start: Any, recorded: Any, recorded_end: Any, cut: Any,
    which: Any, spare: Any, gone: Any, core_of: Any, gates: Any, stop: Any, threads: Any, runs: Any,
    some: Any,
) -> Any:  # fmt: skip
    """Run the steps begin .. end of a thread that leaves telling to another.

    gates: two for each `lead` steps, before and in them, and one more. stop: (1,) whether to end.
    """
    i, looks = 0, LOOKS
    for t in range(begin, end + lead, lead):
        looks = meet(gates[i], threads, looks)
        if stop[0]:
            return
        walk(
            t, min(t + lead, end), first, last, form, blocks, parts, noise, fields, start_like,
            words_like, sums_like, spikes, counts, outside, outside_start, recorded, recorded_end,
            cut, which, spare, gone, core_of, gates[i + 1], threads, runs, some,
        )  # fmt: skip
        i += 2


class _Live:
    """One run on this rank. tally: of all spikes, and what they bring to the cores of this rank."""

    def __init__(
        self,
        ranks: Any,
        program: Program,
        laid: Wide,
        inputs: dict[str, NDArray[Any]],
        stretches: tuple[Severed, ...],
        record: Recorded,
        threads: int,
    ) -> None:
        self.ranks, self.program, self.laid, self.record = ranks, program, laid, record
        own = sum(b.last - b.first for b in laid.blocks)
        others = sum(c.n for c in laid.order if c.role != "source") - own
        rows = -(-others // laid.shape.neurons)
        threads = max(1, min(threads, len(laid.blocks)))
        self.run = Run(program, laid, inputs, stretches, record, threads, rows)
        self.lead = laid.shape.lead
        self.own = np.zeros(self.lead, np.int32)
        self.told = np.zeros((ranks.size, self.lead), np.int32)
        self.each = np.zeros(ranks.size, np.int64)
        self.out = np.empty(own * self.lead, np.int32)
        self.heard = np.empty(0, np.int32)
        self.tally = Tally(program, laid, self.run.steps, ALONE, stretches)
        self.tally.add([self.run.outside])
        self.found: list[Listed] = []  # of spikes on this rank's blocks, where some are recorded

    def advance(self, begin: int, end: int) -> None:
        """Run the steps begin .. end of a stretch."""
        run, threads, count = self.run, self.run.threads, len(self.laid.blocks)
        marks = np.zeros((count, end - begin + 1), np.int64)
        ends = np.zeros((count, self.lead + 1), np.int64)
        given = run.given(ends) if count else ()
        gates = np.zeros((2 * -(-(end - begin) // self.lead) + 1, LINE), np.int64)
        stop, runs = np.zeros(1, np.bool_), run.tables.runs
        go: Any = _follow  # its type does not see through *given

        def others(k: int) -> None:
            first, last = count * k // threads, count * (k + 1) // threads
            own = runs[k], run.some[k]
            go(begin, end, self.lead, first, last, *given, gates, stop, threads, *own)

        with ThreadPoolExecutor(threads) as pool:
            helpers = [pool.submit(others, k) for k in range(1, threads)]
            self._steps(begin, end, given, ends, marks, gates, stop)
            for h in helpers:
                h.result()
        if self.record.spikes:
            self.found += [own.copied() for own in run.listed(begin, marks)]

    def _steps(
        self, begin: int, end: int, given: Any, ends: NDArray[np.int64], marks: NDArray[np.int64],
        gates: NDArray[np.int64], stop: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Run the first thread's blocks, and tell others between `lead` steps and the next."""
        run, threads, count, i = self.run, self.run.threads, len(ends), 0
        go: Any = walk
        try:
            for t in range(begin, end, self.lead):
                u = min(t + self.lead, end)
                if count:
                    meet(gates[i], threads, LOOKS)
                    i += 2
                    own = run.tables.runs[0], run.some[0]
                    go(t, u, 0, count // threads, *given, gates[i - 1], threads, *own)
                    marks[:, t - begin + 1 : u - begin + 1] = ends[:, 1 : u - t + 1]
                    ends[:, 0] = ends[:, u - t]
                self._tell(t, u)
        finally:
            stop[0] = True
            meet(gates[i], threads, LOOKS)

    def _tell(self, begin: int, end: int) -> None:
        """Tell all ranks who spiked here in the steps begin .. end, and list what they tell."""
        own, laid, fan = self.run.tables, self.laid, self.laid.fan
        ranks, told, blocks = self.ranks, self.told, len(self.laid.blocks)
        n = _packed(own.spikes, own.counts, blocks, begin, end, self.own, self.out)
        ranks.Allgather(self.own, told)
        total = _lengths(told, self.each)
        if total > self.heard.size:
            self.heard = np.empty(2 * total, np.int32)
        if total:
            ranks.Allgatherv(self.out[:n], [self.heard, self.each])
        _entered(
            self.heard, told, ranks.rank, begin, end, own.spikes, own.counts, blocks,
            laid.core_of, fan.start, fan.core, fan.count, self.tally.counts,
        )  # fmt: skip
        self._miss(begin, end)

    def _miss(self, begin: int, end: int) -> None:
        """Take back from what has just been counted what dead parts keep from the cores here."""
        stretch = next(s for s in self.run.stretches if s.begin <= begin < s.end)
        edges = np.cumsum([0, *self.each])
        for told, (a, b) in zip(self.told, pairwise(edges), strict=True) if stretch.loses else ():
            start = np.cumsum([0, *told[: end - begin]])
            self.tally.miss(Listed(begin, start, self.heard[a:b]), stretch, begin, end)

    def trace(self) -> Trace:
        """Put together what all ranks have found."""
        run, laid, ranks = self.run, self.laid, self.ranks
        for counted in (EVENTS, EVENTS_LOST)[: len(run.stretches)]:
            _add_up(ranks, self.tally.counts[counted])
        for state in run.states.values():
            _add_up(ranks, state.view(np.uint8).reshape(-1))  # elsewhere they are zero
        lists = [run.outside, *self._lists()] if self.record.spikes else []
        shown = rasters(self.program, laid, self.record.spikes, lists, run.steps)
        return Trace(self.tally.total(), shown, run.states)

    def _lists(self) -> list[Listed]:
        """The spikes that are recorded, a list of each rank."""
        laid, steps, ranks = self.laid, self.run.steps, self.ranks
        cores = [c for p in self.record.spikes for c in self.program.population(p).cores]
        shown = np.isin(np.arange(len(self.program.cores)), cores)
        when, who = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        for own in self.found:
            seen = shown[laid.core_of[own.who]]
            step = own.begin + np.repeat(np.arange(own.start.size - 1), np.diff(own.start))
            when.append(step[seen])
            who.append(own.who[seen])
        mine = by_step(np.concatenate(when), np.concatenate(who), steps)
        starts = ranks.allgather(mine.start)
        every = np.split(_gathered(ranks, mine.who), np.cumsum([s[-1] for s in starts])[:-1])
        return [Listed(0, s, w) for s, w in zip(starts, every, strict=True)]


def _add_up(ranks: Any, array: NDArray[Any]) -> None:
    """Replace an array by its sum over all ranks."""
    from mpi4py import MPI

    flat = array.reshape(-1)
    for a in range(0, flat.size, PIECE):
        ranks.Allreduce(MPI.IN_PLACE, flat[a : a + PIECE], MPI.SUM)


def _gathered(ranks: Any, array: NDArray[Any]) -> NDArray[Any]:
    """The arrays of all ranks, one after the other."""
    each = np.array(ranks.allgather(array.size))
    found = np.empty(each.sum(), array.dtype)
    ranks.Allgatherv(np.ascontiguousarray(array), [found, each])
    return found
