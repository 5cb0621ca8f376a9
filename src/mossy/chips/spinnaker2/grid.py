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

from mossy.chips.mesh import Mesh, Tile

# the router takes two tiles in the middle, whose six neighbours are its six ports; no quad lies at
# the holes, and no link of the network is taken to lead there
ROUTER = ((4, 3), (4, 4))
HOLES = frozenset({(7, 3), (7, 4)})
PER_QUAD = 4
KEPT = frozenset(range(1, 1 + PER_QUAD))  # not for programs (assumed)


@cache
def mesh() -> Mesh:
    """Return the network on chip: the quad of each core by its number, the router's tiles."""
    text = files(__package__).joinpath("chip.toml").read_text("utf-8")
    table = tomllib.loads(text)["topology"]["quads"]
    each: list[Tile] = [(x, y) for x, y in table for _ in range(PER_QUAD)]
    return Mesh(MappingProxyType(dict(enumerate(each, start=1))), ROUTER, HOLES)


@cache
def in_order() -> tuple[int, ...]:
    """Return the numbers of all cores, those that programs take first first."""
    at = mesh().cores
    return tuple(sorted(at, key=lambda c: (c in KEPT, distance(c), at[c], c)))


def distance(core: int) -> int:
    """Return the quads crossed from a core to the router."""
    return mesh().distance(mesh().cores[core])
