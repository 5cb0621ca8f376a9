"""Random small networks and inputs.

Every number is a small dyadic rational (k / 4, decays of 0, 1/2 or 1), so that sums are exact in
float32 as in float64, whatever their order, over the few steps that these inputs last. What two
engines or a chip and the float reference disagree on is then a fault and not rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.network import graph
from mossy.network.nodes import (
    IF,
    LI,
    LIF,
    Affine,
    Conv2d,
    CubaLI,
    CubaLIF,
    Delay,
    Flatten,
    I,
    Input,
    Linear,
    Network,
    Node,
    Output,
    Scale,
    Shape,
    SumPool2d,
    Threshold,
)

DT = 2.0**-10  # seconds; a power of two, so dt / tau is exact
STEPS = 8
SPIKING = ("LIF", "IF", "CubaLIF", "Threshold")


@dataclass(frozen=True)
class Wanted:
    """What random networks may hold.

    kinds: spiking node types. weights: weights are whole numbers from -weights to weights, divided
    by `grid`. graded: neurons without threshold may feed others. resets: to draw from. bias: biases
    and leak potentials. delays: largest delay in steps. slow: decays of 1/2, else only 0 and 1.
    """

    kinds: tuple[str, ...] = SPIKING
    weights: int = 8
    grid: int = 4
    graded: bool = False
    resets: tuple[Any, ...] = ("node", "subtract")
    bias: bool = True
    delays: int = 2
    feedback: bool = True
    readout: bool = True
    images: bool = True
    slow: bool = True
    self_loops_only: bool = False


@dataclass
class _Draft:
    draw: Any
    wanted: Wanted
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    shape: dict[str, Shape] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    made: int = 0

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def chance(self) -> bool:
        return bool(self.draw(st.booleans()))

    def weight(self, *shape: int) -> NDArray[np.float64]:
        seed = self.draw(st.integers(0, 2**16))
        rng = np.random.default_rng(seed)
        w = rng.integers(-self.wanted.weights, self.wanted.weights + 1, shape)
        return np.where(rng.random(shape) < 0.7, w, 0) / self.wanted.grid

    def values(self, shape: Shape, *choices: float) -> NDArray[np.float64]:
        rng = np.random.default_rng(self.draw(st.integers(0, 2**16)))
        return rng.choice(np.array(choices), shape)

    def add(self, source: str, node: Node) -> str:
        """Put a linear node behind `source`; return its name."""
        self.made += 1
        name = f"{type(node).__name__.lower()}{self.made}"
        self.nodes[name] = node
        self.edges.append((source, name))
        return name

    def delay(self, source: str, shape: Shape) -> str:
        if not self.wanted.delays or self.pick(True, False, False):
            return source
        steps = self.values(shape, *range(self.wanted.delays + 1))
        return self.add(source, Delay(steps * DT))

    def connect(self, source: str, target: str, plain: bool = False) -> None:
        """Make a path of linear nodes from `source` to `target`; plain: one weight layer."""
        before, after = self.shape[source], self.shape[target]
        here = source
        if not plain:
            here = self.delay(here, before)
        n, m = int(np.prod(before)), int(np.prod(after))
        if n == m and self.pick(True, False, False):
            here = self.add(here, Scale(self.values(before, 0.5, 1.0, -1.0, 2.0)))
        else:
            if len(before) > 1:
                here = self.add(here, Flatten())
            if self.wanted.bias and self.chance() and not plain:
                bias = self.values((m,), 0.0, 0.25, -0.25)
                here = self.add(here, Affine(self.weight(m, n), bias))
            else:
                here = self.add(here, Linear(self.weight(m, n)))
                # behind a bias a delay would also delay the bias, which no chip does
                if not plain:
                    here = self.delay(here, (m,))
        self.edges.append((here, target))
        if not plain:
            self.used.add(source)

    def convolve(self, source: str) -> str:
        """Make a convolution behind an image; return the name of a new population's shape."""
        c, h, w = self.shape[source]
        here = self.delay(source, (c, h, w)) if self.chance() else source
        if min(h, w) >= 4 and self.chance():
            here = self.add(here, SumPool2d((2, 2), (2, 2)))
            h, w = h // 2, w // 2
        stride, pad = self.pick(1, 2), self.pick(0, 1)
        k = self.pick(1, 2) if min(h, w) > 1 else 1
        out = self.pick(1, 2)
        bias = self.values((out,), 0.0, 0.25) if self.wanted.bias else np.zeros(out)
        conv = Conv2d(self.weight(out, c, k, k), bias, (stride, stride), (pad, pad))
        here = self.add(here, conv)
        size = [(n + 2 * pad - k) // stride + 1 for n in (h, w)]
        self.used.add(source)
        self.shape[here] = (out, *size)
        return here

    def neurons(self, name: str, kind: str) -> None:
        shape = self.shape[name]
        r = self.values(shape, 0.5, 1.0, 2.0)
        leak = self.values(shape, 0.0, 0.25, -0.25) if self.wanted.bias else np.zeros(shape)
        tau = self.values(shape, *((2 * DT, DT) if self.wanted.slow else (DT,)))
        threshold = self.values(shape, 0.5, 1.0, 1.5)
        v_reset = self.values(shape, 0.0, -0.25, 0.25)
        w_in = self.values(shape, 1.0, 2.0)
        tau_syn = np.full(shape, 2 * DT if self.wanted.slow else DT)
        made: dict[str, Node] = {
            "LIF": LIF(tau, r, leak, threshold, v_reset),
            "IF": IF(r, threshold, v_reset),
            "CubaLIF": CubaLIF(tau_syn, tau, r, leak, threshold, v_reset, w_in),
            "Threshold": Threshold(threshold),
            "LI": LI(tau, r, leak),
            "I": I(r),
            "CubaLI": CubaLI(tau_syn, tau, r, leak, w_in),
        }
        self.nodes[name] = made[kind]


@st.composite
def networks(draw: Any, wanted: Wanted | None = None) -> Network:
    """Draw a network: 1-2 inputs, 1-4 populations, skip and feedback edges, 1 or more outputs."""
    d = _Draft(draw, wanted or Wanted())
    w = d.wanted
    for k in range(d.pick(1, 1, 2)):
        image = w.images and k == 0 and d.chance()
        side = d.pick(2, 4, 5)
        d.shape[f"in{k}"] = (d.pick(1, 2), side, side) if image else (d.pick(1, 3, 6),)
        d.nodes[f"in{k}"] = Input(d.shape[f"in{k}"])
    known = list(d.nodes)
    populations: list[str] = []
    for k in range(d.pick(1, 2, 3, 4)):
        name = f"pop{k}"
        kind = d.pick(*w.kinds)
        if w.graded and k and d.chance():
            kind = d.pick("LI", "I", "CubaLI")
        images = [s for s in known if len(d.shape[s]) == 3]
        if images and d.chance():
            path = d.convolve(d.pick(*images))
            d.shape[name] = d.shape[path]
            d.edges.append((path, name))
            feeds = []
        else:
            d.shape[name] = (d.pick(1, 2, 5, 9),)
            feeds = [d.pick(*known)]
        d.neurons(name, kind)
        if k and d.chance():
            feeds.append(d.pick(*known))
        for source in dict.fromkeys(feeds):
            d.connect(source, name)
        known.append(name)
        populations.append(name)
    for source in [s for s in d.nodes if s.startswith("in") and s not in d.used]:
        d.connect(source, populations[0])
    # a cycle passes through the population that it leads back to, which must hold its value
    waiting = [k for k, p in enumerate(populations) if not isinstance(d.nodes[p], Threshold)]
    # and potentials that feed each other would grow beyond exact arithmetic
    graded = any(isinstance(d.nodes[p], LI | I | CubaLI) for p in populations)
    if w.feedback and waiting and not graded and d.chance():
        early = d.pick(*waiting)
        late = early if w.self_loops_only else d.draw(st.integers(early, len(populations) - 1))
        d.connect(populations[late], populations[early], plain=True)
    ends = [p for p in populations if p not in d.used or p == populations[-1]]
    for k, name in enumerate(ends):
        out, shape = f"out{k}", d.shape[name]
        how = d.pick("spikes", "LI", "Linear") if w.readout else "spikes"
        n = int(np.prod(shape))
        if how == "spikes" or isinstance(d.nodes[name], LI | I | CubaLI):
            d.nodes[out] = Output(shape)
            d.edges.append((name, out))
            continue
        here = d.add(name, Flatten()) if len(shape) > 1 else name
        here = d.add(here, Linear(d.weight(3, n)))
        if how == "LI":
            li = f"li{k}"
            d.shape[li] = (3,)
            d.neurons(li, "LI")
            d.edges.append((here, li))
            here = li
        d.nodes[out] = Output((3,))
        d.edges.append((here, out))
    return graph.build(d.nodes, d.edges, DT, "euler", d.pick(*w.resets), "random")


def spikes(
    net: Network, seed: int, batch: int = 2, steps: int = STEPS, most: int = 3, rate: float = 0.4
) -> dict[str, NDArray[Any]]:
    """Return spike counts 0..most for every input of `net`: (batch, steps, *shape)."""
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[Any]] = {}
    for name in net.inputs:
        shape = (batch, steps, *net.shapes[name][0])
        found[name] = np.where(rng.random(shape) < rate, rng.integers(1, most + 1, shape), 0)
    return found


