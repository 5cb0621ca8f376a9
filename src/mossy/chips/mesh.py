"""The network on chip as a mesh of tiles: which links a packet takes between cores and the router.

A packet first goes along x, then along y (XY). Where a tile on that way is not there it goes along
y first: the look-up tables that stand beside XY in such networks must do the same or better. Tiles
of the router are one block; a packet enters and leaves it where it is nearest the core's tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

Tile = tuple[int, int]
Hop = tuple[Tile, Tile]  # a link from a tile to the next one


@dataclass(frozen=True)
class Mesh:
    """The tiles of one chip. cores: tile of each core by its number; router: tiles of the router.

    holes: tiles within the mesh that are not there.
    """

    cores: Mapping[int, Tile]
    router: tuple[Tile, ...]
    holes: frozenset[Tile] = frozenset()

    def gate(self, tile: Tile) -> Tile:
        """Return the tile of the router that is nearest to `tile`."""
        return min(self.router, key=lambda r: (abs(r[0] - tile[0]) + abs(r[1] - tile[1]), r))

    def distance(self, tile: Tile) -> int:
        """Return the hops between a tile and the router: no way around a hole is longer."""
        x, y = self.gate(tile)
        return abs(x - tile[0]) + abs(y - tile[1])

    def to_router(self, tile: Tile) -> tuple[Hop, ...]:
        """Return the links from a tile to the router, in order."""
        return self.way(tile, self.gate(tile))

    def from_router(self, tile: Tile) -> tuple[Hop, ...]:
        """Return the links from the router to a tile, in order."""
        return self.way(self.gate(tile), tile)

    def way(self, start: Tile, end: Tile) -> tuple[Hop, ...]:
        """Return the links from tile to tile, in order. Raises ValueError where holes shut it."""
        for corner in ((end[0], start[1]), (start[0], end[1])):
            tiles = [start, *_line(start, corner), *_line(corner, end)]
            if not self.holes.intersection(tiles):
                return tuple(pairwise(tiles))
        raise ValueError(f"no way along x and y from tile {start} to {end}")


def _line(start: Tile, end: Tile) -> list[Tile]:
    """The tiles after `start` up to `end`, on one row or column."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    step = (dx > 0) - (dx < 0), (dy > 0) - (dy < 0)
    return [(start[0] + k * step[0], start[1] + k * step[1]) for k in range(1, abs(dx + dy) + 1)]
