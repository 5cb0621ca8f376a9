"""Vectors of the SpiNNaker1 neuron: random registers, and populations out of random networks.

The numbers come from the plain NumPy model in spinnaker1_golden.py; test_spinnaker1.py runs the
same registers on sPyNNaker's released code and finds every one of them equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.spinnaker1.rules import MODEL
from mossy.testing.vectors import Vector
from tests.oracles.spinnaker1_exchange import Network, Trace
from tests.oracles.spinnaker1_golden import golden
from tests.oracles.spinnaker1_networks import random_network, random_registers
from tests.oracles.spinnaker1_twin import FIELDS, params, state

CHIP = "spinnaker1"  # whose vectors these are

REGISTER_SEED = 1
NETWORK_SEEDS = (2, 3, 9)  # delays and exponentials at their ends, full ring buffers, plain
NAMES = ("far", "saturated", "plain")
CODE = "equal to the released code of sPyNNaker 1!7.4.1 (IF_curr_exp) run in Unicorn 2.1.4"


def vectors() -> dict[str, Vector]:
    """Return every vector by its file's name."""
    drawn = vector_registers(REGISTER_SEED)
    return {
        "any_registers.npz": _vector(drawn, f"seed {REGISTER_SEED}"),
        **{
            f"network_{name}.npz": _vector(random_network(seed), f"network of seed {seed}")
            for name, seed in zip(NAMES, NETWORK_SEEDS, strict=True)
        },
    }


def vector_registers(seed: int) -> Network:
    """Return a small draw of registers and ring buffer entries."""
    return random_registers(seed, 24, 40)


def _vector(network: Network, where: str) -> Vector:
    traces, pops = golden(network), network["populations"]
    drive = [np.stack([t.sum_exc, t.sum_inh], axis=2) for t in traces]
    return Vector(
        MODEL,
        f"plain NumPy model, {CODE}; {where}; drive: ring buffer entries",
        np.array([0]),
        np.concatenate([params(p) for p in pops]),
        np.concatenate([state(p) for p in pops]),
        np.concatenate(drive, axis=1).astype(np.int32),
        np.concatenate([_states(t) for t in traces], axis=1),
        np.concatenate([t.spikes for t in traces], axis=1).astype(bool),
    )


def _states(trace: Trace) -> NDArray[Any]:
    found = np.zeros(trace.v.shape, [(field, "i4") for field in FIELDS.values()])
    for name, field in FIELDS.items():
        found[field] = getattr(trace, name)
    return found
