"""Xylo against the vendor's bit-exact model: every register and spike of 800 random networks.

The seeds differ from run to run; a failure names MOSSY_ORACLE_SEED, which repeats the run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest

from mossy.chips.xylo.rules import MODEL
from mossy.neurons import model
from mossy.neurons.model import evolve
from tests.oracles import environments
from tests.oracles.xylo_exchange import Network, Trace, load_traces, save_networks
from tests.oracles.xylo_golden import golden
from tests.oracles.xylo_networks import STYLES, Style, random_network
from tests.oracles.xylo_twin import hidden_registers, twin_run

pytestmark = pytest.mark.oracle

COUNT = 200  # networks of each style
FULL = {"pollen": 1000, "audio2": 1000, "audio3": 992, "imu": 496}  # hidden neurons, once each
CHIP = {"pollen": "xylo", "audio2": "xylo", "audio3": "xylo-audio3", "imu": "xylo-imu"}
ENVIRONMENT = "xylosim"


@dataclass(frozen=True)
class Runs:
    """The networks of one style, seeds base, base + 1, ..., and what xylosim did with them."""

    style: Style
    base: int
    networks: list[Network]
    traces: list[Trace]


@pytest.fixture(scope="module", params=STYLES)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run xylosim once, on all networks of a style; the last one has the chip's full size."""
    style: Style = request.param
    base = int(os.environ["MOSSY_ORACLE_SEED"])
    environments.python_of(ENVIRONMENT)  # skip before the work of drawing networks
    networks = [random_network(base + k, style) for k in range(COUNT)]
    networks.append(random_network(base + COUNT, style, size=FULL[style]))
    folder = tmp_path_factory.mktemp(ENVIRONMENT)
    source, target = folder / "networks.npz", folder / "traces.npz"
    save_networks(source, networks)
    environments.run(ENVIRONMENT, "tests.oracles.run_xylosim", source, target)
    return Runs(style, base, networks, load_traces(target))


def test_registers_and_spikes_are_identical(runs: Runs) -> None:
    differences = [
        f"seed {runs.base + k}: {found}"
        for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True))
        if (found := _difference(twin_run(network, CHIP[runs.style]), theirs))
    ]
    assert not differences, "\n".join(
        [f"MOSSY_ORACLE_SEED={runs.base}, {runs.style}:", *differences]
    )


def test_both_engines_agree_with_the_model(runs: Runs) -> None:
    for network, theirs in list(zip(runs.networks, runs.traces, strict=True))[:4]:
        mine = twin_run(network, CHIP[runs.style], engine="reference")
        assert _difference(mine, theirs) == ""


def test_the_plain_python_network_that_makes_the_vectors_is_the_model_too(runs: Runs) -> None:
    for network, theirs in list(zip(runs.networks, runs.traces, strict=True))[:4]:
        assert _difference(golden(network).trace, theirs) == ""


def test_the_step_alone_from_what_arrives(runs: Runs) -> None:
    """The neuron without compiler and twin: arrivals are taken from the plain Python network."""
    for network, theirs in list(zip(runs.networks, runs.traces, strict=True))[:4]:
        arrived = golden(network).arrived
        state = np.zeros(len(network["dash_mem"]), model(MODEL).state).view(np.recarray)
        params = hidden_registers(network).view(np.recarray)
        fmt = (network["version"], 31, network["has_bias"])
        for t, row in enumerate(arrived):
            sent = evolve(model(MODEL), state, row.reshape(-1), params, fmt)
            assert sent == theirs.spikes[t].tolist()
            for name in ("v", "i0", "i1"):
                assert (state[name] == getattr(theirs, name)[t]).all()


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by xylosim's own traces: lively, with several spikes, floors, caps and aliases."""
    traces, networks = runs.traces, runs.networks
    spikes = np.concatenate([t.spikes.ravel() for t in traces])
    assert ((spikes > 0) & (spikes < 31)).mean() > 0.2
    assert (spikes == 31).any() and (spikes == 0).mean() > 0.2
    assert np.concatenate([t.out_spikes.ravel() for t in traces]).mean() > 0.1
    assert any((t.v == 32767).any() for t in traces)
    assert any((np.abs(t.i0) > 32000).any() for t in traces)
    stuck = [
        ((t.v[:-1] == -32768) & (n["dash_mem"] == 0)).any()
        for n, t in zip(networks, traces, strict=True)
    ]
    assert any(stuck) or runs.style == "pollen"
    aliases = [n["alias"] - np.arange(n["alias"].size) for n in networks]
    assert any(((a > 0) & (n["alias"] >= 0)).any() for a, n in zip(aliases, networks, strict=True))
    assert any(((a < 0) & (n["alias"] >= 0)).any() for a, n in zip(aliases, networks, strict=True))
    assert {n["has_bias"] for n in networks} == ({0} if runs.style == "pollen" else {0, 1})
    assert any(t.i1.any() for t in traces) == (runs.style != "imu")


def _difference(mine: Trace, other: Trace) -> str:
    """Return where two traces first differ, or nothing."""
    for name, a, b in zip(Trace._fields, mine, other, strict=True):
        if a.shape != b.shape:
            return f"{name} has shape {a.shape}, the model's {b.shape}"
        places = np.argwhere(a != b)
        if len(places):
            t, i = places[0]
            return (
                f"{name} of neuron {i} in step {t} is {a[t, i]}, the model's {b[t, i]} "
                f"({len(places)} of {a.size} differ)"
            )
    return ""
