"""Random recurrent networks of recipes, noise and given spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import chip as find
from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Draw, Noise, Recipe
from mossy.neurons.if_curr_exp import coefficients
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program

DT, CHANNELS = 1e-3, 20
KINDS = ("one_to_one", "all_to_all", "probability", "in_degree", "out_degree", "total", "listed")
CELL = {
    "tau_m": 10e-3, "c_m": 250e-12, "tau_exc": 5e-3, "v_rest": -65e-3, "v_reset": -65e-3,
    "v_thresh": -50e-3, "tau_refrac": 2e-3,
}  # fmt: skip


def cells(
    name: str, n: int, rng: np.random.Generator, model: str, tau_inh: float, noisy: bool
) -> Population:
    """Neurons with currents of their own, and noise."""
    given = coefficients(DT, **CELL, tau_inh=tau_inh, i_offset=rng.uniform(0, 3e-10, n))
    params = {k: np.broadcast_to(v, (n,)).copy() for k, v in given.items()}
    params["v_init"] = rng.uniform(0, 15e-3, n)
    noise = (Noise(rng.uniform(0, 2, n), 5e-11, int(rng.integers(1 << 40))),) if noisy else ()
    return Population(name, name, (n,), model, params, False, "spikes", False, 0, noise)


def connected(
    source: Population, target: Population, rng: np.random.Generator, kind: str
) -> Projection:
    """A projection by a recipe of this kind."""
    more: dict[str, Any] = {"p": 0.3, "count": int(rng.integers(0, 30))}
    if kind == "listed":
        pre, post = rng.integers(0, source.n, 40), rng.integers(0, target.n, 40)
        more = {
            "pre": pre, "post": post, "weights": rng.normal(0, 2e-10, 40),
            "delays": rng.integers(1, 20, 40),
        }  # fmt: skip
    mean = 1e-10 * rng.choice([-1, 1])
    recipe = Recipe(
        kind, source.n, target.n,  # type: ignore[arg-type]
        Draw("normal", mean, 3e-11), Draw("uniform", 1, float(rng.integers(1, 25))),
        int(rng.integers(1 << 60)), **more,
    )  # fmt: skip
    none = np.zeros(source.n, np.int64), np.zeros(target.n, np.int64)
    return Projection(f"{source.name}{target.name}", source.name, target.name, recipe, *none, True)


def random_network(
    seed: int, model: str = "if_curr_exp", alike: bool = False
) -> tuple[Populations, NDArray[np.uint8]]:
    """Three populations and a source, all connected with each other, and input for 60 steps."""
    rng = np.random.default_rng(seed)
    source = Population(
        "in", "in", (CHANNELS,), "source", {}, False, "spikes", False, 0
    )  # fmt: skip
    tau = CELL["tau_exc"] if alike else 3e-3
    own = [
        cells(name, int(rng.integers(3, 60)), rng, model, float(tau), bool(rng.random() < 0.6))
        for name in "abc"
    ]
    projections = tuple(
        connected(s, t, rng, str(rng.choice(KINDS))) for t in own for s in (source, *own)
    )
    x = (rng.random((1, 60, CHANNELS)) < 0.2).astype(np.uint8)
    made = Populations((source, *own), projections, {"in": "in"}, {p.name: p.name for p in own})
    return made, x


def compiled(populations: Populations, chip: str = "cpu", **options: Any) -> Program:
    """Map a network onto a chip."""
    on, chosen = find(chip), Options(**options)
    header = Header("random", "", DT, "exact", "zero")
    return assemble(populations, quantise(populations, on, chosen, None), on, chosen, header)[0]
