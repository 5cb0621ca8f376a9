"""Blocks: the synapses of a large program, laid out for threads that own their targets.

The neurons of all cores are numbered through, and cut into blocks whose sums fit a core's cache.
The synapses of a sender that end in a block lie together, parted into groups by their delay: group
g holds the delays lead + g width ... + width - 1. A spike of step s has its group g pushed at step
s + lead + g width, into sums of the next `width` steps, so that only so many need be kept, and the
synapses of a group are read in one go. A word is a weight, and where in those sums it goes:

    word = weight << bits | (delay in the group, which sum, neuron of the block)

in 4 bytes where that is enough, else in 8. Sums are whole numbers, the same in any order.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.program.artefact import CoreImage, Program, RowTable
from mossy.program.words import unpack
from mossy.synapses import conv2d, generate
from mossy.synapses.generate import LISTED
from mossy.twin.layout.placing import count, count_listed, place, place_listed
from mossy.twin.layout.shape import ALL, NOTHING, Extent, Part, Shape, Share, shape_of, spans

FEW = 4  # so many words of a group may be read where it has fewer, behind the last one too
PIECES = 4  # of a block, at most: synapses are not spread evenly over blocks


@dataclass(frozen=True, eq=False)
class Block:
    """Neurons first .. last. start: (senders * groups + 1,) where each group begins in words.

    Places are numbers of 4 bytes where that is enough for all blocks: they are read at random.
    """

    first: int
    last: int
    parts: tuple[Part, ...]
    start: NDArray[Any]
    words: NDArray[Any]
    shape: Shape


@dataclass(frozen=True, eq=False)
class Fan:
    """How many synapses each sender has on each core: entries start[g] .. start[g + 1].

    packets: how many it sends there, where they have a way of their own; else empty.
    """

    start: NDArray[np.int64]
    core: NDArray[np.int32]
    count: NDArray[np.int32]
    packets: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _Listed:
    """Synapses on a core one by one. sender: number through; delay: in steps, latency included."""

    sender: NDArray[np.int64]
    index: NDArray[np.int64]
    weight: NDArray[np.int64]
    delay: NDArray[np.int64]
    sum: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Made:
    """Synapses on a core by a recipe, whose target `base` is the core's first neuron.

    senders: (n_source,) numbers through. sum: which one, -1: by the sign. delay: least and most.
    """

    spec: generate.Spec
    base: int
    senders: NDArray[np.int64]
    shift: int
    sum: int
    delay: tuple[int, int]
    largest: int


def blocks(
    program: Program,
    order: list[CoreImage],
    start: NDArray[np.int64],
    threads: int | None = None,
    share: Share = ALL,
) -> tuple[tuple[Block, ...], Fan, Shape]:
    """Return a share of a program's blocks, a whole number for each thread in the whole of it.

    start: as in `Linked`. The fan is that of the share's cores.
    """
    threads = threads or os.cpu_count() or 1
    every = spans(order, start, threads * share.of)
    runs = every[len(every) * share.k // share.of : len(every) * (share.k + 1) // share.of]
    mine = {p.core for _, _, parts in runs for p in parts}
    given = {c.number: _incoming(program, c, start) for c in order if c.number in mine}
    shape, wide = shape_of(order, share.agree(_extent(given)), threads * share.of)
    total = sum(c.n for c in order)
    making = _Making(given, total, shape, wide)
    with ThreadPoolExecutor(threads) as outer, ThreadPoolExecutor(threads) as inner:
        made = list(outer.map(lambda run: making.block(run, inner), runs))
    found = [b for b, _ in made]
    if all(b.words.size < 1 << 32 for b in found):
        found = [replace(b, start=b.start.astype(np.uint32)) for b in found]
    return tuple(found), _fan([t for _, ts in made for t in ts], total), shape


# ------------------------------------------------------------------ what arrives at a core
def _incoming(program: Program, core: CoreImage, start: NDArray[np.int64]) -> list[_Listed | _Made]:
    found: list[_Listed | _Made] = []
    model = neurons.model(core.model)
    by_sign = model.inputs == 2 and model.receptors == "sign"
    senders: dict[tuple[str, int], NDArray[np.int64]] = {}
    tables: dict[tuple[str, int], RowTable] = {}
    for t in core.tables:
        for source in (c for c in program.cores if c.key & t.mask == t.key):
            at = int(start[source.number])
            if t.kind == "recipe":
                r = core.recipes[t.kernel]
                known = senders.setdefault(("recipe", t.kernel), np.full(r.n_source, -1, np.int64))
                known[t.first : t.first + source.n] = at + np.arange(source.n)
                tables["recipe", t.kernel] = t
                continue
            neuron, index, weight, delay = (
                _kernel(core, t, source.n) if t.kind == "kernel" else _words(core, t, source.n)
            )
            w = weight.astype(np.int64) << t.shift
            negative = by_sign & (w < 0)
            found.append(
                _Listed(
                    at + neuron,
                    index,
                    np.where(negative, -w, w),
                    delay + program.latency,
                    np.where(negative, 1, t.receptor if model.inputs == 2 else 0),
                )
            )
    for (_, k), known in senders.items():
        r, t = core.recipes[k], tables["recipe", k]
        made = generate.spec(r)
        sum_ = -1 if by_sign else (t.receptor if model.inputs == 2 else 0)
        span = (r.min_delay, _longest(made, r.max_delay))
        found.append(_Made(made, core.lo, known, t.shift, sum_, span, _heaviest(made) << t.shift))
    return found


def _longest(s: generate.Spec, listed: int) -> int:
    n = s.delay.threshold.size
    return s.delay.first + n - 1 if n and s.kind != LISTED else listed


def _heaviest(s: generate.Spec) -> int:
    n = s.weight.threshold.size
    if s.kind == LISTED:
        top = s.weight.top
        return int(np.ceil(min(np.abs(s.weights * s.weight.scale).max(initial=0), top)))
    return max(abs(s.weight.first), abs(s.weight.first + n - 1)) if n else int(s.weight.top)


def _words(core: CoreImage, t: RowTable, n: int) -> tuple[NDArray[Any], ...]:
    a, b = core.row_start[t.first], core.row_start[t.first + n]
    weight, delay, index = unpack(core.word_format, core.words[a:b])
    lengths = np.diff(core.row_start[t.first : t.first + n + 1])
    return np.repeat(np.arange(n), lengths), index, weight, delay


def _kernel(core: CoreImage, t: RowTable, n: int) -> tuple[NDArray[Any], ...]:
    kernel = core.kernels[t.kernel]
    m = conv2d.matrix(kernel)[kernel.lo : kernel.lo + core.n].tocsc()[:, t.first : t.first + n]
    c = m.tocoo()
    return c.col, c.row, c.data, np.full(c.nnz, kernel.delay)


def _extent(given: dict[int, list[_Listed | _Made]]) -> Extent:
    found = [
        (x.delay if isinstance(x, _Made) else (int(x.delay.min()), int(x.delay.max())))
        for xs in given.values()
        for x in xs
        if isinstance(x, _Made) or x.delay.size
    ]
    heaviest = max(
        (
            x.largest if isinstance(x, _Made) else int(np.abs(x.weight).max(initial=0))
            for xs in given.values()
            for x in xs
        ),
        default=0,
    )
    lead, last, _ = NOTHING
    return (
        min((s[0] for s in found), default=lead),
        max((s[1] for s in found), default=last),
        heaviest,
    )


# ------------------------------------------------------------------ one block
Triplets = tuple[NDArray[Any], int, NDArray[Any]]  # senders, core, synapses of each there


@dataclass(frozen=True, eq=False)
class _Making:
    """What blocks are made of: what arrives at each core, of `total` senders."""

    given: dict[int, list[_Listed | _Made]]
    total: int
    shape: Shape
    wide: bool

    @property
    def form(self) -> tuple[int, ...]:
        """The shape, for compiled code."""
        s = self.shape
        width, neurons, sums = (n.bit_length() - 1 for n in (s.width, s.neurons, s.sums))
        return s.lead, width, s.groups, neurons, sums, s.bits

    def block(
        self, run: tuple[int, int, tuple[Part, ...]], pool: Executor
    ) -> tuple[Block, list[Triplets]]:
        """Make a block, in pieces of some cores each that need not wait for each other."""
        first, last, parts = run
        n = min(PIECES, len(parts))
        pieces = [parts[len(parts) * k // n : len(parts) * (k + 1) // n] for k in range(n)]
        counts = list(pool.map(self._count, pieces))
        start = np.zeros(self.total * self.shape.groups + 1, np.int64)
        np.cumsum(np.add.reduce([many for many, _ in counts], dtype=np.int64), out=start[1:])
        words = np.empty(start[-1] + FEW, np.uint64 if self.wide else np.uint32)[:-FEW]
        at, done = start[:-1].copy(), []
        for piece, (many, _) in zip(pieces, counts, strict=True):
            done.append(pool.submit(self._place, piece, at.copy(), words))
            at += many
        for each in done:
            each.result()
        fan = [triplet for _, found in counts for triplet in found]
        return Block(first, last, parts, start, words, self.shape), fan

    def _count(self, piece: tuple[Part, ...]) -> tuple[NDArray[np.uint32], list[Triplets]]:
        """Count the synapses of each cell, and on each core those of each sender."""
        many = np.zeros(self.total * self.shape.groups, np.uint32)
        before = np.zeros(self.total, np.int64)
        fan: list[Triplets] = []
        for p in piece:
            for x in self.given[p.core]:
                if isinstance(x, _Made):
                    count(x.spec, x.base + p.lo, x.base + p.hi, x.senders, self.form, many)
                else:
                    count_listed(x.sender, x.index, x.delay, p.lo, p.hi, self.form, many)
            now = many.reshape(self.total, -1).sum(axis=1, dtype=np.int64)
            found = np.flatnonzero(now > before)
            fan.append((found, p.core, (now - before)[found]))
            before = now
        return many, fan

    def _place(self, piece: tuple[Part, ...], at: NDArray[np.int64], words: NDArray[Any]) -> None:
        """Place the synapses, those of each cell from `at` on."""
        for p in piece:
            for x in self.given[p.core]:
                if isinstance(x, _Made):
                    a, b = x.base + p.lo, x.base + p.hi
                    place(x.spec, a, b, x.senders, self.form, p.at, x.shift, x.sum, at, words)
                else:
                    place_listed(
                        x.sender, x.index, x.delay, x.weight, x.sum, p.lo, p.hi, self.form, p.at,
                        at, words,
                    )  # fmt: skip


def _fan(found: list[Triplets], total: int) -> Fan:
    """All counts together, by sender."""
    none = np.zeros(0, np.int32)
    if not found:
        return Fan(np.zeros(total + 1, np.int64), none, none, none)
    sender = np.concatenate([s for s, _, _ in found])
    core = np.concatenate([np.full(s.size, c, np.int32) for s, c, _ in found])
    count = np.concatenate([n for _, _, n in found]).astype(np.int32)
    order = np.argsort(sender, kind="stable")
    start = np.zeros(total + 1, np.int64)
    np.cumsum(np.bincount(sender, minlength=total), out=start[1:])
    return Fan(start, core[order], count[order], none)
