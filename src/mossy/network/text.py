"""A network as text: complete enough to compare, short enough to read, the same on every machine.

    network digits  dt 0.001 s  integrator euler  reset node
      input  Input   (64,)
      fc1    Linear  (64,) -> (128,)  weight (128, 64) -0.41..0.52 #3fa91c02
    edge input -> fc1

An array is one number if constant, else its range and the first 8 digits of its sha256.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.network.graph import feedback_edges
from mossy.network.nodes import Input, Network, Output, Shape


def text(net: Network) -> str:
    """Return the text form of `net`, nodes in order of evaluation."""
    head = f"network {net.name}  dt {net.dt!r} s  integrator {net.integrator}  reset {net.reset}"
    rows = [(name, type(node).__name__) for name, node in net.nodes.items()]
    width, kind_width = (max(len(row[i]) for row in rows) for i in (0, 1))
    lines = [head]
    for name, kind in rows:
        shape = _arrow(*net.shapes[name])
        words = [f"  {name:<{width}}  {kind:<{kind_width}}  {shape}", *_parameters(net, name)]
        lines.append("  ".join(words))
    back = feedback_edges(net)
    for a, b in net.edges:
        lines.append(f"edge {a} -> {b}" + ("  feedback: one step late" if (a, b) in back else ""))
    return "\n".join(lines) + "\n"


def _arrow(before: Shape, after: Shape) -> str:
    return str(before) if before == after else f"{before} -> {after}"


def _parameters(net: Network, name: str) -> list[str]:
    node = net.nodes[name]
    if isinstance(node, Input | Output):
        return []
    return [f"{f.name} {_value(getattr(node, f.name))}" for f in fields(node)]


def _value(value: Any) -> str:
    return _array(value) if isinstance(value, np.ndarray) else str(value)


def _array(array: NDArray[np.float64]) -> str:
    if array.size == 0 or (array == array.flat[0]).all():
        return f"{array.flat[0]:.9g}" if array.size else "empty"
    digest = hashlib.sha256(np.ascontiguousarray(array, dtype="<f8").tobytes()).hexdigest()
    return f"{array.shape} {array.min():.4g}..{array.max():.4g} #{digest[:8]}"
