"""Shapes: against a count of places by hand, and every refusal's text."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mossy.errors import BadInput
from mossy.network import nodes as nd
from mossy.network import shapes
from mossy.network.graph import build


def chain(*nodes: nd.Node, shape: tuple[int, ...], out: tuple[int, ...] | None = None):
    """A network of one row of nodes; its Output takes what comes unless `out` is given."""
    named = {"input": nd.Input(shape), **{f"n{i}": n for i, n in enumerate(nodes)}}
    if out is None:
        out = shape
        for node in nodes:
            out = shapes.output_shape("n", node, shapes.input_shape("n", node, out, "", None))
    named["output"] = nd.Output(out)
    keys = list(named)
    return build(named, list(itertools.pairwise(keys)), 1e-3)


def conv2d(c_out, c_in, k, **kw):
    return nd.Conv2d(np.ones((c_out, c_in, *k)), np.zeros(c_out), **kw)


@given(
    n=st.integers(1, 12),
    k=st.integers(1, 5),
    stride=st.integers(1, 3),
    pad=st.integers(0, 3),
    dilation=st.integers(1, 3),
)
def test_window_counts_the_places_where_a_kernel_fits(n, k, stride, pad, dilation):
    padded, reach = n + 2 * pad, dilation * (k - 1) + 1
    places = [s for s in range(0, padded, stride) if s + reach <= padded]
    assert max(shapes.window(n, k, stride, (pad, pad), dilation), 0) == len(places)


@given(n=st.integers(1, 12), k=st.integers(1, 5), s=st.integers(1, 4), d=st.integers(1, 3))
def test_same_gives_ceil_of_n_by_stride(n, k, s, d):
    pad = shapes.pads(n, k, s, "same", d)
    assert shapes.window(n, k, s, pad, d) == -(-n // s)
    assert 0 <= pad[1] - pad[0] <= 1


def test_kernel_that_is_not_square():
    assert chain(conv2d(4, 3, (3, 5)), shape=(3, 10, 10)).shapes["n0"][1] == (4, 8, 6)


def test_groups_count_all_input_channels():
    assert chain(conv2d(4, 3, (3, 3), groups=2), shape=(6, 8, 8)).shapes["n0"][1] == (4, 6, 6)


def test_same_with_stride_two():
    net = chain(conv2d(4, 3, (3, 3), padding="same", stride=(2, 2)), shape=(3, 9, 8))
    assert net.shapes["n0"][1] == (4, 5, 4)


def test_conv1d_same_dilated():
    node = nd.Conv1d(np.ones((4, 1, 3)), np.zeros(4), padding="same", dilation=2, groups=2)
    assert chain(node, shape=(2, 9)).shapes["n0"][1] == (4, 9)


def test_pool_with_padding():
    net = chain(nd.AvgPool2d((3, 3), (2, 2), (1, 1)), shape=(2, 7, 8))
    assert net.shapes["n0"][1] == (2, 4, 4)


@pytest.mark.parametrize(
    ("start", "end", "want"),
    [(0, -1, (24,)), (1, -1, (2, 12)), (0, 1, (6, 4)), (-2, -1, (2, 12)), (1, 1, (2, 3, 4))],
)
def test_flatten_counts_axes_without_batch(start, end, want):
    assert chain(nd.Flatten(start, end), shape=(2, 3, 4)).shapes["n0"][1] == want


def test_flatten_default_of_nir_on_a_flat_signal():
    assert chain(nd.Flatten(1, -1), shape=(5,)).shapes["n0"][1] == (5,)


def test_scalar_parameters_take_the_incoming_shape():
    one = np.array(1.0)
    net = chain(nd.LIF(one, one, one * 0, one, one * 0), shape=(3, 4))
    node = net.nodes["n0"]
    assert net.shapes["n0"] == ((3, 4), (3, 4))
    assert {getattr(node, k).shape for k in ("tau", "r", "v_leak", "v_threshold")} == {(3, 4)}


def test_parameters_by_channel_spread_over_the_image():
    threshold = np.arange(3.0).reshape(3, 1, 1)
    net = chain(nd.IF(np.array(1.0), threshold, np.array(0.0)), shape=(3, 2, 2))
    assert net.nodes["n0"].v_threshold[:, 1, 1].tolist() == [0, 1, 2]


def test_matrix_on_the_last_axis():
    net = chain(nd.Linear(np.ones((5, 4))), shape=(3, 4))
    assert net.shapes["n0"] == ((3, 4), (3, 5))
    assert net.nodes["n0"].weight.shape == (3, 5, 4)


def test_matrices_with_leading_axes():
    net = chain(nd.Affine(np.ones((3, 5, 4)), np.array(2.0)), shape=(3, 4))
    assert net.shapes["n0"][1] == (3, 5) and net.nodes["n0"].bias.shape == (3, 5)


@pytest.mark.parametrize(
    ("a", "b", "ok"),
    [
        ((8,), (1, 8, 1), True),
        ((2, 2, 2), (8,), True),
        ((1,), (1, 1, 1), True),
        ((2, 3), (3, 2), False),
        ((2, 3), (2, 1, 3), True),
        ((8,), (9,), False),
        ((), (1,), True),
    ],
)
def test_which_shapes_meet(a, b, ok):
    assert shapes.meets(a, b) is ok and shapes.meets(b, a) is ok


def test_output_takes_the_arriving_shape():
    net = chain(nd.Scale(np.ones(1)), shape=(1,), out=(1, 1, 1))
    assert net.nodes["output"].shape == (1,) and net.shapes["output"] == ((1,), (1,))


def test_conv_of_a_flat_signal_uses_the_hint():
    named = {"input": nd.Input((18,)), "c": conv2d(1, 2, (2, 2)), "output": nd.Output((1, 2, 2))}
    edges = [("input", "c"), ("c", "output")]
    assert build(named, edges, 1e-3, shapes_in={"c": (2, 3, 3)}).shapes["c"][0] == (2, 3, 3)
    with pytest.raises(BadInput, match=r"allowed: \(2, height, width\)"):
        build(named, edges, 1e-3)


@pytest.mark.parametrize(
    ("node", "shape", "text"),
    [
        (
            nd.Linear(np.ones((2, 4))),
            (5,),
            r"\[E0105\] edge 'input' -> 'n0': shapes do not match; got \(5,\); allowed: \(4,\). "
            "Try: give the first node 4 outputs, or the second 5 inputs",
        ),
        (nd.Scale(np.ones((2, 3))), (3, 2), "transpose the weights"),
        (conv2d(1, 2, (3, 3)), (3, 8, 8), r"allowed: \(2, height, width\)"),
        (nd.SumPool2d((2, 2), (2, 2)), (8,), "put the pool before Flatten"),
        (nd.Scale(np.ones((2, 4))), (4,), r"got \(4,\); allowed: \(2, 4\)"),
    ],
)
def test_wrong_shape_names_edge_and_both_shapes(node, shape, text):
    with pytest.raises(BadInput, match=text) as error:
        chain(node, shape=shape, out=(1,))
    assert error.value.code == "E0105"


def test_edges_into_one_node_must_agree():
    named = {
        "input": nd.Input((4,)),
        "a": nd.Linear(np.ones((3, 4))),
        "b": nd.Linear(np.ones((2, 4))),
        "sum": nd.Scale(np.array(1.0)),
        "output": nd.Output((3,)),
    }
    edges = [("input", "a"), ("input", "b"), ("a", "sum"), ("b", "sum"), ("sum", "output")]
    with pytest.raises(BadInput, match=r"edge 'b' -> 'sum'.*got \(2,\); allowed: \(3,\)"):
        build(named, edges, 1e-3)


@pytest.mark.parametrize(
    ("node", "shape", "code", "text"),
    [
        (conv2d(1, 1, (5, 5)), (1, 3, 3), "E0116", "the kernel is larger than its padded input"),
        (nd.SumPool2d((4, 4), (1, 1)), (1, 3, 3), "E0116", "kernel is larger"),
        (nd.Flatten(0, 3), (2, 2), "E0116", "Flatten joins axes that the signal does not have"),
        (nd.Affine(np.ones((1, 3)), np.ones(3)), (3,), "E0111", "bias does not fit"),
        (conv2d(3, 1, (1, 1), groups=2), (2, 2, 2), "E0116", "groups does not divide"),
        (conv2d(1, 1, (1, 1), stride=(0, 1)), (1, 2, 2), "E0116", "stride must be whole numbers"),
        (conv2d(1, 1, (1, 1), padding="full"), (1, 2, 2), "E0116", "unknown padding; got 'full'"),
        (nd.Linear(np.ones(3)), (3,), "E0111", "wrong number of axes"),
        (nd.IF(np.ones(2), np.ones(3), np.ones(1)), (2,), "E0111", "do not broadcast"),
        (nd.Scale(np.array(["a"])), (1,), "E0111", "scale is not an array of numbers"),
    ],
)
def test_nodes_that_cannot_be(node, shape, code, text):
    with pytest.raises(BadInput, match=text) as error:
        chain(node, shape=shape, out=(1,))
    assert error.value.code == code and "n0" in str(error.value)


def test_shape_of_an_input_is_checked():
    with pytest.raises(BadInput, match=r"\[E0116\].*'input'.*whole numbers above 0; got \(0, 2\)"):
        chain(nd.Flatten(), shape=(0, 2), out=(1,))
