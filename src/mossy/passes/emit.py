"""Emit: write the image of every core: parameters, packed synapse rows, kernels, memory map.

Before: everything decided. After: a `Program`, the only thing the twin gets to see.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised, Synapses
from mossy.errors import UnsupportedNode
from mossy.network.populations import Conv, Population, Populations
from mossy.network.recipe import Recipe
from mossy.passes.connectivity import Connectivity
from mossy.passes.destinations import Destinations
from mossy.passes.partition import Slice, restrict
from mossy.passes.rows import addressed
from mossy.program.artefact import (
    Axon,
    Block,
    CoreImage,
    Kernel,
    Place,
    PopulationMap,
    Routing,
    RowTable,
    WordFormat,
)
from mossy.program.words import pack

Sent = Literal["spikes", "values", "currents"]

NO_WORDS = WordFormat(16, weight=0, delay=0, type=0, index=0, coding="signed")


def images(
    slices: tuple[Slice, ...],
    places: tuple[Place | None, ...],
    keys: tuple[tuple[int, int], ...],
    destinations: Destinations,
    links: Connectivity,
    chip: Chip,
    routing: Routing,
) -> tuple[CoreImage, ...]:
    """Return one image per slice, numbered in slice order."""
    found = []
    for number, s in enumerate(slices):
        common: dict[str, Any] = {
            "number": number,
            "place": places[number],
            "population": s.population,
            "lo": s.lo,
            "hi": s.hi,
            "key": keys[number][0],
            "axons": _axons(s, number, slices, destinations, links, routing),
            "memory": memory_map(s, chip),
        }
        if s.role == "source":
            found.append(_source_image(common))
        else:
            feeds = destinations.senders(number)
            q = links.quantised[s.population]
            found.append(_image(common, s, q, slices, keys, feeds))
    return addressed(tuple(found), links, chip)


def _source_image(common: dict[str, Any]) -> CoreImage:
    nothing: NDArray[Any] = np.zeros(0, np.uint16)
    return CoreImage(
        **common,
        role="source",
        model="source",
        fmt=(),
        params=nothing,
        state=nothing,
        word_format=NO_WORDS,
        tables=(),
        row_start=np.zeros(1, np.int64),
        words=nothing,
        kernels=(),
    )


def _image(
    common: dict[str, Any],
    s: Slice,
    q: Quantised,
    slices: tuple[Slice, ...],
    keys: tuple[tuple[int, int], ...],
    feeds: list[int],
) -> CoreImage:
    tables: list[RowTable] = []
    kernels: list[Kernel] = []
    recipes: list[Recipe] = []
    starts: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    words: list[NDArray[Any]] = [np.zeros(0, q.word.dtype)]
    rows = filled = 0
    for group in dict.fromkeys((x.source, x.shift, x.receptor) for x in q.incoming):
        source, shift, receptor = group
        senders = [k for k in feeds if slices[k].population == source]
        here = [x for x in q.incoming if (x.source, x.shift, x.receptor) == group]
        for x in here:
            for k in senders:
                at = (*keys[k], slices[k].lo, shift, receptor)
                if isinstance(x.weight, Conv):
                    tables.append(_table("kernel", len(kernels), at))
                elif isinstance(x.weight, Recipe):
                    tables.append(_table("recipe", len(recipes), at))
            if isinstance(x.weight, Conv):
                kernels.append(_kernel(x, x.weight, s))
            elif isinstance(x.weight, Recipe):
                recipes.append(x.weight)
        flat = [x for x in here if not isinstance(x.weight, Conv | Recipe)]
        if flat and senders:
            runs = [(slices[k].lo, slices[k].hi) for k in senders]
            start, packed = _rows(flat, s, q.word, runs)
            starts.append(start[1:] + filled)
            words.append(packed)
            first = rows
            for k in senders:
                key, mask = keys[k]
                tables.append(RowTable(key, mask, "rows", first, 0, shift, receptor))
                first += slices[k].hi - slices[k].lo
            rows, filled = rows + start.size - 1, filled + packed.size
    return CoreImage(
        **common,
        role="neurons",
        model=q.model,
        fmt=q.fmt,
        params=q.params[s.lo : s.hi],
        state=q.state[s.lo : s.hi],
        word_format=q.word,
        tables=tuple(tables),
        row_start=np.concatenate(starts),
        words=np.concatenate(words),
        kernels=tuple(kernels),
        recipes=tuple(recipes),
        noise=tuple(dataclasses.replace(x, mean=x.mean[s.lo : s.hi]) for x in q.noise),
    )


def _table(
    kind: Literal["kernel", "recipe"], which: int, at: tuple[int, int, int, int, int]
) -> RowTable:
    key, mask, first, shift, receptor = at
    return RowTable(key, mask, kind, first, which, shift, receptor)


def _rows(
    projections: list[Synapses], s: Slice, word: WordFormat, runs: list[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Row starts (senders + 1,) and packed words of all projections from one population.

    runs: lo .. hi of its slices that send here; only their neurons have rows.
    """
    parts: list[tuple[NDArray[Any], ...]] = []
    senders = np.concatenate([np.arange(lo, hi) for lo, hi in runs])
    for x in projections:
        assert isinstance(x.weight, sparse.csr_array)
        m = x.weight[s.lo : s.hi].tocoo()
        delay = x.delay_source[m.col] + x.delay_target[s.lo + m.row]
        parts.append((np.searchsorted(senders, m.col), m.row, m.data, delay))
    col, row, data, delay = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.argsort(col, kind="stable")
    start = np.zeros(senders.size + 1, np.int64)
    np.cumsum(np.bincount(col, minlength=senders.size), out=start[1:])
    return start, pack(word, data[order], delay[order], row[order])


