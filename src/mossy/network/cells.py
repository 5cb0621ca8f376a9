"""The nodes with state, one step at a time, for the float reference.

    euler        a = 1 - dt / tau       g = dt / tau
    exponential  a = exp(-dt / tau)     g = 1 - a

    LI, LIF      v <- a v + g (v_leak + r x)
    I, IF        v <- v + r x
    Cuba         i <- a_syn i + g_syn w_in x,  then  v <- a_mem v + g_mem (v_leak + r i)
    spike        if v > v_threshold:  v <- v_reset ("node")  or  v <- v - v_threshold ("subtract")

    SigmaDelta   v <- v + x;  a = max(v + bias, 0);  d = (a - a_before) + residue
                 |d| >= threshold: sends d, residue <- 0;  else sends 0, residue <- d

    ResonateFire   v + i w <- a exp(2 pi i dt / period) (v + i w) + x;   its `v` is the real part
    AdaptiveLIF    i <- a_syn i + x;   v <- a_mem v + i + bias;   o <- a_threshold o;
                   r <- a_refract r;   v - r >= theta = o + v_threshold: spike, then
                   r <- r + 2 theta, o <- o + jump
    GradedLIF      i, v as AdaptiveLIF;  v > v_threshold: sends v, v <- 0;  else sends 0

I and IF take a spike as an impulse of area 1, so dt does not enter; published back-ends of NIR
agree on this. All states start at 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mossy.network.nodes import (
    IF,
    LI,
    LIF,
    AdaptiveLIF,
    CubaLI,
    CubaLIF,
    Delay,
    GradedLIF,
    I,
    Integrator,
    Network,
    ResonateFire,
    SigmaDelta,
)

Signal = NDArray[Any]


class Neurons:
    """One node of neurons over a batch. v, i: (batch, *shape), after the reset of the last step."""

    def __init__(self, net: Network, name: str, batch: int, dtype: DTypeLike) -> None:
        node = net.nodes[name]
        assert isinstance(node, I | IF | LI | LIF | CubaLI | CubaLIF)
        self.node, self.dtype, self.subtract = node, dtype, net.reset == "subtract"
        shape = (batch, *net.shapes[name][0])
        self.v: Signal = np.zeros(shape, dtype)
        self.i: Signal | None = None
        self.r = node.r.astype(dtype)
        if isinstance(node, CubaLI | CubaLIF):
            self.i = np.zeros(shape, dtype)
            self.syn = _factors(node.tau_syn, net.dt, net.integrator, dtype)
            self.mem = _factors(node.tau_mem, net.dt, net.integrator, dtype)
            self.w_in = node.w_in.astype(dtype)
        elif isinstance(node, LI | LIF):
            self.mem = _factors(node.tau, net.dt, net.integrator, dtype)
        if not isinstance(node, I | IF):
            self.leak = node.v_leak.astype(dtype)
        if isinstance(node, IF | LIF | CubaLIF):
            self.threshold = node.v_threshold.astype(dtype)
            self.v_reset = node.v_reset.astype(dtype)

    def step(self, x: Signal) -> Signal:
        """Return the output (batch, *shape) of one step with input `x`."""
        if self.i is not None:
            a, g = self.syn
            self.i = a * self.i + g * (self.w_in * x)
            x = self.i
        if isinstance(self.node, I | IF):
            self.v = self.v + self.r * x
        else:
            a, g = self.mem
            self.v = a * self.v + g * (self.leak + self.r * x)
        if isinstance(self.node, I | LI | CubaLI):
            return self.v
        spike = self.v > self.threshold
        after = self.v - self.threshold if self.subtract else self.v_reset
        self.v = np.where(spike, after, self.v)
        return spike.astype(self.dtype)


class SigmaDeltas:
    """One SigmaDelta node over a batch. v: (batch, *shape), the sum of what has arrived."""

    i: Signal | None = None

    def __init__(self, net: Network, name: str, batch: int, dtype: DTypeLike) -> None:
        node = net.nodes[name]
        assert isinstance(node, SigmaDelta)
        self.threshold, self.bias = node.threshold.astype(dtype), node.bias.astype(dtype)
        shape = (batch, *net.shapes[name][0])
        self.v: Signal = np.zeros(shape, dtype)
        self.a: Signal = np.zeros(shape, dtype)
        self.residue: Signal = np.zeros(shape, dtype)

    def step(self, x: Signal) -> Signal:
        """Return the changes sent (batch, *shape) in one step with the changes `x`."""
        self.v = self.v + x
        a = np.maximum(self.v + self.bias, 0)
        d = (a - self.a) + self.residue
        self.a = a
        sends = np.abs(d) >= self.threshold
        self.residue = np.where(sends, 0, d).astype(d.dtype)
        return np.where(sends, d, 0).astype(d.dtype)


class Resonators:
    """One ResonateFire node over a batch. v, w: (batch, *shape), real and imaginary part."""

    i: Signal | None = None

    def __init__(self, net: Network, name: str, batch: int, dtype: DTypeLike) -> None:
        node = net.nodes[name]
        assert isinstance(node, ResonateFire)
        self.snap, self.threshold = node.snap, node.v_threshold.astype(dtype)
        keep, turn = _factors(node.tau, net.dt, net.integrator, np.float64)[0], net.dt / node.period
        self.cos = (keep * np.cos(2 * np.pi * turn)).astype(dtype)
        self.sin = (keep * np.sin(2 * np.pi * turn)).astype(dtype)
        shape = (batch, *net.shapes[name][0])
        self.v: Signal = np.zeros(shape, dtype)
        self.w: Signal = np.zeros(shape, dtype)

    def step(self, x: Signal) -> Signal:
        """Return the spikes (batch, *shape) of one step with input `x` to the real part."""
        before = self.w
        v = (self.cos * self.v - self.sin * before) + x
        w = self.sin * self.v + self.cos * before
        if self.snap:
            spike = w >= self.threshold
            below = self.threshold - self.threshold.dtype.type(1e-5)
            v, w = np.where(spike, 0, v).astype(v.dtype), np.where(spike, below, w)
        else:
            spike = (v >= self.threshold) & (w >= 0) & (before < 0)
        self.v, self.w = v, w
        return np.asarray(spike, x.dtype)


class Adaptive:
    """One AdaptiveLIF node over a batch. v, i: (batch, *shape), potential and current."""

    def __init__(self, net: Network, name: str, batch: int, dtype: DTypeLike) -> None:
        node = net.nodes[name]
        assert isinstance(node, AdaptiveLIF)
        times = (node.tau_syn, node.tau_mem, node.tau_threshold, node.tau_refract)
        self.keep = [_factors(tau, net.dt, net.integrator, dtype)[0] for tau in times]
        self.rest, self.jump = node.v_threshold.astype(dtype), node.jump.astype(dtype)
        self.bias = node.bias.astype(dtype)
        shape = (batch, *net.shapes[name][0])
        self.v: Signal = np.zeros(shape, dtype)
        self.i: Signal = np.zeros(shape, dtype)
        self.over: Signal = np.zeros(shape, dtype)
        self.r: Signal = np.zeros(shape, dtype)

    def step(self, x: Signal) -> Signal:
        """Return the spikes (batch, *shape) of one step with input `x`."""
        syn, mem, threshold, refract = self.keep
        self.i = syn * self.i + x
        self.v = (mem * self.v + self.i) + self.bias
        over, r = threshold * self.over, refract * self.r
        theta = over + self.rest
        spike = self.v - r >= theta
        self.r = np.where(spike, r + 2 * theta, r)
        self.over = np.where(spike, over + self.jump, over)
        return np.asarray(spike, x.dtype)


class Graded:
    """One GradedLIF node over a batch. v, i: (batch, *shape), potential and current."""

    def __init__(self, net: Network, name: str, batch: int, dtype: DTypeLike) -> None:
        node = net.nodes[name]
        assert isinstance(node, GradedLIF)
        times = (node.tau_syn, node.tau_mem)
        self.keep = [_factors(tau, net.dt, net.integrator, dtype)[0] for tau in times]
        self.threshold, self.bias = node.v_threshold.astype(dtype), node.bias.astype(dtype)
        shape = (batch, *net.shapes[name][0])
        self.v: Signal = np.zeros(shape, dtype)
        self.i: Signal = np.zeros(shape, dtype)

    def step(self, x: Signal) -> Signal:
        """Return the potentials sent (batch, *shape) in one step with input `x`."""
        syn, mem = self.keep
        self.i = syn * self.i + x
        v = (mem * self.v + self.i) + self.bias
        fires = v > self.threshold
        self.v = np.where(fires, 0, v).astype(v.dtype)
        return np.where(fires, v, 0).astype(v.dtype)


class DelayLine:
    """A Delay node: each element waits its own rint(delay / dt) steps."""

    v: Signal | None = None
    i: Signal | None = None

    def __init__(self, net: Network, name: str, batch: int, dtype: DTypeLike) -> None:
        node = net.nodes[name]
        assert isinstance(node, Delay)
        self.steps = np.rint(node.delay / net.dt).astype(np.int64)[None, None]
        depth = int(self.steps.max(initial=0)) + 1
        self.ring: Signal = np.zeros((depth, batch, *net.shapes[name][0]), dtype)
        self.now = 0

    def step(self, x: Signal) -> Signal:
        """Return the input of the steps before, element by element."""
        self.ring[self.now] = x
        places = np.broadcast_to((self.now - self.steps) % len(self.ring), (1, *x.shape))
        self.now = (self.now + 1) % len(self.ring)
        return np.asarray(np.take_along_axis(self.ring, places, axis=0)[0])


Cell = Neurons | SigmaDeltas | Resonators | Adaptive | Graded | DelayLine
OWN: dict[type, type[SigmaDeltas | Resonators | Adaptive | Graded | DelayLine]] = {
    Delay: DelayLine,
    SigmaDelta: SigmaDeltas,
    ResonateFire: Resonators,
    AdaptiveLIF: Adaptive,
    GradedLIF: Graded,
}


def cell(net: Network, name: str, batch: int, dtype: DTypeLike) -> Cell:
    """Return the state machine of the node `name`, at rest."""
    return OWN.get(type(net.nodes[name]), Neurons)(net, name, batch, dtype)


def _factors(
    tau: Signal, dt: float, integrator: Integrator, dtype: DTypeLike
) -> tuple[Signal, Signal]:
    """Return decay a and gain g of one step."""
    a = np.exp(-dt / tau) if integrator == "exponential" else 1 - dt / tau
    g = 1 - a if integrator == "exponential" else dt / tau
    return a.astype(dtype), g.astype(dtype)
