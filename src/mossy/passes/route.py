"""Route: a multicast tree from every slice to the cores its spikes must reach.

The tree between chips is found by `trees`; on each chip of it, the cores that hold synapses follow.
Slices of one chip that send to the same chips share a tree. Everything is an array: places (slice,
3), keys (slice, 2), and the targets of all slices one behind the other.

Before: placed slices with keys. After: per chip, entries (key, mask) -> links and cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.passes.destinations import listed
from mossy.passes.tables import WORD, Tables
from mossy.program.machine import Machine, Place

KEYS = 1 << 32
HOME_BITS = 24  # of a number that puts slices in order


def route(
    machine: Machine,
    places: Sequence[Place | None],
    keys: Sequence[tuple[int, int]],
    destinations: Sequence[Sequence[int]],
) -> Tables:
    """Return the routing entries of each chip, in key order. Raises DoesNotFit E0306."""
    where = np.array([p or (-1, -1, -1) for p in places], np.int64).reshape(-1, 3)
    to = listed(destinations)
    return draw(machine, where, np.array(keys, np.int64).reshape(-1, 2), to.start, to.targets)


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
    from mossy.passes import entries, trees  # they load a compiler, for what may not need one

    home = np.where(places[:, 0] < 0, -1, places[:, 1] * machine.width + places[:, 0])
    core, (key, mask) = np.ascontiguousarray(places[:, 2]), np.ascontiguousarray(keys.T)
    start, end = start.astype(np.int64, copy=False), key + KEYS - mask
    words = int(core.max(initial=0)) // WORD + 1
    grid = trees.as_grid(machine)
    room = trees.growing(grid)
    room.mark[:] = -1
    like, prints = entries.kinds(home, start, targets, room.mark)
    room.mark[:] = 0
    senders = entries.Senders(home, core, key, end, _free(key, end), start, targets, like)
    named = prints & np.uint64(-1 << HOME_BITS & (1 << 64) - 1) | home.astype(np.uint64)
    order = np.argsort(named, kind="stable")
    lost, used, rows = entries.drawn(grid, room, order[home[order] >= 0], senders, words)
    if lost >= 0:
        raise trees.unreachable(machine, lost)
    columns: list[Any] = [column[:used] for column in rows]
    return Tables(machine.width, *columns).in_order()


def _free(key: NDArray[Any], end: NDArray[Any]) -> NDArray[np.int64]:
    """The first key in use behind those of each slice."""
    order = np.argsort(key, kind="stable")
    found = np.empty(len(key), np.int64)
    found[order] = np.append(key[order[1:]], KEYS)
    free: NDArray[np.int64] = np.maximum(found, end)
    return free
