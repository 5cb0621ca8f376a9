"""IF_curr_exp of the simulators on SpiNNaker2: words, scales of two currents, recipes and lists."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mossy import twin
from mossy.chips import chip
from mossy.chips.quantised import Quantised, Scaling
from mossy.chips.spinnaker2 import rules
from mossy.chips.spinnaker2.words import word
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network.populations import Population
from mossy.network.recipe import Draw, Noise, Recipe, constant
from tests.chips import simulated
from tests.twin.recurrent import compiled
from tests.twin.runs import assert_same_run

CHIP = "spinnaker2"
FACTS = chip(CHIP).facts


def quantised(population: Population, *weights: Recipe, **options: Any) -> Quantised:
    """A population with recipes onto it, in registers."""
    links = tuple(
        simulated.projection(simulated.source(w.n_source), population, w) for w in weights
    )
    return rules.quantise(population, links, Scaling(**options), FACTS)


def refused(population: Population, *weights: Recipe) -> str:
    with pytest.raises(UnsupportedNode) as found:
        quantised(population, *weights)
    return str(found.value)


# ------------------------------------------------------------------------------ words
def test_the_words_are_those_of_public_scripts() -> None:
    plain, top = word(FACTS, delayed=False)
    assert (plain.weight, plain.delay, plain.type, plain.index, top) == (7, 0, 1, 8, 127)
    late, top = word(FACTS, delayed=True)
    assert (late.weight, late.delay, late.type, late.index, top) == (4, 3, 1, 8, 15)


def test_more_neurons_on_a_core_leave_fewer_bits_of_weight() -> None:
    """No source gives such a word: it is what an assumption of the user's amounts to."""
    facts = FACTS.assuming({"neurons_per_core": 1024})
    wide, top = word(facts, delayed=False)
    assert (wide.index, wide.weight, top) == (10, 5, 31)
    with pytest.raises(UnsupportedNode, match="no bits of the synapse word are left") as e:
        word(FACTS.assuming({"neurons_per_core": 8192}), delayed=True)
    assert e.value.code == "E0282" and "got 13 bits of index" in str(e.value)


def test_a_delay_of_one_step_needs_no_field() -> None:
    at_once, later = (quantised(simulated.cells(1), simulated.one(1e-10, d)) for d in (1, 8))
    assert at_once.word.delay == 0 and later.word.delay == 3
    assert at_once.incoming[0].weight.scale == 127 / 1e-10
    assert later.weight_scale == 15 / 1e-10
    assert any("delays leave weights of +-15" in note for note in later.notes)
    assert "got 9 steps; allowed: 1 to 8" in refused(simulated.cells(1), simulated.one(1e-10, 9))


# ------------------------------------------------------------------------------ registers
@pytest.mark.parametrize("sign", [1, -1])
def test_the_potential_is_that_of_the_float_form_one_step_earlier(sign: int) -> None:
    """Two currents of unlike time constants; the only weight is exact, the top of its sign."""
    a = simulated.cells(1, tau_inh=3e-3, i_offset=0.05e-9, v_init=2e-3)
    whole = simulated.network(a, simulated.one(sign * 0.3e-9, 3))
    x = np.zeros((1, 60, 1), np.uint8)
    x[0, [5, 6, 20], 0] = 1, 2, 1
    traces = {}
    for name in (CHIP, "cpu"):
        program = compiled(whole, name)
        volt = program.population("a").v_scale[0]
        traces[name] = twin.run(program, x, states=["a"]).states["a"]["v"][0, :, 0] / volt
    still = compiled(simulated.network(a, simulated.one(0.3e-9, 3)), "cpu")
    alone = twin.run(still, 0 * x, states=["a"]).states["a"]["v"][0, :, 0]
    early = traces[CHIP][:-1] - alone[:-1]
    assert traces[CHIP].max() < 15e-3  # no spike
    assert abs(early).max() > 1e-3
    assert abs(early - (traces["cpu"] - alone)[1:]).max() < 1e-5 * abs(early).max()


def test_thresholds_are_met_where_they_are_reached() -> None:
    """The float form fires at the threshold, the chip's model above it."""
    a = simulated.cells(1, v_init=15e-3)
    a.params["alpha"][:] = 1.0
    below = dataclasses.replace(a, params=a.params | {"v_init": np.array([15e-3 * (1 - 1e-6)])})
    for population, fires in ((a, True), (below, False)):
        program = compiled(simulated.network(population, simulated.one(1e-12)), CHIP)
        found = twin.run(program, np.zeros((1, 3, 1), np.uint8), record=["a"])
        assert bool(found.spikes["a"].any()) == fires


