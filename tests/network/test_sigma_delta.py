"""SigmaDelta: by hand, against the dense network of rectifiers, refused where it means nothing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy import passes
from mossy.errors import BadInput, UnsupportedNode
from mossy.network import nir
from mossy.network import nodes as nd
from mossy.network.graph import build, feedback_edges, network_hash
from mossy.network.reference import run
from mossy.network.text import text
from mossy.passes.lower import lower
from mossy.signals import encode

DT = 2.0**-10


def chain(**nodes: nd.Node) -> nd.Network:
    names = list(nodes)
    return build(nodes, list(itertools.pairwise(names)), DT)


def single(threshold: float, bias: float = 0.0) -> nd.Network:
    node = nd.SigmaDelta(np.array(threshold), np.array(bias))
    return chain(input=nd.Input((1,)), n=node, output=nd.Output((1,)))


def trace(net: nd.Network, x: list[float], *record: str) -> list[list[float]]:
    found = run(net, np.array(x)[None, :, None], record)
    return [found[k][0, :, 0].tolist() for k in ("output", *record)]


def test_small_changes_wait_until_they_have_added_up() -> None:
    # a: 0.5, 1.25, 1, 3    d with residue: 0.5 | 1.25 sent | -0.25 | 1.75 sent
    sent, v = trace(single(1.0), [0.5, 0.75, -0.25, 2.0], "n.v")
    assert sent == [0, 1.25, 0, 1.75]
    assert v == [0.5, 1.25, 1.0, 3.0]


def test_a_change_as_large_as_the_threshold_is_sent_and_falls_are_too() -> None:
    assert trace(single(1.0), [1.0, -1.0, 0.0])[0] == [1, -1, 0]


def test_nothing_falls_below_the_rectifier_and_the_sum_remembers() -> None:
    # s: -2, 1, -4, 5;  a: 0, 1, 0, 5
    assert trace(single(0.0), [-2.0, 3.0, -5.0, 9.0])[0] == [0, 1, -1, 5]


def test_a_bias_is_the_neurons_own_and_counts_once() -> None:
    assert trace(single(0.0, 0.5), [0.0, 0.0, 1.0])[0] == [0.5, 0, 1]


def test_a_bias_in_front_counts_in_every_step() -> None:
    ramp = chain(input=nd.Input((1,)), w=nd.Affine(np.eye(1), np.array([0.5])),
                 n=nd.SigmaDelta(np.array(0.0), np.array(0.0)), output=nd.Output((1,)))  # fmt: skip
    assert trace(ramp, [0.0, 0.0, 0.0], "n.v")[1] == [0.5, 1.0, 1.5]
    with pytest.raises(UnsupportedNode, match=r"\[E0136\] n: a bias reaches.*got 1 of 1 biases"):
        lower(ramp)


def layers(draw: Any, threshold: float) -> tuple[nd.Network, list[Any], NDArray[np.float64]]:
    """A network with exact numbers, what it is made of, and a signal (batch, time, 2, 4, 4)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))

    def quarters(*shape: int) -> NDArray[np.float64]:
        return rng.integers(-6, 7, shape) / 4

    def changes(*shape: int, bias: NDArray[np.float64]) -> nd.SigmaDelta:
        return nd.SigmaDelta(np.full(shape, threshold), np.broadcast_to(bias, shape))

    kernel, dense, last = quarters(3, 2, 2, 2), quarters(5, 27), quarters(2, 5)
    biases = [quarters(3, 1, 1), quarters(5)]
    net = chain(
        input=nd.Input((2, 4, 4)),
        conv=nd.Conv2d(kernel, np.zeros(3)),
        a=changes(3, 3, 3, bias=biases[0]),
        flat=nd.Flatten(),
        dense=nd.Linear(dense),
        b=changes(5, bias=biases[1]),
        last=nd.Linear(last),
        read=nd.I(np.ones(2)),
        output=nd.Output((2,)),
    )
    return net, [kernel, dense, last, *biases], quarters(2, draw(st.integers(1, 6)), 2, 4, 4)


