"""What a run gives: outputs, spikes, states, counts, and time and energy on request."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.twin.bill import levels
from mossy.twin.bill.energy import Energy, energy
from mossy.twin.bill.timing import Timing, event_latencies, time
from mossy.twin.counts import Counts
from mossy.twin.engines.trace import Rasters
from mossy.twin.faults import Fault
from mossy.twin.traffic.congestion import Congestion, congestion
from mossy.units import Quantity


class Later(Mapping[str, NDArray[Any]]):
    """Arrays that are made when one looks at them, and kept: those of long runs are large."""

    def __init__(self, makers: Mapping[str, Callable[[], NDArray[Any]]]) -> None:
        self._makers = makers
        self._made: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one array. Raises KeyError."""
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True, eq=False)
class Result:
    """The run of a program on a batch.

    outputs[name]: (batch, time, *shape), spikes (uint8) or potentials in network units, with the
    layers' lag taken off. spikes[population], states[population]: (batch, steps, ...) in chip time,
    where recorded; states are register records. elapsed: wall seconds per inference. level,
    threshold: what the cores' clocks follow, as given to `at`. faults: what died during the run.
    """

    program: Program
    chip: Chip
    outputs: Mapping[str, NDArray[Any]]
    spikes: Mapping[str, NDArray[np.uint8]]
    states: dict[str, NDArray[Any]]
    counts: Counts
    engine: str
    elapsed: Quantity
    joules: Quantity | None
    wall: float
    level: str | None = None
    threshold: float | None = None
    faults: tuple[Fault, ...] = ()

    def events(self, population: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (step, neuron) of every spike of a recorded population, by step.

        Of the first sample; a neuron that spikes twice in a step is named twice. Raises KeyError.
        """
        if isinstance(self.spikes, Rasters):
            return self.spikes.events(population)
        raster = self.spikes[population][0]
        step, neuron = np.nonzero(raster)
        often = raster[step, neuron].astype(np.int64)
        return np.repeat(step, often), np.repeat(neuron, often)

    @cached_property
    def timing(self) -> Timing:
        """Time by step and core, overruns included."""
        return time(self.program, self.counts, self.chip, self.elapsed, self._shares)

    @cached_property
    def congestion(self) -> Congestion | None:
        """How busy links, routers and event FIFOs were; None where the chip's are not followed."""
        return congestion(self.program, self.counts, self.chip, self.faults)

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
        return energy(self.program, self.counts, self.timing, self.chip, self.joules, self._shares)

    @cached_property
    def _shares(self) -> tuple[levels.Share, ...]:
        return levels.shares(self.counts, self.chip, self.level, self.threshold)

    def at(
        self, level: str, *, threshold: float | None = None, tick: float | None = None
    ) -> Result:
        """Return the same run priced at a performance level: nothing is run again.

        level: one of the chip's, or "auto", where a core takes the highest one in a step that
        brings it more than `threshold` packets (None: the chip's own) and the lowest one otherwise.
        tick: seconds per step, the program's where None. Raises BadInput E0196-E0198.
        """
        levels.check(self.chip, level, threshold)
        program = self.program if tick is None else _ticking(self.program, tick)
        return dataclasses.replace(self, program=program, level=level, threshold=threshold)

    def assuming(self, **facts: float) -> Result:
        """Return the same run priced with some facts assumed: nothing is run again."""
        return dataclasses.replace(self, chip=self.chip.assuming(facts))

    def report(self) -> Any:
        """Return the report: text with str(), JSON with .json(), a table with .frame()."""
        from mossy.twin.report import Report

        return Report(self)


def _ticking(program: Program, tick: float) -> Program:
    """The program with another tick: the same steps, further apart."""
    if program.tick is None or not 0 < tick < np.inf:
        raise BadInput(
            "E0198",
            "not a tick",
            where=program.chip,
            got=f"{tick!r} s",
            allowed="more than 0 s" if program.tick else "none: the chip has no timer",
            hint="tick=3e-3" if program.tick else "leave it out",
        )
    return dataclasses.replace(program, tick=tick)
