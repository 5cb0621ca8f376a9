"""A program laid out for the engine of large networks: blocks of targets, fans, and journeys.

Spikes are whole, packets of a core all travel alike, sums do not depend on the order of arrival and
everything takes a step or more: `refusal` says what of this a program lacks.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.program.artefact import CoreImage, Program
from mossy.twin.layout.bands import Band, bands
from mossy.twin.layout.blocks import Block, Fan, blocks
from mossy.twin.layout.link import distinct, numbered
from mossy.twin.layout.shape import ALL, Shape, Share
from mossy.twin.layout.sweep import sums
from mossy.twin.layout.tables import Tables
from mossy.twin.remembered import remembered
from mossy.twin.traffic.packets import Network

LARGE = 2_000_000  # synapses from which a program of lists is run this way by itself
LONG = 5_000  # and steps
MANY = 4_096  # and neurons


@dataclass(frozen=True, eq=False)
class Wide:
    """start, core_of: as in `Linked`. spans: (cores, 3) first number, neurons, and which of the
    population the first one is. trips: (cores, 4) packets sent, hops, lookups and links of a
    spike of each core; reach: (cores, cores) packets that arrive. Where packets of a core travel
    apart, trips are of every neuron (neurons, 4), and what arrives is in the fan. bands: of each
    block. spare: tables that no run needs now.
    """

    order: tuple[CoreImage, ...]
    start: NDArray[np.int64]
    spans: NDArray[np.int64]
    core_of: NDArray[np.int32]
    drive: np.dtype[Any]
    shape: Shape
    blocks: tuple[Block, ...]
    fan: Fan
    trips: NDArray[np.int64]
    reach: sparse.csr_array
    bands: tuple[tuple[Band, ...], ...]
    spare: list[Tables] = field(default_factory=list)

    def tables(self, rows: int = 0) -> Tables:
        """Return memory for a run. rows: of lists for blocks that others run."""
        if rows == 0:
            with suppress(IndexError):  # none, or another thread has taken it
                return self.spare.pop()
        return Tables(self.blocks, self.bands, self.shape, self.drive, rows)

    def numbers(
        self, program: Program, population: str, neuron: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the numbers of a population's neurons in the order of all."""
        first, n, lo = self.spans[list(program.population(population).cores)].T
        on = np.searchsorted(lo + n, neuron, side="right")
        found: NDArray[np.int64] = neuron + (first - lo)[on]
        return found

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return int(sum(b.words.size for b in self.blocks))


@remembered
def refusal(program: Program) -> str | None:
    """Return why the engine of large networks cannot run a program, None where it can."""
    for p in program.populations:
        if p.sends == "values":
            return "numbers travel instead of spikes"
    own = [c for c in program.cores if c.role != "source"]
    if not own:
        return "there are no neurons"
    for c in own:
        m = neurons.model(c.model)
        if m.evolve is not None or m.keeps or m.sends != "spikes":
            return f"neurons of {c.model} are not independent of each other within a step"
        if m.step.__annotations__.get("return") not in (bool, "bool"):
            return f"a neuron of {c.model} may send several spikes in a step"
        if m.sums and m.sums[0] != 0:
            return "sums saturate at both ends"
        if m.drive.kind != "i" and c.word_format.coding == "float32":
            return "weights are not whole numbers"
        if not program.latency and any(t.kind != "recipe" for t in c.tables):
            return "layers follow each other within a step"
    if len({sums(neurons.model(c.model)) for c in own}) > 1:
        return "sums of different kinds"
    return None


@remembered
def size(program: Program) -> tuple[int, int, bool]:
    """Return neurons, listed synapses, and whether a program has recipes or noise."""
    neurons = sum(c.n for c in program.cores if c.role != "source")
    listed = sum(c.words.size for c in program.cores)
    return neurons, listed, any(c.recipes or c.noise for c in program.cores)


def large(program: Program, steps: int) -> bool:
    """Return whether a run of one sample is so large, or long, that this engine is the better."""
    _, listed, said = size(program)
    return said or listed >= LARGE or steps >= LONG


def many(program: Program) -> bool:
    """Return whether there are so many neurons that this engine steps through them faster."""
    return size(program)[0] >= MANY


Key = tuple[int, int, int]  # threads, and which part of how many
_made: weakref.WeakKeyDictionary[Program, dict[Key, Wide]] = weakref.WeakKeyDictionary()


def known(program: Program, threads: int, share: Share = ALL) -> bool:
    """Return whether the program has been laid out so."""
    return (threads, share.k, share.of) in _made.get(program, {})


def wide(
    program: Program, chip: Chip, threads: int, share: Share = ALL, again: bool = False
) -> Wide:
    """Return `program`, or a share of its blocks, laid out for so many threads.

    Kept as long as the program lives. again: make it anew.
    """
    found = _made.setdefault(program, {})
    key = threads, share.k, share.of
    if again or key not in found:
        found[key] = _wide(program, chip, threads, share)
    return found[key]


def _wide(program: Program, chip: Chip, threads: int, share: Share) -> Wide:
    order, start, core_of = numbered(program)
    made, fan, shape = blocks(program, order, start, threads, share)
    network = Network(program, chip)
    apart = program.routing == "axons"
    rows = core_of.size if apart else len(program.cores)
    trips = np.zeros((rows, 4), np.int64)
    pairs: list[tuple[int, int]] = []
    for c in program.cores:
        for k in distinct(program, c):
            row = int(start[c.number]) + k if apart else c.number
            j = network.journey(c, k)
            trips[row] = j.sent, j.hops, j.lookups, j.links
            pairs += [(row, t) for t in j.cores]
    at = np.array(pairs, np.int64).reshape(-1, 2)
    ones = np.ones(len(at), np.int64)
    reach = sparse.csr_array((ones, (at[:, 0], at[:, 1])), (rows, len(program.cores)))
    if apart:
        fan = _travelling(fan, reach)
    drive = next(sums(neurons.model(c.model)) for c in order if c.role != "source")
    own = tuple(bands(program, b.parts) for b in made)
    spans = np.array([(start[c.number], c.n, c.lo) for c in program.cores], np.int64)
    return Wide(tuple(order), start, spans, core_of, drive, shape, made, fan, trips, reach, own)


def _travelling(fan: Fan, reach: sparse.csr_array) -> Fan:
    """The fan with the packets that reach each core, also where they find no synapse."""
    packets = reach.tocoo()
    synapses = np.repeat(np.arange(fan.start.size - 1), np.diff(fan.start))
    row = np.concatenate([synapses, packets.row])
    core = np.concatenate([fan.core, packets.col])
    both = np.zeros((row.size, 2), np.int64)
    both[: fan.core.size, 0], both[fan.core.size :, 1] = fan.count, packets.data
    cell, at = np.unique(row * reach.shape[1] + core, return_inverse=True)
    total = np.zeros((cell.size, 2), np.int64)
    np.add.at(total, at, both)
    start = np.searchsorted(cell, np.arange(fan.start.size) * reach.shape[1])
    core, count, sent = cell % reach.shape[1], *total.T
    return Fan(start, *(np.ascontiguousarray(a, np.int32) for a in (core, count, sent)))
