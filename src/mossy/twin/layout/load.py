"""What a core does when it is loaded: its recipes become synapses, its noise gets its tables."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.program.artefact import CoreImage, Noise
from mossy.synapses import generate
from mossy.synapses.noise import ROOM, arrivals, rates_of

Rows = tuple[NDArray[np.int64], ...]
_made: weakref.WeakKeyDictionary[CoreImage, dict[int, Rows]] = weakref.WeakKeyDictionary()


def made(core: CoreImage, recipe: int, latency: int) -> Rows:
    """Return (start (n_source + 1,), neuron, weight, delay field): the core's part of a recipe."""
    known = _made.setdefault(core, {})
    if recipe not in known:
        start, index, weight, delay = generate.rows(core.recipes[recipe], core.lo, core.hi)
        known[recipe] = start, index, weight, delay - latency
    return known[recipe]


def plane(core: CoreImage, noise: Noise) -> tuple[int, int]:
    """Return which sum of a neuron the noise goes to, and what a spike of it adds there."""
    two = neurons.model(core.model).inputs == 2
    weight = int(noise.weight)
    return (1, -weight) if two and weight < 0 else (0, weight)


def noises(core: CoreImage) -> list[Callable[[int, NDArray[Any]], None]]:
    """Return what adds a core's noise at step t to its sums (n * inputs,), neuron by neuron."""
    inputs = neurons.model(core.model).inputs if core.noise else 0

    def adds(noise: Noise) -> Callable[[int, NDArray[Any]], None]:
        (rates, kind), bits = rates_of(noise.mean), np.empty(ROOM, np.uint32)
        to, weight = plane(core, noise)

        def add(t: int, sums: NDArray[Any]) -> None:
            arrivals(noise.seed, t, core.lo, kind, rates, weight, sums[to::inputs], bits)

        return add

    return [adds(n) for n in core.noise]
