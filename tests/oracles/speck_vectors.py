"""Vectors of Speck's neurons: layers of random networks with all that arrives at them.

The numbers come from the NumPy model in speck_golden.py, which is compared with sinabs in
test_speck.py; `python -m tests.oracles.speck_vectors` also asks sinabs itself, where its
environment exists, and says whether it agrees.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mossy.testing.vectors import Vector
from tests.oracles import environments
from tests.oracles.speck_exchange import (
    Network,
    Shape,
    Trace,
    load_traces,
    pooled,
    read_shape,
    save_networks,
)
from tests.oracles.speck_golden import convolve, golden, rounded, sum_pool
from tests.oracles.speck_networks import random_network

CHIP = "speck"  # whose vectors these are

# file -> seed and layer; in all of them the lower bound binds
CASES = {"subtract_biases": (10, 0), "reset": (2, 2), "third_layer": (8, 2)}
PARAMS = [(k, "i4") for k in ("bias", "threshold", "v_reset", "v_min")]
SUM_BITS, STATE_BITS, MOST = 30, 15, 255


def vectors() -> dict[str, Vector]:
    """Return every vector by the name of its file."""
    return {f"{name}.npz": _vector(seed, layer) for name, (seed, layer) in CASES.items()}


def _vector(seed: int, index: int) -> Vector:
    network = random_network(seed)
    traces = golden(network)
    trace, layer = traces[index], network["layers"][index]
    steps, n = len(trace.v), trace.v[0].size
    params = np.zeros(n, PARAMS)
    params["bias"] = np.repeat(trace.bias, n // trace.bias.size)
    params["threshold"], params["v_min"] = trace.threshold, trace.v_min
    return Vector(
        "lif.int",
        f"NumPy model, equal to sinabs 3.1.3 on this network; seed {seed}, layer {index}",
        np.array([SUM_BITS, STATE_BITS, MOST, int(layer["subtract"]), 0]),
        params,
        np.zeros(n, [("v", "i4")]),
        _drive(network, traces, index).reshape(steps, n, 1).astype(np.int64),
        trace.v.reshape(steps, n).astype([("v", "i4")]),
        trace.spikes.reshape(steps, n),
    )


def _drive(network: Network, traces: list[Trace], index: int) -> np.ndarray:
    """Summed weights that arrive at a layer, without its bias."""
    sent, shape = network["x"], _shape(network)
    for trace, layer in zip(traces[:index], network["layers"], strict=False):
        sent = sum_pool(trace.spikes, layer["pool"])
        shape = pooled(read_shape(layer, shape), layer["pool"])
    whole = rounded(network["layers"][index])
    whole["bias"] = np.zeros(0, np.float32)
    return np.rint(convolve(sent, whole, shape))


def _shape(network: Network) -> Shape:
    c, y, x = network["x"].shape[1:]
    return c, y, x


def main() -> None:
    """Compare the model behind the vectors with sinabs."""
    networks = [random_network(seed) for seed, _ in CASES.values()]
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "networks.npz", Path(folder) / "traces.npz"
        save_networks(source, networks)
        environments.run("torch", "tests.oracles.run_sinabs", source, target)
        for network, theirs in zip(networks, load_traces(target, networks), strict=True):
            for mine, other in zip(golden(network), theirs, strict=True):
                for name, a, b in zip(Trace._fields, mine, other, strict=True):
                    assert np.array_equal(a, b), name
    print(f"{len(networks)} networks, equal")


if __name__ == "__main__":
    main()
