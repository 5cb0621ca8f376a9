"""What a run gives: outputs, spikes, states, counts, and time and energy on request."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.twin.counts import Counts
from mossy.twin.energy import Energy, energy
from mossy.twin.timing import Timing, event_latencies, time
from mossy.units import Quantity


@dataclass(frozen=True, eq=False)
class Result:
    """The run of a program on a batch.

    outputs[name]: (batch, time, *shape), spikes (uint8) or potentials in network units, with the
    layers' lag taken off. spikes[population], states[population]: (batch, steps, ...) in chip time,
    where recorded; states are register records. elapsed: wall seconds per inference.
    """

    program: Program
    chip: Chip
    outputs: dict[str, NDArray[Any]]
    spikes: dict[str, NDArray[np.uint8]]
    states: dict[str, NDArray[Any]]
    counts: Counts
    engine: str
    elapsed: Quantity
    joules: Quantity | None
    wall: float

    @cached_property
    def timing(self) -> Timing:
        """Time by step and core, overruns included."""
        return time(self.program, self.counts, self.chip, self.elapsed)

    @property
    def latency(self) -> Quantity:
        """Seconds of one inference."""
        return self.timing.latency

    @property
    def event_latency(self) -> dict[str, Quantity]:
        """Seconds from an input event to the one it sets off, by output; none where steps rule."""
        return event_latencies(self.program, self.chip)

    @cached_property
    def energy(self) -> Energy:
        """Joules of an average inference. Raises UnknownFact where a price is unknown."""
        return energy(self.program, self.counts, self.timing, self.chip, self.joules)

    def assuming(self, **facts: float) -> Result:
        """Return the same run priced with some facts assumed: nothing is run again."""
        return dataclasses.replace(self, chip=self.chip.assuming(facts))

    def report(self) -> Any:
        """Return the report: text with str(), JSON with .json(), a table with .frame()."""
        from mossy.twin.report import Report

        return Report(self)
