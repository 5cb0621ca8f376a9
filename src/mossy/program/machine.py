"""A machine: chips on a grid, joined by links, with the parts that are known to be dead.

A regular grid is data: size, the step that each link takes, whether the edges are joined (a torus),
and the spots that hold no chip. Dead parts are exceptions to it, named one by one.

Boards of 48 chips are hexagons. Three of them, a triad, fill a block of 12 x 12 chips; a torus is
made of such blocks, and machines with open edges are 12 m + 4 by 12 n + 4 chips. The host is wired
to the first chip of each board, where x mod 4 = 0 and (x + y) mod 12 = 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isqrt

from mossy.errors import BadInput

Spot = tuple[int, int]  # a chip's x and y
Place = tuple[int, int, int]  # chip x, chip y, core number on that chip


@dataclass(frozen=True)
class Machine:
    """Chips that a program may be put on.

    steps: (dx, dy) of each link. wraps: the edges are joined. empty: spots without a working chip.
    dead_cores: (x, y, core). dead_links: (x, y, link), named from either end. ethernet: spots of
    the working chips that the host is wired to. boards: spots of the first chip of every hexagonal
    board, working or not.
    """

    width: int
    height: int
    steps: tuple[Spot, ...]
    wraps: bool = False
    empty: frozenset[Spot] = frozenset()
    dead_cores: frozenset[Place] = frozenset()
    dead_links: frozenset[Place] = frozenset()
    ethernet: tuple[Spot, ...] = ((0, 0),)
    boards: tuple[Spot, ...] = ()

    def has(self, spot: Spot) -> bool:
        """Return whether there is a working chip at `spot`."""
        x, y = spot
        return 0 <= x < self.width and 0 <= y < self.height and spot not in self.empty

    def spots(self) -> Iterator[Spot]:
        """Yield the spot of every working chip, row by row."""
        for y in range(self.height):
            for x in range(self.width):
                if (x, y) not in self.empty:
                    yield x, y

    @property
    def chips(self) -> int:
        """Number of working chips."""
        return self.width * self.height - len(self.empty)

    def beside(self, spot: Spot, link: int) -> Spot | None:
        """Return the chip behind a link of `spot`; None where there is none or the link is dead."""
        dx, dy = self.steps[link]
        x, y = spot[0] + dx, spot[1] + dy
        if self.wraps:
            x, y = x % self.width, y % self.height
        back = self.steps.index((-dx, -dy))
        dead = (*spot, link) in self.dead_links or (x, y, back) in self.dead_links
        return None if dead or not self.has((x, y)) else (x, y)

    def vector(self, start: Spot, end: Spot) -> Spot:
        """Return the shortest (dx, dy) from chip to chip, over the edges where they are joined."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        if not self.wraps:
            return dx, dy
        ways = [(a, b) for a in _around(dx, self.width) for b in _around(dy, self.height)]
        return min(ways, key=lambda v: (self.length(v), abs(v[0]), v))

    def length(self, vector: Spot) -> int:
        """Return the links of a shortest way along (dx, dy), if no part of it is dead."""
        dx, dy = vector
        if (dx > 0) == (dy > 0) and dx and dy and (1, 1) in self.steps:
            return max(abs(dx), abs(dy))
        return abs(dx) + abs(dy)

    def without(
        self,
        chips: Iterable[Spot] = (),
        cores: Iterable[Place] = (),
        links: Iterable[Place] = (),
    ) -> Machine:
        """Return the machine with more parts dead.

        A board whose first chip is dead is reached over its links to others. Raises BadInput E0192
        for a part it lacks, E0143 where no board has its first chip left.
        """
        chips, cores, links = list(chips), list(cores), list(links)
        unknown: list[tuple[int, ...]] = [s for s in chips if not self.has(s)]
        unknown += [p for p in (*cores, *links) if not self.has(p[:2])]
        unknown += [p for p in links if not 0 <= p[2] < len(self.steps)]
        if unknown:
            raise BadInput(
                "E0192",
                "no such part, or it is dead already",
                where=f"machine of {self.width} x {self.height} chips",
                got=unknown[0],
                allowed=f"chips (x, y) below {self.width}, {self.height}; "
                f"links (x, y, link) below {len(self.steps)}",
                hint="count from 0",
            )
        wired = tuple(s for s in self.ethernet if s not in set(chips))
        if self.boards and not wired:
            raise BadInput(
                "E0143",
                "no chip that the host is wired to is left, so nothing can be loaded",
                where=f"machine of {len(self.boards)} boards",
                got=f"dead: {', '.join(map(str, self.ethernet))}",
                allowed="one of these chips working",
                hint="leave one of them alive, or take another board",
            )
        return dataclasses.replace(
            self,
            empty=self.empty | set(chips),
            dead_cores=self.dead_cores | set(cores),
            dead_links=self.dead_links | set(links),
            ethernet=wired,
        )


