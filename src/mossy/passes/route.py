"""Route: a multicast tree from every slice to the cores its spikes must reach.

The tree between chips is found by `trees`; on each chip of it, the cores that hold synapses follow.
Slices of one chip that send to the same chips share a tree. Everything is an array: places (slice,
3), keys (slice, 2), and the targets of all slices one behind the other.

Before: placed slices with keys. After: per chip, entries (key, mask) -> links and cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.passes.partition import Connectivity, Slice
from mossy.passes.tables import WORD, Tables
from mossy.program.machine import Machine, Place


def destinations(slices: tuple[Slice, ...], links: Connectivity) -> tuple[tuple[int, ...], ...]:
    """Return for each slice the numbers of the slices that hold synapses of its neurons."""
    found: list[list[int]] = [[] for _ in slices]
    for number, target in enumerate(slices):
        if target.role == "source":
            continue
        sources = {s.source for s in links.quantised[target.population].incoming}
        for source in sorted(sources):
            reached = links.reached(target.population, source, target.lo, target.hi)
            for k, s in enumerate(slices):
                if s.population == source and reached[s.lo : s.hi].any():
                    found[k].append(number)
    return tuple(tuple(f) for f in found)


def route(
    machine: Machine,
    places: Sequence[Place | None],
    keys: Sequence[tuple[int, int]],
    destinations: Sequence[Sequence[int]],
) -> Tables:
    """Return the routing entries of each chip, in key order. Raises DoesNotFit E0306."""
    where = np.array([p or (-1, -1, -1) for p in places], np.int64).reshape(-1, 3)
    start = np.cumsum([0, *(len(t) for t in destinations)])
    targets = np.fromiter(chain.from_iterable(destinations), np.int64, count=start[-1])
    return draw(machine, where, np.array(keys, np.int64).reshape(-1, 2), start, targets)


def draw(
    machine: Machine,
    places: NDArray[Any],
    keys: NDArray[Any],
    start: NDArray[Any],
    targets: NDArray[Any],
) -> Tables:
    """Return the entries of slices given as arrays. Raises DoesNotFit E0306.

    places: (slice, 3), chip x and y and core; negative: not on the machine. keys: (slice, 2), key
    and mask. Slice s sends to the slices targets[start[s] : start[s + 1]].
    """
    home = np.where(places[:, 0] < 0, -1, places[:, 1] * machine.width + places[:, 0])
    count = np.where(home < 0, 0, np.diff(start))
    source = np.repeat(np.arange(len(home)), np.diff(start))
    on = home[source] >= 0
    source, targets = source[on], targets[on]
    chip, core = home[targets], places[targets, 2]
    start = np.concatenate([[0], np.cumsum(count)])
    words = int(places[:, 2].max(initial=0)) // WORD + 1
    if (chip == home[source]).all():  # nothing leaves its chip
        rows = _at_home(home, count, source, core, words)
    else:
        rows = _abroad(machine, home, start, chip, core, words)
    # an entry that leads nowhere keeps others off the keys of a slice that sends to nobody
    mute = np.flatnonzero((home >= 0) & (count == 0))
    none = np.zeros(len(mute), np.uint8)
    nowhere = (
        mute,
        home[mute].astype(np.int32),
        none,
        np.zeros((len(mute), words), np.uint64),
        none == 0,
    )
    of, at, links, bits, straight = (np.concatenate(c) for c in zip(rows, nowhere, strict=True))
    key, mask = keys[of].T.astype(np.uint32)
    return Tables(machine.width, at, key, mask, links, bits, straight).in_order()


def _at_home(
    home: NDArray[Any], count: NDArray[Any], source: NDArray[Any], core: NDArray[Any], words: int
) -> tuple[NDArray[Any], ...]:
    of = np.flatnonzero(count)
    bits = np.zeros((len(home), words), np.uint64)
    one = np.left_shift(np.uint64(1), (core % WORD).astype(np.uint64))
    np.bitwise_or.at(bits, (source, core // WORD), one)
    none = np.zeros(len(of), np.uint8)
    return of, home[of].astype(np.int32), none, bits[of], none.astype(bool)


def _abroad(
    machine: Machine,
    home: NDArray[Any],
    start: NDArray[Any],
    chip: NDArray[Any],
    core: NDArray[Any],
    words: int,
) -> tuple[NDArray[Any], ...]:
    from mossy.passes import entries, trees  # they load a compiler, for what may not need one

    grid = trees.as_grid(machine)
    room = trees.growing(grid)
    order = np.lexsort((home, entries.fingerprints(start, chip, room.mark)))
    room.mark[:] = 0
    order = order[start[order + 1] > start[order]]  # those that send to anyone
    lost, *columns = entries.entries(grid, room, order, home, start, chip, core, words)
    if lost >= 0:
        raise trees.unreachable(machine, lost)
    return tuple(columns)
