"""SpiNNaker1 against sPyNNaker's released ARM code, run in an emulator: every register and spike.

The seeds differ from run to run; a failure names MOSSY_ORACLE_SEED, which repeats the run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips import chip
from mossy.chips.quantised import Scaling
from mossy.chips.spinnaker1 import scaling
from mossy.chips.spinnaker1.rules import FULL, ONE, quantise
from mossy.network.populations import Population, Projection
from tests.oracles import environments
from tests.oracles.spinnaker1_exchange import (
    INPUT,
    RING_TOP,
    SLOTS,
    Ints,
    Network,
    Trace,
    load_traces,
    save_networks,
)
from tests.oracles.spinnaker1_golden import golden
from tests.oracles.spinnaker1_host import MADE, SENT, load_registers, save_parameters
from tests.oracles.spinnaker1_networks import random_network, random_registers
from tests.oracles.spinnaker1_twin import step_run, twin_run
from tests.oracles.spinnaker1_vectors import NETWORK_SEEDS, REGISTER_SEED, vector_registers

pytestmark = pytest.mark.oracle

ENVIRONMENT, PROGRAM = "spynnaker_binary", "tests.oracles.run_spynnaker_binary"
WILD, NETWORKS = 4, 32
NEURONS, STEPS = 256, 250  # of a wild draw
TARGETS = 12  # of random projections
REGISTERS = ("v", "exc", "inh", "wait", "spikes")


@dataclass(frozen=True)
class Runs:
    """The networks of seeds base, base + 1, ... and what the code did with them."""

    base: int
    networks: list[Network]
    traces: list[list[Trace]]


def base_seed() -> int:
    """Return the seed of this run; tests/conftest.py draws and shows it."""
    return int(os.environ["MOSSY_ORACLE_SEED"])


def emulate(folder: Path, networks: list[Network]) -> list[list[Trace]]:
    """Run networks on the released code."""
    environments.python_of(ENVIRONMENT)
    source, target = folder / "networks.npz", folder / "traces.npz"
    save_networks(source, networks)
    environments.run(ENVIRONMENT, PROGRAM, source, target)
    return load_traces(target)


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Registers drawn from all 32-bit numbers, and what the code makes of them."""
    environments.python_of(ENVIRONMENT)  # skip before the work of drawing
    base = base_seed()
    networks = [random_registers(base + k, NEURONS, STEPS) for k in range(WILD)]
    return Runs(base, networks, emulate(tmp_path_factory.mktemp("wild"), networks))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run the code once, on all networks."""
    environments.python_of(ENVIRONMENT)
    base = base_seed()
    networks = [random_network(base + k) for k in range(NETWORKS)]
    return Runs(base, networks, emulate(tmp_path_factory.mktemp("networks"), networks))


# ------------------------------------------------------------------------------ the neuron
@pytest.mark.parametrize("compiled", [True, False])
def test_the_step_is_the_codes_for_any_registers(wild: Runs, compiled: bool) -> None:
    """Four times 256 neurons and 250 steps compiled; a part of them in Python."""
    steps, some = (STEPS, WILD) if compiled else (60, 1)
    for k, (network, (theirs,)) in enumerate(zip(wild.networks, wild.traces, strict=True)):
        if k < some:
            pop = network["populations"][0]
            mine = step_run(pop, pop["drive"][:steps], compiled)
            found = _difference(mine, _first(theirs, steps), REGISTERS)
            assert found == "", f"MOSSY_ORACLE_SEED={wild.base}: draw {k}: {found}"


def test_wild_registers_are_worth_comparing(wild: Runs) -> None:
    """Judged by the code's own traces: spikes, waits, both signs, and sums that wrapped."""
    wrapped = 0
    for network, (trace,) in zip(wild.networks, wild.traces, strict=True):
        pop = network["populations"][0]
        assert 0.1 < trace.spikes.mean() < 0.9
        assert {0, 1, 2, 3, 4, 5} <= set(np.unique(trace.wait).tolist())
        assert (trace.v < 0).mean() > 0.2 < (trace.v > 0).mean()
        assert (trace.sum_exc == pop["drive"][:, :, 0]).all()
        whole = pop["i_offset"] + trace.exc - trace.inh
        wrapped += int((abs(whole) >= 1 << 31).sum())
    assert wrapped > 100
    shifts = [p["exc_shift"] for n in wild.networks for p in n["populations"]]
    assert len(set(shifts)) > 1


