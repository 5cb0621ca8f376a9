"""Cores by their own numbers on the chip, 1 to 152, and the order in which programs take them.

The table is data: chip.toml, [topology] quads. Programs take the cores of the quad nearest the
router first. Which cores the vendor's software keeps for itself is not published, but for the first
one, where SpiNNMachine's monitor runs beside the periphery core: assumed are the first quad's four.
They are also as far from the router as any.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType

Quad = tuple[int, int]
ROUTER = (4, 3)
PER_QUAD = 4
KEPT = frozenset(range(1, 1 + PER_QUAD))  # not for programs (assumed)


@cache
def quads() -> MappingProxyType[int, Quad]:
    """Return core number -> x and y of its quad."""
    text = files(__package__).joinpath("chip.toml").read_text("utf-8")
    table = tomllib.loads(text)["topology"]["quads"]
    each = ((x, y) for x, y in table for _ in range(PER_QUAD))
    return MappingProxyType(dict(enumerate(each, start=1)))


@cache
def in_order() -> tuple[int, ...]:
    """Return the numbers of all cores, those that programs take first first."""
    return tuple(sorted(quads(), key=lambda c: (c in KEPT, distance(c), quads()[c], c)))


def distance(core: int) -> int:
    """Return the quads crossed from a core to the router."""
    x, y = quads()[core]
    return abs(x - ROUTER[0]) + abs(y - ROUTER[1])
