"""What the runs of a script cost: a `Result` of each, as of any other run of a program.

A script's run keeps who spiked when. Counts follow from that when somebody asks: what a spike
causes is the same wherever and whenever it is sent, because its way through the machine is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.twin.counts import Counts
from mossy.twin.engines.helpers import ALONE
from mossy.twin.engines.tally import Tally, by_step, rasters
from mossy.twin.layout.wide import wide
from mossy.twin.result import Result
from mossy.units import Quantity

Ints = NDArray[np.int64]
Spikes = tuple[NDArray[np.int32], NDArray[np.int32]]  # step, counted through, and neuron


@dataclass(eq=False)
class Ran:
    """One run of a program: from step `first` on, `steps` of them. joules: of this computer."""

    program: Program
    chip: Chip
    threads: int
    first: int
    steps: int = 0
    seconds: float = 0.0
    joules: float | None = 0.0
    spikes: dict[str, list[Spikes]] = field(default_factory=dict)

    def add(
        self, steps: int, spikes: Mapping[str, tuple[Ints, Ints]], seconds: float,
        joules: float | None,
    ) -> None:  # fmt: skip
        """Add a piece. spikes: step and neuron of all of them, sources included."""
        self.steps, self.seconds = self.steps + steps, self.seconds + seconds
        known = self.joules is not None and joules is not None
        self.joules = (self.joules or 0.0) + (joules or 0.0) if known else None
        for name, (step, neuron) in spikes.items():
            kept = step.astype(np.int32), neuron.astype(np.int32)
            self.spikes.setdefault(name, []).append(kept)


def results(runs: list[Ran]) -> tuple[Result, ...]:
    """Return the results of the runs, in order.

    A spike at the very end of a run is sent in the first step of the next one, and counts there.
    """
    found: list[Result] = []
    late: dict[str, list[Spikes]] = {}
    for ran in runs:
        spikes, later = {}, {}
        for name in {*ran.spikes, *(late if ran.steps else ())}:
            step, neuron = _joined([*late.get(name, []), *ran.spikes.get(name, [])])
            step = np.maximum(step - ran.first, 0)
            here = step < ran.steps
            spikes[name] = step[here].astype(np.int64), neuron[here].astype(np.int64)
            later[name] = [(step[~here] + np.int32(ran.first), neuron[~here])]
        late = later
        found.append(_result(ran, spikes))
    return tuple(found)


def _joined(spikes: list[Spikes]) -> Spikes:
    step, neuron = (np.concatenate([s[k] for s in spikes]) for k in (0, 1))
    return step, neuron


def _result(ran: Ran, spikes: dict[str, tuple[Ints, Ints]]) -> Result:
    laid = wide(ran.program, ran.chip, ran.threads)
    known = {p.name for p in ran.program.populations}
    each = [(t, laid.numbers(ran.program, p, i)) for p, (t, i) in spikes.items() if p in known]
    step, who = (np.concatenate([np.zeros(0, np.int64), *(e[k] for e in each)]) for k in (0, 1))
    listed = by_step(step, who, ran.steps)
    tally = Tally(ran.program, laid, ran.steps, ALONE)
    tally.add([listed])
    wall = Quantity.exact(ran.seconds, "s")
    return Result(
        ran.program,
        ran.chip,
        {},
        rasters(ran.program, laid, sorted(known), [listed], ran.steps),
        {},
        Counts.of(ran.program, tally.total()),
        "wide",
        wall,
        Quantity.exact(ran.joules, "J") if ran.joules else None,
        ran.seconds,
    )
