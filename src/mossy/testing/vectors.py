"""Test vectors of a chip: registers and summed inputs in, states and spikes out, in one .npz.

A file holds `model` (name of a neuron model), `fmt`, `params` and `state` (records, one per
neuron), `drive` (steps, n, inputs), the expected `states` (steps, n) and `fired` (steps, n: whether
it fired, or what it sent), and `provenance`: who computed the expected numbers, and how. Nothing in
it depends on mossy's compiler or its program format.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import discover, neurons
from mossy.chips.chip import MARKER, PACKAGE, folder_of
from mossy.neurons.model import evolve


@dataclass(frozen=True, eq=False)
class Vector:
    """One vector; see the module for the shapes."""

    model: str
    provenance: str
    fmt: NDArray[np.int64]
    params: NDArray[Any]
    state: NDArray[Any]
    drive: NDArray[Any]
    states: NDArray[Any]
    fired: NDArray[Any]


def files(chip: str) -> list[Traversable]:
    """Return the vector files in a chip's folder, by name."""
    folder = discover.folders(PACKAGE, MARKER)[folder_of(chip)].joinpath("vectors")
    if not folder.is_dir():
        return []
    return sorted((f for f in folder.iterdir() if f.name.endswith(".npz")), key=lambda f: f.name)


def read(file: Traversable) -> Vector:
    """Return the vector in a file. Raises KeyError, ValueError where it is not one."""
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
        found: dict[str, Any] = {f.name: data[f.name] for f in fields(Vector)}
    return Vector(**found | {k: str(found[k]) for k in ("model", "provenance")})


def write(vector: Vector, path: Path) -> None:
    """Write a vector."""
    np.savez_compressed(path, **{f.name: getattr(vector, f.name) for f in fields(Vector)})


def replay(vector: Vector) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return states (steps, n) and spikes (steps, n) of the model's Python step."""
    model = neurons.model(vector.model)
    state = vector.state.astype(model.state).view(np.recarray)
    params = vector.params.astype(model.params).view(np.recarray)
    fmt = tuple(vector.fmt.tolist())
    states = np.zeros(vector.fired.shape, model.state)
    fired = np.zeros(vector.fired.shape, vector.fired.dtype)
    for t, x in enumerate(vector.drive.reshape(len(fired), -1)):
        fired[t] = evolve(model, state, x.astype(model.drive), params, fmt)
        states[t] = state
    return states, fired


def replay_compiled(vector: Vector) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the same of the model's compiled loop."""
    model = neurons.model(vector.model)
    state = vector.state.astype(model.state)[None]
    params = vector.params.astype(model.params)
    steps, n = vector.fired.shape
    ring = vector.drive.astype(model.drive).reshape(1, steps, n * model.inputs)
    states = np.zeros((steps, n), model.state)
    fired = np.zeros((steps, n), vector.fired.dtype)
    which, count = np.zeros((1, n), np.int32), np.zeros(1, np.int64)
    sent = np.zeros((1, n), model.drive)
    for t in range(steps):
        model.update(state, params, ring, t, 0, tuple(vector.fmt.tolist()), which, sent, count)
        fired[t, which[0, : count[0]]] = sent[0, : count[0]]
        states[t] = state[0]
    return states, fired


def difference(vector: Vector, states: NDArray[Any], fired: NDArray[Any]) -> str:
    """Return where a replay first leaves the vector, or nothing."""
    for name in vector.states.dtype.names or ():
        places = np.argwhere(states[name] != vector.states[name])
        if len(places):
            t, k = places[0]
            return (
                f"{name} of neuron {k} in step {t} is {states[name][t, k]}, "
                f"the vector says {vector.states[name][t, k]}"
            )
    places = np.argwhere(fired != vector.fired)
    if len(places):
        t, k = places[0]
        return f"neuron {k} in step {t}: fired is {fired[t, k]}, the vector says otherwise"
    return ""
