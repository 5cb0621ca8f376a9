"""Place: give every slice a core, filling one chip after the other in population order.

Neighbours in the network become neighbours on the machine; within a chip, cores nearest the router
come first. Chips are taken along the rows of the smallest square that holds them.

Before: slices. After: one place (chip x, chip y, core) per slice; None for what stays on the host.
"""

from __future__ import annotations

import math

from mossy.chips.chip import Chip
from mossy.errors import DoesNotFit
from mossy.passes.options import Options
from mossy.passes.partition import Slice
from mossy.program.artefact import Place


def place(
    slices: tuple[Slice, ...],
    destinations: tuple[tuple[int, ...], ...],
    chip: Chip,
    options: Options,
) -> tuple[Place | None, ...]:
    """Return the place of each slice. Raises DoesNotFit E0302 where the machine is too small.

    destinations: numbers of the slices that each slice sends to. A chip whose cores differ, or are
    shared, assigns them itself.
    """
    per_chip = len(chip.rules.places(chip.facts))
    if not per_chip:
        return tuple((0, 0, 0) for _ in slices)
    host = chip.spec["input"]["on"] == "host"
    on_chip = [s for s in slices if not (host and s.role == "source")]
    if hasattr(chip.rules, "assign"):
        cores = iter(chip.rules.assign(slices, destinations, chip.facts))
        return tuple(None if host and s.role == "source" else (0, 0, next(cores)) for s in slices)
    needed = -(-len(on_chip) // per_chip)
    most = options.chips or int(chip.facts["chips_max"])
    if needed > most:
        sizes: dict[str, int] = {}
        for s in on_chip:
            sizes[s.population] = sizes.get(s.population, 0) + 1
        largest = max(sizes, key=lambda k: sizes[k])
        raise DoesNotFit(
            "E0302",
            f"the network needs {len(on_chip) - most * per_chip} more cores than the machine has",
            where=chip.name,
            got=f"{len(on_chip)} cores",
            allowed=f"{most * per_chip} cores on {most} chip(s)",
            hint=f"chips={needed}, or a smaller population {largest!r}, "
            f"which takes {sizes[largest]} cores",
        )
    side = math.isqrt(needed - 1) + 1 if needed else 1
    spots = iter(range(len(on_chip)))
    return tuple(
        None if host and s.role == "source" else _spot(next(spots), per_chip, side) for s in slices
    )


def _spot(i: int, per_chip: int, side: int) -> Place:
    on, core = divmod(i, per_chip)
    return on % side, on // side, core
