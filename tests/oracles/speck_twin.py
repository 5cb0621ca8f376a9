"""mossy's own compiler and twin on the layers that the other program runs.

Networks begin as floats, so everything is used from the checked graph to the run. Lower bounds of
potentials, which networks do not have, are put into the registers behind quantisation.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np

from mossy.chips import chip
from mossy.chips.quantised import Quantised
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble, lowered
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.twin import run
from tests.oracles.speck_exchange import Layer, Network, Shape, Trace, pooled, read_shape

DT = 1e-3


def twin_run(network: Network, engine: str = "fast") -> list[Trace]:
    """Return what every layer became and did."""
    target, options = chip("speck"), Options()
    populations = lowered(graph(network), target, options)
    quantised = {
        name: _bounded(q, network["layers"][int(name[2:])])
        for name, q in quantise(populations, target, options, None).items()
    }
    header = Header("random", "", DT, "euler", "node")
    program = assemble(populations, quantised, target, options, header)[0]
    names = list(quantised)
    found = run(
        program, network["x"][None], engine=engine, order="frame", record=names, states=names
    )
    shapes = _shapes(network)
    return [
        Trace(
            *_registers(program, name),
            found.spikes[name][0].reshape(-1, *shape).astype(np.int64),
            found.states[name]["v"][0].reshape(-1, *shape).astype(np.int64),
        )
        for name, shape in zip(names, shapes, strict=True)
    ]


def graph(network: Network) -> nd.Network:
    """Return the layers as a network of nodes."""
    nodes: dict[str, nd.Node] = {"input": nd.Input(network["x"].shape[1:])}
    shape: Shape = network["x"].shape[1:]
    for i, layer in enumerate(network["layers"]):
        nodes |= _weights(i, layer)
        shape = read_shape(layer, shape)
        flat = shape[:1] if layer["weight"].ndim == 2 else shape
        one = np.ones(flat)
        nodes[f"if{i}"] = nd.IF(one, one * layer["threshold"], 0 * one)
        pool = layer["pool"]
        if pool > 1 and i + 1 < len(network["layers"]):
            nodes[f"pool{i}"] = nd.SumPool2d((pool, pool), (pool, pool))
        shape = pooled(shape, pool)
    last = network["layers"][-1]
    sides = _shapes(network)[-1]
    nodes["output"] = nd.Output(sides[:1] if last["weight"].ndim == 2 else sides)
    reset: Any = "subtract" if last["subtract"] else "node"
    return build(nodes, pairwise(nodes), DT, reset=reset)


def _weights(i: int, layer: Layer) -> dict[str, nd.Node]:
    weight = layer["weight"].astype(float)
    bias = layer["bias"].astype(float) if layer["bias"].size else np.zeros(len(weight))
    if weight.ndim == 2:
        return {f"flat{i}": nd.Flatten(), f"fc{i}": nd.Affine(weight, bias)}
    y, x = layer["stride"].tolist()
    pad_y, pad_x = layer["padding"].tolist()
    return {f"conv{i}": nd.Conv2d(weight, bias, (y, x), (pad_y, pad_x))}


def _shapes(network: Network) -> list[Shape]:
    shape: Shape = network["x"].shape[1:]
    found = []
    for layer in network["layers"]:
        found.append(read_shape(layer, shape))
        shape = pooled(found[-1], layer["pool"])
    return found


def _bounded(q: Quantised, layer: Layer) -> Quantised:
    params = q.params.copy()
    params["v_min"] = np.rint(np.float32(layer["v_min"]) * np.float32(q.weight_scale))
    return dataclasses.replace(q, params=params)


def _registers(program: Program, name: str) -> tuple[Any, Any, Any, Any]:
    """Weights, biases by channel, threshold and lower bound, as the core is loaded with them."""
    (core,) = (c for c in program.cores if c.population == name)
    (kernel,) = core.kernels
    bias = core.params["bias"].reshape(kernel.weight.shape[0], -1)
    assert (bias == bias[:, :1]).all(), "a channel has two biases"
    return (
        kernel.weight.astype(np.int64),
        bias[:, 0].astype(np.int64),
        np.unique(core.params["threshold"])[0],
        np.unique(core.params["v_min"])[0],
    )
