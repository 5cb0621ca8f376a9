"""Networks of integer registers for lava-nc, and the files that carry them between programs.

One .npz file holds many networks under the keys net{k}/x, net{k}/pop{p}/<field> and
net{k}/con{c}/<field>; the answer holds net{k}/pop{p}/<state> and net{k}/pop{p}/sent. Only NumPy is
needed here, because the same file is read inside the emulator's own environment.

Time: an input x[t], or what is sent in step t, reaches its targets in step t + 1 + delay. States
recorded for step t are those after the update of step t.

Registers by kind, all as lava-nc counts them, times its own alignment of 6 bits where that has one:

    lif           decay_u 1..4096, decay_v 0..4095, vth (<< 6), bias (n,)
    sigma_delta   vth, bias (n,) (both << spike_exp + state_exp), spike_exp, state_exp
    rf, rf_iz     period, alpha (numbers that the emulator turns into cos and sin), decay_bits,
                  state_exp, vth (a whole number, before the shift by state_exp)
    atrlif        decay_u 1..4096, decay_v, decay_theta, decay_r 0..4095, rest, jump (<< 6),
                  bias (n,)
    graded_lif    as lif, and payload_shift; the emulator has none, so it is run there as lif
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

INPUT = -1  # the `src` of a connection that comes from the input channels
STATES = {
    "lif": ("u", "v"),
    "sigma_delta": ("sigma", "act", "residue"),
    "rf": ("real", "imag"),
    "rf_iz": ("real", "imag"),
    "atrlif": ("i", "v", "theta", "r"),
    "graded_lif": ("u", "v"),
}

Trace = dict[str, Ints]  # state name, or "sent", -> (steps, n)


class Population(TypedDict):
    """`n` neurons of one kind. registers: see the module; numbers or arrays (n,)."""

    kind: str
    n: int
    registers: dict[str, NDArray[np.float64]]


class Connection(TypedDict):
    """Synapses from population `src` (or INPUT) to input `port` of `dst`; weight 0 is no synapse.

    weight, delay: (n_src, n_dst); a weight w in -127..127 counts w << exponent, exponent >= 0.
    """

    src: int
    dst: int
    port: int
    exponent: int
    weight: Ints
    delay: Ints


class Network(TypedDict):
    """Populations, connections and what the input channels send. graded: numbers, not spikes."""

    graded: bool
    x: Ints  # (steps, channels)
    populations: list[Population]
    connections: list[Connection]


def save_networks(path: Path, networks: list[Network]) -> None:
    """Write networks to an .npz file."""
    arrays: dict[str, NDArray[np.generic]] = {"count": np.array(len(networks))}
    for k, network in enumerate(networks):
        arrays[f"net{k}/x"] = network["x"]
        arrays[f"net{k}/graded"] = np.array(network["graded"])
        for p, population in enumerate(network["populations"]):
            arrays[f"net{k}/pop{p}/kind"] = np.array(population["kind"])
            arrays[f"net{k}/pop{p}/n"] = np.array(population["n"])
            for name, value in population["registers"].items():
                arrays[f"net{k}/pop{p}/registers/{name}"] = value
        for c, connection in enumerate(network["connections"]):
            for name, number in connection.items():
                arrays[f"net{k}/con{c}/{name}"] = np.asarray(number)
    _save(path, arrays)


def load_networks(path: Path) -> list[Network]:
    """Read the networks that `save_networks` wrote."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    return [_network(arrays, f"net{k}/") for k in range(int(arrays["count"]))]


def save_traces(path: Path, traces: list[list[Trace]]) -> None:
    """Write one list of traces (a trace per population) for each network."""
    _save(
        path,
        {
            f"net{k}/pop{p}/{name}": value.astype(np.int64)
            for k, populations in enumerate(traces)
            for p, trace in enumerate(populations)
            for name, value in trace.items()
        },
    )


def load_traces(path: Path, networks: list[Network]) -> list[list[Trace]]:
    """Read the traces of these networks."""
    with np.load(path) as file:
        return [
            [
                {name: file[f"net{k}/pop{p}/{name}"] for name in (*STATES[pop["kind"]], "sent")}
                for p, pop in enumerate(network["populations"])
            ]
            for k, network in enumerate(networks)
        ]


def _save(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    with path.open("wb") as file:  # an open file, so that NumPy adds no suffix of its own
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options


def _network(arrays: dict[str, NDArray[np.generic]], start: str) -> Network:
    def count(kind: str, name: str) -> int:
        found = (key[len(start) :] for key in arrays if key.startswith(start))
        return sum(key.startswith(kind) and key.endswith(f"/{name}") for key in found)

    def whole(name: str) -> Ints:
        return arrays[start + name].astype(np.int64)

    populations = []
    for p in range(count("pop", "kind")):
        inner = f"{start}pop{p}/registers/"
        registers = {
            key[len(inner) :]: value.astype(np.float64)
            for key, value in arrays.items()
            if key.startswith(inner)
        }
        kind, n = str(arrays[f"{start}pop{p}/kind"]), int(whole(f"pop{p}/n"))
        populations.append(Population(kind=kind, n=n, registers=registers))
    connections = [
        Connection(
            src=int(whole(f"con{c}/src")),
            dst=int(whole(f"con{c}/dst")),
            port=int(whole(f"con{c}/port")),
            exponent=int(whole(f"con{c}/exponent")),
            weight=whole(f"con{c}/weight"),
            delay=whole(f"con{c}/delay"),
        )
        for c in range(count("con", "src"))
    ]
    return Network(
        graded=bool(arrays[start + "graded"]),
        x=whole("x"),
        populations=populations,
        connections=connections,
    )
