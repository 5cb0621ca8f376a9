"""Test vectors of the crossbar neuron, from the formula in truenorth_golden."""

from __future__ import annotations

import numpy as np

from mossy.testing.vectors import Vector
from tests.oracles.truenorth_golden import Neuron, golden, tick
from tests.oracles.truenorth_networks import Ints, N, random_network

CHIP = "truenorth"  # whose vectors these are

MODEL = "truenorth/neuron.int"
STATE = [("v", "i4"), ("random", "i8")]
PARAMS = [
    *[(f"w{g}", "i2") for g in range(4)],
    ("random_synapse", "u1"), ("leak", "i2"), ("reversal", "u1"), ("random_leak", "u1"),
    ("threshold", "i4"), ("mask", "i4"), ("reset", "u1"), ("v_reset", "i4"), ("floor", "i4"),
    ("saturate", "u1"),
]  # fmt: skip
KEPT = 40  # neurons of each core


def vectors() -> dict[str, Vector]:
    """Return the vectors by file name."""
    return {
        "deterministic_below.npz": from_network(4),
        "deterministic_at_or_below.npz": from_network(3),
        "all_modes.npz": all_modes(),
    }


def packed(events: Ints) -> Ints:
    """Counts (..., 4) side by side in one number."""
    total: Ints = (events << (16 * np.arange(4))).sum(axis=-1)
    return total


def from_network(seed: int) -> Vector:
    """The first neurons of every core of a random network."""
    network = random_network(seed)
    traces, events = golden(network)
    params = np.zeros((len(network.cores), N), PARAMS)
    state = np.zeros(params.shape, STATE)
    state["random"] = 1
    for k, core in enumerate(network.cores):
        for g in range(4):
            params[f"w{g}"][k] = core.weight[:, g]
        for field in ("leak", "threshold", "reset", "v_reset", "floor"):
            params[field][k] = getattr(core, field)
        state["v"][k] = core.start
    states = np.zeros((len(network.x), *params.shape), STATE)
    states["v"] = np.stack([t.v for t in traces], axis=1)
    states["random"] = 1
    fired = np.stack([t.spikes for t in traces], axis=1)
    drive = packed(np.stack(events, axis=1))
    steps = len(network.x)
    return Vector(
        MODEL,
        f"published equation in plain Python, equal to RANC 08ae4bd on such; seed {seed}",
        np.array([20, int(network.inclusive)]),
        params[:, :KEPT].reshape(-1),
        state[:, :KEPT].reshape(-1),
        drive[:, :, :KEPT].reshape(steps, -1, 1),
        states[:, :, :KEPT].reshape(steps, -1),
        fired[:, :, :KEPT].reshape(steps, -1),
    )


def all_modes(n: int = 128, steps: int = 60) -> Vector:
    """Every mode, the stochastic ones with our own generator: the chip's is not published."""
    rng = np.random.default_rng(9)
    neurons = [_neuron(rng) for _ in range(n)]
    params = np.array([_record(p) for p in neurons], PARAMS)
    events = rng.poisson(rng.uniform(0.2, 3, (n, 1)), (steps, n, 4)).astype(np.int64)
    events[steps // 2 :, ::8] *= 200  # a few neurons reach the ends of their range
    state = np.zeros(n, STATE)
    state["random"] = rng.integers(1, 1 << 32, n)
    states, fired = np.zeros((steps, n), STATE), np.zeros((steps, n), bool)
    for i, p in enumerate(neurons):
        v, random = 0, int(state["random"][i])
        for t in range(steps):
            v, fired[t, i], random = tick(v, tuple(events[t, i].tolist()), p, random)
            states[t, i] = v, random
    return Vector(
        MODEL,
        "the published equation in plain Python with xorshift32 for the unpublished generator",
        np.array([20, 0]),
        params,
        state,
        packed(events)[..., None],
        states,
        fired,
    )


def _neuron(rng: np.random.Generator) -> Neuron:
    def flag() -> int:
        return int(rng.integers(0, 2))

    s = [int(x) for x in rng.integers(-255, 256, 4)]
    return Neuron(
        (s[0], s[1], s[2], s[3]),
        b=(flag(), flag(), flag(), flag()),
        leak=int(rng.integers(-255, 256)),
        e=flag(),
        c=flag(),
        alpha=int(rng.integers(1, 2000)),
        mask=flag() * ((1 << int(rng.integers(1, 18))) - 1),
        gamma=int(rng.integers(0, 3)),
        r=int(rng.integers(-255, 256)),
        beta=int(rng.integers(0, 2000)),
        kappa=flag(),
    )


def _record(p: Neuron) -> tuple[int, ...]:
    bits = sum(b << g for g, b in enumerate(p.b))
    return (
        *p.s, bits, p.leak, p.e, p.c, p.alpha, p.mask, p.gamma, p.r, p.beta, p.kappa,
    )  # fmt: skip
