"""What an engine hands back: raw activity in chip time, before it is read in network units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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


@jit
def _marked(step: Any, neuron: Any, raster: Any) -> Any:
    for k in range(step.size):
        raster[step[k], neuron[k]] += 1


class Rasters(Mapping[str, NDArray[np.uint8]]):
    """Spikes of a long run of one sample as lists; a raster (1, steps, n) is made when asked for.

    events[population]: (step, neuron) of every spike, by step.
    """

    def __init__(
        self, events: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]], sizes: dict[str, int],
        steps: int,
    ) -> None:  # fmt: skip
        self.events, self.sizes, self.steps = events, sizes, steps

    def __getitem__(self, name: str) -> NDArray[np.uint8]:
        """Return the raster of a population. Raises KeyError where it was not recorded."""
        step, neuron = self.events[name]
        raster = np.zeros((1, self.steps, self.sizes[name]), np.uint8)
        _marked(step, neuron, raster[0])
        return raster

    def only(self, names: tuple[str, ...]) -> Rasters:
        """Return the lists of some populations."""
        return Rasters({p: self.events[p] for p in names}, self.sizes, self.steps)

    def __iter__(self) -> Iterator[str]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


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
