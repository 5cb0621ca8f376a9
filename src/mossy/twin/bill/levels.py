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
Levels between the two are not used. What it did while asleep or at work is in twin/bill/energy.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.facts import Facts
from mossy.errors import BadInput
from mossy.twin.counts import Counts
from mossy.units import Quantity

AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Share:
    """The steps of cores that are worked at one level.

    chip: with the facts of that level. where: (batch, steps, cores). switch: seconds that getting
    to the level takes in each of those steps.
    """

    level: str
    chip: Chip
    where: NDArray[np.bool_]
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


def said(chip: Chip, level: str | None, threshold: float | None) -> str:
    """Return what a run is priced at, in words."""
    if level != AUTO:
        return f"all at {level or names(chip)[-1]}" if names(chip) else ""
    above = f"{threshold_of(chip, threshold):g} packets in a step"
    return f"automatic: at {names(chip)[-1]} above {above}, else at {names(chip)[0]}"


def shares(
    counts: Counts, chip: Chip, level: str | None, threshold: float | None
) -> tuple[Share, ...]:
    """Return which steps of which cores are worked at which level, from low to high."""
    known, none = names(chip), Quantity.exact(0.0, "s")
    everywhere = np.broadcast_to(np.True_, counts.shape)
    if not known:
        return (Share("", chip, everywhere, none),)
    if level != AUTO:
        level = level or known[-1]
        return (Share(level, at(chip, level), everywhere, none),)
    busy: NDArray[Any] = counts["packets_in"] > threshold_of(chip, threshold)
    switch = chip.facts[chip.spec["timing"]["level"]["switch"]].quantity()
    low, high = known[0], known[-1]
    return Share(low, at(chip, low), ~busy, none), Share(high, at(chip, high), busy, switch)
