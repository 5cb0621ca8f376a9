"""A tiny zoo that the checks compile: one network for each thing that networks are made of.

Weights are multiples of 1/64 and every gain is a power of two, so sums of float32 inputs are exact
and engines that add in another order still agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mossy.network import nodes as nd
from mossy.network.graph import build

DT = 1e-3
STEPS = 24
BATCH = 3
SEED = 20

Edges = list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Case:
    """A network and spikes (batch, time, *shape) that make it spike."""

    name: str
    network: nd.Network
    x: NDArray[np.uint8]


@cache
def cases() -> tuple[Case, ...]:
    """Return the tiny zoo; the same every time."""
    return tuple(
        _case(name, *make(np.random.default_rng([SEED, i])))
        for i, (name, make) in enumerate(_MAKERS.items())
    )


def lif(threshold: float = 1.0, tau: float = 4 * DT) -> nd.LIF:
    """Return a LIF node: v <- 3/4 v + x, for the default tau."""
    one = np.ones(1)
    return nd.LIF(tau * one, tau / DT * one, 0 * one, threshold * one, 0 * one)


def cuba_lif() -> nd.CubaLIF:
    """Return a CubaLIF node: i <- i / 2 + x; v <- 3/4 v + i / 4."""
    one = np.ones(1)
    return nd.CubaLIF(2 * DT * one, 4 * DT * one, one, 0 * one, 0.5 * one, 0 * one, 2 * one)


def weights(rng: Generator, *shape: int) -> NDArray[np.float64]:
    """Return multiples of 1/64 between -1/2 and 1, two thirds of them positive."""
    return rng.integers(-32, 65, shape) / 64


def _case(name: str, nodes: Mapping[str, nd.Node], edges: Edges | None) -> Case:
    keys = list(nodes)
    links = edges or list(pairwise(keys))
    net = build(nodes, links, DT, name=name, reset="subtract" if name == "subtract" else "node")
    shape = net.shapes[net.inputs[0]][1]
    rng = np.random.default_rng([SEED, sum(map(ord, name))])
    return Case(name, net, (rng.random((BATCH, STEPS, *shape)) < 0.3).astype(np.uint8))


def _ends(shape: tuple[int, ...], out: int, **inner: nd.Node) -> dict[str, nd.Node]:
    return {"input": nd.Input(shape), **inner, "output": nd.Output((out,))}


def _dense(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    return _ends(
        (6,),
        4,
        fc1=nd.Linear(weights(rng, 9, 6)),
        lif1=lif(),
        fc2=nd.Linear(weights(rng, 4, 9)),
        lif2=lif(),
    ), None


def _affine(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    """Biases, and an integrator without leak."""
    one = np.ones(1)
    return _ends(
        (6,),
        5,
        fc1=nd.Affine(weights(rng, 5, 6), np.array([0.25, 0.0, -0.125, 0.5, 0.0625])),
        if1=nd.IF(one, one, 0 * one),
    ), None


def _conv(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    """Convolutions with padding and stride, a sum pool between them, a dense layer behind."""
    bias = np.zeros
    return _ends(
        (1, 8, 8),
        3,
        conv1=nd.Conv2d(weights(rng, 2, 1, 3, 3), bias(2), padding=(1, 1)),
        lif1=lif(1.5),
        pool=nd.SumPool2d((2, 2), (2, 2)),
        conv2=nd.Conv2d(weights(rng, 3, 2, 3, 3), bias(3), padding=(1, 1), stride=(2, 2)),
        lif2=lif(4.0),
        flatten=nd.Flatten(),
        fc=nd.Linear(weights(rng, 3, 12)),
        lif3=lif(4.0),
    ), None


def _recurrent(rng: Generator) -> tuple[dict[str, nd.Node], Edges]:
    """A population that feeds itself."""
    nodes = _ends(
        (6,),
        4,
        fc1=nd.Linear(weights(rng, 7, 6)),
        lif1=lif(),
        back=nd.Linear(weights(rng, 7, 7) - 0.25),
        fc2=nd.Linear(weights(rng, 4, 7)),
        lif2=lif(),
    )
    chain = ["input", "fc1", "lif1", "fc2", "lif2", "output"]
    return nodes, [*pairwise(chain), ("lif1", "back"), ("back", "lif1")]


def _skip(rng: Generator) -> tuple[dict[str, nd.Node], Edges]:
    """A path around a layer, and one with a delay of two steps."""
    nodes = _ends(
        (6,),
        4,
        fc1=nd.Linear(weights(rng, 7, 6)),
        lif1=lif(),
        fc2=nd.Linear(weights(rng, 4, 7)),
        lif2=lif(),
        fc3=nd.Linear(weights(rng, 4, 4)),
        lif3=lif(),
        wait=nd.Delay(np.full(7, 2 * DT)),
        around=nd.Linear(weights(rng, 4, 7)),
    )
    chain = ["input", "fc1", "lif1", "fc2", "lif2", "fc3", "lif3", "output"]
    aside = ["lif1", "wait", "around", "lif3"]
    return nodes, [*pairwise(chain), *pairwise(aside)]


def _cuba(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    return _ends(
        (6,),
        4,
        fc1=nd.Linear(weights(rng, 8, 6)),
        lif1=cuba_lif(),
        fc2=nd.Linear(weights(rng, 4, 8)),
        lif2=cuba_lif(),
    ), None


def _readout(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    """An output that is a potential: a leaky integrator without threshold."""
    one = np.ones(1)
    return _ends(
        (6,),
        3,
        fc1=nd.Linear(weights(rng, 8, 6)),
        lif1=lif(),
        fc2=nd.Linear(weights(rng, 3, 8)),
        li=nd.LI(4 * DT * one, 4 * one, 0 * one),
    ), None


def _graded(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    """A potential that feeds another layer: few chips can send it."""
    return _ends(
        (6,),
        3,
        fc1=nd.Linear(weights(rng, 5, 6)),
        i=nd.I(np.full(1, 0.125)),  # leaky potentials would soon need more than 24 bits
        fc2=nd.Linear(weights(rng, 3, 5) - 0.125),
        lif=lif(),
    ), None


def _integrate(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    """Two layers without leak, which every chip's neuron can do."""
    one = np.ones(1)
    return _ends(
        (6,),
        4,
        fc1=nd.Linear(weights(rng, 8, 6)),
        if1=nd.IF(one, one, 0 * one),
        fc2=nd.Linear(weights(rng, 4, 8)),
        if2=nd.IF(one, one, 0 * one),
    ), None


def _sigma_delta(rng: Generator) -> tuple[dict[str, nd.Node], None]:
    """Layers that send the changes of rectified sums, and a sum of those at the end."""
    one = np.ones(1)
    return _ends(
        (6,),
        3,
        fc1=nd.Linear(weights(rng, 8, 6)),
        sd1=nd.SigmaDelta(1.0 * one, 0.125 * one),
        fc2=nd.Linear(weights(rng, 5, 8) - 0.25),
        sd2=nd.SigmaDelta(1.5 * one, 0 * one),
        fc3=nd.Linear(weights(rng, 3, 5)),
        i=nd.I(one),
    ), None


_MAKERS = {
    "dense": _dense,
    "affine": _affine,
    "conv": _conv,
    "recurrent": _recurrent,
    "skip": _skip,
    "cuba": _cuba,
    "readout": _readout,
    "graded": _graded,
    "integrate": _integrate,
    "subtract": _cuba,
    "sigma_delta": _sigma_delta,
}
