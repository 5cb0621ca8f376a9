"""Counts: whole numbers of events per sample, step and core. Seconds and joules come later.

    spikes            emitted by the core            packets_out   packets it put into the network
    packets_in        received by the core           hops          steps of its packets on chip
    synaptic_events   synapses applied on the core   neuron_updates
    router_lookups, link_packets                     of the packets it sent
    fetches           rows it fetched from its chip's shared memory, one for each packet it got
                      (on a core that holds kernels beside rows, for the packets of both)
    copies            packets beyond the first of a spike, where each core gets its own
    packets_lost, events_lost                        of the packets it sent, where parts died:
        one for each core that was meant to get it, and the synaptic events that it misses there

What a packet causes is booked on the step in which the packet was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.twin.remembered import remembered

LOSSES = ("packets_lost", "events_lost")
FOLD = 64  # steps


@remembered
def _of_cores(program: Program) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Neurons updated per step on each core, and the cores that fetch rows, None if none does."""
    updated = [0 if c.role == "source" else c.n for c in program.cores]
    fetching = np.array([c.fetches for c in program.cores], bool)
    return np.array(updated, np.int64), fetching if fetching.any() else None


@dataclass(frozen=True, eq=False)
class Counts:
    """Event counts of a run: arrays (batch, steps, cores) by name."""

    arrays: dict[str, NDArray[Any]]
    updated: NDArray[np.int64]  # neurons updated per step on each core
    lives: NDArray[np.int64] | None = None  # steps that each core lives, where some die
    fetching: NDArray[np.bool_] | None = None  # cores that fetch rows, None where none does
    _totals: dict[str, NDArray[np.int64]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        program: Program,
        arrays: dict[str, NDArray[Any]],
        lives: NDArray[np.int64] | None = None,
    ) -> Counts:
        """Return the counts of a run of `program`."""
        updated, fetching = _of_cores(program)
        return cls(arrays, updated, lives, fetching)

    @property
    def names(self) -> list[str]:
        """Names of everything that is counted."""
        return [*dict.fromkeys([*self.arrays, *LOSSES]), "neuron_updates", "fetches", "copies"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(batch, steps, cores)."""
        b, t, c = next(iter(self.arrays.values())).shape
        return b, t, c

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Whether a core lives in a step: (steps, cores), or (1, cores) where none dies."""
        if self.lives is None:
            return np.ones((1, self.updated.size), bool)
        return np.arange(self.shape[1])[:, None] < self.lives

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one count as (batch, steps, cores). Raises BadInput E0180 for an unknown name."""
        if name == "neuron_updates":
            return np.broadcast_to(self.updated * self.alive, self.shape)
        if name == "fetches":
            if self.fetching is None:
                return np.broadcast_to(np.int64(0), self.shape)
            return self.arrays["packets_in"] * self.fetching
        if name == "copies":
            more: NDArray[Any] = self.arrays["packets_out"] - self.arrays["spikes"]
            return more.clip(min=0)
        if name in LOSSES and name not in self.arrays:  # nothing died
            return np.broadcast_to(np.int64(0), self.shape)
        if name not in self.arrays:
            raise BadInput("E0180", "no such count", got=repr(name), allowed=", ".join(self.names))
        return self.arrays[name]

    def per_sample(self, name: str) -> NDArray[np.int64]:
        """Return the count of each sample, all steps and cores together: (batch,)."""
        total: NDArray[np.int64] = self[name].sum(axis=(1, 2), dtype=np.int64)
        return total

    def per_core(self, name: str) -> NDArray[np.int64]:
        """Return the count of each core, all samples and steps together: (cores,)."""
        if name not in self._totals:
            self._totals[name] = _column_sums(self[name])
        return self._totals[name].copy()

    def mean(self, name: str) -> float:
        """Return the count of an average sample."""
        return float(self.per_sample(name).mean())


def _column_sums(count: NDArray[Any]) -> NDArray[np.int64]:
    """Sums of (batch, steps, cores) by core: FOLD steps side by side first, long rows add fast."""
    cores = count.shape[2]
    rows = count.reshape(-1, cores)
    whole = len(rows) // FOLD * FOLD
    folded = rows[:whole].reshape(-1, FOLD * cores).sum(axis=0, dtype=np.int64)
    total: NDArray[np.int64] = folded.reshape(FOLD, cores).sum(axis=0)
    total += rows[whole:].sum(axis=0, dtype=np.int64)
    return total
