"""Read and write NIR 1.0: the only file that knows that format.

NIR (Pedersen et al., Nat. Commun. 15:8122, 2024) holds continuous-time nodes and says neither a
time step nor an integrator, so `read` asks for them, and `write` puts them into the graph's
metadata beside ``tool = "mossy"``. Files are read with h5py into nested dicts and live graphs
through `to_dict()`; both then take one way, `from_dict`.

SigmaDelta, ResonateFire, AdaptiveLIF and GradedLIF have no form in NIR: `write` refuses them.

Nested graphs are flattened: node `x` inside graph `sub` becomes `sub.x`, and the inner Input and
Output vanish. A missing v_reset is zero and a missing w_in is one, as in the `nir` package.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import nir
import numpy as np

from mossy.errors import BadInput, UnsupportedNode
from mossy.network import hdf5, shapes
from mossy.network import nodes as kinds
from mossy.network.graph import build
from mossy.network.nodes import Integrator, Network, Node, Reset, Shape

Edge = tuple[str, str]
Tree = Mapping[str, Any]

SUPPORTED: dict[str, type[Any]] = {
    name: getattr(kinds, name)
    for name in (
        "Affine", "AvgPool2d", "Conv1d", "Conv2d", "CubaLI", "CubaLIF", "Delay", "Flatten", "I",
        "IF", "Input", "LI", "LIF", "Linear", "Output", "Scale", "SumPool2d", "Threshold",
    )
}  # fmt: skip
SHAPE_HINT = {"Conv1d": "input_shape", "Conv2d": "input_shape", "Flatten": "input_type"}
RESERVED = ("tool", "dt", "integrator", "reset", "name", "node_order")


def read(
    path: str | Path,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: Reset | None = None,
) -> Network:
    """Return the network in a `.nir` file. dt: seconds.

    What is None is taken from the metadata of a file that mossy wrote; in other files the
    integrator is then "euler", the reset "node", and a dt must be given. Raises BadInput E0113
    (not a readable HDF5 file), E0114 (something missing), E0115 (no dt), E0117 (nesting) and those
    of `graph.build`; UnsupportedNode E0201, E0202.
    """
    file = Path(path)
    tree = hdf5.tree(
        file,
        _text,
        code="E0113",
        allowed="a .nir file as nir.write saves it",
        hint="check the path, or copy the file again if it was cut short",
    )
    if "node" not in tree:
        raise BadInput(
            "E0114",
            "the file has no group 'node', so it holds no NIR graph",
            where=str(file),
            got=f"groups {', '.join(tree) or 'none'}",
            hint="save the graph with nir.write(path, graph)",
        )
    return _network(tree["node"], dt, integrator, reset, file.stem, str(file))


def from_nir(
    graph: object,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: Reset | None = None,
    name: str = "network",
) -> Network:
    """Return the network of a live `nir.NIRGraph`, or of any single NIR node. See `read`."""
    to_dict = getattr(graph, "to_dict", None)
    if to_dict is None:
        raise BadInput("E0114", "not a NIR graph", got=type(graph).__name__, allowed="nir.NIRGraph")
    return from_dict(to_dict(), dt, integrator, reset, name)


def from_dict(
    data: Tree,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: Reset | None = None,
    name: str = "network",
) -> Network:
    """Return the network of a graph in NIR's dict form. See `read`."""
    return _network(data, dt, integrator, reset, name, "NIR graph")


def _network(
    data: Tree,
    dt: float | None,
    integrator: Integrator | None,
    reset: Reset | None,
    name: str,
    where: str,
) -> Network:
    parts = _Parts(where)
    if _type(data, where) == "NIRGraph":
        parts.add_graph("", data)
    else:
        parts.add_root(data)
    parts.join()
    own = parts.metadata if parts.metadata.get("tool") == "mossy" else {}
    if dt is None and "dt" not in own:
        raise BadInput(
            "E0115",
            "NIR does not say its time step",
            where=where,
            hint="pass dt in seconds, the step the network was trained with, e.g. dt=1e-3",
        )
    order = json.loads(own["node_order"]) if "node_order" in own else []
    named = {key: parts.nodes[key] for key in order if key in parts.nodes}
    try:
        return build(
            named | parts.nodes,
            parts.edges,
            float(own["dt"]) if dt is None else dt,
            integrator or own.get("integrator", "euler"),  # type: ignore[arg-type]  # build checks
            reset or own.get("reset", "node"),  # type: ignore[arg-type]  # build checks
            own.get("name", name),
            metadata={k: v for k, v in parts.metadata.items() if not own or k not in RESERVED},
            shapes_in=parts.hints,
        )
    except BadInput as error:
        raise error.at(where) from None


def _text(value: Any) -> Any:
    return value.decode("utf8") if isinstance(value, bytes) else value


def _type(data: Any, where: str) -> str:
    if not isinstance(data, Mapping) or "type" not in data:
        raise BadInput("E0114", "a node has no field 'type'", where=where)
    return str(_text(data["type"]))


