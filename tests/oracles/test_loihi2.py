"""Loihi 2 against lava-nc: every state and everything sent, of random networks of nine families.

The seeds differ from run to run; a failure names MOSSY_ORACLE_SEED, which repeats the run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest

from tests.oracles import environments
from tests.oracles.lava_exchange import Network, Trace, load_traces, save_networks
from tests.oracles.lava_golden import golden
from tests.oracles.lava_networks import FAMILIES, random_network
from tests.oracles.lava_twin import twin_run
from tests.oracles.lava_vectors import NETWORKS as VECTORS

pytestmark = pytest.mark.oracle

COUNT = 2  # new ones of each family; the networks of the vectors are run beside them


@dataclass(frozen=True)
class Runs:
    """Networks by family and seed, and what the emulator did with them."""

    base: int
    seeds: list[int]
    names: list[str]
    networks: list[Network]
    traces: list[list[Trace]]

    def of(self, family: str) -> list[list[Trace]]:
        """Return the traces of one family."""
        return [t for name, t in zip(self.names, self.traces, strict=True) if name == family]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run the emulator once, on all networks."""
    environments.python_of("lava")  # skip before the work of drawing networks
    base = int(os.environ["MOSSY_ORACLE_SEED"])
    drawn = [(family, base + k) for family in FAMILIES for k in range(COUNT)]
    drawn += [(family, seed) for family, seed, _ in VECTORS.values()]
    networks = [random_network(seed, family) for family, seed in drawn]
    folder = tmp_path_factory.mktemp("lava")
    source, target = folder / "networks.npz", folder / "traces.npz"
    save_networks(source, networks)
    environments.run("lava", "tests.oracles.run_lava", source, target)
    names, seeds = [f for f, _ in drawn], [s for _, s in drawn]
    return Runs(base, seeds, names, networks, load_traces(target, networks))


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_states_and_what_is_sent_are_identical(runs: Runs, engine: str) -> None:
    differences = [
        f"seed {seed} ({name}), population {p}: {found}"
        for seed, name, network, theirs in zip(
            runs.seeds, runs.names, runs.networks, runs.traces, strict=True
        )
        for p, (mine, other) in enumerate(zip(twin_run(network, engine), theirs, strict=True))
        if (found := _difference(mine, other))
    ]
    assert not differences, "\n".join([f"MOSSY_ORACLE_SEED={runs.base}, {engine}:", *differences])


def test_cutting_a_network_into_small_cores_changes_nothing(runs: Runs) -> None:
    for network, theirs in zip(runs.networks, runs.traces, strict=True):
        mine = twin_run(network, per_core=3)
        assert [_difference(a, b) for a, b in zip(mine, theirs, strict=True)] == [""] * len(mine)


def test_the_model_in_numpy_is_identical(runs: Runs) -> None:
    """It makes the test vectors, so it must be the emulator's equal."""
    for network, theirs in zip(runs.networks, runs.traces, strict=True):
        mine = golden(network)[0]
        assert [_difference(a, b) for a, b in zip(mine, theirs, strict=True)] == [""] * len(mine)


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by the emulator's own traces: lively in every family, with wraps and residues."""
    sent = {
        family: sum(int((t["sent"] != 0).sum()) for traces in runs.of(family) for t in traces)
        for family in FAMILIES
    }
    assert min(sent.values()) > 0 and sum(sent.values()) > 4000, sent
    wraps = [abs(t[0]["u"]).max() for t in runs.of("wraps")]
    assert max(wraps) > 0.9 * (1 << 23)
    assert any(_jumps(t[0]["sigma"]) for t in runs.of("overflow"))
    residues = [abs(trace["residue"]).max() for traces in runs.of("sdn") for trace in traces]
    assert max(residues) > 0
    assert any(int(abs(t[0]["sent"]).max()) > 1 for t in runs.of("sdn"))
    delays = [c["delay"].max() for n in runs.networks for c in n["connections"]]
    assert max(delays) >= 7


def _jumps(sigma: np.ndarray) -> bool:
    """Whether a sum of numbers that are far below 2^31 jumped by more than 2^31."""
    return bool((np.abs(np.diff(sigma, axis=0)) > 1 << 31).any())


def _difference(mine: Trace, other: Trace) -> str:
    """Return where two traces first differ, or nothing."""
    for name, b in other.items():
        a = mine[name]
        if a.shape != b.shape:
            return f"{name} has shape {a.shape}, the emulator's {b.shape}"
        places = np.argwhere(a != b)
        if len(places):
            t, i = places[0]
            return (
                f"{name} of neuron {i} in step {t} is {a[t, i]}, the emulator's {b[t, i]} "
                f"({len(places)} of {a.size} differ)"
            )
    return ""
