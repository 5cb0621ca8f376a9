"""Quantise: put every population into the chip's numbers, on a scale of its own.

The chip's rules do the rounding. This pass picks the clipping share: with activity data, the one
that minimises the expected squared error of the summed input, sum_ij rate_j (w_ij - w^_ij)^2, over
KEEP; without data, nothing is clipped.

Before: aligned `Populations`. After: one `Quantised` per population that has neurons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised, Scaling
from mossy.errors import UnsupportedNode
from mossy.network.populations import Conv, Population, Populations, Projection
from mossy.network.recipe import Recipe
from mossy.passes.options import Options
from mossy.synapses import conv2d

KEEP = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)

Activity = dict[str, NDArray[np.float64]]  # spikes per step of each neuron, by population


def quantise(
    populations: Populations, chip: Chip, options: Options, activity: Activity | None
) -> dict[str, Quantised]:
    """Return name -> Quantised. Raises UnsupportedNode E0226 and what the chip's rules raise."""
    for p in populations.populations:
        if p.model not in ("source", *chip.rules.MODELS):
            raise UnsupportedNode(
                "E0226",
                "the chip has no such neuron",
                where=f"{chip.name}, {p.node}",
                got=p.model,
                allowed=", ".join(chip.rules.MODELS),
                hint="train the network with a neuron that the chip has",
            )
        _takes_recipes(p, populations.into(p.name), chip)
    return {
        p.name: _quantise(p, populations.into(p.name), chip, options, activity)
        for p in populations.populations
        if p.model != "source"
    }


def _takes_recipes(population: Population, incoming: tuple[Projection, ...], chip: Chip) -> None:
    """Raise UnsupportedNode E0265 where a chip's rules know neither recipes nor noise."""
    said = population.noise or any(isinstance(j.weight, Recipe) for j in incoming)
    if said and not getattr(chip.rules, "RECIPES", False):
        raise UnsupportedNode(
            "E0265",
            "connectivity as a recipe, and noise, are not taken here",
            where=f"{chip.name}, {population.node}",
            hint="list the synapses and feed the spikes as an input, or choose another chip",
        )


def _quantise(
    population: Population,
    incoming: tuple[Projection, ...],
    chip: Chip,
    options: Options,
    activity: Activity | None,
) -> Quantised:
    def attempt(keep: float) -> Quantised:
        scale = options.weight_scale.get(population.name)
        scaling = Scaling(options.bits, keep, scale, options.approximate)
        result: Quantised = chip.rules.quantise(population, incoming, scaling, chip.facts)
        return result

    first = attempt(options.keep or 1.0)
    if options.keep is not None or activity is None or first.word.coding == "float32":
        return first
    tried = [first, *(attempt(k) for k in KEEP[1:])]
    return min(tried, key=lambda q: _error(q, incoming, activity))


def _error(q: Quantised, incoming: tuple[Projection, ...], activity: Activity) -> float:
    total = 0.0
    for before, after in zip(incoming, q.incoming, strict=True):
        rate = activity[before.source]
        wanted: Any = before.weight
        got: Any = after.weight
        if isinstance(wanted, Conv) and isinstance(got, Conv):
            per_channel = rate.reshape(wanted.in_shape).mean(axis=(1, 2))
            loss = (wanted.weight - got.weight / q.weight_scale) ** 2
            total += float((loss * per_channel[None, :, None, None]).sum())
        else:
            wanted = conv2d.matrix(wanted) if isinstance(wanted, Conv) else wanted
            loss = (wanted - got / q.weight_scale).power(2)
            total += float((loss @ rate).sum())
    return total
