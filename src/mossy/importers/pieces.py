"""What one PyTorch module becomes, and how a decay per step becomes a time constant.

PyTorch libraries speak of decay factors per step, NIR of time constants. `tau` inverts mossy's own
integrator, so that the imported neuron decays by the module's factor at the module's step:

    euler        tau = dt / (1 - factor)        exponential    tau = -dt / ln(factor)

and a module that adds its input without the gain g = 1 - factor gets r = 1 / g, or w_in = 1 / g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mossy.errors import UnsupportedNode
from mossy.network.nodes import Array, Integrator, Node, Reset


@dataclass(frozen=True)
class Setting:
    """What a converter must know: `dt` in seconds, the integrator, and the signal's shapes.

    Shapes are those seen at the module, without batch.
    """

    dt: float
    integrator: Integrator
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Piece:
    """Nodes by suffix ("" is the module's own name) and their edges; a module as a subgraph.

    entry, exit: suffixes where the signal comes in and goes out. bias: to be added to the layer in
    front. reset: the network's reset that the piece relies on, None if it has no spikes.
    """

    nodes: dict[str, Node]
    edges: tuple[tuple[str, str], ...] = ()
    entry: str = ""
    exit: str = ""
    bias: Array | None = None
    reset: Reset | None = None


def array(value: Any) -> Array:
    """Return a tensor or a number as a float64 array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def tau(factor: Array, setting: Setting, where: str, what: str) -> Array:
    """Return the time constant in seconds that decays by `factor` a step.

    Raises UnsupportedNode E0204 where there is none.
    """
    euler = setting.integrator == "euler"
    if (factor >= 1).any() or (not euler and (factor <= 0).any()):
        raise refuse(
            where,
            f"{what} has no time constant",
            got=f"{float(factor.min()):.4g} to {float(factor.max()):.4g}",
            allowed="below 1" if euler else "above 0 and below 1",
            hint="integrator='euler'" if not euler else "a factor below 1 for every neuron",
        )
    return setting.dt / (1 - factor) if euler else -setting.dt / np.log(factor)


def refuse(
    where: str, what: str, *, got: object = None, allowed: object = None, hint: str | None = None
) -> UnsupportedNode:
    """Return the error for an option of a module that mossy cannot express exactly."""
    return UnsupportedNode(
        "E0204", what, where=f"module {where!r}", got=got, allowed=allowed, hint=hint
    )
