"""Layers: a linked program without loops, sorted by who receives.

Where no population reaches back, every layer can be run over all steps before the next one begins:
what arrives is known by then. A layer keeps its own synapses, so that they are used for all steps
while they are in cache:

    sender e, neuron i -> row r = base[e] + i -> synapses start[r] .. start[r + 1]
    synapse k -> sum column[k] of the layer += weight[k], delay[k] steps beyond the layer's lag

or, where many pairs are connected, row r of a matrix `dense`, with zeros for what is not there. The
matrix is cut into strips of a few columns, of which one stays in a core's own cache. Whole weights
of eight bits are kept in a byte each, where no sum of them can be rounded.
Senders stand in the order in which a step's packets arrive, so that sums of floats round alike.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.neurons.model import Model
from mossy.program.artefact import Program
from mossy.twin.layout.link import Linked, Phase
from mossy.twin.remembered import remembered

STRIP_BYTES = 256  # of the sums of a strip: eight registers of a vector unit
BYTE, ZERO = np.dtype(np.uint8), 128  # a weight of eight bits, and what stands for none
HIGHEST = 127  # weight that a byte holds
COLUMNS = STRIP_BYTES // 4  # cores whose counts are added up at once
FEW_CORES = 8  # cores below which one at a time is as quick
ENOUGH = 256  # rows of bytes whose sums fit 16 bits
FULL = 0.2  # share of pairs connected from which on rows are kept whole


@dataclass(frozen=True, eq=False)
class Sender:
    """What sends: neurons start .. stop of the linked program, all of one population.

    lo: which of it the first one is. cuts: the first neuron of each core, and stop. alike: 2, a
    core's neurons reach the same cores by the same ways, with as many synapses; 1, without that; 0,
    they do not. same: whether the neurons of a core, where alike, reach the cores that those of the
    one before it do. synapses: (strips, neurons, columns) on each core that a neuron reaches, in
    order, without strips where they are alike or so few that they are quickly looked up.
    """

    population: str
    source: bool
    lo: int
    start: int
    stop: int
    cuts: NDArray[np.int64]
    alike: int
    same: NDArray[np.bool_]
    synapses: NDArray[np.int32]

    @property
    def cores(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], int, NDArray[np.int32]]:
        """What is to be known of its cores to count what it causes."""
        return self.cuts, self.same, self.alike, self.synapses


@dataclass(frozen=True, eq=False)
class Layer:
    """A population that receives. number: its own number among the senders.

    senders: (k, 2) number of a sender and its first row. alike: all neurons have the same
    parameters. lag: steps from sending to the earliest arrival; slots: steps that sums are kept
    for. dense: (strips, rows, columns of a strip), without strips where the synapses are listed.
    """

    number: int
    model: Model
    fmt: tuple[int, ...]
    params: NDArray[Any]
    state: NDArray[Any]
    alike: bool
    senders: NDArray[np.int64]
    lag: int
    slots: int
    dense: NDArray[Any]
    start: NDArray[np.int64]
    column: NDArray[Any]
    weight: NDArray[Any]
    delay: NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True, eq=False)
class Layered:
    """Senders, sources first, and layers in an order in which each can be run to its end.

    synapses: of each (neuron, core) that packets go to, as linked. most: room for such numbers of
    one neuron. split: whether layers are cut into parts, each for a thread of its own.
    """

    senders: tuple[Sender, ...]
    layers: tuple[Layer, ...]
    synapses: NDArray[np.int32]
    most: int
    split: bool = False


_layered: weakref.WeakKeyDictionary[Linked, Layered | None] = weakref.WeakKeyDictionary()


def layered(program: Program, linked: Linked) -> Layered | None:
    """Return the layers of a program, or None where it has to be run step by step.

    That is where a population reaches itself again, where neurons of a core touch each other or
    keep their sums in their registers, and where they draw an input of their own.
    """
    if linked not in _layered:
        _layered[linked] = _sorted(program, linked)
    return _layered[linked]


@remembered
def loops(program: Program) -> bool:
    """Return whether a population reaches itself again, as tables of synapses have it."""
    keys = np.array([c.key for c in program.cores])
    names = [c.population for c in program.cores]
    before: dict[str, set[str]] = {}
    for c in program.cores:
        for t in c.tables:
            heard = {names[k] for k in np.flatnonzero(keys & t.mask == t.key)}
            if c.population in heard:
                return True
            before.setdefault(c.population, set()).update(heard)
    try:
        TopologicalSorter(before).prepare()
    except CycleError:
        return True
    return False


def _sorted(program: Program, linked: Linked) -> Layered | None:
    models = [p.model for p in linked.phases]
    noisy = any(c.noise for c in program.cores)
    if not models or noisy or any(m.evolve or m.keeps for m in models):
        return None
    found = _senders(program, linked)
    if found is None:
        return None
    reach = _reach(found, linked)
    order = _order(found, reach)
    if order is None:
        return None
    number = {s.start: i for i, s in enumerate(order)}
    layers = [
        _layer(program, linked, s, i, [(number[f.start], f) for f in found if s in reach[f]])
        for i, s in enumerate(order)
        if not s.source
    ]
    synapses = np.diff(linked.syn_start).astype(np.int32)
    most = int(np.diff(linked.seg_start).max(initial=0)) + COLUMNS
    return Layered(tuple(order), tuple(layers), synapses, most)


_split: weakref.WeakKeyDictionary[Layered, dict[int, Layered]] = weakref.WeakKeyDictionary()


def split(whole: Layered, parts: int) -> Layered:
    """Return the same layers, those that are kept whole and are large enough cut into parts."""
    found = _split.setdefault(whole, {})
    if parts not in found:
        found[parts] = _cut(whole, parts)
    return found[parts]


def _cut(whole: Layered, parts: int) -> Layered:
    layers = {layer.number: layer for layer in whole.layers}
    senders: list[Sender] = []
    numbers: list[list[tuple[int, int]]] = []  # of a sender's parts, and the first row of each
    pieces: list[Layer] = []
    for i, s in enumerate(whole.senders):
        strips = layers[i].dense.shape[0] if i in layers else 0
        cuts = [strips * k // parts for k in range(parts + 1)] if strips >= parts else [0, strips]
        numbers.append([])
        for a, b in pairwise(cuts):
            sender, layer = (s, layers.get(i)) if len(cuts) == 2 else _piece(s, layers[i], a, b)
            numbers[-1].append((len(senders), sender.start - s.start))
            if layer is not None:
                heard = [(n, base + r) for f, base in layer.senders for n, r in numbers[f]]
                rows = np.array(heard, np.int64).reshape(-1, 2)
                pieces.append(replace(layer, number=len(senders), senders=rows))
            senders.append(sender)
    apart = len(senders) > len(whole.senders)
    return replace(whole, senders=tuple(senders), layers=tuple(pieces), split=apart)


def _piece(s: Sender, layer: Layer, a: int, b: int) -> tuple[Sender, Layer]:
    """The neurons of the strips a .. b."""
    each = layer.dense.shape[2] // layer.model.inputs
    lo, hi = each * a, min(each * b, s.stop - s.start)
    start, stop = s.start + lo, s.start + hi
    cuts = np.unique(np.concatenate([[start], np.clip(s.cuts, start, stop), [stop]]))
    same = s.same[np.searchsorted(s.cuts, cuts[:-1], "right") - 1]
    same[:1] = False
    own = slice(lo, hi)
    return (
        replace(
            s,
            lo=s.lo + lo,
            start=start,
            stop=stop,
            cuts=cuts,
            same=same,
            synapses=s.synapses[:, lo:hi].copy(),
        ),
        replace(layer, params=layer.params[own], state=layer.state[own], dense=layer.dense[a:b]),
    )


def _senders(program: Program, linked: Linked) -> list[Sender] | None:
    """All populations, in the order of their neurons; None where one is scattered."""
    found = []
    for p in program.populations:
        cores = [program.cores[c] for c in p.cores]
        first = int(linked.start[cores[0].number])
        cuts = first + np.cumsum([0, *(c.n for c in cores)])
        for c, at in zip(cores, cuts, strict=False):
            if linked.start[c.number] != at or c.lo != at - first:
                return None
        alike = min(_alike(linked, int(a), int(b)) for a, b in pairwise(cuts))
        reached = [_reached(linked, int(g)) for g in cuts[:-1]]
        same = np.array([False, *(np.array_equal(a, b) for a, b in pairwise(reached))])
        source = p.role == "source"
        stop = int(cuts[-1])
        each = _synapses_by_core(linked, first, stop, alike)
        found.append(Sender(p.name, source, 0, first, stop, cuts, alike, same, each))
    return sorted(found, key=lambda s: s.start)


def _alike(linked: Linked, start: int, stop: int) -> int:
    """How far the neurons start .. stop of one core are alike; see `Sender`."""
    here, n = linked.seg_start[start : stop + 1], stop - start
    ways = (linked.sends[start:stop], linked.hops[start:stop], linked.links[start:stop])
    if len(set(np.diff(here).tolist())) > 1 or any((w != w[0]).any() for w in ways):
        return 0
    reached = linked.seg_core[here[0] : here[-1]].reshape(n, -1)
    if (reached != reached[0]).any():
        return 0
    lengths = np.diff(linked.syn_start[here[0] : here[-1] + 1]).reshape(n, -1)
    return 1 if (lengths != lengths[0]).any() else 2


def _reached(linked: Linked, neuron: int) -> NDArray[np.int32]:
    """The cores that a neuron reaches."""
    return linked.seg_core[linked.seg_start[neuron] : linked.seg_start[neuron + 1]]


def _synapses_by_core(linked: Linked, start: int, stop: int, alike: int) -> NDArray[np.int32]:
    """How many synapses neurons have on each core that they reach; see `Sender`."""
    cores = np.diff(linked.seg_start[start : stop + 1])
    most = int(cores.max(initial=0))
    if alike != 1 or most < FEW_CORES:
        return np.zeros((0, stop - start, COLUMNS), np.int32)
    found = np.zeros((stop - start, -(-most // COLUMNS) * COLUMNS), np.int32)
    ends = linked.syn_start[linked.seg_start[start] : linked.seg_start[stop] + 1]
    neuron = np.repeat(np.arange(stop - start), cores)
    column = (
        np.arange(neuron.size) - (linked.seg_start[start:stop] - linked.seg_start[start])[neuron]
    )
    found[neuron, column] = np.diff(ends)
    strips = found.reshape(stop - start, -1, COLUMNS).transpose(1, 0, 2)
    return np.ascontiguousarray(strips)


def _phase(linked: Linked, sender: Sender) -> Phase:
    return next(p for p in linked.phases if p.start <= sender.start < p.stop)


def _columns(linked: Linked, receiver: Sender) -> tuple[int, int]:
    """The ring columns of a population's sums."""
    phase = _phase(linked, receiver)
    inputs = phase.model.inputs
    first = phase.column + inputs * (receiver.start - phase.start)
    return first, first + inputs * (receiver.stop - receiver.start)


