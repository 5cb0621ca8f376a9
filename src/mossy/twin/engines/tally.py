"""Lists of spikes: those of the inputs before a run, and all counts that follow from lists."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.twin.engines.helpers import Helpers
from mossy.twin.engines.trace import COUNTED, LOST, Listed, Rasters
from mossy.twin.layout.severed import Severed, whole
from mossy.twin.layout.wide import Wide

SPIKES, OUT, IN, EVENTS, HOPS, LOOKUPS, LINKS = range(len(COUNTED))
PACKETS_LOST, EVENTS_LOST = range(len(COUNTED), len(COUNTED) + len(LOST))
WORTH = 10_000  # spikes of a list that make it worth while for threads to share it


@jit
def _sent(
    begin: Any, start: Any, who: Any, first: Any, last: Any, cores: Any, trips: Any, apart: Any,
    counts: Any,
) -> Any:  # fmt: skip
    """Count the spikes of a list's steps first .. last, and how far their packets travel.

    counts: (counts, steps, cores). cores: (cores, 2) number and end of the neurons of each, by
    neurons. apart: whether the packets of every neuron have a way of their own; else those are left
    out. Core by core in all steps: what is known of its neurons stays in the nearest cache.
    """
    now = start[first - begin : last - begin].copy()
    for j in range(cores.shape[0]):
        c, end = cores[j, 0], cores[j, 1]
        for t in range(first, last):
            k, stop = now[t - first], start[t - begin + 1]
            if k == stop or who[k] >= end:
                continue
            a, out, hops, lookups, links = k, 0, 0, 0, 0
            while k < stop and who[k] < end:
                if apart:
                    out += trips[who[k], 0]
                    hops += trips[who[k], 1]
                    lookups += trips[who[k], 2]
                    links += trips[who[k], 3]
                k += 1
            now[t - first] = k
            counts[SPIKES, t, c] += k - a
            counts[OUT, t, c] += out
            counts[HOPS, t, c] += hops
            counts[LOOKUPS, t, c] += lookups
            counts[LINKS, t, c] += links


@jit
def _felt(
    begin: Any, start: Any, who: Any, first: Any, last: Any, apart: Any, fan_start: Any,
    fan_core: Any, fan_count: Any, fan_packets: Any, counts: Any,
) -> Any:  # fmt: skip
    """Count what the spikes of a list's steps first .. last bring to other cores."""
    one = np.uint64(1)  # without a sign no index is looked at twice
    for t in range(np.uint64(first), np.uint64(last)):
        s = t - np.uint64(begin)
        for k in range(start[s], start[s + one]):
            g = np.uint64(who[k])
            for e in range(fan_start[g], fan_start[g + one]):
                c = np.uint64(fan_core[e])
                counts[EVENTS, t, c] += fan_count[e]
                if apart:
                    counts[IN, t, c] += fan_packets[e]


@jit
def _missed(
    begin: Any, start: Any, who: Any, first: Any, last: Any, apart: Any, fan_start: Any,
    fan_core: Any, fan_count: Any, fan_packets: Any, core_of: Any, row: Any, gone: Any, counts: Any,
) -> Any:  # fmt: skip
    """Book on the senders what was counted in some steps and did not arrive after all."""
    for t in range(first, last):
        for k in range(start[t - begin], start[t - begin + 1]):
            g = who[k]
            sender = core_of[g]
            lost = gone[row[sender]]
            for e in range(fan_start[g], fan_start[g + 1]):
                c = fan_core[e]
                if lost[c]:
                    counts[EVENTS, t, c] -= fan_count[e]
                    counts[EVENTS_LOST, t, sender] += fan_count[e]
                    if apart:
                        counts[IN, t, c] -= fan_packets[e]
                        counts[PACKETS_LOST, t, sender] += fan_packets[e]


@jit
def _travel_alike(
    begin: Any, end: Any, trips: Any, ways_start: Any, ways_core: Any, ways_count: Any, counts: Any
) -> Any:  # fmt: skip
    """Count what packets of some steps do where those of a core travel alike, from its spikes."""
    for t in range(begin, end):
        for c in range(counts.shape[2]):
            n = counts[SPIKES, t, c]
            if n:
                counts[OUT, t, c] = n * trips[c, 0]
                counts[HOPS, t, c] = n * trips[c, 1]
                counts[LOOKUPS, t, c] = n * trips[c, 2]
                counts[LINKS, t, c] = n * trips[c, 3]
                for e in range(ways_start[c], ways_start[c + 1]):
                    counts[IN, t, ways_core[e]] += n * ways_count[e]


