"""Every linear node, alone and in chains, as a projection: equal to the float reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mossy.network import graph, reference, shapes
from mossy.network import nodes as nd
from mossy.passes import compile

RNG = np.random.default_rng(5)


def w(*shape: int) -> np.ndarray:
    """Weights that are small multiples of 1/8, so that float32 sums are exact."""
    return RNG.integers(-8, 9, shape) / 8


def conv2d(c_out: int, c_in: int, *kernel: int, **options: object) -> nd.Conv2d:
    return nd.Conv2d(w(c_out, c_in, *kernel), w(c_out), **options)  # type: ignore[arg-type]


def conv1d(c_out: int, c_in: int, kernel: int, **options: object) -> nd.Conv1d:
    return nd.Conv1d(w(c_out, c_in, kernel), w(c_out), **options)  # type: ignore[arg-type]


CHAINS = {
    "linear": ((6,), [nd.Linear(w(4, 6))]),
    "affine": ((6,), [nd.Affine(w(4, 6), w(4))]),
    "affine with an axis in front": ((3, 6), [nd.Affine(w(3, 4, 6), w(3, 4))]),
    "scale": ((2, 3), [nd.Scale(w(2, 3))]),
    "conv1d": ((2, 9), [conv1d(4, 2, 3, stride=2, padding=1)]),
    "conv1d dilated": ((2, 9), [conv1d(4, 2, 3, dilation=2)]),
    "conv1d grouped": ((4, 9), [conv1d(6, 2, 3, groups=2, padding="same")]),
    "conv2d oblong": ((2, 8, 8), [conv2d(3, 2, 3, 5)]),
    "conv2d strided, padded": ((2, 7, 8), [conv2d(3, 2, 3, 3, stride=(2, 3), padding=(1, 2))]),
    "conv2d dilated": ((2, 9, 8), [conv2d(3, 2, 3, 2, dilation=(2, 3))]),
    "conv2d grouped": ((4, 6, 6), [conv2d(6, 2, 3, 3, groups=2, padding=(1, 1))]),
    "conv2d same": ((2, 6, 7), [conv2d(3, 2, 4, 3, padding="same")]),
    "conv2d same, strided": ((2, 6, 7), [conv2d(3, 2, 3, 3, padding="same", stride=(2, 2))]),
    "sum pool": ((2, 6, 6), [nd.SumPool2d((2, 3), (2, 3))]),
    "sum pool with a rest": ((2, 7, 5), [nd.SumPool2d((2, 2), (2, 2)), conv2d(3, 2, 2, 2)]),
    "pool overlapping, padded": ((2, 6, 6), [nd.SumPool2d((4, 4), (2, 2), (1, 1))]),
    "mean pool, convolution": ((2, 8, 8), [nd.AvgPool2d((2, 2), (2, 2)), conv2d(3, 2, 3, 3)]),
    "mean pool, padded": ((2, 6, 6), [nd.AvgPool2d((2, 2), (2, 2), (1, 1))]),
    "two pools": ((2, 8, 8), [nd.SumPool2d((2, 2), (2, 2)), nd.SumPool2d((2, 2), (2, 2))]),
    "convolution, pool": ((2, 8, 8), [conv2d(3, 2, 3, 3), nd.AvgPool2d((2, 2), (2, 2))]),
    "two convolutions": ((1, 8, 8), [conv2d(2, 1, 3, 3), conv2d(2, 2, 3, 3)]),
    "convolution, flatten, affine": (
        (1, 4, 4),
        [conv2d(2, 1, 3, 3), nd.Flatten(0, -1), nd.Affine(w(3, 8), w(3))],
    ),
    "pool, flatten, linear": (
        (2, 4, 4),
        [nd.SumPool2d((2, 2), (2, 2)), nd.Flatten(0, -1), nd.Linear(w(3, 8))],
    ),
    "scale, affine, scale": ((4,), [nd.Scale(w(4)), nd.Affine(w(3, 4), w(3)), nd.Scale(w(3))]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_linear_nodes_is_one_projection(name: str) -> None:
    shape, chain = CHAINS[name]
    nodes: dict[str, nd.Node] = {"i": nd.Input(shape)}
    nodes |= {f"n{k}": node for k, node in enumerate(chain)}
    for k, node in enumerate(chain):
        shape = shapes.output_shape(f"n{k}", node, shape)
    nodes["o"] = nd.Output(shape)
    net = graph.build(nodes, itertools.pairwise(nodes), 1e-3)
    x = RNG.integers(-4, 5, (2, 3, *net.shapes["i"][1])) / 4
    wanted = reference.run(net, x)["o"]
    program = compile(net, "cpu")
    assert len(program.populations) == 2
    np.testing.assert_allclose(program.run(x, threads=1).outputs["o"], wanted, atol=1e-12)
    assert np.abs(wanted).max() > 0.5
