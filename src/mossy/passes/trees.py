"""Multicast trees by neighbour exploring: each target joins the tree where that is nearest.

Targets are taken from near to far. From the nearest chip of the tree the way leads along the
diagonal while both distances have its sign, then straight; where a part of that way is dead, the
shortest way around is searched. (Navaridas et al., Parallel Computing 45, 2015, there with the name
NER.)

Chips are numbered y * width + x here, and a chip of the tree carries a bit set of the links it
sends on. A tree is kept in arrays as long as the machine that are never cleared: a chip belongs to
the tree whose number it bears.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.errors import DoesNotFit
from mossy.program.machine import Machine, Spot

RADIUS = 10  # chips around a target in which the tree is looked for before the whole tree is
Tree = dict[Spot, dict[int, Spot]]  # chip -> link taken -> chip reached


class Grid(NamedTuple):
    """A machine as arrays. beside: (chip, link) -> chip, -1 where there is none or it is dead.

    towards: (sign of dy + 1, sign of dx + 1) -> link that leads there first. back: the opposite
    link of each. steps: (link, 2).
    """

    beside: NDArray[np.int32]
    towards: NDArray[np.int8]
    back: NDArray[np.int8]
    width: int
    height: int
    wraps: bool
    diagonal: bool


def as_grid(machine: Machine) -> Grid:
    """Return the arrays of a machine."""
    width, height, steps = machine.width, machine.height, machine.steps
    alive = np.ones((height, width), bool)
    for x, y in machine.empty:
        alive[y, x] = False
    links = np.ones((len(steps), height, width), bool)
    for x, y, link in machine.dead_links:
        links[link, y, x] = False
    back = [steps.index((-dx, -dy)) for dx, dy in steps]
    beside = np.full((height * width, len(steps)), -1, np.int32)
    here_y, here_x = np.divmod(np.arange(width * height), width)
    for link, (dx, dy) in enumerate(steps):
        to_x, to_y = here_x + dx, here_y + dy
        inside = (to_x >= 0) & (to_x < width) & (to_y >= 0) & (to_y < height)
        to_x, to_y = to_x % width, to_y % height
        there = (inside | machine.wraps) & alive[here_y, here_x] & alive[to_y, to_x]
        there &= links[link, here_y, here_x] & links[back[link], to_y, to_x]
        beside[:, link] = np.where(there, to_y * width + to_x, -1)
    towards = np.full((3, 3), -1, np.int8)
    for sx, sy in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
        for step in ((sx, sy), (sx, 0), (0, sy)):
            if step in steps:
                towards[sy + 1, sx + 1] = steps.index(step)
                break
    diagonal = (1, 1) in steps
    return Grid(beside, towards, np.array(back, np.int8), width, height, machine.wraps, diagonal)


class Growing(NamedTuple):
    """Trees in the making, one after the other. mark: the tree that a chip was last part of.

    out: links a chip sends on, as bits; by: link that its packets come by, -1 at the start; nodes:
    chips of the tree in the order they joined; came, todo, seen: for the search around dead parts.
    """

    mark: NDArray[np.int64]
    out: NDArray[np.int64]
    by: NDArray[np.int64]
    nodes: NDArray[np.int64]
    came: NDArray[np.int64]
    todo: NDArray[np.int64]
    seen: NDArray[np.int64]


def growing(grid: Grid) -> Growing:
    """Return room for the trees of a machine."""
    size = grid.width * grid.height
    return Growing(*(np.zeros(size, np.int64) for _ in Growing._fields))


def tree(machine: Machine, start: Spot, ends: set[Spot]) -> Tree:
    """Return a tree from `start` to all `ends`, every chip entered once.

    Raises DoesNotFit E0306 where a target cannot be reached.
    """
    grid = as_grid(machine)
    room = growing(grid)
    targets = np.array(sorted(y * grid.width + x for x, y in ends), np.int64)
    count = grow(grid, room, 1, start[1] * grid.width + start[0], targets)
    if count < 0:
        raise unreachable(machine, -count - 1)
    found: Tree = {}
    for chip in room.nodes[:count].tolist():
        links = [i for i in range(len(machine.steps)) if room.out[chip] >> i & 1]
        found[_spot(chip, grid)] = {i: _spot(int(grid.beside[chip, i]), grid) for i in links}
    return found


def unreachable(machine: Machine, chip: int) -> DoesNotFit:
    """The error that says there is no way to a chip, given by its number."""
    return DoesNotFit(
        "E0306",
        "no working way between two chips",
        where=f"chip {(chip % machine.width, chip // machine.width)}",
        got=f"{len(machine.empty)} chips missing, {len(machine.dead_links)} links dead",
        allowed="a way over working chips and links",
        hint="leave the chip out as well, so that nothing is put on it",
    )


def _spot(chip: int, grid: Grid) -> Spot:
    return chip % grid.width, chip // grid.width


# --------------------------------------------------------------------------- compiled functions
@numba.njit(cache=True)
def _vector(grid: Grid, start: int, end: int) -> tuple[int, int, int]:
    """Shortest (dx, dy) between two chips, and its links; ties as in `Machine.vector`."""
    dx = end % grid.width - start % grid.width
    dy = end // grid.width - start // grid.width
    if not grid.wraps:
        return dx, dy, _length(grid, dx, dy)
    best_x, best_y, best = 0, 0, -1
    dx, dy = dx % grid.width, dy % grid.height
    for a in (dx - grid.width, dx):
        for b in (dy - grid.height, dy):
            n = _length(grid, a, b)
            if best < 0 or (n, abs(a), a, b) < (best, abs(best_x), best_x, best_y):
                best_x, best_y, best = a, b, n
    return best_x, best_y, best


@numba.njit(cache=True)
def _length(grid: Grid, dx: int, dy: int) -> int:
    if grid.diagonal and dx != 0 and dy != 0 and (dx > 0) == (dy > 0):
        return max(abs(dx), abs(dy))
    return abs(dx) + abs(dy)


@numba.njit(cache=True)
def _rank(grid: Grid, start: int, end: int, spot: int) -> int:
    """Chips are taken by distance, then by x and y of `spot`."""
    length = _vector(grid, start, end)[2]
    return (length << 40) | (spot % grid.width << 20) | (spot // grid.width)


@numba.njit(cache=True)
def _nearest(grid: Grid, room: Growing, number: int, count: int, end: int) -> Any:
    """The chip of the tree that is nearest to `end`."""
    best, found = 1 << 62, -1
    if count > RADIUS * RADIUS:
        x, y = end % grid.width, end // grid.width
        for ny in range(y - RADIUS, y + RADIUS + 1):
            for nx in range(x - RADIUS, x + RADIUS + 1):
                if not grid.wraps and not (0 <= nx < grid.width and 0 <= ny < grid.height):
                    continue
                chip = ny % grid.height * grid.width + nx % grid.width
                if room.mark[chip] == number:
                    rank = _rank(grid, chip, end, chip)
                    if rank < best:
                        best, found = rank, chip
        if found >= 0:
            return found
    for k in range(count):
        chip = room.nodes[k]
        rank = _rank(grid, chip, end, chip)
        if rank < best:
            best, found = rank, chip
    return found


@numba.njit(cache=True)
def _straight(grid: Grid, room: Growing, start: int, end: int) -> int:
    """Write the plain way's links into `came`; return their number, -1 where a part is dead."""
    dx, dy, _ = _vector(grid, start, end)
    here, n = start, 0
    while dx != 0 or dy != 0:
        sx, sy = (dx > 0) - (dx < 0), (dy > 0) - (dy < 0)
        if sx != 0 and sy != 0 and not (grid.diagonal and sx == sy):
            sy = 0
        link = grid.towards[sy + 1, sx + 1]
        here = grid.beside[here, link]
        if here < 0:
            return -1
        room.came[n] = link
        n += 1
        dx, dy = dx - sx, dy - sy
    return n


