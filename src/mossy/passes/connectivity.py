"""Connectivity: how many synapses end at a run of neurons, and which neurons they come from.

What is said and not listed is not made for that: the synapses of a recipe are walked, and those of
a convolution counted tap by tap.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.quantised import Quantised
from mossy.network.populations import Conv
from mossy.network.recipe import Recipe
from mossy.synapses import conv2d, generate


class _Synapses(Protocol):
    """Those of one projection. start: (n_target + 1,) how many end at the targets before each."""

    @property
    def start(self) -> NDArray[Any]: ...

    def reached(self, lo: int, hi: int) -> NDArray[np.bool_]:
        """Return which sources have a synapse on the targets lo .. hi."""

    def rows(self, lo: int, hi: int) -> NDArray[Any]:
        """Return how many synapses of each source end at the targets lo .. hi."""


class Connectivity:
    """Which neurons reach which, worked out once for a whole compilation."""

    def __init__(self, quantised: dict[str, Quantised]) -> None:
        self._reached: dict[tuple[str, str, int, int], NDArray[np.bool_]] = {}
        self.quantised = quantised
        self._known: dict[int, _Synapses] = {}

    def synapses(self, weight: Any, lo: int, hi: int) -> int:
        """Return how many synapses of a projection end at neurons lo .. hi."""
        start = self._of(weight).start
        return int(start[hi] - start[lo])

    def rows(self, weight: Any, lo: int, hi: int) -> NDArray[Any]:
        """Return how many synapses of each source of a projection end at neurons lo .. hi."""
        return self._of(weight).rows(lo, hi)

    def reached(self, target: str, source: str, lo: int, hi: int) -> NDArray[np.bool_]:
        """Return which neurons of `source` have a synapse on neurons lo .. hi of `target`."""
        key = (target, source, lo, hi)
        if key not in self._reached:
            parts = [s.weight for s in self.quantised[target].incoming if s.source == source]
            found = [self._of(w).reached(lo, hi) for w in parts]
            self._reached[key] = np.logical_or.reduce(found)
        return self._reached[key]

    def forget(self, target: str) -> None:
        """Drop what is known of the slices of `target`, because it is being cut anew."""
        self._reached = {k: v for k, v in self._reached.items() if k[0] != target}

    def _of(self, weight: Any) -> _Synapses:
        if id(weight) not in self._known:
            kinds: dict[type, Any] = {Recipe: _Drawn, Conv: _Kernel}
            self._known[id(weight)] = kinds.get(type(weight), _Matrix)(weight)
        return self._known[id(weight)]


class _Matrix:
    """Synapses of a sparse matrix (n_target, n_source)."""

    def __init__(self, weight: sparse.csr_array) -> None:
        self.weight, self.start = weight, weight.indptr

    def reached(self, lo: int, hi: int) -> NDArray[np.bool_]:
        found = np.zeros(self.weight.shape[1], bool)
        found[self.weight.indices[self.start[lo] : self.start[hi]]] = True
        return found

    def rows(self, lo: int, hi: int) -> NDArray[Any]:
        ends = self.weight.indices[self.start[lo] : self.start[hi]]
        return np.bincount(ends, minlength=self.weight.shape[1])


class _Kernel:
    """Synapses of a convolution."""

    def __init__(self, weight: Conv) -> None:
        self.weight = weight
        self.start = np.concatenate([[0], np.cumsum(conv2d.in_degrees(weight))])

    def reached(self, lo: int, hi: int) -> NDArray[np.bool_]:
        return conv2d.reach(self.weight, lo, hi)

    def rows(self, lo: int, hi: int) -> NDArray[Any]:
        raise TypeError("a convolution is kept as its kernel and has no rows")


class _Drawn:
    """Synapses of a recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.spec = recipe, generate.spec(recipe)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        each = generate.in_degrees(self.spec, 0, self.recipe.n_target)
        return np.concatenate([[0], np.cumsum(each)])

    @cached_property
    def senders(self) -> NDArray[np.int32]:
        """Sources of a fixed out-degree by target, kept, for each draw may end at any target."""
        found: NDArray[np.int32] = generate.senders(self.spec, self.start)
        return found

    def reached(self, lo: int, hi: int) -> NDArray[np.bool_]:
        if self.recipe.kind != "out_degree":
            walked: NDArray[np.bool_] = generate.reach(self.spec, lo, hi)
            return walked
        found = np.zeros(self.recipe.n_source, bool)
        found[self.senders[self.start[lo] : self.start[hi]]] = True
        return found

    def rows(self, lo: int, hi: int) -> NDArray[Any]:
        if self.recipe.kind != "out_degree":
            walked: NDArray[np.int64] = generate.row_lengths(self.spec, lo, hi)
            return walked
        senders = self.senders[self.start[lo] : self.start[hi]]
        return np.bincount(senders, minlength=self.recipe.n_source)
