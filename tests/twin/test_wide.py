"""The engine for large networks gives what the others give, on any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import mossy
from mossy import twin
from mossy.chips.chip import chip as find
from mossy.errors import BadInput, UnsupportedNode
from mossy.passes import Options, compile
from mossy.testing.programs import accepted
from mossy.twin.engines import fast
from mossy.twin.engines.trace import Recorded
from mossy.twin.layout.link import link
from mossy.twin.layout.wide import refusal
from tests.strategies import Wanted, networks, sample, spikes
from tests.twin.machines import small
from tests.twin.recurrent import CHANNELS, compiled, random_network
from tests.twin.runs import assert_same_activity, assert_same_run, fuzz

MODELS = [("if_curr_exp", False), ("if_curr_exp", True), ("if_curr_exp.double", False)]


@pytest.mark.parametrize(("model", "alike"), MODELS)
@fuzz(3)
@given(seed=st.integers(0, 2**32), per_core=st.integers(5, 60), threads=st.integers(1, 5))
def test_wide_equals_reference(
    model: str, alike: bool, seed: int, per_core: int, threads: int
) -> None:
    populations, x = random_network(seed, model, alike)
    program = compiled(populations, neurons_per_core=per_core)
    kept = {"record": "*", "states": "*"}
    reference = twin.run(program, x, engine="reference", **kept)  # type: ignore[arg-type]
    wide = twin.run(program, x, threads=threads, **kept)  # type: ignore[arg-type]
    assert wide.engine == "wide"
    assert_same_run(wide, reference)


def test_one_run_after_another_and_two_at_a_time() -> None:
    """The memory of a run is used again: nothing of the run before may be left in it."""
    populations, x = random_network(5)
    program = compiled(populations, neurons_per_core=20)
    given = [x, np.roll(x, 3, axis=1), np.zeros_like(x)]
    kept = {"record": "*", "states": "*", "threads": 2}
    first = [twin.run(program, g, **kept) for g in given]  # type: ignore[arg-type]
    assert not np.array_equal(first[0].counts["spikes"], first[1].counts["spikes"])
    with ThreadPoolExecutor(3) as pool:
        turns = [pool.submit(twin.run, program, g, **kept) for g in 4 * given]  # type: ignore[arg-type]
    for k, turn in enumerate(turns):
        assert_same_run(turn.result(), first[k % 3])


@fuzz(5)
@given(seed=st.integers(0, 2**32))
def test_the_other_compiled_engine_agrees(seed: int) -> None:
    """Recipes and noise in the engine of many samples, too."""
    populations, x = random_network(seed)
    program = compiled(populations, neurons_per_core=20)
    wide = twin.run(program, x, record="*", states="*")
    names = [p.name for p in program.populations]
    trace = fast.run(
        program, link(program, find("cpu")), {"in": x}, 60, Recorded(tuple(names), tuple(names[1:]))
    )
    for p in names:
        np.testing.assert_array_equal(trace.spikes[p], wide.spikes[p])
    for p in names[1:]:
        np.testing.assert_array_equal(trace.states[p], wide.states[p])
    for name in wide.counts.arrays:
        np.testing.assert_array_equal(trace.counts[name], wide.counts[name], err_msg=name)


@fuzz(8)
@given(data=st.data(), seed=st.integers(0, 999), threads=st.integers(1, 3))
def test_packets_that_travel_apart(data: st.DataObject, seed: int, threads: int) -> None:
    net = data.draw(networks(Wanted(resets=("node",))))
    try:
        program = compile(net, "loihi1", options=Options(neurons_per_core=3))
    except UnsupportedNode as e:  # delays beyond the synapse word
        assume(e.code != "E0221")
        raise
    assert program.routing == "axons" and refusal(program) is None
    x = spikes(net, seed, batch=1)
    wide = twin.run(program, x, engine="wide", record="*", states="*", threads=threads)
    assert_same_run(wide, twin.run(program, x, engine="fast", record="*", states="*"))


@pytest.mark.parametrize("name", mossy.chips())
def test_what_it_takes_of_the_tiny_zoo_is_the_same(name: str) -> None:
    taken = 0
    for found in accepted(find(name)):
        program, x = found.program, found.case.x[:1]
        if refusal(program) is not None or x.dtype.kind == "f":
            continue
        taken += 1
        for threads in (1, 2):
            wide = program.run(x, engine="wide", record="*", states="*", threads=threads)
            assert_same_run(wide, program.run(x, engine="reference", record="*", states="*"))
    if not taken:
        pytest.skip(f"it takes none of {name}'s")


@pytest.mark.parametrize("chip", ["spinnaker1", "spinnaker2"])
@fuzz(6)
@given(data=st.data(), seed=st.integers(0, 999), threads=st.integers(1, 3))
def test_chips_of_many_cores_with_dead_parts(
    chip: str, data: st.DataObject, seed: int, threads: int
) -> None:
    net = data.draw(networks(Wanted(resets=("node",))))
    few = small(chip)
    dead = [f"core 0,0,{few.cores[0]}", "chip 0,1", "link 0,0,0"]
    machine = mossy.machine(chip, boards=1, dead=dead)
    options = Options(neurons_per_core=3, machine=machine, approximate=True)
    program = compile(net, few, options=options)
    spots = [c.place[:2] for c in program.cores if c.place]
    assert spots.count((0, 0)) == 1  # the other core of that chip is dead
    assert len(spots) < 2 or len(set(spots)) > 1
    assert refusal(program) is None
    x = spikes(net, seed, batch=1)
    wide = twin.run(program, x, engine="wide", record="*", states="*", threads=threads)
    assert_same_run(wide, twin.run(program, x, engine="fast", record="*", states="*"))


def test_a_network_without_inputs_runs_for_steps() -> None:
    populations, _ = random_network(3)
    alone = type(populations)(
        populations.populations[1:],
        tuple(j for j in populations.projections if j.source != "in"),
        {},
        populations.outputs,
    )
    program = compiled(alone)
    result = twin.run(program, {}, steps=200, record=["a"])
    step, neuron = result.events("a")
    assert step.size and step.max() < 200
    raster = np.zeros_like(result.spikes["a"][0])
    np.add.at(raster, (step, neuron), 1)
    assert (raster == result.outputs["a"][0].reshape(200, -1)).all()
    again = twin.run(program, {}, steps=200, record=["a"], engine="reference")
    assert_same_activity(result, again)
    for wrong in ({}, {"steps": 0}):
        with pytest.raises(BadInput, match="how long a network without inputs runs") as e:
            twin.run(program, {}, **wrong)
        assert e.value.code == "E0175"


def test_what_it_refuses() -> None:
    populations, _ = random_network(0)
    noisy = compiled(populations)
    assert any(c.noise for c in noisy.cores)
    with pytest.raises(BadInput, match="draws its own noise runs one sample at a time") as e:
        twin.run(noisy, np.zeros((2, 5, CHANNELS), np.uint8))
    assert e.value.code == "E0176"
    layered = compile(sample(), "cpu")
    with pytest.raises(BadInput, match="weights are not whole numbers") as e:
        twin.run(layered, spikes(sample(), 1, batch=1), engine="wide")
    assert e.value.code == "E0177"
