"""Loihi 1 networks in integer registers, and the files that carry them between programs.

One .npz file holds many networks under the keys net{k}/x, net{k}/pop{p}/<field> and
net{k}/con{c}/<field>; the answer holds net{k}/pop{p}/{u,v,spikes}. Only NumPy is needed here,
because the same file is read inside each emulator's own environment.

Time: an input spike x[t], or a spike emitted in step t, reaches its targets in step
t + 1 + delay. States recorded for step t are those after the update of step t, v after reset.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

INPUT = -1  # the `src` of a connection that comes from the input channels


class Population(TypedDict):
    """`n` alike neurons; only the bias differs between them.

    u <- sgn(u) ((|u| (4096 - decay_u)) >> 12) + q, decay_u 1..4096;
    v <- sgn(v) ((|v| (4096 - decay_v)) >> 12) + u + bias, decay_v 0..4095;
    spike if v > vth (already shifted left by 6), then v = 0 for `refract` - 1 further steps.
    """

    n: int
    decay_u: int
    decay_v: int
    vth: int
    refract: int
    bias: Ints  # (n,)


class Connection(TypedDict):
    """Synapses from population `src` (or INPUT) to `dst`; a weight of 0 is no synapse."""

    src: int
    dst: int
    weight: Ints  # (n_src, n_dst), what is added to q: an even mantissa << (6 + exponent)
    delay: Ints  # (n_src, n_dst), steps beyond the one step of latency


class Network(TypedDict):
    """Populations, connections and the input spikes to run them with."""

    x: Bools  # (steps, channels)
    populations: list[Population]
    connections: list[Connection]


class Trace(NamedTuple):
    """What one population did: states and spikes, each (steps, n)."""

    u: Ints
    v: Ints
    spikes: Bools


def save_networks(path: Path, networks: list[Network]) -> None:
    """Write networks to an .npz file."""
    arrays: dict[str, NDArray[np.generic]] = {"count": np.array(len(networks))}
    for k, network in enumerate(networks):
        arrays[f"net{k}/x"] = network["x"]
        for p, population in enumerate(network["populations"]):
            for name, value in population.items():
                arrays[f"net{k}/pop{p}/{name}"] = np.asarray(value)
        for c, connection in enumerate(network["connections"]):
            for name, value in connection.items():
                arrays[f"net{k}/con{c}/{name}"] = np.asarray(value)
    _save(path, arrays)


def load_networks(path: Path) -> list[Network]:
    """Read the networks that `save_networks` wrote."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    return [_network(arrays, k) for k in range(int(arrays["count"]))]


def save_traces(path: Path, traces: list[list[Trace]]) -> None:
    """Write one list of traces (a trace per population) for each network."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for k, populations in enumerate(traces):
        for p, trace in enumerate(populations):
            arrays[f"net{k}/pop{p}/u"] = trace.u.astype(np.int64)
            arrays[f"net{k}/pop{p}/v"] = trace.v.astype(np.int64)
            arrays[f"net{k}/pop{p}/spikes"] = trace.spikes.astype(np.bool_)
    _save(path, arrays)


def load_traces(path: Path, networks: list[Network]) -> list[list[Trace]]:
    """Read the traces of these networks."""
    with np.load(path) as file:
        return [
            [
                Trace(*(file[f"net{k}/pop{p}/{name}"] for name in Trace._fields))
                for p in range(len(network["populations"]))
            ]
            for k, network in enumerate(networks)
        ]


def _save(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    with path.open("wb") as file:  # an open file, so that NumPy adds no suffix of its own
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options


def _network(arrays: dict[str, NDArray[np.generic]], k: int) -> Network:
    def field(part: str) -> Ints:
        return arrays[f"net{k}/{part}"].astype(np.int64)

    def count(kind: str, name: str) -> int:
        return sum(key.startswith(f"net{k}/{kind}") and key.endswith(f"/{name}") for key in arrays)

    return Network(
        x=arrays[f"net{k}/x"].astype(np.bool_),
        populations=[
            Population(
                n=int(field(f"pop{p}/n")),
                decay_u=int(field(f"pop{p}/decay_u")),
                decay_v=int(field(f"pop{p}/decay_v")),
                vth=int(field(f"pop{p}/vth")),
                refract=int(field(f"pop{p}/refract")),
                bias=field(f"pop{p}/bias"),
            )
            for p in range(count("pop", "n"))
        ],
        connections=[
            Connection(
                src=int(field(f"con{c}/src")),
                dst=int(field(f"con{c}/dst")),
                weight=field(f"con{c}/weight"),
                delay=field(f"con{c}/delay"),
            )
            for c in range(count("con", "src"))
        ],
    )
