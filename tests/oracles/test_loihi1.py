"""Loihi 1 against two independent emulators: every state and spike of 50 random networks each.

The seeds differ from run to run; a failure names MOSSY_ORACLE_SEED, which repeats the run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest

from tests.oracles import environments
from tests.oracles.loihi_exchange import Network, Trace, load_traces, save_networks
from tests.oracles.loihi_networks import Emulator, random_network
from tests.oracles.loihi_twin import twin_run

pytestmark = pytest.mark.oracle

COUNT = 50
ENVIRONMENTS: dict[Emulator, str] = {"nengo": "nengo_loihi", "brian2": "brian2_loihi"}


@dataclass(frozen=True)
class Runs:
    """The networks of seeds base, base + 1, ... and what the emulator did with them."""

    emulator: Emulator
    base: int
    networks: list[Network]
    traces: list[list[Trace]]


@pytest.fixture(scope="module")
def base_seed() -> int:
    """Return the seed of this run; tests/conftest.py draws and shows it."""
    return int(os.environ["MOSSY_ORACLE_SEED"])


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def runs(
    request: pytest.FixtureRequest, base_seed: int, tmp_path_factory: pytest.TempPathFactory
) -> Runs:
    """Run the emulator once, on all networks."""
    emulator: Emulator = request.param
    name = ENVIRONMENTS[emulator]
    environments.python_of(name)  # skip before the work of drawing networks
    networks = [random_network(base_seed + k, for_=emulator) for k in range(COUNT)]
    folder = tmp_path_factory.mktemp(name)
    source, target = folder / "networks.npz", folder / "traces.npz"
    save_networks(source, networks)
    environments.run(name, f"tests.oracles.run_{name}", source, target)
    return Runs(emulator, base_seed, networks, load_traces(target, networks))


def test_states_and_spikes_are_identical(runs: Runs) -> None:
    differences = [
        f"seed {runs.base + k}, population {p}: {found}"
        for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True))
        for p, (mine, other) in enumerate(zip(twin_run(network), theirs, strict=True))
        if (found := _difference(mine, other))
    ]
    assert not differences, "\n".join(
        [f"MOSSY_ORACLE_SEED={runs.base}, {runs.emulator}:", *differences]
    )


def test_cutting_a_network_into_small_cores_changes_nothing(runs: Runs) -> None:
    for network in runs.networks[:10]:
        whole, cut = twin_run(network), twin_run(network, per_core=3)
        assert [_difference(a, b) for a, b in zip(whole, cut, strict=True)] == [""] * len(whole)


def test_both_engines_agree_with_the_emulator(runs: Runs) -> None:
    for network, theirs in zip(runs.networks[:3], runs.traces[:3], strict=True):
        mine = twin_run(network, engine="reference")
        assert [_difference(a, b) for a, b in zip(mine, theirs, strict=True)] == [""] * len(mine)


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by the emulator's own traces: lively, with waits after spikes and with delays."""
    spikes = [trace.spikes for traces in runs.traces for trace in traces]
    assert min(s.mean() for s in spikes) > 0.01
    assert sum(int(s.sum()) for s in spikes) > 200 * COUNT
    populations = [p for network in runs.networks for p in network["populations"]]
    connections = [c for network in runs.networks for c in network["connections"]]
    assert {p["refract"] for p in populations} == {1, 2, 3, 4, 5}
    assert any(c["delay"].max() > 7 for c in connections)
    assert any(c["src"] == c["dst"] for c in connections)


def _difference(mine: Trace, other: Trace) -> str:
    """Return where two traces first differ, or nothing."""
    for name, a, b in zip(Trace._fields, mine, other, strict=True):
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
