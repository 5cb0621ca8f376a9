"""Run random networks on the simulated device and on the engines it has to agree with.

Started by test_cuda.py, because Numba decides at import whether the device is simulated.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons, twin
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.populations import Populations
from mossy.network.recipe import Noise
from mossy.neurons import izhikevich
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.program.artefact import CoreImage
from mossy.testing.networks import DT, cuba_lif, lif, weights
from mossy.twin import Result
from tests.strategies import sample, spikes
from tests.twin.machines import small
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import assert_same_run

STEPS = 12
LAUNCH = 5  # steps: a run takes several launches, the last of them shorter
SPIKING = (0, 7)  # seeds whose networks have spikes of every model
Records = tuple[NDArray[Any], NDArray[Any]]  # parameters and state


def compare(
    program: Program,
    x: NDArray[np.uint8],
    seed: int,
    what: str,
    reference: bool = True,
    faults: Sequence[str] = (),
) -> Result:
    """Run a network on both engines, and on the reference, and see that all agree."""
    names = {p.name for p in program.populations}
    models = {c.model for c in program.cores if c.role != "source"}
    kept: dict[str, Any] = {"record": "*", "states": "*", "faults": faults}
    wide = twin.run(program, x, engine="wide", threads=2, **kept)
    cuda = twin.run(program, x, engine="cuda", **kept)
    assert cuda.engine == "cuda"
    assert_same_run(cuda, wide)
    if reference:
        assert_same_run(cuda, twin.run(program, x, engine="reference", **kept))
    launches = twin.run(program, x, engine="cuda", record="*", faults=faults)
    for name in wide.counts.arrays:
        np.testing.assert_array_equal(launches.counts[name], wide.counts[name], err_msg=name)
    for p in names:
        np.testing.assert_array_equal(launches.spikes[p], wide.spikes[p])
    sent = wide.counts["spikes"].sum(axis=(0, 1))
    many = {m: int(sum(sent[c.number] for c in program.cores if c.model == m)) for m in models}
    assert seed not in SPIKING or all(many.values()), many
    print(f"{what}, seed {seed}: spikes agree, {many}")
    return wide


# ------------------------------------------------------------------------------ the networks
def one(seed: int) -> None:
    """A single model, in either precision."""
    for model, alike in (("if_curr_exp", bool(seed % 2)), ("if_curr_exp.double", False)):
        populations, x = random_network(seed, model, alike)
        program = compiled(populations, neurons_per_core=20)
        compare(program, x[:, :STEPS], seed, "one", reference=False)


def noisy(
    seed: int, model: str = "if_curr_exp", alike: bool = False
) -> tuple[Populations, NDArray[np.uint8]]:
    """A random network whose neurons have noise of both signs, those of "b" of one."""
    made, x = random_network(seed, model, alike)
    rng = np.random.default_rng(seed)
    for p in made.populations[1:]:
        means = rng.uniform(0, 2, (2, p.n))
        both = Noise(means[0], 5e-11, seed + 1), Noise(means[1], -3e-11, seed + 2)
        made = changed(made, p.name, dict, noise=both[: 1 if p.name == "b" else 2])
    return made, x


def cells(seed: int) -> None:
    """Cells of three models, of one and of two sums; one of them has no noise."""
    populations, x = noisy(seed)
    made = jumping(populations, "b", "izhikevich.euler", np.random.default_rng(seed))
    made = changed(made, "c", one_current)
    program = compiled(made, neurons_per_core=20)
    found = {neurons.model(c.model) for c in program.cores if c.role != "source"}
    assert len(found) == 3 and {m.inputs for m in found} == {1, 2}
    compare(program, x[:, :STEPS], seed, "cells")


def doubles(seed: int) -> None:
    """Cells of two models with registers of 8 bytes, and sums as wide."""
    populations, x = noisy(seed, "if_curr_exp.double")
    rng = np.random.default_rng(seed)
    made = jumping(populations, "b", "izhikevich.euler_double", rng)
    compare(compiled(made, neurons_per_core=20), x[:, :STEPS], seed, "doubles")


def one_current(p: dict[str, Any]) -> dict[str, Any]:
    """The same with one current for both signs, and more of it from outside."""
    same = {"inh_decay": p["exc_decay"], "inh_gain": p["exc_gain"]}
    return p | same | {"offset": 3 * p["offset"]}


def changed(
    net: Populations,
    name: str,
    params: Callable[[dict[str, Any]], dict[str, Any]],
    **others: Any,
) -> Populations:
    """The network with other parameters of one population."""
    populations = tuple(
        dataclasses.replace(p, params=params(p.params), **others) if p.name == name else p
        for p in net.populations
    )
    return dataclasses.replace(net, populations=populations)


def jumping(net: Populations, name: str, model: str, rng: np.random.Generator) -> Populations:
    """The network with one population of Izhikevich's neurons, whose weights are volts."""
    n = next(p.n for p in net.populations if p.name == name)
    given = izhikevich.coefficients(
        1e-3, a=20.0, b=200.0, v_reset=-65e-3, d=8.0, i_offset=rng.uniform(0, 2e-11, n)
    )
    found = {k: np.broadcast_to(v, (n,)).copy() for k, v in given.items()}
    found |= {"v_init": np.full(n, -65e-3), "u_init": np.full(n, -13.0)}
    projections = tuple(
        dataclasses.replace(j, weight=stronger(j.weight, 2e7)) if j.target == name else j
        for j in net.projections
    )
    net = dataclasses.replace(net, projections=projections)
    return changed(net, name, lambda _: found, model=model, noise=())


