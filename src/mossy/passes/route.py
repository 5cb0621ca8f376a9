"""Route: a multicast tree from every slice to the cores its spikes must reach.

The tree between chips is found by `trees`; on each chip of it, the cores that hold synapses follow.

Before: placed slices with keys. After: per chip, entries (key, mask) -> links and cores.
"""

from __future__ import annotations

from mossy.passes.partition import Connectivity, Slice
from mossy.passes.trees import Tree, tree
from mossy.program.artefact import Route
from mossy.program.machine import Machine, Place, Spot


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


def route(
    machine: Machine,
    places: tuple[Place | None, ...],
    keys: tuple[tuple[int, int], ...],
    destinations: tuple[tuple[int, ...], ...],
) -> dict[Spot, tuple[Route, ...]]:
    """Return the routing entries of each chip, in key order. Raises DoesNotFit E0306."""
    tables: dict[Spot, list[Route]] = {}
    trees: dict[tuple[Spot, frozenset[Spot]], Tree] = {}
    for source, targets in enumerate(destinations):
        at = places[source]
        if at is None or not targets:
            continue
        cores: dict[Spot, list[int]] = {}
        for end in (places[t] for t in targets):
            assert end is not None
            cores.setdefault(end[:2], []).append(end[2])
        wanted = at[:2], frozenset(cores)
        if wanted not in trees:  # slices side by side often send to the same chips
            trees[wanted] = tree(machine, at[:2], set(cores))
        key, mask = keys[source]
        for spot, links in trees[wanted].items():
            entry = Route(key, mask, tuple(sorted(links)), tuple(sorted(cores.get(spot, []))))
            tables.setdefault(spot, []).append(entry)
    return {k: tuple(sorted(v, key=lambda r: r.key)) for k, v in sorted(tables.items())}
