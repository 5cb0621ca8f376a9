"""The recurrent networks as data against published numbers; spike statistics against known ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.recurrent_networks import CORTEX, NETWORKS, PSP, PUBLISHED, psc
from benchmarks.spike_statistics import of_groups, synchrony

DT = 1e-4


def test_the_microcircuit_has_its_published_size() -> None:
    full = NETWORKS["microcircuit"]()
    assert full.neurons == 77169  # Potjans & Diesmann 2014, table 5
    assert full.synapses == pytest.approx(0.3e9, rel=0.01)  # "0.3 billion"
    assert {w.source for w in full.wirings} == {g.name for g in full.groups}


def test_a_tenth_of_the_microcircuit_keeps_all_inputs_of_a_neuron() -> None:
    full, tenth = NETWORKS["microcircuit"](), NETWORKS["microcircuit10"]()
    assert tenth.neurons == 7717
    assert tenth.synapses / tenth.neurons == pytest.approx(full.synapses / full.neurons, rel=1e-3)


def test_the_weight_of_an_excitatory_input_is_the_published_current() -> None:
    assert psc(PSP, CORTEX) == pytest.approx(87.8e-12, rel=1e-3)  # same, table 5


def test_direct_current_is_the_mean_of_the_poisson_input_that_it_stands_for() -> None:
    poisson, direct = NETWORKS["microcircuit10"](), NETWORKS["microcircuit10_dc"]()
    assert CORTEX.tau_syn is not None
    for a, b in zip(poisson.groups, direct.groups, strict=True):
        assert a.inputs * a.input_rate * a.input_weight * CORTEX.tau_syn[0] == pytest.approx(b.dc)
        assert b.dc > 0 and not b.inputs


def test_weights_of_the_larger_balanced_network_keep_the_mean_input() -> None:
    small, large = NETWORKS["cuba4000"](), NETWORKS["cuba40000"]()
    for a, b in zip(small.wirings, large.wirings, strict=True):
        inputs = [
            w.number * next(g.n for g in net.groups if g.name == w.source) * w.weight.mean
            for w, net in ((a, small), (b, large))
        ]
        assert inputs[0] == pytest.approx(inputs[1])


def test_published_statistics_have_a_value_for_each_group() -> None:
    for name, found in PUBLISHED.items():
        for p in found:
            assert len(p.values) == len(NETWORKS[name]().groups)


def test_independent_poisson_neurons_have_cv_and_synchrony_one() -> None:
    rng = np.random.default_rng(1)
    steps, neurons = np.nonzero(rng.random((200_000, 50)) < 2e-3)  # 20 Hz, 20 s
    (found,) = of_groups(steps, neurons, [50], DT, 200_000)
    assert found["rate"] == pytest.approx(20, rel=0.05)
    assert found["cv"] == pytest.approx(1, abs=0.03)
    assert found["synchrony"] == pytest.approx(1, abs=0.1)


def test_clocks_have_no_irregularity_and_groups_are_told_apart() -> None:
    steps = np.concatenate([np.arange(0, 10_000, 100), np.arange(0, 10_000, 50)])
    neurons = np.repeat([0, 3], [100, 200])
    first, second = of_groups(steps, neurons, [2, 2], DT, 10_000)
    assert (first["rate"], second["rate"]) == (50.0, 100.0)
    assert first["cv"] == second["cv"] == 0.0


def test_synchrony_is_variance_over_mean_of_the_counts_of_three_milliseconds() -> None:
    steps = np.array([0, 1, 29, 30, 95])  # bins of 30 steps: 3, 1, 0 and, cut off, 1
    assert synchrony(steps, 95, DT) == pytest.approx(np.var([3, 1, 0]) / np.mean([3, 1, 0]))
    assert math.isnan(synchrony(steps[:0], 95, DT))
