"""Energy: counts times facts, with the range of the facts and the share that rests on assumptions.

chip.toml lists operations as (name, count, fact). Besides the event counts there are

    chip_seconds   chips in use x time of the run        core_seconds   cores in use x time
    busy_cycles    cycles of work (tick chips)           busy_seconds   seconds of work (measured)
    level_switches changes of level, two for each step of a core that leaves the one it sleeps at

core_seconds is the price of a core that sleeps, busy_cycles what work costs on top of it; each is
at the facts of the level (levels.py) that the core has in that step. A core whose level is found
automatically is at the highest while it works there, and asleep at the lowest in the rest of the
tick.
By state, a core's sleep power while it works is booked to the work.

A fact that is unknown raises UnknownFact: nothing is priced at zero. Where chip.toml calls an
operation optional, an unknown price leaves it out of the sum and on the list of what is not
priced, with its count, so the sum is known to be a part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.facts import BASES
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.twin.bill import cores, levels
from mossy.twin.bill.cores import Weights
from mossy.twin.bill.levels import Share
from mossy.twin.bill.timing import Timing, busy, costs
from mossy.twin.counts import Counts
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


Line = tuple[str, Operation, Weights]  # level, what it costs, and how it falls on the cores


@dataclass(frozen=True)
class Unpriced:
    """An operation that was counted and has no known price. amount: events per inference."""

    name: str
    amount: float
    fact: str
    reason: str


@dataclass(frozen=True, eq=False)
class Energy:
    """Joules of an average inference. unpriced: what happened and is not in the sum.

    core_joules: (cores,). states: joules of the chip's states, where it has levels.
    """

    operations: tuple[Operation, ...]
    unpriced: tuple[Unpriced, ...]
    core_joules: NDArray[np.float64]
    core_names: tuple[str, ...]
    states: dict[str, float] = field(default_factory=dict)

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
        """Return joules by "operation", "core" or, on a chip of levels, "state".

        Raises BadInput E0181.
        """
        if what == "operation":
            return {o.name: o.energy.value for o in self.operations}
        if what == "core":
            return dict(zip(self.core_names, self.core_joules.tolist(), strict=True))
        if what == "state" and self.states:
            return dict(self.states)
        raise BadInput(
            "E0181",
            "no such split",
            got=repr(what),
            allowed="operation, core" + (", state" if self.states else ""),
        )

    def __str__(self) -> str:
        return str(self.total)


def energy(
    program: Program,
    counts: Counts,
    timing: Timing,
    chip: Chip,
    measured: Quantity | None = None,
    shares: tuple[Share, ...] | None = None,
) -> Energy:
    """Return the energy of an average inference. Raises UnknownFact E0401.

    measured: joules per inference read from the machine's own counter; it replaces the model.
    shares: the levels of cores and steps, the chip's own where not given.
    """
    names = tuple(f"{c.number} {c.population}" for c in program.cores)
    if measured is not None:
        row = Operation("measured", 1.0, measured, "published", "energy counter", "this machine")
        bill = _Bill(len(names))
        bill.add("measured", row, cores.of_work(counts))
        return Energy((row,), (), bill.cores, names)
    shares = shares or levels.shares(program, counts, chip)
    bill = _Bill(len(names))
    unpriced: list[Unpriced] = []
    for spec in chip.spec["energy"]:
        fact = chip.facts[spec["fact"]]
        if spec["count"] == "busy_cycles":
            for level, row, weights in _processing(spec, program, counts, shares):
                bill.add(f"at work, {level}", row, weights)
            continue
        if spec["count"] == "core_seconds" and levels.names(chip):
            asleep, spent = _sleeping(spec, program, counts, timing, shares)
            for level, row, weights in asleep:
                bill.add(f"asleep, {level}", row, weights)
            bill.move(spent)
            continue
        low, value, high = _amounts(program, counts, timing, chip, spec["count"], shares)
        if fact.value is None and spec.get("optional"):
            if value:
                unpriced.append(Unpriced(spec["name"], value, fact.name, fact.source))
            continue
        if spec["count"] == "level_switches" and not value:
            continue
        cost = _cost(fact.quantity(), low, value, high)
        row = Operation(spec["name"], value, cost, fact.basis, fact.name, fact.source)
        bill.add(spec["name"], row, cores.of_count(program, counts, spec["count"], shares))
    known = {k: v for k, v in bill.states.items() if v} if levels.names(chip) else {}
    return Energy(tuple(bill.rows), tuple(unpriced), bill.cores, names, known)


class _Bill:
    """The lines so far, and their joules by state and core."""

    def __init__(self, cores: int) -> None:
        self.rows: list[Operation] = []
        self.states: dict[str, float] = {}
        self.cores = np.zeros(cores)

    def add(self, state: str, row: Operation, weights: Weights) -> None:
        """Add a line. weights: how it falls on the cores, alike where on none."""
        self.rows.append(row)
        self.states[state] = self.states.get(state, 0.0) + row.energy.value
        if not weights.sum():
            weights = np.ones_like(weights)
        self.cores += row.energy.value * weights / max(weights.sum(), 1e-300)

    def move(self, spent: dict[str, float]) -> None:
        """Book the sleep power of the time at work to the work."""
        for level, joules in spent.items():
            self.states[f"asleep, {level}"] -= joules
            self.states[f"at work, {level}"] = self.states.get(f"at work, {level}", 0.0) + joules


def _cost(price: Quantity, low: float, value: float, high: float) -> Quantity:
    return Quantity(price.value * value, "J", price.low * low, price.high * high)


def _named(name: str, share: Share, shares: tuple[Share, ...]) -> str:
    return name if len(shares) == 1 else f"{name} at {share.level}"


def _numbers(program: Program) -> list[int]:
    """Cores on the chip; what the host does is not on the chip's bill."""
    return [c.number for c in program.cores if c.place is not None]


