"""Networks of PilotNet's published size with weights drawn at random: what fits where, no more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mossy.network import nodes as nd
from mossy.network.graph import build

DT = 1e-3
INPUT = (3, 66, 200)
CONVOLUTIONS = (  # channels, stride, padding, all kernels 3 x 3
    (24, (2, 2), (0, 0)),
    (36, (2, 2), (0, 0)),
    (48, (2, 2), (0, 0)),
    (64, (2, 1), (1, 0)),
    (64, (1, 1), (0, 0)),
)
DENSE = (100, 50, 10, 1)


def sigma_delta() -> nd.Network:
    """PilotNet of sigma-delta neurons, 200 x 66 x 3 inputs, nine layers."""
    return _network(nd.SigmaDelta(np.full(1, 0.1), np.zeros(1)), nd.I(np.ones(1)))


def spiking() -> nd.Network:
    """The same of leaky integrate-and-fire neurons."""
    one = np.ones(1)
    cell = nd.CubaLIF(2 * DT * one, 8 * DT * one, one, 0 * one, one, 0 * one, one)
    return _network(cell, cell)


def _network(cell: nd.Node, last: nd.Node) -> nd.Network:
    rng = np.random.default_rng(0)
    nodes: dict[str, nd.Node] = {"input": nd.Input(INPUT)}
    channels, size = INPUT[0], np.array(INPUT[1:])
    for i, (wide, stride, padding) in enumerate(CONVOLUTIONS, start=1):
        weight = rng.integers(-36, 37, (wide, channels, 3, 3)) / 64
        nodes[f"conv{i}"] = nd.Conv2d(weight, np.zeros(wide), stride=stride, padding=padding)
        nodes[f"cell{i}"] = cell
        channels, size = wide, (size + 2 * np.array(padding) - 3) // np.array(stride) + 1
    nodes["flatten"] = nd.Flatten()
    n = channels * int(size.prod())
    for i, m in enumerate(DENSE, start=6):
        nodes[f"fc{i}"] = nd.Linear(rng.integers(-36, 37, (m, n)) / 64)
        nodes[f"cell{i}"] = last if m == DENSE[-1] else cell
        n = m
    nodes["output"] = nd.Output((n,))
    return build(nodes, list(pairwise(nodes)), DT, name="PilotNet")
