"""IF_curr_exp of the simulators on SpiNNaker1: registers, shifts, delays, recipes and lists."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse, stats

from mossy import twin
from mossy.chips import chip, recipes
from mossy.chips.quantised import CoreLoad, Quantised, Scaling
from mossy.chips.spinnaker1 import cells, rules, scaling
from mossy.chips.spinnaker1.fixed import FULL, ONE
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network.populations import Population, Projection
from mossy.network.recipe import Draw, Noise, Recipe, constant
from mossy.passes.outside import drawn, given
from tests.chips import simulated
from tests.chips.microcircuit import microcircuit
from tests.chips.simulated import MILLI
from tests.oracles import environments
from tests.oracles.spinnaker1_host import MADE, SENT, load_registers, save_parameters
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import assert_same_activity, assert_same_run

CHIP = "spinnaker1"
ENVIRONMENT = "spynnaker_binary"


def quantised(population: Population, *weights: Recipe, **options: Any) -> Quantised:
    """A population with recipes onto it, in registers."""
    links = tuple(
        simulated.projection(simulated.source(w.n_source), population, w) for w in weights
    )
    return rules.quantise(population, links, Scaling(**options), chip(CHIP).facts)


def refused(population: Population, *weights: Recipe, **options: Any) -> str:
    with pytest.raises(UnsupportedNode) as found:
        quantised(population, *weights, **options)
    return str(found.value)


# ------------------------------------------------------------------------------ registers
def test_registers_worked_by_hand() -> None:
    """10 ms and 250 pF are 40 MOhm; 5 ms of 1 ms are k = 6553 units; 0.2 nA; 15 mV; 2 steps."""
    p = quantised(simulated.cells(3, i_offset=0.2e-9, v_init=7e-3)).params[1]
    q = quantised(simulated.cells(3, i_offset=0.2e-9, v_init=7e-3))
    assert p["r"] == 40 * ONE and p["exp_tc"] == round(np.exp(-0.1) * ONE)
    assert p["i_offset"] == round(0.2 * ONE) and p["v_rest"] == 0
    assert p["v_thresh"] == 15 * ONE and p["v_reset"] == 0 and p["refract"] == 2
    assert p["exc_decay"] == p["inh_decay"] == int(np.exp(-6553 / ONE) * FULL)
    assert p["exc_init"] == int(5 * (1 - np.exp(-6553 / ONE)) * FULL)
    assert (q.state["v"] == 7 * ONE).all() and (q.v_scale == ONE / MILLI).all()


def test_the_resistance_is_found_from_the_gains() -> None:
    """Whatever the time constants, equal ones among them; c_m 1 nF makes R tau_m in ms."""
    tau = np.array([3.0, 5.0, 12.0, 300.0]) * MILLI
    p = simulated.cells(4, tau_m=tau, c_m=1e-9, tau_inh=tau, tau_exc=0.2e-3)
    np.testing.assert_allclose(quantised(p).params["r"] / ONE, tau / MILLI, rtol=1e-4)


@pytest.mark.oracle
@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_registers_are_those_the_release_makes_of_pynns_parameters(
    tmp_path: Path, dt: float
) -> None:
    """Time constants and capacities that s16.15 holds; the release's exponential is a series."""
    environments.python_of(ENVIRONMENT)
    rng, n = np.random.default_rng(5), 200
    ms = {
        k: np.rint(rng.uniform(low, high, n) * 64) / 64
        for k, low, high in (("tau_m", 5, 50), ("tau_exc", 0.5, 20), ("tau_inh", 0.5, 20))
    }
    c_m, offset = np.rint(rng.uniform(0.1, 2, n) * 256) / 256, rng.uniform(-1, 1, n)
    values: dict[str, Any] = {
        **ms, "c_m": c_m, "i_offset": offset, "v_rest": -65.0, "v_reset": -65 - offset,
        "v_thresh": -50.0, "time_step": dt, "time_step_synapse": dt,
    }  # fmt: skip
    sent = np.zeros((n, len(SENT)))
    for name, value in values.items():
        sent[:, SENT.index(name)] = value
    save_parameters(tmp_path / "in.npz", np.rint(sent * ONE).astype(np.int64))
    program = "tests.oracles.run_spynnaker_binary"
    environments.run(ENVIRONMENT, program, tmp_path / "in.npz", tmp_path / "out.npz")
    theirs = dict(zip(MADE, load_registers(tmp_path / "out.npz").T, strict=True))
    cell: dict[str, Any] = {k: v * MILLI for k, v in ms.items()}
    cell |= {"c_m": c_m * 1e-9, "i_offset": offset * 1e-9, "v_reset": (-65 - offset) * MILLI}
    population = simulated.cells(n, dt * MILLI, **cell)
    mine = quantised(population).params
    assert abs(theirs["exp_tc"] - mine["exp_tc"]).max() <= 2
    assert abs(theirs["i_offset"] - mine["i_offset"]).max() <= 1
    assert abs(theirs["r"] - mine["r"]).max() <= 1
    assert abs(theirs["v_reset"] - theirs["v_rest"] - mine["v_reset"]).max() <= 1
    for sign in ("exc", "inh"):
        tau = ms[f"tau_{sign}"] / dt
        for name, most in (("decay", 3e-6 + 0 * tau), ("init", (3e-6 + 1 / ONE) * tau)):
            error = abs(theirs[f"{sign}_{name}"] - mine[f"{sign}_{name}"].astype(np.int64)) / FULL
            assert (error < most).all(), (sign, name, error.max())


