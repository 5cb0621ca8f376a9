"""What a chip says of its links, in its section [links], which congestion.py explains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.program.machine import Machine, Place, board_of
from mossy.twin.traffic.asked import Asked
from mossy.twin.traffic.formats import format_of, framed
from mossy.twin.traffic.inside import APART
from mossy.twin.traffic.packets import CORE_TO_CORE
from mossy.units import Quantity

STRAIGHT = "whether a core-to-core packet takes the router of its own chip is not published: not"
KINDS = ("on_board", "between_boards")


class LinkFacts(Asked):
    """The facts that a chip names in [links]."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip)
        self.spec: dict[str, Any] = chip.spec["links"]

    def quantity(self, *path: str) -> Quantity | None:
        """Return the fact named there, None where none is, or nobody knows it. Raises E0416."""
        name: Any = self.spec
        for key in path:
            name = name.get(key) if name else None
        return self.positive(name)

    def most(self, name: str) -> float:
        """Return the value of a fact, 0 where the chip names none."""
        found = self.quantity(name)
        return found.value if found else 0.0

    def packet(self, program: Program, kind: str) -> Quantity:
        """Return the bits that a program's packet takes on a link.

        Where some population sends values, every packet is taken to carry one. One that goes from
        core to core says where to, and carries the key as well.
        """
        spec, carried = self.chip.spec["packets"], []
        if any(p.sends == "values" for p in program.populations):
            carried.append(self.fact(spec["value"]))
        if program.routing == CORE_TO_CORE:
            carried.append(self.fact(spec["key"]))
        form = format_of(self, program.routing)
        assert form is not None  # a chip that sends none has no [links]
        bits = form.bits(sum(q.value for q in carried if q))
        return framed(bits, self.quantity(kind, "frame"))

    def branching(self, program: Program) -> str:
        """Return how packets for several tiles of a chip travel: "copies", "tree" or "apart"."""
        if program.routing != CORE_TO_CORE:
            return self.choice("noc_multicast")
        self.assumed["core to core, straight"] = STRAIGHT
        return APART

    def crossing(self, program: Program, kind: str) -> Quantity | None:
        """Return the seconds that a packet takes to cross a link, None where that is not known."""
        rate = self.quantity(kind, "rate")
        if rate is None:
            return None
        bits = self.packet(program, kind)
        return Quantity(bits.value / rate.value, "s", bits.low / rate.high, bits.high / rate.low)


def kind_of(machine: Machine, link: Place) -> str:
    """Return whether a link is "on_board" or "between_boards".

    A machine that does not come on boards is taken for one board.
    """
    beyond = machine.beside(link[:2], link[2])
    if len(machine.boards) < 2 or beyond is None:
        return "on_board"
    return KINDS[board_of(machine, link[:2]) != board_of(machine, beyond)]


def shares(program: Program, facts: LinkFacts, links: tuple[Place, ...]) -> NDArray[np.float64]:
    """Return the share of a tick that one packet takes on each link, 0 where that is not known."""
    tick = program.tick
    assert tick is not None
    of = dict.fromkeys(KINDS, 0.0)
    kinds = [kind_of(program.machine, link) for link in links]
    for kind in set(kinds):
        seconds = facts.crossing(program, kind)
        of[kind] = seconds.value / tick if seconds else 0.0
    return np.array([of[kind] for kind in kinds])
