"""TrueNorth's twin against the RANC simulator: every potential and every spike.

RANC has the deterministic modes only. The seed is drawn anew in each run; set MOSSY_ORACLE_SEED to
repeat one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.oracles import environments
from tests.oracles.run_ranc import run
from tests.oracles.truenorth_golden import golden
from tests.oracles.truenorth_networks import OUT, Network, Trace, random_network
from tests.oracles.truenorth_twin import twin_run

pytestmark = pytest.mark.oracle

COUNT = 10


@dataclass(frozen=True)
class Runs:
    """The networks of seeds base, base + 1, ... and what the simulator did with them."""

    base: int
    networks: list[Network]
    traces: list[list[Trace]]


@pytest.fixture(scope="module")
def binary() -> Path:
    """Return the simulator; skip where it has not been built."""
    found = environments.ROOT / ".oracles" / "ranc" / "ranc_sim"
    if not found.exists():
        pytest.skip("no .oracles/ranc; make it with: tests/oracles/make_envs.sh ranc")
    return found


@pytest.fixture(scope="module")
def runs(binary: Path) -> Runs:
    """Run the simulator on all networks."""
    base = int(os.environ["MOSSY_ORACLE_SEED"])
    networks = [random_network(base + k) for k in range(COUNT)]
    return Runs(base, networks, [run(network, binary) for network in networks])


def test_potentials_and_spikes_are_identical(runs: Runs) -> None:
    differences = [
        f"seed {runs.base + k}, core {c}: {found}"
        for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True))
        for c, (mine, other) in enumerate(zip(twin_run(network), theirs, strict=True))
        if (found := _difference(mine, other))
    ]
    assert not differences, "\n".join([f"MOSSY_ORACLE_SEED={runs.base}:", *differences])


def test_the_reference_engine_agrees_too(runs: Runs) -> None:
    k = min(range(COUNT), key=lambda i: len(runs.networks[i].cores))
    mine = twin_run(runs.networks[k], engine="reference")
    assert [_difference(a, b) for a, b in zip(mine, runs.traces[k], strict=True)] == [""] * len(
        mine
    )


def test_the_formula_of_the_vectors_agrees_too(runs: Runs) -> None:
    for network, theirs in zip(runs.networks[:3], runs.traces[:3], strict=True):
        mine, _ = golden(network)
        assert [_difference(a, b) for a, b in zip(mine, theirs, strict=True)] == [""] * len(mine)


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by the simulator's own traces: lively, with all modes and both kinds of floor."""
    spikes = [t.spikes for traces in runs.traces for t in traces]
    assert min(s.mean() for s in spikes) > 0.01
    assert max(s.mean() for s in spikes) < 0.9
    assert sum(int(s.sum()) for s in spikes) > 1000 * COUNT
    cores = [c for network in runs.networks for c in network.cores]
    assert {int(m) for c in cores for m in np.unique(c.reset)} == {0, 1}
    assert {network.inclusive for network in runs.networks} == {False, True}
    assert max(int(c.delay.max()) for c in cores) == 14
    assert max(int(network.input_delay.max()) for network in runs.networks) == 14
    assert any((c.target == k).any() for n in runs.networks for k, c in enumerate(n.cores))
    assert any((c.target == OUT).any() for c in cores)
    assert any(_floored(n, t) for n, t in zip(runs.networks, runs.traces, strict=True))


def _floored(network: Network, traces: list[Trace]) -> bool:
    """Whether a neuron that resets to a value landed on its negative, without a spike."""
    return any(
        bool(((t.v == -c.v_reset) & ~t.spikes & (c.reset == 0) & (c.v_reset != 0)).sum() > 20)
        for c, t in zip(network.cores, traces, strict=True)
    )


def _difference(mine: Trace, other: Trace) -> str:
    """Return where two traces first differ, or nothing."""
    for name, a, b in zip(Trace._fields, mine, other, strict=True):
        if a.shape != b.shape:
            return f"{name} has shape {a.shape}, the simulator's {b.shape}"
        places = np.argwhere(a != b)
        if len(places):
            t, i = places[0]
            return (
                f"{name} of neuron {i} in step {t} is {a[t, i]}, the simulator's {b[t, i]} "
                f"({len(places)} of {a.size} differ)"
            )
    return ""
