"""Events one at a time: worked by hand, against charge that must add up, and in both engines."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy.chips import chip
from mossy.errors import UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.testing.networks import cases
from mossy.twin import Result
from mossy.twin.bill.timing import event_latencies
from mossy.twin.engines import depth_first
from mossy.twin.engines.trace import Recorded
from tests.oracles.speck_networks import random_network
from tests.oracles.speck_twin import graph

DT = 1e-3
Edges = list[tuple[str, str]]


def neurons(n: int, threshold: float = 1.0) -> nd.IF:
    one = np.ones(n)
    return nd.IF(one, threshold * one, 0 * one)


def made(
    nodes: dict[str, nd.Node], edges: Edges | None = None, reset: nd.Reset = "subtract"
) -> Program:
    return compile(build(nodes, edges or list(pairwise(nodes)), DT, reset=reset), "speck")


def layer(weight: list[list[float]], bias: list[float] | None = None) -> nd.Node:
    w = np.array(weight, float)
    return nd.Linear(w) if bias is None else nd.Affine(w, np.array(bias, float))


def run(program: Program, x: list[list[int]], **options: object) -> Result:
    found: Result = program.run(
        np.array(x, np.uint8)[None], order="event", record=("*",), states=("*",), **options
    )
    return found


def out(result: Result) -> list[list[int]]:
    return result.outputs["output"][0].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_neuron_fires_once_for_an_event_and_keeps_the_rest(engine: str) -> None:
    """Weight of three thresholds: one spike an event; frames would give three at once."""
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((2,)),
        "fc": layer([[3.0, 0.5]]),
        "if": neurons(1),
    }
    program = made(nodes | {"output": nd.Output((1,))})
    # step 0: 3 -> spike, 2 left. step 1: nothing comes, nothing fires. step 2: two events of half a
    # threshold: 2.5 -> spike, 1.5; 2 -> spike, 1. step 3: 1.5 -> spike, 0.5
    x = [[1, 0], [0, 0], [0, 2], [0, 1]]
    result = run(program, x, engine=engine)
    assert out(result) == [[1], [0], [2], [1]]
    v = result.states["if"]["v"][0, :, 0] / result.program.population("if").v_scale[0]
    np.testing.assert_allclose(v, [2, 2, 1, 0.5], atol=0.03)
    assert program.run(np.array(x)[None], order="frame").outputs["output"][0, 0, 0] == 3


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_reset_to_zero_forgets_the_rest(engine: str) -> None:
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((1,)),
        "fc": layer([[3.0]]),
        "if": neurons(1, 2.0),
    }
    program = made(nodes | {"output": nd.Output((1,))}, reset="node")
    result = run(program, [[2], [0], [1]], engine=engine)
    assert out(result) == [[2], [0], [1]]
    assert not result.states["if"]["v"].any()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_an_event_is_followed_to_the_end_before_the_next(engine: str) -> None:
    """One input event fires two neurons; the first one's event lifts the output over its threshold
    before the second one's takes it down again. In frames both cancel.
    """
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((1,)),
        "fc1": layer([[1.0], [1.0]]),
        "if1": neurons(2),
        "fc2": layer([[1.0, -1.0]]),
        "if2": neurons(1),
        "output": nd.Output((1,)),
    }
    program = made(nodes)
    assert out(run(program, [[1], [1]], engine=engine)) == [[1], [0]]
    frame = program.run(np.ones((1, 2, 1), np.uint8), order="frame")
    assert not frame.outputs["output"].any()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_the_nearer_of_two_layers_is_served_first(engine: str) -> None:
    """if1 sends to if2 and straight to if3; what if2 sends arrives before what if1 sends."""
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((1,)),
        "fc1": layer([[1.0]]),
        "if1": neurons(1),
        "fc2": layer([[1.0]]),
        "if2": neurons(1),
        "fc3": layer([[1.0]]),
        "if3": neurons(1),
        "around": layer([[-1.0]]),
        "output": nd.Output((1,)),
    }
    chain = ["input", "fc1", "if1", "fc2", "if2", "fc3", "if3", "output"]
    edges = [*pairwise(chain), ("if1", "around"), ("around", "if3")]
    assert out(run(made(nodes, edges), [[1], [1]], engine=engine)) == [[1], [0]]


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_bias_comes_once_a_step_before_the_events(engine: str) -> None:
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((1,)),
        "fc": layer([[1.27]], [-0.63]),
        "if": neurons(1, 1.27),
    }
    falling = run(made(nodes | {"output": nd.Output((1,))}), [[1], [1], [2], [0]], engine=engine)
    # -63 + 127; 1 + 127 -> spike, 1; -62 + 2 events: 65, 192 -> spike, 65; 2
    assert out(falling) == [[0], [1], [1], [0]]
    nodes |= {"fc": layer([[0.25]], [0.5]), "if": neurons(1)}
    rising = run(made(nodes | {"output": nd.Output((1,))}), [[0]] * 5, engine=engine)
    assert out(rising) == [[0], [1], [0], [1], [0]]


@pytest.fixture(scope="module")
def random_programs() -> list[tuple[Program, NDArray[np.uint8]]]:
    found = []
    for seed in range(40, 50):
        network = random_network(seed)
        program = compile(graph(network), "speck")
        found.append((program, network["x"][None, :5].astype(np.uint8)))
    return found


def test_both_engines_give_the_same(
    random_programs: list[tuple[Program, NDArray[np.uint8]]],
) -> None:
    total = layers = 0
    for program, x in random_programs:
        a, b = (
            program.run(x, order="event", engine=e, record=("*",), states=("*",))
            for e in ("fast", "reference")
        )
        for name in a.spikes:
            np.testing.assert_array_equal(a.spikes[name], b.spikes[name])
        for name in a.states:
            np.testing.assert_array_equal(a.states[name], b.states[name])
            layers += 1
        for name in a.counts.names:
            np.testing.assert_array_equal(a.counts[name], b.counts[name])
        total += int(a.counts.mean("spikes"))
    assert total > 3000 and layers > 12
    fmts = {c.fmt[3] for p, _ in random_programs for c in p.cores if c.role != "source"}
    assert fmts == {0, 1}, "both resets"
    assert any(c.params["bias"].any() for p, _ in random_programs for c in p.cores if c.kernels)


def test_charge_adds_up() -> None:
    """Where spikes subtract and nothing is clipped, what came in is what is left and what fired."""
    rng = np.random.default_rng(3)
    w1, w2 = rng.normal(0.2, 0.4, (6, 5)), rng.normal(0.1, 0.4, (4, 6))
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((5,)),
        "fc1": nd.Linear(w1),
        "if1": neurons(6),
        "fc2": nd.Linear(w2),
        "if2": neurons(4),
        "output": nd.Output((4,)),
    }
    program = made(nodes)
    x = rng.integers(0, 3, (30, 5))
    result = run(program, x.tolist())
    for before, name in (("input", "if1"), ("if1", "if2")):
        (core,) = (c for c in program.cores if c.population == name)
        weight = core.kernels[0].weight[:, :, 0, 0]
        came = weight @ result.spikes[before][0].sum(axis=0, dtype=int)
        fired = result.spikes[name][0].sum(axis=0, dtype=int)
        left = result.states[name]["v"][0, -1]
        np.testing.assert_array_equal(came, left + fired * core.params["threshold"])
        assert fired.sum() > 20


def test_samples_and_threads_do_not_meet(
    random_programs: list[tuple[Program, NDArray[np.uint8]]],
) -> None:
    program, x = random_programs[0]
    seen: list[int] = []
    many = np.concatenate([x, np.zeros_like(x), x[:, ::-1]])
    one = program.run(many, order="event", threads=1, progress=seen.append)
    two = program.run(many, order="event", threads=2)
    np.testing.assert_array_equal(one.outputs["output"], two.outputs["output"])
    alone = program.run(many[2:], order="event")
    np.testing.assert_array_equal(one.outputs["output"][2:], alone.outputs["output"])
    assert sum(seen) == 3


def test_too_many_spikes_in_a_step_are_e0243() -> None:
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((2,)),
        "fc": layer([[1.0, 1.0]]),
        "if": neurons(1),
    }
    program = made(nodes | {"output": nd.Output((1,))})
    for engine in ("fast", "reference"):
        with pytest.raises(UnsupportedNode) as found:
            run(program, [[200, 100]], engine=engine)
        e = found.value
        assert e.code == "E0243" and "fires too often in one step" in str(e)
        assert "speck, population if" in str(e)
        assert "got 300; allowed: 0 to 255. Try: a smaller dt" in str(e)
    assert out(run(program, [[200, 55]])) == [[255]]


def test_neurons_without_an_event_form_are_e0242() -> None:
    case = cases()[0]
    program = compile(case.network, "cpu")
    with pytest.raises(UnsupportedNode) as found:
        depth_first.run(
            program, chip("cpu"), {"input": case.x}, 1, Recorded(("input",), ()), threads=1
        )
    e = found.value
    assert e.code == "E0242" and "cannot be run event by event" in str(e)
    assert "got lif; allowed: one model with an event form" in str(e) and 'order="frame"' in str(e)


def test_latency_is_a_time_for_each_layer_passed() -> None:
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((1,)),
        "fc1": layer([[1.0]]),
        "if1": neurons(1),
        "fc2": layer([[1.0]]),
        "if2": neurons(1),
        "output": nd.Output((1,)),
    }
    target = chip("speck")
    q = event_latencies(made(nodes), target)["output"]
    assert (q.value, q.low, q.high) == pytest.approx((746e-9, 240e-9, 14e-6))
    slower = event_latencies(made(nodes), target.assuming({"layer_time": 1e-6}))["output"]
    assert (slower.value, slower.low, slower.high) == pytest.approx((2e-6,) * 3)
    around = {**nodes, "around": layer([[0.5]])}
    chain = ["input", "fc1", "if1", "fc2", "if2", "output"]
    skip = made(around, [*pairwise(chain), ("input", "around"), ("around", "if2")])
    q = event_latencies(skip, target)["output"]
    assert (q.low, q.high) == pytest.approx((120e-9, 14e-6))


def test_the_chip_works_event_by_event_of_itself() -> None:
    network = random_network(44)
    program = compile(graph(network), "speck", options=Options())
    x = network["x"][None].astype(np.uint8)
    own, event, frame = (
        program.run(x, order=o).outputs["output"] for o in (None, "event", "frame")
    )
    np.testing.assert_array_equal(own, event)
    assert (own != frame).any()
