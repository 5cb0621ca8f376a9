"""Place: give every slice a core.

The greedy placer fills one chip after the other in population order; chips are taken row by row, or
outwards from the first one the host is wired to where the edges are joined. Within a chip, cores
nearest the router come first; a dead core is passed over. The other placer is in `spread`.

Before: slices. After: one place (chip x, chip y, core) per slice; None for what stays on the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput, DoesNotFit
from mossy.passes.options import Options
from mossy.passes.partition import Slice
from mossy.program.machine import Machine, Place, Spot, grid, hexagonal

PLACERS = ("greedy", "spread")


def machine_for(slices: tuple[Slice, ...], chip: Chip, options: Options) -> Machine:
    """Return the machine of the options, or else the smallest that holds the slices.

    Raises DoesNotFit E0302 where even the largest one is too small.
    """
    steps = tuple((x, y) for x, y in chip.spec.get("topology", {}).get("links", []))
    per_chip = len(chip.rules.places(chip.facts))
    on_chip = [s for s in slices if not _hosted(s, chip)]
    if not per_chip or hasattr(chip.rules, "assign"):
        return grid(1, steps)
    needed = max(1, -(-len(on_chip) // per_chip))
    most = options.chips or int(chip.facts["chips_max"])
    machine = options.machine
    cores = per_chip * most
    if machine is not None:
        most, cores = machine.chips, len(working_cores(machine, per_chip))
    if len(on_chip) > cores:
        raise _too_many(on_chip, cores, most, needed, chip)
    if machine is None and needed > 1 and chip.spec["topology"].get("boards") == "hexagonal":
        machine = hexagonal(next(n for n in _boards() if 48 * n >= needed), steps)
    return machine or grid(needed, steps)


def place(
    slices: tuple[Slice, ...],
    destinations: tuple[tuple[int, ...], ...],
    machine: Machine,
    chip: Chip,
    placer: str = "greedy",
) -> tuple[Place | None, ...]:
    """Return the place of each slice on `machine`. Raises BadInput E0199 for an unknown placer.

    destinations: numbers of the slices that each slice sends to. A chip whose cores differ, or are
    shared, assigns them itself.
    """
    if placer not in PLACERS:
        raise BadInput(
            "E0199", "no such placer", got=placer, allowed=" or ".join(PLACERS), hint="greedy"
        )
    per_chip = len(chip.rules.places(chip.facts))
    if not per_chip:
        return tuple((0, 0, 0) for _ in slices)
    if hasattr(chip.rules, "assign"):
        own = iter(chip.rules.assign(slices, destinations, chip.facts))
        return tuple(None if _hosted(s, chip) else (0, 0, next(own)) for s in slices)
    cores = working_cores(machine, per_chip)
    on = [i for i, s in enumerate(slices) if not _hosted(s, chip)]
    if placer == "spread" and on:
        from mossy.passes.spread import spread  # it loads a compiler, for what is seldom wanted

        cores = spread(cores, *_between(on, destinations))
    places: list[Place | None] = [None] * len(slices)
    for i, (x, y, core) in zip(on, cores.tolist(), strict=False):
        places[i] = x, y, core
    return tuple(places)


def _between(
    on: list[int], destinations: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The destinations of some slices among themselves, numbered anew: first target, targets."""
    number = {slice_: i for i, slice_ in enumerate(on)}
    targets = [[number[t] for t in destinations[i] if t in number] for i in on]
    start = np.cumsum([0, *(len(t) for t in targets)])
    return start, np.fromiter(chain.from_iterable(targets), np.int64, count=start[-1])


def _hosted(s: Slice, chip: Chip) -> bool:
    return s.role == "source" and str(chip.spec["input"]["on"]) == "host"


def _boards() -> Iterator[int]:
    """One board, or triads that make a torus at most twice as wide as it is high."""
    yield 1
    for triads in count(1):
        high = next(h for h in range(isqrt(triads), 0, -1) if triads % h == 0)
        if triads <= 2 * high * high:
            yield 3 * triads


def working_cores(machine: Machine, per_chip: int) -> NDArray[Any]:
    """Return the places (n, 3) of all working cores in the order in which they are given out."""
    spots: list[Spot] = list(machine.spots())
    if machine.wraps:
        first = machine.ethernet[0] if machine.ethernet else spots[0]
        spots.sort(key=lambda s: (machine.length(machine.vector(first, s)), s))
    cores = np.tile(np.arange(per_chip), len(spots))
    found = np.column_stack([np.repeat(np.array(spots).reshape(-1, 2), per_chip, axis=0), cores])
    dead = [machine.width * (y + machine.height * c) + x for x, y, c in machine.dead_cores]
    numbers = machine.width * (found[:, 1] + machine.height * found[:, 2]) + found[:, 0]
    return found[~np.isin(numbers, dead)] if dead else found


def _too_many(on_chip: list[Slice], cores: int, most: int, needed: int, chip: Chip) -> DoesNotFit:
    sizes: dict[str, int] = {}
    for s in on_chip:
        sizes[s.population] = sizes.get(s.population, 0) + 1
    largest = max(sizes, key=lambda k: sizes[k])
    return DoesNotFit(
        "E0302",
        f"the network needs {len(on_chip) - cores} more cores than the machine has",
        where=chip.name,
        got=f"{len(on_chip)} cores",
        allowed=f"{cores} cores on {most} chip(s)",
        hint=f"chips={needed}, or a smaller population {largest!r}, "
        f"which takes {sizes[largest]} cores",
    )
