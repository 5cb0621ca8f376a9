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

from functools import lru_cache
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

    x, y: of each chip. towards: (sign of dy + 1, sign of dx + 1) -> link that leads there first.
    back: the opposite link of each.
    """

    beside: NDArray[np.int32]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    towards: NDArray[np.int8]
    back: NDArray[np.int8]
    width: int
    height: int
    wraps: bool
    diagonal: bool


@lru_cache(maxsize=4)
def as_grid(machine: Machine) -> Grid:
    """Return the arrays of a machine, which nobody may change."""
    width, height, steps = machine.width, machine.height, machine.steps
    alive = np.ones(width * height, np.bool_)
    alive[[y * width + x for x, y in machine.empty]] = False
    dead = np.zeros((width * height, len(steps)), np.bool_)
    for x, y, link in machine.dead_links:
        dead[y * width + x, link] = True
    back = np.array([steps.index((-dx, -dy)) for dx, dy in steps], np.int8)
    towards = np.full((3, 3), -1, np.int8)
    for sx, sy in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
        for step in ((sx, sy), (sx, 0), (0, sy)):
            if step in steps:
                towards[sy + 1, sx + 1] = steps.index(step)
                break
    moves = np.array(steps, np.int64).reshape(-1, 2)
    ys, xs = np.divmod(np.arange(width * height, dtype=np.int32), np.int32(width))
    beside = _beside(width, height, machine.wraps, moves, back, alive, dead)
    return Grid(beside, xs, ys, towards, back, width, height, machine.wraps, (1, 1) in steps)


class Growing(NamedTuple):
    """Trees in the making, one after the other. mark: the tree that a chip was last part of.

    out: links a chip sends on, as bits; by: link that its packets come by, -1 at the start; nodes:
    chips of the tree in the order they joined; came, todo, seen: for the search around dead parts;
    asks: the tree that a chip was last a target of.
    """

    mark: NDArray[np.int64]
    out: NDArray[np.int64]
    by: NDArray[np.int64]
    nodes: NDArray[np.int64]
    came: NDArray[np.int64]
    todo: NDArray[np.int64]
    seen: NDArray[np.int64]
    asks: NDArray[np.int64]


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
def _beside(
    width: int, height: int, wraps: bool, steps: NDArray[Any], back: NDArray[Any],
    alive: NDArray[Any], dead: NDArray[Any],
) -> NDArray[np.int32]:  # fmt: skip
    found = np.full(dead.shape, -1, np.int32)
    for here in range(alive.size):
        for link in range(back.size):
            x, y = here % width + steps[link, 0], here // width + steps[link, 1]
            if not wraps and not (0 <= x < width and 0 <= y < height):
                continue
            there = y % height * width + x % width
            cut = dead[here, link] or dead[there, back[link]]
            if alive[here] and alive[there] and not cut:
                found[here, link] = there
    return found


@numba.njit(cache=True, inline="always")
def _vector(grid: Grid, start: int, end: int) -> tuple[int, int]:
    """Shortest (dx, dy) between two chips; ties as in `Machine.vector`."""
    dx: Any
    dy: Any
    dx, dy = np.int64(grid.x[end] - grid.x[start]), np.int64(grid.y[end] - grid.y[start])
    if not grid.wraps:
        return dx, dy
    best_x: Any = 0
    best_y: Any = 0
    best = -1
    dx, dy = dx % grid.width, dy % grid.height
    for a in (dx - grid.width, dx):
        for b in (dy - grid.height, dy):
            n = _length(a, b, grid.diagonal)
            if best < 0 or (n, abs(a), a, b) < (best, abs(best_x), best_x, best_y):
                best_x, best_y, best = a, b, n
    return best_x, best_y


@numba.njit(cache=True)
def _length(dx: Any, dy: Any, diagonal: bool) -> Any:
    if diagonal and (dx > 0) == (dy > 0):
        return max(abs(dx), abs(dy))
    return abs(dx) + abs(dy)


@numba.njit(cache=True)
def _shortest(dx: Any, dy: Any, width: int, height: int, wraps: bool, diagonal: bool) -> Any:
    """Links along (dx, dy), or along what leads to the same chip over joined edges."""
    if not wraps:
        return _length(dx, dy, diagonal)
    dx += width if dx < 0 else 0
    dy += height if dy < 0 else 0
    left, down = dx - width, dy - height
    return min(
        _length(dx, dy, diagonal), _length(left, dy, diagonal),
        _length(dx, down, diagonal), _length(left, down, diagonal),
    )  # fmt: skip


@numba.njit(cache=True)
def _turning(dx: Any, dy: Any, diagonal: bool) -> Any:
    """Four times the links along (dx, dy), and 1 where they are of two kinds."""
    turns = dx != 0 and dy != 0 and not (diagonal and dx == dy)
    return 4 * _length(dx, dy, diagonal) + turns


@numba.njit(cache=True)
def _effort(dx: Any, dy: Any, width: int, height: int, wraps: bool, diagonal: bool) -> Any:
    """`_turning` along (dx, dy), or along what leads to the same chip over joined edges."""
    if not wraps:
        return _turning(dx, dy, diagonal)
    dx += width if dx < 0 else 0
    dy += height if dy < 0 else 0
    left, down = dx - width, dy - height
    return min(
        _turning(dx, dy, diagonal), _turning(left, dy, diagonal),
        _turning(dx, down, diagonal), _turning(left, down, diagonal),
    )  # fmt: skip


@numba.njit(cache=True, inline="always")
def distance(grid: Grid, start: int, end: int) -> Any:
    """Links of a shortest way between two chips, if no part of it is dead."""
    dx, dy = np.int64(grid.x[end] - grid.x[start]), np.int64(grid.y[end] - grid.y[start])
    return _shortest(dx, dy, grid.width, grid.height, grid.wraps, grid.diagonal)


@numba.njit(cache=True, inline="always")
def by_distance(grid: Grid, start: int, ends: NDArray[Any]) -> NDArray[np.int64]:
    """The chips from near to far; equally far ones by x and y."""
    ranks = np.empty(ends.size, np.int64)
    for i in range(ends.size):
        at = np.int64(grid.x[ends[i]]) << 20 | np.int64(grid.y[ends[i]])
        ranks[i] = distance(grid, start, ends[i]) << 40 | at
    found = ends.copy()
    gap = 1
    while 3 * gap < ends.size:
        gap = 3 * gap + 1
    while gap > 0:  # Shell's sort: short, and quick for as few as these are
        for i in range(gap, ends.size):
            rank, end, k = ranks[i], found[i], i
            while k >= gap and ranks[k - gap] > rank:
                ranks[k], found[k] = ranks[k - gap], found[k - gap]
                k -= gap
            ranks[k], found[k] = rank, end
        gap //= 3
    return found


@numba.njit(cache=True, inline="always")
def _nearest(grid: Grid, room: Growing, number: int, since: int, count: int, end: int) -> Any:
    """The chip of the tree, where it began or of those that joined last, that is nearest to `end`.

    Of equally near ones, one from where the way is straight, and that has an entry for other
    reasons: it costs none. Then the one with the lowest x and y.
    """
    width, height, wraps, diagonal = grid.width, grid.height, grid.wraps, grid.diagonal
    xs, ys, nodes, mark = grid.x, grid.y, room.nodes, room.mark
    out, by, asks = room.out, room.by, room.asks
    best: Any = 1 << 62
    found: Any = -1
    x, y = np.int64(xs[end]), np.int64(ys[end])
    if since == 0 and count > RADIUS * RADIUS:
        for ny in range(y - RADIUS, y + RADIUS + 1):
            for nx in range(x - RADIUS, x + RADIUS + 1):
                if not wraps and not (0 <= nx < width and 0 <= ny < height):
                    continue
                at_x, at_y = nx % width, ny % height
                chip = at_y * width + at_x
                if mark[chip] == number:
                    far = _effort(x - at_x, y - at_y, width, height, wraps, diagonal)
                    passing = asks[chip] != number and by[chip] >= 0 and out[chip] == 1 << by[chip]
                    rank = far + passing << 40 | at_x << 20 | at_y
                    if rank < best:
                        best, found = rank, chip
        if found >= 0:
            return found
    for k in range(max(since - 1, 0), count):
        chip = nodes[k if k >= since else 0]
        here_x, here_y = np.int64(xs[chip]), np.int64(ys[chip])
        far = _effort(x - here_x, y - here_y, width, height, wraps, diagonal)
        passing = asks[chip] != number and by[chip] >= 0 and out[chip] == 1 << by[chip]
        rank = far + passing << 40 | here_x << 20 | here_y
        if rank < best:
            best, found = rank, chip
    return found


@numba.njit(cache=True, inline="always")
def _straight(grid: Grid, room: Growing, start: int, end: int) -> int:
    """Write the plain way's links into `came`; return their number, -1 where a part is dead."""
    dx, dy = _vector(grid, start, end)
    here: Any = start
    n = 0
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


@numba.njit(cache=True, inline="always")
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
    return extend(grid, room, number, np.int64(0), np.int64(1), ends)


@numba.njit(cache=True)
def extend(
    grid: Grid, room: Growing, number: int, since: Any, count: Any, ends: NDArray[Any]
) -> Any:
    """Let more targets join a tree of `count` chips, by where it began or nodes[since:]."""
    order = by_distance(grid, room.nodes[0], ends)
    for end in ends:
        room.asks[end] = number
    for i in range(order.size):
        end = order[i]
        if room.mark[end] == number:
            continue
        here = _nearest(grid, room, number, since, count, end)
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
        here = _around(grid, room, number, (number << 24) + (int(since > 0) << 23) + i + 1, end)
        if here < 0:
            return -end - 1
        while here != end:
            link = room.came[here]
            count = _join(grid, room, number, count, here, link)
            here = grid.beside[here, link]
    return count
