"""What a chip computes is what the network means, where the chip's numbers can hold it exactly."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.errors import UnsupportedNode
from mossy.network import graph, reference
from mossy.network.nodes import LIF, Affine, CubaLIF, Input, Linear, Network, Node, Output
from mossy.passes import Options, compile
from mossy.program import Program
from tests.strategies import Wanted, currents, networks, spikes
from tests.twin.runs import fuzz

Inputs = dict[str, NDArray[Any]]


def assert_equals_reference(net: Network, program: Program, x: Inputs) -> None:
    wanted = reference.run(net, x)
    got = program.run(x, threads=1).outputs
    assert sorted(got) == sorted(wanted)
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


# ------------------------------------------------------------------------------ processor
@fuzz(60)
@given(net=networks(Wanted(graded=True)), seed=st.integers(0, 999), floats=st.booleans())
def test_processor_equals_the_float_reference(net: Network, seed: int, floats: bool) -> None:
    x = currents(net, seed) if floats else spikes(net, seed)
    assert_equals_reference(net, compile(net, "cpu"), x)


@pytest.mark.parametrize("integrator", ["euler", "exponential"])
def test_processor_stays_close_on_ordinary_numbers(integrator: Any) -> None:
    # float32 against float64 over 40 steps: each step rounds a few times by 6e-8 of values near 1
    rng = np.random.default_rng(1)
    one = np.ones(6)
    nodes: dict[str, Node] = {
        "in": Input((8,)),
        "w": Affine(rng.normal(0, 0.4, (6, 8)), rng.normal(0, 0.1, 6)),
        "h": CubaLIF(7e-3 * one, 13e-3 * one, 1.1 * one, 0.1 * one, 0.2 * one, 0.05 * one, one),
        "v": Linear(rng.normal(0, 0.5, (3, 6))),
        "out": Output((3,)),
    }
    edges = [("in", "w"), ("w", "h"), ("h", "v"), ("v", "out")]
    net = graph.build(nodes, edges, 1e-3, integrator)
    x = rng.normal(0, 1, (3, 40, 8))
    wanted = reference.run(net, x, record=["h"])
    assert wanted["h"].any()
    got = compile(net, "cpu").run(x, threads=1).outputs["out"]
    np.testing.assert_allclose(got, wanted["out"], atol=1e-5)


def test_a_feedback_edge_brings_zero_at_first_whatever_memory_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = np.ones(1)
    nodes: dict[str, Node] = {
        "in": Input((1,)),
        "a": LIF(2e-3 * one, 2 * one, 0 * one, 0.5 * one, 0 * one),
    }
    nodes |= {"w": Linear(-np.ones((1, 1))), "out": Output((1,))}
    net = graph.build(nodes, [("in", "a"), ("a", "w"), ("w", "a"), ("a", "out")], 1e-3)
    x = np.ones((1, 4, 1))
    wanted = compile(net, "cpu").run(x, threads=1).outputs["out"]

    def dirty(shape: Any, dtype: Any = float, **other: Any) -> NDArray[Any]:
        return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else -1, dtype)

    monkeypatch.setattr(np, "empty", dirty)
    np.testing.assert_array_equal(reference.run(net, x)["out"], wanted)


# ------------------------------------------------------------------------------ chips
EXACT = {
    # float32 registers hold a few halvings of small numbers
    "spinnaker2": (Wanted(bias=False, self_loops_only=True), 4.0, 8, 3),
    # a decay of 1/2 rounds towards zero: exact while the register has zeros to shift out
    "loihi1": (
        Wanted(
            kinds=("LIF", "IF", "Threshold"), bias=False, resets=("node",), self_loops_only=True
        ),
        8.0,
        5,
        1,
    ),
    "loihi1 without decay": (
        Wanted(bias=False, resets=("node",), slow=False, self_loops_only=True), 8.0, 8, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXACT)
@fuzz(60)
@given(data=st.data(), seed=st.integers(0, 999))
def test_chip_equals_the_float_reference_but_for_its_lag(
    case: str, data: st.DataObject, seed: int
) -> None:
    wanted, scale, steps, most = EXACT[case]
    net = data.draw(networks(wanted))
    options = Options(weight_scale=dict.fromkeys(net.nodes, scale))
    try:
        program = compile(net, case.split()[0], options=options)
    except UnsupportedNode as e:
        assume(e.code != "E0221")
        raise
    assert_equals_reference(net, program, spikes(net, seed, steps=steps, most=most))


def test_lag_is_the_depth_of_the_population() -> None:
    one = np.ones(1)
    lif = LIF(2e-3 * one, 2 * one, 0 * one, 0.5 * one, 0 * one)
    nodes: dict[str, Node] = {"in": Input((1,)), "a": Linear(np.ones((1, 1))), "l0": lif}
    nodes |= {"b": Linear(np.ones((1, 1))), "l1": lif, "out": Output((1,))}
    names = list(nodes)
    net = graph.build(nodes, list(itertools.pairwise(names)), 1e-3)
    program = compile(net, "spinnaker2")
    assert [p.lag for p in program.populations] == [0, 1, 2]
    assert program.max_lag == 2
    x = np.zeros((1, 4, 1), np.uint8)
    x[0, 1] = 1
    result = program.run(x, record="*", threads=1)
    assert result.spikes["l1"].shape == (1, 6, 1)
    assert np.flatnonzero(result.spikes["l1"]).tolist() == [3]
    assert np.flatnonzero(result.outputs["out"]).tolist() == [1]
