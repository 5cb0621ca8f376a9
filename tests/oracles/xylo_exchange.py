"""Xylo networks in integer registers, and the files that carry them between programs.

One .npz file holds many networks under the keys net{k}/<field>; the answer holds net{k}/<field> of
each trace. Only NumPy is needed here, because the emulator's own environment reads the same files.

Time: an input spike x[t], or a spike sent in step t, reaches its targets in step t + 1. (The chip
takes input up in the step it belongs to: step t here is its step t with the input one row later.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NO_ALIAS = -1
MOST_INPUT, MOST_HIDDEN, MOST_OUT = 15, 31, 1


class Network(TypedDict):
    """A network of n hidden and m readout neurons, and input spikes to run it with.

    Weights are 8-bit, used as w << shift; the last axis of w_in and w_rec is the synaptic register
    (`synapses` of them are in use). alias: index of the hidden neuron that is sent a copy.
    """

    version: int  # of the arithmetic, 1 or 2
    synapses: int
    has_bias: int
    x: Ints  # (steps, channels) spikes of each channel, 0..15
    w_in: Ints  # (channels, n, 2)
    w_rec: Ints  # (n, n, 2)
    w_out: Ints  # (n, m)
    shift: Ints  # (3,) of w_in, w_rec, w_out
    dash_mem: Ints  # (n,)
    dash_syn: Ints  # (n, 2)
    threshold: Ints  # (n,)
    bias: Ints  # (n,)
    alias: Ints  # (n,)
    out_dash_mem: Ints  # (m,)
    out_dash_syn: Ints  # (m,)
    out_threshold: Ints  # (m,)
    out_bias: Ints  # (m,)


SCALARS = ("version", "synapses", "has_bias")


class Trace(NamedTuple):
    """Registers after each step and spikes sent, each (steps, n) or (steps, m)."""

    v: Ints
    i0: Ints
    i1: Ints
    spikes: Ints
    out_v: Ints
    out_i0: Ints
    out_spikes: Ints


def late(network: Network) -> Ints:
    """Return the input as the chip's own steps count it: one row later."""
    x = network["x"]
    return np.concatenate([np.zeros_like(x[:1]), x[:-1]])


def save_networks(path: Path, networks: list[Network]) -> None:
    """Write networks to an .npz file."""
    _save(
        path,
        {
            f"net{k}/{name}": np.asarray(value, np.int64)
            for k, network in enumerate(networks)
            for name, value in network.items()
        },
    )


def load_networks(path: Path) -> list[Network]:
    """Read the networks that `save_networks` wrote."""
    found: list[Network] = []
    for fields in _load(path):
        values: dict[str, Any] = {k: int(v) if k in SCALARS else v for k, v in fields.items()}
        found.append(Network(**values))  # type: ignore[typeddict-item]
    return found


def save_traces(path: Path, traces: list[Trace]) -> None:
    """Write one trace for each network."""
    _save(
        path,
        {
            f"net{k}/{name}": value.astype(np.int64)
            for k, trace in enumerate(traces)
            for name, value in trace._asdict().items()
        },
    )


def load_traces(path: Path) -> list[Trace]:
    """Read the traces that `save_traces` wrote."""
    return [Trace(**fields) for fields in _load(path)]


def _save(path: Path, arrays: dict[str, Ints]) -> None:
    with path.open("wb") as file:  # an open file, so that NumPy adds no suffix of its own
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options


def _load(path: Path) -> list[dict[str, Ints]]:
    found: dict[int, dict[str, Ints]] = {}
    with np.load(path) as file:
        for key in file.files:
            net, _, name = key.partition("/")
            found.setdefault(int(net.removeprefix("net")), {})[name] = file[key]
    return [found[k] for k in sorted(found)]