def stronger(recipe: Any, by: float) -> Any:
    """A recipe with all weights times `by`."""
    w = recipe.weight
    draw = dataclasses.replace(w, a=w.a * by, b=w.b * by)
    return dataclasses.replace(recipe, weight=draw, weights=recipe.weights * by)


def dressed(seed: int) -> None:
    """Models that no chip has together: sums that saturate and not, two formats of one model."""
    populations, x = noisy(seed)
    program, rng = compiled(populations, neurons_per_core=17), np.random.default_rng(seed)
    formats = iter([0, 1] * len(program.cores))

    def core(c: CoreImage) -> CoreImage:
        if c.population == "b":
            params, state = half_steps(c.n, rng)
            return dataclasses.replace(
                c, model="izhikevich", params=params, state=state,
                recipes=tuple(dataclasses.replace(r, scale=r.scale / 400) for r in c.recipes),
                noise=tuple(dataclasses.replace(n, weight=n.weight // 400) for n in c.noise),
            )  # fmt: skip
        if c.population == "c" and seed % 2:
            params, state = leaky(c.n, rng)
            return dataclasses.replace(c, model="lif", params=params, state=state)
        if c.population == "a":
            params, state = fixed(c.n, rng)
            return dataclasses.replace(
                c, model="if_curr_exp.fixed", fmt=(next(formats),), params=params, state=state,
                tables=tuple(dataclasses.replace(t, shift=4) for t in c.tables), noise=(),
            )  # fmt: skip
        return c

    program = dataclasses.replace(program, cores=tuple(core(c) for c in program.cores))
    compare(program, x[:, :STEPS], seed, "dressed")


def half_steps(n: int, rng: np.random.Generator) -> Records:
    """Izhikevich's own half steps: one sum, driven by an offset."""
    model = neurons.model("izhikevich")
    params, state = np.zeros(n, model.params), np.zeros(n, model.state)
    params["a"], params["b"], params["v_reset"], params["d"] = 0.02, 0.2, -65, 8
    params["offset"], state["v"], state["u"] = rng.uniform(0, 20, n), -65, -13
    return params, state


def leaky(n: int, rng: np.random.Generator) -> Records:
    """A leaky neuron on whole weights: one sum."""
    model = neurons.model("lif")
    params, state = np.zeros(n, model.params), np.zeros(n, model.state)
    params["alpha"], params["threshold"] = 0.9, rng.uniform(1000, 6000, n)
    params["offset"], params["subtract"] = rng.uniform(0, 300, n), rng.integers(0, 2, n)
    return params, state


def fixed(n: int, rng: np.random.Generator) -> Records:
    """Fixed point, 15 bits behind the point: two sums, each of which saturates at 16 bits."""
    model = neurons.model("if_curr_exp.fixed")
    params, state = np.zeros(n, model.params), np.zeros(n, model.state)
    params["v_rest"] = params["v_reset"] = state["v"] = -65 << 15
    params["v_thresh"], params["r"], params["exp_tc"] = -50 << 15, 2 << 15, 29491
    params["i_offset"], params["refract"] = rng.integers(0, 20 << 15, n), rng.integers(0, 3, n)
    params["exc_decay"], params["inh_decay"] = 3 << 30, 2 << 30
    params["exc_init"], params["inh_init"] = 1 << 31, 1 << 30
    params["exc_shift"] = params["inh_shift"] = 4
    return params, state


def two(rng: np.random.Generator) -> nd.Network:
    """Two layers of two float models, and a way back with delays."""
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((6,)), "to_a": nd.Linear(weights(rng, 9, 6)), "a": cuba_lif(),
        "to_b": nd.Linear(weights(rng, 5, 9)), "b": lif(), "output": nd.Output((5,)),
        "back": nd.Linear(weights(rng, 9, 5)), "later": nd.Delay(DT * rng.choice([0.0, 2.0], 9)),
    }  # fmt: skip
    path = ["input", "to_a", "a", "to_b", "b"]
    edges = [*pairwise(path), ("b", "output")]
    edges += [("b", "back"), ("back", "later"), ("later", "a")]
    return build(nodes, edges, DT, name="two")


def given(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Spikes for it."""
    return (rng.random((1, STEPS, 6)) < 0.4).astype(np.uint8)


def chip(seed: int) -> None:
    """A chip of many cores, whose two float models meet in one network."""
    rng = np.random.default_rng(seed)
    net = two(rng)
    program = compile(net, "spinnaker2", options=Options(neurons_per_core=3, approximate=True))
    assert {c.model for c in program.cores} == {"source", "lif", "cuba_lif"}
    compare(program, given(rng), seed, "chip")


def hurt(seed: int) -> None:
    """Chips of one core each, some of which die, links between them that do, and a core at once."""
    rng = np.random.default_rng(seed)
    options = Options(neurons_per_core=3, approximate=True)
    program = compile(two(rng), small("spinnaker2", 1), options=options)
    places = [",".join(map(str, c.place)) for c in program.cores if c.place and c.role != "source"]
    spots = [p.rpartition(",")[0] for p in places]
    cut = [f"link {spots[1]},{k} @ {3 + seed % 4}" for k in range(6)]
    lost = 0
    for died in (cut, [f"core {places[0]} @ 0", f"chip {spots[2]} @ 7", cut[seed % 6]]):
        counts = compare(program, given(rng), seed, "hurt", faults=died).counts
        lost += counts.mean("events_lost")
    assert lost


def whole(seed: int) -> None:
    """Registers of whole numbers, which a device's compiler cannot round otherwise."""
    net = sample()
    for name in ("loihi1", "spinnaker1"):
        program = compile(net, name, options=Options(neurons_per_core=3, approximate=True))
        compare(program, spikes(net, seed, batch=1), seed, "whole")


if __name__ == "__main__":
    from mossy.twin.engines import cuda

    cuda.STRETCH = LAUNCH
    JOBS = {f.__name__: f for f in (one, cells, doubles, dressed, chip, hurt, whole)}
    for name in sys.argv[1].split(","):
        for number in sys.argv[2:]:
            JOBS[name](int(number))