@numba.njit(cache=True)
def _around(grid: Grid, room: Growing, number: int, search: int, end: int) -> Any:
    """Search backwards from `end`; return the nearest chip of the tree, or -1.

    `came` then holds, for every chip seen, the link that leads towards `end`.
    """
    room.seen[end] = search
    room.todo[0] = end
    first, last = 0, 1
    while first < last:
        here = room.todo[first]
        first += 1
        if room.mark[here] == number:
            return here
        for link in range(grid.beside.shape[1]):
            beside = grid.beside[here, link]
            if beside >= 0 and room.seen[beside] != search:
                room.seen[beside] = search
                room.came[beside] = grid.back[link]
                room.todo[last] = beside
                last += 1
    return -1


@numba.njit(cache=True)
def _join(grid: Grid, room: Growing, number: int, count: int, here: int, link: int) -> int:
    """Add one link to the tree, unless its end is in it; return the chips of the tree."""
    beyond = grid.beside[here, link]
    room.out[here] |= 1 << link
    room.mark[beyond] = number
    room.out[beyond] = 0
    room.by[beyond] = link
    room.nodes[count] = beyond
    return count + 1


@numba.njit(cache=True)
def grow(grid: Grid, room: Growing, number: int, start: int, ends: NDArray[Any]) -> Any:
    """Grow tree `number` (1, 2, ... never the same twice); return its chips, listed in `nodes`.

    Where the target `end` cannot be reached, -end - 1 is returned.
    """
    room.mark[start], room.out[start], room.by[start], room.nodes[0] = number, 0, -1, start
    count = 1
    ranks = np.empty(ends.size, np.int64)
    for i in range(ends.size):
        ranks[i] = _rank(grid, start, ends[i], ends[i])
    for i in np.argsort(ranks):
        end = ends[i]
        if room.mark[end] == number:
            continue
        here = _nearest(grid, room, number, count, end)
        steps = _straight(grid, room, here, end)
        if steps >= 0:
            first, spot = 0, here
            for k in range(steps):  # only what lies behind the last chip in the tree is new
                spot = grid.beside[spot, room.came[k]]
                if room.mark[spot] == number:
                    first, here = k + 1, spot
            for k in range(first, steps):
                count = _join(grid, room, number, count, here, room.came[k])
                here = grid.beside[here, room.came[k]]
            continue
        here = _around(grid, room, number, (number << 24) + i + 1, end)
        if here < 0:
            return -end - 1
        while here != end:
            link = room.came[here]
            count = _join(grid, room, number, count, here, link)
            here = grid.beside[here, link]
    return count
