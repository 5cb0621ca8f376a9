"""Speck against the chip backend of sinabs: every rounded number, potential and spike of 60 random
networks, and the placement of 150.

The seeds differ from run to run; a failure names MOSSY_ORACLE_SEED, which repeats the run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from mossy.chips import chip
from mossy.chips.quantised import CoreLoad
from mossy.chips.speck.memory import assign, memories, needs
from mossy.errors import DoesNotFit
from tests.oracles import environments
from tests.oracles.speck_exchange import (
    Ints,
    Network,
    Trace,
    load_placements,
    load_traces,
    save_networks,
    save_shapes,
)
from tests.oracles.speck_golden import golden
from tests.oracles.speck_networks import FRAMES, random_network, random_shapes
from tests.oracles.speck_twin import twin_run

pytestmark = pytest.mark.oracle

COUNT = 60
MODELS = 150
ENVIRONMENT, PROGRAM = "torch", "tests.oracles.run_sinabs"


@dataclass(frozen=True)
class Runs:
    """The networks of seeds base, base + 1, ... and what sinabs did with them."""

    base: int
    networks: list[Network]
    traces: list[list[Trace]]


@pytest.fixture(scope="module")
def base_seed() -> int:
    """Return the seed of this run; tests/conftest.py draws and shows it."""
    return int(os.environ["MOSSY_ORACLE_SEED"])


@pytest.fixture(scope="module")
def runs(base_seed: int, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run sinabs once, on all networks."""
    needs_sinabs()
    networks = [random_network(base_seed + k) for k in range(COUNT)]
    folder = tmp_path_factory.mktemp("sinabs")
    source, target = folder / "networks.npz", folder / "traces.npz"
    save_networks(source, networks)
    environments.run(ENVIRONMENT, PROGRAM, source, target)
    return Runs(base_seed, networks, load_traces(target, networks))


def needs_sinabs() -> None:
    """Skip the test where the environment has no sinabs."""
    python = environments.python_of(ENVIRONMENT)
    if not list(python.parents[1].glob("lib/python*/site-packages/sinabs")):
        pytest.skip(f"no sinabs in .oracles/{ENVIRONMENT}; run tests/oracles/make_envs.sh")


def test_numbers_states_and_spikes_are_identical(runs: Runs) -> None:
    differences = [
        f"seed {runs.base + k}, layer {i}: {found}"
        for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True))
        for i, (mine, other) in enumerate(zip(twin_run(network), theirs, strict=True))
        if (found := _difference(mine, other))
    ]
    assert not differences, "\n".join([f"MOSSY_ORACLE_SEED={runs.base}:", *differences])


def test_the_numpy_model_is_identical(runs: Runs) -> None:
    for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True)):
        found = [_difference(a, b) for a, b in zip(golden(network), theirs, strict=True)]
        assert found == [""] * len(theirs), f"MOSSY_ORACLE_SEED={runs.base}, network {k}"


def test_both_engines_agree_with_sinabs(runs: Runs) -> None:
    for network, theirs in zip(runs.networks[:2], runs.traces[:2], strict=True):
        mine = twin_run(network, engine="reference")
        assert [_difference(a, b) for a, b in zip(mine, theirs, strict=True)] == [""] * len(mine)


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by what sinabs did: lively, with bounds that bind, many spikes at once and biases."""
    traces = [t for layers in runs.traces for t in layers]
    layers = [layer for network in runs.networks for layer in network["layers"]]
    assert sum(int(t.spikes.sum()) for t in traces) > 200 * COUNT
    assert max(int(t.spikes.max()) for t in traces) > 3
    assert sum(bool((t.v == t.v_min).any()) for t in traces) > 10
    assert sum(not (t.v == t.v_min).any() for t in traces) > 10
    assert any(t.bias.any() for t in traces) and any(not layer["bias"].size for layer in layers)
    assert any(layer["weight"].ndim == 2 for layer in layers)
    assert {layer["pool"] for layer in layers} == {1, 2, 4}
    assert {layer["subtract"] for layer in layers} == {True, False}
    assert all(len(t.v) == FRAMES for t in traces)
    assert any(int(t.threshold) < int(t.weight.max()) for t in traces)


def test_placement_and_memory_are_the_same(
    base_seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs_sinabs()
    models = [random_shapes(base_seed + k) for k in range(MODELS)]
    folder = tmp_path_factory.mktemp("placement")
    source, target = folder / "models.npz", folder / "placements.npz"
    save_shapes(source, models)
    environments.run(ENVIRONMENT, PROGRAM, source, target)
    theirs = load_placements(target)
    fits = [_placed(m) for m in models]
    for k, (model, (fit, words)) in enumerate(zip(models, theirs, strict=True)):
        where = f"MOSSY_ORACLE_SEED={base_seed}, model {k}"
        mine = [needs(_load(row)) for row in model.tolist()]
        assert [(w.weights, w.states) for w in mine] == [tuple(w) for w in words[:, :2]], where
        assert [w.biases * row[5] for w, row in zip(mine, model, strict=True)] == list(words[:, 2])
        assert fits[k] == fit, where
    assert 30 < sum(fits) < MODELS - 30, "too few of one kind to compare"
    singles = [all(_placed(m[i : i + 1]) for i in range(len(m))) for m in models]
    assert any(s and not f for s, f in zip(singles, fits, strict=True)), "no model was too many"


def _placed(model: Ints) -> bool:
    """Whether our own placement finds cores; those it finds are checked, one by one."""
    facts = chip("speck").facts
    slices = [
        SimpleNamespace(population=f"layer{i}", role="neurons", load=_load(row))
        for i, row in enumerate(model.tolist())
    ]
    try:
        found = assign(slices, tuple(() for _ in slices), facts)
    except DoesNotFit:
        return False
    assert len(set(found)) == len(found) == len(slices)
    assert all(needs(s.load).fits(memories(facts)[c]) for s, c in zip(slices, found, strict=True))
    return True


def _load(row: list[int]) -> CoreLoad:
    f, c, k, y, x, _ = row
    return CoreLoad(
        "neurons",
        "lif.int",
        1,
        n=f * y * x,
        kernel_bytes=f * c * k * k,
        kernels=((f, c, k, k, y, x),),
    )


def _difference(mine: Trace, other: Trace) -> str:
    """Return where two traces first differ, or nothing."""
    for name, a, b in zip(Trace._fields, mine, other, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return f"{name} has shape {a.shape}, sinabs's {b.shape}"
        places = np.argwhere(a != b)
        if len(places):
            at = tuple(places[0])
            return f"{name} at {at} is {a[at]}, sinabs's {b[at]} ({len(places)} of {a.size} differ)"
    return ""
