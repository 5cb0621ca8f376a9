"""Populations of the simulators' cells, and recipes, for tests of chips that take them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Draw, Recipe, constant
from mossy.neurons.if_curr_exp import coefficients
from mossy.synapses import generate

MILLI = 1e-3
CELL: dict[str, Any] = {
    "tau_m": 10e-3, "c_m": 250e-12, "tau_exc": 5e-3, "tau_inh": 5e-3, "v_rest": -65e-3,
    "v_reset": -65e-3, "v_thresh": -50e-3, "tau_refrac": 2e-3, "i_offset": 0.0,
}  # fmt: skip


def cells(n: int, dt: float = MILLI, name: str = "a", **changed: Any) -> Population:
    """Neurons of one kind, in SI units. v_init: volts above rest."""
    start = changed.pop("v_init", 0.0)
    given = coefficients(dt, **{**CELL, **changed})
    params = {k: np.broadcast_to(v, (n,)).astype(float) for k, v in given.items()}
    params["v_init"] = np.broadcast_to(start, (n,)).astype(float)
    params["dt"] = np.full(n, dt)
    return Population(name, name, (n,), "if_curr_exp", params, False, "spikes", False, 0)


def source(n: int) -> Population:
    """Channels of input."""
    return Population("in", "in", (n,), "source", {}, False, "spikes", False, 0)


def projection(before: Population, after: Population, weight: Any) -> Projection:
    """A projection without delays of its own."""
    none = np.zeros(before.n, np.int64), np.zeros(after.n, np.int64)
    return Projection(f"{before.name}->{after.name}", before.name, after.name, weight, *none, True)


def network(target: Population, *weights: Recipe) -> Populations:
    """An input and a population with several recipes from it."""
    given = source(weights[0].n_source)
    links = tuple(projection(given, target, w) for w in weights)
    return Populations((given, target), links, {"in": "in"}, {target.name: target.name})


def several(kind: Any, n: int, m: int, seed: int = 1, **more: Any) -> Recipe:
    """A recipe from n to m neurons: 60 pA give or take 15, 1 to 6 steps."""
    given = {"weight": Draw("normal", 60e-12, 15e-12), "delay": Draw("uniform", 0.6, 6.4)}
    return Recipe(kind, n, m, seed=seed, **{**given, **more})


def one(weight: float, delay: float = 1) -> Recipe:
    """One synapse."""
    return Recipe("all_to_all", 1, 1, constant(weight), constant(delay), 0)


def listed(recipe: Recipe, scale: float) -> Recipe:
    """The synapses that a recipe makes on a chip whose whole weights are `scale` per ampere."""
    made = dataclasses.replace(recipe, scale=scale, top=2.0**31)
    start, post, weight, delay = generate.rows(made, 0, recipe.n_target)
    pre = np.repeat(np.arange(recipe.n_source), np.diff(start))
    return Recipe(
        "listed", recipe.n_source, recipe.n_target, recipe.weight, recipe.delay, 0,
        pre=pre, post=post, weights=weight / scale, delays=delay,
    )  # fmt: skip


def spikes(n: int, steps: int, rate: float, seed: int = 0) -> NDArray[np.uint8]:
    """Random input (1, steps, n)."""
    return (np.random.default_rng(seed).random((1, steps, n)) < rate).astype(np.uint8)