class Tally:
    """All counts of a run, added up from lists: (counts, steps, cores), in the order of `names`.

    stretches: of the run; by default one in which nothing is dead.
    """

    def __init__(
        self,
        program: Program,
        laid: Wide,
        steps: int,
        helpers: Helpers,
        stretches: tuple[Severed, ...] = (),
    ) -> None:
        self.laid, self.helpers = laid, helpers
        self.stretches = stretches or (whole(laid, 0, steps),)
        self.apart = program.routing == "axons"
        ends = laid.spans[:, 0] + laid.spans[:, 1]
        numbers = np.argsort(ends, kind="stable")
        self.cores = np.stack([numbers, ends[numbers]], axis=1)
        self.names = (*COUNTED, *LOST) if len(self.stretches) > 1 else COUNTED
        self.counts = np.zeros((len(self.names), steps, len(program.cores)), np.int64)

    def add(self, lists: Iterable[Listed]) -> None:
        """Count what some spikes cause. Threads share the steps of a list."""
        for own in lists:
            steps = own.start.size - 1
            parts = self.helpers.threads if own.who.size > WORTH else 1
            ends = [own.begin + steps * k // parts for k in range(parts + 1)]
            spans = [
                (s, max(a, s.begin), min(b, s.end))
                for s in self.stretches
                for a, b in pairwise(ends)
            ]
            if parts == 1:
                for span in spans:
                    self._count(own, span)
            else:
                self.helpers.map(partial(self._count, own), spans)

    def _count(self, own: Listed, span: tuple[Severed, int, int]) -> None:
        stretch, first, last = span
        if last <= first:
            return
        fan, counts = self.laid.fan, self.counts
        _sent(*own, first, last, self.cores, stretch.trips, self.apart, counts)
        _felt(
            *own, first, last, self.apart, fan.start, fan.core, fan.count, fan.packets, counts
        )  # fmt: skip
        self.miss(own, stretch, first, last)

    def miss(self, own: Listed, stretch: Severed, first: int, last: int) -> None:
        """Take back what dead parts have kept from its targets in the steps first .. last."""
        fan = self.laid.fan
        if stretch.loses:
            _missed(
                *own, first, last, self.apart, fan.start, fan.core, fan.count, fan.packets,
                self.laid.core_of, stretch.row, stretch.gone, self.counts,
            )  # fmt: skip

    def total(self) -> dict[str, NDArray[np.int64]]:
        """Return all counts (1, steps, cores) by name, once every list has been added."""
        for s in self.stretches if not self.apart else ():
            ways, steps = s.reach, slice(s.begin, s.end)
            _travel_alike(
                s.begin, s.end, s.trips, ways.indptr, ways.indices, ways.data, self.counts
            )
            if s.loses:
                self.counts[PACKETS_LOST, steps] = self.counts[SPIKES, steps] * s.lost
        return {k: self.counts[i][None] for i, k in enumerate(self.names)}


def rasters(
    program: Program, laid: Wide, names: Iterable[str], lists: Iterable[Listed], steps: int
) -> Rasters:
    """Return the spikes of some populations."""
    places = {p: laid.spans[list(program.population(p).cores)] for p in names}
    return Rasters(tuple(lists) if places else (), places, laid.core_of.size, steps)


def outside(program: Program, laid: Wide, inputs: dict[str, NDArray[Any]], steps: int) -> Listed:
    """Return the spikes of the sources, a number for each."""
    when, who = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name, x in inputs.items():
        first = int(laid.start[program.population(name).cores[0]])
        t, i = np.nonzero(x[0])
        n = x[0][t, i].astype(np.int64)
        when.append(np.repeat(t, n))
        who.append(np.repeat(first + i, n))
    return by_step(np.concatenate(when), np.concatenate(who), steps)


def by_step(when: NDArray[np.int64], who: NDArray[Any], steps: int) -> Listed:
    """Return spikes that come in any order as a list: by step, and neurons that rise within it."""
    start = np.zeros(steps + 1, np.int64)
    np.cumsum(np.bincount(when, minlength=steps)[:steps], out=start[1:])
    return Listed(0, start, who[np.lexsort((who, when))].astype(np.int32))
