"""Full links: what a chip says of its links, and what becomes of packets that do not fit a tick.

The section [links] of chip.toml and what follows from it are explained in congestion.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.program.machine import Machine, Place, board_of
from mossy.units import Quantity

ROUNDING = 1e-9  # a link that is full to the last packet is not above 100 %
KINDS = ("on_board", "between_boards")


class LinkFacts:
    """The facts that a chip names in [links], and which of those asked for are no knowledge."""

    def __init__(self, chip: Chip) -> None:
        self.chip, self.spec = chip, chip.spec["links"]
        self.assumed: dict[str, str] = {}
        self.unknown: dict[str, str] = {}

    def quantity(self, *path: str) -> Quantity | None:
        """Return the fact that is named there, None where none is named or nobody knows it."""
        name: Any = self.spec
        for key in path:
            name = name.get(key) if name else None
        if name is None:
            return None
        fact = self.chip.facts[name]
        if fact.value is None:
            self.unknown[name] = fact.source
            return None
        if fact.basis == "assumed":
            self.assumed[name] = fact.source
        return fact.quantity()

    def most(self, name: str) -> float:
        """Return the value of a fact, 0 where the chip names none."""
        found = self.quantity(name)
        return found.value if found else 0.0

    def policy(self, asked: str | None) -> str:
        """Return what a full link does: what is asked for, or the chip's own."""
        own = self.spec["policy"]
        if asked is None and own["basis"] == "assumed":
            self.assumed[f"policy {own['is']}"] = own["source"]
        return asked or str(own["is"])

    def packet(self, program: Program, kind: str) -> Quantity:
        """Return the bits that a packet takes on a link.

        Where some population sends values, every packet is taken to carry one.
        """
        bits = self.most("packet")
        if any(p.sends == "values" for p in program.populations):
            bits += self.most("payload")
        frame = self.quantity(kind, "frame")
        if frame is None:
            return Quantity.exact(bits, "bit")
        value, low, high = (-(-bits // f) * f for f in (frame.value, frame.low, frame.high))
        return Quantity(value, "bit", low, high)


def kind_of(machine: Machine, link: Place) -> str:
    """Return whether a link is "on_board" or "between_boards".

    Machines of several hexagonal boards are closed to a torus; any other is taken for one board.
    """
    beyond = machine.beside(link[:2], link[2])
    if not machine.wraps or beyond is None:
        return "on_board"
    return KINDS[board_of(machine, link[:2]) != board_of(machine, beyond)]


def shares(program: Program, facts: LinkFacts, links: tuple[Place, ...]) -> NDArray[np.float64]:
    """Return the share of a tick that one packet takes on each link, 0 where that is not known."""
    tick = program.tick
    assert tick is not None
    of = dict.fromkeys(KINDS, 0.0)
    kinds = [kind_of(program.machine, link) for link in links]
    for kind in set(kinds):
        rate = facts.quantity(kind, "rate")
        of[kind] = facts.packet(program, kind).value / (rate.value * tick) if rate else 0.0
    return np.array([of[kind] for kind in kinds])


class Full:
    """Packets that do not fit: late or dropped, with what waits on each link (all in packets).

    late, ticks_late: packets that miss their tick, and by how many ticks at worst. dropped, lost:
    packets that a link drops, and those of them that find no room in the chip's queue.
    """

    def __init__(
        self, links: tuple[Place, ...], share: NDArray[np.float64], policy: str, queue: float
    ) -> None:
        self.links, self.share, self.policy, self.queue = links, share, policy, queue
        self.fits = np.full(len(links), np.inf)
        np.divide(1.0 + ROUNDING, share, out=self.fits, where=share > 0)
        numbers = {spot: k for k, spot in enumerate(dict.fromkeys(link[:2] for link in links))}
        self.chip_of = np.array([numbers[link[:2]] for link in links], np.int64)
        self.sample, self.waiting = -1, np.zeros(len(links))
        self.late = self.dropped = self.lost = 0.0
        self.ticks_late = 0

    def add(self, sample: int, load: NDArray[np.int64]) -> None:
        """Add the next steps of a sample. load: (steps, links)."""
        if sample != self.sample:
            self.sample, self.waiting = sample, np.zeros(len(self.links))
        if self.policy == "drop":
            over = np.maximum(load - self.fits, 0.0)
            for row in over[over.any(axis=1)]:
                self.dropped += float(row.sum())
                chips = np.bincount(self.chip_of, row)
                self.lost += float(np.maximum(chips - self.queue, 0.0).sum())
            return
        if not self.waiting.any() and not (load > self.fits).any():
            return
        for row in load:
            self.waiting = np.maximum(self.waiting + row - self.fits, 0.0)
            # first come, first served: of a step's own packets the last ones wait
            self.late += float(np.minimum(self.waiting, row).sum())
            worst = (self.waiting / self.fits).max(initial=0.0)
            self.ticks_late = max(self.ticks_late, int(np.ceil(worst - ROUNDING)))
