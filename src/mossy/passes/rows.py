"""Rows in the memory that the cores of a chip share, where a core fetches one for every packet.

In its own memory a core packs its rows and keeps a pointer to each. In the shared one the rows of a
population table entry lie at equal distances, its stride, so an address is first + row x stride and
no pointers are kept: a row takes what the longest of its entry takes, in the chip's own format.

Before: images whose rows lie anywhere. After: strides in their tables, and for each core a range of
its chip's shared memory, one behind the other.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.network.populations import Conv
from mossy.network.recipe import Recipe
from mossy.passes.connectivity import Connectivity
from mossy.passes.options import Options
from mossy.program.artefact import Block, CoreImage, RowTable

ALIGNED = 16  # bytes between the ranges of two cores


def in_shared_memory(chip: Chip, options: Options) -> bool:
    """Return whether rows go into the shared memory. Raises BadInput E0144 for another place."""
    choices = chip.spec.get("memory", {}).get("rows", [])
    if options.rows is not None and options.rows not in choices:
        raise BadInput(
            "E0144",
            "the chip keeps no synapse rows there",
            where=f"{chip.name}, Options(rows=)",
            got=repr(options.rows),
            allowed=" or ".join(map(repr, choices)) or "None: its rows have one place",
            hint="leave it out",
        )
    return options.rows is not None and options.rows != choices[0]


def longest(links: Connectivity, target: str, source: str, lo: int, hi: int) -> list[int]:
    """Return the words of the longest row of each table for `source` of the targets lo .. hi."""
    found = []
    incoming = links.quantised[target].incoming
    here = [x for x in incoming if x.source == source and not isinstance(x.weight, Conv)]
    for group in dict.fromkeys((x.shift, x.receptor) for x in here):
        alike = [x.weight for x in here if (x.shift, x.receptor) == group]
        each = [(isinstance(w, Recipe), links.rows(w, lo, hi)) for w in alike]
        found += [_most(rows) for drawn, rows in each if drawn]
        listed = [rows for drawn, rows in each if not drawn]  # these share a table
        if listed:
            found.append(_most(sum(listed)))
    return found


def _most(rows: Any) -> int:
    return int(np.max(rows, initial=0))


def addressed(
    cores: tuple[CoreImage, ...], links: Connectivity, chip: Chip
) -> tuple[CoreImage, ...]:
    """Return the cores with addresses in their chips' shared memory, and strides in tables."""
    free: dict[tuple[int, int], int] = {}
    sizes = {c.key: c.n for c in cores}
    found = []
    for c in cores:
        if c.place is None or not any(b.memory == "shared" for b in c.memory):
            found.append(c)
            continue
        blocks: list[Block] = []
        for b in c.memory:
            at = free.get(c.place[:2], 0)
            shared = b.memory == "shared"
            blocks.append(dataclasses.replace(b, address=at) if shared else b)
            if shared:
                free[c.place[:2]] = at + -(-b.size // ALIGNED) * ALIGNED
        tables = tuple(_strided(t, c, sizes, links, chip) for t in c.tables)
        found.append(dataclasses.replace(c, memory=tuple(blocks), tables=tables))
    return tuple(found)


def _strided(
    t: RowTable, c: CoreImage, sizes: dict[int, int], links: Connectivity, chip: Chip
) -> RowTable:
    if t.kind == "kernel" or not hasattr(chip.rules, "stride"):
        return t
    if t.kind == "recipe":
        words = _most(links.rows(c.recipes[t.kernel], c.lo, c.hi))
    else:
        words = _most(np.diff(c.row_start[t.first : t.first + sizes[t.key] + 1]))
    return dataclasses.replace(t, stride=chip.rules.stride(words, c.word_format.bits))
