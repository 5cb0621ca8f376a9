"""The same network in PyTorch and in snnTorch, dense over the batch: python torch_peers.py FILE N

Runs in an environment of its own, without mossy. FILE holds the layers and the packed input; one
JSON document with the best time of each is printed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

TIMES = 3

Layer = Callable[[Any, Any], tuple[Any, Any]]  # (signal, state) -> (signal, state)
Parameters = dict[str, Any]


def main() -> None:
    data = np.load(Path(sys.argv[1]))
    threads = int(sys.argv[2])
    shape = tuple(data["shape"])
    x = np.unpackbits(data["x"])[: int(np.prod(shape))].reshape(shape)
    # (time, batch, ...) so that one step is one block of memory
    frames = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 1, 0)))
    layers = chain(data, plain_if)
    found = {"PyTorch": measure(layers, frames, threads, f"torch {torch.__version__}")}
    try:
        import snntorch
    except ImportError:
        found["snnTorch"] = {"seconds": None, "version": "snnTorch is not in the environment"}
    else:
        layers = chain(data, lambda p: snntorch_if(p, snntorch))
        found["snnTorch"] = measure(layers, frames, threads, f"snnTorch {snntorch.__version__}")
    print(json.dumps(found))


def measure(layers: list[Layer], frames: Any, most: int, version: str) -> dict[str, Any]:
    """The best of some runs with one thread and with all: threads that wait for each other make
    small layers slower where something else uses the cores.
    """
    times: list[tuple[float, int]] = []
    with torch.inference_mode():
        for threads in sorted({1, most}):
            torch.set_num_threads(threads)
            run(layers, frames[:5])  # warms up
            for _ in range(TIMES):
                start = time.perf_counter()
                answers = run(layers, frames)
                times.append((time.perf_counter() - start, threads))
    seconds, threads = min(times)
    return {
        "seconds": seconds,
        "version": f"{version}, {threads} thread" + "s" * (threads > 1),
        "answers": answers.argmax(dim=1).tolist(),
    }


def run(layers: list[Layer], frames: Any) -> Any:
    """Return output spikes summed over time: (batch, classes)."""
    states: list[Any] = [None] * len(layers)
    total: Any = 0
    for frame in frames:
        s = frame.float()
        for i, layer in enumerate(layers):
            s, states[i] = layer(s, states[i])
        total = total + s
    return total


def chain(data: Any, neurons: Callable[[Parameters], Layer]) -> list[Layer]:
    """Return the layers in order; `neurons` makes those with a state."""
    numbers = sorted({int(k.split(".")[0]) for k in data.files if k[0].isdigit()})
    found = []
    for number in numbers:
        keys = [k for k in data.files if k.startswith(f"{number}.")]
        kind = keys[0].split(".")[1]
        p = {k.split(".")[2]: data[k] for k in keys}
        if kind == "IF":
            found.append(neurons(p))
        elif kind != "Output":
            found.append(stateless(kind, p))
    return found


def stateless(kind: str, p: Parameters) -> Layer:
    if kind == "Flatten":
        return lambda s, _: (s.flatten(1), None)
    if kind == "SumPool2d":
        size = tuple(p["kernel_size"].tolist())
        return lambda s, _: (functional.avg_pool2d(s, size, divisor_override=1), None)
    weight, bias = (torch.from_numpy(p[k]).float() for k in ("weight", "bias"))
    if kind == "Affine":
        return lambda s, _: (functional.linear(s, weight, bias), None)
    if kind != "Conv2d":
        raise SystemExit(f"no layer for {kind}")
    stride, padding = (tuple(p[k].tolist()) for k in ("stride", "padding"))
    return lambda s, _: (functional.conv2d(s, weight, bias, stride, padding), None)


def plain_if(p: Parameters) -> Layer:
    threshold, reset = (torch.from_numpy(p[k]).float() for k in ("v_threshold", "v_reset"))

    def step(s: Any, v: Any) -> tuple[Any, Any]:
        v = s if v is None else v + s
        fired = v > threshold
        return fired.float(), torch.where(fired, reset, v)

    return step


def snntorch_if(p: Parameters, snntorch: Any) -> Layer:
    """Leaky without leak. It resets at the next step, so it may spike a little differently."""
    threshold = float(p["v_threshold"].flat[0])
    cell = snntorch.Leaky(beta=1.0, threshold=threshold, reset_mechanism="zero")

    def step(s: Any, v: Any) -> tuple[Any, Any]:
        spikes, after = cell(s, torch.zeros_like(s) if v is None else v)
        return spikes, after

    return step


if __name__ == "__main__":
    main()