def test_the_potential_is_that_of_the_float_form_one_step_earlier() -> None:
    """One spike: what the chip has at t the float form has at t + 1, to a few units of 2^-15 mV.

    The weight is on the ring buffer's grid, for its rounding is not the matter here.
    """
    whole = simulated.network(simulated.cells(1), simulated.one(0.25e-9, 3))
    x = np.zeros((1, 60, 1), np.uint8)
    x[0, 5] = 1
    traces = {}
    for name in (CHIP, "cpu"):
        program = compiled(whole, name)
        volt = program.population("a").v_scale[0]
        traces[name] = twin.run(program, x, states=["a"]).states["a"]["v"][0, :, 0] / volt
    assert traces[CHIP][7] == 0 < traces[CHIP][8]
    error = abs(traces[CHIP][:-1] - traces["cpu"][1:])
    assert traces["cpu"].max() > 1 * MILLI and error.max() < 0.01 * traces["cpu"].max()


# ------------------------------------------------------------------------------ weights
def test_the_shift_of_equal_delays_is_that_of_all_spikes_at_once() -> None:
    """100 synapses of 0.05 nA are 5 nA: shift 3, fields of 0.05 x 2^12; inhibition has its own."""
    exc = Recipe("in_degree", 500, 20, constant(0.05e-9), constant(2), 1, count=100)
    inh = Recipe("in_degree", 500, 20, constant(-1e-9), constant(2), 2, count=100)
    q = quantised(simulated.cells(20), exc, inh)
    assert set(q.params["exc_shift"].tolist()) == {3}
    assert set(q.params["inh_shift"].tolist()) == {7}
    scales = [s.weight.scale for s in q.incoming]
    assert scales == [2.0**12 / 1e-9, 2.0**8 / 1e-9] and q.weight_scale == scales[0]


def test_the_shift_of_unequal_delays_is_the_poisson_bound() -> None:
    """1000 synapses at 30 Hz are 30 a step of 1 ms, and 3 of 0.1 ms: mean and 5 sqrt(mean)."""
    recipe = Recipe("in_degree", 5000, 10, constant(0.1e-9), Draw("uniform", 1, 9), 1, count=1000)
    for dt, mean in ((MILLI, 30), (0.1 * MILLI, 3)):
        bound = 0.1 * (mean + 5 * np.sqrt(mean))
        q = quantised(simulated.cells(10, dt), recipe)
        assert q.params["exc_shift"][0] == scaling.left_shift(bound) > 0


