"""What an engine hands back: raw activity in chip time, before it is read in network units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.program.artefact import Program


@dataclass(frozen=True, eq=False)
class Recorded:
    """What to record. spikes, states: population names."""

    spikes: tuple[str, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """Activity of a run of `steps` steps. counts: (batch, steps, cores) arrays by name.

    spikes[population]: (batch, steps, n), uint8, or what was sent where a population sends values.
    states[population]: (batch, steps, n) records, after the update of the step.
    """

    counts: dict[str, NDArray[np.int64]]
    spikes: dict[str, NDArray[Any]]
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
