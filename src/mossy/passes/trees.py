"""Multicast trees by neighbour exploring: each target joins the tree where that is nearest.

Targets are taken from near to far. From the nearest chip of the tree the way leads along the
diagonal while both distances have its sign, then straight; where a part of that way is dead, the
shortest way around is searched. (Navaridas et al., Parallel Computing 45, 2015, there with the name
NER.)
"""

from __future__ import annotations

from collections import deque

from mossy.errors import DoesNotFit
from mossy.program.machine import Machine, Spot

RADIUS = 10  # chips around a target in which the tree is looked for before the whole tree is
Tree = dict[Spot, dict[int, Spot]]  # chip -> link taken -> chip reached


def tree(machine: Machine, start: Spot, ends: set[Spot]) -> Tree:
    """Return a tree from `start` to all `ends`, every chip entered once.

    Raises DoesNotFit E0306 where a target cannot be reached.
    """
    grown: Tree = {start: {}}
    for end in sorted(ends, key=lambda e: (machine.length(machine.vector(start, e)), e)):
        if end in grown:
            continue
        way = _straight(machine, _nearest(machine, grown, end), end)
        if way is None:
            way = _around(machine, grown, end)
        # only what lies behind the last chip that is in the tree already is new
        last = max(i for i, (spot, _, _) in enumerate(way) if spot in grown)
        for spot, link, beyond in way[last:]:
            grown[spot][link] = beyond
            grown.setdefault(beyond, {})
    return grown


def _nearest(machine: Machine, grown: Tree, end: Spot) -> Spot:
    near = grown if len(grown) <= RADIUS**2 else [s for s in _ball(machine, end) if s in grown]
    return min(near or grown, key=lambda s: (machine.length(machine.vector(s, end)), s))


def _ball(machine: Machine, centre: Spot) -> set[Spot]:
    span = range(-RADIUS, RADIUS + 1)
    found = {(centre[0] + dx, centre[1] + dy) for dx in span for dy in span}
    if machine.wraps:
        return {(x % machine.width, y % machine.height) for x, y in found}
    return found


def _straight(machine: Machine, start: Spot, end: Spot) -> list[tuple[Spot, int, Spot]] | None:
    """The plain way, (chip, link, next chip) by step; None where a part of it is dead."""
    way, here = [], start
    dx, dy = machine.vector(start, end)
    while dx or dy:
        sign = ((dx > 0) - (dx < 0), (dy > 0) - (dy < 0))
        step = sign if sign in machine.steps else (sign[0], 0) if sign[0] else (0, sign[1])
        link = machine.steps.index(step)
        beyond = machine.beside(here, link)
        if beyond is None:
            return None
        way.append((here, link, beyond))
        here, dx, dy = beyond, dx - step[0], dy - step[1]
    return way


def _around(machine: Machine, grown: Tree, end: Spot) -> list[tuple[Spot, int, Spot]]:
    """The shortest way from anywhere in the tree, found backwards from its end."""
    back = [machine.steps.index((-x, -y)) for x, y in machine.steps]
    came: dict[Spot, tuple[int, Spot] | None] = {end: None}
    todo = deque([end])
    while todo:
        here = todo.popleft()
        if here in grown:
            way = []
            while (onward := came[here]) is not None:
                way.append((here, *onward))
                here = onward[1]
            return way
        for link in range(len(machine.steps)):
            beside = machine.beside(here, link)
            if beside is not None and beside not in came:
                came[beside] = (back[link], here)
                todo.append(beside)
    raise DoesNotFit(
        "E0306",
        "no working way between two chips",
        where=f"chip {end}",
        got=f"{len(machine.empty)} chips missing, {len(machine.dead_links)} links dead",
        allowed="a way over working chips and links",
        hint="leave the chip out as well, so that nothing is put on it",
    )
