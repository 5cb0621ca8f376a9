"""What the runs of a script cost: a `Result` of each, as of any other run of a program.

A script's run keeps who spiked when. Counts follow from that when somebody asks: what a spike
causes is the same wherever and whenever it is sent, because its way through the machine is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.twin.counts import Counts
from mossy.twin.engines.helpers import ALONE
from mossy.twin.engines.tally import Tally, by_step, rasters
from mossy.twin.faults import Fault, last_steps, parted
from mossy.twin.layout.severed import severed
from mossy.twin.layout.wide import Wide, wide
from mossy.twin.result import Result
from mossy.units import Quantity

Ints = NDArray[np.int64]
Spikes = tuple[NDArray[np.int32], NDArray[np.int32]]  # step, counted through, and neuron


@dataclass(eq=False)
class Ran:
    """One run of a program: from step `first` on, `steps` of them. joules: of this computer.

    faults: what has died or will, in steps of the script.
    """

    program: Program
    chip: Chip
    threads: int
    first: int
    faults: tuple[Fault, ...] = ()
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
    known = sorted(p.name for p in ran.program.populations)
    died = tuple(_from(ran, f) for f in ran.faults)
    stretches = parted(ran.program, died, ran.steps)
    lives = last_steps(ran.program, stretches)
    step, who = _numbered(ran, laid, lives, {p: e for p, e in spikes.items() if p in known})
    listed = by_step(step, who, ran.steps)
    parts = severed(laid, ran.program, ran.chip, stretches)
    tally = Tally(ran.program, laid, ran.steps, ALONE, parts)
    tally.add([listed])
    wall = Quantity.exact(ran.seconds, "s")
    return Result(
        ran.program,
        ran.chip,
        {},
        rasters(ran.program, laid, known, [listed], ran.steps),
        {},
        Counts.of(ran.program, tally.total(), lives if died else None),
        "wide",
        wall,
        Quantity.exact(ran.joules, "J") if ran.joules else None,
        ran.seconds,
        faults=died,
    )


def _from(ran: Ran, died: Fault) -> Fault:
    """A fault in steps of its run; what was dead before it is dead from its first step on."""
    return replace(died, at=max(0, died.step(ran.program.dt) - (ran.first - 1)), seconds=False)


def _numbered(
    ran: Ran, laid: Wide, lives: Ints, spikes: Mapping[str, tuple[Ints, Ints]]
) -> tuple[Ints, Ints]:
    """Step and number of all spikes, without those that were meant for sources that are dead."""
    each = [(t, laid.numbers(ran.program, p, i)) for p, (t, i) in spikes.items()]
    step, who = (np.concatenate([np.zeros(0, np.int64), *(e[k] for e in each)]) for k in (0, 1))
    here = step < lives[laid.core_of[who]]
    return step[here], who[here]
