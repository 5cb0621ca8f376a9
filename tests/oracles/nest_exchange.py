"""A network of iaf_psc_exp neurons and what NEST did with it, as two .npz files.

Units are NEST's: ms, mV, pA, pF. Weights are whole multiples of `grain`, a power of two of a pA, so
that sums of weights are exact and the same in whatever order spikes arrive.

Time: a neuron that fires in step k, or an input channel with a spike in step k, reaches its targets
in step k + delay, delay >= 1: the weight is added there after that step has advanced V, so it moves
V in step k + delay + 1. V of step k is what the step leaves, after a reset.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Given:
    """A network. Scalars hold for every neuron; i_e, v_m: (neurons,).

    pre, post, weight, delay: (synapses,), weight in multiples of grain, negative: inhibitory;
    x_*: the same from input channels, and which channel spikes in which step: (spikes,).
    """

    dt: float
    steps: int
    c_m: float
    tau_m: float
    tau_exc: float
    tau_inh: float
    e_l: float
    v_th: float
    v_reset: float
    t_ref: float
    grain: float
    i_e: Floats
    v_m: Floats
    pre: Ints
    post: Ints
    weight: Ints
    delay: Ints
    x_pre: Ints
    x_post: Ints
    x_weight: Ints
    x_delay: Ints
    x_step: Ints
    x_channel: Ints
    watched: Ints  # neurons whose V is recorded

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return len(self.i_e)

    @property
    def channels(self) -> int:
        """Number of input channels."""
        return int(self.x_pre.max()) + 1


@dataclass(frozen=True, eq=False)
class Trace:
    """What became of it: every spike, by step and then by neuron, and V: (steps, watched), mV."""

    step: Ints
    neuron: Ints
    v: Floats


def save(path: Path, data: Given | Trace) -> None:
    """Write one .npz file."""
    np.savez(path, **{f.name: getattr(data, f.name) for f in dataclasses.fields(data)})


def load_given(path: Path) -> Given:
    """Read a network."""
    with np.load(path) as found:
        return Given(**{k: found[k] if found[k].ndim else found[k].item() for k in found.files})


def load_trace(path: Path) -> Trace:
    """Read a trace."""
    with np.load(path) as found:
        return Trace(**{k: found[k] for k in found.files})


def ordered(step: Ints, neuron: Ints, v: Floats) -> Trace:
    """Return the trace with spikes in the order of the file."""
    order = np.lexsort((neuron, step))
    return Trace(step[order], neuron[order], v)


def random_network(seed: int, neurons: int = 1000, steps: int = 10_000) -> Given:
    """Return a lively random network: irregular spikes of a few per second and neuron, inhibition,
    delays from one step on, pairs that meet twice, neurons that meet themselves.
    """
    rng = np.random.default_rng(seed)
    inhibitory = neurons // 5
    degree, channels = neurons // 10, 50
    post = np.repeat(np.arange(neurons), degree)
    pre = rng.integers(0, neurons, len(post))
    tau_m = float(rng.choice([10.0, 16.0, 20.0]))
    tau_exc, tau_inh = float(rng.choice([0.5, 2.0, 5.0])), float(rng.choice([0.5, 3.0, 10.0]))
    # a spike brings about 60 pA ms, or takes away 300, whatever the time constants
    weight = rng.integers(3000, 5000, len(post))
    exc, inh = np.rint(weight / tau_exc), np.rint(-5 * weight / tau_inh)
    weight = np.where(pre < inhibitory, inh, exc).astype(np.int64)
    x_post = rng.integers(0, neurons, 40 * neurons)
    x = rng.random((steps, channels)) < 2e-3  # 20 Hz
    x_step, x_channel = np.nonzero(x)
    return Given(
        dt=0.1,
        steps=steps,
        c_m=250.0,
        tau_m=tau_m,
        tau_exc=tau_exc,
        tau_inh=tau_inh,
        e_l=-65.0,
        v_th=-50.0,
        v_reset=-68.0,
        t_ref=float(rng.choice([0.1, 1.0, 2.0])),
        grain=2.0**-6,
        i_e=rng.integers(250, 400, neurons).astype(np.float64) * (10.0 / tau_m),
        v_m=-65.0 + rng.integers(0, 15 * 1024, neurons) / 1024,
        pre=pre,
        post=post,
        weight=weight,
        delay=rng.integers(1, 80, len(post)),
        x_pre=rng.integers(0, channels, len(x_post)),
        x_post=x_post,
        x_weight=np.rint(rng.integers(1000, 5000, len(x_post)) / tau_exc).astype(np.int64),
        x_delay=rng.integers(1, 20, len(x_post)),
        x_step=x_step,
        x_channel=x_channel,
        watched=np.sort(rng.choice(neurons, 20, replace=False)),
    )
