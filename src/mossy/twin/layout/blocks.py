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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.program.artefact import CoreImage, Program, RowTable
from mossy.program.words import unpack
from mossy.synapses import conv2d, generate
from mossy.synapses.chance import jit, stream
from mossy.synapses.generate import LISTED, OUT, delays, scratch, sources, targets, weights
from mossy.twin.layout.gate import ahead
from mossy.twin.layout.shape import ALL, NOTHING, Extent, Part, Shape, Share, shape_of, spans

AHEAD = 16  # synapses that are looked for before they are placed


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
    with ThreadPoolExecutor(threads) as pool:
        made = list(pool.map(lambda s: _block(s, given, total, shape, wide), runs))
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


def _block(
    span: tuple[int, int, tuple[Part, ...]],
    given: dict[int, list[_Listed | _Made]],
    total: int,
    shape: Shape,
    wide: bool,
) -> tuple[Block, list[Triplets]]:
    first, last, parts = span
    bits = (shape.width, shape.neurons, shape.sums)
    width, neurons, sums = (n.bit_length() - 1 for n in bits)
    form = shape.lead, width, shape.groups, neurons, sums, shape.bits
    size = sum(_size(x, p) for p in parts for x in given[p.core])
    cells = np.empty(size, np.uint32)  # where a synapse belongs, beside its word
    words = np.empty(size, np.uint64 if wide else np.uint32)
    many = np.zeros(total * shape.groups, np.uint32)
    before = np.zeros(total, np.int64)
    fan: list[Triplets] = []
    n = 0
    for p in parts:
        shift = p.at - p.lo
        for x in given[p.core]:
            if isinstance(x, _Made):
                n = _make(
                    x.spec, x.base, p.lo, p.hi, x.senders, form, shift, x.shift, x.sum,
                    many, cells, words, n,
                )  # fmt: skip
            else:
                n = _list(
                    x.sender, x.index, x.delay, x.weight, x.sum, p.lo, p.hi, form, shift,
                    many, cells, words, n,
                )  # fmt: skip
        now = many.reshape(total, shape.groups).sum(axis=1, dtype=np.int64)
        found = np.flatnonzero(now > before)
        fan.append((found, p.core, (now - before)[found]))
        before = now
    ends = np.zeros(many.size + 1, np.int64)
    np.cumsum(many, out=ends[1:])
    placed = np.empty(n, words.dtype)
    _scatter(cells, words, ends[:-1].copy(), placed, n)
    return Block(first, last, parts, ends, placed, shape), fan


def _size(x: _Listed | _Made, p: Part) -> int:
    """Number of synapses of a part."""
    if isinstance(x, _Made):
        return int(generate.in_degrees(x.spec, x.base + p.lo, x.base + p.hi).sum())
    return int(((x.index >= p.lo) & (x.index < p.hi)).sum())


@jit
def _cell(sender: Any, delay: Any, form: Any) -> Any:
    lead, width, groups, _, _, _ = form
    return sender * groups + ((delay - lead) >> width)


@jit
def _word(delay: Any, plane: Any, i: Any, weight: Any, form: Any) -> Any:
    lead, width, _, neurons, sums, bits = form
    place = (((((delay - lead) & ((1 << width) - 1)) << sums) + plane) << neurons) + i
    return np.uint64(weight << bits) | np.uint64(place)


@jit
def _make(
    s: Any, base: Any, lo: Any, hi: Any, senders: Any, form: Any, shift: Any, left: Any, plane: Any,
    many: Any, cells: Any, words: Any, m: Any,
) -> Any:  # fmt: skip
    """Append the synapses of a recipe on its targets base + lo .. base + hi; return the number.

    many: how many each cell has, which is asked for before it is counted up.
    """
    found, mark = scratch(s)
    d, w = np.empty(found.size, np.int64), np.empty(found.size, np.int64)
    own, listed = s.kind == OUT, s.kind == LISTED
    a, b = (0, s.n_source) if own else (base + lo, base + hi)
    for e in range(a, b):
        n = targets(s, e, found, mark) if own else sources(s, e, found, mark)
        key, first = stream(s.key, e), s.start[e] if listed else 0
        delays(s, key, first, n, d)
        weights(s, key, first, n, w)
        begun = m
        for k in range(n):
            i, j = (e, found[k]) if own else (found[k], e)
            if base + lo <= j < base + hi:
                weight = w[k] << left
                to = plane
                if plane < 0:
                    to = 1 if weight < 0 else 0
                    weight = abs(weight)
                c = _cell(senders[i], d[k], form)
                ahead(many, c)
                cells[m] = c
                words[m] = _word(d[k], to, j - base + shift, weight, form)
                m += 1
        for k in range(begun, m):
            many[cells[k]] += 1
    return m


@jit
def _list(
    sender: Any, index: Any, delay: Any, weight: Any, plane: Any, lo: Any, hi: Any, form: Any,
    shift: Any, many: Any, cells: Any, words: Any, m: Any,
) -> Any:  # fmt: skip
    """Append listed synapses on the neurons lo .. hi; return the number."""
    for k in range(sender.size):
        if lo <= index[k] < hi:
            c = _cell(sender[k], delay[k], form)
            many[c] += 1
            cells[m] = c
            words[m] = _word(delay[k], plane[k], index[k] + shift, weight[k], form)
            m += 1
    return m


@jit
def _scatter(cells: Any, words: Any, at: Any, out: Any, n: Any) -> Any:
    """Put every word at the next place of its cell, asking for both ahead: they lie anywhere."""
    for k in range(n):
        if k + 2 * AHEAD < n:
            ahead(at, cells[k + 2 * AHEAD])
            ahead(out, at[cells[k + AHEAD]])
        c = cells[k]
        out[at[c]] = words[k]
        at[c] += 1


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
