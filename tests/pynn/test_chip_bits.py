"""Scripts on chips, register by register, against models of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("pyNN", reason="PyNN is not installed; pip install 'mossy[pynn]'")

import mossy.pynn as sim
from mossy import twin
from mossy.chips.spinnaker1.scaling import left_shift
from mossy.pynn.simulator import state
from tests.oracles import environments
from tests.oracles.spinnaker1_exchange import INPUT, Connection, Network, Population, Trace
from tests.oracles.spinnaker1_golden import golden
from tests.oracles.spinnaker1_host import MADE, SENT, load_registers, save_parameters
from tests.pynn.chip_network import CHIPS, COARSE, STEPS, Ints, Made, network, raster, trains, v_of

pytestmark = pytest.mark.filterwarnings(COARSE)
ONE, FULL = 1 << 15, 1 << 32  # of s16.15 and u0.32


# ------------------------------------------------------------------------------ the plain model
def plain(made: Made, steps: int) -> tuple[Network, list[Ints]]:
    """The script for the plain model of the decoded arithmetic, from PyNN's own parameters.

    Potentials are absolute here, as on the machine. Weights are rounded with a shift that holds
    every synapse's largest weight at once, which is what equal delays ask for.
    """
    often = np.concatenate([raster(s, steps) for s in made.sources], axis=1)
    # the plain model knows one spike of a channel in a step, so a second one has its own channel
    inputs = np.concatenate([often > 0, often > 1], axis=1).astype(np.int64)
    assert often.max() == 2
    populations, shifts = [], []
    for p in made.cells:
        into = [j for j in made.projections if j.post is p]
        found = _registers(p)
        found["exc_shift"], found["inh_shift"] = (_shift(into, sign) for sign in (1, -1))
        shifts.append((found["exc_shift"], found["inh_shift"]))
        populations.append(found)
    first = {id(p): (k, 0) for k, p in enumerate(made.cells)}
    first |= {id(p): (INPUT, at) for p, at in zip(made.sources, (0, 10), strict=True)}
    connections = []
    for j in made.projections:
        source, at = first[id(j.pre)]
        target = first[id(j.post)][0]
        size = inputs.shape[1] if source == INPUT else j.pre.size
        weight = np.zeros((size, j.post.size), np.int64)
        shift = shifts[target][int(j.receptor_type == "inhibitory")]
        for i, k, w in _asked(j):
            for channel in (at + i, at + i + size // 2)[: 2 if source == INPUT else 1]:
                weight[channel, k] += round(w * 2.0 ** (15 - shift))
        (delay,) = {round(d) for _, _, d in j.get("delay", format="list")}
        connections.append(
            Connection(src=source, dst=target, weight=weight, delay=0 * weight + delay - 1)
        )
    return Network(x=inputs, populations=populations, connections=connections), inputs


def _asked(j: Any) -> list[tuple[int, int, float]]:
    """Every synapse of a projection with the weight that the script gave."""
    pairs = [(i, k) for i, k, _ in j.get("weight", format="list")]
    given = getattr(j._connector, "conn_list", None)
    if given is not None:
        known = {(int(r[0]), int(r[1])): float(r[2]) for r in given}
        return [(i, k, known[i, k]) for i, k in pairs]
    weight = float(j.synapse_type.parameter_space["weight"].base_value)
    return [(i, k, weight) for i, k in pairs]


def _shift(into: list[Any], sign: int) -> int:
    """Left shift of a ring buffer: synapses of the neuron with most, times the largest weight.

    Of a connector with a probability, sPyNNaker takes the in-degree that is exceeded in a hundredth
    of all networks: binom.ppf(1 - 0.01 / 24**2, 24, 0.1) is 10. A Poisson source of 25 Hz counts
    poisson.ppf(0.999, 0.025) + 1 = 2 times.
    """
    total = 0.0
    for j in into:
        weights = _asked(j)
        if weights[0][2] * sign > 0:
            most = max(np.bincount([k for _, k, _ in weights]))
            most = 10 if isinstance(j._connector, sim.FixedProbabilityConnector) else most
            at_once = 2 if "rate" in j.pre.parameters else 1
            total += at_once * most * max(abs(w) for _, _, w in weights)
    return max(0, int(np.floor(np.log2(total))) + 1)


def _registers(p: Any) -> Population:
    """Registers by the formulas that the release computes them with, dt = 1 ms."""
    n = p.size
    q = {k: np.broadcast_to(p.get(k, simplify=False), (n,)).astype(float) for k in _NEEDED}
    found: dict[str, Any] = {"drive": np.zeros((0, n, 2), np.int64), "wait": np.zeros(n, np.int64)}
    for name, value in (
        ("v_rest", q["v_rest"]), ("v_reset", q["v_reset"]), ("v_thresh", q["v_thresh"]),
        ("r", q["tau_m"] / q["cm"]), ("exp_tc", np.exp(-1 / q["tau_m"])),
        ("i_offset", q["i_offset"]), ("v", p.initial["v"]),
        ("exc", p.initial["isyn_exc"]), ("inh", p.initial["isyn_inh"]),
    ):  # fmt: skip
        found[name] = np.rint(np.broadcast_to(value, (n,)) * ONE).astype(np.int64)
    for sign, tau in (("exc", q["tau_syn_E"]), ("inh", q["tau_syn_I"])):
        decay = np.exp(-np.floor(ONE / tau) / ONE)
        found[f"{sign}_decay"] = np.floor(decay * FULL).astype(np.int64)
        found[f"{sign}_init"] = np.floor(tau * (1 - decay) * FULL).astype(np.int64)
    found["refract"] = np.ceil(q["tau_refrac"]).astype(np.int64)
    return Population(**found, exc_shift=0, inh_shift=0)  # type: ignore[typeddict-item]


_NEEDED = (
    "tau_m", "cm", "v_rest", "v_reset", "v_thresh", "tau_refrac", "tau_syn_E", "tau_syn_I",
    "i_offset",
)  # fmt: skip


@pytest.mark.parametrize("seed", [5, 6])
def test_every_register_and_spike_is_that_of_the_decoded_arithmetic(seed: int) -> None:
    made = network("spinnaker1", seed)
    for time in (60, 1, STEPS - 61):
        sim.run(float(time))
    given, inputs = plain(made, STEPS)
    wanted = golden(given)
    for p, trace in zip(made.cells, wanted, strict=True):
        assert_array_equal(v_of(p)[1:] * ONE, trace.v)
        assert_array_equal(raster(p, STEPS), trace.spikes)
        last = state._live.registers(p.label)
        for field, name in (("exc", "exc"), ("inh", "inh"), ("refract", "wait")):
            assert_array_equal(last[field], getattr(trace, name)[-1])
    _worth_comparing(wanted, inputs)


def _worth_comparing(traces: list[Trace], inputs: Ints) -> None:
    """Judged by the plain model alone: lively, with both signs, waiting, and not all at once."""
    assert inputs.sum() > 100
    for t in traces:
        assert 0.01 < t.spikes.mean() < 0.3
        assert (t.wait > 0).any() and t.sum_exc.max() > 1000 and t.sum_inh.max() > 1000


@pytest.mark.oracle
def test_the_release_makes_the_same_registers_of_the_same_parameters(tmp_path: Path) -> None:
    """PyNN's parameters, among them refractory times that are no whole steps."""
    environments.python_of("spynnaker_binary")
    rng, n = np.random.default_rng(int(os.environ["MOSSY_ORACLE_SEED"])), 60
    values = {
        k: np.rint(rng.uniform(*span, n) * 64) / 64
        for k, span in {
            "tau_m": (5, 40), "cm": (0.25, 2), "v_thresh": (-55, -45), "v_reset": (-80, -66),
            "tau_refrac": (0, 5), "tau_syn_E": (0.5, 20), "tau_syn_I": (0.5, 20),
            "i_offset": (-1, 1),
        }.items()
    }  # fmt: skip
    sent = np.zeros((n, len(SENT)))
    names = {"cm": "c_m", "tau_syn_E": "tau_exc", "tau_syn_I": "tau_inh"}
    for k, value in values.items():
        sent[:, SENT.index(names.get(k, k))] = value
    for k, constant in (("v_rest", -65), ("time_step", 1), ("time_step_synapse", 1)):
        sent[:, SENT.index(k)] = constant
    save_parameters(tmp_path / "in.npz", np.rint(sent * ONE).astype(np.int64))
    program = "tests.oracles.run_spynnaker_binary"
    environments.run("spynnaker_binary", program, tmp_path / "in.npz", tmp_path / "out.npz")
    theirs = dict(zip(MADE, load_registers(tmp_path / "out.npz").T, strict=True))
    sim.setup(timestep=1.0, chip="spinnaker1")
    p = sim.Population(n, sim.IF_curr_exp(v_rest=-65.0, **values), label="a")
    sim.run(1.0)
    mine = state.built().quantised[p.label].params
    assert_array_equal(mine["refract"], theirs["refract"])
    assert_array_equal(mine["v_thresh"] - 65 * ONE, np.rint(values["v_thresh"] * ONE))
    for name, tolerance in (("exp_tc", 2), ("r", 1), ("i_offset", 1)):
        assert abs(mine[name] - theirs[name]).max() <= tolerance, name
    assert abs(mine["v_reset"] - 65 * ONE - theirs["v_reset"]).max() <= 1


