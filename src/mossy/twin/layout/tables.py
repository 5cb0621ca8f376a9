"""Tables: the memory of a run on threads, and where in it everything is.

What compiled loops need is written down as numbers, addresses among them, so that one compiled loop
fits all programs. All of it is made once for a program; one run after another takes it, begins with
`reset`, and puts it back: fresh memory costs more than to run a small network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.synapses.noise import rates_of
from mossy.twin.layout import columns as col
from mossy.twin.layout.bands import Band
from mossy.twin.layout.blocks import FEW, Block
from mossy.twin.layout.shape import Shape
from mossy.twin.layout.sweep import known, sweep

STRETCH = 1 << 22  # spikes that a block can list in a stretch of steps, at most
LONGEST = 1000  # steps of a stretch, after each of which progress is told
BEHIND = 8  # places behind a list that may be written to
MOST = 16  # times as many words as those beyond the few of their group
LINE = 8  # addresses or counts in a line of the cache

Registers = tuple[Band, dict[str, NDArray[Any]], NDArray[np.int64]]


class Tables:
    """The memory of a run of some blocks.

    rows: of blocks that others run, whose spikes are put into the lists behind those of our own.
    registers: of each band, with the table that its sweep takes (sweep.py). spikes: (blocks, kept
    steps, neurons) numbers of who spiked, counts: (blocks, kept steps). recorded: (blocks, room).
    """

    def __init__(
        self,
        blocks: tuple[Block, ...],
        bands: tuple[tuple[Band, ...], ...],
        shape: Shape,
        drive: np.dtype[Any],
        rows: int = 0,
    ) -> None:
        self._alive: list[Any] = []  # what the tables point at
        self.sent = [np.zeros(shape.neurons, np.uint8) for _ in blocks]
        self.sums = [np.zeros(1 << shape.bits, drive) for _ in blocks]
        self.registers: list[Registers] = []
        self.blocks, self.parts, self.noise = self._tables(blocks, bands, shape)
        kept = LINE  # so that two threads never write into one line of the cache
        while kept < 2 * shape.lead + shape.width * shape.groups:
            kept *= 2
        self.spikes = np.empty((len(blocks) + rows, kept, shape.neurons + BEHIND), np.int32)
        self.counts = np.zeros((len(blocks) + rows, kept), np.int64)
        self.stretch = max(1, min(LONGEST, STRETCH // shape.neurons))
        self.recorded = np.empty((len(blocks), self.stretch * shape.neurons), np.int32)
        self.runs = np.empty((0, 0, 2), np.int64)

    def reset(self, threads: int, runs: int) -> None:
        """Make everything as it is before a run. runs: groups pushed in a step, at most."""
        for band, state, _ in self.registers:
            for f, first in band.state.items():
                state[f][:] = first
        for s in self.sums:
            s.fill(0)
        self.counts.fill(0)
        self.room(threads, runs)

    def room(self, threads: int, runs: int) -> None:
        """See to it that each thread can push so many groups in a step."""
        if self.runs.shape[0] < threads or self.runs.shape[1] < runs:
            self.runs = np.empty((threads, 2 * runs, 2), np.int64)

    def _tables(
        self, blocks: tuple[Block, ...], bands: tuple[tuple[Band, ...], ...], shape: Shape
    ) -> tuple[NDArray[np.int64], ...]:
        rows: list[list[int]] = []
        parts: list[list[int]] = []
        noise: list[list[int]] = []
        for b, sums, sent, own in zip(blocks, self.sums, self.sent, bands, strict=True):
            first = len(parts)
            for band in own:
                drawn = [self._drawn(band, k) for k in range(len(band.noise))]
                parts.append(
                    [*self._part(band, sent), len(noise), len(noise) + len(drawn), 0, 0]
                )  # fmt: skip
                noise += drawn
            where = [where_is(a) for a in (b.start, b.words, sums, sent)]
            rows.append([*where, b.first, b.last - b.first, first, len(parts), *_used(b)])
        return tuple(
            np.array(found, np.int64).reshape(-1, width)
            for found, width in ((rows, 10), (parts, 11), (noise, 13))
        )

    def _part(self, band: Band, sent: NDArray[np.uint8]) -> list[int]:
        """The first columns of a row of the table of parts."""
        state = {f: a.copy() for f, a in band.state.items()}
        table = np.array(
            [band.alike, *map(where_is, state.values()), 0, 0, where_is(sent) + band.at]
            + [where_is(a) for a in band.params]
            + LINE * [0],  # what stands behind it may be another thread's
            np.int64,
        )
        self.registers.append((band, state, table))
        x0 = 1 + len(state)
        return [
            swept_by(band, band.params),
            where_is(table),
            0,
            band.hi - band.lo,
            band.at,
            x0,
            x0 + 1,
        ]

    def _drawn(self, band: Band, k: int) -> list[int]:
        noise, to, weight = band.noise[k]
        rates, which = rates_of(noise.mean)
        self._alive += [*rates, which]
        return [
            noise.seed, band.lo, weight, to, where_is(which), which.size,
            len(rates.most), where_is(rates.guide), where_is(rates.borders), rates.borders.shape[1],
            where_is(rates.most), where_is(rates.rest), rates.rest.shape[1],
        ]  # fmt: skip

    def watched(self, states: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Return the table of recorded fields, and point the parts at it.

        states: population -> (1, steps, n) records to be filled.
        """
        rows: list[list[int]] = []
        for part, (band, state, _) in zip(self.parts, self.registers, strict=True):
            part[col.FIELDS] = len(rows)
            out = states.get(band.population)
            if out is not None:
                size = out.dtype.itemsize
                for f, a in state.items():
                    to = where_is(out[f]) + band.lo * size
                    row = out.shape[2] * size
                    rows.append([where_is(a), a.itemsize, to, row, size, band.hi - band.lo])
            part[col.FIELDS_END] = len(rows)
        return np.array(rows, np.int64).reshape(-1, 6)

    def living(
        self, blocks: tuple[Block, ...], dead: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tables of blocks and parts without dead neurons, who are silent from now on.

        dead: (numbers,). The tables of a whole run, which the next one takes, stay as they are.
        """
        rows, parts = self.blocks.copy(), [np.zeros((0, self.parts.shape[1]), np.int64)]
        many = 0
        for b, row, sent in zip(blocks, rows, self.sent, strict=True):
            gone = dead[b.first : b.last]
            sent[: gone.size][gone] = 0  # nobody else would: they are not swept any more
            found = [
                self._runs(part, gone) for part in self.parts[row[col.PARTS] : row[col.PARTS_END]]
            ]
            row[col.PARTS], many = many, many + sum(map(len, found))
            row[col.PARTS_END] = many
            parts += found
        return rows, np.concatenate(parts)

    def _runs(self, part: NDArray[np.int64], gone: NDArray[np.bool_]) -> NDArray[np.int64]:
        """A row for each run of the living in a part of a block. gone: (neurons of the block,)."""
        own = gone[part[col.OFFSET] :][: part[col.HI]]
        edges = np.flatnonzero(np.diff(np.concatenate([[True], own, [True]]))).reshape(-1, 2)
        found = np.tile(part, (len(edges), 1))
        found[:, [col.LO, col.HI]] = edges
        found[:-1, col.FIELDS] = found[:-1, col.FIELDS_END]  # copied once, behind the last run
        return found


def swept_by(band: Band, params: list[NDArray[Any]]) -> int:
    """Return the address of a band's sweep. params: an array a field."""
    given = known(neurons.model(band.model), params)
    address: int = sweep(band.model, band.fmt, given).address  # `sweep` keeps it alive
    return address


def _used(block: Block) -> tuple[int, bool]:
    """Groups of delays, from the first, that hold any synapse, and whether groups hold but few."""
    each = np.diff(block.start).reshape(-1, block.shape.groups)
    held = each > 0
    used = int(np.flatnonzero(held.any(axis=0)).max(initial=-1)) + 1
    few = block.words.size <= FEW * int(np.count_nonzero(held))
    return used, few and MOST * int((each[each > FEW] - FEW).sum()) <= block.words.size


def where_is(array: NDArray[Any]) -> int:
    """Return the address of an array's first byte."""
    where: int = array.__array_interface__["data"][0]  # `ctypes` takes five times as long
    return where
