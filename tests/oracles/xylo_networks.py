"""Random Xylo networks: one per seed, in the style of one of the chips.

    "pollen"  version 1, two synaptic registers, no biases           readouts 1..8
    "audio2"  version 2, two registers                               1..8
    "audio3"  version 2, two registers; half of the neurons, and     1..32
              never more than 128, take input
    "imu"     version 2, one register; input as for audio3           1..16

Covered by all: 1 to 16 channels with up to 15 spikes in a step, 2 to 40 hidden neurons, weights of
both signs, weight shifts 0..3, every dash 0..15, biases on and off, aliases forward, backward
and in chains. One network in four is wild: shifts of up to 7, extreme weights, thresholds from 1 to
the largest and large biases, so that registers saturate and touch their floor.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator

from tests.oracles.xylo_exchange import MOST_INPUT, NO_ALIAS, Ints, Network

Style = Literal["pollen", "audio2", "audio3", "imu"]
STYLES: tuple[Style, ...] = ("pollen", "audio2", "audio3", "imu")
READOUTS = {"pollen": 8, "audio2": 8, "audio3": 32, "imu": 16}
DASHES = 16


def random_network(seed: int, style: Style, size: int | None = None) -> Network:
    """Return the network of this seed and style. size: of the hidden group, drawn where None."""
    rng = np.random.default_rng([seed, STYLES.index(style)])
    wild = seed % 4 == 3
    synapses = 1 if style == "imu" else 2
    channels, n = int(rng.integers(1, 17)), size or int(rng.integers(2, 41))
    m = int(rng.integers(1, READOUTS[style] + 1))
    # a chip full of neurons has room for 32 recurrent pairs of each
    w_rec = _weights(rng, (n, n, 2), min(rng.uniform(0.02, 0.3), 12 / n), wild)
    w_in = _weights(rng, (channels, n, 2), rng.uniform(0.2, 1.0), wild)
    if style in ("audio3", "imu"):
        w_in[:, min(n // 2 + 1, 128) :] = 0
    w_in[:, :, synapses:] = 0
    w_rec[:, :, synapses:] = 0
    largest = 32767 if wild else 6000
    w_out = _weights(rng, (n, m), rng.uniform(0.2, 1.0), wild)
    w_out[0, 0] = w_out[0, 0] or 1  # who feeds nothing is a readout
    biases = int(style != "pollen" and rng.random() < 0.6)
    top_bias = 20000 if wild else 100
    return Network(
        version=1 if style == "pollen" else 2,
        synapses=synapses,
        has_bias=biases,
        x=_input(rng, int(rng.integers(40, 61)), channels),
        w_in=w_in,
        w_rec=w_rec,
        w_out=w_out,
        shift=rng.integers(0, 8 if wild else 4, 3),
        dash_mem=_dashes(rng, n),
        dash_syn=_dashes(rng, (n, 2)),
        threshold=rng.integers(1, largest + 1, n),
        bias=rng.integers(-top_bias, top_bias + 1, n),
        alias=_aliases(rng, n),
        out_dash_mem=_dashes(rng, m),
        out_dash_syn=_dashes(rng, m),
        out_threshold=rng.integers(1, largest + 1, m),
        out_bias=rng.integers(-top_bias, top_bias + 1, m),
    )


def _input(rng: Generator, steps: int, channels: int) -> Ints:
    few, many = (rng.integers(1, most + 1, (steps, channels)) for most in (3, MOST_INPUT))
    counts = np.where(rng.random((steps, channels)) < 0.8, few, many)
    return counts * (rng.random((steps, channels)) < rng.uniform(0.1, 0.6))


def _weights(rng: Generator, shape: tuple[int, ...], share: float, wild: bool) -> Ints:
    lowest = int(rng.integers(-128, -60))
    w = rng.integers(lowest, 128, shape)
    if wild:
        w = np.where(rng.random(shape) < 0.3, rng.choice([-128, 127], shape), w)
    return w * (rng.random(shape) < share)


def _dashes(rng: Generator, shape: int | tuple[int, ...]) -> Ints:
    """Mostly short ones, which make the registers move, and every other one now and then."""
    return np.where(
        rng.random(shape) < 0.7, rng.integers(0, 7, shape), rng.integers(0, DASHES, shape)
    )


def _aliases(rng: Generator, n: int) -> Ints:
    """None in half of the networks; else up to a third of the neurons have a target, not itself."""
    alias = np.full(n, NO_ALIAS)
    if rng.random() < 0.5:
        for k in rng.permutation(n)[: n // 3 + 1]:
            alias[k] = (k + rng.integers(1, n)) % n
    return alias
