"""The cortical microcircuit of Potjans and Diesmann (Cereb. Cortex 24, 2014), at any size.

Numbers of neurons, probabilities and weights are table 5 of the paper; the background is a constant
current that stands for its mean. With fewer synapses a neuron the weights grow by the square root,
and a current makes up for the mean that is lost.
"""

from __future__ import annotations

import numpy as np

from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Draw, Recipe
from tests.chips.simulated import cells, projection

DT = 1e-4
NAMES = ("23E", "23I", "4E", "4I", "5E", "5I", "6E", "6I")
NEURONS = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
PROBABILITY = np.array([
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
    [0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443],
])  # fmt: skip
OUTSIDE = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])  # of background, at 8 Hz
WEIGHT, TAU = 87.8e-12, 0.5e-3
CELL = {"tau_exc": TAU, "tau_inh": TAU, "tau_m": 10e-3, "c_m": 250e-12, "tau_refrac": 2e-3}


def microcircuit(neurons: float, synapses: float) -> Populations:
    """Return the network with these shares of the neurons, and of the synapses of a neuron."""
    n = np.maximum(1, (NEURONS * neurons).astype(int))
    total = np.log(1 - PROBABILITY) / np.log(1 - 1 / np.outer(NEURONS, NEURONS))
    each = synapses * total / NEURONS[:, None]
    populations: list[Population] = []
    projections: list[Projection] = []
    for i, name in enumerate(NAMES):
        current = 8 * OUTSIDE[i] * WEIGHT * TAU
        start = np.random.default_rng(i).normal(7e-3, 5e-3, n[i])
        populations.append(cells(int(n[i]), DT, name, **CELL, i_offset=current, v_init=start))
    for i, after in enumerate(populations):
        for j, before in enumerate(populations):
            count = round(each[i, j] * n[i])
            if count:
                recipe = _recipe(i, j, before.n, after.n, count, synapses)
                projections.append(projection(before, after, recipe))
    return Populations(tuple(populations), tuple(projections), {}, {p: p for p in NAMES})


def _recipe(i: int, j: int, n: int, m: int, count: int, synapses: float) -> Recipe:
    excites = j % 2 == 0
    mean = WEIGHT / np.sqrt(synapses) * (2 if (i, j) == (0, 2) else 1) * (1 if excites else -4)
    low, high = (0.0, np.inf) if excites else (-np.inf, 0.0)
    delay = 1.5e-3 / DT if excites else 0.75e-3 / DT
    return Recipe(
        "total", n, m,
        Draw("normal", mean, abs(mean) / 10, low, high),
        Draw("normal", delay, delay / 2, low=0.5),
        100 * i + j, count=count,
    )  # fmt: skip