def _at_work(
    program: Program, counts: Counts, share: Share, timing: Timing, which: str, mask: Any
) -> float:
    """Seconds of some cores at work at a level, of an average inference, none beyond its tick.

    mask: (cores,) of bool.
    """
    tick = timing.latency.value / counts.shape[1]
    seconds = np.minimum(busy(program, counts, share, which), tick)
    kept = seconds[:, :, [n for n in _numbers(program) if mask[n]]]
    return float(kept.sum(axis=(1, 2)).mean())


def _sleeping(
    spec: dict[str, Any],
    program: Program,
    counts: Counts,
    timing: Timing,
    shares: tuple[Share, ...],
) -> tuple[list[Line], dict[str, float]]:
    """Rows of sleep power by level, and what of them was spent while at work.

    A core's time belongs to the level it sleeps at, less what it works at another one.
    """
    rows: list[Line] = []
    spent = {}
    for share in shares:
        low, value, high = _at_level(program, counts, timing, share, shares)
        fact = share.chip.facts[spec["fact"]]
        price = fact.quantity()
        name = _named(spec["name"], share, shares)
        cost = _cost(price, low, value, high)
        row = Operation(name, value, cost, fact.basis, fact.name, fact.source)
        weights = cores.of_level(program, counts, timing, share, shares)
        rows.append((share.level, row, weights))
        every = np.ones_like(share.home)
        at_work = _at_work(program, counts, share, timing, "value", every)
        spent[share.level] = price.value * at_work
    return rows, spent


def _at_level(
    program: Program, counts: Counts, timing: Timing, share: Share, shares: tuple[Share, ...]
) -> tuple[float, float, float]:
    """Seconds that all cores together are at a level: low, value, high."""
    whole = timing.latency.value * sum(bool(share.home[n]) for n in _numbers(program))
    found = []
    for here, gone in (("low", "high"), ("value", "value"), ("high", "low")):
        others = [s for s in shares if s is not share]
        away = sum(_at_work(program, counts, s, timing, gone, share.home) for s in others)
        come = _at_work(program, counts, share, timing, here, ~share.home)
        found.append(whole - away + come)
    low, value, high = found
    return low, value, high


def _processing(
    spec: dict[str, Any], program: Program, counts: Counts, shares: tuple[Share, ...]
) -> list[Line]:
    """One line per kind of work: cycles per event x joules per cycle, the weaker basis of both."""
    rows: list[Line] = []
    numbers = np.array(_numbers(program), np.int64)
    for share in shares:
        fact = share.chip.facts[spec["fact"]]
        price, name = fact.quantity(), _named(spec["name"], share, shares)
        for row in share.chip.spec["timing"]["work"]:
            happened = counts.alive if row["count"] == "steps" else counts[row["count"]]
            events = happened * share.where
            for cost, index in costs(program, share.chip, row):
                every = np.arange(counts.shape[2])[index]
                here = numbers[np.isin(numbers, every)]
                own = cost.name.removeprefix(row["fact"]).strip("_")
                amount = float(events[:, :, here].sum(axis=(1, 2)).mean())
                if row.get("optional") and not amount:
                    continue
                cycles = cost.quantity()
                used = _cost(price, *(amount * c for c in (cycles.low, cycles.value, cycles.high)))
                label = f"{name}: {row['count'].replace('_', ' ')}" + (f" of {own}" if own else "")
                weaker = max(fact.basis, cost.basis, key=BASES.index)
                source = f"{cost.source}; {fact.source}"
                both = f"{cost.name} x {fact.name}"
                weights = np.zeros(counts.shape[2])
                weights[here] = events[:, :, here].sum(axis=(0, 1))
                line = Operation(label, amount, used, weaker, both, source)
                rows.append((share.level, line, weights))
    return rows


def _amounts(
    program: Program,
    counts: Counts,
    timing: Timing,
    chip: Chip,
    count: str,
    shares: tuple[Share, ...],
) -> tuple[float, float, float]:
    if count in ("chip_seconds", "core_seconds", "busy_seconds"):
        places = [c.place for c in program.cores if c.place is not None]
        chips = {p[:2] for p in places} if count == "chip_seconds" else ()
        scale = {"chip_seconds": len(chips), "core_seconds": len(places)}.get(count, 1)
        seconds = timing.latency
        return seconds.low * scale, seconds.value * scale, seconds.high * scale
    numbers = _numbers(program)
    if count == "level_switches":
        gone = ((s.where & ~s.home)[:, :, numbers] for s in shares)
        away = sum(float(each.sum(axis=(1, 2)).mean()) for each in gone)
        return 2 * away, 2 * away, 2 * away
    amount = float(counts.per_core(count)[numbers].sum() / counts.shape[0])
    return amount, amount, amount
