"""GradedLIF: by hand, on the processor, refused where needed."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mossy
from mossy.errors import BadInput, UnsupportedNode
from mossy.network import nir
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.reference import run
from mossy.network.text import text

DT = 1e-3


def graded(tau: float = 3e-3, v: float = 1.0, bias: float = 0.0) -> nd.GradedLIF:
    a = np.array
    return nd.GradedLIF(a(tau), a(2 * tau), a(v), a(bias))


def chain(*nodes: nd.Node, n: int, integrator: nd.Integrator = "euler") -> nd.Network:
    named: dict[str, nd.Node] = {"input": nd.Input((n,))}
    named |= {f"n{i}": node for i, node in enumerate(nodes)}
    linear = [x for x in nodes if isinstance(x, nd.Linear | nd.Affine)]
    named["output"] = nd.Output((len(linear[-1].weight) if linear else n,))
    return build(named, list(itertools.pairwise(named)), DT, integrator)


def spikes(batch: int, steps: int, n: int, rate: float = 0.2) -> NDArray[np.uint8]:
    rng = np.random.default_rng(7)
    return (rng.random((batch, steps, n)) < rate).astype(np.uint8)


def test_a_spike_carries_the_potential_before_the_reset() -> None:
    x = np.array([0.75, 0.75, 0, 0, 0]).reshape(1, 5, 1)
    found = run(chain(graded(2e-3), n=1), x, ["n0.v", "n0.i"])
    # i: keeps 1/2; v: keeps 3/4. v 0.75, then 0.5625 + 1.125 > 1; 0.5625, 0.703125, 0.66796875
    assert found["n0.i"].ravel().tolist() == [0.75, 1.125, 0.5625, 0.28125, 0.140625]
    assert found["output"].ravel().tolist() == [0, 1.6875, 0, 0, 0]
    assert found["n0.v"].ravel().tolist() == [0.75, 0, 0.5625, 0.703125, 0.66796875]


def test_what_it_sends_is_weighed_by_the_next_layer() -> None:
    net = chain(graded(2e-3), nd.Linear(np.array([[2.0]])), nd.I(np.ones(1)), n=1)
    x = np.array([0.75, 0.75, 0, 0, 0]).reshape(1, 5, 1)
    assert run(net, x)["output"].ravel().tolist() == [0, 3.375, 3.375, 3.375, 3.375]
    assert mossy.compile(net, "cpu").run(x).outputs["output"].ravel().tolist() == (
        [0, 3.375, 3.375, 3.375, 3.375]
    )


def test_at_its_threshold_it_is_silent_and_a_bias_drives_it() -> None:
    silent = run(chain(graded(v=1.0), n=1), np.array([[[1.0], [0.0]]]))["output"]
    assert silent[0, 0, 0] == 0
    driven = run(chain(graded(bias=0.5), n=1), np.zeros((1, 50, 1)))["output"]
    assert driven.any() and (driven[driven != 0] > 1).all()


@pytest.mark.parametrize("integrator", ["euler", "exponential"])
def test_the_processor_does_what_the_reference_does(integrator: nd.Integrator) -> None:
    w = np.random.default_rng(2).normal(0.2, 0.8, (6, 4))
    net, x = chain(nd.Linear(w), graded(bias=0.1), n=4, integrator=integrator), spikes(3, 60, 4)
    wanted = run(net, x, dtype=np.float32)["output"]
    program = mossy.compile(net, "cpu")
    for engine in ("fast", "reference"):
        assert (program.run(x, engine=engine).outputs["output"] == wanted).all()
    assert 0.05 < (wanted != 0).mean() < 0.9 and len(np.unique(wanted)) > 100


def test_two_layers_on_the_processor_differ_by_the_order_of_sums_alone() -> None:
    rng = np.random.default_rng(2)
    net = chain(
        nd.Linear(rng.normal(0.2, 0.8, (6, 4))), graded(),
        nd.Linear(rng.normal(0.1, 0.4, (5, 6))), graded(), n=4,
    )  # fmt: skip
    x = spikes(3, 60, 4)
    wanted = run(net, x, dtype=np.float32)["output"]
    got = mossy.compile(net, "cpu").run(x).outputs["output"]
    assert np.allclose(got, wanted, rtol=1e-5) and (wanted != 0).mean() > 0.1


def test_a_bias_in_front_is_e0233() -> None:
    net = chain(nd.Affine(np.eye(2), np.array([0.5, 0])), graded(), n=2)
    with pytest.raises(UnsupportedNode) as found:
        mossy.compile(net, "cpu")
    said = str(found.value)
    assert "E0233" in said and "a bias reaches a GradedLIF" in said
    assert "its parameter bias" in said and "n1" in said


def test_a_negative_threshold_is_e0118() -> None:
    with pytest.raises(BadInput) as found:
        chain(graded(v=-0.5), n=1)
    said = str(found.value)
    assert "E0118" in said and "carries the potential is negative" in said
    assert "n0" in said and "-0.5" in said and "0 or more" in said


def test_times_must_be_positive() -> None:
    with pytest.raises(BadInput, match="E0109"):
        chain(graded(tau=0.0), n=1)


@pytest.mark.parametrize("name", ["loihi1", "spinnaker2", "truenorth", "speck", "xylo"])
def test_other_chips_refuse_it_by_name(name: str) -> None:
    with pytest.raises(UnsupportedNode, match=r"E0226[\s\S]*graded_lif"):
        mossy.compile(chain(nd.Linear(np.eye(2)), graded(), n=2), name)


def test_it_is_told_in_text_and_not_in_nir(tmp_path: Path) -> None:
    net = chain(graded(), n=1)
    assert "GradedLIF" in text(net) and "v_threshold 1" in text(net)
    with pytest.raises(UnsupportedNode):
        nir.write(net, tmp_path / "a.nir")