# ------------------------------------------------------------------------------ networks
def test_registers_and_spikes_of_networks_are_identical(runs: Runs) -> None:
    differences = [
        f"seed {runs.base + k}, population {p}: {found}"
        for k, (network, theirs) in enumerate(zip(runs.networks, runs.traces, strict=True))
        for p, (mine, other) in enumerate(zip(twin_run(network), theirs, strict=True))
        if (found := _difference(mine, other, REGISTERS))
    ]
    assert not differences, "\n".join([f"MOSSY_ORACLE_SEED={runs.base}:", *differences])


def test_both_engines_agree_with_the_code(runs: Runs) -> None:
    for network, theirs in list(zip(runs.networks, runs.traces, strict=True))[:6]:
        mine = twin_run(network, engine="reference")
        found = [_difference(a, b, REGISTERS) for a, b in zip(mine, theirs, strict=True)]
        assert found == [""] * len(mine)


def test_cutting_a_network_into_small_cores_changes_nothing(runs: Runs) -> None:
    for network, theirs in list(zip(runs.networks, runs.traces, strict=True))[:8]:
        mine = twin_run(network, per_core=3)
        found = [_difference(a, b, REGISTERS) for a, b in zip(mine, theirs, strict=True)]
        assert found == [""] * len(mine)


def test_the_plain_model_is_the_code_too(runs: Runs, wild: Runs) -> None:
    """Ring buffer entries included: saturated ones stay at 65535."""
    for both in (runs, wild):
        for network, theirs in zip(both.networks, both.traces, strict=True):
            for mine, other in zip(golden(network), theirs, strict=True):
                assert _difference(mine, other, Trace._fields) == ""


def test_the_networks_are_worth_comparing(runs: Runs) -> None:
    """Judged by the code's own traces: lively, saturating, with waits, delays and recurrence."""
    traces = [trace for one in runs.traces for trace in one]
    assert min(t.spikes.mean() for t in traces) > 0.005
    assert sum(int(t.spikes.sum()) for t in traces) > 100 * NETWORKS
    assert sum(int((t.sum_exc == RING_TOP).sum()) for t in traces) > 100
    assert sum(int((t.sum_inh == RING_TOP).sum()) for t in traces) > 20
    assert any((t.inh > 0).any() for t in traces) and any((t.v < 0).any() for t in traces)
    waits = {int(w) for n in runs.networks for p in n["populations"] for w in p["refract"]}
    assert waits == {0, 1, 2, 3, 4, 5}
    cons = [c for n in runs.networks for c in n["connections"]]
    assert any(c["delay"].max() == 30 for c in cons)
    assert any(c["src"] == c["dst"] for c in cons) and any(c["src"] == INPUT for c in cons)


def test_the_vectors_are_the_code_too(tmp_path: Path) -> None:
    """What lies in the chip's folder was computed by the plain model; the code gives the same."""
    networks = [vector_registers(REGISTER_SEED), *(random_network(s) for s in NETWORK_SEEDS)]
    for network, theirs in zip(networks, emulate(tmp_path, networks), strict=True):
        for mine, other in zip(golden(network), theirs, strict=True):
            assert _difference(mine, other, Trace._fields) == ""


# ------------------------------------------------------------------------------ delays
def test_the_longest_delay_takes_every_slot(tmp_path: Path) -> None:
    """32 steps in 32 slots: the entry of the step that has just been is free again."""
    environments.python_of(ENVIRONMENT)
    rng = np.random.default_rng([base_seed(), 4])
    networks = [random_network(base_seed() + k) for k in range(6)]
    for con in (c for network in networks for c in network["connections"]):
        con["delay"] = rng.integers(0, SLOTS, con["delay"].shape)
        con["delay"][0] = SLOTS - 1
    for network, theirs in zip(networks, emulate(tmp_path, networks), strict=True):
        assert sum(int((t.sum_exc + t.sum_inh > 0).sum()) for t in theirs) > 100
        for mine, other in zip(twin_run(network), theirs, strict=True):
            assert _difference(mine, other, REGISTERS) == ""