def rectifiers(parts: list[Any], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """The dense network of rectifiers, frame by frame and loop by loop."""
    kernel, dense, last, bias_a, bias_b = parts
    out = np.empty((*frames.shape[:2], 2))
    for at in np.ndindex(*frames.shape[:2]):
        x = frames[at]
        a = np.empty((3, 3, 3))
        for c, y, z in np.ndindex(3, 3, 3):
            a[c, y, z] = (kernel[c] * x[:, y : y + 2, z : z + 2]).sum()
        a = np.maximum(a + bias_a, 0)
        b = np.maximum(dense @ a.ravel() + bias_b, 0)
        out[at] = last @ b
    return out


@settings(max_examples=40)
@given(st.data())
def test_at_threshold_zero_it_is_the_network_of_rectifiers_on_every_frame(data: Any) -> None:
    net, parts, frames = layers(data.draw, 0.0)
    found = run(net, encode.delta(frames, 0))["output"]
    np.testing.assert_array_equal(found, rectifiers(parts, frames))


@settings(max_examples=40)
@given(st.data(), st.sampled_from([0.0, 0.5, 2.0, 30.0]))
def test_what_was_sent_is_never_off_by_the_threshold_or_more(data: Any, threshold: float) -> None:
    net, _, frames = layers(data.draw, threshold)
    found = run(net, encode.delta(frames, 0), ["a", "a.v"])
    node = net.nodes["a"]
    assert isinstance(node, nd.SigmaDelta)
    want = np.maximum(found["a.v"] + node.bias, 0)
    off = np.abs(np.cumsum(found["a"], axis=1) - want).max()
    assert off < threshold or off == 0
    small = (found["a"] != 0) & (np.abs(found["a"]) < threshold)
    assert not small.any()


@settings(max_examples=15)
@given(st.data(), st.sampled_from([0.0, 1.0]), st.sampled_from(["fast", "reference"]))
def test_the_processor_computes_what_the_reference_computes(
    data: Any, threshold: float, engine: str
) -> None:
    net, _, frames = layers(data.draw, threshold)
    x = encode.delta(frames, 0.5)
    program = passes.compile(net, "cpu")
    found = program.run(x, engine=engine, record=["a", "b"])
    want = run(net, x, ["a", "b"])
    np.testing.assert_array_equal(found.outputs["output"], want["output"])
    for name in ("a", "b"):
        np.testing.assert_array_equal(found.spikes[name].reshape(want[name].shape), want[name])
    sent = sum(np.count_nonzero(s) for s in (x, want["a"], want["b"]))
    assert found.counts["spikes"].sum() == sent


def test_the_changes_themselves_may_be_the_output() -> None:
    net, x = single(1.0), np.array([0.5, 0.75, -3.0, 0.25])[None, :, None]
    found = passes.compile(net, "cpu").run(x).outputs["output"]
    np.testing.assert_array_equal(found, run(net, x)["output"])
    assert np.count_nonzero(found) == 2


def test_it_is_lowered_to_a_population_of_its_own() -> None:
    (_, population) = lower(single(2.0, 0.5)).populations
    assert (population.model, population.readout, population.graded) == (
        "sigma_delta", "spikes", False,
    )  # fmt: skip
    assert {k: v.tolist() for k, v in population.params.items()} == {
        "threshold": [2.0], "offset": [0.5], "gain": [1.0],
    }  # fmt: skip


def test_a_cycle_may_wait_in_it() -> None:
    one = np.array(1.0)
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((1,)),
        "n": nd.SigmaDelta(one, one * 0),
        "w": nd.Linear(np.eye(1)),
        "output": nd.Output((1,)),
    }
    edges = [("input", "n"), ("n", "w"), ("w", "n"), ("n", "output")]
    net = build(nodes, edges, DT)
    assert feedback_edges(net) == {("w", "n")}
    # s: 1, 2, 3: every change comes round a step later
    assert trace(net, [1.0, 0.0, 0.0]) == [[1, 1, 1]]


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(BadInput, match=r"\[E0118\] node 'n': the threshold .* got -1.0.*sends eve"):
        single(-1.0)


def test_parameters_take_the_shape_of_the_signal() -> None:
    node = nd.SigmaDelta(np.array(2.0), np.array([[[1.0]], [[2.0]]]))
    net = chain(input=nd.Input((2, 3, 3)), n=node, output=nd.Output((2, 3, 3)))
    kept = net.nodes["n"]
    assert isinstance(kept, nd.SigmaDelta)
    assert kept.threshold.shape == kept.bias.shape == (2, 3, 3)
    assert kept.bias[:, 0, 0].tolist() == [1, 2]


def test_text_and_hash_show_it() -> None:
    assert "  n       SigmaDelta  (1,)  threshold 2  bias 0.5\n" in text(single(2.0, 0.5))
    hashes = {network_hash(single(*v)) for v in ((1.0, 0.0), (2.0, 0.0), (1.0, 0.5))}
    assert len(hashes) == 3


def test_nir_has_no_word_for_it(tmp_path: Any) -> None:
    with pytest.raises(UnsupportedNode, match=r"\[E0201\] node 'n': NIR defines no SigmaDelta"):
        nir.write(single(1.0), tmp_path / "net.nir")
    assert not (tmp_path / "net.nir").exists()
