"""Loads: how many packets cross each link, and are looked up in each router, in every step.

Trees are static, so a step's load is the packets that each core sends times the links of its tree:
spikes (steps, cores) x use (cores, links), exact whole numbers, piece by piece. Where parts die the
trees are those of the stretch of steps (twin/faults.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.program.machine import Place, Spot
from mossy.twin.counts import Counts
from mossy.twin.faults import Fault, Stretch, parted
from mossy.twin.traffic.packets import Network

CHUNK = 1 << 22  # loads held at a time


@dataclass(frozen=True, eq=False)
class Trees:
    """What the packets of each core use in one stretch of steps.

    links, routers: (cores, links or routers) how many of each a packet uses, 0 or 1.
    """

    stretch: Stretch
    links: sparse.csr_array
    routers: sparse.csr_array
    longest: int


def trees(
    program: Program, counts: Counts, chip: Chip, faults: Sequence[Fault] = ()
) -> tuple[tuple[Place, ...], tuple[Spot, ...], tuple[Trees, ...]]:
    """Return all links and routers in use, and what each core's packets use of them.

    Cores that send nothing use nothing. Links are (x, y, link) of the chip that sends over them.
    """
    sending = np.flatnonzero(counts.per_core("spikes"))
    cores = [program.cores[i] for i in sending.tolist() if program.cores[i].place is not None]
    links: dict[Place, int] = {}
    routers: dict[Spot, int] = {}
    found = []
    for stretch in parted(program, faults, counts.shape[1]):
        network = Network(program, chip, stretch.dead)
        ways = {c.number: network.way(c, 0) for c in cores}
        over = [(c, links.setdefault(k, len(links))) for c, w in ways.items() for k in w.links]
        at = [(c, routers.setdefault(k, len(routers))) for c, w in ways.items() for k in w.routers]
        found.append((stretch, over, at, max((w.longest for w in ways.values()), default=0)))
    n = len(program.cores)
    return tuple(links), tuple(routers), tuple(
        Trees(s, _matrix(over, (n, len(links))), _matrix(at, (n, len(routers))), longest)
        for s, over, at, longest in found
    )  # fmt: skip


def _matrix(pairs: list[tuple[int, int]], shape: tuple[int, int]) -> sparse.csr_array:
    at = np.array(pairs, np.int64).reshape(-1, 2).T
    return sparse.csr_array((np.ones(len(pairs), np.int64), (at[0], at[1])), shape=shape)


def loads(
    counts: Counts, each: tuple[Trees, ...], what: str
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Yield (sample, first step, load) in pieces, in order; load: (steps, links or routers).

    what: "links" or "routers".
    """
    spikes = counts["spikes"]
    for b in range(spikes.shape[0]):
        for tree in each:
            used = getattr(tree, what)
            size = max(1, CHUNK // max(1, used.shape[1]))
            for t in range(tree.stretch.begin, tree.stretch.end, size):
                sent = spikes[b, t : min(t + size, tree.stretch.end)].astype(np.int64)
                yield b, t, sent @ used
