"""The same network in PyTorch and in snnTorch, dense over the batch: python torch_peers.py FILE N

Runs in an environment of its own, without mossy. FILE holds the layers and the packed input; one
JSON document with the seconds of each is printed.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

TIMES = 3


def main() -> None:
    data = np.load(Path(sys.argv[1]))
    torch.set_num_threads(int(sys.argv[2]))
    shape = tuple(data["shape"])
    x = np.unpackbits(data["x"])[: int(np.prod(shape))].reshape(shape)
    # (time, batch, ...) so that one step is one block of memory
    frames = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, 1, 0)))
    found = {"PyTorch": measure(plain(data), frames, f"torch {torch.__version__}")}
    try:
        import snntorch
    except ImportError:
        found["snnTorch"] = {"seconds": None, "version": "not in the environment"}
    else:
        version = f"snnTorch {snntorch.__version__}"
        found["snnTorch"] = measure(with_snntorch(data, snntorch), frames, version)
    print(json.dumps(found))


@torch.inference_mode()
def measure(network, frames, version):
    """The best of some runs with one thread and with all: threads that wait for each other make
    small layers slower where something else uses the cores.
    """
    layers, begin = network
    most, seconds = torch.get_num_threads(), {}
    for threads in (1, most):
        torch.set_num_threads(threads)
        run(layers, begin, frames[:5])  # warms up
        for _ in range(TIMES):
            start = time.perf_counter()
            answers = run(layers, begin, frames)
            spent = time.perf_counter() - start
            seconds[threads] = min(spent, seconds.get(threads, spent))
    best = min(seconds, key=seconds.get)
    return {
        "seconds": seconds[best],
        "version": f"{version}, {best} thread" + "s" * (best > 1),
        "answers": answers.argmax(dim=1).tolist(),
    }


def run(layers, begin, frames):
    states = begin()
    total = 0
    for frame in frames:
        s = frame.float()
        for i, layer in enumerate(layers):
            s, states[i] = layer(s, states[i])
        total = total + s
    return total


def stateless(module):
    return lambda s, state: (module(s), None)


def build(data, neurons):
    layers = []
    for number in sorted({int(k.split(".")[0]) for k in data.files if k[0].isdigit()}):
        keys = [k for k in data.files if k.startswith(f"{number}.")]
        kind = keys[0].split(".")[1]
        p = {k.split(".")[2]: data[k] for k in keys}
        if kind == "Conv2d":
            weight, bias = (torch.from_numpy(p[k]).float() for k in ("weight", "bias"))
            options = {k: tuple(p[k].tolist()) for k in ("stride", "padding")}
            layers.append(
                stateless(
                    lambda s, w=weight, b=bias, o=options: torch.nn.functional.conv2d(s, w, b, **o)
                )
            )
        elif kind == "SumPool2d":
            size = tuple(p["kernel_size"].tolist())
            layers.append(stateless(torch.nn.AvgPool2d(size, divisor_override=1)))
        elif kind == "Flatten":
            layers.append(stateless(torch.nn.Flatten()))
        elif kind == "Affine":
            weight, bias = (torch.from_numpy(p[k]).float() for k in ("weight", "bias"))
            layers.append(
                stateless(lambda s, w=weight, b=bias: torch.nn.functional.linear(s, w, b))
            )
        elif kind == "IF":
            layers.append(neurons(p))
        elif kind != "Output":
            raise SystemExit(f"no layer for {kind}")
    return layers, lambda: [None] * len(layers)


def plain(data):
    def neurons(p):
        threshold = torch.from_numpy(p["v_threshold"]).float()
        reset = torch.from_numpy(p["v_reset"]).float()

        def step(s, v):
            v = s if v is None else v + s
            fired = v > threshold
            return fired.float(), torch.where(fired, reset, v)

        return step

    return build(data, neurons)


def with_snntorch(data, snntorch):
    """Leaky without leak. It resets at the next step, so it may spike a little differently."""

    def neurons(p):
        cell = snntorch.Leaky(
            beta=1.0, threshold=float(p["v_threshold"].flat[0]), reset_mechanism="zero"
        )

        def step(s, v):
            return cell(s, torch.zeros_like(s) if v is None else v)

        return step

    return build(data, neurons)


if __name__ == "__main__":
    main()
