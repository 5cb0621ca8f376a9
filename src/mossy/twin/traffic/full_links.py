"""Full links: what becomes of packets that do not fit a tick; see congestion.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mossy.program.machine import Place
from mossy.twin.traffic.peaks import ROUNDING


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
