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
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised
from mossy.errors import BadInput
from mossy.network.populations import Conv
from mossy.network.recipe import Recipe
from mossy.passes.options import Options
from mossy.program.artefact import Block, CoreImage, RowTable
from mossy.synapses import generate
from mossy.synapses.chance import jit

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


def longest(q: Quantised, source: str, lo: int, hi: int) -> list[int]:
    """Return the words of the longest row of each table for `source` of the targets lo .. hi."""
    found = []
    here = [x for x in q.incoming if x.source == source and not isinstance(x.weight, Conv)]
    for group in dict.fromkeys((x.shift, x.receptor) for x in here):
        alike = [x.weight for x in here if (x.shift, x.receptor) == group]
        found += [_drawn(w, lo, hi) for w in alike if isinstance(w, Recipe)]
        listed = [w for w in alike if not isinstance(w, Recipe)]
        if listed:
            rows = sum(_lengths(w, lo, hi) for w in listed)
            found.append(int(np.max(rows, initial=0)))
    return found


def _lengths(weight: Any, lo: int, hi: int) -> NDArray[np.int64]:
    columns = weight.indices[weight.indptr[lo] : weight.indptr[hi]]
    return np.bincount(columns, minlength=weight.shape[1])


def _drawn(recipe: Recipe, lo: int, hi: int) -> int:
    return int(row_lengths(generate.spec(recipe), lo, hi).max(initial=0))


@jit
def row_lengths(s: Any, lo: Any, hi: Any) -> Any:
    """Return how many synapses of each source end at the targets lo .. hi: (n_source,)."""
    counts = np.zeros(s.n_source, np.int64)
    found, mark = generate.scratch(s)
    if s.kind == generate.OUT:
        for i in range(s.n_source):
            for k in range(generate.targets(s, i, found, mark)):
                counts[i] += lo <= found[k] < hi
        return counts
    for j in range(lo, hi):
        for k in range(generate.sources(s, j, found, mark)):
            counts[found[k]] += 1
    return counts


def addressed(cores: tuple[CoreImage, ...], chip: Chip) -> tuple[CoreImage, ...]:
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
        tables = tuple(_strided(t, c, sizes, chip) for t in c.tables)
        found.append(dataclasses.replace(c, memory=tuple(blocks), tables=tables))
    return tuple(found)


def _strided(t: RowTable, c: CoreImage, sizes: dict[int, int], chip: Chip) -> RowTable:
    if t.kind == "kernel" or not hasattr(chip.rules, "stride"):
        return t
    if t.kind == "recipe":
        words = _drawn(c.recipes[t.kernel], c.lo, c.hi)
    else:
        rows = np.diff(c.row_start[t.first : t.first + sizes[t.key] + 1])
        words = int(rows.max(initial=0))
    return dataclasses.replace(t, stride=chip.rules.stride(words, c.word_format.bits))
