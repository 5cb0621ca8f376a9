"""The engine for large networks: one sample, every thread with blocks of targets of its own.

A step of a thread, for each of its blocks: push what spikes of earlier steps bring (blocks.py says
which), draw the noise, sweep the neurons, and list who spiked. Then the threads meet. Nothing is
shared but those lists, so sums need no locks. A whole stretch of steps is one compiled call; what
is counted follows from the lists of spikes afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numba import carray  # type: ignore[attr-defined]
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.synapses.noise import GUIDE, ROOM, Rates, arrivals
from mossy.twin.engines.helpers import helpers_of
from mossy.twin.engines.tally import Tally, outside, rasters
from mossy.twin.engines.trace import Listed, Recorded, Trace
from mossy.twin.faults import Stretch
from mossy.twin.layout import columns as col
from mossy.twin.layout.blocks import FEW
from mossy.twin.layout.gate import LOOKS, ahead, at, call, meet, new_gate, prefetch
from mossy.twin.layout.severed import NEVER, Severed, severed, spared
from mossy.twin.layout.wide import Wide, size, wide

AHEAD = 3  # groups whose words are asked for before they are pushed
ASKED = 192  # words of a group that are asked for; those behind, the processor sees coming
FLAT = 1024  # words of short groups that are copied before they are pushed
WORTH = 1000  # neurons that make it worth while for a thread to meet others
NEAR = 1024  # neurons whose sums stay in the nearest cache between noise and sweep
# eight bytes of 0 or 1 times _PACKED have them as bits on top; which places these are, how many
_PACKED = np.uint64(0x0102040810204080)
_BITS = [[i for i in range(8) if bits >> i & 1] for bits in range(256)]
_AT = np.array([(at + 8 * [0])[:8] for at in _BITS], np.int32)
_MANY = np.array([len(at) for at in _BITS], np.uint8)
_1, _2, _3 = np.uint64(1), np.uint64(2), np.uint64(3)
_I32, _I64 = np.zeros(1, np.int32), np.zeros(1, np.int64)
_U8, _U16 = np.zeros(1, np.uint8), np.zeros(1, np.uint16)
_U32, _U64 = np.zeros(1, np.uint32), np.zeros(1, np.uint64)


@jit
def _push(words: Any, sums: Any, runs: Any, count: Any, base: Any, mask: Any, bits: Any) -> Any:
    """Add the words of all runs to the sums. runs: (count, 2) first and last word of each."""
    for r in range(count):
        if r + AHEAD < count:
            first = runs[r + AHEAD, 0]
            for k in range(first, min(first + ASKED, runs[r + AHEAD, 1]), 16):
                prefetch(words, k)
        for k in range(runs[r, 0], runs[r, 1]):
            w = words[k]
            sums[np.uint64(w + base) & mask] += w >> bits


@jit
def _gather(start: Any, spikes: Any, n: Any, groups: Any, g: Any, runs: Any, m: Any) -> Any:
    """Append the runs of group g of the senders spikes[:n]; return how many runs there are."""
    each, own, end = np.uint64(groups), np.uint64(g), np.uint64(m)
    for i in range(np.uint64(n)):
        o = np.uint64(spikes[i]) * each + own
        a, b = np.int64(start[o]), np.int64(start[o + _1])
        runs[end, 0], runs[end, 1] = a, b  # no branch: it would wait for memory
        end += np.uint64(b > a)
    return np.int64(end)


@jit
def _push_few(
    start: Any, spikes: Any, n: Any, groups: Any, g: Any, words: Any, sums: Any, base: Any,
    mask: Any, bits: Any, flat: Any,
) -> Any:  # fmt: skip
    """Add the words of group g of the senders spikes[:n], few for each.

    They are copied first, FEW of each sender whether it has as many or not, for how many it has
    nobody could foresee; those beyond, of which there are hardly any, are added at once. flat:
    (FLAT,), own scratch.
    """
    each, own, few = np.uint64(groups), np.uint64(g), np.int64(FEW)
    begin, last = np.uint64(0), np.uint64(n)
    while begin < last:
        end, m = min(last, begin + np.uint64(FLAT // FEW)), np.uint64(0)
        for i in range(begin, end):
            o = np.uint64(spikes[i]) * each + own
            a, b = np.int64(start[o]), np.int64(start[o + _1])
            p, q, r, s = words[a], words[a + 1], words[a + 2], words[a + 3]
            flat[m], flat[m + _1], flat[m + _2], flat[m + _3] = p, q, r, s
            m += np.uint64(min(b - a, few))
            for k in range(a + few, b):
                w = words[k]
                sums[np.uint64(w + base) & mask] += w >> bits
        for k in range(m):
            w = flat[k]
            sums[np.uint64(w + base) & mask] += w >> bits
        begin = end


@jit
def _gather_some(
    start: Any, spikes: Any, counts: Any, outside: Any, outside_start: Any, s: Any, groups: Any,
    g: Any, spare: Any, core_of: Any, runs: Any, m: Any, some: Any, few: Any,
) -> Any:  # fmt: skip
    """Append the runs of all spikes of step s, to `some` where live targets have been lost since.

    spare: (cores,) row in `gone` of a sender that has, else -1. some: (few, 3), a run and that row.
    Return how many runs there are of either kind.
    """
    slot, lists = s % counts.shape[1], counts.shape[0]
    for q in range(lists + (s + 1 < outside_start.size)):
        if q < lists:
            heard = spikes[q, slot][: counts[q, slot]]
        else:
            heard = outside[outside_start[s] : outside_start[s + 1]]
        for k in range(heard.size):
            o = np.int64(heard[k]) * groups + g
            a, b, r = start[o], start[o + 1], spare[core_of[heard[k]]]
            if r >= 0:
                some[few, 0], some[few, 1], some[few, 2] = a, b, r
                few += 1
            elif b > a:
                runs[m, 0], runs[m, 1] = a, b
                m += 1
    return m, few


@jit
def _push_some(
    words: Any, sums: Any, some: Any, count: Any, base: Any, mask: Any, bits: Any, first: Any,
    room: Any, gone: Any, core_of: Any,
) -> Any:  # fmt: skip
    """Add the words of all runs but those for targets that are lost.

    first: number of the block's first neuron; room: neurons that it has room for.
    """
    own = np.uint64(room - 1)
    for r in range(count):
        lost = gone[some[r, 2]]
        for k in range(some[r, 0], some[r, 1]):
            w = words[k]
            if not lost[core_of[first + np.int64(np.uint64(w) & own)]]:
                sums[np.uint64(w + base) & mask] += w >> bits


@jit
def _listed(sent: Any, n: Any, first: Any, out: Any) -> Any:
    """List the neurons that spiked; return how many there are. sent: (n,) bytes, 0 or 1.

    Eight at a time: their bits are looked up, for which of them spike nobody could foresee. Up to
    eight places behind the list are written to.
    """
    m = np.uint64(0)  # without a sign no index is looked at twice
    eight = carray(at(sent, _U64), (n // 32, 4))
    one = carray(at(sent, _U8), (n,))
    for j in range(np.uint64(n // 32)):
        if eight[j, 0] | eight[j, 1] | eight[j, 2] | eight[j, 3]:
            for k in range(np.uint64(4)):
                bits = (eight[j, k] * _PACKED) >> np.uint64(56)
                base = np.int32(first + 32 * j + 8 * k)
                for i in range(np.uint64(8)):
                    out[m + i] = base + _AT[bits, i]
                m += np.uint64(_MANY[bits])
    for i in range(np.uint64(32 * (n // 32)), np.uint64(n)):
        out[m] = first + i
        m += np.uint64(one[i])
    return np.int64(m)


@jit
def _noise(z: Any, t: Any, i: Any, row: Any, bits: Any) -> Any:
    """Add the noise of a part's neurons i, i + 1, ... to the sums of this step. row: (n,)."""
    kind = carray(at(z[col.KIND] + 4 * i, _I32), (min(z[col.KINDS], row.size),))
    n = z[col.RATES]
    rates = Rates(
        carray(at(z[col.GUIDES], _U16), (n, 1 << GUIDE)),
        carray(at(z[col.BORDERS], _U32), (n, z[col.BORDER])),
        carray(at(z[col.MOST], _I32), (n,)),
        carray(at(z[col.REST], _U64), (n, z[col.RESTS])),
    )
    arrivals(z[col.SEED], t, z[col.ELEMENT] + i, kind, rates, z[col.WEIGHT], row, bits)


