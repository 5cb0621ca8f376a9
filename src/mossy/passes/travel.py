"""How packets travel, on chips that have a choice."""

from __future__ import annotations

from typing import cast

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.passes.options import Options
from mossy.program.artefact import Routing


def routing(chip: Chip, options: Options) -> Routing:
    """Return how packets travel. Raises BadInput E0145 for a way that the chip does not have."""
    usual: str = chip.spec["routing"]["kind"]
    ways = (usual, *chip.spec["routing"].get("also", []))
    if options.routing not in (None, *ways):
        raise BadInput(
            "E0145",
            "packets of the chip do not travel that way",
            where=f"{chip.name}, Options(routing=)",
            got=repr(options.routing),
            allowed=" or ".join(map(repr, ways)),
            hint="leave it out",
        )
    return cast(Routing, options.routing or usual)
