"""Transit: the way of a packet that takes longest, and its time part by part.

    time = routers x latency + hops x cycles of a hop / clock of the network on chip
           + links x bits of a packet on the link / rate of the link

A packet waits nowhere here: this is the time in an empty network. A link's time is that of sending
the packet over it; what wires and their circuits take on top is in the latency of a router. Between
a router and the links of its chip there are no hops.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mossy.program.artefact import Program
from mossy.program.machine import Place, Spot
from mossy.twin.traffic.link_facts import KINDS, LinkFacts, kind_of
from mossy.twin.traffic.packets import Seat, Way, core_to_core
from mossy.units import Quantity


class Leg(NamedTuple):
    """What a packet crosses on its way to one core."""

    routers: int
    hops: int
    on_board: int
    between_boards: int

    @property
    def links(self) -> int:
        """Links from chip to chip."""
        return self.on_board + self.between_boards


NOWHERE = Leg(0, 0, 0, 0)


@dataclass(frozen=True)
class Transit:
    """The longest way. parts: seconds of each, named; total: None where one is not known."""

    leg: Leg
    parts: dict[str, Quantity]
    total: Quantity | None


class Clock:
    """What a packet crosses, in seconds, and which way is the longest."""

    def __init__(self, program: Program, facts: LinkFacts) -> None:
        self.program, self.facts = program, facts
        self.kinds: dict[Place, int] = {}

    @cached_property
    def router(self) -> Quantity | None:
        """Seconds of a router."""
        return self.facts.fact(self.facts.spec.get("latency"))

    @cached_property
    def hop(self) -> Quantity | None:
        """Seconds of a hop on the network on chip."""
        cycles, clock = self.facts.quantity("noc", "hop"), self.facts.quantity("noc", "clock")
        if cycles is None or clock is None:
            return None
        f = clock
        return Quantity(cycles.value / f.value, "s", cycles.low / f.high, cycles.high / f.low)

    @cached_property
    def on_board(self) -> Quantity | None:
        """Seconds of a link on a board."""
        return self.facts.crossing(self.program, "on_board")

    @cached_property
    def between_boards(self) -> Quantity | None:
        """Seconds of a link between boards."""
        return self.facts.crossing(self.program, "between_boards")

    def longest(self, home: Seat, way: Way, seats: Iterable[Seat], apart: bool) -> Leg:
        """Return the longest way of a packet from `home` to some seats.

        apart: packets go from core to core, and take no router on the chip where they begin.
        """
        machine = self.program.machine
        at: dict[Spot, tuple[int, int, int]] = {home.spot: (1, 0, 0)}
        for link in way.links:  # from the root outwards
            routers, *links = at[link[:2]]
            links[self._kind(link)] += 1
            beyond = machine.beside(link[:2], link[2])
            assert beyond is not None
            at[beyond] = routers + 1, links[0], links[1]
        far: dict[Spot, int] = {}
        for seat in seats:
            hops = core_to_core(home, seat) if apart else home.hops + seat.hops
            far[seat.spot] = max(hops, far.get(seat.spot, 0))
        if apart:
            at[home.spot] = (0, 0, 0)
        return self.longest_of(Leg(at[spot][0], n, *at[spot][1:]) for spot, n in far.items())

    def longest_of(self, legs: Iterable[Leg]) -> Leg:
        """Return the longest of some ways."""
        return max(legs, key=lambda leg: (self._seconds(leg), leg), default=NOWHERE)

    def transit(self, leg: Leg) -> Transit:
        """Return the time of a way."""
        asked = self._asked(leg)
        parts = {name: each.times(often) for name, often, each in asked if each}
        total = sum(parts.values(), start=Quantity.exact(0.0, "s"))
        return Transit(leg, parts, total if len(parts) == len(asked) else None)

    def _kind(self, link: Place) -> int:
        if link not in self.kinds:
            self.kinds[link] = KINDS.index(kind_of(self.program.machine, link))
        return self.kinds[link]

    def _asked(self, leg: Leg) -> list[tuple[str, int, Quantity | None]]:
        """Name, number and seconds of what is on a way; facts of what is not are not asked for."""
        found = [("routers", leg.routers, self.router)]
        if leg.hops:
            found.append(("network on chip", leg.hops, self.hop))
        if leg.on_board:
            found.append(("links on board", leg.on_board, self.on_board))
        if leg.between_boards:
            found.append(("links between boards", leg.between_boards, self.between_boards))
        return found

    def _seconds(self, leg: Leg) -> float:
        return sum(often * each.value for _, often, each in self._asked(leg) if each)
