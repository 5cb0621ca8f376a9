"""Memory of a layer and the core it goes to.

A layer of f maps of f_y x f_x neurons that reads c maps through kernels of k_y x k_x needs

    f 2^(ceil log2 f_y + ceil log2 f_x)           state words
    c 2^(ceil log2 (k_y k_x) + ceil log2 f)       weight words

because both memories are addressed by bit fields (sinabs documentation, Speck overview; sinabs
3.1.3, DynapcnnLayer.memory_summary). Cores are of four kinds, so giving each layer a core of its
own is a matching in the graph of layers and the cores that hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from mossy.chips.facts import Facts
from mossy.chips.quantised import CoreLoad
from mossy.errors import DoesNotFit

KINDS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Words:
    """Words of memory: needed by a layer, or there on a core."""

    states: int
    weights: int
    biases: int

    def fits(self, core: Words) -> bool:
        """Return whether a core has that much of each memory."""
        return (
            self.states <= core.states
            and self.weights <= core.weights
            and self.biases <= core.biases
        )

    def __str__(self) -> str:
        return f"{self.states} states and {self.weights} weights"


def memories(facts: Facts) -> list[Words]:
    """Return the memories of each core of the chip."""
    return [
        Words(int(facts[f"{k}_states"]), int(facts[f"{k}_weights"]), int(facts["biases"]))
        for k in KINDS
        for _ in range(int(facts[f"{k}_cores"]))
    ]


def needs(load: CoreLoad) -> Words:
    """Return what a layer asks of its core; one without synapses has a state for each neuron."""
    if not load.kernels:
        return Words(load.n, load.kernel_bytes, 0)
    f, _, k_y, k_x, out_y, out_x = load.kernels[0]
    channels = sum(k[1] for k in load.kernels)
    return Words(f << (_bits(out_y) + _bits(out_x)), channels << (_bits(k_y * k_x) + _bits(f)), f)


def _bits(n: int) -> int:
    """ceil log2 n."""
    return (n - 1).bit_length()


def assign(
    slices: Sequence[Any], destinations: tuple[tuple[int, ...], ...], facts: Facts
) -> tuple[int, ...]:
    """Return the core of each layer. Raises DoesNotFit E0301, E0302."""
    layers = [(s.population, needs(s.load)) for s in slices if s.role != "source"]
    found = memories(facts)
    allowed = np.array([[w.fits(c) for c in found] for _, w in layers], bool)
    for (name, words), row in zip(layers, allowed, strict=True):
        if not row.any():
            raise _no_core(name, words, facts)
    matched = csgraph.maximum_bipartite_matching(sparse.csr_array(allowed), perm_type="column")
    left = np.flatnonzero(matched < 0)
    if left.size:
        raise _too_many(layers, _rivals(allowed, matched, int(left[0])), allowed, facts)
    return tuple(int(c) for c in matched)


def _rivals(allowed: Any, matched: Any, start: int) -> list[int]:
    """Layers that together have fewer cores than they are: what alternating paths reach."""
    reached, todo = {start}, [start]
    while todo:
        for core in np.flatnonzero(allowed[todo.pop()]):
            (owner,) = np.flatnonzero(matched == core)
            if owner not in reached:
                reached.add(int(owner))
                todo.append(int(owner))
    return sorted(reached)


def _kinds(facts: Facts) -> str:
    return "; ".join(
        f"{int(facts[f'{k}_cores'])} cores of {int(facts[f'{k}_states'])} states and "
        f"{int(facts[f'{k}_weights'])} weights"
        for k in KINDS
    )


def _no_core(name: str, words: Words, facts: Facts) -> DoesNotFit:
    nearest = min(
        memories(facts), key=lambda c: max(words.states / c.states, words.weights / c.weights)
    )
    over = [
        f"{have} {what} by {need / have - 1:.0%}"
        for what, need, have in (
            ("states", words.states, nearest.states),
            ("weights", words.weights, nearest.weights),
        )
        if need > have
    ]
    return DoesNotFit(
        "E0301",
        f"no core holds this layer; the nearest lacks memory: it exceeds {' and '.join(over)}",
        where=f"{facts.chip}, population {name}",
        got=str(words),
        allowed=_kinds(facts),
        hint="fewer channels, a smaller kernel, or a stride or pool before it",
    )


def _too_many(
    layers: list[tuple[str, Words]], rivals: list[int], allowed: Any, facts: Facts
) -> DoesNotFit:
    held = int(allowed[rivals].any(axis=0).sum())
    largest = max(rivals, key=lambda k: layers[k][1].states + layers[k][1].weights)
    names = ", ".join(f"{layers[k][0]} ({layers[k][1]})" for k in rivals)
    return DoesNotFit(
        "E0302",
        f"the network needs {len(rivals) - held} more cores than the chip has for these layers: "
        f"{names}",
        where=facts.chip,
        got=f"{len(rivals)} layers",
        allowed=f"{held} cores that hold them; there are {_kinds(facts)}",
        hint=f"a smaller layer {layers[largest][0]!r}, or fewer layers",
    )
