"""Loihi 1 and TrueNorth twins against SANA-FE: every potential and spike, and what it counts.

SANA-FE computes in floating point and has a simpler neuron than either chip, so the networks keep
to what both have: currents that do not outlast their step, resets to 0, no noise. What SANA-FE
counts is held equal step by step; where it counts something else, this is how the counts meet:

* its "spikes" are our synaptic_events, its "fired" our spikes, inputs among both;
* we work on every neuron in every step, as both chips do: that is its soma access, which it does
  not report but prices, so it is taken from the energy. Which of them it calls "updated" follows
  from the states.

The seed is drawn anew in each run; set MOSSY_ORACLE_SEED to repeat one.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import pytest

from tests.oracles import environments
from tests.oracles.sanafe_networks import (
    Arch,
    Network,
    Trace,
    load_traces,
    random_network,
    save_networks,
)
from tests.oracles.sanafe_twin import mapped, number_here, twin_run

pytestmark = pytest.mark.oracle

COUNT = 3  # SANA-FE takes seconds to make a Loihi, for its 131,072 input units
ARCHS: tuple[Arch, ...] = ("loihi", "truenorth")
# joules of loihi.yaml: each mapped neuron and step, what is updated, what fires; inputs are free
ACCESS, UPDATE, FIRE = 51.2e-12, 21.6e-12, 69.3e-12


class Runs(NamedTuple):
    """The networks of seeds base, base + 1, ... and what SANA-FE did with them."""

    base: int
    networks: list[Network]
    traces: list[Trace]


@pytest.fixture(scope="module", params=ARCHS)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run SANA-FE on all networks."""
    environments.python_of("sanafe")
    folder = tmp_path_factory.mktemp("sanafe")
    base = int(os.environ["MOSSY_ORACLE_SEED"])
    networks = [random_network(request.param, base + k) for k in range(COUNT)]
    save_networks(folder / "in.npz", networks)
    environments.run("sanafe", "tests.oracles.run_sanafe", folder / "in.npz", folder / "out.npz")
    return Runs(base, networks, load_traces(folder / "out.npz"))


def test_states_spikes_and_counts_are_identical(runs: Runs) -> None:
    differences = [
        f"seed {runs.base + k}: {found}"
        for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True))
        if (found := _difference(twin_run(network)[0], theirs))
    ]
    assert not differences, "\n".join([f"MOSSY_ORACLE_SEED={runs.base}:", *differences])


def test_the_reference_engine_agrees_too(runs: Runs) -> None:
    k = min(range(COUNT), key=lambda i: runs.networks[i].pre.size)
    assert _difference(twin_run(runs.networks[k], "reference")[0], runs.traces[k]) == ""


def test_soma_accesses_are_our_neuron_updates(runs: Runs) -> None:
    if runs.networks[0].arch == "truenorth":
        pytest.skip("its TrueNorth prices everything at nothing")
    for network, theirs in zip(runs.networks, runs.traces, strict=True):
        replayed = int(network.x.sum())
        rest = theirs.soma_energy[0] - UPDATE * (theirs.updated.sum() - replayed)
        accesses = (rest - FIRE * (theirs.fired.sum() - replayed)) / ACCESS
        ours = int(twin_run(network)[1].counts["neuron_updates"].sum())
        assert accesses == pytest.approx(ours, rel=1e-6)


def test_every_core_has_its_place(runs: Runs) -> None:
    for network in runs.networks:
        here = mapped(network)
        first = {c.number: here.members[c.population][c.lo : c.hi] for c in here.program.cores
                 if c.population in here.members}  # fmt: skip
        for c in here.program.cores:
            if c.number in first:
                assert c.place is not None
                wanted = number_here(network.arch, network.core[first[c.number]])
                assert (wanted == c.place[2]).all()


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by SANA-FE's own traces: lively, and with everything that there is to count."""
    active = [t.spikes.mean() for t in runs.traces]
    assert min(active) > 0.02 and max(active) < 0.95
    assert sum(int(t.spikes.sum()) for t in runs.traces) > 50 * COUNT
    assert any(t.updated.sum() < t.spikes.size for t in runs.traces)
    assert all(t.synaptic_events.sum() > 0 and t.packets[0] > 0 for t in runs.traces)
    assert sum(int(t.hops.sum()) for t in runs.traces) > 0
    assert all(np.unique(network.core).size > 1 for network in runs.networks)
    assert any((t.v < 0).any() for t in runs.traces)
    if runs.networks[0].arch == "loihi":
        assert any(t.packets[0] != t.fired.sum() for t in runs.traces)
        assert sum(n.is_input.sum() for n in runs.networks) >= COUNT
        assert any((n.attributes["refractory_delay"] > 1).any() for n in runs.networks)


def _difference(mine: Trace, other: Trace) -> str:
    """Return where two traces first differ, or nothing. The twin has no price of its own here."""
    for name, a, b in list(zip(Trace._fields, mine, other, strict=True))[:-1]:
        if a.shape != b.shape:
            return f"{name} has shape {a.shape}, SANA-FE's {b.shape}"
        places = np.argwhere(np.asarray(a) != np.asarray(b))
        if len(places):
            at = tuple(places[0])
            return (
                f"{name} at {at} is {a[at]}, SANA-FE's {b[at]} ({len(places)} of {a.size} differ)"
            )
    return ""
