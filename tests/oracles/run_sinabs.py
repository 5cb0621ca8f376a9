"""Run convolution layers on the chip backend of sinabs 3.1.3.

    .oracles/torch/bin/python -m tests.oracles.run_sinabs IN.npz OUT.npz

(from the root of the checkout), where IN holds networks to run or models to place. The backend
imports its vendor's driver when it is loaded, though neither layers nor placement need it; an empty
module of that name stands in, so nothing is installed or asked for. `DynapcnnLayer` rounds the
parameters; its convolution and neurons are then run frame by frame, and its placement is
`get_valid_mapping`.
"""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.speck_exchange import (
    Ints,
    Layer,
    Network,
    Shape,
    Trace,
    holds_networks,
    load_networks,
    load_shapes,
    pooled,
    read_shape,
    save_placements,
    save_traces,
)


class _Anything(type):
    """A class that has whatever attribute it is asked for, again such a class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _Empty(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _StandIn:
    """Finds an empty module for the driver and everything in it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] not in ("samna", "samnagui"):
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        module = _Empty(spec.name)
        module.__path__ = []
        vars(module)["__version__"] = "0"
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave the module empty."""


sys.meta_path.insert(0, _StandIn())

# The package lives in an environment of its own and ships no types.
import sinabs.layers as sl  # type: ignore[import-not-found]  # noqa: E402
import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from sinabs.activation import (  # type: ignore[import-not-found]  # noqa: E402
    MembraneReset,
    MembraneSubtract,
    MultiSpike,
    SingleSpike,
)
from sinabs.backend.dynapcnn.chips.dynapcnn import (  # type: ignore[import-not-found]  # noqa: E402
    DynapcnnConfigBuilder,
)
from sinabs.backend.dynapcnn.dynapcnn_layer import (  # type: ignore[import-not-found]  # noqa: E402
    DynapcnnLayer,
)
from sinabs.backend.dynapcnn.mapping import (  # type: ignore[import-not-found]  # noqa: E402
    get_valid_mapping,
)
from torch import nn  # type: ignore[import-not-found,unused-ignore]  # noqa: E402


def run(network: Network) -> list[Trace]:
    """Return what every layer became and did."""
    shape: Shape = network["x"].shape[1:]
    x, traces = torch.tensor(network["x"]).float(), []
    for layer in network["layers"]:
        made = _made(layer, shape)
        spikes, states, sent = [], [], []
        for frame in x:
            every, few = made(frame[None])
            spikes.append(every[0].numpy())
            sent.append(few[0])
            states.append(made.spk.v_mem[0].numpy().copy())
        traces.append(_trace(made, layer, np.stack(spikes), np.stack(states)))
        x, shape = torch.stack(sent), pooled(read_shape(layer, shape), layer["pool"])
    return traces


def _made(layer: Layer, shape: Shape) -> Any:
    subtract, has_bias = layer["subtract"], bool(layer["bias"].size)
    weight = torch.tensor(layer["weight"])
    conv: Any
    if weight.ndim == 2:
        conv = nn.Linear(weight.shape[1], weight.shape[0], bias=has_bias)
    else:
        stride, padding = tuple(layer["stride"].tolist()), tuple(layer["padding"].tolist())
        f, c, k, _ = weight.shape
        conv = nn.Conv2d(c, f, k, stride, padding, bias=has_bias)
    conv.weight.data = weight
    if has_bias:
        conv.bias.data = torch.tensor(layer["bias"])
    neurons = sl.IAFSqueeze(
        batch_size=1,
        spike_threshold=torch.tensor(layer["threshold"]),
        min_v_mem=layer["v_min"],
        spike_fn=MultiSpike if subtract else SingleSpike,
        reset_fn=MembraneSubtract() if subtract else MembraneReset(),
    )
    pools = [(1, 1), (layer["pool"],) * 2]
    return DynapcnnLayer(conv, neurons, in_shape=shape, pool=pools, discretize=True)


def _trace(made: Any, layer: Layer, spikes: Any, states: Any) -> Trace:
    bias = made.conv.bias
    found = [
        made.conv.weight.detach().numpy(),
        np.zeros(len(layer["weight"])) if bias is None else bias.detach().numpy(),
        made.spk.spike_threshold.numpy(),
        made.spk.min_v_mem.numpy(),
        spikes,
        states,
    ]
    whole = [np.rint(a).astype(np.int64) for a in found]
    for a, b in zip(found, whole, strict=True):
        assert np.array_equal(a, b), "a number of the quantised layer is not whole"
    return Trace(*whole)


def place(layers: Ints) -> tuple[bool, Ints]:
    """Return whether the layers find a core each, and their words of kernel, state, bias memory."""
    models = {}
    for i, (f, c, k, y, x, bias) in enumerate(layers.tolist()):
        conv = nn.Conv2d(c, f, k, bias=bool(bias))
        neurons = sl.IAFSqueeze(batch_size=1)
        shape = (c, y + k - 1, x + k - 1)
        models[i] = DynapcnnLayer(conv, neurons, in_shape=shape, pool=[(1, 1)], discretize=False)
    words = [m.memory_summary() for m in models.values()]
    rows = np.array([[int(w[key]) for key in ("kernel", "neuron", "bias")] for w in words])
    try:
        get_valid_mapping(models, DynapcnnConfigBuilder.get_constraints())
    except ValueError:
        return False, rows
    return True, rows


def main(source: str, target: str) -> None:
    """Read networks or models from `source`, write what becomes of them to `target`."""
    with torch.no_grad():
        if holds_networks(Path(source)):
            save_traces(Path(target), [run(n) for n in load_networks(Path(source))])
        else:
            save_placements(Path(target), [place(m) for m in load_shapes(Path(source))])


if __name__ == "__main__":
    main(*sys.argv[1:])
