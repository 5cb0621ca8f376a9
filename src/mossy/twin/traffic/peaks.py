"""The busiest step of each part of the network, and the busiest part of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mossy.units import Quantity

ROUNDING = 1e-9  # a link that is full to the last packet is not above 100 %
TOP = 5  # links listed


@dataclass(frozen=True)
class Busy:
    """A link or a router in its busiest step.

    load: packets or look-ups in that step. use: share of what fits into a tick.
    """

    name: str
    kind: str
    sample: int
    step: int
    load: int
    use: Quantity | None


class Peak(NamedTuple):
    """A part by its number, its busiest step, and its load then."""

    part: int
    sample: int
    step: int
    load: int


class Peaks:
    """What `add` has seen of n parts. over: (n,) above 100 % in some step; over_steps: how often.

    use, load: (n,) share of a tick and packets of the busiest step, at: (n, 2) its sample and step.
    per_step: (batch, steps) use of the busiest part. total: packets of all parts and steps.
    """

    def __init__(self, share: NDArray[np.float64], shape: tuple[int, int]) -> None:
        n = share.size
        self.share = share
        self.use, self.load = np.zeros(n), np.zeros(n, np.int64)
        self.at = np.zeros((n, 2), np.int64)
        self.over, self.over_steps, self.total = np.zeros(n, bool), 0, 0
        self.per_step = np.zeros(shape)

    def add(self, b: int, t: int, load: NDArray[np.int64]) -> None:
        """Add steps of sample b, from t on. load: (steps, n)."""
        if not load.size:
            return
        use = load * self.share
        self.total += int(load.sum())
        self.per_step[b, t : t + len(use)] = use.max(axis=1)
        above = use > 1 + ROUNDING
        self.over |= above.any(axis=0)
        self.over_steps += int(above.sum())
        self._keep(b, t, load, use)

    def _keep(self, b: int, t: int, load: NDArray[np.int64], use: NDArray[np.float64]) -> None:
        first = np.where(self.share > 0, use.argmax(axis=0), load.argmax(axis=0))
        every = np.arange(use.shape[1])
        now, packets = use[first, every], load[first, every]
        more = (now > self.use) | ((self.share == 0) & (packets > self.load))
        self.use[more], self.load[more] = now[more], packets[more]
        self.at[more] = np.stack([np.full(first.size, b), t + first], axis=1)[more]

    def busiest(self, most: int = TOP) -> list[Peak]:
        """Return the parts that are busy at all, busiest first; those of unknown use by load."""
        order = np.lexsort((-self.load, -self.use))[:most].tolist()
        seen = [(i, int(self.load[i])) for i in order if self.load[i]]
        return [Peak(i, int(self.at[i, 0]), int(self.at[i, 1]), load) for i, load in seen]