class _Parts:
    """Nodes, edges, metadata and shape hints, gathered while nested graphs are walked."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.metadata: dict[str, str] = {}
        self.hints: dict[str, Shape] = {}
        self.ports: list[str] = []  # inner Input and Output nodes, taken out by join()

    def add_graph(self, prefix: str, data: Tree) -> None:
        """Add a graph whose nodes are called `prefix` + their name."""
        place = f"{self.where}, graph {prefix[:-1]!r}" if prefix else self.where
        for key in ("nodes", "edges"):
            if key not in data:
                raise BadInput("E0114", f"the graph has no field {key!r}", where=place)
        # Ports of a nested graph by direction, by its name: an edge to it means an edge to them.
        inner: dict[str, dict[type[Any], list[str]]] = {}
        for key, item in data["nodes"].items():
            name = f"{prefix}{key}"
            if _type(item, f"{place}, node {key!r}") == "NIRGraph":
                before = len(self.ports)
                self.add_graph(f"{name}.", item)
                inner[key] = self._ports(name, self.ports[before:])
            else:
                self.add_node(name, item)
                if prefix and isinstance(self.nodes[name], kinds.Input | kinds.Output):
                    self.ports.append(name)
        for edge in data["edges"]:
            a, b = (str(_text(end)) for end in edge)
            start = self._port(prefix + a, inner.get(a), kinds.Output)
            self.edges.append((start, self._port(prefix + b, inner.get(b), kinds.Input)))
        for key, value in (data.get("metadata") or {}).items():
            self.metadata[f"{prefix[:-1]}/{key}" if prefix else str(key)] = str(_text(value))

    def _ports(self, graph: str, found: list[str]) -> dict[type[Any], list[str]]:
        own = [p for p in found if "." not in p[len(graph) + 1 :]]
        return {
            kind: [p for p in own if isinstance(self.nodes[p], kind)]
            for kind in (kinds.Input, kinds.Output)
        }

    def _port(self, name: str, ports: dict[type[Any], list[str]] | None, kind: type[Any]) -> str:
        if ports is None:
            return name
        if len(ports[kind]) == 1:
            return ports[kind][0]
        raise BadInput(
            "E0117",
            f"an edge to a nested graph needs exactly one inner {kind.__name__}",
            where=f"{self.where}, graph {name!r}",
            got=f"{len(ports[kind])}: {', '.join(ports[kind]) or 'none'}",
            hint=f"name the port in the edge, e.g. {name + '.' + kind.__name__.lower()!r}",
        )

    def add_node(self, name: str, data: Tree) -> None:
        """Add one node that is no graph."""
        if name in self.nodes:
            raise BadInput(
                "E0117",
                "two nodes get one name when nested graphs are flattened",
                where=self.where,
                got=repr(name),
                hint="rename the outer node",
            )
        place = f"{self.where}, node {name!r}"
        self.nodes[name] = _node(data, place)
        hint = data.get(SHAPE_HINT.get(_type(data, place), ""))
        if hint is not None:
            space = tuple(int(n) for n in np.ravel(hint))
            node = self.nodes[name]
            conv = isinstance(node, kinds.Conv1d | kinds.Conv2d)
            self.hints[name] = shapes.conv_in(node, space) if conv else space  # type: ignore[arg-type]
        for key, value in (data.get("metadata") or {}).items():
            self.metadata[f"{name}/{key}"] = str(_text(value))

    def add_root(self, data: Tree) -> None:
        """Add a file's only node, between an Input and an Output."""
        self.add_node("node", data)
        node = self.nodes["node"]
        shape: Shape | None = self.hints.get("node")
        if isinstance(node, kinds.Affine | kinds.Linear):
            weight = np.shape(node.weight)
            shape = (*weight[:-2], *weight[-1:])
        elif type(node).__name__ in shapes.PARAMETERS:
            shape = np.broadcast_shapes(
                *(np.shape(getattr(node, k)) for k in shapes.PARAMETERS[type(node).__name__])
            )
        if shape is None:
            raise BadInput(
                "E0114",
                f"a single {type(node).__name__} does not tell the shape of its input",
                where=self.where,
                hint="save a graph with Input and Output nodes",
            )
        self.nodes = {"input": kinds.Input(shape), "node": node, "output": kinds.Output(shape)}
        if type(node).__name__ not in shapes.PARAMETERS:
            given = shapes.output_shape("node", node, shape)
            self.nodes["output"] = kinds.Output(given)
        self.edges = [("input", "node"), ("node", "output")]

    def join(self) -> None:
        """Take out the inner Input and Output nodes, joining what they connect."""
        for port in self.ports:
            before = [a for a, b in self.edges if b == port]
            joined: list[Edge] = []
            for a, b in self.edges:
                if a == port:
                    joined.extend((source, b) for source in before)
                elif b != port:
                    joined.append((a, b))
            self.edges = joined
            del self.nodes[port]


