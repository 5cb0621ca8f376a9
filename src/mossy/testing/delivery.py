"""Every key followed through routing tables, packet by packet, at the size of whole machines.

What a router does is all that this knows of routing: the first entry that matches says where a copy
goes, and without one a packet goes straight on, or is dropped where a core of the chip has sent it.
All keys of a slice go one way where no entry that is looked at splits their block, so one walk for
each slice proves them all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.passes.tables import Tables
from mossy.program.machine import Machine
from mossy.testing.checks import expect

NOWHERE, TWICE, OTHER, MISSED, SPLIT, AROUND = range(1, 7)
SAID = {
    NOWHERE: "goes over a link that leads nowhere",
    TWICE: "comes to a core twice",
    OTHER: "comes to a core that it is not for",
    MISSED: "does not come to every core that it is for",
    SPLIT: "meets an entry that parts the keys of its slice",
    AROUND: "goes round in circles",
}


class Walked(NamedTuple):
    """What was followed. links: crossed by all packets together, one packet of every slice."""

    packets: int
    copies: int
    links: int


def expect_delivery(
    machine: Machine,
    places: Any,
    keys: Any,
    start: NDArray[Any],
    targets: NDArray[Any],
    tables: Tables,
) -> Walked:
    """Raise AssertionError unless every key reaches exactly its targets, once each.

    places: (slices, 3) of cores; keys: (slices, 2) first key and mask of each; slice s sends to the
    slices targets[start[s] : start[s + 1]].
    """
    expect(not (tables.key & ~tables.mask).any(), "an entry asks for bits that its mask leaves out")
    cores, blocks = np.asarray(places, np.int64), np.asarray(keys, np.int64)
    chips = cores[:, 1] * machine.width + cores[:, 0]
    most = int(cores[:, 2].max(initial=0)) + 1
    slice_at = np.full((machine.width * machine.height, max(most, 64 * tables.cores.shape[1])), -1)
    slice_at[chips, cores[:, 2]] = np.arange(len(cores))
    ends = np.searchsorted(tables.chip, np.arange(len(slice_at) + 1))
    fault, number, copies, links = _walk(
        chips, blocks[:, 0], blocks[:, 1] ^ 0xFFFFFFFF, np.asarray(start), np.asarray(targets),
        slice_at, _beside(machine), ends, tables.key, tables.mask, tables.links, tables.cores,
    )  # fmt: skip
    expect(not fault, f"a packet of slice {number} {SAID.get(fault, '')}")
    return Walked(len(cores), copies, links)


def _beside(machine: Machine) -> NDArray[np.int64]:
    """The chip behind each link of each chip: (chips, links), -1 where there is none."""
    found = np.full((machine.width * machine.height, len(machine.steps)), -1)
    for x, y in machine.spots():
        for link in range(len(machine.steps)):
            beyond = machine.beside((x, y), link)
            if beyond is not None:
                found[y * machine.width + x, link] = beyond[1] * machine.width + beyond[0]
    return found


@numba.njit(cache=True)
def _walk(
    chips: Any, first: Any, room: Any, start: Any, targets: Any, slice_at: Any, beside: Any,
    ends: Any, keys: Any, masks: Any, links: Any, cores: Any,
) -> Any:  # fmt: skip
    """Follow a packet of every slice: (fault or 0, slice, copies handed to cores, links crossed).

    room: of a block of keys, less one. ends: entries of chip c are ends[c] .. ends[c + 1].
    """
    n, copies, crossed = len(chips), 0, 0
    wanted, got = np.full(n, -1), np.full(n, -1)
    todo = np.empty((6 * len(beside) + 6, 2), np.int64)
    for s in range(n):
        for k in range(start[s], start[s + 1]):
            wanted[targets[k]] = s
        left, steps, size = start[s + 1] - start[s], 0, 1
        todo[0, 0], todo[0, 1] = chips[s], -1
        while size:
            size -= 1
            chip, came_by = todo[size]
            steps += 1
            if steps > len(beside):
                return AROUND, s, copies, crossed
            entry = -1
            for e in range(ends[chip], ends[chip + 1]):
                if (first[s] ^ keys[e]) & masks[e] & ~room[s]:
                    continue
                if masks[e] & room[s]:
                    return SPLIT, s, copies, crossed
                entry = e
                break
            out = 0 if came_by < 0 else 1 << came_by
            if entry >= 0:
                out = links[entry]
                for c in range(slice_at.shape[1]):
                    if c >= 64 * cores.shape[1]:
                        break
                    if not cores[entry, c >> 6] >> np.uint64(c & 63) & np.uint64(1):
                        continue
                    target = slice_at[chip, c]
                    if target < 0 or wanted[target] != s:
                        return OTHER, s, copies, crossed
                    if got[target] == s:
                        return TWICE, s, copies, crossed
                    got[target] = s
                    copies += 1
                    left -= 1
            for link in range(beside.shape[1]):
                if out >> link & 1:
                    if beside[chip, link] < 0:
                        return NOWHERE, s, copies, crossed
                    todo[size, 0], todo[size, 1] = beside[chip, link], link
                    size += 1
                    crossed += 1
        if left:
            return MISSED, s, copies, crossed
    return 0, 0, copies, crossed
