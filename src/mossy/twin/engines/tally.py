"""Lists of spikes: those of the inputs before a run, and all counts that follow from lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.twin.engines.helpers import Helpers
from mossy.twin.engines.trace import COUNTED, Listed, Rasters
from mossy.twin.layout.wide import Wide

SPIKES, OUT, IN, EVENTS, HOPS, LOOKUPS, LINKS = range(len(COUNTED))
TURN = 64  # steps that a thread counts up at a time


@jit
def _count(
    begin: Any, start: Any, who: Any, first: Any, last: Any, core_of: Any, fan_start: Any,
    fan_core: Any, fan_count: Any, counts: Any,
) -> Any:  # fmt: skip
    """Count the spikes and synaptic events of a list's steps first .. last.

    counts: (counts, steps, cores).
    """
    for t in range(first, last):
        spikes, events = counts[SPIKES, t], counts[EVENTS, t]
        for k in range(start[t - begin], start[t - begin + 1]):
            g = who[k]
            spikes[core_of[g]] += 1
            for e in range(fan_start[g], fan_start[g + 1]):
                events[fan_core[e]] += fan_count[e]


@jit
def _travel(
    begin: Any, start: Any, who: Any, first: Any, last: Any, core_of: Any, trips: Any,
    ways_start: Any, ways_core: Any, ways_count: Any, counts: Any,
) -> Any:  # fmt: skip
    """Count what packets do where those of every neuron have a way of their own."""
    for t in range(first, last):
        out, arrived, hops = counts[OUT, t], counts[IN, t], counts[HOPS, t]
        lookups, links = counts[LOOKUPS, t], counts[LINKS, t]
        for k in range(start[t - begin], start[t - begin + 1]):
            g = who[k]
            c = core_of[g]
            out[c] += trips[g, 0]
            hops[c] += trips[g, 1]
            lookups[c] += trips[g, 2]
            links[c] += trips[g, 3]
            for e in range(ways_start[g], ways_start[g + 1]):
                arrived[ways_core[e]] += ways_count[e]


@jit
def _travel_alike(
    trips: Any, ways_start: Any, ways_core: Any, ways_count: Any, counts: Any
) -> Any:  # fmt: skip
    """Count what packets do where those of a core travel alike, from the spikes of each core."""
    for t in range(counts.shape[1]):
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
    """All counts of a run, added up from lists: (counts, steps, cores), in the order of COUNTED."""

    def __init__(self, program: Program, laid: Wide, steps: int, helpers: Helpers) -> None:
        self.laid, self.helpers = laid, helpers
        self.apart = program.routing == "axons"
        self.counts = np.zeros((len(COUNTED), steps, len(program.cores)), np.int64)

    def add(self, lists: Iterable[Listed]) -> None:
        """Count what some spikes cause."""
        laid, fan, ways = self.laid, self.laid.fan, self.laid.reach

        def turn(todo: tuple[Listed, int]) -> None:
            own, k = todo
            first = own.begin + k
            span = first, min(first + TURN, own.begin + own.start.size - 1)
            _count(*own, *span, laid.core_of, fan.start, fan.core, fan.count, self.counts)
            if self.apart:
                _travel(
                    *own, *span, laid.core_of, laid.trips, ways.indptr, ways.indices, ways.data,
                    self.counts,
                )  # fmt: skip

        for own in lists:  # threads count in different steps
            self.helpers.map(turn, [(own, k) for k in range(0, own.start.size - 1, TURN)])

    def total(self) -> dict[str, NDArray[np.int64]]:
        """Return all counts (1, steps, cores) by name, once every list has been added."""
        if not self.apart:
            ways = self.laid.reach
            _travel_alike(self.laid.trips, ways.indptr, ways.indices, ways.data, self.counts)
        return {k: self.counts[i][None] for i, k in enumerate(COUNTED)}


def rasters(
    program: Program, laid: Wide, names: Iterable[str], lists: Iterable[Listed], steps: int
) -> Rasters:
    """Return the spikes of some populations."""
    places = {
        name: [
            (int(laid.start[c]), program.cores[c].n, program.cores[c].lo)
            for c in program.population(name).cores
        ]
        for name in names
    }
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
    t = np.concatenate(when)
    order = np.argsort(t, kind="stable")
    return Listed(0, _starts(t, steps), np.concatenate(who)[order].astype(np.int32))


def by_step(when: NDArray[np.int64], who: NDArray[Any], steps: int) -> Listed:
    """Return spikes that come in any order as a list: by step, and neurons that rise within it."""
    order = np.lexsort((who, when))
    return Listed(0, _starts(when, steps), who[order].astype(np.int32))


def _starts(when: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    start = np.zeros(steps + 1, np.int64)
    np.cumsum(np.bincount(when, minlength=steps)[:steps], out=start[1:])
    return start
