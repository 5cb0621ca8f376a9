"""From a PyTorch module for one time step to a network, by running it once and watching.

Forward hooks see which module's output tensor enters which module, so the graph is what the
module really does. A tensor that no module made, or that was changed in place, means that the
forward function computes something itself; that is refused, since it would be lost.

Known modules are found by their exact class, so a subclass with another forward is not mistaken
for its parent. Layers: `torch_layers`; neurons: `snntorch`, `norse`. The libraries' own exports to
NIR drop options that change the result (see `nir_export`), so they are used only where asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mossy.errors import BadInput, UnsupportedNode
from mossy.importers import norse, snntorch, torch_layers
from mossy.importers.nir_export import export
from mossy.importers.pieces import Piece, Setting, refuse
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.nodes import Integrator, Network, Node, Reset

Convert = Callable[[Any, Setting, str], Piece]
KNOWN: dict[str, Convert] = {**torch_layers.LAYERS, **snntorch.NEURONS, **norse.NEURONS}


@dataclass(frozen=True)
class _Call:
    """One module at work: where its input came from, shapes without batch."""

    name: str
    source: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


def from_torch(
    module: Any,
    sample: Any,
    *,
    dt: float,
    integrator: Integrator = "euler",
    reset: Reset | None = None,
    name: str = "network",
    through: Literal["forward", "nir"] = "forward",
) -> Network:
    """Return the network that computes what `module` does, one call being one step of `dt` s.

    sample: (batch, *shape), the input of one step, as a tensor or an array. reset: None takes the
    module's own; naming the other one is an error. through: "forward" follows one forward pass,
    "nir" takes the export of the module's own library, with what that loses. The module's state
    is left as it was. Raises UnsupportedNode E0203 (a module), E0204 (an option of one), E0205
    (the way they are joined) and BadInput E0119 (no module, or no PyTorch), E0124 (the module
    fails on the sample) and E0125 (no export).
    """
    torch = _torch(module)
    if through == "nir":
        x = sample if isinstance(sample, torch.Tensor) else _tensor(torch, module, sample)
        return export(module, x, dt, integrator, reset, name)
    leaves = _leaves(module, "")
    calls, last = _watch(torch, module, leaves, sample)
    setting = Setting(dt, integrator, (), ())
    pieces = {
        c.name: KNOWN[_kind(leaves[c.name])](
            leaves[c.name],
            replace(setting, in_shape=c.in_shape, out_shape=c.out_shape),
            c.name,
        )
        for c in calls
    }
    nodes, edges = _assemble(calls, pieces, last)
    return build(nodes, edges, dt, integrator, _reset(pieces, reset), name)


def _torch(module: Any) -> Any:
    try:
        import torch
    except ImportError:
        raise BadInput(
            "E0119", "PyTorch is not installed", hint="pip install 'mossy[learn]'"
        ) from None
    if not isinstance(module, torch.nn.Module):
        raise BadInput(
            "E0119",
            "not a PyTorch module",
            got=type(module).__name__,
            allowed="torch.nn.Module",
            hint="an instance, not its class or its output",
        )
    return torch


def _kind(module: Any) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _leaves(module: Any, name: str) -> dict[str, Any]:
    """Return the known modules by path; containers are walked through."""
    if _kind(module) in KNOWN:
        return {name or "layer": module}
    children = dict(module.named_children())
    if not children:
        raise UnsupportedNode(
            "E0203",
            "module is not supported",
            where=f"module {name!r}" if name else None,
            got=_kind(module),
            allowed=", ".join(sorted(k.rpartition(".")[2] for k in KNOWN)),
            hint="spiking networks use neurons for what ReLU and pooling by maximum do",
        )
    found: dict[str, Any] = {}
    for key, child in children.items():
        found |= _leaves(child, f"{name}.{key}" if name else key)
    return found


def _watch(torch: Any, module: Any, leaves: dict[str, Any], sample: Any) -> tuple[list[_Call], str]:
    """Return the calls in order, and the name of the module whose output is the result."""
    watcher = _Watcher(torch)
    x = sample if isinstance(sample, torch.Tensor) else _tensor(torch, module, sample)
    watcher.made(x, "input")
    # snnTorch keeps its state in buffers, replaced at each call; they are put back.
    kept = [(m, dict(m._buffers)) for m in module.modules()]
    hooks = [
        leaf.register_forward_hook(lambda _, args, out, key=key: watcher.saw(key, args, out))
        for key, leaf in leaves.items()
    ]
    try:
        with torch.no_grad():
            result = module(x)
    except (RuntimeError, TypeError, ValueError) as error:
        raise BadInput(
            "E0124",
            "the module does not run on this sample",
            got=f"shape {tuple(x.shape)}: {(str(error) or repr(error)).splitlines()[0]}",
            allowed="(batch, *shape), the input of one step",
            hint="call module(sample) yourself first",
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
        for part, buffers in kept:
            part._buffers.update(buffers)
    source = watcher.origin(_first(torch, result))
    if source is None or source == "input":
        raise UnsupportedNode(
            "E0205",
            "the result is not the output of a supported module",
            got=type(result).__name__,
            hint="pass the part that computes one step and returns its last module's output",
        )
    unused = [key for key in leaves if all(c.name != key for c in watcher.calls)]
    if unused:
        raise UnsupportedNode(
            "E0205",
            "a module takes no part in the forward pass",
            where=f"module {unused[0]!r}",
            hint="remove it, or pass a sample that reaches it",
        )
    return watcher.calls, source


def _tensor(torch: Any, module: Any, sample: Any) -> Any:
    """Return an array as a tensor of the kind of the module's own parameters."""
    own = next(module.parameters(), torch.empty(0))
    return torch.as_tensor(np.asarray(sample)).to(own)


