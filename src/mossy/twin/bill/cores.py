"""Whose joules they are: each line of the bill over the cores, in the share each has in its count.

    chip_seconds    the cores of a chip alike        core_seconds    every core alike; with levels,
    level_switches  the core that changes                            by its time at each level
    busy_seconds    by synaptic events and neuron updates, where only the whole was measured
    all else        the core that it is counted on: packets on the one that sends them

What the host does is on nobody's bill.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.twin.bill.levels import Share
from mossy.twin.bill.timing import Timing, busy
from mossy.twin.counts import Counts

Weights = NDArray[np.float64]  # (cores,), of any sum


def of_work(counts: Counts) -> Weights:
    """Return synaptic events and neuron updates of each core."""
    found = counts.per_core("synaptic_events") + counts.per_core("neuron_updates")
    return found.astype(np.float64)


def of_count(program: Program, counts: Counts, count: str, shares: tuple[Share, ...]) -> Weights:
    """Return how much of a count is each core's. count: as chip.toml names it."""
    here = np.array([c.place is not None for c in program.cores], float)
    if count == "busy_seconds":
        return of_work(counts)
    if count == "core_seconds":
        return here
    if count == "chip_seconds":
        on = Counter(c.place[:2] for c in program.cores if c.place is not None)
        return np.array([1 / on[c.place[:2]] if c.place else 0.0 for c in program.cores])
    if count == "level_switches":
        away = [(s.where & ~s.home).sum(axis=(0, 1)) for s in shares]
        return np.asarray(here * np.sum(away, axis=0), np.float64)
    return np.asarray(here * counts.per_core(count), np.float64)


def of_level(
    program: Program, counts: Counts, timing: Timing, share: Share, shares: tuple[Share, ...]
) -> Weights:
    """Return the seconds of each core at a level, asleep or at work."""
    here = np.array([c.place is not None for c in program.cores], float)
    tick = timing.latency.value / counts.shape[1]

    def at_work(s: Share) -> Weights:
        seconds: Weights = np.minimum(busy(program, counts, s, "value"), tick).sum(axis=1)
        mean: Weights = seconds.mean(axis=0)
        return mean

    away = np.sum([at_work(s) for s in shares if s is not share] or [0 * here], axis=0)
    found = np.where(share.home, timing.latency.value - away, at_work(share))
    return np.asarray(here * np.maximum(found, 0.0), np.float64)
