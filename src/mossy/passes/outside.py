"""Noise from outside: a population's own Poisson spikes as inputs, for chips that draw none.

A source for every neuron sends what the neuron would have drawn, and reaches it in the next step:
the plain way of machines on which whatever is not a neuron is a core that sends packets. A source
sends as many packets as it has spikes in a step.

Before: `Populations`, some with noise. After: the same without, with an input for each noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Noise, Recipe, constant
from mossy.synapses.noise import ROOM, arrivals, rates_of


def given(populations: Populations) -> tuple[Populations, dict[str, Noise]]:
    """Return populations without noise of their own, and the noise by the input that it became."""
    made: dict[str, Noise] = {}
    sources: list[Population] = []
    projections = list(populations.projections)
    for p in populations.populations:
        none = np.zeros(p.n, np.int64)
        for k, noise in enumerate(p.noise):
            name = f"{p.name} noise {k}"
            made[name] = noise
            sources.append(Population(name, name, p.shape, "source", {}, False, "spikes", False, 0))
            recipe = Recipe("one_to_one", p.n, p.n, constant(noise.weight), constant(1), 0)
            projections.append(
                Projection(f"{name}->{p.name}", name, p.name, recipe, none, none, False)
            )
    silent = tuple(dataclasses.replace(p, noise=()) for p in populations.populations)
    whole = dataclasses.replace(
        populations,
        populations=(*sources, *silent),
        projections=tuple(projections),
        inputs=populations.inputs | {name: name for name in made},
    )
    return whole, made


def drawn(noise: Mapping[str, Noise], steps: int) -> dict[str, NDArray[np.uint8]]:
    """Return the spikes of each input of noise: (1, steps, n), 255 in a step at most."""
    return {name: _drawn(n, steps) for name, n in noise.items()}


def _drawn(noise: Noise, steps: int) -> NDArray[np.uint8]:
    (rates, which), bits = rates_of(noise.mean), np.empty(ROOM, np.uint32)
    found = np.zeros((1, steps, noise.mean.size), np.uint8)
    for t in range(steps):
        now = np.zeros(noise.mean.size, np.int32)
        arrivals(noise.seed, t, 0, which, rates, 1, now, bits)
        found[0, t] = np.minimum(now, 255)
    return found
