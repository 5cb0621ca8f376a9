"""Lowering for crossbar cores: weights become axons, fan-out becomes splitter cores.

A core has 256 axons and 256 neurons, an axon has one of four types, a neuron one weight per type,
and every neuron drives one axon. So

1. the weights of each neuron become whole multiples of a unit of its own (levels.py): nine levels
   on up to four axons per source where no neuron has more than 64 inputs, else as many as need no
   more cores than -, 0 and + do on up to two axons per source;
2. each population is cut into the fewest equal runs that need no more than 256 axons each;
3. a population whose neurons must reach more than one axon is followed by splitters
   (splitters.py), one tick each. A neuron that is also an output needs one copy for the way out.

The host may address any number of axons, so inputs need no splitters.

Before: `Populations` in network units. After: the same with splitters, where a projection is the
crossbar bits (ones) on the axons of one type, and `params["unit"]` is the network weight of a unit.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.facts import Facts
from mossy.chips.truenorth import levels
from mossy.chips.truenorth.splitters import Stage, stages
from mossy.errors import UnsupportedNode
from mossy.network.populations import Conv, Population, Populations, Projection
from mossy.synapses import conv2d

Ints = NDArray[np.int64]
FINE = 64  # inputs of a neuron up to which four axons per source fit a core


@dataclass(frozen=True, eq=False)
class Axons(Projection):
    """A projection onto axons of one type: ones where the crossbar has a bit."""

    kind: int = field(default=0, kw_only=True)


@dataclass(frozen=True, eq=False)
class Part:
    """What one population sends another with the same delays: levels of each synapse.

    delay: steps per source neuron, axonal and dendritic together.
    """

    name: str
    source: str
    target: str
    weight: sparse.csr_array
    delay: Ints
    feedback: bool


def prepare(
    populations: Populations, options: Any, facts: Facts
) -> tuple[Populations, dict[str, int]]:
    """Return the network in crossbar form, and into how many equal cuts each population goes.

    Raises UnsupportedNode E0245 where a neuron has more inputs than a core has axons.
    """
    parts: list[Part] = []
    changed: dict[str, Population] = {}
    cuts: dict[str, int] = {}
    notes: list[str] = []
    for p in populations.populations:
        if p.model == "source":
            changed[p.name] = p
            continue
        own, unit, note = _levels(p, _parts(p, populations.into(p.name)), options.bits, facts)
        parts, notes = parts + own, notes + note
        changed[p.name] = dataclasses.replace(p, params={**p.params, "unit": unit})
        most = min(int(facts["neurons"]), options.neurons_per_core or p.n)
        cuts[p.name] = _cuts(p.n, own, most, int(facts["axons"])) or _refuse(p, own, facts)
    made = _Fanout(changed, parts, cuts, set(populations.outputs.values()), facts)
    projections = [j for p in populations.populations for j in made.out_of(p)]
    whole = dataclasses.replace(
        populations,
        populations=tuple(made.populations.values()),
        projections=tuple(projections),
        notes=(*populations.notes, *notes, *made.notes),
    )
    return whole, made.cuts


def _parts(p: Population, incoming: tuple[Projection, ...]) -> list[Part]:
    """The projections into `p` with one delay per source neuron; equal ones are added up."""
    found: dict[tuple[Any, ...], Part] = {}
    for j in incoming:
        w = j.weight
        matrix = sparse.csr_array(conv2d.matrix(w) if isinstance(w, Conv) else w, dtype=float)
        for d in np.unique(j.delay_target).tolist():
            keep = sparse.diags_array((j.delay_target == d).astype(float))
            here = sparse.csr_array(keep @ matrix)
            here.eliminate_zeros()
            delay = j.delay_source + d
            key = (j.source, j.feedback, delay.tobytes())
            if key in found:
                here = sparse.csr_array(found[key].weight + here)
            name = found[key].name if key in found else f"{j.name}" + (f"+{d}" if d else "")
            found[key] = Part(name, j.source, p.name, here, delay, j.feedback)
    return list(found.values())


def _levels(
    p: Population, parts: list[Part], bits: int | None, facts: Facts
) -> tuple[list[Part], NDArray[np.float64], list[str]]:
    """The parts in levels, the unit of every neuron, and what rounding costs."""
    if not parts:
        return [], np.zeros(p.n), []
    whole = sparse.csr_array(sparse.hstack([part.weight for part in parts], format="csr"))
    whole.sort_indices()
    core = int(facts["neurons"]), int(facts["axons"])
    top = min(4, (1 << (bits - 1)) - 1) if bits else 4
    found, unit = _fit(parts, whole, top)
    if top > 1 and int(np.diff(whole.indptr).max(initial=0)) > FINE:
        coarse = _fit(parts, whole, 1)
        cores = _cuts(p.n, coarse[0], *core)
        while top > 1 and _cuts(p.n, found, *core) != cores:
            top -= 1
            found, unit = _fit(parts, whole, top) if top > 1 else coarse
    notes = [_note(a, b.weight, unit, top) for a, b in zip(parts, found, strict=True)]
    return found, unit, notes


def _fit(
    parts: list[Part], whole: sparse.csr_array, top: int
) -> tuple[list[Part], NDArray[np.float64]]:
    """The parts with weights in levels up to `top`, and the unit of every neuron."""
    unit, level = levels.fit_rows(whole, top)
    edges = np.cumsum([0, *(part.weight.shape[1] for part in parts)]).tolist()
    split = [sparse.csr_array(level[:, lo:hi]) for lo, hi in pairwise(edges)]
    return [dataclasses.replace(a, weight=w) for a, w in zip(parts, split, strict=True)], unit


def _note(part: Part, level: sparse.csr_array, unit: NDArray[np.float64], top: int) -> str:
    size = float(np.sqrt((part.weight.data**2).sum()))
    got = sparse.csr_array(sparse.diags_array(unit) @ level)
    error = float(np.sqrt(((part.weight - got).data ** 2).sum())) / (size or 1.0)
    zeros = 1 - level.nnz / max(part.weight.nnz, 1)
    return (
        f"{part.name}: weights have {2 * top + 1} levels with a unit per neuron: relative rms "
        f"error {error:.1%}, {zeros:.0%} of them became zero"
    )


def bounds(n: int, count: int) -> Ints:
    """Return the edges of `count` runs of near-equal length that cover 0 .. n."""
    return np.arange(count + 1) * n // count


def _cuts(n: int, parts: list[Part], most: int, axons: int) -> int:
    """Fewest equal cuts with at most `most` neurons and `axons` axons each; 0 if there are none."""
    count = max(1, -(-n // most))
    while True:
        needs = _needs(n, parts, count)
        if needs <= axons:
            return count
        if count >= n:
            return 0
        count = min(n, max(count + 1, int(count * needs / axons)))


def _needs(n: int, parts: list[Part], count: int) -> int:
    """Axons of the core that needs most of them, with `count` cuts."""
    bits = [b.tocsr() for part in parts for _, b in _by_type(part)]
    runs = pairwise(bounds(n, count).tolist())
    return max(
        (
            sum(np.unique(b.indices[b.indptr[lo] : b.indptr[hi]]).size for b in bits)
            for lo, hi in runs
        ),
        default=0,
    )


def _refuse(p: Population, parts: list[Part], facts: Facts) -> int:
    axons = int(facts["axons"])
    raise UnsupportedNode(
        "E0245",
        "a neuron has more inputs than a core has axons, one for each weight that is not zero",
        where=p.node,
        got=f"{_needs(p.n, parts, p.n)} inputs",
        allowed=f"{axons}, or {axons // 2} where a core shall hold more than a few neurons",
        hint="smaller or grouped kernels, fewer channels, or pruning to that many inputs",
    )


class _Fanout:
    """Gives every neuron its one axon, and splitters where it needs more."""

    def __init__(
        self,
        populations: dict[str, Population],
        parts: list[Part],
        cuts: dict[str, int],
        outputs: set[str],
        facts: Facts,
    ) -> None:
        self.before, self.parts, self.outputs = populations, parts, outputs
        self.cuts, self.most = dict(cuts), int(facts["neurons"])
        self.populations: dict[str, Population] = {}
        self.notes: list[str] = []

    def out_of(self, p: Population) -> list[Projection]:
        """Add `p` and its splitters; return all projections that leave it, in crossbar form."""
        self.populations[p.name] = self.before[p.name]
        parts = [part for part in self.parts if part.source == p.name]
        if p.model == "source":
            return [j for part in parts for j in _direct(part)]
        axon = _axons(parts, self.before, self.cuts, p.n if p.name in self.outputs else 0)
        copies = np.bincount(axon[:, 0], minlength=p.n)
        if copies.max(initial=0) <= 1:
            return [j for part in parts for j in _direct(part)]
        return self._split(p, parts, axon, stages(copies, self.most))

    def _split(
        self, p: Population, parts: list[Part], axon: Ints, chain: list[Stage]
    ) -> list[Projection]:
        found: list[Projection] = []
        name, n = p.name, p.n
        for i, stage in enumerate(chain):
            new = f"{p.name}/split{i + 1}" if len(chain) > 1 else f"{p.name}/split"
            self.populations[new] = _splitter(new, p.node, stage.n, p.depth + i + 1)
            self.cuts[new] = stage.cores
            ones = np.ones(stage.slot.size)
            bits = sparse.csr_array((ones, (stage.slot, stage.feeds)), shape=(stage.n, n))
            none = np.zeros(n, np.int64), np.zeros(stage.n, np.int64)
            found.append(Axons(f"{name}->{new}", name, new, bits, *none, False))
            name, n = new, stage.n
        cores = sum(s.cores for s in chain)
        ways = f"{axon.shape[0] / p.n:.3g} axons per neuron"
        self.notes.append(
            f"{p.node}: {ways}, copied on {cores} splitter core(s), {len(chain)} tick(s)"
        )
        for k, part in enumerate(parts):
            found += self._onward(part, axon[:, 1] == k, axon, chain[-1], name)
        return found

    def _onward(
        self, part: Part, own: NDArray[np.bool_], axon: Ints, last: Stage, name: str
    ) -> list[Projection]:
        """The projections of one part, from the splitters that drive its axons."""
        n, count = self.before[part.target].n, self.cuts[part.target]
        delay = np.full(last.n, int(part.delay.min(initial=0)))
        delay[last.slot[own]] = part.delay[axon[own, 0]]
        driven, slot = _code(axon[own, 0], axon[own, 2], axon[own, 3], count), last.slot[own]
        moved = []
        for kind, bits in _by_type(part):
            at = slot[
                np.searchsorted(driven, _code(bits.col, _cut_of(n, count)[bits.row], kind, count))
            ]
            moved.append((kind, sparse.csr_array((bits.data, (bits.row, at)), shape=(n, last.n))))
        return [_onto(part, name, kind, bits, delay) for kind, bits in moved]


def _axons(
    parts: list[Part], populations: dict[str, Population], cuts: dict[str, int], outputs: int
) -> Ints:
    """(source neuron, part, cut, type) of each axon to be driven, ordered; part -1: the way out."""
    found = [np.zeros((0, 4), np.int64)]
    out = np.arange(outputs)
    found.append(np.stack([out, *[np.full(outputs, -1)] * 3], axis=1))
    for k, part in enumerate(parts):
        cut = _cut_of(populations[part.target].n, cuts[part.target])
        for kind, bits in _by_type(part):
            row = [bits.col, np.full(bits.nnz, k), cut[bits.row], np.full(bits.nnz, kind)]
            found.append(np.stack(row, axis=1).astype(np.int64))
    return np.unique(np.concatenate(found), axis=0)


def _cut_of(n: int, count: int) -> Ints:
    """Which of `count` cuts each of `n` neurons lies in."""
    return np.searchsorted(bounds(n, count), np.arange(n), side="right") - 1


def _code(source: Ints, cut: Ints, kind: Ints | int, count: int) -> Ints:
    """One number for an axon of a part, in the order of (source, cut, type)."""
    code: Ints = (source.astype(np.int64) * count + cut) * len(levels.UNITS) + kind
    return code


def _by_type(part: Part) -> list[tuple[int, sparse.coo_array]]:
    """The crossbar bits of a part by axon type, where it uses any."""
    bits = [levels.of_type(part.weight, kind).tocoo() for kind in range(len(levels.UNITS))]
    return [(kind, b) for kind, b in enumerate(bits) if b.nnz]


def _onto(part: Part, source: str, kind: int, bits: sparse.csr_array, delay: Ints) -> Axons:
    none = np.zeros(bits.shape[0], np.int64)
    name = f"{part.name}/{kind}"
    return Axons(name, source, part.target, bits, delay, none, part.feedback, kind=kind)


def _direct(part: Part) -> list[Projection]:
    """A part as it is, one projection per axon type that it uses."""
    return [
        _onto(part, part.source, kind, bits.tocsr(), part.delay) for kind, bits in _by_type(part)
    ]


def _splitter(name: str, node: str, n: int, depth: int) -> Population:
    """Neurons that repeat a spike: one unit is above their threshold."""
    one, zero = np.ones(n), np.zeros(n)
    params = {
        "alpha": one, "gain": one, "offset": zero, "threshold": one / 2, "v_reset": zero,
        "unit": one,
    }  # fmt: skip
    return Population(
        name, node, (n,), "lif", params, subtract=False, readout="spikes", graded=False, depth=depth
    )
