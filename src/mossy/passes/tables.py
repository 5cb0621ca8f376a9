"""Routing tables as arrays: one row per entry, all chips together, sorted by chip and key.

A row is as wide as it must be: 32 bits of key and of mask, the links and the cores as bit sets. A
million cores need a few million rows, so objects are only made of what is shown or stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Route
from mossy.program.machine import Spot

WORD = 64  # cores in one word of a bit set


@dataclass(frozen=True, eq=False)
class Tables:
    """Entries in matching order on each chip. chip: y * width + x. cores: (entries, words).

    straight: the entry sends a packet on the way it came, which a chip does without an entry too.
    """

    width: int
    chip: NDArray[np.int32]
    key: NDArray[np.uint32]
    mask: NDArray[np.uint32]
    links: NDArray[np.uint8]
    cores: NDArray[np.uint64]
    straight: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.chip)

    def pick(self, rows: NDArray[Any]) -> Tables:
        """Return some rows, in the order given, or those where a mask is set."""
        columns = (self.chip, self.key, self.mask, self.links, self.cores, self.straight)
        return Tables(self.width, *(c[rows] for c in columns))

    def is_in_order(self) -> bool:
        """Whether the rows are sorted by chip and key."""
        chip, key = self.chip, self.key
        up = (chip[1:] > chip[:-1]) | ((chip[1:] == chip[:-1]) & (key[1:] >= key[:-1]))
        return bool(up.all())

    def in_order(self) -> Tables:
        """Return the rows sorted by chip and key."""
        return self.pick(np.argsort(self.chip.astype(np.uint64) << np.uint64(32) | self.key))

    def sizes(self) -> NDArray[np.int64]:
        """Entries of each chip, by chip number, up to the last that has any."""
        return np.bincount(self.chip)

    def route_numbers(self) -> NDArray[np.int64]:
        """A number per row, equal where chip, links and cores are."""
        columns = [self.chip, self.links, *self.cores.T]
        order = np.lexsort(columns)
        new = np.zeros(len(self), bool)
        for c in columns:
            new[1:] |= c[order][1:] != c[order][:-1]
        found = np.empty(len(self), np.int64)
        found[order] = np.cumsum(new)
        return found

    def by_chip(self) -> dict[Spot, tuple[Route, ...]]:
        """Return the entries as objects, chips in order of x and y; none that lead nowhere."""
        found: dict[Spot, list[Route]] = {}
        known: dict[tuple[int, ...], tuple[tuple[int, ...], tuple[int, ...]]] = {}
        rows = zip(
            self.chip.tolist(), self.key.tolist(), self.mask.tolist(),
            map(tuple, np.column_stack([self.links, self.cores]).tolist()), strict=True,
        )  # fmt: skip
        for chip, key, mask, bits in rows:
            if bits not in known:
                cores = (WORD * i + c for i, w in enumerate(bits[1:]) for c in members(w))
                known[bits] = members(bits[0]), tuple(cores)
            if any(bits):
                spot = chip % self.width, chip // self.width
                found.setdefault(spot, []).append(Route(key, mask, *known[bits]))
        return {spot: tuple(found[spot]) for spot in sorted(found)}


def members(bits: int) -> tuple[int, ...]:
    """Return the numbers of the bits that are set."""
    return tuple(i for i in range(bits.bit_length()) if bits >> i & 1)


def from_routes(routes: dict[Spot, tuple[Route, ...]], width: int) -> Tables:
    """Return objects as arrays, in their order; no entry counts as one that is not needed."""
    rows = [(y * width + x, r) for (x, y), table in routes.items() for r in table]
    words = max((c // WORD + 1 for _, r in rows for c in r.cores), default=1)
    cores = np.zeros((len(rows), words), np.uint64)
    for i, (_, r) in enumerate(rows):
        for c in r.cores:
            cores[i, c // WORD] |= np.uint64(1 << c % WORD)
    return Tables(
        width,
        np.array([chip for chip, _ in rows], np.int32),
        np.array([r.key for _, r in rows], np.uint32),
        np.array([r.mask for _, r in rows], np.uint32),
        np.array([sum(1 << link for link in r.links) for _, r in rows], np.uint8),
        cores,
        np.zeros(len(rows), bool),
    )


def joined(parts: list[Tables]) -> Tables:
    """Return the rows of several tables of one machine, one behind the other."""
    columns = zip(
        *((p.chip, p.key, p.mask, p.links, p.cores, p.straight) for p in parts), strict=True
    )
    return Tables(parts[0].width, *(np.concatenate(c) for c in columns))
