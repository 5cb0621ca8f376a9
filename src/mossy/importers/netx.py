"""Load a network from a NetX file (.net, HDF5), as lava-dl exports trained networks.

    layer/0, layer/1, ...    type, shape; for most also weight, bias, delay, neuron/...

Layers follow one another unless a `concat` names others. Images are (channels, height, width);
kernels are cross-correlations (c_out, c_in, k_y, k_x); pairs are (vertical, horizontal); flattening
is in C order. Weights are whole multiples of 1/64: the network gets weight/64, and neurons as in
`netx_neurons`. A delay is the neuron's own (axonal, in steps); above 62 it is cut to 62 with a
note, as lava-dl's own reader does.

    input     Input; neurons of it that spike come behind a Scale by weight/64
    dense     Linear, neurons; dense_rec also a Linear from them to themselves
    conv      Conv2d, neurons          average   the mean of equal groups, in order
    flatten   nothing: shapes meet in C order
    concat    the layer before and those in `layers`, joined along the first axis

The sigma-delta encoding of the input is the host's: give the network
`signals.encode.delta(x, threshold)`; the program's notes say which threshold. The bias of a
sigma-delta layer is its neuron's, a = max(s + bias, 0), and not added with every event.

Read: the format's description and the reader and exporter of lava-dl at d825ac5; tried on the
networks in its tests and tutorials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mossy.errors import BadInput, MossyError, UnsupportedNode
from mossy.importers import netx_neurons as neurons
from mossy.network import hdf5, shapes
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.nodes import Array, Integrator, Network, Node, Pair, Reset, Shape

Tree = Mapping[str, Any]
Part = tuple[str, Shape]  # a node's name, and the shape of what it gives here

LONGEST_DELAY = 62
WINDOW = ("kernelSize", "stride", "padding", "dilation", "groups", "inChannels", "outChannels")
FIELDS = {
    "input": ("neuron", "weight", "bias"),
    "dense": ("neuron", "weight", "bias", "delay", "inFeatures", "outFeatures"),
    "dense_rec": ("neuron", "weight", "weight_rec", "bias", "inFeatures", "outFeatures"),
    "conv": ("neuron", "weight", "bias", "delay", *WINDOW),
    "average": (),
    "flatten": (),
    "concat": ("layers",),
}


def load(
    path: str | Path,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: Reset | None = None,
) -> Network:
    """Return the network in a NetX file. dt: seconds, the length of one of its steps.

    Decays per step and the reset to zero are in the file, so integrator and reset are not to be
    chosen. Raises BadInput E0102, E0115, E0137 and those of `graph.build`; UnsupportedNode E0138
    (layers) and E0139 (neurons).
    """
    file = Path(path)
    for key, value, own in (("integrator", integrator, "euler"), ("reset", reset, "node")):
        if value not in (None, own):
            raise BadInput(
                "E0102",
                f"a NetX file leaves no choice of the {key}",
                where=str(file),
                got=repr(value),
                allowed=repr(own),
                hint="leave it out",
            )
    layers = _layers(file)
    if dt is None:
        raise BadInput(
            "E0115",
            "NetX does not say its time step",
            where=str(file),
            hint="pass dt in seconds, the length of one step of the training data, e.g. dt=1e-3",
        )
    reader = _Reader(dt)
    try:
        for i, layer in enumerate(layers):
            reader.add(i, layer)
        reader.finish()
        return build(reader.nodes, reader.edges, dt, name=file.stem, metadata=reader.metadata())
    except MossyError as error:
        raise error.at(str(file)) from None


def _layers(file: Path) -> list[Tree]:
    """The layers in order. Raises BadInput E0137."""
    tree = hdf5.tree(
        file,
        _plain,
        code="E0137",
        allowed="a .net file as lava-dl's export_hdf5 writes it",
        hint="check the path; a file of about 130 bytes is a pointer that git lfs replaces",
    )
    found = tree.get("layer", {})
    wanted = [str(i) for i in range(len(found))] if isinstance(found, dict) else []
    if not wanted or set(wanted) != set(found):
        raise BadInput(
            "E0137",
            "no layers numbered from 0, so this is no NetX file",
            where=str(file),
            got=", ".join(found if isinstance(found, dict) and found else tree) or "nothing",
            allowed="groups layer/0, layer/1, ...",
            hint="export the network again with export_hdf5",
        )
    return [found[i] if isinstance(found[i], dict) else {} for i in wanted]


def _plain(value: Any) -> Any:
    """Strings as str; an array of one string is that string."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO" and value.size == 1:
        value = value.ravel()[0]
    return value.decode("utf8", "replace") if isinstance(value, bytes) else value