@pytest.mark.oracle
def test_the_release_scales_the_weights_of_poisson_sources_alike(tmp_path: Path) -> None:
    """Its own class and its own source, for rates from silence to ten spikes in a step."""
    environments.python_of("spynnaker_binary")
    rng = np.random.default_rng([int(os.environ["MOSSY_ORACLE_SEED"]), 7])
    rows, mine = [], []
    for case in range(25):
        sim.setup(timestep=1.0, chip="spinnaker1")
        p = sim.Population(8, sim.IF_curr_exp(), label="a")
        for _ in range(rng.integers(1, 4)):
            rate = float(rng.choice([-1, 0, 5, 40, *10 ** rng.uniform(1, 4, 3)]))
            kind = sim.SpikeSourceArray() if rate < 0 else sim.SpikeSourcePoisson(rate=rate)
            source = sim.Population(30, kind)
            w = rng.lognormal(-1, 1, (30, 8)) * 0.1
            d = 1.0 + rng.integers(0, 5, w.shape) * rng.integers(2)
            given = [(i, j, w[i, j], d[i, j]) for i, j in np.ndindex(w.shape)]
            sim.Projection(source, p, sim.FromListConnector(given))
            rows.append((case, 30, w.mean(), w.var(), w.max(), d.var(), rate))
        mine.append(int(state.built().quantised["a"].params["exc_shift"][0]))
    with (tmp_path / "in.npz").open("wb") as file:
        np.savez(file, rows=np.array(rows))
    program = "tests.oracles.spinnaker1_shifts"
    environments.run("spynnaker_binary", program, tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        theirs = [left_shift(w) for w in file["w_max"].tolist()]
    assert mine == theirs
    assert len(set(mine)) > 3


def test_another_rate_makes_other_weights() -> None:
    sim.setup(timestep=1.0, chip="spinnaker1")
    p = sim.Population(3, sim.IF_curr_exp(v_thresh=1e3), label="a")
    s = sim.Population(3, sim.SpikeSourcePoisson(rate=20.0))
    sim.Projection(s, p, sim.OneToOneConnector(), sim.StaticSynapse(weight=0.3, delay=1.0))
    p.record("v")
    shifts = []
    for rate in (20.0, 20.0, 9000.0):
        s.set(rate=rate, start=0.0)
        sim.run(50.0)
        shifts.append(int(state.built().quantised["a"].params["exc_shift"][0]))
    assert shifts == [0, 0, 3]  # 2 and 20 spikes in a step: 0.6 and 6 nA
    assert len({r.program for r in sim.results()}) == 2
    v = v_of(p)
    assert (np.abs(np.diff(v, axis=0)) < 60).all() and v[-1].min() > 0  # it went on from there


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("dt", [1.0, 0.1])
def test_pieces_give_what_the_reference_engine_gives_in_one(chip: str, dt: float) -> None:
    """The script's own program, packet by packet: potentials, spikes and counts."""
    made = network(chip, dt=dt)
    for time in (31, STEPS - 31):
        sim.run(time * dt)
    built, steps = state.built(), STEPS
    inputs = {built.name(s): raster(s, steps, dt)[None] for s in made.sources}
    one = twin.run(built.program, inputs, engine="reference", record="*", states="*")
    for p in made.cells:
        unit = built.quantised[p.label].v_scale * 1e-3
        found = one.states[p.label]["v"][0] / unit - 65.0
        assert_allclose(v_of(p)[1:], found, rtol=0, atol=1e-12 * 65)
        assert_array_equal(raster(p, steps, dt), one.spikes[p.label][0])
    results = sim.results()
    assert [r.counts.shape[1] for r in results] == [31, STEPS - 31]
    for name in one.counts.names:
        each = np.concatenate([r.counts[name] for r in results], axis=1)
        assert_array_equal(each, one.counts[name], name)
    assert_array_equal(results[1].spikes["exc"], one.spikes["exc"][:, 31:])


@pytest.mark.parametrize("chip", CHIPS)
def test_runs_in_pieces_are_one_run(chip: str) -> None:
    made = network(chip)
    sim.run(float(STEPS))
    every = [*made.cells, *made.sources]
    spikes, v = [trains(p) for p in every], [v_of(p) for p in made.cells]
    sim.reset()
    sim.run(7.0)
    made.cells[0].set(tau_refrac=2.0)  # no change
    sim.run(33.0)
    other = sim.Population(2, sim.IF_curr_exp())  # another network, which inherits everything
    quiet = sim.StaticSynapse(weight=0.0, delay=1.0)
    sim.Projection(made.cells[0], other, sim.AllToAllConnector(), quiet)
    sim.run(20.0)
    sim.run_until(float(STEPS))
    assert [trains(p) for p in every] == spikes
    for p, wanted in zip(made.cells, v, strict=True):
        assert_array_equal(v_of(p), wanted)
    assert len(made.cells[0].get_data().segments) == 2
    assert len(sim.results()) == 4