def _around(d: int, size: int) -> set[int]:
    d %= size
    return {d, d - size}


# The 48 chips of a hexagonal board, from its Ethernet chip: the first and last x of each row.
BOARD = ((0, 4), (0, 5), (0, 6), (0, 7), (1, 7), (2, 7), (3, 7), (4, 7))
TRIAD = ((0, 0), (4, 8), (8, 4))  # where the three boards of a 12 x 12 block begin
BLOCK = 12
OVER = 4  # chips by which boards stick out of the blocks, where the edges are open


def grid(chips: int, steps: tuple[Spot, ...]) -> Machine:
    """Return the smallest square of at least `chips` chips, row by row, edges open."""
    width = 1
    while width * width < chips:
        width += 1
    height = -(-chips // width)
    last = {(x, height - 1) for x in range(width - (width * height - chips), width)}
    return Machine(width, height, steps, empty=frozenset(last))


def hexagonal(boards: int, steps: tuple[Spot, ...], wraps: bool | None = None) -> Machine:
    """Return a machine of 48-chip hexagonal boards.

    A multiple of three is a torus of triads, as near a square as it can be (three boards to each
    block of 12 x 12 chips); any other number, or wraps=False, leaves the edges open. Raises
    BadInput E0193 for less than one board, or a torus that is no multiple of three.
    """
    torus = boards % len(TRIAD) == 0 if wraps is None else wraps
    if boards < 1 or (torus and boards % len(TRIAD)):
        near = max(1, boards // 3) * 3
        raise BadInput(
            "E0193",
            "a torus of boards is made of triads" if torus else "a machine has a board",
            got=boards,
            allowed="3, 6, 9, ..." if torus else "1 or more",
            hint=f"boards={near}, or wraps=False" if torus else "boards=1",
        )
    return _torus(boards, steps) if torus else _open(boards, steps)


def _torus(boards: int, steps: tuple[Spot, ...]) -> Machine:
    blocks = boards // len(TRIAD)
    up = next(w for w in range(int(blocks**0.5), 0, -1) if blocks % w == 0)
    first = _firsts(blocks // up, up)
    width, height = BLOCK * (blocks // up), BLOCK * up
    return Machine(width, height, steps, wraps=True, ethernet=first, boards=first)


def _open(boards: int, steps: tuple[Spot, ...]) -> Machine:
    """A rectangle of triads, the last boards left out; what sticks out takes four chips more."""
    if boards == 1:
        width = height = len(BOARD)
        first: tuple[Spot, ...] = ((0, 0),)
    else:
        blocks = -(-boards // len(TRIAD))
        across = 1 + isqrt(blocks - 1)
        up = -(-blocks // across)
        width, height = BLOCK * across + OVER, BLOCK * up + OVER
        first = _firsts(across, up)[:boards]
    chips = {spot for at in first for spot in _board(at)}
    empty = {(x, y) for x in range(width) for y in range(height)} - chips
    return Machine(width, height, steps, empty=frozenset(empty), ethernet=first, boards=first)


def _firsts(across: int, up: int) -> tuple[Spot, ...]:
    """The first chips of all boards of across x up triads."""
    return tuple(
        (BLOCK * i + x, BLOCK * j + y) for j in range(up) for i in range(across) for x, y in TRIAD
    )


def board_of(machine: Machine, spot: Spot) -> Spot:
    """Return the first chip of the hexagonal board that a chip is on, working or not."""
    for first in TRIAD:
        dx, dy = (spot[0] - first[0]) % BLOCK, (spot[1] - first[1]) % BLOCK
        if dy < len(BOARD) and BOARD[dy][0] <= dx <= BOARD[dy][1]:
            x, y = spot[0] - dx, spot[1] - dy
            if machine.wraps:
                return x % machine.width, y % machine.height
            if x >= 0 and y >= 0:
                return x, y
    raise ValueError(f"no board has a chip at {spot}")


def _board(first: Spot) -> set[Spot]:
    return {
        (first[0] + x, first[1] + y)
        for y, (low, high) in enumerate(BOARD)
        for x in range(low, high + 1)
    }
