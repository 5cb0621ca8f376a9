"""Folding linear nodes into projections, and delays that make layers meet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from mossy.errors import UnsupportedNode
from mossy.network import graph, reference
from mossy.network.nodes import (
    LIF,
    AvgPool2d,
    Conv2d,
    Delay,
    Input,
    Linear,
    Network,
    Node,
    Output,
    Scale,
)
from mossy.network.populations import Conv
from mossy.passes import compile
from mossy.passes.align import align
from mossy.passes.lower import lower

DT = 2.0**-10


def lif(*shape: int) -> LIF:
    one = np.ones(shape)
    return LIF(2 * DT * one, 2 * one, 0 * one, 0.5 * one, 0 * one)


def chain(**nodes: Node) -> Network:
    names = list(nodes)
    return graph.build(nodes, list(itertools.pairwise(names)), DT)


def dense(w: Any) -> Any:
    assert isinstance(w, sparse.csr_array)
    return w.toarray()


def test_linear_nodes_become_one_matrix() -> None:
    a, b = np.array([[1.0, 2], [3, 4], [0, 1]]), np.array([[1.0, 0, -1]])
    net = chain(i=Input((2,)), a=Linear(a), s=Scale(np.array([2.0, 1, 1])), b=Linear(b),
                l=lif(1), o=Output((1,)))  # fmt: skip
    (projection,) = lower(net).projections
    np.testing.assert_array_equal(dense(projection.weight), b @ np.diag([2.0, 1, 1]) @ a)


def test_pool_and_convolution_stay_a_kernel_with_the_mean_folded_in() -> None:
    kernel = np.arange(8.0).reshape(2, 1, 2, 2)
    net = chain(i=Input((1, 6, 6)), p=AvgPool2d((2, 2), (2, 2)), c=Conv2d(kernel, np.zeros(2)),
                l=lif(2, 2, 2), o=Output((2, 2, 2)))  # fmt: skip
    (projection,) = lower(net).projections
    assert isinstance(projection.weight, Conv)
    assert projection.weight.pool == (2, 2) and projection.weight.in_shape == (1, 6, 6)
    np.testing.assert_array_equal(projection.weight.weight, kernel / 4)


def test_uneven_delays_before_a_convolution_are_kept_apart() -> None:
    steps = np.array([[[0, 1, 2], [3, 0, 1], [2, 3, 0]]])
    net = chain(
        i=Input((1, 3, 3)),
        d=Delay(steps * DT),
        c=Conv2d(np.ones((1, 1, 2, 2)), np.zeros(1)),
        l=lif(1, 2, 2),
        o=Output((1, 2, 2)),
    )
    x = np.zeros((1, 6, 1, 3, 3))
    x[0, 0] = 1
    got = compile(net, "cpu").run(x, threads=1).outputs["o"]
    np.testing.assert_array_equal(got, reference.run(net, x)["o"])
    assert got[0].any(axis=(1, 2, 3)).sum() > 1


def test_a_path_over_two_feedback_edges_is_two_steps_late() -> None:
    nodes: dict[str, Node] = {"i": Input((1,)), "t": lif(1), "n": Linear(np.ones((1, 1)))}
    nodes |= {"s": lif(1), "m": Linear(np.ones((1, 1))), "o": Output((1,))}
    edges = [("i", "t"), ("t", "n"), ("n", "t"), ("n", "s"), ("s", "m"), ("m", "n"), ("s", "o")]
    net = graph.build(nodes, edges, DT)
    assert graph.feedback_edges(net) == {("n", "t"), ("m", "n")}
    x = np.zeros((1, 8, 1))
    x[0, 0] = 1
    wanted = reference.run(net, x, record=["t", "s"])
    assert wanted["o"].sum() > 0
    result = compile(net, "cpu").run(x, record=["t", "s"], threads=1)
    for name in ("t", "s"):
        np.testing.assert_array_equal(result.spikes[name], wanted[name], err_msg=name)


def test_uneven_delay_between_two_weight_layers_is_e0210() -> None:
    w = np.ones((2, 2))
    net = chain(i=Input((2,)), a=Linear(w), d=Delay(np.array([0, 3]) * DT), b=Linear(w),
                l=lif(2), o=Output((2,)))  # fmt: skip
    with pytest.raises(UnsupportedNode) as e:
        lower(net)
    assert e.value.code == "E0210"
    text = str(e.value)
    assert "a delay that differs between neurons lies between two weight layers" in text
    assert "b: " in text and "got 0 to 3 steps" in text and "next to a neuron" in text


# ------------------------------------------------------------------------------ align
def skipping() -> Network:
    one = np.ones((1, 1))
    nodes: dict[str, Node] = {"i": Input((1,))}
    edges = []
    before = "i"
    for k in range(3):
        nodes |= {f"w{k}": Linear(one), f"l{k}": lif(1)}
        edges += [(before, f"w{k}"), (f"w{k}", f"l{k}")]
        before = f"l{k}"
    nodes |= {"skip": Linear(one), "back": Linear(one), "self": Linear(one), "o": Output((1,))}
    edges += [("i", "skip"), ("skip", "l2"), ("l2", "back"), ("back", "l0"), ("l1", "self")]
    edges += [("self", "l1"), ("l2", "o")]
    return graph.build(nodes, edges, DT)


def test_a_skip_waits_for_the_longer_path_and_a_self_loop_does_not() -> None:
    found = align(lower(skipping()), latency=1)
    steps = {(j.source, j.target): int(j.delay_source[0]) for j in found.projections}
    assert steps == {
        ("i", "l0"): 0, ("l0", "l1"): 0, ("l1", "l1"): 0, ("l1", "l2"): 0,
        ("i", "l2"): 2, ("l2", "l0"): 0,
    }  # fmt: skip
    assert [p.depth for p in found.populations] == [0, 1, 2, 3]


def test_feedback_over_several_layers_is_reported() -> None:
    found = align(lower(skipping()), latency=1)
    assert found.notes == (
        "l2->l0#1: feedback over several layers arrives 2 step(s) later than in the "
        "float reference",
    )


def test_without_latency_only_feedback_waits() -> None:
    found = align(lower(skipping()), latency=0)
    steps = {(j.source, j.target): int(j.delay_source[0]) for j in found.projections}
    assert {k for k, v in steps.items() if v} == {("l1", "l1"), ("l2", "l0")}
    assert found.notes == () and {p.depth for p in found.populations} == {0}


@pytest.mark.parametrize(("steps", "off"), [(3.0, None), (2.6, "0.4")])
def test_a_delay_of_no_whole_steps_is_rounded_and_said(steps: float, off: str | None) -> None:
    delay = Delay(np.array([steps * DT]))
    lowered = lower(
        chain(i=Input((1,)), d=delay, w=Linear(np.ones((1, 1))), n=lif(1), o=Output((1,)))
    )
    assert lowered.projections[0].delay_source.tolist() == [3]
    said = () if off is None else (f"d: delays are rounded to whole steps, by up to {off} steps",)
    assert lowered.notes == said