def _node(data: Tree, place: str) -> Node:
    kind = _type(data, place)
    if kind not in SUPPORTED:
        raise UnsupportedNode(
            "E0201",
            "unknown node type",
            where=place,
            got=repr(kind),
            allowed=", ".join((*SUPPORTED, "NIRGraph")),
            hint="express it by supported nodes",
        )
    values = {
        key: _text(value)
        for key, value in data.items()
        if key not in ("type", "metadata", SHAPE_HINT.get(kind))
    }
    known = [f.name for f in fields(SUPPORTED[kind])]
    strange = [key for key in values if key not in known]
    if strange:
        raise UnsupportedNode(
            "E0202",
            f"{kind} has a field that NIR 1.0 does not define, so its meaning is not known",
            where=place,
            got=", ".join(strange),
            allowed=", ".join(known),
            hint="remove the field if it changes nothing",
        )
    if "v_reset" in known and values.get("v_reset") is None and "v_threshold" in values:
        values["v_reset"] = np.zeros_like(values["v_threshold"], dtype=np.float64)
    if "w_in" in known and "w_in" not in values:
        values["w_in"] = 1.0
    missing = [key for key in known if key not in values]
    if missing:
        raise BadInput(
            "E0114",
            f"{kind} lacks {', '.join(missing)}",
            where=place,
            got=", ".join(values) or "nothing",
            hint="save the graph again with nir.write",
        )
    return _make(kind, values, place)


def _make(kind: str, values: dict[str, Any], place: str) -> Node:
    """Return the node; `graph.build` checks every value."""
    if kind in ("Input", "Output"):
        if values["shape"] is None:
            raise BadInput("E0114", f"{kind} has no shape", where=place)
        values["shape"] = tuple(np.ravel(values["shape"]).tolist())
    for key in ("weight", "bias"):
        if key in values:
            values[key] = np.asarray(values[key])
    if "groups" in values:
        values["groups"] = int(np.ravel(values["groups"])[0])
    node: Node = SUPPORTED[kind](**values)
    return node


def write(net: Network, path: str | Path) -> None:
    """Write `net` as a NIR file that holds dt, integrator and reset in the graph's metadata.

    `nir.read` reads it back. Where NIR's own shape inference is wrong (kernels that are not
    square, groups, "same" with a stride) it needs ``type_check=False``. Raises UnsupportedNode
    E0201 for a node that NIR does not define.
    """
    for key, node in net.nodes.items():
        if type(node).__name__ not in SUPPORTED:
            raise UnsupportedNode(
                "E0201",
                f"NIR defines no {type(node).__name__}, so this network cannot be a NIR file",
                where=f"node {key!r}",
                allowed=", ".join(SUPPORTED),
                hint="keep the file it came from, or save the compiled program",
            )
    parts: dict[str, Any] = {key: _nir_node(net, key) for key in net.nodes}
    edges: list[Edge] = []
    for a, b in net.edges:
        gives, takes = net.shapes[a][1], net.shapes[b][0]
        if gives == takes or len(takes) != 1:
            edges.append((a, b))
            continue
        # NIR demands equal shapes on an edge, so what mossy flattens silently is written out.
        middle = f"{a}.to.{b}"
        parts[middle] = nir.Flatten({"input": np.array(gives)}, start_dim=0, end_dim=-1)
        edges += [(a, middle), (middle, b)]
    graph_metadata = {k: v for k, v in net.metadata.items() if "/" not in k}
    graph_metadata |= {
        "tool": "mossy",
        "name": net.name,
        "dt": repr(net.dt),
        "integrator": net.integrator,
        "reset": net.reset,
        "node_order": json.dumps(list(parts)),
    }
    nir.write(path, nir.NIRGraph(parts, edges, metadata=graph_metadata, type_check=False))


def _nir_node(net: Network, key: str) -> Any:
    node, shape = net.nodes[key], net.shapes[key][0]
    values = {f.name: getattr(node, f.name) for f in fields(node)}
    kind = type(node).__name__
    make: Callable[..., Any] = getattr(nir, kind)
    if isinstance(node, kinds.Input | kinds.Output):
        made = make(np.array(node.shape))
    elif isinstance(node, kinds.Flatten):
        made = make({"input": np.array(shape)}, **values)
    elif isinstance(node, kinds.Conv1d):
        made = make(input_shape=shape[1], **values)
    elif isinstance(node, kinds.Conv2d):
        made = make(input_shape=shape[1:], **values)
    elif isinstance(node, kinds.SumPool2d | kinds.AvgPool2d):
        made = make(**{k: np.array(v) for k, v in values.items()})
    else:
        made = make(**values)
    prefix = f"{key}/"
    made.metadata = {k[len(prefix) :]: v for k, v in net.metadata.items() if k.startswith(prefix)}
    return made
