"""What a run gives: outputs, spikes, states, counts, and time and energy on request."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.twin.bill import levels
from mossy.twin.bill.energy import Energy, energy
from mossy.twin.bill.timing import Timing, at_work, event_latencies, time
from mossy.twin.counts import Counts
from mossy.twin.engines.trace import Rasters
from mossy.twin.faults import Fault
from mossy.twin.traffic.congestion import Congestion, congestion
from mossy.twin.traffic.loading import Loading, loading
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
    threshold, by: what the cores' clocks follow, see `at`. faults: what died during the run.
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
    by: Mapping[str, levels.Setting] = field(default_factory=dict)
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

    @cached_property
    def loading(self) -> Loading | None:
        """What loading the program takes, and reading back what one inference recorded."""
        return loading(self.program, self.chip, self.counts.shape[1], self._recorded)

    @property
    def _recorded(self) -> dict[str, int]:
        """Bits that a neuron records in a step, by population: outputs, and what was asked for."""
        outputs = [self.program.population(name) for name in self.program.outputs.values()]
        found = dict.fromkeys([p.name for p in outputs] + [*self.spikes, *self.states], 0)
        for name in {*self.spikes, *(p.name for p in outputs if p.readout == "spikes")}:
            found[name] += 1
        for name in {p.name for p in outputs if p.readout == "potential"} - self.states.keys():
            found[name] += 32
        for name, kept in self.states.items():
            found[name] += 8 * kept.dtype.itemsize
        return found

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

    @property
    def plan(self) -> levels.Plan:
        """What the cores' clocks follow."""
        return levels.Plan(levels.Setting(self.level, self.threshold), self.by)

    @cached_property
    def _shares(self) -> tuple[levels.Share, ...]:
        return levels.shares(self.program, self.counts, self.chip, self.plan)

    @property
    def busy(self) -> NDArray[np.float64]:
        """Seconds of work of each core in each step: (batch, steps, cores), on tick chips."""
        return at_work(self.program, self.counts, self.chip, self._shares, "value")

    def at(
        self,
        level: str,
        *,
        threshold: float | None = None,
        tick: float | None = None,
        by: Mapping[str, str | tuple[str, float | None]] | None = None,
    ) -> Result:
        """Return the same run priced at a performance level: nothing is run again.

        level: one of the chip's, or "auto", where a core takes the highest one in a step that
        brings it more than `threshold` packets (None: the chip's own) and the lowest one otherwise.
        by: populations with a level, or a level and a threshold, of their own. tick: seconds per
        step, the program's where None. Raises BadInput E0188, E0196-E0198.
        """
        plan = levels.planned(self.chip, self.program, level, threshold, by or {})
        program = self.program if tick is None else _ticking(self.program, tick)
        return dataclasses.replace(
            self, program=program, level=level, threshold=threshold, by=plan.by
        )

    def assuming(self, **facts: float | str) -> Result:
        """Return the same run priced with some facts or choices assumed: nothing is run again."""
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