def _first(torch: Any, value: Any) -> Any:
    while isinstance(value, tuple | list) and value:
        value = value[0]
    return value if isinstance(value, torch.Tensor) else None


class _Watcher:
    """Remembers which module made which tensor during one forward pass."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.calls: list[_Call] = []
        # By id; the tensor is kept alive, or its id could be given to another.
        self.makers: dict[int, tuple[Any, int, str]] = {}

    def made(self, tensor: Any, name: str) -> None:
        """Note that `name` made `tensor`, in its present version."""
        self.makers[id(tensor)] = (tensor, tensor._version, name)

    def origin(self, tensor: Any) -> str | None:
        """Return who made `tensor`; None if nobody known, or if it was changed since."""
        found = self.makers.get(id(tensor))
        return found[2] if found and found[1] == tensor._version else None

    def saw(self, name: str, args: tuple[Any, ...], output: Any) -> None:
        """Note one call of the module `name`."""
        taken, given = _first(self.torch, args), _first(self.torch, output)
        source = None if taken is None else self.origin(taken)
        if source is None:
            raise UnsupportedNode(
                "E0205",
                "the input of this module is computed outside every supported module",
                where=f"module {name!r}",
                hint="use modules, such as nn.Flatten, in place of functions and slices, and "
                "pass the part that computes one step",
            )
        if any(c.name == name for c in self.calls):
            raise UnsupportedNode(
                "E0205",
                "the module runs twice in one forward pass",
                where=f"module {name!r}",
                hint="pass the part that computes one step, or give each place its own module",
            )
        if given is taken:
            self.calls.append(_Call(name, source, tuple(taken.shape[1:]), tuple(taken.shape[1:])))
            return
        self.calls.append(_Call(name, source, tuple(taken.shape[1:]), tuple(given.shape[1:])))
        self.made(given, name)


def _assemble(
    calls: list[_Call], pieces: dict[str, Piece], last: str
) -> tuple[dict[str, Node], list[tuple[str, str]]]:
    first, final = _free("input", pieces), _free("output", pieces)
    ends = {"input": first}  # where the signal of a module can be picked up
    nodes: dict[str, Node] = {first: nd.Input(calls[0].in_shape)}
    edges: list[tuple[str, str]] = []
    for call in calls:
        piece = pieces[call.name]
        source = ends[call.source]
        if not piece.nodes:
            ends[call.name] = source
            continue
        if piece.bias is not None:
            shared = sum(c.source == call.source for c in calls) > 1
            nodes[source] = _biased(nodes[source], piece.bias, call.name, shared)
        nodes |= {call.name + suffix: node for suffix, node in piece.nodes.items()}
        edges.append((source, call.name + piece.entry))
        edges += [(call.name + a, call.name + b) for a, b in piece.edges]
        ends[call.name] = call.name + piece.exit
    shape = next(c.out_shape for c in calls if c.name == last)
    nodes[final] = nd.Output(shape)
    edges.append((ends[last], final))
    return nodes, edges


def _biased(node: Node, bias: Any, where: str, shared: bool) -> Node:
    """Return the layer in front of a recurrent module with that module's constant input added."""
    if not shared and isinstance(node, nd.Linear):
        return nd.Affine(node.weight, bias)
    if not shared and isinstance(node, nd.Affine | nd.Conv2d):
        return replace(node, bias=node.bias + bias)
    if not bias.any():
        return node
    raise refuse(
        where,
        "the recurrent bias has no layer in front that can take it",
        hint="put nn.Linear in front of this module, or set the recurrent bias to zero",
    )


def _free(name: str, taken: dict[str, Piece]) -> str:
    while name in taken:
        name += "_"
    return name


def _reset(pieces: dict[str, Piece], asked: Reset | None) -> Reset:
    found = {p.reset: key for key, p in pieces.items() if p.reset is not None}
    if len(found) > 1:
        raise refuse(
            found["subtract"],
            "modules reset in different ways, a network resets in one",
            got=f"'subtract' here, 'node' in {found['node']!r}",
            hint="train all layers with one reset mechanism",
        )
    own = next(iter(found), asked or "node")
    if asked is not None and asked != own:
        raise refuse(found[own], "the module resets in another way", got=asked, allowed=own)
    return own
