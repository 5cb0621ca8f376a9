"""Ways from chip to chip over working links, as short as they can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mossy.program.machine import Machine, Place, Spot


@dataclass(frozen=True)
class Tree:
    """Shortest ways from some chips. way: link into each chip; root: where it begins."""

    order: tuple[Spot, ...]
    way: dict[Spot, Place | None]
    root: dict[Spot, Spot]

    def links(self, spot: Spot) -> list[Place]:
        """Return the links from a root to a chip, in order."""
        found = []
        while (link := self.way[spot]) is not None:
            found.append(link)
            spot = link[:2]
        return found[::-1]


def reached(
    machine: Machine, wanted: set[Spot], roots: Iterable[Spot] | None = None
) -> tuple[Tree, set[Spot]]:
    """Return shortest ways to the chips of `wanted`, and those of them that none leads to.

    roots: where ways begin, the chips with Ethernet where not given.
    """
    todo = [s for s in (machine.ethernet if roots is None else roots) if machine.has(s)]
    way: dict[Spot, Place | None] = dict.fromkeys(todo)
    root = {s: s for s in todo}
    missing = wanted - set(todo)
    for spot in todo:
        for link in range(len(machine.steps)) if missing else ():
            beyond = machine.beside(spot, link)
            if beyond is not None and beyond not in way:
                way[beyond], root[beyond] = (*spot, link), root[spot]
                todo.append(beyond)
                missing.discard(beyond)
    return Tree(tuple(todo), way, root), missing
