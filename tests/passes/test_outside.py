"""Noise made into inputs: the same spikes, one step later."""

from __future__ import annotations

import dataclasses

import numpy as np

from mossy import twin
from mossy.network.populations import Populations
from mossy.network.recipe import Noise
from mossy.passes.outside import drawn, given
from tests.chips import simulated
from tests.twin.recurrent import compiled

STEPS = 80


def noisy() -> Populations:
    """At rest, two kinds of noise, and synapses among the neurons."""
    rng = np.random.default_rng(3)
    noise = (Noise(rng.uniform(0.5, 3, 40), 9e-11, 11), Noise(np.full(40, 0.4), -5e-11, 12))
    a = dataclasses.replace(simulated.cells(40), noise=noise)
    w = simulated.several("in_degree", 40, 40, count=6)
    return Populations((a,), (simulated.projection(a, a, w),), {}, {"a": "a"})


def test_neurons_spike_as_with_noise_of_their_own_a_step_later() -> None:
    """Nothing depends on the time: all at rest until the first spike arrives."""
    own = twin.run(compiled(noisy()), {}, steps=STEPS, record=["a"]).spikes["a"][0]
    whole, noise = given(noisy())
    assert not any(p.noise for p in whole.populations) and list(noise) == list(whole.inputs)
    x = drawn(noise, STEPS)
    got = twin.run(compiled(whole), x, record=["a"]).spikes["a"][0]
    assert own.sum() > 100 and not got[0].any()
    np.testing.assert_array_equal(got[1:], own[:-1])


def test_what_is_drawn_is_poisson() -> None:
    _, noise = given(noisy())
    x = drawn(noise, 2000)
    mean = noise["a noise 0"].mean
    found = x["a noise 0"][0].astype(float)
    assert found.shape == (2000, 40)
    assert abs(found.mean(axis=0) - mean).max() < 5 * np.sqrt(mean.max() / 2000)
    assert abs(found.var(axis=0) / mean - 1).max() < 0.25


def test_it_runs_on_a_machine_of_cores_that_send_packets() -> None:
    whole, noise = given(noisy())
    program = compiled(whole, "spinnaker1", neurons_per_core=16)
    x = drawn(noise, STEPS)
    wide = twin.run(program, x, record=["a"])
    packets = wide.counts["packets_in"].sum()
    assert wide.spikes["a"].sum() > 100 and wide.engine == "wide"
    assert packets >= sum(int(v.sum()) for v in x.values())
