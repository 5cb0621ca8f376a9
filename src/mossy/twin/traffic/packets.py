"""Where a packet goes: routing tables followed chip by chip, or the list of a core's axons.

Parts that died while the program runs stop what would cross them: a dead link or chip everything
behind it on the tree, a dead core what is meant for it. The tables stay as they were loaded, so
nothing finds a way around. `Network(program, chip, dead).journey(core, neuron)` is all an engine
needs to know of it: which deliveries survive, and what the packet uses on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mossy.chips.chip import Chip
from mossy.chips.facts import Facts
from mossy.chips.mesh import Mesh, Tile
from mossy.program.artefact import CoreImage, Program, Route
from mossy.program.machine import Place, Spot


@dataclass(frozen=True)
class Dead:
    """Parts that died: spots of chips, places of cores, links (x, y, link) from either end."""

    chips: frozenset[Spot] = frozenset()
    cores: frozenset[Place] = frozenset()
    links: frozenset[Place] = frozenset()

    def core(self, place: Place | None) -> bool:
        """Return whether the core at `place` is dead; what stays on the host (None) never is."""
        return place is not None and (place in self.cores or place[:2] in self.chips)


NONE_DEAD = Dead()


@dataclass(frozen=True)
class Journey:
    """What one packet does. cores: numbers of the cores it reaches, in order.

    lookups: routing tables consulted; links: chip-to-chip links crossed; hops: steps in the
    network on chip, one way to every core reached, or, where a multicast packet is followed through
    it, to the router and from there to every tile with such cores (a packet of its own each,
    whatever the chip's choice). lost: cores it was meant for and does not reach
    because of dead parts, in order.
    """

    cores: tuple[int, ...]
    lookups: int
    links: int
    hops: int
    lost: tuple[int, ...] = ()

    @property
    def meant(self) -> int:
        """Number of cores that the packet is meant for; without any it is not sent."""
        return len(self.cores) + len(self.lost)


@dataclass(frozen=True)
class Way:
    """The tree of a multicast packet: cores reached and lost, routers and links that it uses.

    longest: routers on the longest way to a core that is reached.
    """

    cores: tuple[int, ...]
    lost: tuple[int, ...]
    routers: tuple[Spot, ...]
    links: tuple[Place, ...]
    longest: int


NOWHERE: Tile = (0, 0)  # the tile of cores whose network on chip is not followed


class Seat(NamedTuple):
    """Where a core sits: its chip, its tile there, and the hops from there to the router."""

    spot: Spot
    tile: Tile
    hops: int


class Network:
    """The machine's packet network for one program, with the parts that are dead by now."""

    def __init__(self, program: Program, chip: Chip, dead: Dead = NONE_DEAD) -> None:
        self.program, self.chip, self.dead = program, chip, dead
        self.at = {c.place: c.number for c in program.cores if c.place is not None}
        self.gone = frozenset(c.number for c in program.cores if dead.core(c.place))
        self.tables: dict[Spot, tuple[Route, ...]] = {}
        for spot, table in program.tables.items():
            x, y = spot.split(",")
            self.tables[int(x), int(y)] = table
        self.mesh = mesh_of(chip)
        self.seats = _seats(program, self.mesh)
        self.distance: dict[tuple[int, int], int] = {}
        self.crossed: dict[tuple[int, int], int] = {}

    def journey(self, core: CoreImage, neuron: int) -> Journey:
        """Return what the packet of one neuron (or source channel) does."""
        key = core.key + neuron
        if self.program.routing == "multicast":
            way = self.way(core, neuron)
            lookups, links = len(way.routers), len(way.links)
            return Journey(way.cores, lookups, links, self.inside(core, way), way.lost)
        if self.program.routing == "axons":
            meant = tuple(a.target for a in core.axons if a.neurons[neuron])
            reached, lost = self._parted(meant)
            edges = self._edges(core, reached)
            return Journey(reached, 0, edges, self.hops(core, reached), lost)
        fed = (c.number for c in self.program.cores if any(key & t.mask == t.key for t in c.tables))
        reached, lost = self._parted(tuple(fed))
        return Journey(reached, 0, 0, 0, lost)

    def way(self, core: CoreImage, neuron: int) -> Way:
        """Return the multicast tree of one neuron's packet, nothing where it is for no core."""
        assert core.place is not None
        key = core.key + neuron
        reached: list[int] = []
        lost: list[int] = []
        routers: list[Spot] = []
        crossed: list[Place] = []
        longest = 0
        todo: list[tuple[Spot, int | None, int]] = [(core.place[:2], None, 1)]
        while todo:  # depth 0: behind something dead
            spot, came_by, depth = todo.pop()
            if depth:
                routers.append(spot)
            entry = next((r for r in self.tables.get(spot, ()) if key & r.mask == r.key), None)
            if entry is not None:
                for number in (self.at[(*spot, c)] for c in entry.cores):
                    alive = depth and number not in self.gone
                    (reached if alive else lost).append(number)
                    longest = max(longest, depth if alive else 0)
                out = entry.links
            else:  # default route: straight on; a packet from a core of this chip is dropped
                out = () if came_by is None else (came_by,)
            for link in out:
                beyond = self.program.machine.beside(spot, link)
                if beyond is None:  # into nothing, the packet is lost
                    continue
                passes = bool(depth) and self._passes(spot, link, beyond)
                if passes:
                    crossed.append((*spot, link))
                todo.append((beyond, link, depth + 1 if passes else 0))
        if not reached and not lost:
            return Way((), (), (), (), 0)
        reached.sort()
        lost.sort()
        return Way(tuple(reached), tuple(lost), tuple(routers), tuple(crossed), longest)

    def _passes(self, spot: Spot, link: int, beyond: Spot) -> bool:
        """Whether a link and the chip behind it are still alive."""
        dead = self.dead
        if not dead.links and not dead.chips:
            return True
        dx, dy = self.program.machine.steps[link]
        back = self.program.machine.steps.index((-dx, -dy))
        ends = ((*spot, link), (*beyond, back))
        return beyond not in dead.chips and not any(e in dead.links for e in ends)

    def _parted(self, meant: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Cores that are reached and cores that are not, where only cores can be dead."""
        if not self.gone:
            return meant, ()
        alive = tuple(n for n in meant if n not in self.gone)
        return alive, tuple(n for n in meant if n in self.gone)

    def inside(self, core: CoreImage, way: Way) -> int:
        """Return the steps on networks on chip of a multicast packet."""
        if self.mesh is None:
            return self.hops(core, way.cores)
        seats = {self.seats[number] for number in way.cores}
        out = self.seats[core.number].hops if way.routers else 0
        return out + sum(seat.hops for seat in seats)

    def hops(self, core: CoreImage, reached: tuple[int, ...]) -> int:
        """Return the steps on networks on chip from a core to those reached, one way to each."""
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


def mesh_of(chip: Chip) -> Mesh | None:
    """Return the network on chip, None where its links are not followed."""
    if "noc" not in chip.spec.get("links", {}):
        return None
    found: Mesh = chip.rules.mesh(chip.facts)
    return found


def _seats(program: Program, mesh: Mesh | None) -> dict[int, Seat]:
    """Where every core sits that is on a chip."""
    found = {}
    for c in program.cores:
        if c.place is not None:
            tile = mesh.cores[c.place[2]] if mesh else NOWHERE
            found[c.number] = Seat(c.place[:2], tile, mesh.distance(tile) if mesh else 0)
    return found


def _side_by_side(start: Place, end: Place, facts: Facts) -> int:
    return abs(end[0] - start[0]) + abs(end[1] - start[1])