class _Reader:
    """Nodes and edges while the layers are walked."""

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self.parts: list[list[Part]] = []  # what each layer gives, joined along the first axis
        self.said: list[str] = []

    def metadata(self) -> dict[str, str]:
        """Return what the user must know: programs repeat it among their notes."""
        return {"note": "; ".join(self.said)} if self.said else {}

    def add(self, i: int, layer: Tree) -> None:
        """Add layer `i`. Raises UnsupportedNode E0138 and E0139, BadInput E0137."""
        kind = _kind(layer, f"layer {i}")
        place = f"layer {i} ({kind})"
        try:
            before = self.parts[-1] if i else []
            if (i == 0) != (kind == "input"):
                if i or kind not in ("dense", "dense_rec"):
                    raise _wrong("only layer 0 is an input, or dense", place, kind, "input first")
                shape = self._matrix(layer, place).shape[1:]
                before = [self._put("input", nd.Input(shape), (), shape)]
            made: list[Part] = getattr(self, f"_{kind}")(i, layer, before, place)
            size = sum(shapes.size(shape) for _, shape in made)
            stated = _whole(layer.get("shape", size))
        except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise _wrong("a field does not hold what it must", place, reason, None) from None
        if kind != "average" and size != math.prod(stated):
            raise _wrong("the layer is not of its stated shape", place, size, stated)
        self.parts.append(made)

    def finish(self) -> None:
        """Add the Output."""
        (name, shape), *more = self.parts[-1]
        if more:
            raise _wrong("the last layer is a concat", "network", len(more) + 1, "one layer")
        self._put("output", nd.Output(shape), (name,), shape)

    # -------------------------------------------------------------------------- layers
    def _input(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        shape = tuple(_whole(_get(layer, "shape", place)))
        part = self._put("input", nd.Input(shape), (), shape)
        neuron = layer.get("neuron")
        if neuron is None:
            return [part]
        if neurons.kind(neuron, place) == "SDNN":
            threshold = float(np.ravel(_get(neuron, "vThMant", place))[0])
            signal = "x"
            if "weight" in layer or "bias" in layer:
                w, b = (np.ravel(layer.get(k, v))[0] for k, v in (("weight", 1), ("bias", 0)))
                signal = f"{w:g} x + {b:g}"
            self.said.append(f"inputs are changes: signals.encode.delta({signal}, {threshold:g})")
            return [part]
        scale = neurons.spread(layer.get("weight", neurons.UNIT), shape, "weight", place)
        part = self._put("input.weight", nd.Scale(scale / neurons.UNIT), ("input",), shape)
        return [self._neurons(i, layer, [part[0]], shape, place)]

    def _dense(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        weight = self._matrix(layer, place)
        widths = [shapes.size(shape) for _, shape in before]
        if sum(widths) != weight.shape[1]:
            raise _wrong("weight does not fit what arrives", place, weight.shape, sum(widths))
        made, first = [], 0
        for k, ((source, _), width) in enumerate(zip(before, widths, strict=True)):
            name = f"layer{i}.weight" + (f"{k}" if k else "")
            columns = weight[:, first : first + width]
            made.append(self._put(name, nd.Linear(columns), (source,), weight.shape[:1])[0])
            first += width
        return [self._neurons(i, layer, made, weight.shape[:1], place)]

    def _dense_rec(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        (made,) = self._dense(i, layer, before, place)
        own = np.asarray(_get(layer, "weight_rec", place), float) / neurons.UNIT
        n = shapes.size(made[1])
        if own.size != n * n:
            raise _wrong("weight_rec does not fit the layer", place, own.shape, (n, n))
        self._put(f"layer{i}.recurrent", nd.Linear(own.reshape(n, n)), (made[0],), made[1])
        self.edges.append((f"layer{i}.recurrent", f"layer{i}"))
        return [made]

    def _conv(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        weight = np.asarray(_get(layer, "weight", place), float) / neurons.UNIT
        weight = weight.reshape(weight.shape[:4]) if weight.shape[4:] == (1,) else weight
        groups = _whole(layer.get("groups", 1))[0]
        channels = [shape[0] for _, shape in before]
        if weight.ndim != 4 or sum(channels) != weight.shape[1] * groups:
            raise _wrong("weight does not fit what arrives", place, weight.shape, sum(channels))
        flat = next((shape for _, shape in before if len(shape) != 3), None)
        if flat is not None:
            raise _wrong("a convolution over what is no image", place, flat, "(c, y, x)")
        if len(before) > 1 and groups > 1:
            raise _wrong("a convolution in groups behind a concat", place, groups, "groups 1")
        around: dict[str, Any] = {
            key: _pair(layer.get(key, plain), key, place)
            for key, plain in (("stride", 1), ("padding", 0), ("dilation", 1))
        }
        made, first = [], 0
        out: Shape = ()
        for k, (source, shape) in enumerate(before):
            width = weight.shape[1] if groups > 1 else shape[0]
            own = np.ascontiguousarray(weight[:, first : first + width])
            conv = nd.Conv2d(own, np.zeros(len(own)), groups=groups, **around)
            name = f"layer{i}.weight" + (f"{k}" if k else "")
            out = shapes.output_shape(name, conv, shape)
            made.append(self._put(name, conv, (source,), out)[0])
            first += width
        return [self._neurons(i, layer, made, out, place)]

    def _average(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        groups = math.prod(_whole(_get(layer, "shape", place)))
        (source, shape), *more = before
        n = shapes.size(shape)
        if more or n % groups:
            raise _wrong("an average over unequal groups", place, n, f"a multiple of {groups}")
        mean = np.kron(np.eye(groups), np.full((1, n // groups), groups / n))
        return [self._put(f"layer{i}", nd.Linear(mean), (source,), (groups,))]

    def _flatten(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        return [(name, (shapes.size(shape),)) for name, shape in before]

    def _concat(self, i: int, layer: Tree, before: list[Part], place: str) -> list[Part]:
        ids = _whole(_get(layer, "layers", place))
        if not all(0 <= k < i for k in ids):
            raise _wrong(
                "concat names a layer that does not come before", place, ids, f"0 to {i - 1}"
            )
        if i - 1 not in ids:
            ids.insert(0, i - 1)
        return [part for k in ids for part in self.parts[k]]

    # -------------------------------------------------------------------------- pieces
    def _matrix(self, layer: Tree, place: str) -> Array:
        weight = np.asarray(_get(layer, "weight", place), float) / neurons.UNIT
        if weight.ndim == 1:
            rows = math.prod(_whole(_get(layer, "shape", place)))
            weight = weight.reshape(rows, -1) if weight.size % rows == 0 else weight
        if weight.ndim != 2:
            raise _wrong("the weight of a dense layer", place, weight.shape, "(out, in)")
        return weight

    def _neurons(self, i: int, layer: Tree, sources: list[str], shape: Shape, place: str) -> Part:
        """Add the layer's neurons and their delay behind `sources`, which are added up."""
        neuron, bias = layer.get("neuron"), layer.get("bias")
        if neuron is None:
            if bias is not None and np.any(bias):
                raise _wrong("a bias without neurons", place, np.size(bias), "no bias")
            made: Node = neurons.integrator()
        else:
            made = neurons.node(neuron, bias, shape, self.dt, place)
        part = self._put(f"layer{i}", made, tuple(sources), shape)
        if "delay" not in layer:
            return part
        steps = neurons.spread(layer["delay"], shape, "delay", place)
        if (steps > LONGEST_DELAY).any():
            self.said.append(
                f"layer{i}: {int((steps > LONGEST_DELAY).sum())} delays of up to {steps.max():g} "
                f"steps are cut to {LONGEST_DELAY}"
            )
        delay = nd.Delay(np.minimum(np.floor(steps), LONGEST_DELAY) * self.dt)
        return self._put(f"layer{i}.delay", delay, (part[0],), shape)

    def _put(self, name: str, node: Node, sources: tuple[str, ...], shape: Shape) -> Part:
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return name, shape


def _kind(layer: Tree, place: str) -> str:
    """The layer's type, its fields checked. Raises UnsupportedNode E0138."""
    kind = str(layer.get("type", ""))
    if kind not in FIELDS:
        raise UnsupportedNode(
            "E0138",
            "unknown type of layer" if kind else "a layer without a type",
            where=place,
            got=repr(kind) if kind else ", ".join(layer) or "nothing",
            allowed=", ".join(FIELDS),
            hint="train the network with these layers",
        )
    strange = [k for k in layer if k not in ("type", "shape", *FIELDS[kind])]
    if strange or isinstance(layer.get("weight"), dict):
        raise UnsupportedNode(
            "E0138",
            f"a {kind} layer with a field whose meaning is not known",
            where=place,
            got=", ".join(strange) or "complex weights",
            allowed=", ".join(("type", "shape", *FIELDS[kind])),
            hint="train the layer without it",
        )
    return kind


def _get(layer: Tree, key: str, place: str) -> Any:
    if key in layer:
        return layer[key]
    raise _wrong(f"the layer lacks {key}", place, ", ".join(layer), None)


def _whole(value: Any) -> list[int]:
    """Return `value` as whole numbers. Raises ValueError."""
    numbers = np.ravel(value).tolist()
    if not all(isinstance(n, int | float) and n == n // 1 for n in numbers):
        raise ValueError(f"{numbers} where whole numbers belong")
    return [int(n) for n in numbers]


def _pair(value: Any, key: str, place: str) -> Pair:
    """(vertical, horizontal); a number stands for both."""
    numbers = _whole(value)
    if len(numbers) not in (1, 2):
        raise _wrong(f"{key} of a convolution", place, numbers, "one or two numbers")
    return numbers[0], numbers[-1]


def _wrong(what: str, place: str, got: object, allowed: object) -> BadInput:
    return BadInput(
        "E0137", what, where=place, got=got, allowed=allowed, hint="export the network again"
    )