def _synapses(linked: Linked, sender: Sender) -> slice:
    ends = linked.syn_start[linked.seg_start[[sender.start, sender.stop]]]
    return slice(int(ends[0]), int(ends[1]))


def _reach(found: list[Sender], linked: Linked) -> dict[Sender, set[Sender]]:
    """The populations that each one has synapses to."""
    reach: dict[Sender, set[Sender]] = {}
    owner = np.zeros(max(linked.width, 1), np.int32)
    for i, s in enumerate(found):
        if not s.source:
            owner[slice(*_columns(linked, s))] = i
    for s in found:
        hit = np.bincount(owner[linked.column[_synapses(linked, s)]], minlength=len(found))
        reach[s] = {found[i] for i in np.flatnonzero(hit)}
    return reach


def _order(found: list[Sender], reach: dict[Sender, set[Sender]]) -> list[Sender] | None:
    """Sources first, then each population after all that reach it; None where there is a loop."""
    order = [s for s in found if s.source]
    rest = [s for s in found if not s.source]
    while rest:
        ready = [s for s in rest if not any(s in reach[r] for r in rest)]
        if not ready:
            return None
        order += ready
        rest = [s for s in rest if s not in ready]
    return order


def _layer(
    program: Program,
    linked: Linked,
    receiver: Sender,
    number: int,
    senders: list[tuple[int, Sender]],
) -> Layer:
    phase = _phase(linked, receiver)
    mine = slice(receiver.start - phase.start, receiver.stop - phase.start)
    first, last = _columns(linked, receiver)
    parts = [_part(linked, s, first, last) for _, s in senders]
    sizes = [s.stop - s.start for _, s in senders]
    base = np.cumsum([0, *sizes])
    row = np.concatenate(
        [b + p[0] for b, p in zip(base, parts, strict=False)] or [np.zeros(0, int)]
    )
    column, weight, delay = (
        np.concatenate([p[i] for p in parts] or [np.zeros(0, a.dtype)])
        for i, a in ((1, linked.column), (2, linked.weight), (3, linked.delay))
    )
    shortest = int(delay.min(initial=255)) if delay.size else 0
    delay = delay - np.uint8(shortest)
    rows, width = int(base[-1]), last - first
    params = np.ascontiguousarray(phase.params[mine])
    whole = not delay.any() and column.size > FULL * rows * width
    if whole and column.size < rows * width:  # a zero times infinity is no zero
        whole = all(s.source or _spikes(program, s) for _, s in senders)
    whole = whole and _once(row.astype(np.int64) * width + column, rows * width)
    kept = BYTE if whole and _fit_bytes(phase.model, weight, rows) else linked.drive
    lanes = columns_of_a_strip(kept.itemsize)
    none = ZERO if kept == BYTE else 0
    dense = np.full((-(-width // lanes) if whole else 0, rows, lanes), none, kept)
    if whole:
        dense[column // lanes, row, column % lanes] = weight + none
    start = np.zeros(rows + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=rows), out=start[1:])
    listed = slice(0, 0 if whole else None)
    return Layer(
        number,
        phase.model,
        phase.fmt,
        params,
        np.ascontiguousarray(phase.state[mine]),
        bool((params == params[0]).all()),
        np.array([(n, b) for (n, _), b in zip(senders, base, strict=False)], np.int64).reshape(
            -1, 2
        ),
        program.latency + shortest,
        1 << int(delay.max(initial=0)).bit_length(),
        dense,
        start,
        column[listed].astype(np.uint16 if width <= 1 << 16 else np.uint32),
        weight[listed],
        delay[listed],
    )


def columns_of_a_strip(size: int) -> int:
    """Return how many columns a strip has whose weights take so many bytes."""
    return STRIP_BYTES // max(size, 2)


def _fit_bytes(model: Model, weight: NDArray[Any], rows: int) -> bool:
    """Whether weights fit bytes, and sums of one of each row neither saturate nor are rounded."""
    if model.sums or not weight.size or np.abs(weight).max() > HIGHEST:
        return False
    return rows * HIGHEST < 1 << 24 and bool((weight == np.rint(weight)).all())


def _spikes(program: Program, sender: Sender) -> bool:
    return program.population(sender.population).sends == "spikes"


def _once(at: NDArray[np.int64], size: int) -> bool:
    """Whether no number comes twice: two synapses of one pair are two additions."""
    seen = np.zeros(size, bool)
    seen[at] = True
    return int(np.count_nonzero(seen)) == at.size


def _part(linked: Linked, sender: Sender, first: int, last: int) -> tuple[NDArray[Any], ...]:
    """(neuron of the sender, sum, weight, delay) of its synapses to columns first .. last."""
    here = _synapses(linked, sender)
    ends = linked.syn_start[linked.seg_start[sender.start : sender.stop + 1]]
    neuron = np.repeat(np.arange(sender.stop - sender.start), np.diff(ends))
    column = linked.column[here]
    keep = (column >= first) & (column < last)
    found: tuple[NDArray[Any], ...] = (neuron, column, linked.weight[here], linked.delay[here])
    neuron, column, weight, delay = found if keep.all() else (a[keep] for a in found)
    return neuron, column - np.uint32(first), weight, delay
