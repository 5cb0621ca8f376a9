"""The float integrate-and-fire model against NEST's iaf_psc_exp: every spike of random networks.

1,000 neurons, 100,000 synapses with delays of 0.1 to 7.9 ms, currents, given input spikes, 1 s in
steps of 0.1 ms. The order of one update in NEST 3.10 (models/iaf_psc_exp.cpp), which mossy's is
held against here:

1. V advances from the currents as they were at the beginning of the step, or, while refractory, V
   stays and the count goes down by one;
2. both currents decay;
3. the weights that arrive in this step are added to the currents, positive and negative apart, so
   they move V in the next step;
4. V >= V_th: a spike, V is V_reset and the count t_ref / dt. Tested while refractory too.

A spike of update k with a delay of d >= 1 steps arrives in update k + d. NEST dates it (k + 1) dt.

Weights are multiples of 2^-6 pA, so that sums are exact. Products round differently in the last
place (NEST adds the terms of V in another order, in mV), so V may differ by some 1e-13 mV; a spike
differs where V comes that close to the threshold at the end of a step, which has odds of about
1e-9 per network. The seeds differ from run to run; a failure names MOSSY_ORACLE_SEED.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest

from mossy.neurons.if_curr_exp import DOUBLE, FLOAT
from tests.oracles import environments
from tests.oracles.nest_exchange import Given, Ints, Trace, load_trace, random_network, save
from tests.oracles.nest_twin import compiled, program, stepped

pytestmark = pytest.mark.oracle

COUNT = 2
V_TOLERANCE = 1e-10  # mV: some hundred times what rounding leaves
# mV: the error of a 24-bit alpha adds up over tau_m / dt = 200 steps of up to 20 mV; twice that
FLOAT_TOLERANCE = 2 * 2.0**-24 * 200 * 20


@dataclass(frozen=True)
class Run:
    """A network and what NEST did with it."""

    seed: int
    given: Given
    nest: Trace


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Run NEST on the networks of seeds base, base + 1, ..."""
    environments.python_of("nest")  # skip before the work of drawing networks
    base = int(os.environ["MOSSY_ORACLE_SEED"])
    folder = tmp_path_factory.mktemp("nest")
    found = []
    for seed in range(base, base + COUNT):
        given = random_network(seed)
        source, target = folder / f"{seed}.npz", folder / f"{seed}_out.npz"
        save(source, given)
        environments.run("nest", "tests.oracles.run_nest", source, target)
        found.append(Run(seed, given, load_trace(target)))
    return found


def test_spikes_are_identical_in_double_precision(runs: list[Run]) -> None:
    for run in runs:
        assert not difference(stepped(run.given, DOUBLE), run)


@pytest.mark.parametrize(
    ("engine", "threads", "steps", "per_core"),
    [("wide", 2, 10_000, None), ("wide", 1, 2000, 150), ("fast", 1, 2000, 150)],
)
def test_what_the_compiler_makes_of_it_runs_the_same_on_every_engine(
    runs: list[Run], engine: str, threads: int, steps: int, per_core: int | None
) -> None:
    for run in runs:
        made = program(run.given, "if_curr_exp.double", per_core)
        mine = compiled(run.given, made, engine, threads, steps)
        assert len(mine.step) > 0.5 * steps
        assert not difference(mine, run, steps)


def test_v_of_an_engine_is_that_of_nest(runs: list[Run]) -> None:
    for run in runs[:1]:
        made = program(run.given, "if_curr_exp.double")
        assert not difference(compiled(run.given, made, "wide", 2, 1000, True), run, 1000)


@pytest.mark.slow
def test_the_reference_engine_runs_the_same(runs: list[Run]) -> None:
    made = program(runs[0].given, "if_curr_exp.double", 150)
    mine = compiled(runs[0].given, made, "reference", 1, 150)
    assert len(mine.step) > 20
    assert not difference(mine, runs[0], 150)


def test_in_single_precision_v_is_close_until_spikes_part_and_the_rate_stays(
    runs: list[Run],
) -> None:
    """The network amplifies a spike more or less, so the trains part after some ten ms. The rate of
    such a network varies by about 1 % from run to run.
    """
    for run in runs:
        mine = stepped(run.given, FLOAT)
        first = min(first_difference(mine, run.nest), run.given.steps)
        assert np.abs(mine.v - run.nest.v)[:first].max(initial=0) < FLOAT_TOLERANCE
        assert len(mine.step) == pytest.approx(len(run.nest.step), rel=0.1)


def test_the_networks_are_worth_comparing(runs: list[Run]) -> None:
    """Judged by NEST's own traces: most neurons fire, not in step, and wait after a spike."""
    for run in runs:
        per_neuron = np.bincount(run.nest.neuron, minlength=run.given.neurons)
        assert 4 < per_neuron.mean() < 60
        assert (per_neuron > 0).mean() > 0.5
        assert np.bincount(run.nest.step, minlength=run.given.steps).max() < run.given.neurons // 5
        assert np.isfinite(run.nest.v).all()
        assert (run.nest.v == run.given.v_reset).any()
        assert (run.given.pre == run.given.post).any()


def difference(mine: Trace, run: Run, steps: int | None = None) -> str:
    """Return where a trace of the first steps parts from NEST's, or nothing. V where it has any."""
    steps = steps or run.given.steps
    first = first_difference(mine, run.nest)
    where = f"MOSSY_ORACLE_SEED={run.seed}"
    if first < steps:
        a, b = (t.neuron[t.step == first].tolist() for t in (mine, run.nest))
        return f"{where}: step {first}: neurons {a} fire, in NEST {b}"
    off = np.abs(mine.v - run.nest.v[: len(mine.v)])
    if not off.max(initial=0) <= V_TOLERANCE:
        k, i = np.unravel_index(np.argmax(off), off.shape)
        return f"{where}: V of neuron {run.given.watched[i]} in step {k} is off by {off[k, i]:g} mV"
    return ""


def first_difference(a: Trace, b: Trace) -> int:
    """Return the first step in which other neurons fire, a large number if there is none."""
    odd = np.setxor1d(codes(a), codes(b))
    return int(odd.min() >> 32) if odd.size else np.iinfo(np.int64).max


def codes(trace: Trace) -> Ints:
    """One number per spike, in the order of time."""
    found = (trace.step << 32) | trace.neuron
    assert (np.diff(found) > 0).all()
    return found
