"""The tiny zoo compiled for a chip, with every intermediate value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mossy.chips import Chip
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network.graph import network_hash
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, Stages, assemble, lowered
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.testing.networks import Case, cases


@dataclass(frozen=True, eq=False)
class Compiled:
    """A case, its program on one chip, and the values between."""

    case: Case
    program: Program
    stages: Stages


def compile_case(case: Case, chip: Chip, options: Options | None = None) -> Compiled:
    """Return `case` compiled. Raises UnsupportedNode, DoesNotFit."""
    wanted, net = options or Options(), case.network
    populations = lowered(net, chip, wanted)
    quantised = quantise(populations, chip, wanted, None)
    header = Header(net.name, network_hash(net), net.dt, net.integrator, net.reset)
    program, stages = assemble(populations, quantised, chip, wanted, header)
    return Compiled(case, program, stages)


@lru_cache(maxsize=8)
def accepted(chip: Chip) -> tuple[Compiled, ...]:
    """Return every case that the chip takes, compiled as it is and then cut into smaller cores.

    Cut ones also with every other way in which the chip's packets may travel.
    """
    found = []
    for case in cases():
        largest = max(
            int(np.prod(shape, dtype=np.int64)) for shape, _ in case.network.shapes.values()
        )
        also = chip.spec["routing"].get("also", [])
        cut = [Options(neurons_per_core=largest // 3, routing=way) for way in (None, *also)]
        for options in (Options(), *cut):
            try:
                found.append(compile_case(case, chip, options))
            except (UnsupportedNode, DoesNotFit):
                continue
    return tuple(found)
