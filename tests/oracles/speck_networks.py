"""Random layers for Speck: one network per seed, lively, and inside what a layer core does.

Covered: 1 to 3 layers, the last one dense in every fourth network; kernels of 1 to 5, strides 1, 2,
4 (y and x apart), paddings 0 to 3, sum pools 1, 2, 4 of what comes before; with and without biases;
spikes that subtract or reset; lower bounds that bind and some that do not; thresholds from a fifth
of the largest weight to many times it.

Thresholds are set from the potentials that a first run reaches, so that every layer spikes.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tests.oracles.speck_exchange import Ints, Layer, Network, Shape, pooled, read_shape
from tests.oracles.speck_golden import convolve, fire, rounded, sum_pool

FRAMES = 12
ATTEMPTS = 2000
RATES = (0.02, 3.0)  # spikes per neuron and frame that count as lively
# layers that only cores 0 to 2, 5 and 6, 3 to 6, or all of them hold
KINDS = [(16, 1, 1, 64, 64, 0), (64, 64, 3, 4, 4, 1), (64, 30, 3, 9, 9, 0), (2, 2, 1, 2, 2, 1)]
FAR = 20000.0  # weights of this many largest weights below zero never bind


def random_network(seed: int) -> Network:
    """Return the network of this seed. Raises RuntimeError where no draw is lively."""
    rng = np.random.default_rng([seed, 53])
    for _ in range(ATTEMPTS):
        network = _draw(rng, count=1 + seed % 3, dense=seed % 4 == 3)
        if network is not None:
            return network
    raise RuntimeError(f"seed {seed}: no lively network in {ATTEMPTS} draws")


def _draw(rng: Generator, count: int, dense: bool) -> Network | None:
    shape: Shape = (int(rng.integers(1, 4)), *_sides(rng, dense))
    x = rng.poisson(rng.uniform(0.05, 0.8), (FRAMES, *shape))
    sent: Ints = x
    layers: list[Layer] = []
    subtract = bool(rng.random() < 0.7)  # a network has one way to reset
    for i in range(count):
        if i:
            shape = pooled(shape, layers[-1]["pool"])
            sent = sum_pool(sent, layers[-1]["pool"])
        layer = _layer(rng, shape, dense and i == count - 1)
        if layer is None:
            return None
        drive = convolve(sent, layer, shape)
        reached = np.quantile(drive[drive > 0], rng.uniform(0.3, 0.9)) if (drive > 0).any() else 0
        if not reached:
            return None
        layer["threshold"] = float(np.float32(reached * rng.uniform(0.7, 2.5)))
        layer["v_min"], layer["subtract"] = _lower_bound(rng, layer), subtract
        if rounded(layer)["threshold"] < 1:
            return None
        sent = fire(drive, layer)[0]
        if not RATES[0] < sent.mean() < RATES[1]:
            return None
        shape = read_shape(layer, shape)
        layers.append(layer)
    return Network(x=x, layers=layers)


def _sides(rng: Generator, square: bool) -> tuple[int, int]:
    y, x = rng.integers(5, 17, 2).tolist()
    return y, y if square else x


def _layer(rng: Generator, shape: Shape, dense: bool) -> Layer | None:
    f = int(rng.integers(1, 9))
    if dense and shape[1] != shape[2]:
        return None  # the kernel of a dense layer is as large as the map, and kernels are square
    k = int(rng.integers(1, 6))
    weight_shape = (f, int(np.prod(shape))) if dense else (f, shape[0], k, k)
    weight = (rng.normal(rng.uniform(-0.05, 0.2), 0.3, weight_shape)).astype(np.float32)
    bias = rng.normal(0, 0.1, f if rng.random() < 0.5 else 0).astype(np.float32)
    layer = Layer(
        weight=weight,
        bias=bias,
        stride=np.ones(2, np.int64) if dense else rng.choice([1, 1, 2, 4], 2),
        padding=np.zeros(2, np.int64) if dense else rng.integers(0, 4, 2),
        pool=1,
        threshold=1.0,
        v_min=-1.0,
        subtract=True,
    )
    if not dense and (np.array(shape[1:]) + 2 * layer["padding"]).min() < k:
        return None
    sides = read_shape(layer, shape)[1:]
    layer["pool"] = int(rng.choice([p for p in (1, 2, 4) if p <= min(sides)]))
    return layer


def _lower_bound(rng: Generator, layer: Layer) -> float:
    if rng.random() < 0.3:
        largest = max(np.abs(layer["weight"]).max(), np.abs(layer["bias"]).max(initial=0))
        return float(np.float32(-FAR / 128 * largest))
    return float(np.float32(-layer["threshold"] * rng.uniform(0.1, 1.5)))


def random_shapes(seed: int) -> Ints:
    """Return a model for the placement: layers (f, c, k, y, x, has_bias), some too large."""
    rng = np.random.default_rng([seed, 54])
    if seed % 5 == 0:  # each would find a core, but there are not so many of a kind
        return np.array(KINDS)[rng.integers(0, len(KINDS), rng.integers(3, 10))]
    layers = int(rng.integers(1, 11))
    side = 2.0 ** rng.uniform(0, 6, layers)
    channels = np.rint(2.0 ** rng.uniform(0, 6.5, layers + 1)).astype(int)
    rows = []
    for i in range(layers):
        k = int(rng.integers(1, 6)) if rng.random() < 0.9 else int(rng.integers(6, 17))
        y = int(side[i]) + 1
        x = min(64, max(1, y + int(rng.integers(-2, 3))))
        # deep layers have many channels and small maps, and fit a core or two of their own
        rows.append((channels[i + 1], channels[i], k, min(y, 64), x, rng.integers(0, 2)))
    return np.array(rows, np.int64)