def _kernel(x: Synapses, conv: Conv, s: Slice) -> Kernel:
    weight, first = restrict(conv, s.lo, s.hi)
    _, out_y, out_x = conv.out_shape
    return Kernel(
        weight,
        conv.in_shape,
        (weight.shape[0], out_y, out_x),
        conv.stride,
        conv.padding,
        conv.pool,
        s.lo - first * out_y * out_x,
        x.max_delay,
    )


def _axons(
    s: Slice,
    number: int,
    slices: tuple[Slice, ...],
    destinations: Destinations,
    links: Connectivity,
    routing: Routing,
) -> tuple[Axon, ...]:
    if routing == "core_to_core":  # a core that any of its neurons reaches hears them all
        return tuple(Axon(t, np.ones(s.hi - s.lo, bool)) for t in destinations[number])
    if routing != "axons":
        return ()
    return tuple(
        Axon(
            t,
            links.reached(slices[t].population, s.population, slices[t].lo, slices[t].hi)[
                s.lo : s.hi
            ],
        )
        for t in destinations[number]
    )


def memory_map(s: Slice, chip: Chip) -> tuple[Block, ...]:
    """Return the blocks of a core: its code, then its data one behind the other, 4-byte aligned.

    Those in the chip's shared memory have no address yet.
    """
    spec = chip.spec.get("memory", {})
    address = int(chip.facts[spec["base"]]) if "base" in spec else 0
    blocks = [Block("code", 0, address, "code")] if address else []
    for name, size in chip.rules.blocks(s.load, chip.facts):
        if name == spec.get("shared"):
            blocks.append(Block(name, 0, size, "shared"))
            continue
        fixed = spec.get("at", {}).get(name)
        blocks.append(Block(name, int(chip.facts[fixed]) if fixed else address, size))
        address += 0 if fixed else -(-size // 4) * 4
    return tuple(blocks)


def population_map(
    p: Population, quantised: dict[str, Quantised], slices: tuple[Slice, ...], chip: Chip
) -> PopulationMap:
    """Return where population `p` went and how its registers read in network units."""
    q = quantised.get(p.name)
    here = tuple(i for i, s in enumerate(slices) if s.population == p.name)
    one, none = np.ones(p.n), np.zeros(p.n)
    return PopulationMap(
        p.name,
        p.shape,
        "source" if q is None else "neurons",
        p.depth,
        p.readout,
        *_sent(p.name, quantised, chip),
        here,
        one if q is None else q.v_scale,
        none if q is None else q.v_shift,
    )


def population_maps(
    populations: Populations,
    quantised: dict[str, Quantised],
    slices: tuple[Slice, ...],
    chip: Chip,
) -> tuple[PopulationMap, ...]:
    """Return one map per population, in order."""
    return tuple(population_map(p, quantised, slices, chip) for p in populations.populations)


def _sent(name: str, quantised: dict[str, Quantised], chip: Chip) -> tuple[Sent, float]:
    """What a population sends, and how many units of it are one of the network's."""
    if name in quantised:
        return neurons.model(quantised[name].model).sends, quantised[name].sent_scale
    sends = chip.spec["input"].get("sends", "spikes")
    taken = {q.taken_scale for q in quantised.values() if any(x.source == name for x in q.incoming)}
    if len(taken) > 1:
        raise UnsupportedNode(
            "E0227",
            "an input feeds neurons that take its values on different scales",
            where=name,
            got=sorted(taken),
            allowed="one scale",
            hint="give each of them an input of its own",
        )
    return sends, taken.pop() if taken and sends == "values" else 1.0
