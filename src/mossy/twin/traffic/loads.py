"""Loads: how many packets cross each link, and are looked up in each router, in every step.

Trees are static, so a step's load is the packets that each core sends times the links of its tree:
spikes (steps, cores) x use (cores, links), exact whole numbers, piece by piece. On networks on chip
there is a product between: spikes x turns (cores, turns) x paths (turns, links), see inside.py.
Where parts die the trees are those of the stretch of steps (twin/faults.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.mesh import Hop
from mossy.program.artefact import CoreImage, Program
from mossy.program.machine import Place, Spot
from mossy.twin.counts import Counts
from mossy.twin.faults import Fault, Stretch, parted
from mossy.twin.traffic.inside import Turn, paths, turns
from mossy.twin.traffic.link_facts import LinkFacts
from mossy.twin.traffic.packets import Network, mesh_of
from mossy.twin.traffic.transit import Clock, Leg

CHUNK = 1 << 22  # loads held at a time


@dataclass(frozen=True, eq=False)
class Trees:
    """What the packets of each core use in one stretch of steps.

    links, routers, turns: (cores, of each) how often a spike's packets use it. longest: way of any.
    """

    stretch: Stretch
    links: sparse.csr_array
    routers: sparse.csr_array
    turns: sparse.csr_array
    longest: Leg


@dataclass(frozen=True, eq=False)
class Traffic:
    """Where packets go. Links are (x, y, link) of the chip that sends over them.

    hops: links of networks on chip in use, by chip; paths: (turns, hops) what a turn uses of them.
    """

    links: tuple[Place, ...]
    routers: tuple[Spot, ...]
    hops: tuple[tuple[Spot, Hop], ...]
    paths: sparse.csr_array
    each: tuple[Trees, ...]
    clock: Clock


@dataclass
class _Numbers:
    """Numbers of the links, routers and turns that have come up so far."""

    links: dict[Place, int] = field(default_factory=dict)
    routers: dict[Spot, int] = field(default_factory=dict)
    turns: dict[Turn, int] = field(default_factory=dict)


def traffic(
    program: Program, counts: Counts, facts: LinkFacts, faults: Sequence[Fault] = ()
) -> Traffic:
    """Return all links and routers in use, and what each core's packets use of them.

    Cores that send nothing use nothing.
    """
    sending = np.flatnonzero(counts.per_core("spikes"))
    cores = [program.cores[i] for i in sending.tolist() if program.cores[i].place is not None]
    mesh, numbers, found = mesh_of(facts.chip), _Numbers(), []
    clock = Clock(program, facts)
    branching = facts.branching(program) if mesh else None
    for stretch in parted(program, faults, counts.shape[1]):
        network = Network(program, facts.chip, stretch.dead)
        found.append((stretch, *_used(network, cores, numbers, clock, branching)))
    n, t = len(program.cores), numbers
    widths = (len(t.links), len(t.routers), len(t.turns))
    hops, used = paths(mesh, tuple(t.turns)) if mesh else ((), sparse.csr_array((0, 0), dtype=int))
    each = []
    for stretch, pairs, longest in found:
        links, routers, within = (_matrix(p, (n, w)) for p, w in zip(pairs, widths, strict=True))
        each.append(Trees(stretch, links, routers, within, longest))
    return Traffic(tuple(t.links), tuple(t.routers), hops, used, tuple(each), clock)


Pairs = list[tuple[int, int]]


def _used(
    network: Network, cores: list[CoreImage], numbers: _Numbers, clock: Clock, branching: str | None
) -> tuple[tuple[Pairs, Pairs, Pairs], Leg]:
    """Pairs (core, link), (core, router) and (core, turn), and the longest way of any packet."""
    over: Pairs = []
    at: Pairs = []
    within: Pairs = []
    legs = []
    for c in (core.number for core in cores):
        way, home = network.way(network.program.cores[c], 0), network.seats[c]
        seats = sorted(network.seats[number] for number in way.cores)
        if not network.apart:  # cores of a tile share a packet
            seats = sorted(set(seats))
        over += [(c, numbers.links.setdefault(k, len(numbers.links))) for k in way.links]
        at += [(c, numbers.routers.setdefault(k, len(numbers.routers))) for k in way.routers]
        for turn in turns(home, way, seats, branching) if branching else ():
            within.append((c, numbers.turns.setdefault(turn, len(numbers.turns))))
        legs.append(clock.longest(home, way, seats, network.apart))
    return (over, at, within), clock.longest_of(legs)


def _matrix(pairs: Pairs, shape: tuple[int, int]) -> sparse.csr_array:
    at = np.array(pairs, np.int64).reshape(-1, 2).T
    return sparse.csr_array((np.ones(len(pairs), np.int64), (at[0], at[1])), shape=shape)


def loads(
    counts: Counts, found: Traffic, what: str
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Yield (sample, first step, load) in pieces, in order; load: (steps, links, routers or hops).

    what: "links", "routers" or "hops".
    """
    spikes = counts["spikes"]
    for b in range(spikes.shape[0]):
        for tree in found.each:
            used = [tree.turns, found.paths] if what == "hops" else [getattr(tree, what)]
            size = max(1, CHUNK // max(1, *(m.shape[1] for m in used)))
            for t in range(tree.stretch.begin, tree.stretch.end, size):
                load = spikes[b, t : min(t + size, tree.stretch.end)].astype(np.int64)
                for matrix in used:
                    load = load @ matrix
                yield b, t, load
