"""How a large program is cut into blocks, and what all blocks share.

Both follow from the number of neurons and threads, and from the extent of the delays and weights.
Whoever builds only a share of the blocks must agree on that extent with all others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.errors import BadInput
from mossy.program.artefact import CoreImage

WIDTH = 8  # delays in a group, at most
BLOCK = 1 << 16  # neurons of a block, at most
Extent = tuple[int, int, int]  # least delay, largest delay, heaviest weight
NOTHING: Extent = (1 << 31, 0, 0)  # the extent of no synapses


@dataclass(frozen=True, eq=False)
class Part:
    """Neurons lo .. hi of core `core`, which are neurons `at` .. of the block."""

    core: int
    lo: int
    hi: int
    at: int


@dataclass(frozen=True)
class Shape:
    """What all blocks share. neurons: room of a block; sums: per neuron; both powers of two."""

    neurons: int
    sums: int
    width: int
    groups: int
    lead: int

    @property
    def bits(self) -> int:
        """Bits of a place in the sums."""
        return (self.neurons * self.sums * self.width).bit_length() - 1


def _alone(extent: Extent) -> Extent:
    return extent


@dataclass(frozen=True, eq=False)
class Share:
    """Part k of `of` equal parts of the blocks. agree: of a part's extent makes the whole's."""

    k: int = 0
    of: int = 1
    agree: Callable[[Extent], Extent] = _alone


ALL = Share()


def _room(total: int, threads: int) -> int:
    """Neurons that a block has room for."""
    room = 1
    while room < -(-total // (threads * -(-total // (threads * BLOCK)))):
        room *= 2
    return room


def shape_of(order: list[CoreImage], extent: Extent, threads: int) -> tuple[Shape, bool]:
    """Return the shape, and whether words need 8 bytes."""
    own = [c for c in order if c.role != "source"]
    room = _room(sum(c.n for c in own), threads)
    sums = max(neurons.model(c.model).inputs for c in own)
    lead, last, heaviest = extent if extent[1] else (1, 1, 0)
    width = 1
    while width < min(WIDTH, last - lead + 1):
        width *= 2
    shape = Shape(room, sums, width, -(-(last - lead + 1) // width), lead)
    weight_bits = int(heaviest).bit_length() + 1
    while shape.bits + weight_bits > 32 and shape.width > 1:
        width = shape.width // 2
        shape = Shape(room, sums, width, -(-(last - lead + 1) // width), lead)
    wide = shape.bits + weight_bits > 32
    if wide:
        width = 1
        while width < min(WIDTH, last - lead + 1):
            width *= 2
        shape = Shape(room, sums, width, -(-(last - lead + 1) // width), lead)
        while shape.bits + weight_bits > 64 and shape.width > 1:
            width = shape.width // 2
            shape = Shape(room, sums, width, -(-(last - lead + 1) // width), lead)
        if shape.bits + weight_bits > 64:
            raise BadInput(
                "E0178",
                "a weight and its place do not fit the engine's longest word",
                got=f"{weight_bits} bits and {shape.bits}",
                allowed="64 bits together",
                hint="more threads, whose blocks are smaller, or another engine",
            )
    return shape, wide


def spans(
    order: list[CoreImage], start: NDArray[np.int64], threads: int
) -> list[tuple[int, int, tuple[Part, ...]]]:
    """First and last neuron of each block, with its parts: equal runs, a multiple of threads."""
    own = [c for c in order if c.role != "source"]
    begin, end = int(start[own[0].number]), int(start[own[-1].number]) + own[-1].n
    total = end - begin
    count = threads * -(-total // (threads * min(BLOCK, _room(total, threads))))
    edges = [begin + total * i // count for i in range(count + 1)]
    found = []
    for a, b in pairwise(edges):
        parts = []
        for c in own:
            at = int(start[c.number])
            lo, hi = max(a, at), min(b, at + c.n)
            if lo < hi:
                parts.append(Part(c.number, lo - at, hi - at, lo - a))
        if b > a:
            found.append((a, b, tuple(parts)))
    return found
