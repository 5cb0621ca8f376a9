"""What an engine hands back: raw activity in chip time, before it is read in network units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.twin.counts import LOSSES


@dataclass(frozen=True, eq=False)
class Recorded:
    """What to record. spikes, states: population names."""

    spikes: tuple[str, ...]
    states: tuple[str, ...]


class Listed(NamedTuple):
    """Who spiked: in step begin + k the neurons who[start[k] : start[k + 1]], numbered through.

    Numbers rise within a step.
    """

    begin: int
    start: NDArray[np.int64]
    who: NDArray[np.int32]

    def copied(self) -> Listed:
        """Return the same with memory of its own, as that of a run is used again."""
        return self._replace(who=self.who.copy())


@jit
def _marked(begin: Any, start: Any, who: Any, place: Any, raster: Any) -> Any:
    """Mark the spikes of the neurons whose place is not -1. raster: (steps, n)."""
    for k in range(start.size - 1):
        row = raster[begin + k]
        for j in range(start[k], start[k + 1]):
            i = place[who[j]]
            if i >= 0:
                row[i] += 1


@jit
def _counted(begin: Any, start: Any, who: Any, place: Any, many: Any) -> Any:
    for k in range(start.size - 1):
        for j in range(start[k], start[k + 1]):
            many[begin + k] += place[who[j]] >= 0


@jit
def _entered(begin: Any, start: Any, who: Any, place: Any, at: Any, step: Any, neuron: Any) -> Any:
    for k in range(start.size - 1):
        m = at[begin + k]
        for j in range(start[k], start[k + 1]):
            i = place[who[j]]
            if i >= 0:
                step[m], neuron[m] = begin + k, i
                m += 1
        at[begin + k] = m


class Rasters(Mapping[str, NDArray[np.uint8]]):
    """Spikes of one sample as lists; a raster (1, steps, n) is made when it is asked for.

    Numbers rise from one list of a step to the next. places: of a population, the first number,
    neurons and first neuron on each of its cores.
    """

    def __init__(
        self,
        lists: tuple[Listed, ...],
        places: dict[str, NDArray[np.int64]],
        numbers: int,
        steps: int,
    ) -> None:
        self.lists, self.places, self.numbers, self.steps = lists, places, numbers, steps

    def _place(self, name: str) -> tuple[NDArray[np.int32], int]:
        """Which neuron of a population each number is, -1 for others, and how many it has."""
        found = np.full(self.numbers, -1, np.int32)
        for first, n, lo in self.places[name].tolist():
            found[first : first + n] = np.arange(lo, lo + n, dtype=np.int32)
        return found, int(self.places[name][:, 1].sum())

    def __getitem__(self, name: str) -> NDArray[np.uint8]:
        """Return the raster of a population. Raises KeyError where it was not recorded."""
        place, n = self._place(name)
        raster = np.zeros((1, self.steps, n), np.uint8)
        for own in self.lists:
            _marked(*own, place, raster[0])
        return raster

    def events(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (step, neuron) of every spike of a population, by step. Raises KeyError."""
        place, _ = self._place(name)
        at = np.zeros(self.steps + 1, np.int64)
        for own in self.lists:
            _counted(*own, place, at[1:])
        at.cumsum(out=at)
        step, neuron = np.empty((2, at[-1]), np.int64)
        for own in self.lists:
            _entered(*own, place, at, step, neuron)
        return step, neuron

    def only(self, names: tuple[str, ...]) -> Rasters:
        """Return the lists of some populations."""
        return Rasters(self.lists, {p: self.places[p] for p in names}, self.numbers, self.steps)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, eq=False)
class Trace:
    """Activity of a run of `steps` steps. counts: (batch, steps, cores) arrays by name.

    spikes[population]: (batch, steps, n), uint8, or what was sent where a population sends values.
    states[population]: (batch, steps, n) records, after the update of the step.
    """

    counts: dict[str, NDArray[np.int64]]
    spikes: Mapping[str, NDArray[Any]]
    states: dict[str, NDArray[Any]]


def raster_type(program: Program, population: str) -> np.dtype[Any]:
    """Return the type that a recorded step of `population` has."""
    if program.population(population).sends != "values":
        return np.dtype(np.uint8)
    return next(neurons.model(c.model).drive for c in program.cores if c.role != "source")


COUNTED = (
    "spikes",
    "packets_out",
    "packets_in",
    "synaptic_events",
    "hops",
    "router_lookups",
    "link_packets",
)
# what is counted of a lost packet, and what it would have been counted as
LOST = dict(zip(LOSSES, ("packets_in", "synaptic_events"), strict=True))
