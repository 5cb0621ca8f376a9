"""Where a packet goes: routing tables followed chip by chip, or the list of a core's axons.

A core-to-core packet goes straight from tile to tile where both cores are on one chip, and else to
the router, over the links of a shortest way, and from the router there to the core; which way that
is was settled when the program was loaded. That it takes no router on its own chip is assumed.

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
from mossy.program.artefact import LINKED, CoreImage, Program, Route
from mossy.program.machine import Place, Spot
from mossy.twin.traffic.ways import Tree, reached

CORE_TO_CORE = "core_to_core"


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
    because of dead parts, in order. sent: packets that leave the core for one spike.
    """

    cores: tuple[int, ...]
    lookups: int
    links: int
    hops: int
    lost: tuple[int, ...]
    sent: int

    @property
    def meant(self) -> int:
        """Number of cores that the packet is meant for; without any it is not sent."""
        return len(self.cores) + len(self.lost)


@dataclass(frozen=True)
class Way:
    """The tree of a multicast packet: cores reached and lost, routers and links that it uses.

    Of core-to-core packets all ways together, a router or link as often as one of them uses it.
    """

    cores: tuple[int, ...]
    lost: tuple[int, ...]
    routers: tuple[Spot, ...]
    links: tuple[Place, ...]


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
        self.apart = program.routing == CORE_TO_CORE
        self.trees: dict[Spot, Tree] = {}

    def journey(self, core: CoreImage, neuron: int) -> Journey:
        """Return what the packet of one neuron (or source channel) does."""
        key = core.key + neuron
        if self.program.routing in LINKED:
            way = self.way(core, neuron)
            meant, lookups, links = len(way.cores + way.lost), len(way.routers), len(way.links)
            sent = meant if self.apart else min(meant, 1)
            return Journey(way.cores, lookups, links, self.inside(core, way), way.lost, sent)
        if self.program.routing == "axons":
            axons = tuple(a.target for a in core.axons if a.neurons[neuron])
            reached, lost = self._parted(axons)
            edges = self._edges(core, reached)
            return Journey(reached, 0, edges, self.hops(core, reached), lost, len(axons))
        fed = (c.number for c in self.program.cores if any(key & t.mask == t.key for t in c.tables))
        reached, lost = self._parted(tuple(fed))
        return Journey(reached, 0, 0, 0, lost, min(len(reached + lost), 1))

    def way(self, core: CoreImage, neuron: int) -> Way:
        """Return the links and routers that a neuron's packets use, none where it sends none."""
        return self._straight(core) if self.apart else self._tree(core, neuron)

    def _straight(self, core: CoreImage) -> Way:
        """The ways of packets from a core to each of its targets."""
        assert core.place is not None
        home, targets = core.place[:2], [a.target for a in core.axons]
        reached: list[int] = []
        lost: list[int] = []
        routers: list[Spot] = []
        crossed: list[Place] = []
        for number in targets:
            ahead = self._links(home, self.seats[number].spot)
            passed = 0
            while passed < len(ahead) and self._open(ahead[passed]):
                passed += 1
            alive = passed == len(ahead) and number not in self.gone
            (reached if alive else lost).append(number)
            crossed += ahead[:passed]
            spots = [link[:2] for link in ahead]
            routers += [*spots, self.seats[number].spot][: passed + 1] if ahead else []
        return Way(tuple(reached), tuple(lost), tuple(routers), tuple(crossed))

    def _links(self, start: Spot, end: Spot) -> list[Place]:
        """The links of the way from chip to chip that was settled when the program was loaded."""
        if start == end:
            return []
        if start not in self.trees:
            used = {seat.spot for seat in self.seats.values()}
            self.trees[start], _ = reached(self.program.machine, used, (start,))
        return self.trees[start].links(end)

    def _open(self, link: Place) -> bool:
        """Whether a link of the program's machine and the chip behind it are still alive."""
        beyond = self.program.machine.beside(link[:2], link[2])
        return beyond is not None and self._passes(link[:2], link[2], beyond)

    def _tree(self, core: CoreImage, neuron: int) -> Way:
        """The multicast tree of one neuron's packet."""
        assert core.place is not None
        key = core.key + neuron
        reached: list[int] = []
        lost: list[int] = []
        routers: list[Spot] = []
        crossed: list[Place] = []
        todo: list[tuple[Spot, int | None, bool]] = [(core.place[:2], None, True)]
        while todo:
            spot, came_by, whole = todo.pop()  # whole: behind nothing dead
            if whole:
                routers.append(spot)
            entry = next((r for r in self.tables.get(spot, ()) if key & r.mask == r.key), None)
            if entry is not None:
                for number in (self.at[(*spot, c)] for c in entry.cores):
                    alive = whole and number not in self.gone
                    (reached if alive else lost).append(number)
                out = entry.links
            else:  # default route: straight on; a packet from a core of this chip is dropped
                out = () if came_by is None else (came_by,)
            for link in out:
                beyond = self.program.machine.beside(spot, link)
                if beyond is None:  # into nothing, the packet is lost
                    continue
                passes = whole and self._passes(spot, link, beyond)
                if passes:
                    crossed.append((*spot, link))
                todo.append((beyond, link, passes))
        if not reached and not lost:
            return Way((), (), (), ())
        reached.sort()
        lost.sort()
        return Way(tuple(reached), tuple(lost), tuple(routers), tuple(crossed))

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
        """Return the steps on networks on chip of a spike's packets."""
        if self.mesh is None:
            return self.hops(core, way.cores)
        home = self.seats[core.number]
        if self.apart:
            return sum(core_to_core(home, self.seats[number]) for number in way.cores)
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


def core_to_core(home: Seat, seat: Seat) -> int:
    """Return the steps on networks on chip of a core-to-core packet: XY has no shorter way."""
    if seat.spot != home.spot:
        return home.hops + seat.hops
    return abs(seat.tile[0] - home.tile[0]) + abs(seat.tile[1] - home.tile[1])


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
