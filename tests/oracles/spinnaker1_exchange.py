"""SpiNNaker1 networks in registers, and the files that carry them between programs.

One .npz file holds many networks under the keys net{k}/pop{p}/<field>, net{k}/con{c}/<field> and
net{k}/x; the answer holds net{k}/pop{p}/<field> of each trace. Only NumPy is needed here, because
the emulator's own environment reads the same files.

Time: an input spike x[t], or a spike sent in step t, reaches its targets in step t + 1 + delay. (A
synaptic word of the chip says delay + 1.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

INPUT = -1  # the population that x belongs to
RING_TOP = (1 << 16) - 1
SLOTS = 32


class Population(TypedDict):
    """Registers of n neurons, all (n,) but the two shifts; potentials and currents are s16.15.

    v, exc, inh, wait: the state before the first step. drive: (steps, n, 2) ring buffer entries
    beside what synapses bring, or no steps at all.
    """

    v: Ints
    exc: Ints
    inh: Ints
    wait: Ints
    v_rest: Ints
    v_reset: Ints
    v_thresh: Ints
    r: Ints
    exp_tc: Ints
    i_offset: Ints
    refract: Ints
    exc_decay: Ints
    inh_decay: Ints
    exc_init: Ints
    inh_init: Ints
    exc_shift: int
    inh_shift: int
    drive: Ints


class Connection(TypedDict):
    """Synapses. weight: (sources, targets), up to 16 bits and a sign; delay: extra steps, 0..30."""

    src: int
    dst: int
    weight: Ints
    delay: Ints


class Network(TypedDict):
    """Input spikes (steps, channels), populations, and what connects them."""

    x: Ints
    populations: list[Population]
    connections: list[Connection]


class Trace(NamedTuple):
    """What a step found in the ring buffer, registers after it and spikes, each (steps, n)."""

    sum_exc: Ints
    sum_inh: Ints
    v: Ints
    exc: Ints
    inh: Ints
    wait: Ints
    spikes: Ints


STATE = ("v", "exc", "inh", "wait")
SCALARS = ("exc_shift", "inh_shift", "src", "dst")


def save_networks(path: Path, networks: list[Network]) -> None:
    """Write networks to an .npz file."""
    arrays = {}
    for k, network in enumerate(networks):
        arrays[f"net{k}/all/x"] = network["x"]
        parts = [("pop", network["populations"]), ("con", network["connections"])]
        for kind, rows in parts:
            for i, row in enumerate(rows):  # type: ignore[var-annotated,arg-type]
                arrays |= {f"net{k}/{kind}{i}/{name}": value for name, value in row.items()}
    _save(path, arrays)


def load_networks(path: Path) -> list[Network]:
    """Read the networks that `save_networks` wrote."""
    found: list[Network] = []
    for parts in _load(path):
        rows = {
            name: {k: int(v) if k in SCALARS else v for k, v in fields.items()}
            for name, fields in parts.items()
        }
        found.append(
            Network(
                x=parts["all"]["x"],
                populations=_numbered(rows, "pop"),
                connections=_numbered(rows, "con"),
            )
        )
    return found


def save_traces(path: Path, traces: list[list[Trace]]) -> None:
    """Write one trace for each population of each network."""
    _save(
        path,
        {
            f"net{k}/pop{p}/{name}": value
            for k, one in enumerate(traces)
            for p, trace in enumerate(one)
            for name, value in trace._asdict().items()
        },
    )


def load_traces(path: Path) -> list[list[Trace]]:
    """Read the traces that `save_traces` wrote."""
    return [[Trace(**fields) for fields in _numbered(parts, "pop")] for parts in _load(path)]


def _numbered(parts: dict[str, Any], kind: str) -> list[Any]:
    numbers = sorted(int(name[3:]) for name in parts if name.startswith(kind))
    return [parts[f"{kind}{i}"] for i in numbers]


def _save(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as file:  # an open file, so that NumPy adds no suffix of its own
        np.savez(file, **{k: np.asarray(v, np.int64) for k, v in arrays.items()})  # type: ignore[arg-type]


def _load(path: Path) -> list[dict[str, dict[str, Ints]]]:
    found: dict[int, dict[str, dict[str, Ints]]] = {}
    with np.load(path) as file:
        for key in file.files:
            net, part, name = key.split("/")
            found.setdefault(int(net[3:]), {}).setdefault(part, {})[name] = file[key]
    return [found[k] for k in sorted(found)]
