"""Route: a multicast tree from every slice to the cores its spikes must reach.

Between chips a packet first takes the diagonal link while both distances have its sign, then goes
straight. A prefix of such a path is such a path, so the union of the paths from one chip is a tree.

Before: placed slices with keys. After: per chip, entries (key, mask) -> links and cores.
"""

from __future__ import annotations

from mossy.chips.chip import Chip
from mossy.passes.partition import Connectivity, Slice
from mossy.program.artefact import Place, Route

Spot = tuple[int, int]


def destinations(slices: tuple[Slice, ...], links: Connectivity) -> tuple[tuple[int, ...], ...]:
    """Return for each slice the numbers of the slices that hold synapses of its neurons."""
    found: list[list[int]] = [[] for _ in slices]
    for number, target in enumerate(slices):
        if target.role == "source":
            continue
        sources = {s.source for s in links.quantised[target.population].incoming}
        for source in sorted(sources):
            reached = links.reached(target.population, source, target.lo, target.hi)
            for k, s in enumerate(slices):
                if s.population == source and reached[s.lo : s.hi].any():
                    found[k].append(number)
    return tuple(tuple(f) for f in found)


def path(start: Spot, end: Spot, steps: list[Spot]) -> list[int]:
    """Return the links taken from chip `start` to chip `end`."""
    taken: list[int] = []
    dx, dy = end[0] - start[0], end[1] - start[1]
    while dx or dy:
        sign = ((dx > 0) - (dx < 0), (dy > 0) - (dy < 0))
        step = sign if sign in steps else (sign[0], 0) if sign[0] else (0, sign[1])
        taken.append(steps.index(step))
        dx, dy = dx - step[0], dy - step[1]
    return taken


def route(
    chip: Chip,
    places: tuple[Place | None, ...],
    keys: tuple[tuple[int, int], ...],
    destinations: tuple[tuple[int, ...], ...],
) -> dict[Spot, tuple[Route, ...]]:
    """Return the routing entries of each chip, in key order."""
    steps = [(a, b) for a, b in chip.spec["topology"]["links"]]
    tables: dict[Spot, list[Route]] = {}
    for source, targets in enumerate(destinations):
        at = places[source]
        if at is None or not targets:
            continue
        tree: dict[Spot, tuple[set[int], set[int]]] = {}
        for t in targets:
            end = places[t]
            assert end is not None
            here = at[:2]
            for link in path(here, end[:2], steps):
                tree.setdefault(here, (set(), set()))[0].add(link)
                here = (here[0] + steps[link][0], here[1] + steps[link][1])
            tree.setdefault(here, (set(), set()))[1].add(end[2])
        key, mask = keys[source]
        for spot, (links, cores) in tree.items():
            entry = Route(key, mask, tuple(sorted(links)), tuple(sorted(cores)))
            tables.setdefault(spot, []).append(entry)
    return {k: tuple(sorted(v, key=lambda r: r.key)) for k, v in sorted(tables.items())}
