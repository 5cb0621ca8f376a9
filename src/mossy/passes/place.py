"""Place: give every slice a core.

The greedy placer fills one chip after the other in population order. Chips are taken in strips of
two, up one and down the next, so that slices with near numbers are near each other; where there are
more chips than are needed, those of the smallest square from the first chip the host is wired to
come first. Within a chip, cores come in the chip's own order; a dead core is passed over. The
other placers are in `spread` and `anneal`.

Before: slices. After: one place (chip x, chip y, core) per slice; None for what stays on the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput, DoesNotFit
from mossy.passes.destinations import listed
from mossy.passes.options import Options
from mossy.passes.partition import Slice
from mossy.program.machine import Machine, Place, grid, hexagonal

PLACERS = ("greedy", "spread", "anneal")
STRIP = 2  # chips side by side: wider ones take fewer links, but longer routing tables


def machine_for(slices: tuple[Slice, ...], chip: Chip, options: Options) -> Machine:
    """Return the machine of the options, or else the smallest that holds the slices.

    Raises DoesNotFit E0302 where even the largest one is too small.
    """
    steps = tuple((x, y) for x, y in chip.spec.get("topology", {}).get("links", []))
    per_chip = len(chip.cores)
    on_chip = [s for s in slices if not _hosted(s, chip)]
    if not per_chip or hasattr(chip.rules, "assign"):
        return grid(1, steps)
    needed = max(1, -(-len(on_chip) // per_chip))
    most = options.chips or int(chip.facts["chips_max"])
    machine = options.machine
    cores = per_chip * most
    if machine is not None:
        most, cores = machine.chips, len(working_cores(machine, chip.cores))
    if len(on_chip) > cores:
        raise _too_many(on_chip, cores, most, needed, chip)
    if machine is None and needed > 1 and chip.spec["topology"].get("boards") == "hexagonal":
        machine = hexagonal(next(n for n in _boards() if 48 * n >= needed), steps)
    return machine or grid(needed, steps)


def place(
    slices: tuple[Slice, ...],
    destinations: Sequence[Sequence[int]],
    machine: Machine,
    chip: Chip,
    placer: str = "greedy",
    busy: Mapping[str, float] | None = None,
) -> tuple[Place | None, ...]:
    """Return the place of each slice on `machine`. Raises BadInput E0199 for an unknown placer.

    destinations: numbers of the slices that each slice sends to. busy: share of each population
    that spikes in a busy step, None where all are alike. A chip whose cores differ, or are shared,
    assigns them itself.
    """
    if placer not in PLACERS:
        raise BadInput(
            "E0199", "no such placer", got=placer, allowed=" or ".join(PLACERS), hint="greedy"
        )
    if not chip.cores:
        return tuple((0, 0, 0) for _ in slices)
    if hasattr(chip.rules, "assign"):
        own = iter(chip.rules.assign(slices, destinations, chip.facts))
        return tuple(None if _hosted(s, chip) else (0, 0, next(own)) for s in slices)
    on = [i for i, s in enumerate(slices) if not _hosted(s, chip)]
    cores = working_cores(machine, chip.cores, len(on))
    if placer == "spread" and on:
        from mossy.passes.spread import spread  # it loads a compiler, for what is seldom wanted

        cores = spread(cores, *_between(on, destinations))
    elif placer == "anneal" and on:
        from mossy.passes.anneal import anneal

        packets = [_packets(slices[i], busy) for i in on]
        cores = anneal(cores, *_between(on, destinations), machine, np.array(packets))
    places: list[Place | None] = [None] * len(slices)
    for i, (x, y, core) in zip(on, cores.tolist(), strict=False):
        places[i] = x, y, core
    return tuple(places)


def _between(
    on: list[int], destinations: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The destinations of some slices among themselves, numbered anew: first target, targets."""
    to = listed(destinations)
    number = np.full(len(to), -1, np.int64)
    number[on] = np.arange(len(on))
    source = number[np.repeat(np.arange(len(to)), np.diff(to.start))]
    target = number[to.targets]
    both = (source >= 0) & (target >= 0)
    start = np.cumsum(np.append(0, np.bincount(source[both], minlength=len(on))))
    return start, target[both]


def _packets(s: Slice, busy: Mapping[str, float] | None) -> float:
    return (s.hi - s.lo) * (1.0 if busy is None else busy[s.population])


def _hosted(s: Slice, chip: Chip) -> bool:
    return s.role == "source" and str(chip.spec["input"]["on"]) == "host"


def _boards() -> Iterator[int]:
    """One board, or triads that make a torus at most twice as wide as it is high."""
    yield 1
    for triads in count(1):
        high = next(h for h in range(isqrt(triads), 0, -1) if triads % h == 0)
        if triads <= 2 * high * high:
            yield 3 * triads


def working_cores(machine: Machine, numbers: Sequence[int], needed: int = 0) -> NDArray[Any]:
    """Return the places (n, 3) of all working cores in the order in which they are given out.

    numbers: of the cores of one chip, in that order. needed: how many are going to be used; 0: all.
    They come from as few chips side by side.
    """
    spots = _spots(machine, -(-needed // len(numbers)))
    cores = np.empty((len(spots), len(numbers), 3), np.int64)
    cores[:, :, :2] = spots[:, None]
    cores[:, :, 2] = numbers
    found = cores.reshape(-1, 3)
    if not machine.dead_cores:
        return found
    dead = [machine.width * (y + machine.height * c) + x for x, y, c in machine.dead_cores]
    each = machine.width * (found[:, 1] + machine.height * found[:, 2]) + found[:, 0]
    return found[~np.isin(each, dead)]


def _spots(machine: Machine, needed: int) -> NDArray[np.int64]:
    """The working chips (n, 2) in the order in which they are filled."""
    alive = np.ones((machine.height, machine.width), bool)
    if machine.empty:
        x, y = np.array(list(machine.empty)).T
        alive[y, x] = False
    y, x = np.nonzero(alive)
    first = machine.ethernet[0] if machine.wraps and machine.ethernet else (0, 0)
    right, up = (x - first[0]) % machine.width, (y - first[1]) % machine.height
    strip = right // STRIP
    along = np.where(strip % 2 == 0, up, machine.height - 1 - up)
    across = np.where(along % 2 == 0, right, -right)
    keys = [across, along, strip]
    if 0 < needed < len(x):
        reach = np.maximum(right, up)
        keys.append(reach > np.partition(reach, needed - 1)[needed - 1])
    order = np.lexsort(keys)
    return np.column_stack([x[order], y[order]])


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
