"""Delay cores: the same spikes as from ring buffers that are long enough, and what they cost.

A chip is made small or large by the bits that address its ring buffers: with 11, a core of 32
neurons has 32 slots, with 16 it has 1,024, which no delay here exceeds.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from mossy import twin
from mossy.chips import Chip
from mossy.chips import chip as find
from mossy.chips.spinnaker1 import delays
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network import graph
from mossy.network import nodes as nd
from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Draw, Recipe, constant
from mossy.passes import Options, compile
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.twin import Result
from tests.chips import simulated
from tests.twin.runs import assert_same_run, fuzz

CHIP = find("spinnaker1")
SMALL = CHIP.assuming({"ring_bits": 11})
LARGE = CHIP.assuming({"ring_bits": 16, "dtcm": 1 << 20})
N, STEPS = 30, 400


def built(populations: Populations, chip: Chip, **options: Any) -> Program:
    """The program of populations for a chip of these facts."""
    wanted = Options(**options)
    quantised = quantise(populations, chip, wanted, None)
    return assemble(populations, quantised, chip, wanted, Header("net", "", 1e-3, "exact", "node"))[
        0
    ]


def network(*weights: Any, own: Any = None, n: int = N) -> Populations:
    """Input and neurons `a` with projections, some from `a` itself."""
    a = simulated.cells(n, i_offset=np.linspace(0.1e-9, 0.45e-9, n))
    made = simulated.network(a, *weights)
    if own is None:
        return made
    return dataclasses.replace(
        made, projections=(*made.projections, *(simulated.projection(a, a, w) for w in own))
    )


def listed(seed: int, n: int, m: int, longest: int, count: int = 60) -> Recipe:
    """Random synapses; a pair may be connected twice."""
    rng = np.random.default_rng(seed)
    return Recipe(
        "listed", n, m, constant(0), constant(1), 0,
        pre=rng.integers(0, n, count), post=rng.integers(0, m, count),
        weights=rng.normal(0, 3e-10, count), delays=rng.integers(1, longest + 1, count),
    )  # fmt: skip


def cores(program: Program, name: str) -> list[Any]:
    return [c for c in program.cores if c.population == name]


def run(program: Program, x: Any, **options: Any) -> Result:
    """A run with the spikes and registers of the cells `a`."""
    return twin.run(program, x, record=["a"], states=["a"], **options)


def assert_same_cells(first: Result, second: Result) -> None:
    for kind in ("spikes", "states"):
        one, two = getattr(first, kind)["a"], getattr(second, kind)["a"]
        np.testing.assert_array_equal(one, two, err_msg=kind)


# ------------------------------------------------------------------------------ exactness
@fuzz(12)
@given(seed=st.integers(0, 1 << 20), longest=st.integers(1, 288), own=st.integers(1, 288))
def test_delays_of_any_length_arrive_as_from_a_longer_ring_buffer(
    seed: int, longest: int, own: int
) -> None:
    whole = network(listed(seed, 20, N, longest), own=[listed(seed + 1, N, N, own, 150)])
    x = simulated.spikes(20, STEPS, 0.1, seed)
    small, large = built(whole, SMALL), built(whole, LARGE)
    assert len({c.population for c in large.cores}) == 2
    given, back = (j.weight.delays.max() for j in whole.projections)
    assert (len({c.population for c in small.cores}) > 2) == (
        given > 128 or back > max(32, 1 << int(given - 1).bit_length())
    )
    assert_same_cells(run(small, x), run(large, x))


@pytest.mark.parametrize("kind", ["in_degree", "out_degree", "total", "probability", "all_to_all"])
def test_drawn_delays_keep_their_draws(kind: Any) -> None:
    weight, delay = Draw("normal", 1.5e-10, 5e-11), Draw("normal", 70, 35, low=1)
    recipe = Recipe(kind, N, N, weight, delay, 5, count=5, p=0.2)
    whole = network(simulated.several("in_degree", 20, N, count=5), own=[recipe])
    x = simulated.spikes(20, STEPS, 0.05)
    first, second = (run(built(whole, chip), x) for chip in (SMALL, LARGE))
    assert first.spikes["a"].sum(dtype=int) > 200
    assert_same_cells(first, second)


def test_one_stage_of_equal_delays_stays_a_recipe() -> None:
    recipe = simulated.several("in_degree", N, N, count=6, delay=constant(50))
    whole = network(simulated.several("in_degree", 20, N, count=5), own=[recipe])
    small, large = built(whole, SMALL), built(whole, LARGE)
    kinds = {r.kind for c in cores(small, "a") for r in c.recipes}
    assert kinds == {"in_degree"} and len(cores(small, "a delayed")) == 1
    x = simulated.spikes(20, STEPS, 0.1)
    assert_same_cells(run(small, x), run(large, x))


def test_every_engine_runs_delay_cores_alike() -> None:
    recipe = simulated.several("in_degree", N, N, count=6, delay=Draw("uniform", 1, 250))
    whole = network(simulated.several("in_degree", 20, N, count=9), own=[recipe])
    program = built(whole, SMALL, neurons_per_core=11)
    x = simulated.spikes(20, STEPS, 0.1)
    runs = [
        twin.run(program, x, record="*", states="*", engine=e, threads=2)
        for e in ("reference", "fast", "wide")
    ]
    assert runs[0].spikes["a delayed"].sum() > 100
    for other in runs[1:]:
        assert_same_run(runs[0], other)


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 64, 65, 100, 144, 288, 1000])
def test_a_spike_arrives_in_its_step(steps: int) -> None:
    """A Delay node in front of a layer, on the chip as it is: 32 slots for 256 neurons.

    1,000 steps want cores of 64, of 128 slots.
    """
    n = 256
    one = np.ones(n)
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((n,)),
        "first": nd.LIF(0.1e-3 * one, 0.1 * one, 0 * one, 0.05 * one, 0 * one),
        "wait": nd.Delay(np.full(n, (steps - 1) * 1e-3)),
        "w": nd.Linear(np.eye(n)),
        "cell": nd.LI(2e-3 * one, 2 * one, 0 * one),
        "out": nd.Output((n,)),
    }
    net = graph.build(nodes, list(pairwise(nodes)), 1e-3, integrator="exponential")
    small = Options(neurons_per_core=64) if steps > 288 else None
    program = compile(net, "spinnaker1", options=small)
    assert ("first delayed" in {c.population for c in program.cores}) == (steps > 32)
    x = np.zeros((1, steps + 20, n), np.uint8)
    x[0, 3, [0, 200]] = 1
    result = program.run(x, record=["first"])
    out = result.outputs["out"][0]
    sent = int(np.flatnonzero(result.spikes["first"][0, :, 0])[0])
    lag = program.population(program.outputs["out"]).lag
    assert np.flatnonzero(out[:, 0])[0] + lag == sent + steps
    assert (out[:, 0] == out[:, 200]).all() and not out[:, 1].any()


def test_delays_on_both_sides_of_the_weights() -> None:
    """Sources wait 0 to 90 steps, targets 0 to 60, a matrix between them."""
    rng = np.random.default_rng(3)
    a = simulated.cells(N, i_offset=np.linspace(0.3e-9, 0.5e-9, N))
    w = rng.normal(0, 2e-10, (N, N)) * (rng.random((N, N)) < 0.3)
    first, second = rng.integers(0, 91, N), rng.integers(0, 4, N) * 20
    made = simulated.network(a, simulated.several("in_degree", 20, N, count=5))
    j = Projection("aa", "a", "a", sparse.csr_array(w), first, second, True)
    whole = dataclasses.replace(made, projections=(*made.projections, j))
    x = simulated.spikes(20, STEPS, 0.1)
    small, large = built(whole, SMALL), built(whole, LARGE)
    assert_same_cells(run(small, x), run(large, x))
    words = sum(c.words.size for c in small.cores if c.population == "a")
    assert words == np.count_nonzero(cores(large, "a")[0].words)


# ------------------------------------------------------------------------------ inputs
def test_an_input_may_send_several_spikes_in_a_step() -> None:
    whole = simulated.network(simulated.cells(1), simulated.one(1e-10, 4500))
    program = built(whole, CHIP.assuming({"ring_bits": 11, "dtcm": 1 << 20}))
    x = np.zeros((1, 4600, 1), np.uint8)
    x[0, 2], x[0, 7] = 3, 1
    for engine in ("fast", "reference"):
        result = run(program, x, engine=engine)
        exc = result.states["a"]["exc"][0, :, 0].astype(float)
        assert np.flatnonzero(exc)[0] == 4502
        decay = np.exp(-1 / 5)
        brought = exc[4502] / (exc[4507] - exc[4506] * decay)
        assert brought == pytest.approx(3, rel=1e-3)


def test_inputs_take_slots_while_there_are_some() -> None:
    """Delays to 128 steps: no delay core, but cores of 64 neurons."""
    whole = network(listed(1, 20, 250, 128, 400), n=250)
    program = built(whole, CHIP)
    assert {c.population for c in program.cores} == {"in", "a"}
    assert max(c.n for c in cores(program, "a")) <= 64
    longer = built(network(listed(1, 20, 250, 129, 4000), n=250), CHIP)
    assert cores(longer, "in delayed")[0].model == "relay.many"
    assert max(c.n for c in cores(longer, "a")) == 250


# ------------------------------------------------------------------------------ what it costs
def delayed(longest: int, n: int = 600, **options: Any) -> Program:
    own = listed(7, n, n, longest, 4000)
    return built(network(listed(1, 20, n, 5), own=[own], n=n), CHIP, **options)


@pytest.mark.parametrize(("longest", "stages"), [(33, 1), (64, 1), (65, 2), (144, 4), (288, 8)])
def test_stages_are_those_of_the_release(longest: int, stages: int) -> None:
    """ceil(longest / slots) - 1, all of which send every spike."""
    own = dataclasses.replace(listed(7, 600, 600, 32, 400), delays=np.full(400, longest))
    program = built(network(listed(1, 20, 600, 5), own=[own], n=600), CHIP)
    found = cores(program, "a delayed")
    assert sum(c.n for c in found) == 600 * stages
    steps = np.concatenate([c.params["steps"] for c in found])
    assert np.unique(steps).tolist() == [32 * (s + 1) for s in range(stages)]
    assert any(f"delay cores of {stages} stage" in n or "one stage" in n for n in program.notes)


def test_packets_cores_and_energy_of_delay_cores_are_counted() -> None:
    program = delayed(144)
    result = twin.run(program, simulated.spikes(20, 300, 0.2), record="*")
    own, held = cores(program, "a"), cores(program, "a delayed")
    spikes = result.counts.per_core("spikes")
    sent = sum(int(spikes[c.number]) for c in own)
    early = int(result.spikes["a"][0, : 300 - 128].sum())
    again = sum(int(spikes[c.number]) for c in held)
    assert 0 < 4 * early <= again < 4 * sent
    packets = result.counts.per_core("packets_out")
    assert all(packets[c.number] == spikes[c.number] for c in held)
    assert all(c.place is not None for c in held)
    short = delayed(32)
    less = twin.run(short, simulated.spikes(20, 300, 0.2))
    more = len(program.cores) - len(short.cores)
    assert more == len(held)
    power = float(CHIP.facts["core_active_power"])
    active = (
        result.energy.by("operation")["active cores"] - less.energy.by("operation")["active cores"]
    )
    assert active == pytest.approx(more * power * 0.3)
    assert not result.timing.overruns


def test_a_delay_core_for_each_core_of_the_source_where_cuts_are_asked_for() -> None:
    program = delayed(144, neurons_per_core=100)
    own, held = cores(program, "a"), cores(program, "a delayed")
    assert len(own) == len(held) == 6
    assert [(4 * c.lo, 4 * c.hi) for c in own] != [(c.lo, c.hi) for c in held]  # 64 slots: 2 stages
    assert [(2 * c.lo, 2 * c.hi) for c in own] == [(c.lo, c.hi) for c in held]


def test_memory_of_a_delay_core() -> None:
    """A byte for each source and each of 2^k steps: 256 sources of four stages fill 32 kB."""
    (first, *others) = cores(delayed(144), "a delayed")
    memory = {b.name: b.size for b in first.memory}
    assert memory["counters"] == 128 * first.n // 4
    assert 4 * sum(c.n for c in (first, *others)) == 4 * 4 * 600
    assert all(c.n <= 4 * 256 for c in others)


def test_targets_of_different_slots_get_delay_cores_of_their_own() -> None:
    small, large = simulated.cells(100, name="small"), simulated.cells(256, name="large")
    a = simulated.cells(40)
    links = tuple(simulated.projection(a, t, listed(1, 40, t.n, 140, 500)) for t in (small, large))
    whole = Populations((a, small, large), links, {}, {"large": "large"})
    program = built(whole, CHIP)
    found = {c.population: np.unique(c.params["steps"]).tolist() for c in program.cores
             if c.model == "relay"}  # fmt: skip
    assert found == {"a delayed by 64": [64, 128], "a delayed by 32": [32, 64, 96, 128]}


def test_a_name_that_is_taken_gets_a_stroke() -> None:
    a = simulated.cells(256)
    other: Population = dataclasses.replace(simulated.cells(3), name="a delayed")
    links = (simulated.projection(a, a, listed(1, 256, 256, 50)),)
    program = built(Populations((a, other), links, {}, {"a": "a"}), CHIP)
    assert "a delayed'" in {c.population for c in program.cores}


# ------------------------------------------------------------------------------ refused
def refused(longest: int, n: int = 256, **options: Any) -> str:
    own = listed(7, n, n, longest, 4000)
    with pytest.raises(UnsupportedNode) as found:
        built(network(listed(1, 20, n, 5), own=[own], n=n), CHIP, **options)
    return str(found.value)


def test_more_stages_than_a_delay_core_has_are_refused() -> None:
    text = refused(289)
    assert "[E0221]" in text and "a: a delay is longer than 8 stages" in text
    assert "the 32 slots of a ring buffer" in text and "got 289 steps; allowed: 1 to 288." in text
    assert "Options(neurons_per_core=64)" in text
    assert "allowed: 1 to 1152." in refused(1200, neurons_per_core=64)
    assert len({c.population for c in delayed(289, neurons_per_core=64).cores}) == 3


def test_a_recipe_too_large_to_be_written_out_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr(delays, "MOST_LISTED", 1000)
    first = simulated.several("in_degree", 20, 300, count=1)
    recipe = simulated.several("in_degree", 300, 300, count=10, delay=Draw("uniform", 1, 200))
    with pytest.raises(UnsupportedNode) as found:
        built(network(first, own=[recipe], n=300), CHIP)
    text = str(found.value)
    assert "[E0284] a->a: delays of several stages" in text
    assert "got about 3,000 synapses, delays to 200 steps; allowed: 1,000" in text


def test_a_recipe_too_large_to_be_written_out_takes_slots_if_they_do(monkeypatch: Any) -> None:
    first = simulated.several("in_degree", 20, 300, count=1)
    recipe = simulated.several("in_degree", 300, 300, count=10, delay=Draw("uniform", 1, 100))
    whole = network(first, own=[recipe], n=300)
    assert {c.population for c in built(whole, CHIP).cores} == {"in", "a", "a delayed"}
    monkeypatch.setattr(delays, "MOST_LISTED", 1000)
    program = built(whole, CHIP)
    assert {c.population for c in program.cores} == {"in", "a"}
    assert max(c.n for c in program.cores if c.population == "a") <= 64
    assert {r.kind for c in cores(program, "a") for r in c.recipes} == {"in_degree"}


def test_counters_that_fill_a_core_are_cut_and_named() -> None:
    """8 stages of 32 steps hold 64 kB for 256 sources: two cores here, no room in the release."""
    program = delayed(288, n=256)
    assert len(cores(program, "a")) == 1 and len(cores(program, "a delayed")) == 2
    tight = CHIP.assuming({"dtcm": 32 * 1024, "stack": 64})
    with pytest.raises(DoesNotFit, match=r"data memory.* counters"):
        built(network(listed(1, 20, 2, 5), own=[listed(7, 2, 2, 36_000)], n=2), tight)
