"""Severed: what dead parts change for the engine of large networks, stretch of steps by stretch.

A packet is delivered, lost and counted in the step in which it is sent, with what is dead then. So
the words of all blocks stay as they are. What still lands in the sums of the dead is never read, as
no part comes back; only a live target that a live sender does not reach any more, behind a dead
link or chip, has to be spared. Those are few pairs of cores, found here. All counts follow from
lists of spikes, whose steps are known, and from the tables of a stretch.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.chip import Chip
from mossy.program.artefact import LINKED, Program
from mossy.twin.faults import Stretch
from mossy.twin.layout.link import distinct
from mossy.twin.layout.wide import Wide
from mossy.twin.traffic.packets import Network

NEVER = 1 << 62  # a step that no run comes to
NOTHING = np.zeros(1, np.int32), np.zeros((1, 1), np.int32), np.zeros((1, 1), np.uint8)
_whole: weakref.WeakKeyDictionary[Wide, Severed] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Severed:
    """A stretch, the steps begin .. end. dead: (cores,). trips, reach: as in `Wide`, of what is
    left; lost: packets lost of a spike, by rows of trips. gone: (rows, cores) 1 where what is sent
    is lost; row: (cores,) which row of it holds for a sender, 0 where it only misses the dead.
    dies, loses, cut: whether anybody is dead, anything is lost, live targets are lost.
    """

    begin: int
    end: int
    dead: NDArray[np.bool_]
    trips: NDArray[np.int64]
    reach: sparse.csr_array
    lost: NDArray[np.int64]
    gone: NDArray[np.uint8]
    row: NDArray[np.int32]
    dies: bool
    loses: bool
    cut: bool


class Spared(NamedTuple):
    """Which live targets a push has to spare. cut: the first step whose spikes may have lost one;
    which: (steps,) stretch of each step; spare: (stretches, cores) row in `gone` of a sender, -1 if
    it has lost no live target; gone: of all stretches, one behind the other.
    """

    cut: int
    which: NDArray[np.int32]
    spare: NDArray[np.int32]
    gone: NDArray[np.uint8]
    core_of: NDArray[np.int32]


def spared(laid: Wide, stretches: Sequence[Severed]) -> Spared:
    """Return what pushes of all stretches have to ask."""
    cut = [s.begin for s in stretches if s.cut]
    if not cut:
        return Spared(NEVER, *NOTHING, laid.core_of)
    many = np.cumsum([0, *(len(s.gone) for s in stretches)])
    rows = [np.where(s.row > 0, s.row + k, -1) for s, k in zip(stretches, many, strict=False)]
    which = np.repeat(np.arange(len(stretches)), [s.end - s.begin for s in stretches])
    return Spared(
        min(cut),
        which.astype(np.int32),
        np.stack(rows).astype(np.int32),
        np.concatenate([s.gone for s in stretches]),
        laid.core_of,
    )


def whole(laid: Wide, begin: int, end: int) -> Severed:
    """Return steps in which nothing is dead, made once: a small run takes no longer than that."""
    found = _whole.get(laid)
    if found is None or (found.begin, found.end) != (begin, end):
        cores, rows = len(laid.spans), len(laid.trips)
        found = _whole[laid] = Severed(
            begin, end, np.zeros(cores, np.bool_), laid.trips, laid.reach, np.zeros(rows, np.int64),
            np.zeros((1, cores), np.uint8), np.zeros(cores, np.int32), False, False, False,
        )  # fmt: skip
    return found


def severed(
    laid: Wide, program: Program, chip: Chip, stretches: Sequence[Stretch]
) -> tuple[Severed, ...]:
    """Return the tables of all stretches of a run; in the first one nothing is dead."""
    first, *later = stretches
    found = (_severed(laid, Network(program, chip, s.dead), s) for s in later)
    return whole(laid, first.begin, first.end), *found


def _severed(laid: Wide, network: Network, stretch: Stretch) -> Severed:
    cores = network.program.cores
    dead = np.isin(np.arange(len(cores)), list(network.gone))
    trips, row = laid.trips.copy(), np.zeros(len(cores), np.int32)
    missed: list[tuple[int, int]] = []
    cuts: dict[tuple[int, ...], int] = {(): 0}  # live cores that a sender has lost, and their row
    for number, k, at in _changed(laid, network, dead):
        j = network.journey(cores[number], k)
        trips[at, 1:] = j.hops, j.lookups, j.links
        missed += [(at, t) for t in j.lost]
        row[number] = cuts.setdefault(tuple(t for t in j.lost if not dead[t]), len(cuts))
    gone = np.tile(dead.astype(np.uint8), (len(cuts), 1))
    for cut, k in cuts.items():
        gone[k, list(cut)] = 1
    pairs = np.array(missed, np.int64).reshape(-1, 2)
    ones = np.ones(len(pairs), np.int64)
    gaps = sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), laid.reach.shape)
    reach = sparse.csr_array(laid.reach - gaps)
    lost_each = np.bincount(pairs[:, 0], minlength=len(trips))
    return Severed(
        stretch.begin, stretch.end, dead, trips, reach, lost_each, gone, row,
        bool(dead.any()), bool(gone.any()), len(cuts) > 1,
    )  # fmt: skip


def _changed(laid: Wide, network: Network, dead: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Core, neuron and row in `trips` of live senders whose packets' ways may have changed."""
    program, parts = network.program, network.dead
    apart = program.routing == "axons"
    trees = program.routing in LINKED and bool(parts.chips or parts.links)
    touched = np.full(len(laid.trips), trees)
    pairs = laid.reach.tocoo()
    touched[pairs.row[dead[pairs.col]]] = True
    found = []
    for c in program.cores:
        for k in distinct(program, c) if not dead[c.number] else ():
            at = int(laid.start[c.number]) + k if apart else c.number
            if touched[at]:
                found.append((c.number, k, at))
    return found
