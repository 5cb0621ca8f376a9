"""The Xylo core in plain Python integers, as its public model behaves.

A step, for a whole network: 1 the input's spikes arrive, channel by channel; 2 the hidden spikes
of the step before arrive at hidden and readout neurons; 3 hidden neurons advance in index order;
4 readout neurons advance. Every arriving spike adds its weight to a 16-bit register and saturates.

This model is compared with xylosim and makes the vectors; the product does not use it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.oracles.xylo_exchange import (
    MOST_HIDDEN,
    MOST_OUT,
    NO_ALIAS,
    Ints,
    Network,
    Trace,
    late,
)

TOP = 2**15 - 1
BOTTOM = -(2**15)


class Run(NamedTuple):
    """A trace, and the registers as each step's arrivals left them: what the neurons work on."""

    trace: Trace
    arrived: Ints  # (steps, n, 2)
    out_arrived: Ints  # (steps, m)


def golden(network: Network) -> Run:
    """Return what a network does, step by step."""
    n, m = network["w_out"].shape
    i, v, spikes = np.zeros((n, 2), np.int64), [0] * n, [0] * n
    out_i, out_v = np.zeros(m, np.int64), [0] * m
    kept: list[tuple[Any, ...]] = []
    shift = network["shift"].tolist()
    for row in late(network).tolist():
        for w, count in zip(network["w_in"], row, strict=True):
            i = _arrive(i, w << shift[0], count)
        for w, w_out, count in zip(network["w_rec"], network["w_out"], spikes, strict=True):
            i = _arrive(i, w << shift[1], count)
            out_i = _arrive(out_i, w_out << shift[2], count)
        arrived, out_arrived = i.copy(), out_i.copy()
        copied = [0] * n
        spikes = [0] * n
        for k in range(n):
            v[k], i[k], spikes[k] = _neuron(
                network, v[k], i[k].tolist(), network["dash_syn"][k].tolist(),
                int(network["dash_mem"][k]), int(network["threshold"][k]),
                int(network["bias"][k]), copied[k], MOST_HIDDEN,
            )  # fmt: skip
            alias = int(network["alias"][k])
            if alias > k:
                copied[alias] = min(MOST_HIDDEN, copied[alias] + spikes[k])
            elif alias != NO_ALIAS:
                spikes[alias] = min(MOST_HIDDEN, spikes[alias] + spikes[k])
        out = [0] * m
        for k in range(m):
            out_v[k], (out_i[k],), out[k] = _neuron(
                network, out_v[k], [int(out_i[k])], [int(network["out_dash_syn"][k])],
                int(network["out_dash_mem"][k]), int(network["out_threshold"][k]),
                int(network["out_bias"][k]), 0, MOST_OUT,
            )  # fmt: skip
        kept.append(
            (arrived, out_arrived, list(v), i[:, 0].copy(), i[:, 1].copy(), list(spikes),
             list(out_v), out_i.copy(), out)
        )  # fmt: skip
    arrived, out_arrived, *rest = (np.array(c, np.int64) for c in zip(*kept, strict=True))
    return Run(Trace(*rest), arrived, out_arrived)


def _arrive(register: Ints, weight: Ints, count: int) -> Ints:
    for _ in range(count):
        register = np.clip(register + weight, BOTTOM, TOP)
    return register


def _decayed(x: int, dash: int) -> int:
    """What a register loses in a step: x / 2^dash rounded down, at least one towards zero."""
    loss = x // 2**dash
    return loss if loss else (x > 0) - (x < 0)


def _neuron(
    network: Network, v: int, i: list[int], dash: list[int], dash_mem: int, threshold: int,
    bias: int, spikes: int, most: int,
) -> tuple[int, list[int], int]:  # fmt: skip
    """Potential, currents and spikes after one step, from those before it."""
    i = [x - _decayed(x, d) for x, d in zip(i, dash, strict=True)]
    if network["version"] == 1:
        v = _clip(v - _decayed(v, dash_mem) + sum(i))
    else:
        change = -_decayed(v, dash_mem)
        if change > TOP:  # one number has no 16-bit opposite
            change -= 2**16
        change = _clip(change + sum(i))
        if network["has_bias"]:
            change = _clip(change + bias)
        v = _clip(v + change)
    while v >= threshold and spikes < most:
        spikes, v = spikes + 1, v - threshold
    return v, i, spikes


def _clip(x: int) -> int:
    return max(BOTTOM, min(TOP, x))
