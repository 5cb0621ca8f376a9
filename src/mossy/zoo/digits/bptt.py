"""Back-propagation through time for a chain of LIF layers, in NumPy.

One layer, for every step t (euler; a = 1 - dt/tau, g = dt/tau; threshold 1, reset to 0):

    u(t) = a v(t-1) + g W x(t)        s(t) = H(u(t) - 1)        v(t) = u(t) (1 - s(t))

H has no useful derivative, so the backward pass uses that of the fast sigmoid
S(z) = (1 + z' / (1 + |z'|)) / 2, z' = SLOPE z (Zenke and Ganguli, SuperSpike, Neural Comput. 30,
2018). The chain rule is followed exactly, the reset included:

    dL/ds += -u dL/dv        dL/du = S'(u - 1) dL/ds + (1 - s) dL/dv        dL/dv(t-1) = a dL/du(t)

so with S in the forward pass too, the gradient is that of a smooth function and can be checked
against finite differences. Layers follow one another within a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

SLOPE = 2.0  # of S at the threshold; by validation among 1, 2 and 5
THRESHOLD = 1.0


@dataclass(frozen=True)
class Leak:
    """The two factors of the euler step of a LIF with time constant `tau`, both in seconds."""

    tau: float
    dt: float

    @property
    def keep(self) -> float:
        """a = 1 - dt/tau: what is left of v after a step."""
        return 1.0 - self.dt / self.tau

    @property
    def gain(self) -> float:
        """g = dt/tau: what a step adds of its input."""
        return self.dt / self.tau


@dataclass(frozen=True)
class Trace:
    """What a layer's backward pass needs. All arrays (batch, time, n)."""

    x: Array
    u: Array
    s: Array


def hard(z: Array) -> Array:
    """H(z): 1 where z > 0, as the network runs."""
    return np.greater(z, 0).astype(z.dtype)


def smooth(z: Array) -> Array:
    """S(z), the smooth stand-in whose derivative the backward pass uses."""
    scaled = SLOPE * z
    half: Array = 0.5 + 0.5 * scaled / (1.0 + np.abs(scaled))
    return half


def slope(z: Array) -> Array:
    """S'(z)."""
    return 0.5 * SLOPE / (1.0 + SLOPE * np.abs(z)) ** 2


def layer(x: Array, weight: Array, leak: Leak, spike: Callable[[Array], Array] = hard) -> Trace:
    """Run one layer. x: (batch, time, in); weight: (out, in)."""
    drive = np.asarray(leak.gain, weight.dtype) * (x @ weight.T)
    u, s = np.empty_like(drive), np.empty_like(drive)
    v = np.zeros_like(drive[:, 0])
    for t in range(drive.shape[1]):
        u[:, t] = leak.keep * v + drive[:, t]
        s[:, t] = spike(u[:, t] - THRESHOLD)
        v = u[:, t] * (1.0 - s[:, t])
    return Trace(x, u, s)


def forward(
    weights: Sequence[Array], x: Array, leak: Leak, spike: Callable[[Array], Array] = hard
) -> list[Trace]:
    """Run the chain of layers. x: (batch, time, in); the last trace's `s` is the output."""
    traces: list[Trace] = []
    for weight in weights:
        traces.append(layer(traces[-1].s if traces else x, weight, leak, spike))
    return traces


def backward(
    weights: Sequence[Array], traces: Sequence[Trace], leak: Leak, d_spikes: Sequence[Array]
) -> list[Array]:
    """Return dL/dW of every layer.

    d_spikes: for every layer the direct dL/ds, broadcastable to (batch, time, n); a hidden layer's
    is what a penalty on its activity adds.
    """
    grads: list[Array] = []
    below = np.zeros(())
    for weight, trace, direct in zip(
        reversed(weights), reversed(traces), reversed(d_spikes), strict=True
    ):
        d_s = np.broadcast_to(below + direct, trace.s.shape)
        d_u = _through_time(trace, leak, d_s)
        d_u *= np.asarray(leak.gain, d_u.dtype)
        grads.append(np.tensordot(d_u, trace.x, axes=((0, 1), (0, 1))))
        below = d_u @ weight
    return grads[::-1]


def _through_time(trace: Trace, leak: Leak, d_s: Array) -> Array:
    d_u = slope(trace.u - THRESHOLD)
    d_v = np.zeros_like(d_u[:, 0])
    for t in range(d_u.shape[1] - 1, -1, -1):
        u, s = trace.u[:, t], trace.s[:, t]
        d_u[:, t] = d_u[:, t] * (d_s[:, t] - u * d_v) + (1.0 - s) * d_v
        d_v = leak.keep * d_u[:, t]
    return d_u