@jit
def _keep(s: Any, t: Any) -> Any:
    """Copy one field of some neighbours' registers to where it is recorded."""
    n = s[col.MANY]
    if s[col.BYTES] == 4:
        source = carray(at(s[col.FROM], _I32), (n,))
        for i in range(n):
            at(s[col.TO] + t * s[col.ROW] + i * s[col.STEP], _I32)[0] = source[i]
    else:
        wider = carray(at(s[col.FROM], _I64), (n,))
        for i in range(n):
            at(s[col.TO] + t * s[col.ROW] + i * s[col.STEP], _I64)[0] = wider[i]


@jit
def walk(
    begin: Any, end: Any, first: Any, last: Any, form: Any, blocks: Any, parts: Any, noise: Any,
    fields: Any, start_like: Any, words_like: Any, sums_like: Any, spikes: Any, counts: Any,
    outside: Any, outside_start: Any, recorded: Any, recorded_end: Any, cut: Any, which: Any,
    spare: Any, gone: Any, core_of: Any, gate: Any, threads: Any, runs: Any, some: Any,
) -> Any:  # fmt: skip
    """Run the steps begin .. end of the blocks first .. last.

    form: lead, width, groups, neurons, sums, bits. spikes: (blocks, kept steps, neurons) numbers of
    who spiked, counts: (blocks, kept steps). outside: spikes of sources, those of step t from
    outside_start[t] on. recorded: (blocks, room), recorded_end: (blocks, steps + 1). cut to
    core_of: a `Spared`.
    """
    lead, width, groups, room, planes, bits = form
    kept, mask = spikes.shape[1], np.uint64((1 << bits) - 1)
    chance, looks, flat = np.empty(ROOM, np.uint32), LOOKS, np.empty(FLAT, words_like.dtype)
    for t in range(begin, end):
        slot = (t % width) * planes * room
        for b in range(first, last):
            start = carray(at(blocks[b, col.START], start_like), (1 << 62,))
            words = at(blocks[b, col.WORDS], words_like)
            sums = carray(at(blocks[b, col.SUMS], sums_like), (1 << bits,))
            m, few = 0, 0
            for g in range(blocks[b, col.USED]):
                s = t - lead - g * width
                if s < 0:
                    break
                if s >= cut:
                    m, few = _gather_some(
                        start, spikes, counts, outside, outside_start, s, groups, g,
                        spare[which[s]], core_of, runs, m, some, few,
                    )  # fmt: skip
                    continue
                for q in range(counts.shape[0] + (s + 1 < outside_start.size)):
                    if q < counts.shape[0]:
                        heard, n = spikes[q, s % kept], counts[q, s % kept]
                    else:
                        heard = outside[outside_start[s] : outside_start[s + 1]]
                        n = heard.size
                    if blocks[b, col.FEWS]:
                        _push_few(start, heard, n, groups, g, words, sums, slot, mask, bits, flat)
                    else:
                        m = _gather(start, heard, n, groups, g, runs, m)
            _push(words, sums, runs, m, slot, mask, bits)
            if few:
                _push_some(
                    words, sums, some, few, slot, mask, bits, blocks[b, col.FIRST], room, gone,
                    core_of,
                )  # fmt: skip
            for p in range(blocks[b, col.PARTS], blocks[b, col.PARTS_END]):
                n, here = parts[p, col.HI], slot + parts[p, col.OFFSET]
                table = carray(at(parts[p, col.TABLE], _I64), (64,))
                size = sums.itemsize
                table[parts[p, col.X0]] = blocks[b, col.SUMS] + here * size
                table[parts[p, col.X1]] = blocks[b, col.SUMS] + (here + (planes - 1) * room) * size
                for i in range(parts[p, col.LO], n, NEAR):
                    j = min(n, i + NEAR)
                    for k in range(here + j, here + min(n, j + NEAR), 16):
                        ahead(sums, k)
                    for z in range(parts[p, col.NOISE], parts[p, col.NOISE_END]):
                        to = here + noise[z, col.PLANE] * room
                        _noise(noise[z], t, i, sums[to + i : to + j], chance)
                    call(parts[p, col.SWEEP], parts[p, col.TABLE], i, j)
                for f in range(parts[p, col.FIELDS], parts[p, col.FIELDS_END]):
                    _keep(fields[f], t)
            out = spikes[b, t % kept]
            found = _listed(blocks[b, col.SENT], blocks[b, col.SIZE], blocks[b, col.FIRST], out)
            counts[b, t % kept] = found
            e = recorded_end[b, t - begin]
            if found:
                recorded[b, e : e + found] = out[:found]
            recorded_end[b, t - begin + 1] = e + found
        if threads > 1:
            looks = meet(gate, (t - begin + 1) * threads, looks)


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
    """Run one sample. inputs: population -> (1, time, n) spikes. progress gets steps done."""
    most = max(1, size(program)[0] // WORTH)
    threads = threads or min(os.cpu_count() or 1, most)
    laid = wide(program, chip, threads)
    parts = severed(laid, program, chip, stretches)
    live = Run(program, laid, inputs, parts, record, min(threads, len(laid.blocks)))
    tally = Tally(program, laid, live.steps, live.helpers, parts)
    kept = [live.outside]
    tally.add(kept)
    for begin, end in live.pieces():
        found = live.advance(begin, end)
        tally.add(found)
        if record.spikes:
            kept += [own.copied() for own in found]
        if progress:
            progress(end - begin)
    laid.spare.append(live.tables)
    shown = rasters(program, laid, record.spikes, kept, live.steps)
    return Trace(tally.total(), shown, live.states)


class Run:
    """A run on blocks, from one stretch of steps to the next.

    rows: of blocks that others run, whose spikes are put into the lists behind those of our own.
    """

    def __init__(
        self,
        program: Program,
        laid: Wide,
        inputs: dict[str, NDArray[Any]],
        stretches: tuple[Severed, ...],
        record: Recorded,
        threads: int,
        rows: int = 0,
    ) -> None:
        self.program, self.laid, self.record, self.stretches = program, laid, record, stretches
        self.threads, shape, steps = threads, laid.shape, stretches[-1].end
        self.steps = steps
        self.helpers = helpers_of(laid, threads)
        self.form = (
            shape.lead, shape.width, shape.groups, shape.neurons, shape.sums, shape.bits,
        )  # fmt: skip
        self.states = {
            p: np.zeros((1, steps, int(np.prod(program.population(p).shape))), self._type(p))
            for p in record.states
        }
        self.outside = outside(program, laid, inputs, steps)
        self.tables = laid.tables(rows)
        self.tables.reset(threads, self._most_runs())
        self.fields = self.tables.watched(self.states)
        self.stretch = self.tables.stretch
        self.blocks, self.parts = self.tables.blocks, self.tables.parts
        self.spared = spared(laid, stretches)
        cut = self._most_runs() if self.spared.cut < NEVER else 0
        self.some = np.empty((threads, cut, 3), np.int64)

    def _most_runs(self) -> int:
        """Most groups of synapses that can be pushed in one step."""
        given = int(np.diff(self.outside.start).max(initial=0))
        return (self.laid.core_of.size + given) * self.laid.shape.groups

    def _type(self, population: str) -> np.dtype[Any]:
        return next(c.state.dtype for c in self.program.cores if c.population == population)

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield the steps that are run in one go, begin .. end: nothing dies within them."""
        for s in self.stretches:
            if s.dies:
                dead = s.dead[self.laid.core_of]
                self.blocks, self.parts = self.tables.living(self.laid.blocks, dead)
            for begin in range(s.begin, s.end, self.stretch):
                yield begin, min(s.end, begin + self.stretch)

    def advance(self, begin: int, end: int) -> list[Listed]:
        """Run the steps begin .. end; return who spiked on each block, until the next call."""
        count, threads, gate = len(self.laid.blocks), self.threads, new_gate()
        ends = np.zeros((count, end - begin + 1), np.int64)
        given, runs = self.given(ends), self.tables.runs
        go: Any = walk  # its type does not see through *given

        def one(k: int) -> None:
            first, last = count * k // threads, count * (k + 1) // threads
            go(begin, end, first, last, *given, gate, threads, runs[k], self.some[k])

        self.helpers.together(one)
        return self.listed(begin, ends)

    def given(self, ends: NDArray[np.int64]) -> Any:
        """Return what all threads pass to `walk`. ends: (blocks, steps + 1) of what is listed."""
        laid, own = self.laid, self.tables
        first = laid.blocks[0]
        like = np.zeros(1, np.int32 if first.words.itemsize == 4 else np.int64)
        return (
            self.form, self.blocks, self.parts, own.noise, self.fields, first.start[:1], like,
            np.zeros(1, laid.drive), own.spikes, own.counts, self.outside.who, self.outside.start,
            own.recorded, ends, *self.spared,
        )  # fmt: skip

    def listed(self, begin: int, ends: NDArray[np.int64]) -> list[Listed]:
        """Return who spiked from step `begin` on; it is there until the next steps are run."""
        own = zip(ends, self.tables.recorded, strict=True)
        return [Listed(begin, end, row[: end[-1]]) for end, row in own]
