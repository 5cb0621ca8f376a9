"""Compress: merge routing entries until a table fits, never changing where a used key goes.

Two entries with one route merge where their keys agree but for bits that are then ignored, if no
entry with another route overlaps the merged one. Entries are disjoint before and after, so their
order in the table does not matter. Merging stops at nothing left to merge.

Before: entries per chip. After: fewer. Raises DoesNotFit E0304 where they are still too many.
"""

from __future__ import annotations

from mossy.errors import DoesNotFit
from mossy.program.artefact import Route


def compress(
    tables: dict[tuple[int, int], tuple[Route, ...]], room: int
) -> dict[tuple[int, int], tuple[Route, ...]]:
    """Return the minimised tables; `room` is the number of entries a chip has."""
    smaller = {spot: minimise(table) for spot, table in tables.items()}
    for spot, table in smaller.items():
        if len(table) > room:
            raise DoesNotFit(
                "E0304",
                f"the routing table has {len(table) - room} entries too many",
                where=f"chip {spot}",
                got=f"{len(table)} entries after compression ({len(tables[spot])} before)",
                allowed=room,
                hint="fewer populations per chip, or larger slices (neurons_per_core)",
            )
    return smaller


def minimise(table: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return an equivalent table for all keys that `table` matches, by pairwise merging."""
    entries = list(table)
    merged = True
    while merged:
        merged = False
        groups: dict[tuple[tuple[int, ...], tuple[int, ...], int], list[Route]] = {}
        for e in entries:
            groups.setdefault((e.links, e.cores, e.mask), []).append(e)
        for group in groups.values():
            present = {e.key: e for e in group}
            for e in group:
                found = _partner(e, present, entries)
                if found is not None:
                    partner, union = found
                    entries = [x for x in entries if x is not e and x is not partner] + [union]
                    del present[e.key], present[partner.key]
                    merged = True
    return tuple(sorted(entries, key=lambda r: (r.key, r.mask)))


def _partner(
    e: Route, present: dict[int, Route], entries: list[Route]
) -> tuple[Route, Route] | None:
    """An entry of the same route and mask whose key differs in one bit, and their union."""
    if e.key not in present:
        return None
    for bit in range(32):
        flag = 1 << bit
        if not e.mask & flag or (e.key ^ flag) not in present:
            continue
        other = present[e.key ^ flag]
        union = Route(e.key & ~flag, e.mask & ~flag, e.links, e.cores)
        if not any(_overlap(union, x) for x in entries if x is not e and x is not other):
            return other, union
    return None


def _overlap(a: Route, b: Route) -> bool:
    both = a.mask & b.mask
    return (a.key & both) == (b.key & both)
