"""Parts that die during a run, in the engine of large networks: the same as in the reference.

Every comparison is of spikes, registers, outputs and all counts, losses among them.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import mossy
from mossy import twin
from mossy.chips.chip import chip as find_chip
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.testing.networks import DT, cuba_lif, lif, weights
from mossy.twin import Result
from mossy.twin.layout.wide import refusal, wide
from tests.strategies import STEPS, Wanted, networks, spikes
from tests.twin.machines import faults, small, ways
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import assert_same_run, fuzz

CHIPS = ["spinnaker1", "spinnaker2", "loihi1"]
WANTED = Wanted(resets=("node",))
WIDE = "wide"


def run(program: Program, x: Any, died: Any = (), engine: str = WIDE, **more: Any) -> Result:
    result: Result = twin.run(
        program, x, record="*", states="*", faults=died, engine=engine, **more
    )
    return result


@st.composite
def programs(draw: Any, name: str) -> tuple[Program, dict[str, Any]]:
    """Draw a program on chips of one or two cores that this engine runs, and spikes for it."""
    network = draw(networks(WANTED))
    options = Options(
        neurons_per_core=draw(st.sampled_from([1, 2, 3])),
        approximate=True,
        routing=draw(st.sampled_from(ways(name))),
    )
    try:
        program = compile(network, small(name, draw(st.sampled_from([1, 2]))), options=options)
    except (UnsupportedNode, DoesNotFit):
        assume(False)
        raise
    assume(refusal(program) is None)
    return program, spikes(network, draw(st.integers(0, 999)), batch=1)


@pytest.mark.parametrize("chip", CHIPS)
@fuzz(20)
@given(data=st.data(), threads=st.integers(1, 3))
def test_wide_equals_reference(chip: str, data: st.DataObject, threads: int) -> None:
    program, x = data.draw(programs(chip))
    died = data.draw(faults(program))
    hurt = run(program, x, died, threads=threads)
    assert hurt.engine == WIDE
    assert_same_run(hurt, run(program, x, died, engine="reference"))


@pytest.mark.parametrize("chip", CHIPS)
@fuzz(6)
@given(data=st.data())
def test_a_run_with_faults_leaves_nothing_behind(chip: str, data: st.DataObject) -> None:
    """A program keeps its memory from run to run, which must not keep what died."""
    program, x = data.draw(programs(chip))
    died = data.draw(faults(program))
    whole, hurt = run(program, x), run(program, x, died)
    assert_same_run(run(program, x), whole)
    assert_same_run(run(program, x, died), hurt)


# ------------------------------------------------------------------------ one trap after the other
def chain(delay: int = 0) -> nd.Network:
    """A network in which every neuron spikes in every step once spikes have come."""
    later = {"later": nd.Delay(np.full(8, delay * DT))} if delay else {}
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((4,)), "to_a": nd.Linear(np.full((8, 4), 2.0)), "a": lif(), **later,
        "to_b": nd.Linear(np.full((8, 8), 2.0)), "b": lif(), "output": nd.Output((8,)),
    }  # fmt: skip
    return build(nodes, list(pairwise(nodes)), DT, name="chain")


def placed(delay: int = 0, chip: str = "spinnaker2") -> tuple[Program, NDArray[np.uint8]]:
    """The chain on chips of one core of two neurons each, and input in every step."""
    options = Options(neurons_per_core=2, approximate=True)
    program = compile(chain(delay), small(chip, 1), options=options)
    assert refusal(program) is None
    return program, np.ones((1, 30, 4), np.uint8)


def part(program: Program, population: str, lo: int = 0) -> tuple[int, str]:
    """Number and place, in words, of a core of a population."""
    core = next(c for c in program.cores if c.population == population and c.lo == lo)
    assert core.place is not None
    return core.number, ",".join(map(str, core.place))


def test_who_spiked_in_its_last_step_is_silent_from_then_on() -> None:
    program, x = placed()
    number, place = part(program, "a", 2)
    died = [f"core {place} @ 9"]
    hurt = run(program, x, died)
    sent = hurt.counts["spikes"][0, :, number]
    assert sent[8] == 2 and not sent[9:].any()
    assert not hurt.spikes["a"][0, 9:, 2:4].any()
    assert_same_run(hurt, run(program, x, died, engine="reference"))


def heavier(program: Program, shift: int) -> Program:
    """The program with heavier weights: then words have less room for delays, or need 8 bytes."""
    cores = tuple(
        dataclasses.replace(c, tables=tuple(dataclasses.replace(t, shift=shift) for t in c.tables))
        for c in program.cores
    )
    return dataclasses.replace(program, cores=cores)


@pytest.mark.parametrize(("shift", "groups", "size"), [(0, 1, 4), (20, 2, 4), (21, 1, 8)])
@pytest.mark.parametrize("delay", [2, 5])
def test_what_was_sent_before_a_link_died_still_arrives(
    delay: int, shift: int, groups: int, size: int
) -> None:
    """What a spike reaches is decided in the step in which it is sent, long before it is felt."""
    program, x = placed(delay)
    program = heavier(program, shift)
    laid = wide(program, find_chip(program.chip), 1)
    assert (laid.shape.groups >= groups) and laid.blocks[0].words.itemsize == size
    spots = sorted({c.place[:2] for c in program.cores if c.place is not None})
    cut = 0
    for x_, y_ in spots:
        died = [f"link {x_},{y_},{k} @ 9" for k in range(6)]  # the chip is on its own from then on
        hurt = run(program, x, died)
        assert_same_run(hurt, run(program, x, died, engine="reference"))
        lost = hurt.counts["packets_lost"][0]
        assert not lost[:9].any() and len(lost) > 9 + delay + 1
        for c in program.cores:
            here = c.place is not None and c.place[:2] == (x_, y_)
            if c.population == "b" and here and shift < 21:  # else sums wrap
                cut += 1
                felt = hurt.spikes["b"][0, :, c.lo : c.hi]
                assert felt[9 : 9 + delay].all() and not felt[9 + delay + 1 :].any()
    assert cut or shift == 21


def test_a_chip_that_dies_takes_what_crosses_it() -> None:
    program, x = placed(2)
    whole = run(program, x)
    some = False
    for spot in sorted({c.place[:2] for c in program.cores if c.place is not None}):
        died = [f"chip {spot[0]},{spot[1]} @ 7"]
        hurt = run(program, x, died)
        assert_same_run(hurt, run(program, x, died, engine="reference"))
        for name, of in (("packets_lost", "packets_in"), ("events_lost", "synaptic_events")):
            np.testing.assert_array_equal(hurt.counts[of][:, :7], whole.counts[of][:, :7])
            some |= bool(hurt.counts[name].any())
    assert some


def test_parts_dead_from_the_first_step_on() -> None:
    program, x = placed()
    _, a = part(program, "a", 2)
    _, b = part(program, "b", 4)
    died = [f"core {a} @ 0", f"core {b} @ 0", f"core {part(program, 'b', 0)[1]} @ 0"]
    hurt = run(program, x, died)
    assert_same_run(hurt, run(program, x, died, engine="reference"))
    assert not hurt.spikes["a"][0, :, 2:4].any() and hurt.spikes["a"][0, 10, :2].all()


@pytest.mark.parametrize("threads", [1, 3])
def test_pieces_of_a_few_steps_and_threads_that_share_the_counting(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mossy.twin.layout.tables.LONGEST", 4)
    monkeypatch.setattr("mossy.twin.engines.tally.WORTH", 0)
    program, x = placed(2)
    (_, a), (_, b) = part(program, "a", 2), part(program, "b", 4)
    died = [f"core {a} @ 6", f"link {b.rpartition(',')[0]},0 @ 13", f"core {b} @ 14"]
    done: list[int] = []
    hurt = run(program, x, died, threads=threads, progress=done.append)
    assert max(done) == 4 and sum(done) == hurt.counts.shape[1] and 2 in done and 1 in done
    assert_same_run(hurt, run(program, x, died, engine="reference"))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_parts_that_die_one_after_the_other(threads: int) -> None:
    program, x = placed(5)
    places = [c.place for c in program.cores if c.place is not None and c.role != "source"]
    died = [f"core {','.join(map(str, p))} @ {3 * k + 1}" for k, p in enumerate(places)]
    hurt = run(program, x, died, threads=threads)
    assert_same_run(hurt, run(program, x, died, engine="reference"))


def test_two_models_in_one_program() -> None:
    rng = np.random.default_rng(4)
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((6,)), "to_a": nd.Linear(weights(rng, 8, 6)), "a": cuba_lif(),
        "to_b": nd.Linear(weights(rng, 6, 8)), "b": lif(), "output": nd.Output((6,)),
    }  # fmt: skip
    net = build(nodes, list(pairwise(nodes)), DT, name="two")
    options = Options(neurons_per_core=2, approximate=True)
    program = compile(net, small("spinnaker2", 2), options=options)
    x = (rng.random((1, 24, 6)) < 0.5).astype(np.uint8)
    died = [f"core {part(program, 'a', 2)[1]} @ 5", f"core {part(program, 'b', 2)[1]} @ 11"]
    hurt = run(program, x, died)
    assert hurt.counts["spikes"].sum() and hurt.counts["events_lost"].sum()
    assert_same_run(hurt, run(program, x, died, engine="reference"))


# ------------------------------------------------------------------------ recipes and noise
@fuzz(3)
@given(seed=st.integers(0, 2**32), data=st.data(), threads=st.integers(1, 3))
def test_noise_of_their_own_dies_with_the_cores(
    seed: int, data: st.DataObject, threads: int
) -> None:
    """Populations of a processor, told apart as if each core were one; who lives draws the same."""
    populations, x = random_network(seed)
    whole = compiled(populations, neurons_per_core=data.draw(st.sampled_from([7, 12])))
    cores = tuple(dataclasses.replace(c, place=(0, 0, c.number)) for c in whole.cores)
    program = dataclasses.replace(whole, cores=cores)
    which = data.draw(st.lists(st.sampled_from(range(len(cores))), min_size=1, max_size=3))
    died = [mossy.fault(f"core 0,0,{k}", step=7 * (i + 1)) for i, k in enumerate(which)]
    hurt = run(program, x, died, threads=threads)
    assert_same_run(hurt, run(program, x, died, engine="reference"))
    chosen = twin.run(program, x, faults=died)  # a network of recipes is a large one
    assert chosen.engine == WIDE


@fuzz(4)
@given(data=st.data())
def test_what_dies_after_the_end_changes_nothing(data: st.DataObject) -> None:
    program, x = data.draw(programs("spinnaker2"))
    steps = STEPS + program.max_lag
    later = [f"chip {c.place[0]},{c.place[1]} @ {steps}" for c in program.cores if c.place]
    assert_same_run(run(program, x), run(program, x, later))