def test_both_currents_have_their_gains_in_the_weights() -> None:
    a = simulated.cells(4, tau_inh=3e-3, c_m=np.array([1, 2, 3, 4]) * 1e-10)
    exc, inh = simulated.one(1e-10), simulated.one(-1e-10)
    exc, inh = (dataclasses.replace(r, n_target=4) for r in (exc, inh))
    q = quantised(a, exc, inh)
    ratio = float(a.params["inh_gain"][0] / a.params["exc_gain"][0])
    up, down = (s.weight.scale for s in q.incoming)
    assert down / up == pytest.approx(ratio) and max(up, down) == pytest.approx(127 / 1e-10)
    np.testing.assert_allclose(q.v_scale * a.params["exc_gain"], up)


def test_gains_that_one_scale_cannot_hold_are_refused() -> None:
    mixed = simulated.several("all_to_all", 3, 2, weight=Draw("normal", 1e-11, 1e-10))
    assert quantised(simulated.cells(2), mixed).weight_scale > 0
    text = refused(simulated.cells(2, tau_inh=3e-3), mixed)
    assert "[E0283]" in text and "in->a draws weights of both signs" in text
    text = refused(simulated.cells(2, tau_inh=np.array([3e-3, 4e-3])))
    assert "[E0283]" in text and "one ratio for a population" in text


def test_noise_of_its_own_is_refused() -> None:
    noisy = dataclasses.replace(simulated.cells(2), noise=(Noise(np.ones(2), 1e-11, 1),))
    assert "[E0280]" in refused(noisy)


def test_fewer_bits_and_weights_that_vanish() -> None:
    big = simulated.one(1e-9)
    assert quantised(simulated.cells(1), big, bits=4).weight_scale == 7 / 1e-9
    small = quantised(simulated.cells(1), big, simulated.one(1e-12))
    assert any("0.13 of the smallest that there is" in note for note in small.notes)


# ------------------------------------------------------------------------------ recipes, memory
@pytest.mark.parametrize("kind", ["in_degree", "total"])
def test_a_recipe_and_its_synapses_listed_behave_alike(kind: Any) -> None:
    n, m, each = 30, 70, 70 if kind == "total" else 1
    exc = simulated.several(kind, n, m, 1, count=12 * each)
    weak = Draw("normal", -5e-11, 1e-11)
    inh = simulated.several(kind, n, m, 2, count=6 * each, weight=weak)
    a = simulated.cells(m, i_offset=0.3e-9)
    scale = 15 / 2e-10
    said = simulated.network(a, exc, inh)
    told = simulated.network(a, *(simulated.listed(r, scale) for r in (exc, inh)))
    x, runs = simulated.spikes(n, 150, 0.15), []
    for whole, engine in ((said, "wide"), (said, "fast"), (told, "wide"), (told, "reference")):
        program = compiled(whole, CHIP, neurons_per_core=23, weight_scale={"a": scale})
        runs.append(twin.run(program, x, engine=engine, record=["a"], states=["a"]))
    assert 50 < runs[0].spikes["a"].sum() < 5000
    for other in runs[1:]:
        assert_same_run(runs[0], other)


def test_a_full_memory_names_what_fills_it() -> None:
    """A pointer for each of 40,000 sources, on a core that hears of all of their cores."""
    sparse = Recipe("in_degree", 40_000, 10, constant(1e-10), constant(1), 1, count=2000)
    with pytest.raises(DoesNotFit) as e:
        compiled(simulated.network(simulated.cells(10), sparse), CHIP, activity=0.0)
    text = str(e.value)
    assert "[E0301]" in text and "data memory (B), 160000 of them row pointers" in text
    assert "allowed: 98048" in text


def test_in_degrees_decide_how_many_neurons_a_core_takes() -> None:
    dense = Recipe("in_degree", 1000, 200, constant(1e-10), constant(1), 1, count=500)
    program = compiled(simulated.network(simulated.cells(200), dense), CHIP, activity=0.0)
    sizes = [c.n for c in program.cores if c.role != "source"]
    rows = [b.size for c in program.cores for b in c.memory if b.name == "synapse rows"]
    assert rows == [2 * 500 * n for n in sizes] and len(sizes) == 3