def test_a_late_packet_skips_what_is_over(tmp_path: Path) -> None:
    """Late by k steps: delays up to k are skipped, longer ones arrive when they should have."""
    environments.python_of(ENVIRONMENT)
    np.savez(tmp_path / "in.npz", late=np.arange(1 << int(chip("spinnaker1").facts["colour_bits"])))
    module = "tests.oracles.spinnaker1_late"
    environments.run(ENVIRONMENT, module, tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        arrives = file["arrives"]
    late, steps = np.mgrid[: len(arrives), 1 : SLOTS + 1]
    wanted = np.where(steps <= late, -1, (steps - late) % SLOTS)
    np.testing.assert_array_equal(arrives, wanted)
    assert (arrives[0] >= 0).all()


# ------------------------------------------------------------------------------ what the host sends
def test_registers_can_be_had_from_a_hosts_parameters(tmp_path: Path) -> None:
    """Time constants exist from which the code itself computes the registers that rules.py writes.

    Its exponential and divisions round otherwise by a few units, which is the tolerance here.
    """
    environments.python_of(ENVIRONMENT)
    population = _population(np.random.default_rng([base_seed(), 2]), 200)
    mine = quantise(population, (), Scaling(), chip("spinnaker1").facts).params
    sent = _sent(mine)
    save_parameters(tmp_path / "in.npz", sent)
    environments.run(ENVIRONMENT, PROGRAM, tmp_path / "in.npz", tmp_path / "out.npz")
    theirs = dict(zip(MADE, load_registers(tmp_path / "out.npz").T, strict=True))
    assert abs(theirs["exp_tc"] - mine["exp_tc"]).max() <= 2
    assert (theirs["v_rest"] == mine["v_rest"]).all()
    assert (theirs["v_reset"] == mine["v_reset"]).all()
    assert (theirs["refract"] == 0).all()
    assert abs(theirs["r"] / mine["r"] - 1).max() < 2e-3
    for sign in ("exc", "inh"):
        wanted = mine[f"{sign}_decay"].astype(np.int64)
        assert ((theirs[f"{sign}_decay"] == 0) == (wanted == 0)).all()
        assert abs(theirs[f"{sign}_decay"] - wanted).max() < 3e-6 * FULL
        tau = sent[:, SENT.index("tau_exc")] / ONE  # 15 bits behind the point, too
        error = abs(theirs[f"{sign}_init"] / mine[f"{sign}_init"] - 1)
        assert (error < 2 / ONE / np.minimum(tau, 1) + 3e-6 * tau).all()
        assert (mine[f"{sign}_init"] < FULL - 1).all()  # above 1 the code's own would wrap
    assert (mine["exc_decay"] == 0).any() and (mine["exc_decay"] > 0.99 * FULL).any()


def _population(rng: np.random.Generator, n: int) -> Population:
    tau, syn = np.exp(rng.uniform(0, np.log(1000), (2, n)))
    syn[:10] = 0.05
    zero = np.zeros(n)
    alpha = np.exp(-1 / tau)
    values = {
        "alpha": alpha,
        "gain": 1 - alpha,
        "offset": (1 - alpha) * rng.uniform(-1, 1, n),
        "threshold": zero + 1,
        "v_reset": rng.uniform(-1, 0.5, n),
        "alpha_syn": np.exp(-1 / syn),
        "gain_syn": zero + 1,
        "offset_syn": zero,
    }
    return Population("a", "a", (n,), "cuba_lif", values, False, "spikes", False, 0)


def _sent(mine: NDArray[Any]) -> Ints:
    """Parameters in s16.15 and ms that should lead to these registers."""
    found = np.zeros((len(mine), len(SENT)))
    tau_m = -1 / np.log((mine["exp_tc"] + 0.5) / ONE)
    k = np.rint(-np.log(np.maximum(mine["exc_decay"], 1) / FULL) * ONE)
    tau = np.where(mine["exc_decay"] == 0, 1 / 16, ONE / (k + 0.5))
    values: dict[str, Any] = {
        "tau_m": tau_m,
        "c_m": tau_m / (mine["r"] / ONE),
        "v_rest": mine["v_rest"] / ONE,
        "v_reset": mine["v_reset"] / ONE,
        "v_thresh": mine["v_thresh"] / ONE,
        "tau_exc": tau,
        "tau_inh": tau,
        "time_step": 1.0,
        "time_step_synapse": 1.0,
    }
    for name, value in values.items():
        found[:, SENT.index(name)] = value
    return np.rint(found * ONE).astype(np.int64)


# ------------------------------------------------------------------------------ instructions
def test_cycles_rest_on_the_instructions_of_the_code(tmp_path: Path) -> None:
    """An instruction takes a cycle at least, which is the lower bound of the facts."""
    environments.python_of(ENVIRONMENT)
    np.savez(tmp_path / "in.npz", sizes=np.array([64, 128]))
    module = "tests.oracles.spinnaker1_instructions"
    environments.run(ENVIRONMENT, module, tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        found = {name: float(file[name]) for name in file.files}
    facts = chip("spinnaker1").facts
    synapse, neuron = facts["cycles_per_synaptic_event"], facts["cycles_per_neuron_update"]
    assert found["synapse"] == synapse.low == 25
    assert found["silent"] == neuron.low == 113
    assert neuron.high is not None and found["busy"] < neuron.high
    assert found["row"] < float(facts["cycles_per_packet"].quantity().low)
    for fact, count in ((synapse, "synapse"), (neuron, "silent"), (neuron, "busy")):
        assert (
            f"{found[count]:g} instructions" in fact.source or f"to {found[count]:g}" in fact.source
        )


# ------------------------------------------------------------------------------ weight scaling
def test_the_left_shift_is_spynnakers(tmp_path: Path) -> None:
    """sPyNNaker's own code on the same statistics, over equal and unequal delays."""
    environments.python_of(ENVIRONMENT)
    rng = np.random.default_rng([base_seed(), 3])
    rows, mine = [], []
    facts = chip("spinnaker1").facts
    for case in range(150):
        parts = [_random_projection(rng) for _ in range(rng.integers(1, 4))]
        for j in parts:
            w: Any = j.weight
            most = int(np.diff(w.indptr).max())
            delays = float(j.delay_source.var())
            rows.append((case, most, w.data.mean(), w.data.var(), w.data.max(), delays))
        weights = scaling.matrices(tuple(parts), np.ones(TARGETS))
        mine.append(scaling.expected(tuple(parts), weights, facts))
    with (tmp_path / "in.npz").open("wb") as file:
        np.savez(file, rows=np.array(rows))
    environments.run(
        ENVIRONMENT, "tests.oracles.spinnaker1_shifts", tmp_path / "in.npz", tmp_path / "out.npz"
    )
    with np.load(tmp_path / "out.npz") as file:
        theirs = file["w_max"]
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    totals = np.array(mine) > 100  # both branches occur
    assert 0 < totals.sum() < len(mine)


def _random_projection(rng: np.random.Generator) -> Projection:
    n, m = TARGETS, int(rng.integers(1, 400))
    values = rng.lognormal(-1, 1, (n, m)) * (rng.random((n, m)) < 0.6)
    values[0, 0] = 0.5
    delay = rng.integers(0, 5, m) * int(rng.integers(2))
    return Projection("j", "in", "a", sparse.csr_array(values), delay, np.zeros(n, np.int64), False)


def _first(trace: Trace, steps: int) -> Trace:
    return Trace(*(column[:steps] for column in trace))


def _difference(mine: Trace, other: Trace, names: tuple[str, ...]) -> str:
    """Return where two traces first differ, or nothing."""
    for name in names:
        a, b = getattr(mine, name), getattr(other, name)
        if a.shape != b.shape:
            return f"{name} has shape {a.shape}, the code's {b.shape}"
        places = np.argwhere(a != b)
        if len(places):
            t, i = places[0]
            return (
                f"{name} of neuron {i} in step {t} is {a[t, i]}, the code's {b[t, i]} "
                f"({len(places)} of {a.size} differ)"
            )
    return ""
