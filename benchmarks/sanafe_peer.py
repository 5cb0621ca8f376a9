"""SANA-FE's side of benchmarks.sanafe, run in its own environment.

    python -m benchmarks.sanafe_peer example | dvs | FILE.npz

The network is built with SANA-FE's own interface: its example files, its DVS gesture tutorial with
the layers and weights that it brings, or the network of a file. Then every line of standard input
is one run on a fresh chip, {"timing_model", "processing_threads", "scheduler_threads", "steps",
"hops"}, and answered by one line: seconds of `sim` alone, and what it counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import sanafe
import sanafe.layers

from tests.oracles.run_sanafe import build
from tests.oracles.sanafe_networks import load_networks

COUNTS = ("neurons_fired", "neurons_updated", "spikes", "packets_sent")
DVS_CORES = (1, 4, 16, 16, 4, 1)  # of each layer, as in the tutorial
WEIGHTS = "dvs_challenge.npz"


def gesture() -> tuple[Any, Any]:
    """Return the network of the DVS tutorial, mapped as there."""
    arch, net = sanafe.load_loihi(), sanafe.Network()
    with np.load(str(files("sanafe.examples") / WEIGHTS)) as data:
        given = dict(data)
    threshold = given["thresholds"].tolist()
    layer = sanafe.layers.Input2D(net, 32, 32, threshold=threshold[0])
    layers = [layer]
    for k in range(1, 5):
        stride = 2 if k == 1 else 1
        layer = sanafe.layers.Conv2D(
            net, layer, given[f"conv{k}"], stride_width=stride, stride_height=stride,
            threshold=threshold[k],
        )  # fmt: skip
        layers.append(layer)
    layers.append(
        sanafe.layers.Dense(net, layer, len(given["dense1"][0]), given["dense1"],
                            threshold=threshold[5])
    )  # fmt: skip
    for neuron, bias in zip(layers[0], given["inputs"].tolist(), strict=True):
        neuron.set_attributes(model_attributes={"bias": bias})
    _map(layers, arch.cores())
    return arch, net


def _map(layers: list[Any], cores: list[Any]) -> None:
    """Equal runs of a layer's neurons to cores in their order; the last takes what is over."""
    first = 0
    for layer, count in zip(layers, DVS_CORES, strict=True):
        each = len(layer) // count
        for i, neuron in enumerate(layer):
            neuron.map_to_core(cores[first + min(i // each, count - 1)])
        first += count


def built(what: str) -> tuple[Any, Any]:
    """Return architecture and network."""
    if what == "example":
        found: tuple[Any, Any] = sanafe.load_example()
        return found
    return gesture() if what == "dvs" else build(load_networks(Path(what))[0])


def run(arch: Any, net: Any, steps: int, hops: bool, **settings: Any) -> dict[str, Any]:
    """Run once on a fresh chip. hops: count them too, which takes a trace."""
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    if hops:
        settings["perf_trace"] = True
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        begin = time.perf_counter()
        found = chip.sim(steps, **settings)
        seconds = time.perf_counter() - begin
    counts = {k: int(found[k]) for k in COUNTS}
    if hops:
        counts["hops"] = sum(found["perf_trace"]["hops"])
    return {"seconds": seconds, "counts": counts, "sim_time": found["sim_time"],
            "energy": found["energy"]["total"]}  # fmt: skip


def main() -> None:
    """Build, say so, and answer."""
    arch, net = built(sys.argv[1])
    with tempfile.NamedTemporaryFile("r", suffix=".net") as file:
        if sys.argv[1] == "example":
            net.save(file.name, use_netlist_format=True)
        text = file.read()
    weights = str(files("sanafe.examples") / WEIGHTS)
    print(json.dumps({"version": metadata.version("sanafe"), "netlist": text, "weights": weights}),
          flush=True)  # fmt: skip
    for line in sys.stdin:
        print(json.dumps(run(arch, net, **json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
