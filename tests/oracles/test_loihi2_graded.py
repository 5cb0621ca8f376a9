"""Graded spikes against lava-nc: its LIF fires where ours does, with the same u and v.

The emulator has no LIF that sends its potential. What a spike must carry is worked out from the
emulator's own u and v of two steps, and compared with what the twin sends.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.oracles import environments
from tests.oracles.lava_exchange import INPUT, Network, Population, load_traces, save_networks
from tests.oracles.lava_golden import V_MAX, carried
from tests.oracles.lava_networks import random_network
from tests.oracles.lava_twin import twin_run

pytestmark = pytest.mark.oracle

FAMILIES = ("lif", "delays", "graded", "wraps")
COUNT = 3  # of each family
SHIFTS = (0, 3, 6)


def alone(network: Network) -> Network:
    """The first population, fed by the input alone: what it sends changes nothing else."""
    here = [c for c in network["connections"] if (c["src"], c["dst"]) == (INPUT, 0)]
    return Network(
        graded=network["graded"],
        x=network["x"],
        populations=network["populations"][:1],
        connections=here,
    )


def graded(network: Network, shift: int) -> Network:
    """The same with graded spikes."""
    (pop,) = network["populations"]
    registers = pop["registers"] | {"payload_shift": np.asarray(shift, np.float64)}
    found = Population(kind="graded_lif", n=pop["n"], registers=registers)
    return Network(
        graded=network["graded"],
        x=network["x"],
        populations=[found],
        connections=network["connections"],
    )


def test_spikes_carry_the_potential_that_the_emulator_reset(tmp_path: Path) -> None:
    environments.python_of("lava")
    base = int(os.environ["MOSSY_ORACLE_SEED"])
    networks = [alone(random_network(base + k, f)) for f in FAMILIES for k in range(COUNT)]
    source, target = tmp_path / "networks.npz", tmp_path / "traces.npz"
    save_networks(source, networks)
    environments.run("lava", "tests.oracles.run_lava", source, target)
    spikes, largest = 0, 0
    for number, (network, (theirs,)) in enumerate(
        zip(networks, load_traces(target, networks), strict=True)
    ):
        shift = SHIFTS[number % len(SHIFTS)]
        wanted = carried(theirs, network["populations"][0], shift)
        for engine in ("fast", "reference"):
            (mine,) = twin_run(graded(network, shift), engine)
            where = f"MOSSY_ORACLE_SEED={base}, network {number}, {engine}"
            assert (mine["u"] == theirs["u"]).all(), where
            assert (mine["v"] == theirs["v"]).all(), where
            assert ((mine["sent"] != 0) == (theirs["sent"] != 0)).all(), where
            assert (mine["sent"] == wanted).all(), where
        level = network["populations"][0]["registers"]["vth"]
        assert (wanted[wanted != 0] >= max(int(level) >> shift, 1)).all()
        spikes += int((wanted != 0).sum())
        largest = max(largest, int(wanted.max()) << shift)
    assert spikes > 1000 and largest > V_MAX // 4
