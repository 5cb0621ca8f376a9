"""The text form: word for word, and sensitive to a single weight."""

from __future__ import annotations

import numpy as np

from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.text import text


def network(weight):
    one = np.array(1.0)
    nodes = {
        "input": nd.Input((2,)),
        "fc": nd.Linear(weight),
        "lif": nd.LIF(one * 0.01, one, one * 0, one, one * 0),
        "output": nd.Output((3,)),
    }
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "output"), ("lif", "lif")]
    return build(nodes, edges, 1e-3, reset="subtract", name="toy")


def test_text_word_for_word():
    assert text(network(np.arange(6.0).reshape(3, 2))) == (
        "network toy  dt 0.001 s  integrator euler  reset subtract\n"
        "  input   Input   (2,)\n"
        "  fc      Linear  (2,) -> (3,)  weight (3, 2) 0..5 #84a6e8b7\n"
        "  lif     LIF     (3,)  tau 0.01  r 1  v_leak 0  v_threshold 1  v_reset 0\n"
        "  output  Output  (3,)\n"
        "edge input -> fc\n"
        "edge fc -> lif\n"
        "edge lif -> output\n"
        "edge lif -> lif  feedback: one step late\n"
    )


def test_one_weight_shows():
    weight = np.arange(6.0).reshape(3, 2)
    before = text(network(weight)).splitlines()
    weight[1, 1] += 1e-9
    after = text(network(weight)).splitlines()
    assert [a == b for a, b in zip(before, after, strict=True)].count(False) == 1


def test_every_kind_of_parameter_is_shown():
    conv = nd.Conv2d(np.ones((2, 1, 3, 3)), np.array([0.0, 1.0]), padding="same")
    nodes = {"input": nd.Input((1, 4, 4)), "conv": conv, "output": nd.Output((2, 4, 4))}
    shown = text(build(nodes, [("input", "conv"), ("conv", "output")], 1e-3))
    assert "weight 1  bias (2,) 0..1 #" in shown
    assert "stride (1, 1)  padding same  dilation (1, 1)  groups 1" in shown
