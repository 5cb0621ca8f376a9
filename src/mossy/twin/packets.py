"""Where a packet goes: routing tables followed chip by chip, or the list of a core's axons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mossy.chips.chip import Chip
from mossy.chips.facts import Facts
from mossy.program.artefact import CoreImage, Program, Route
from mossy.program.machine import Place, Spot


@dataclass(frozen=True)
class Journey:
    """What one packet does. cores: numbers of the cores it reaches, in order.

    lookups: routing tables consulted; links: chip-to-chip links crossed; hops: steps in the
    network on chip, one way to every core reached.
    """

    cores: tuple[int, ...]
    lookups: int
    links: int
    hops: int


class Network:
    """The machine's packet network for one program. Journeys are found once per key block."""

    def __init__(self, program: Program, chip: Chip) -> None:
        self.program, self.chip = program, chip
        self.at = {c.place: c.number for c in program.cores if c.place is not None}
        self.tables: dict[Spot, tuple[Route, ...]] = {}
        for spot, table in program.tables.items():
            x, y = spot.split(",")
            self.tables[int(x), int(y)] = table
        self.distance: dict[tuple[int, int], int] = {}
        self.crossed: dict[tuple[int, int], int] = {}

    def journey(self, core: CoreImage, neuron: int) -> Journey:
        """Return what the packet of one neuron (or source channel) does."""
        if self.program.routing == "multicast":
            return self._multicast(core, core.key + neuron)
        if self.program.routing == "axons":
            reached = tuple(a.target for a in core.axons if a.neurons[neuron])
            return Journey(reached, 0, self._edges(core, reached), self._hops(core, reached))
        fed = (
            c.number
            for c in self.program.cores
            if any((core.key + neuron) & t.mask == t.key for t in c.tables)
        )
        return Journey(tuple(fed), 0, 0, 0)

    def _multicast(self, core: CoreImage, key: int) -> Journey:
        assert core.place is not None
        reached: list[int] = []
        lookups = links = 0
        todo: list[tuple[Spot, int | None]] = [(core.place[:2], None)]
        while todo:
            spot, came_by = todo.pop()
            lookups += 1
            entry = next((r for r in self.tables.get(spot, ()) if key & r.mask == r.key), None)
            if entry is not None:
                reached += [self.at[(*spot, c)] for c in entry.cores]
                out = entry.links
            else:  # default route: straight on; a packet from a core of this chip is dropped
                out = () if came_by is None else (came_by,)
            for link in out:
                beyond = self.program.machine.beside(spot, link)
                if beyond is not None:  # into nothing, the packet is lost
                    links += 1
                    todo.append((beyond, link))
        cores = tuple(sorted(reached))
        return Journey(cores, lookups if cores else 0, links, self._hops(core, cores))

    def _hops(self, core: CoreImage, reached: tuple[int, ...]) -> int:
        return self._sum(core, reached, self.distance, self.chip.rules.hops)

    def _edges(self, core: CoreImage, reached: tuple[int, ...]) -> int:
        """Chip edges that the packets to these cores cross, where chips lie side by side."""
        crossings = getattr(self.chip.rules, "crossings", _side_by_side)
        return self._sum(core, reached, self.crossed, crossings)

    def _sum(
        self,
        core: CoreImage,
        reached: tuple[int, ...],
        known: dict[tuple[int, int], int],
        measure: Callable[[Place, Place, Facts], int],
    ) -> int:
        """What the way to each core reached measures, together; each pair is worked out once."""
        if core.place is None:
            return 0  # injected by the host
        total = 0
        for number in reached:
            pair = (core.number, number)
            if pair not in known:
                end = self.program.cores[number].place
                assert end is not None
                known[pair] = measure(core.place, end, self.chip.facts)
            total += known[pair]
        return total


def _side_by_side(start: Place, end: Place, facts: Facts) -> int:
    return abs(end[0] - start[0]) + abs(end[1] - start[1])
