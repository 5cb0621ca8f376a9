"""Inside a chip: which links of its network on chip a multicast packet uses.

A packet goes from its core's tile to the router, and on each chip that it reaches from the router
to every tile with a core that is to get it; cores of one tile share it. Where several tiles are to
get it, the router sends each of them a packet of its own ("copies"), or one that branches ("tree"),
as the chip's choice says. A core-to-core packet ("apart") has one core to go to, straight where it
is on the same chip. What a packet does on a chip is its `Turn`; there are few kinds of them, and
every load of a link is the packets of each turn times the links of that turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from mossy.chips.mesh import Hop, Mesh, Tile
from mossy.program.machine import Spot
from mossy.twin.traffic.packets import Seat, Way

TREE, APART = "tree", "apart"


class Turn(NamedTuple):
    """A packet's way on one chip: from a tile, () being the router, to some tiles, or to there."""

    spot: Spot
    start: Tile | tuple[()]
    ends: tuple[Tile, ...]


def turns(home: Seat, way: Way, seats: Iterable[Seat], branching: str) -> Iterator[Turn]:
    """Yield what a packet does on each chip, sent from `home` and meant for some seats.

    branching: "copies", "tree" or "apart".
    """
    if branching == APART:
        for seat in seats:
            if seat.spot == home.spot:
                yield Turn(home.spot, home.tile, (seat.tile,))
            else:
                yield from (Turn(home.spot, home.tile, ()), Turn(seat.spot, (), (seat.tile,)))
        return
    if way.routers:
        yield Turn(home.spot, home.tile, ())
    if branching != TREE:
        yield from (Turn(seat.spot, (), (seat.tile,)) for seat in seats)
        return
    tiles: dict[Spot, list[Tile]] = {}
    for seat in seats:
        tiles.setdefault(seat.spot, []).append(seat.tile)
    yield from (Turn(spot, (), tuple(sorted(found))) for spot, found in tiles.items())


def hops(mesh: Mesh, turn: Turn) -> Counter[Hop]:
    """Return the links that a packet crosses in a turn, and how often."""
    if turn.start:
        straight = [mesh.way(turn.start, end) for end in turn.ends]
        return Counter(straight[0] if straight else mesh.to_router(turn.start))
    # a link that the ways to several tiles share carries the packet once
    return Counter({hop: 1 for tile in turn.ends for hop in mesh.from_router(tile)})


def paths(
    mesh: Mesh, found: Sequence[Turn]
) -> tuple[tuple[tuple[Spot, Hop], ...], sparse.csr_array]:
    """Return the links in use, and (turns, links) how often a packet crosses each in a turn."""
    links: dict[tuple[Spot, Hop], int] = {}
    cells = [
        (row, links.setdefault((turn.spot, hop), len(links)), often)
        for row, turn in enumerate(found)
        for hop, often in hops(mesh, turn).items()
    ]
    at = np.array(cells, np.int64).reshape(-1, 3).T
    shape = (len(found), len(links))
    return tuple(links), sparse.csr_array((at[2], (at[0], at[1])), shape=shape)