@pytest.mark.oracle
def test_the_shifts_of_recipes_are_spynnakers(tmp_path: Path) -> None:
    """Its own class, told of random connectors what SciPy knows of their distributions."""
    environments.python_of(ENVIRONMENT)
    rng, rows, mine = np.random.default_rng(int(os.environ["MOSSY_ORACLE_SEED"])), [], []
    for case in range(60):
        weights = [_random_recipe(rng) for _ in range(rng.integers(1, 4))]
        for r in weights:
            a, b = r.weight.a / 1e-9, r.weight.b / 1e-9
            law = stats.truncnorm(-a / b, np.inf, a, b) if r.weight.shape == "normal" else None
            law = law or stats.uniform(a, b - a)
            pairs = r.n_source * r.n_target
            count, p = (r.count, 1 / r.n_target) if r.kind == "total" else (r.n_source, r.p)
            trials = count if r.kind == "total" else pairs
            n = stats.binom.ppf(1 - 0.01 / trials, count, p)
            made = r.count if r.kind == "total" else r.p * pairs
            top = law.ppf(1 - 0.01 / made)
            spread = (r.delay.b - r.delay.a) ** 2 / 12 if r.delay.shape == "uniform" else 0.0
            rows.append((case, n, law.mean(), law.var(), top, spread))
        mine.append(int(quantised(simulated.cells(80), *weights).params["exc_shift"][0]))
    with (tmp_path / "in.npz").open("wb") as file:
        np.savez(file, rows=np.array(rows))
    program = "tests.oracles.spinnaker1_shifts"
    environments.run(ENVIRONMENT, program, tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        largest = file["w_max"].tolist()
    close = [abs(np.log2(w) - np.rint(np.log2(w))) < 2e-3 for w in largest]  # of a power of two
    theirs = [scaling.left_shift(w) for w in largest]
    assert sum(close) < 6 and len(set(theirs)) > 3
    assert [m for m, c in zip(mine, close, strict=True) if not c] == [
        t for t, c in zip(theirs, close, strict=True) if not c
    ]


def _random_recipe(rng: np.random.Generator) -> Recipe:
    mean = float(10 ** rng.uniform(-2, 0)) * 1e-9
    weight = Draw("normal", mean, mean * rng.uniform(0.1, 1), low=0.0)
    if rng.random() < 0.3:
        weight = Draw("uniform", mean / 2, mean)
    delay = constant(2) if rng.random() < 0.3 else Draw("uniform", 1, 9)
    if rng.random() < 0.5:
        return Recipe("total", 500, 80, weight, delay, 1, count=int(rng.integers(100, 90_000)))
    return Recipe("probability", 500, 80, weight, delay, 1, p=float(rng.uniform(0.01, 0.9)))


def test_a_recipe_with_weights_of_both_signs_has_one_shift() -> None:
    both = simulated.several("in_degree", 50, 20, count=40, weight=Draw("normal", 1e-11, 1e-10))
    q = quantised(simulated.cells(20), both)
    assert q.params["exc_shift"][0] == q.params["inh_shift"][0]


def test_fewer_bits_and_a_scale_are_taken() -> None:
    recipe = simulated.several("all_to_all", 50, 4)
    best = quantised(simulated.cells(4), recipe)
    fewer = quantised(simulated.cells(4), recipe, bits=10)
    assert fewer.weight_scale == best.weight_scale / 64
    asked = quantised(simulated.cells(4), recipe, scale=3e12)
    assert asked.weight_scale == 2.0**12 / 1e-9 and asked.params["exc_shift"][0] == 3
    assert "of the ring buffer" in quantised(simulated.cells(4), recipe, scale=1e11).notes[1]


# ------------------------------------------------------------------------------ recipes and lists
@pytest.mark.parametrize("kind", ["all_to_all", "probability", "in_degree", "out_degree", "total"])
def test_a_recipe_and_its_synapses_listed_behave_alike(kind: Any) -> None:
    """Spike for spike, on every engine; the scale is given, for statistics are not the matter."""
    n, m, each = 30, 70, 70 if kind == "total" else 1
    weak = Draw("normal", -5e-11, 1e-11)
    exc = simulated.several(kind, n, m, 1, count=12 * each, p=0.3)
    inh = simulated.several(kind, n, m, 2, count=6 * each, p=0.1, weight=weak)
    a = simulated.cells(m, i_offset=0.3e-9)
    scale = 2.0**13 / 1e-9
    said = simulated.network(a, exc, inh)
    told = simulated.network(a, *(simulated.listed(r, scale) for r in (exc, inh)))
    x, runs = simulated.spikes(n, 150, 0.15), []
    for whole, engine in ((said, "wide"), (said, "fast"), (told, "wide"), (told, "reference")):
        program = compiled(whole, CHIP, neurons_per_core=23, weight_scale={"a": scale})
        runs.append(twin.run(program, x, engine=engine, record=["a"], states=["a"]))
    assert 50 < runs[0].spikes["a"].sum() < 5000
    for other in runs[1:]:
        assert_same_run(runs[0], other)


def test_a_matrix_is_taken_too_with_delays_of_its_own() -> None:
    """The same synapses as a list and as a matrix with a delay for each source."""
    n, m, rng = 20, 30, np.random.default_rng(4)
    w = rng.normal(0, 1e-10, (m, n)) * (rng.random((m, n)) < 0.4)
    delay = rng.integers(0, 9, n)
    post, pre = np.nonzero(w)
    as_list = Recipe("listed", n, m, constant(0), constant(1), 0, pre=pre, post=post,
                     weights=w[post, pre], delays=1 + delay[pre])  # fmt: skip
    a = simulated.cells(m, i_offset=0.3e-9)
    one = simulated.network(a, as_list)
    j = dataclasses.replace(one.projections[0], weight=sparse.csr_array(w), delay_source=delay)
    two = dataclasses.replace(one, projections=(j,))
    x = simulated.spikes(n, 100, 0.2)
    runs = [twin.run(compiled(p, CHIP), x, record="*", states="*") for p in (one, two)]
    assert runs[0].spikes["a"].sum() > 50
    assert_same_activity(*runs)


@pytest.mark.parametrize("seed", range(3))
def test_random_networks_run_alike_on_every_engine(seed: int) -> None:
    populations, x = random_network(seed)
    whole, noise = given(populations)
    program = compiled(whole, CHIP, neurons_per_core=17)
    inputs = {"in": x, **drawn(noise, 60)}
    runs = [
        twin.run(program, inputs, engine=e, record="*", states="*", threads=2)
        for e in ("reference", "fast", "wide")
    ]
    assert sum(int(runs[0].spikes[p].sum()) for p in "abc") > 50
    assert_same_run(runs[0], runs[1])
    assert_same_run(runs[0], runs[2])


# ------------------------------------------------------------------------------ delays, memory
@pytest.mark.parametrize(("steps", "neurons"), [(32, 256), (33, 128), (64, 128), (65, 64)])
def test_long_delays_of_inputs_leave_fewer_neurons_on_a_core(steps: int, neurons: int) -> None:
    recipe = Recipe("in_degree", 40, 400, constant(1e-10), Draw("uniform", 1, steps), 1, count=3)
    program = compiled(simulated.network(simulated.cells(400), recipe), CHIP)
    sizes = [c.n for c in program.cores if c.role != "source"]
    assert max(sizes) <= neurons and 400 / neurons <= len(sizes) <= 800 / neurons
    word = next(c.word_format for c in program.cores if c.role != "source")
    assert (1 << word.delay) >= steps and (1 << word.index) >= max(sizes)


def test_a_delay_arrives_when_it_should() -> None:
    whole = simulated.network(simulated.cells(1), simulated.one(1e-9, 100))
    x = np.zeros((1, 120, 1), np.uint8)
    x[0, 3] = 1
    exc = twin.run(compiled(whole, CHIP), x, states=["a"]).states["a"]["exc"][0, :, 0]
    assert np.flatnonzero(exc)[0] == 103


def test_the_memory_that_is_too_small_is_named() -> None:
    load = CoreLoad("neurons", "", 2, n=1, rows=9, sources=9000, synapses=9, word_bits=32)
    facts = chip(CHIP).facts
    limit = next(m for m in rules.limits(load, facts) if m.name.startswith("data memory"))
    assert max(limit.parts, key=lambda p: p[1]) == ("population table", 144000)
    assert sum(size for _, size in limit.parts) == limit.used > limit.allowed
    dense = Recipe("in_degree", 4, 2, constant(1e-10), constant(1), 1, count=3_000_000)
    with pytest.raises(DoesNotFit, match="SDRAM of a core") as e:
        compiled(simulated.network(simulated.cells(2), dense), CHIP, activity=0.0)
    assert e.value.code == "E0301"


# ------------------------------------------------------------------------------ refusals
def test_noise_of_its_own_is_refused() -> None:
    noisy = dataclasses.replace(simulated.cells(2), noise=(Noise(np.ones(2), 1e-11, 1),))
    text = refused(noisy)
    assert "[E0280]" in text and "got 1 Poisson sources" in text and "passes.outside" in text


def test_what_no_register_holds_is_refused() -> None:
    text = refused(simulated.cells(2, c_m=1e-15, i_offset=1.0))
    assert "[E0281]" in text and "does not fit s16.15: resistance (MOhm)" in text
    odd = simulated.cells(2)
    odd.params["inh_gain"] *= 2
    text = refused(odd)
    assert "[E0281]" in text and "not those of one membrane" in text and "4e+07 and 8e+07" in text


def test_a_potential_that_does_not_leak_is_refused() -> None:
    slow = simulated.cells(1, tau_m=1e3, c_m=10e-9)
    assert "[E0228]" in refused(slow)
    taken = quantised(
        simulated.cells(1, tau_m=1e3, c_m=10e-9, i_offset=1e-9), approximate=True
    ).params
    assert taken["exp_tc"][0] == ONE - 1
    assert taken["r"][0] / ONE == pytest.approx(32767.5 / 10)  # ms / nF
    assert taken["i_offset"][0] == ONE


def test_layers_take_no_recipes() -> None:
    one = {"alpha": 0.9, "gain": 0.1, "offset": 0.0, "threshold": 1.0, "v_reset": 0.0}
    params = {k: np.array([v]) for k, v in one.items()}
    layer = Population("a", "a", (1,), "lif", params, False, "spikes", False, 0)
    text = refused(layer, simulated.one(1.0))
    assert "[E0265]" in text and "not taken by lif" in text


# ------------------------------------------------------------------------------ the microcircuit
def test_a_small_cortical_microcircuit_fits_a_board_and_runs_alike() -> None:
    """2 % of the neurons with 5 % of their synapses, steps of 0.1 ms, driven by currents."""
    whole = microcircuit(0.02, 0.05)
    program = compiled(whole, CHIP, activity=0.002)
    assert program.machine.chips == 48 and len(program.cores) >= 13
    synapses = sum(recipes.synapses(j.weight) for j in whole.projections)
    assert synapses > 250_000
    kept: dict[str, Any] = {"steps": 12, "record": "*", "states": "*"}
    wide = twin.run(program, {}, **kept)
    assert wide.engine == "wide"
    assert_same_run(wide, twin.run(program, {}, engine="reference", **kept))
    assert sum(int(s.sum()) for s in wide.spikes.values()) > 50
    assert wide.counts.mean("synaptic_events") > 5000


def shifts(whole: Any, name: str) -> NDArray[np.int64]:
    """Both shifts of a population."""
    incoming: tuple[Projection, ...] = whole.into(name)
    q = cells.quantise(whole.population(name), incoming, Scaling(), chip(CHIP).facts)
    return np.array([q.params["exc_shift"][0], q.params["inh_shift"][0]])


def test_the_full_microcircuit_keeps_its_weights_apart() -> None:
    """At full size a weight of 88 pA has 9 bits, for 3,000 synapses excite a neuron."""
    whole = microcircuit(1.0, 1.0)
    assert shifts(whole, "23E").tolist() == [2, 3]