def currents(
    net: Network, seed: int, batch: int = 2, steps: int = STEPS
) -> dict[str, NDArray[Any]]:
    """Return float currents, multiples of 1/4 from -2 to 2, for every input."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(-8, 9, (batch, steps, *net.shapes[name][0])) / 4 for name in net.inputs
    }


def sample(reset: Any = "node", recurrent: bool = True) -> Network:
    """Return a fixed network: convolution, dense layer, recurrent edge, and a skip that must wait.

    in (1, 4, 4) -> conv -> a (2, 3, 3) -> dense -> b (4) -> dense -> c (2), in -> dense -> c
    """

    def lif(shape: Shape) -> LIF:
        one = np.ones(shape)
        return LIF(2 * DT * one, 2 * one, 0 * one, one, 0 * one)

    rng = np.random.default_rng(5)

    def weight(*shape: int) -> NDArray[np.float64]:
        return rng.integers(-6, 9, shape) / 4

    nodes: dict[str, Node] = {
        "in": Input((1, 4, 4)),
        "conv": Conv2d(np.array([[[[2, 1], [-1, 1]]], [[[1, -1], [1, 2]]]]) / 2, np.zeros(2)),
        "a": lif((2, 3, 3)),
        "flat": Flatten(),
        "ab": Linear(weight(4, 18)),
        "b": lif((4,)),
        "bc": Linear(weight(2, 4)),
        "c": lif((2,)),
        "skip_flat": Flatten(),
        "skip": Linear(weight(2, 16)),
        "out": Output((2,)),
    }
    edges = [("in", "conv"), ("conv", "a"), ("a", "flat"), ("flat", "ab"), ("ab", "b")]
    edges += [("b", "bc"), ("bc", "c"), ("in", "skip_flat"), ("skip_flat", "skip"), ("skip", "c")]
    edges += [("c", "out")]
    if recurrent:
        nodes["bb"] = Linear(weight(4, 4))
        edges += [("b", "bb"), ("bb", "b")]
    return graph.build(nodes, edges, DT, "euler", reset, "sample")
