"""Building a network: order, feedback, every refusal, and the hash."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mossy.errors import BadInput
from mossy.network import nodes as nd
from mossy.network.graph import build, feedback_edges, network_hash, order

ONE, ZERO = np.array(1.0), np.array(0.0)
LIF = nd.LIF(np.array(0.01), ONE, ZERO, ONE, ZERO)


def small(nodes=None, edges=(), **kw):
    """input -> lif -> output, with more nodes and edges put in."""
    named = {"input": nd.Input((2,)), "lif": LIF, "output": nd.Output((2,)), **(nodes or {})}
    kw = {"dt": 1e-3} | kw
    return build(named, [("input", "lif"), ("lif", "output"), *edges], **kw)


def test_recurrent_edge_that_closes_the_cycle_is_feedback():
    net = small({"rec": nd.Linear(np.eye(2))}, [("lif", "rec"), ("rec", "lif")])
    assert feedback_edges(net) == {("rec", "lif")}
    assert order(net) == list(net.nodes) == ["input", "lif", "output", "rec"]


def test_feedback_depends_on_the_order_of_inputs():
    nodes = {"a": nd.Input((2,)), "b": nd.Input((2,)), "x": LIF, "y": LIF, "o": nd.Output((2,))}
    edges = [("a", "x"), ("b", "y"), ("x", "y"), ("y", "x"), ("y", "o")]
    assert feedback_edges(build(nodes, edges, 1e-3)) == {("y", "x")}
    turned = {k: nodes[k] for k in ("b", "a", "x", "y", "o")}
    assert feedback_edges(build(turned, edges, 1e-3)) == {("x", "y")}


@given(st.integers(0, 2**32 - 1))
def test_order_and_feedback_of_random_graphs(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    names = [f"n{i}" for i in range(n)]
    nodes = {"i": nd.Input((2,)), **dict.fromkeys(names, LIF), "o": nd.Output((2,))}
    pairs = [(a, b) for a in names for b in names if rng.random() < 0.3]
    edges = [("i", a) for a in names] + pairs + [(a, "o") for a in names]
    edges = [edges[k] for k in rng.permutation(len(edges))]
    net = build(nodes, edges, 1e-3)
    back, place = feedback_edges(net), {k: i for i, k in enumerate(order(net))}
    # Without the feedback edges every edge leads forward; each of them closes a cycle.
    assert sorted(place) == sorted(nodes)
    assert all(place[a] < place[b] for a, b in net.edges if (a, b) not in back)
    for a, b in back:
        reach, todo = {b}, [b]
        while todo:
            new = [t for s, t in net.edges if s in todo and t not in reach]
            reach.update(new)
            todo = new
        assert a in reach
    assert list(net.nodes) == order(net)


def test_deep_networks_do_not_overflow_the_stack():
    names = [f"n{i}" for i in range(3000)]
    nodes = {"i": nd.Input((1,)), **dict.fromkeys(names, nd.Scale(ONE)), "o": nd.Output((1,))}
    keys = list(nodes)
    assert order(build(nodes, list(itertools.pairwise(keys)), 1e-3)) == keys


@pytest.mark.parametrize("dt", [0, -1e-3, float("nan"), float("inf"), None, "1 ms", True])
def test_dt_must_be_a_time(dt):
    with pytest.raises(BadInput, match=r"\[E0101\] the time step dt must be .* Try: dt=1e-3"):
        small(dt=dt)


@pytest.mark.parametrize("key", ["integrator", "reset"])
def test_settings_are_known(key):
    with pytest.raises(BadInput, match=rf"\[E0102\] unknown {key}; got 'heun'; allowed: '") as e:
        small(**{key: "heun"})
    assert e.value.code == "E0102"


@pytest.mark.parametrize(
    ("nodes", "edges", "code", "text"),
    [
        ({}, [("lif", "x")], "E0103", "edge 'lif' -> 'x'.*does not exist; got 'x'; allowed: input"),
        ({}, [("lif", "output")], "E0104", "edge 'lif' -> 'output': an edge is given twice"),
        ({}, [("lif", "input")], "E0112", "leads into an Input or out of an Output"),
        ({"a": LIF}, [("a", "lif")], "E0106", "node 'a': no Input reaches this node"),
        ({"a": LIF}, [("lif", "a")], "E0106", "node 'a': this node reaches no Output"),
        ({"a": LIF, "b": LIF}, [], "E0106", "got 2 such nodes: a, b"),
        (
            {"a": nd.Linear(np.eye(2)), "b": nd.Scale(ONE)},
            [("lif", "a"), ("a", "b"), ("b", "a"), ("b", "output")],
            "E0107",
            "edge 'b' -> 'a': a cycle without a neuron or a delay.*put a neuron, or a Delay",
        ),
        (
            {"a": nd.Threshold(ONE)},
            [("lif", "a"), ("a", "a"), ("a", "output")],
            "E0107",
            "its value would depend on itself",
        ),
        (
            {"a": nd.Delay(np.array([1e-3, 1e-4]))},
            [("lif", "a"), ("a", "a"), ("a", "output")],
            "E0107",
            "a Delay of at least one step",
        ),
    ],
)
def test_wrong_graphs(nodes, edges, code, text):
    with pytest.raises(BadInput, match=text) as error:
        small(nodes, edges)
    assert error.value.code == code


def test_a_delay_of_one_step_may_close_a_cycle():
    net = small({"a": nd.Delay(np.array(1e-3))}, [("lif", "a"), ("a", "a"), ("a", "output")])
    assert feedback_edges(net) == {("a", "a")}


@pytest.mark.parametrize("kind", ["Input", "Output"])
def test_network_without_ends(kind):
    nodes = {"input": nd.Input((2,)), "output": nd.Output((2,))}
    del nodes[kind.lower()]
    with pytest.raises(BadInput, match=rf"\[E0112\] the network has no {kind} node"):
        build(nodes, [], 1e-3)


@pytest.mark.parametrize(
    ("node", "code", "text"),
    [
        (nd.Linear(np.array([[1, np.nan], [np.inf, 0]])), "E0108", "weight.*2 of 4 NaN or inf"),
        (dataclasses.replace(LIF, tau=np.array([0.01, 0])), "E0109", "tau must be above zero"),
        (dataclasses.replace(LIF, tau=np.array(4e-4)), "E0110", "dt/tau = 2.5; allowed: at most 2"),
        (nd.Delay(np.array(-1e-3)), "E0118", "a delay is negative; got -0.001"),
    ],
)
def test_wrong_parameters_name_the_node(node, code, text):
    with pytest.raises(BadInput, match=text) as error:
        small({"bad": node}, [("lif", "bad"), ("bad", "output")])
    assert error.value.code == code and "node 'bad'" in str(error.value)


def test_short_tau_is_stable_where_it_should_be():
    short = dataclasses.replace(LIF, tau=np.array(4e-4))
    assert small({"lif": short}, integrator="exponential").integrator == "exponential"
    assert small({"lif": dataclasses.replace(LIF, tau=np.array(5e-4))}).dt == 1e-3


def test_parameters_are_float64_and_full():
    net = small({"lif": dataclasses.replace(LIF, tau=np.float32(0.5))})
    assert net.nodes["lif"].tau.dtype == np.float64
    assert net.nodes["lif"].tau.tolist() == [0.5, 0.5]


def test_hash_is_of_what_is_computed():
    first = small({"rec": nd.Linear(np.eye(2))}, [("lif", "rec"), ("rec", "lif")])
    same = small(
        {"rec": nd.Linear(np.eye(2, dtype=np.float32))},
        [("rec", "lif"), ("lif", "rec")],
        name="other",
        metadata={"a": "b"},
    )
    assert network_hash(first) == network_hash(same) and len(network_hash(first)) == 64
    changed = [
        small(),
        small({"rec": nd.Linear(np.eye(2) * 2)}, [("lif", "rec"), ("rec", "lif")]),
        dataclasses.replace(first, dt=2e-3),
        dataclasses.replace(first, integrator="exponential"),
        dataclasses.replace(first, reset="subtract"),
        dataclasses.replace(first, edges=(*first.edges, ("lif", "lif"))),
    ]
    assert len({network_hash(n) for n in [first, *changed]}) == len(changed) + 1
