"""Compress: fewer routing entries for the same ways of all used keys, no further than is needed.

Three stages, the later ones only for chips whose table is still too long:

1. An entry that sends packets straight on goes: without an entry a chip does just that. Two entries
   with one route whose keys differ in one bit become one entry that ignores the bit; the keys
   behind a population that make its number a power of two belong to its last slice for that. Of
   the keys in use, every entry still matches those it did, so their order does not matter.
2. Entries with one route merge even where that makes them match keys nobody sends here, as long as
   no entry with another route is touched. Their order still does not matter.
3. Ordered covering (Mundy, Heathcote and Garside 2016, Neurocomputing 214): entries also merge over
   others that come earlier in the table. From here on the first entry that matches counts.

Before: entries per chip. After: fewer. Raises DoesNotFit E0304 where they are still too many.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from mossy.errors import DoesNotFit
from mossy.passes.tables import Tables, joined

NOTHING = np.empty(0, np.int64)


def compress(tables: Tables, room: int) -> Tables:
    """Return tables of at most `room` entries per chip. Raises DoesNotFit E0304."""
    smaller = minimise(tables, room)
    sizes = smaller.sizes()
    if sizes.max(initial=0) > room:
        chip = int(np.flatnonzero(sizes > room)[0])
        raise DoesNotFit(
            "E0304",
            f"the routing table has {sizes[chip] - room} entries too many",
            where=f"chip {(chip % tables.width, chip // tables.width)}",
            got=f"{sizes[chip]} entries after compression ({tables.sizes()[chip]} before)",
            allowed=room,
            hint="fewer populations per chip, or larger slices (neurons_per_core)",
        )
    return smaller


def minimise(tables: Tables, room: int) -> Tables:
    """Return equivalent tables, as far as they can be made to have `room` entries per chip."""
    smaller = merge_exactly(tables.pick(~tables.straight), *gaps(tables))
    sizes = smaller.sizes()
    long = np.flatnonzero(sizes > room)
    if not long.size:
        return smaller
    unneeded = tables.pick(tables.straight)
    parts = [smaller.pick(~np.isin(smaller.chip, long))]
    for chip in long:
        kept = unneeded.pick(unneeded.chip == chip)
        parts.append(_further(smaller.pick(smaller.chip == chip), kept, room))
    whole = joined(parts)
    return whole.pick(np.argsort(whole.chip, kind="stable"))


def _further(table: Tables, unneeded: Tables, room: int) -> Tables:
    """Stages 2 and 3 on one chip. unneeded: entries that were left out, whose keys come here."""
    from mossy.passes import covering  # it loads a compiler, for what is seldom needed

    both = joined([table, unneeded])
    numbers = both.route_numbers()
    key, mask = both.key.astype(np.int64), both.mask.astype(np.int64)
    n = len(table)
    rows, k, m = covering.widen(key, mask, numbers, n, room)
    if len(rows) > room:
        further = covering.cover(key, mask, numbers, n, room)
        if len(further[0]) < len(rows):
            rows, k, m = further
    return dataclasses.replace(table.pick(rows), key=k.astype(np.uint32), mask=m.astype(np.uint32))


def gaps(tables: Tables) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs of keys in use end, and how far the keys behind each are free to use.

    That is to the next multiple of a power of two that is no smaller than the run, or to the next
    run.
    """
    found = np.unique(tables.key.astype(np.uint64) << np.uint64(32) | ~tables.mask)
    key, last = (found >> np.uint64(32)).astype(np.int64), found.astype(np.uint32).astype(np.int64)
    end = key + last + 1
    new = np.flatnonzero(np.append(key[1:] > end[:-1], True)) if key.size else key
    begin = key[np.append(0, new[:-1] + 1)] if key.size else key
    ends = end[new]
    whole = np.exp2(np.ceil(np.log2(np.maximum(ends - begin, 1)))).astype(np.int64)
    free = -(-ends // whole) * whole
    return ends, np.minimum(free, np.append(begin[1:], 1 << 32)[: len(free)])


def _with_gaps(tables: Tables, ends: NDArray[np.int64], free: NDArray[np.int64]) -> Tables:
    """Add rows for the free keys behind the last slice of a run, with its route."""
    parts = [tables]
    end = tables.key + (~tables.mask).astype(np.int64) + 1
    at = np.minimum(np.searchsorted(ends, end), max(len(ends) - 1, 0))
    rows = np.flatnonzero(ends[at] == end) if len(ends) else at
    end, limit = end[rows], free[at[rows]] if len(ends) else end[rows]
    while (more := end < limit).any():
        rows, end, limit = rows[more], end[more], limit[more]
        room = np.exp2(np.floor(np.log2(limit - end))).astype(np.int64)
        size = np.minimum(end & -end, room)  # an aligned block that does not go too far
        part = tables.pick(rows)
        mask = ((1 << 32) - size).astype(np.uint32)
        parts.append(dataclasses.replace(part, key=end.astype(np.uint32), mask=mask))
        end = end + size
    return joined(parts)


def merge_exactly(
    tables: Tables, ends: NDArray[np.int64] = NOTHING, free: NDArray[np.int64] = NOTHING
) -> Tables:
    """Return the tables with nothing left to merge by one bit. Entries must be disjoint.

    ends, free: keys from one to the other are used by nobody, on no chip.
    """
    used = len(tables)
    tables = _with_gaps(tables, ends, free)
    group = tables.route_numbers()
    key, mask = tables.key.astype(np.uint64), tables.mask.astype(np.uint64)
    left = np.ones(len(tables), bool)
    real = np.arange(len(tables)) < used  # holds keys that are used, not only free ones
    merged = True
    while merged:
        merged = False
        some = np.flatnonzero(left & (np.bincount(group[left], minlength=1)[group] > 1))
        if not some.size:
            break
        varying = int(np.bitwise_or.reduce(key[some]) & ~np.bitwise_and.reduce(key[some]))
        for bit in range(varying.bit_length()):
            if varying >> bit & 1:
                merged |= _merge_bit(key, mask, group, left, real, some, np.uint64(1 << bit))
    left &= real
    found = tables.pick(left)
    return dataclasses.replace(
        found, key=key[left].astype(np.uint32), mask=mask[left].astype(np.uint32)
    ).in_order()


def _merge_bit(
    key: NDArray[np.uint64],
    mask: NDArray[np.uint64],
    group: NDArray[np.int64],
    left: NDArray[np.bool_],
    real: NDArray[np.bool_],
    some: NDArray[np.int64],
    flag: np.uint64,
) -> bool:
    """Merge, in place, all rows of `some` that differ in one bit alone."""
    rows = some[left[some] & (mask[some] & flag != 0)]
    name = group[rows].astype(np.uint64) << np.uint64(32) | key[rows] & ~flag
    order = np.argsort(name)
    rows, name = rows[order], name[order]
    first = np.flatnonzero((name[1:] == name[:-1]) & (mask[rows[1:]] == mask[rows[:-1]]))
    kept, gone = rows[first], rows[first + 1]
    left[gone] = False
    real[kept] |= real[gone]
    key[kept] &= ~flag
    mask[kept] &= ~flag
    return bool(first.size)
