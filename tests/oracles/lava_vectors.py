"""Test vectors of the programmable cores' neurons, from the NumPy model in lava_golden.

tests/oracles/test_loihi2.py runs the same networks on lava-nc.
"""

from __future__ import annotations

import numpy as np

from mossy import neurons
from mossy.testing.vectors import Vector
from tests.oracles.lava_exchange import STATES
from tests.oracles.lava_golden import carried, golden
from tests.oracles.lava_networks import random_network
from tests.oracles.lava_twin import ALIGN, FIELDS, MODELS, registers

CHIP = "loihi2"  # whose vectors these are

NETWORKS = {  # vector -> (family, seed, population)
    "lif_spikes": ("lif", 1, 0),
    "lif_numbers": ("graded", 2, 0),
    "lif_wraps": ("wraps", 3, 0),
    "sigma_delta": ("sdn", 4, 0),
    "sigma_delta_overflow": ("overflow", 5, 0),
    "resonate": ("rf", 6, 0),
    "resonate_snap": ("rf", 8, 0),
    "adaptive": ("atrlif", 9, 0),
}
GRADED = {  # the same of graded spikes, from networks above; the last number: payload_shift
    "graded_spikes": ("graded", 2, 0, 6),
    "graded_spikes_wraps": ("wraps", 3, 0, 0),
}


def vectors() -> dict[str, Vector]:
    """Return the vectors by file name."""
    plain = {f"{name}.npz": _vector(*which) for name, which in NETWORKS.items()}
    return plain | {f"{name}.npz": _graded(*which) for name, which in GRADED.items()}


def _graded(family: str, seed: int, p: int, shift: int) -> Vector:
    """A vector of LIF, whose spikes carry the potential."""
    network = random_network(seed, family)
    trace, drive = (found[p] for found in golden(network))
    pop, model = network["populations"][p], neurons.model("graded_lif.int")
    fmt, values = registers(pop)
    params, state = np.zeros(pop["n"], model.params), np.zeros(pop["n"], model.state)
    for field in model.params.names or ():
        params[field] = values[field]
    states = np.zeros(trace["sent"].shape, model.state)
    for name in STATES[pop["kind"]]:
        states[name] = trace[name]
    return Vector(
        model.name,
        "NumPy model: u, v and spikes equal to lava-nc 0.10.0, whose LIF sends plain spikes; what "
        f"a spike carries by definition, from them; family {family}, seed {seed}",
        np.array([*fmt, shift]),
        params,
        state,
        drive[..., : model.inputs] << ALIGN["lif"],
        states,
        carried(trace, pop, shift),
    )


def _vector(family: str, seed: int, p: int) -> Vector:
    network = random_network(seed, family)
    traces, drives = golden(network)
    pop, trace, drive = network["populations"][p], traces[p], drives[p]
    kind, model = pop["kind"], neurons.model(MODELS[pop["kind"]])
    fmt, values = registers(pop)
    params, state = np.zeros(pop["n"], model.params), np.zeros(pop["n"], model.state)
    for field, value in values.items():
        params[field] = value
    states = np.zeros(trace["sent"].shape, model.state)
    for name in STATES[kind]:
        rest = params["rest"] if name == "theta" else 0  # ours is above rest
        states[FIELDS.get(kind, {}).get(name, name)] = trace[name] - rest
    sent = trace["sent"] if model.sends == "values" else trace["sent"].astype(bool)
    return Vector(
        model.name,
        f"NumPy model, equal to lava-nc 0.10.0 on this network; family {family}, seed {seed}",
        np.array(fmt),
        params,
        state,
        drive[..., : model.inputs] << ALIGN.get(kind, 0),
        states,
        sent,
    )
