"""ResonateFire and AdaptiveLIF: by hand, on the processor, in integers, refused where needed."""

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


def chain(*nodes: nd.Node, n: int, integrator: nd.Integrator = "euler") -> nd.Network:
    named: dict[str, nd.Node] = {"input": nd.Input((n,))}
    named |= {f"n{i}": node for i, node in enumerate(nodes)}
    last = nodes[-2] if len(nodes) > 1 else None
    named["output"] = nd.Output((len(last.weight),) if isinstance(last, nd.Linear) else (n,))
    return build(named, list(itertools.pairwise(named)), DT, integrator)


def resonator(
    period: float = 8e-3, tau: float = 50e-3, v: float = 1.0, snap: bool = False
) -> nd.Node:
    return nd.ResonateFire(np.array(period), np.array(tau), np.array(v), snap)


def adaptive(bias: float = 0.0, jump: float = 0.5, times: float = 5e-3) -> nd.Node:
    a = np.array
    return nd.AdaptiveLIF(
        a(times), a(4 * times), a(4 * times), a(2 * times), a(1.0), a(jump), a(bias)
    )


def spikes(batch: int, steps: int, n: int, rate: float = 0.2) -> NDArray[np.uint8]:
    rng = np.random.default_rng(7)
    return (rng.random((batch, steps, n)) < rate).astype(np.uint8)


def test_a_resonator_turns_and_fires_once_per_turn() -> None:
    x = np.zeros((1, 30, 1))
    x[0, 0] = 1
    found = run(chain(resonator(7e-3, 1e9, 0.5), n=1), x, ["n0.v"])
    assert np.allclose(found["n0.v"][0, :, 0], np.cos(2 * np.pi * np.arange(30) / 7), atol=1e-6)
    # the imaginary part, sin(2 pi t / 7), has passed 0 in step 7 k or, where it is rounded below
    # zero there, one later
    at = np.flatnonzero(found["output"][0, :, 0])
    assert len(at) == 4 and set(at % 7) <= {0, 1}


def test_a_resonator_prefers_its_own_period() -> None:
    def largest(period: int) -> float:
        x = np.zeros((1, 200, 1))
        x[0, ::period] = 1
        return float(np.abs(run(chain(resonator(8e-3, v=99), n=1), x, ["n0.v"])["n0.v"]).max())

    assert largest(8) > 2 * max(largest(6), largest(11))


def test_an_adaptive_threshold_slows_a_constant_drive_down() -> None:
    x = np.full((1, 400, 1), 0.2)
    out = {jump: run(chain(adaptive(jump=jump), n=1), x)["output"].sum() for jump in (0.0, 2.0)}
    assert out[0.0] > 1.5 * out[2.0] > 0


def test_a_bias_of_its_own_drives_an_adaptive_neuron() -> None:
    assert run(chain(adaptive(bias=0.5), n=1), np.zeros((1, 50, 1)))["output"].any()


@pytest.mark.parametrize("integrator", ["euler", "exponential"])
@pytest.mark.parametrize("node", [resonator(), resonator(snap=True), adaptive(0.1)])
def test_the_processor_does_what_the_reference_does(
    node: nd.Node, integrator: nd.Integrator
) -> None:
    w = np.random.default_rng(2).normal(0, 0.8, (6, 4))
    net, x = chain(nd.Linear(w), node, n=4, integrator=integrator), spikes(3, 60, 4)
    wanted = run(net, x, dtype=np.float32)["output"]
    assert (mossy.compile(net, "cpu").run(x).outputs["output"] == wanted).all()
    assert 0.005 < wanted.mean() < 0.9


@pytest.mark.parametrize("node", [resonator(), resonator(snap=True), adaptive()])
def test_integers_are_near_the_reference(node: nd.Node) -> None:
    w = np.rint(np.random.default_rng(2).normal(0, 40, (6, 4))) / 64  # 8 bits hold them exactly
    net, x = chain(nd.Linear(w), node, n=4), spikes(3, 60, 4)
    wanted = run(net, x)["output"]
    got = mossy.compile(net, "loihi2").run(x).outputs["output"]
    assert (got != wanted).mean() < 0.015 < wanted.mean()


@pytest.mark.parametrize("node", [resonator(), adaptive()])
def test_a_bias_in_front_is_e0233(node: nd.Node) -> None:
    net = chain(nd.Affine(np.eye(2), np.array([0.5, 0])), node, n=2)
    with pytest.raises(UnsupportedNode) as found:
        mossy.compile(net, "cpu")
    said = str(found.value)
    assert "E0233" in said and "a bias reaches a" in said and "got 1 of 2 biases" in said
    assert "n1" in said and "bias=False" in said


@pytest.mark.parametrize("node", [resonator(), adaptive()])
def test_other_chips_refuse_them_by_name(node: nd.Node) -> None:
    with pytest.raises(UnsupportedNode, match=r"E0226"):
        mossy.compile(chain(nd.Linear(np.eye(2)), node, n=2), "loihi1")


def test_times_must_be_positive() -> None:
    with pytest.raises(BadInput, match="E0109"):
        chain(resonator(period=-1.0), n=1)
    with pytest.raises(BadInput, match="E0109"):
        chain(adaptive(times=0.0), n=1)


@pytest.mark.parametrize("node", [resonator(snap=True), adaptive()])
def test_they_are_told_in_text_and_not_in_nir(node: nd.Node, tmp_path: Path) -> None:
    net = chain(node, n=1)
    assert type(node).__name__ in text(net) and "v_threshold 1" in text(net)
    with pytest.raises(UnsupportedNode):
        nir.write(net, tmp_path / "a.nir")
