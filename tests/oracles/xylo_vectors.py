"""Vectors of the Xylo neuron: single groups out of random networks, with all that arrives at them.

The numbers come from the plain Python network in xylo_golden.py, which is compared with xylosim in
test_xylo.py; `python -m tests.oracles.xylo_vectors FOLDER` also asks xylosim itself, where its
environment exists.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.testing.vectors import Vector, write
from tests.oracles import environments
from tests.oracles.xylo_exchange import (
    MOST_HIDDEN,
    MOST_OUT,
    NO_ALIAS,
    Network,
    load_traces,
    save_networks,
)
from tests.oracles.xylo_golden import golden
from tests.oracles.xylo_networks import Style, random_network

CHIP = "xylo"  # whose vectors these are

MODEL = "xylo/neuron.int"
STATE = [("v", "i4"), ("i0", "i4"), ("i1", "i4"), ("copied", "i4")]
PARAMS = [(k, "i4") for k in ("dash_mem", "dash_syn0", "dash_syn1", "threshold", "bias", "alias")]
CASES: dict[str, tuple[Style, int]] = {
    "hidden_aliases": ("audio2", 0),
    "hidden_floor": ("audio2", 31),
    "hidden_one_synapse": ("imu", 9),
    "hidden_version_1": ("pollen", 8),
    "readout": ("audio3", 5),
}


def vectors() -> dict[str, Vector]:
    """Return every vector by its file's name."""
    return {
        f"{name}.npz": (_readout if name == "readout" else _hidden)(
            random_network(seed, style), seed, style
        )
        for name, (style, seed) in CASES.items()
    }


def _hidden(network: Network, seed: int, style: Style) -> Vector:
    run, n = golden(network), network["dash_mem"].size
    params = np.zeros(n, PARAMS)
    for name in ("dash_mem", "threshold", "bias"):
        params[name] = network[name]
    params["dash_syn0"], params["dash_syn1"] = network["dash_syn"].T
    alias = network["alias"]
    params["alias"] = np.where(alias == NO_ALIAS, 0, alias - np.arange(n))
    states = _states(run.trace.v, run.trace.i0, run.trace.i1)
    return _vector(network, MOST_HIDDEN, params, run.arrived, states, run.trace.spikes, seed, style)


def _readout(network: Network, seed: int, style: Style) -> Vector:
    run, n = golden(network), network["out_dash_mem"].size
    params = np.zeros(n, PARAMS)
    for name in ("dash_mem", "threshold", "bias"):
        params[name] = network[f"out_{name}"]  # type: ignore[literal-required]
    params["dash_syn0"] = network["out_dash_syn"]
    arrived = np.stack([run.out_arrived, np.zeros_like(run.out_arrived)], axis=2)
    states = _states(run.trace.out_v, run.trace.out_i0, 0)
    return _vector(network, MOST_OUT, params, arrived, states, run.trace.out_spikes, seed, style)


def _states(v: NDArray[Any], i0: NDArray[Any], i1: Any) -> NDArray[Any]:
    found = np.zeros(v.shape, STATE)
    found["v"], found["i0"], found["i1"] = v, i0, i1
    return found


def _vector(
    network: Network, most: int, params: NDArray[Any], arrived: NDArray[Any],
    states: NDArray[Any], sent: NDArray[Any], seed: int, style: Style,
) -> Vector:  # fmt: skip
    return Vector(
        MODEL,
        f"plain Python model, equal to xylosim 0.1.3 (v{network['version']}) on this network; "
        f"style {style}, seed {seed}; drive: the synaptic registers after all arrivals",
        np.array([network["version"], most, network["has_bias"]]),
        params,
        np.zeros(params.size, STATE),
        arrived.astype(np.int32),
        states,
        sent.astype(np.uint8),
    )


def same_as_xylosim() -> bool:
    """Return whether xylosim gives the networks of the vectors the same traces."""
    networks = [random_network(seed, style) for style, seed in CASES.values()]
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        save_networks(source, networks)
        environments.run("xylosim", "tests.oracles.run_xylosim", source, target)
        pairs = zip(networks, load_traces(target), strict=True)
        return all(
            np.array_equal(a, b)
            for network, theirs in pairs
            for a, b in zip(golden(network).trace, theirs, strict=True)
        )


def main(folder: str) -> None:
    """Write the vectors, after asking xylosim."""
    assert same_as_xylosim()
    for name, vector in vectors().items():
        write(vector, Path(folder) / name)
        print(f"{name}: {(Path(folder) / name).stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
