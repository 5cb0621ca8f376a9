"""Energy: counts times facts, with the range of the facts and the share that rests on assumptions.

chip.toml lists operations as (name, count, fact). Besides the event counts there are

    chip_seconds   chips in use x time of the run        core_seconds   cores in use x time
    busy_cycles    cycles of work (tick chips)           busy_seconds   seconds of work (measured)

A fact that is unknown raises UnknownFact: nothing is priced at zero. Where chip.toml calls an
operation optional, an unknown price leaves it out of the sum and on the list of what is not
priced, with its count, so the sum is known to be a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.facts import BASES, Fact
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.twin.counts import Counts
from mossy.twin.timing import Timing
from mossy.units import Quantity


@dataclass(frozen=True)
class Operation:
    """One line of the bill. amount: events (or seconds) of an average inference."""

    name: str
    amount: float
    energy: Quantity
    basis: str
    fact: str
    source: str


@dataclass(frozen=True)
class Unpriced:
    """An operation that was counted and has no known price. amount: events per inference."""

    name: str
    amount: float
    fact: str
    reason: str


@dataclass(frozen=True, eq=False)
class Energy:
    """Joules of an average inference. unpriced: what happened and is not in the sum."""

    operations: tuple[Operation, ...]
    unpriced: tuple[Unpriced, ...]
    core_share: NDArray[np.float64]
    core_names: tuple[str, ...]

    @property
    def total(self) -> Quantity:
        """The sum of all operations."""
        result = Quantity.exact(0.0, "J")
        for o in self.operations:
            result = result + o.energy
        return result

    @property
    def value(self) -> float:
        """Joules of an average inference."""
        return self.total.value

    @property
    def low(self) -> float:
        """Lower bound in joules, from the ranges of the facts."""
        return self.total.low

    @property
    def high(self) -> float:
        """Upper bound in joules, from the ranges of the facts."""
        return self.total.high

    @property
    def assumed_share(self) -> float:
        """Share of the joules that rests on assumed facts, 0 to 1."""
        assumed = sum(o.energy.value for o in self.operations if o.basis == "assumed")
        return assumed / self.value if self.value else 0.0

    def by(self, what: str) -> dict[str, float]:
        """Return joules by "operation" or by "core". Raises BadInput E0181."""
        if what == "operation":
            return {o.name: o.energy.value for o in self.operations}
        if what == "core":
            return dict(zip(self.core_names, (self.core_share * self.value).tolist(), strict=True))
        raise BadInput("E0181", "no such split", got=repr(what), allowed="operation, core")

    def __str__(self) -> str:
        return str(self.total)


def energy(
    program: Program, counts: Counts, timing: Timing, chip: Chip, measured: Quantity | None = None
) -> Energy:
    """Return the energy of an average inference. Raises UnknownFact E0401.

    measured: joules per inference read from the machine's own counter; it replaces the model.
    """
    names = tuple(f"{c.number} {c.population}" for c in program.cores)
    if measured is not None:
        row = Operation("measured", 1.0, measured, "published", "energy counter", "this machine")
        return Energy((row,), (), _shares(counts), names)
    rows: list[Operation] = []
    unpriced: list[Unpriced] = []
    for spec in chip.spec["energy"]:
        fact = chip.facts[spec["fact"]]
        if spec["count"] == "busy_cycles":
            rows += _processing(spec["name"], program, counts, chip, fact)
            continue
        low, value, high = _amounts(program, counts, timing, chip, spec["count"])
        if fact.value is None and spec.get("optional"):
            if value:
                unpriced.append(Unpriced(spec["name"], value, fact.name, fact.source))
            continue
        price = fact.quantity()
        cost = Quantity(price.value * value, "J", price.low * low, price.high * high)
        rows.append(Operation(spec["name"], value, cost, fact.basis, fact.name, fact.source))
    return Energy(tuple(rows), tuple(unpriced), _shares(counts), names)


def _processing(
    name: str, program: Program, counts: Counts, chip: Chip, fact: Fact
) -> list[Operation]:
    """One line per kind of work: cycles per event x joules per cycle, the weaker basis of both."""
    price, rows = fact.quantity(), []
    numbers = [c.number for c in program.cores if c.place is not None]
    for row in chip.spec["timing"]["work"]:
        cost = chip.facts[row["fact"]]
        cycles = cost.quantity()
        amount = float(counts.shape[1] * len(numbers))
        if row["count"] != "steps":
            amount = float(counts[row["count"]][:, :, numbers].sum(axis=(1, 2)).mean())
        spent = Quantity(
            amount * cycles.value * price.value,
            "J",
            amount * cycles.low * price.low,
            amount * cycles.high * price.high,
        )
        weaker = max(fact.basis, cost.basis, key=BASES.index)
        label = f"{name}: {row['count'].replace('_', ' ')}"
        source = f"{cost.source}; {fact.source}"
        rows.append(Operation(label, amount, spent, weaker, f"{cost.name} x {fact.name}", source))
    return rows


def _amounts(
    program: Program, counts: Counts, timing: Timing, chip: Chip, count: str
) -> tuple[float, float, float]:
    on_chip = [c for c in program.cores if c.place is not None]
    seconds = timing.latency
    scale = {
        "chip_seconds": len({c.place[:2] for c in on_chip if c.place}),
        "core_seconds": len(on_chip),
        "busy_seconds": 1,
    }.get(count)
    if scale is not None:
        return seconds.low * scale, seconds.value * scale, seconds.high * scale
    numbers = [c.number for c in on_chip]  # what the host does is not on the chip's bill
    amount = float(counts[count][:, :, numbers].sum(axis=(1, 2)).mean())
    return amount, amount, amount


def _shares(counts: Counts) -> NDArray[np.float64]:
    """How a core's work compares: synaptic events and neuron updates, as shares of 1."""
    weight = counts.per_core("synaptic_events") + counts.per_core("neuron_updates")
    total = weight.sum()
    return weight / total if total else np.full(weight.size, 1 / max(weight.size, 1))
