"""Layers of convolutions, in floats, and the files that carry them between programs.

One .npz file holds many networks under the keys net{k}/x and net{k}/layer{i}/<field>; the answer
holds net{k}/layer{i}/<field of a Trace>. Only NumPy is needed here, because the same file is read
in the environment of the other program.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Shape = tuple[int, int, int]


class Layer(TypedDict):
    """A convolution, its neurons, and the sum pool behind them.

    weight: (f, c, k, k), or (f, n) where the layer is dense; bias: (f,), or (0,) for none. v_min:
    the lower bound of the potential. subtract: a spike takes the threshold off, as often as it
    fits; otherwise there is one spike and the potential is zero.
    """

    weight: Floats
    bias: Floats
    stride: Ints  # y, x
    padding: Ints
    pool: int
    threshold: float
    v_min: float
    subtract: bool


class Network(TypedDict):
    """Layers one behind the other, and frames of spike counts (frames, c, y, x) to run them on."""

    x: Ints
    layers: list[Layer]


class Trace(NamedTuple):
    """What a layer became and did: rounded parameters; spikes and potentials (frames, f, y, x)."""

    weight: Ints
    bias: Ints
    threshold: Ints
    v_min: Ints
    spikes: Ints
    v: Ints


FIELDS: tuple[str, ...] = tuple(Layer.__annotations__)


def read_shape(layer: Layer, shape: Shape) -> Shape:
    """Return the map (f, y, x) of a layer's neurons that read a map of `shape`."""
    weight = layer["weight"]
    if weight.ndim == 2:
        return weight.shape[0], 1, 1
    y, x = (
        (n + 2 * int(p) - k) // int(s) + 1
        for n, p, k, s in zip(
            shape[1:], layer["padding"], weight.shape[2:], layer["stride"], strict=True
        )
    )
    return weight.shape[0], y, x


def pooled(shape: Shape, pool: int) -> Shape:
    """Return the map behind a sum pool."""
    return shape[0], shape[1] // pool, shape[2] // pool


def save_networks(path: Path, networks: list[Network]) -> None:
    """Write networks to an .npz file."""
    arrays: dict[str, NDArray[Any]] = {"count": np.array(len(networks))}
    for k, network in enumerate(networks):
        arrays[f"net{k}/x"] = network["x"]
        arrays[f"net{k}/layers"] = np.array(len(network["layers"]))
        for i, layer in enumerate(network["layers"]):
            for name in FIELDS:
                arrays[f"net{k}/layer{i}/{name}"] = np.asarray(layer[name])  # type: ignore[literal-required]
    _save(path, arrays)


def holds_networks(path: Path) -> bool:
    """Return whether a file is of networks, not of shapes."""
    with np.load(path) as file:
        return "count" in file.files


def load_networks(path: Path) -> list[Network]:
    """Read the networks that `save_networks` wrote."""
    with np.load(path) as file:
        data = {k: file[k] for k in file.files}
    return [
        Network(
            x=data[f"net{k}/x"],
            layers=[
                _layer({name: data[f"net{k}/layer{i}/{name}"] for name in FIELDS})
                for i in range(int(data[f"net{k}/layers"]))
            ],
        )
        for k in range(int(data["count"]))
    ]


def _layer(data: dict[str, NDArray[Any]]) -> Layer:
    return Layer(
        weight=data["weight"],
        bias=data["bias"],
        stride=data["stride"],
        padding=data["padding"],
        pool=int(data["pool"]),
        threshold=float(data["threshold"]),
        v_min=float(data["v_min"]),
        subtract=bool(data["subtract"]),
    )


def save_traces(path: Path, traces: list[list[Trace]]) -> None:
    """Write one list of traces (a trace per layer) for each network."""
    _save(
        path,
        {
            f"net{k}/layer{i}/{name}": np.asarray(value, np.int64)
            for k, layers in enumerate(traces)
            for i, trace in enumerate(layers)
            for name, value in trace._asdict().items()
        },
    )


def load_traces(path: Path, networks: list[Network]) -> list[list[Trace]]:
    """Read the traces of these networks."""
    with np.load(path) as file:
        return [
            [
                Trace(*(file[f"net{k}/layer{i}/{name}"] for name in Trace._fields))
                for i in range(len(network["layers"]))
            ]
            for k, network in enumerate(networks)
        ]


def save_shapes(path: Path, models: list[Ints]) -> None:
    """Write what only the placement looks at: models of layers (f, c, k, y, x, has_bias)."""
    _save(path, {f"{k}": m for k, m in enumerate(models)})


def load_shapes(path: Path) -> list[Ints]:
    """Read what `save_shapes` wrote; each (layers, 6)."""
    with np.load(path) as file:
        return [file[f"{k}"] for k in range(len(file.files))]


def save_placements(path: Path, found: list[tuple[bool, Ints]]) -> None:
    """Write whether each model fits, and its layers' words of kernel, state and bias memory."""
    fits = np.array([f for f, _ in found])
    _save(path, {"fits": fits} | {f"{k}": words for k, (_, words) in enumerate(found)})


def load_placements(path: Path) -> list[tuple[bool, Ints]]:
    """Read what `save_placements` wrote; each (fits, (layers, 3))."""
    with np.load(path) as file:
        return [(bool(f), file[f"{k}"]) for k, f in enumerate(file["fits"])]


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:  # an open file, so that NumPy adds no suffix of its own
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options
