"""Destinations: which slices hold the synapses of which.

The slices of a population lie side by side in its neurons, so what a slice can be reached by is
summed over runs of neurons, a population at a time. All pairs are kept as two arrays.

Before: slices. After: for every slice the numbers of the slices its spikes must reach, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, groupby
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.passes.connectivity import Connectivity
from mossy.passes.partition import Slice


class Destinations(Sequence[tuple[int, ...]]):
    """Slice s sends to the slices targets[start[s] : start[s + 1]], in order."""

    def __init__(self, start: NDArray[Any], targets: NDArray[Any]) -> None:
        self.start, self.targets = start, targets

    def __len__(self) -> int:
        return len(self.start) - 1

    @overload
    def __getitem__(self, at: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[tuple[int, ...], ...]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return tuple(self[s] for s in range(*at.indices(len(self))))
        first, last = self.start[range(len(self))[at] + np.arange(2)]
        return tuple(self.targets[first:last].tolist())

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return (self[s] for s in range(len(self)))

    def senders(self, target: int) -> list[int]:
        """Return the numbers of the slices that send to `target`, in order."""
        start, sources = self._backwards
        found: list[int] = sources[start[target] : start[target + 1]].tolist()
        return found

    @cached_property
    def _backwards(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return _turned(self.start, self.targets, len(self))


def _turned(start: NDArray[Any], ends: NDArray[Any], n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pairs by their second slice: first pair of each of `n`, first slices in order."""
    pairs = sparse.csr_array((np.ones(len(ends), np.int8), ends, start), (n, n)).tocsc()
    return pairs.indptr.astype(np.int64), pairs.indices.astype(np.int64)


def listed(targets: Iterable[Sequence[int]]) -> Destinations:
    """Return what is given as one sequence of numbers for each slice."""
    if isinstance(targets, Destinations):
        return targets
    each = [tuple(t) for t in targets]
    start = np.cumsum([0, *(len(t) for t in each)])
    return Destinations(start, np.fromiter(chain.from_iterable(each), np.int64, count=start[-1]))


def destinations(slices: tuple[Slice, ...], links: Connectivity) -> Destinations:
    """Return for each slice the numbers of the slices that hold synapses of its neurons."""
    first: dict[str, int] = {}
    lows: dict[str, NDArray[np.int64]] = {}
    number = 0
    for name, run in groupby(slices, key=lambda s: s.population):
        first[name], lows[name] = number, np.array([s.lo for s in run])
        number += len(lows[name])
    senders: list[NDArray[np.int64]] = []
    count = np.zeros(len(slices) + 1, np.int64)
    for number, s in enumerate(slices):
        incoming = () if s.role == "source" else links.quantised[s.population].incoming
        for source in sorted({x.source for x in incoming}):
            reached = links.reached(s.population, source, s.lo, s.hi)
            hit = np.flatnonzero(np.logical_or.reduceat(reached, lows[source]))
            senders.append(first[source] + hit)
            count[number + 1] += len(hit)
    found = np.concatenate([np.zeros(0, np.int64), *senders])
    return Destinations(*_turned(np.cumsum(count), found, len(slices)))
