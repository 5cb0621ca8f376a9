"""The node types of a network: those of NIR 1.0.8 and four more, with plain NumPy parameters.

Equations (Pedersen et al., "Neuromorphic intermediate representation", Nat. Commun. 2024):

    Affine     y = W x + b            Linear   y = W x            Scale   y = s * x
    I          dv/dt = r x            IF       the same, spike if v > v_threshold, then v_reset
    LI         tau dv/dt = v_leak - v + r x                       LIF     the same with spikes
    CubaLI     tau_syn di/dt = -i + w_in x;  tau_mem dv/dt = v_leak - v + r i
    CubaLIF    the same with spikes
    Delay      y(t) = x(t - delay)    Threshold   y = 1 if x > threshold else 0

and a neuron that sends numbers, when its activation has changed by enough (after O'Connor and
Welling, "Sigma delta quantized networks", 2016, with the rectifier and the residue of lava-dl):

    SigmaDelta   s <- s + x;   a = max(s + bias, 0);   d = a - a_before + residue
                 sends d and keeps no residue where |d| >= threshold, else sends 0 and keeps d

and three neurons that fire, with factors a as LIF has them (after Izhikevich, "Resonate-and-fire
neurons", 2001, Bellec et al., "Long short-term memory and learning-to-learn in networks of
spiking neurons", 2018, and the graded spikes of lava-dl):

    ResonateFire   z <- a exp(2 pi i dt / period) z + x
                   spike where im z rises through 0 while re z >= v_threshold; with `snap` where
                   im z >= v_threshold, then re z <- 0, im z <- v_threshold - 1e-5
    AdaptiveLIF    u <- a_syn u + x;   v <- a_mem v + u + bias;   r <- a_refract r
                   theta <- v_threshold + a_threshold (theta - v_threshold)
                   spike where v - r >= theta, then r <- r + 2 theta, theta <- theta + jump
    GradedLIF      u, v as AdaptiveLIF
                   sends v where v > v_threshold, then v <- 0; else sends 0

What reaches a SigmaDelta are changes, s is the signal they sum up to. At threshold 0 the sums are
those of a network of rectifiers. An I node with r = 1 behind it reads the signal back.

Arrays are float64 and already broadcast to the node's shape once a `Network` holds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = Pair | Literal["same", "valid"]


@dataclass(frozen=True, eq=False)
class Input:
    """Where signals of `shape` enter."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Output:
    """Where signals of `shape` leave."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Affine:
    """y = weight x + bias. weight: (..., out, in); bias: (..., out)."""

    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class Linear:
    """y = weight x. weight: (..., out, in)."""

    weight: Array


@dataclass(frozen=True, eq=False)
class Scale:
    """y = scale * x, element by element."""

    scale: Array


@dataclass(frozen=True, eq=False)
class Conv1d:
    """Cross-correlation. weight: (c_out, c_in / groups, k); bias: (c_out,)."""

    weight: Array
    bias: Array
    stride: int = 1
    padding: int | Literal["same", "valid"] = 0
    dilation: int = 1
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Conv2d:
    """Cross-correlation. weight: (c_out, c_in / groups, k_y, k_x); bias: (c_out,)."""

    weight: Array
    bias: Array
    stride: Pair = (1, 1)
    padding: Padding = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, eq=False)
class SumPool2d:
    """Sum over windows of the two last axes."""

    kernel_size: Pair
    stride: Pair
    padding: Pair = (0, 0)


@dataclass(frozen=True, eq=False)
class AvgPool2d:
    """Mean over windows of the two last axes (padding counts as zeros)."""

    kernel_size: Pair
    stride: Pair
    padding: Pair = (0, 0)


@dataclass(frozen=True, eq=False)
class Flatten:
    """Join the axes start_dim..end_dim; axes are counted without batch and time."""

    start_dim: int = 0
    end_dim: int = -1


@dataclass(frozen=True, eq=False)
class Delay:
    """y(t) = x(t - delay), delay in seconds."""

    delay: Array


@dataclass(frozen=True, eq=False)
class Threshold:
    """y = 1 where x > threshold, else 0."""

    threshold: Array


@dataclass(frozen=True, eq=False)
class I:  # noqa: E742 - NIR's own name
    """Integrator without threshold; the output is v."""

    r: Array


@dataclass(frozen=True, eq=False)
class IF:
    """Integrate and fire."""

    r: Array
    v_threshold: Array
    v_reset: Array


@dataclass(frozen=True, eq=False)
class LI:
    """Leaky integrator without threshold; the output is v. tau in seconds."""

    tau: Array
    r: Array
    v_leak: Array


@dataclass(frozen=True, eq=False)
class LIF:
    """Leaky integrate and fire. tau in seconds."""

    tau: Array
    r: Array
    v_leak: Array
    v_threshold: Array
    v_reset: Array


@dataclass(frozen=True, eq=False)
class CubaLI:
    """Current-based leaky integrator without threshold; the output is v. Times in seconds."""

    tau_syn: Array
    tau_mem: Array
    r: Array
    v_leak: Array
    w_in: Array


@dataclass(frozen=True, eq=False)
class CubaLIF:
    """Current-based leaky integrate and fire. Times in seconds."""

    tau_syn: Array
    tau_mem: Array
    r: Array
    v_leak: Array
    v_threshold: Array
    v_reset: Array
    w_in: Array


@dataclass(frozen=True, eq=False)
class SigmaDelta:
    """Sends the change of a rectified sum where it has reached `threshold`; see the equations."""

    threshold: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class ResonateFire:
    """A damped oscillation of `period` and `tau` seconds that fires; see the equations."""

    period: Array
    tau: Array
    v_threshold: Array
    snap: bool = False


@dataclass(frozen=True, eq=False)
class AdaptiveLIF:
    """LIF whose threshold rises by `jump` with each spike and falls back. Times in seconds."""

    tau_syn: Array
    tau_mem: Array
    tau_threshold: Array
    tau_refract: Array
    v_threshold: Array
    jump: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class GradedLIF:
    """LIF whose spike carries the potential it fired at, threshold 0 or more. Times in seconds."""

    tau_syn: Array
    tau_mem: Array
    v_threshold: Array
    bias: Array


Node = (
    Input | Output | Affine | Linear | Scale | Conv1d | Conv2d | SumPool2d | AvgPool2d | Flatten
    | Delay | Threshold | I | IF | LI | LIF | CubaLI | CubaLIF | SigmaDelta | ResonateFire
    | AdaptiveLIF | GradedLIF
)  # fmt: skip

SPIKING = (  # what they give out are events
    Threshold, IF, LIF, CubaLIF, SigmaDelta, ResonateFire, AdaptiveLIF, GradedLIF,
)  # fmt: skip
STATEFUL = (
    I, IF, LI, LIF, CubaLI, CubaLIF, Threshold, SigmaDelta, ResonateFire, AdaptiveLIF,
    GradedLIF,
)  # fmt: skip
LINEAR = (Affine, Linear, Scale, Conv1d, Conv2d, SumPool2d, AvgPool2d, Flatten, Delay)

Integrator = Literal["euler", "exponential"]
Reset = Literal["node", "subtract"]


@dataclass(frozen=True, eq=False)
class Network:
    """A checked graph: every shape known, every parameter array of its node's shape.

    `dt` in seconds. `reset`: "node" resets v to the node's v_reset, "subtract" takes v_threshold
    off. `shapes[name]` is (input shape, output shape), without batch and time. Nested graphs have
    been flattened to names joined with dots. Build one with `network.graph.build`, which checks.
    """

    nodes: dict[str, Node]
    edges: tuple[tuple[str, str], ...]
    shapes: dict[str, tuple[Shape, Shape]]
    dt: float
    integrator: Integrator = "euler"
    reset: Reset = "node"
    name: str = "network"
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> list[str]:
        """Names of the Input nodes, in graph order."""
        return [k for k, n in self.nodes.items() if isinstance(n, Input)]

    @property
    def outputs(self) -> list[str]:
        """Names of the Output nodes, in graph order."""
        return [k for k, n in self.nodes.items() if isinstance(n, Output)]

    def sources(self, name: str) -> list[str]:
        """Names of the nodes that feed `name`."""
        return [a for a, b in self.edges if b == name]

    def targets(self, name: str) -> list[str]:
        """Names of the nodes that `name` feeds."""
        return [b for a, b in self.edges if a == name]
