"""Compress: fewer routing entries for the same ways of all used keys, no further than is needed.

Two stages, the second only for chips whose table is still too long:

1. An entry that sends packets straight on goes: without an entry a chip does just that. Neighbours
   in key order with one route become as few entries as can be; keys that do not come to the chip
   may belong to any (`aligned`). Entries stay disjoint, so their order does not matter.
2. Entries with one route merge over keys that entries further down or nobody would take
   (`covering`). From here on the first entry that matches counts.

Before: entries per chip. After: fewer. Raises DoesNotFit E0304 where they are still too many.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mossy.errors import DoesNotFit
from mossy.passes.tables import Tables, joined


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
    from mossy.passes import aligned  # it loads a compiler

    t = tables if tables.is_in_order() else tables.in_order()
    rows, key, mask = aligned.merged(t.chip, t.key, t.mask, t.links, t.cores, t.straight)
    smaller = dataclasses.replace(t.pick(rows), key=key, mask=mask)
    long = np.flatnonzero(smaller.sizes() > room)
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
    """Stage 2 on one chip. unneeded: entries that were left out, whose keys come here."""
    from mossy.passes import covering

    both = joined([table, unneeded])
    numbers = both.route_numbers()
    key, mask = both.key.astype(np.int64), both.mask.astype(np.int64)
    rows, k, m = covering.cover(key, mask, numbers, len(table), room)
    sent = (unneeded.links > 0).all()  # there is no entry that leads nowhere
    if len(rows) > room and sent:  # keys that go straight on may merge with others of their route
        further = covering.cover(key, mask, numbers, len(both), room)
        if len(further[0]) < len(rows):
            rows, k, m = further
    return dataclasses.replace(both.pick(rows), key=k.astype(np.uint32), mask=m.astype(np.uint32))
