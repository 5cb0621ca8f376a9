"""Performance levels: at which clock and voltage each core works in each step, found from counts.

A level changes how long work takes and what it costs, never what is computed, so it is chosen when
a run is priced. chip.toml lists the levels from low to high:

    [levels.low]                     facts of the chip that another fact stands in for at this level
    pe_clock = "pe_clock_low"
    [levels.high]
    [timing] level = { threshold = "level_threshold", switch = "level_switch_time" }

A run is priced at the last level unless the user asks for another one, or for "auto": a core begins
every step at the lowest level and takes the highest one for the rest of its work of that step when
more packets have come in for it than the threshold says; then it goes back to sleep at the lowest.
Levels between the two are not used. The cores of a population may follow a choice of their own
(`Plan.by`). What a core did while asleep or at work is in twin/bill/energy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.facts import Facts
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.twin.counts import Counts
from mossy.units import Quantity

AUTO = "auto"


@dataclass(frozen=True)
class Setting:
    """What a core's level follows: a name, "auto" with its threshold, or None, the highest."""

    level: str | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Plan:
    """What the levels of a run follow: one choice for all, and others by population."""

    all: Setting = Setting()
    by: Mapping[str, Setting] = field(default_factory=dict)

    def of(self, population: str) -> Setting:
        """Return what the cores of a population follow."""
        return self.by.get(population, self.all)


@dataclass(frozen=True, eq=False)
class Share:
    """The steps of cores that are worked at one level.

    chip: with the facts of that level. where: (batch, steps, cores). home: (cores,) that sleep at
    this level; the others are here for their work alone. switch: seconds that getting to the level
    takes them in each of those steps.
    """

    level: str
    chip: Chip
    where: NDArray[np.bool_]
    home: NDArray[np.bool_]
    switch: Quantity


def names(chip: Chip) -> tuple[str, ...]:
    """Return the chip's levels from low to high, none where it has but one way to work."""
    return tuple(chip.spec.get("levels", {}))


def at(chip: Chip, level: str) -> Chip:
    """Return the chip as it is at a level."""
    stands_in = chip.spec["levels"][level]
    facts = dict(chip.facts) | {k: chip.facts[v] for k, v in stands_in.items()}
    return Chip(chip.name, Facts(chip.name, facts), chip.spec, chip.rules)


def threshold_of(chip: Chip, asked: float | None) -> float:
    """Return the packets above which a core takes the highest level."""
    return float(chip.facts[chip.spec["timing"]["level"]["threshold"]]) if asked is None else asked


def check(chip: Chip, level: str, threshold: float | None) -> None:
    """Raise BadInput E0196 for a level that the chip lacks, E0197 for a bad threshold."""
    known = names(chip)
    if level not in ((*known, AUTO) if known else ()):
        raise BadInput(
            "E0196",
            "the chip has no such level",
            where=chip.name,
            got=repr(level),
            allowed=", ".join((*known, AUTO)) if known else "none: it has one way to work",
            hint="leave it out",
        )
    if threshold is not None and (level != AUTO or not threshold >= 0):
        raise BadInput(
            "E0197",
            "a threshold is a number of packets per core and step, for the automatic level",
            where=chip.name,
            got=f"threshold {threshold!r} at level {level!r}",
            allowed='0 or more, with level "auto"',
            hint=f'at("{AUTO}", threshold=200)',
        )


def planned(
    chip: Chip,
    program: Program,
    level: str,
    threshold: float | None,
    by: Mapping[str, str | tuple[str, float | None]],
) -> Plan:
    """Return a plan from what `Result.at` is given. Raises BadInput E0188, E0196, E0197."""
    check(chip, level, threshold)
    own = {}
    known = [p.name for p in program.populations]
    for population, asked in by.items():
        if population not in known:
            raise BadInput(
                "E0188", "no such population", got=repr(population), allowed=", ".join(known)
            )
        choice = Setting(asked) if isinstance(asked, str) else Setting(*asked)
        check(chip, choice.level or names(chip)[-1], choice.threshold)
        own[population] = choice
    return Plan(Setting(level, threshold), own)


def said(chip: Chip, plan: Plan) -> str:
    """Return what a run is priced at, in words."""
    if not names(chip):
        return ""
    own = [f"{population} {_said(chip, choice)}" for population, choice in plan.by.items()]
    whole = _said(chip, plan.all)
    return "; ".join([f"all {whole}" if plan.all.level != AUTO else whole, *own])


def _said(chip: Chip, choice: Setting) -> str:
    if choice.level != AUTO:
        return f"at {choice.level or names(chip)[-1]}"
    above = f"{threshold_of(chip, choice.threshold):g} packets in a step"
    return f"automatic: at {names(chip)[-1]} above {above}, else at {names(chip)[0]}"


def shares(
    program: Program, counts: Counts, chip: Chip, plan: Plan | None = None
) -> tuple[Share, ...]:
    """Return which steps of which cores are worked at which level, from low to high.

    plan: the chip's own, all cores at the highest level, where None.
    """
    known, none = names(chip), Quantity.exact(0.0, "s")
    everywhere = np.broadcast_to(np.True_, counts.shape)
    if not known:
        return (Share("", chip, everywhere, everywhere[0, 0], none),)
    choices = [(plan or Plan()).of(c.population) for c in program.cores]
    automatic = np.array([c.level == AUTO for c in choices])
    homes = np.array([known[0] if c.level == AUTO else c.level or known[-1] for c in choices])
    busy = _busy(counts, chip, choices, automatic)
    used = {str(h) for h in homes} | ({known[-1]} if automatic.any() else set())
    switch = _switch(chip) if automatic.any() else none
    found = []
    for level in (name for name in known if name in used):
        home = homes == level
        where = home & ~busy
        if level == known[-1]:
            where = where | busy
        found.append(Share(level, at(chip, level), where, home, switch))
    return tuple(found)


def _busy(
    counts: Counts, chip: Chip, choices: list[Setting], automatic: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Steps in which a core takes the highest level for its work: (batch, steps, cores)."""
    if not automatic.any():
        return np.broadcast_to(np.False_, counts.shape)
    above = np.full(len(choices), np.inf)
    for core in np.flatnonzero(automatic):
        above[core] = threshold_of(chip, choices[core].threshold)
    found: NDArray[np.bool_] = counts["packets_in"] > above
    return found


def _switch(chip: Chip) -> Quantity:
    spec: dict[str, Any] = chip.spec["timing"]["level"]
    return chip.facts[spec["switch"]].quantity()
