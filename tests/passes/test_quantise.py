"""Networks in the chips' numbers: the published scaling formulas, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy.chips import chip as find_chip
from mossy.chips.quantised import Quantised
from mossy.errors import MossyError, UnsupportedNode
from mossy.network import graph
from mossy.network.nodes import (
    IF,
    LI,
    LIF,
    Affine,
    CubaLIF,
    Delay,
    Input,
    Linear,
    Network,
    Node,
    Output,
)
from mossy.passes import Options, compile
from mossy.passes.align import align
from mossy.passes.lower import lower
from mossy.passes.quantise import KEEP, quantise

DT = 1e-3
CHIPS = ("spinnaker2", "loihi1")
W = np.array([[0.5, -0.2], [0.1, 0.3]])
ONE = np.ones(2)


def layer(
    neuron: Node, weight: Any = W, bias: Any = None, reset: Any = "node", delay: float = 0
) -> Network:
    weight = np.asarray(weight)
    linear = Linear(weight) if bias is None else Affine(weight, np.asarray(bias))
    nodes: dict[str, Node] = {
        "i": Input((weight.shape[1],)),
        "d": Delay(np.full(weight.shape[1], delay)),
        "w": linear,
        "n": neuron,
        "o": Output((weight.shape[0],)),
    }
    names = list(nodes)
    edges = list(itertools.pairwise(names))
    return graph.build(nodes, edges, DT, "exponential", reset)


def quantised(
    net: Any, name: str, rate: NDArray[np.float64] | None = None, **options: Any
) -> Quantised:
    chip = find_chip(name)
    populations = align(lower(net), chip.latency)
    activity = None if rate is None else {"i": rate}
    return quantise(populations, chip, Options(**options), activity)["n"]


def lif(
    tau: float = 10e-3, r: float = 2.0, leak: float = 0.3, vth: float = 1.0, vr: float = 0.1
) -> LIF:
    return LIF(tau * ONE, r * ONE, leak * ONE, vth * ONE, vr * ONE)


def stored(q: Quantised) -> NDArray[Any]:
    """Weights of the first projection, dense."""
    weight: Any = q.incoming[0].weight
    dense: NDArray[Any] = weight.toarray()
    return dense


# ------------------------------------------------------------------------------ float registers
def test_lif_registers_follow_the_published_formulas() -> None:
    q = quantised(layer(lif(), bias=[0.05, -0.1]), "spinnaker2")
    w_scale = 127 / 0.5
    r_f = (1 - np.exp(-0.1)) * 2.0
    scale = w_scale / r_f
    leak_f = 1 - np.exp(-0.1)
    assert q.weight_scale == w_scale
    assert stored(q).tolist() == [[127, -51], [25, 76]]
    np.testing.assert_allclose(q.params["alpha"], np.exp(-0.1), rtol=1e-6)
    np.testing.assert_allclose(q.params["threshold"], 1.0 * scale, rtol=1e-6)
    np.testing.assert_allclose(q.params["v_reset"], 0.1 * scale, rtol=1e-6)
    offset = leak_f * 0.3 * scale + np.array([0.05, -0.1]) * w_scale
    np.testing.assert_allclose(q.params["offset"], offset, rtol=1e-6)
    np.testing.assert_allclose(q.v_scale, scale, rtol=1e-12)


def test_if_registers_follow_the_published_formulas() -> None:
    q = quantised(layer(IF(0.5 * ONE, 1.5 * ONE, 0 * ONE)), "spinnaker2")
    assert q.params["alpha"].tolist() == [1, 1]
    np.testing.assert_allclose(q.params["threshold"], 1.5 * (127 / 0.5) / 0.5, rtol=1e-6)


def test_cuba_registers_follow_the_published_formulas() -> None:
    neuron = CubaLIF(5e-3 * ONE, 10e-3 * ONE, 2 * ONE, 0.3 * ONE, ONE, 0 * ONE, 3 * ONE)
    q = quantised(layer(neuron), "spinnaker2")
    g_syn, g = 1 - np.exp(-0.2), 1 - np.exp(-0.1)
    scale = (127 / 0.5) / (g * 2.0 * g_syn * 3.0)
    np.testing.assert_allclose(q.params["threshold"], scale, rtol=1e-6)
    np.testing.assert_allclose(q.params["offset"], g * 0.3 * scale, rtol=1e-6)
    for name in ("exc_decay", "inh_decay"):
        np.testing.assert_allclose(q.params[name], np.exp(-0.2), rtol=1e-6)


def test_delays_leave_fewer_weight_bits_and_say_so() -> None:
    q = quantised(layer(lif(), delay=3 * DT), "spinnaker2")
    assert q.weight_scale == 15 / 0.5 and (q.word.weight, q.word.delay) == (4, 3)
    assert q.notes == ("n: delays leave 4-bit weights (+-15) on this chip",)
    assert q.incoming[0].delay_source.tolist() == [3, 3]


@pytest.mark.parametrize(("bits", "top"), [(8, 127), (4, 7), (2, 1)])
def test_wanted_bits_bound_the_weights(bits: int, top: int) -> None:
    q = quantised(layer(lif()), "spinnaker2", bits=bits)
    assert abs(stored(q)).max() == top


def test_a_scale_can_be_given_and_clips() -> None:
    q = quantised(layer(lif()), "spinnaker2", weight_scale={"n": 400.0})
    assert stored(q).tolist() == [[127, -80], [40, 120]]


# ------------------------------------------------------------------------------ integer registers
def test_mantissas_are_even_and_the_word_drops_their_last_bit() -> None:
    q = quantised(layer(lif()), "loihi1")
    # 254 / 0.5 = 508 per unit: 254, -101.6 -> -102, 50.8 -> 50, 152.4 -> 152; stored halves
    assert stored(q).tolist() == [[127, -51], [25, 76]]
    assert q.weight_scale == 254


@pytest.mark.parametrize(("vth", "exponent"), [(9.0, 0), (1.0, 0), (0.1, 1), (0.01, 5)])
def test_the_exponent_is_the_smallest_that_resolves_the_threshold(
    vth: float, exponent: int
) -> None:
    q = quantised(layer(lif(vth=vth, leak=0, vr=0)), "loihi1")
    scale = 508 / (2 * (1 - np.exp(-0.1)))  # mantissa per unit of potential at exponent 0
    expected = next(e for e in range(8) if vth * scale * 2**e >= 512 or e == 7)
    assert expected == exponent
    assert q.incoming[0].shift == 1 + 6 + exponent
    assert q.params["threshold"].tolist() == [round(vth * scale * 2**exponent) * 64] * 2
    np.testing.assert_allclose(q.v_scale, scale * 64 * 2**exponent)


def test_the_exponent_leaves_room_for_the_worst_sum() -> None:
    wide = np.ones((2, 40))
    q = quantised(layer(lif(vth=1e-3, leak=0, vr=0), wide), "loihi1")
    worst = 40 * 254 << 6
    e = q.incoming[0].shift - 7
    assert worst << e < 1 << 21 <= worst << (e + 1)


def test_potentials_are_counted_from_the_reset() -> None:
    q = quantised(layer(lif(vr=0.1, leak=0.1)), "loihi1")
    assert q.v_shift.tolist() == [0.1, 0.1]
    assert q.state["v"].tolist() == np.rint(-0.1 * q.v_scale).tolist()
    assert q.params["bias"].tolist() == [0, 0]  # leak and reset meet
    decay = round((1 - np.exp(-0.1)) * 4096)
    assert (
        q.params["decay_v"].tolist() == [decay] * 2 and q.params["decay_u"].tolist() == [4096] * 2
    )


def test_biases_keep_twelve_bits_and_an_exponent() -> None:
    q = quantised(layer(lif(), bias=[0.2, -0.3]), "loihi1")
    for bias in q.params["bias"].tolist():
        assert any(bias % (1 << e) == 0 and abs(bias) >> e <= 4095 for e in range(8))


# ------------------------------------------------------------------------------ clipping
@pytest.mark.parametrize("name", CHIPS)
def test_calibration_clips_a_rare_outlier(name: str) -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(0, 0.02, (2, 300))
    w[0, 0] = 1.0  # on an input that hardly ever spikes
    rate = np.full(300, 0.2)
    rate[0] = 1e-6
    net = layer(lif(), w)

    def error(q: Quantised) -> float:
        return float((((w - stored(q) / q.weight_scale) ** 2) @ rate).sum())

    plain, chosen = quantised(net, name), quantised(net, name, rate)
    assert error(chosen) < error(plain) / 2
    tried = [error(quantised(net, name, keep=k)) for k in KEEP]
    assert error(chosen) == min(tried)


def test_attempts_at_clipping_leave_the_network_alone() -> None:
    w = np.array([[1.0, 0.001], [0.6, 0.002]])  # the small ones round to zero
    net = layer(lif(), w)
    populations = align(lower(net), 1)
    chip = find_chip("spinnaker2")
    quantise(populations, chip, Options(), {"i": np.array([1e-9, 1.0])})
    assert populations.projections[0].weight.toarray().tolist() == w.tolist()  # type: ignore[union-attr]


# ------------------------------------------------------------------------------ refusals
def refused(net: Any, name: str, **options: Any) -> MossyError:
    with pytest.raises(UnsupportedNode) as e:
        compile(net, name, options=Options(**options))
    return e.value


@pytest.mark.parametrize("name", CHIPS)
def test_a_graded_neuron_inside_is_e0220(name: str) -> None:
    nodes: dict[str, Node] = {
        "i": Input((2,)),
        "a": LI(10e-3 * ONE, ONE, 0 * ONE),
        "w": Linear(W),
        "n": lif(),
    }
    nodes["o"] = Output((2,))
    names = list(nodes)
    e = refused(graph.build(nodes, list(itertools.pairwise(names)), DT), name)
    assert e.code == "E0220" and e.where == "a"
    assert "a neuron without threshold feeds other neurons; only spikes travel" in str(e)
    assert "give it a threshold, or make it an output" in str(e)


@pytest.mark.parametrize(
    ("name", "steps", "got", "allowed"),
    [
        ("spinnaker2", 8, "got 9 steps", "allowed: 1 to 8"),
        ("loihi1", 63, "got 64 steps", "allowed: 1 to 63"),
        ("cpu", 256, "got 256 steps", "allowed: 0 to 255"),
    ],
)
def test_a_long_delay_is_e0221(name: str, steps: int, got: str, allowed: str) -> None:
    compile(layer(lif(), delay=(steps - 1) * DT), name)
    e = refused(layer(lif(), delay=steps * DT), name)
    assert e.code == "E0221" and e.where == "n"
    assert "delay too long for the synapse word" in str(e)
    assert got in str(e) and allowed in str(e) and "larger dt or shorter delays" in str(e)


@pytest.mark.parametrize("name", CHIPS)
def test_a_negative_gain_is_e0222(name: str) -> None:
    e = refused(layer(lif(r=-2.0)), name)
    assert e.code == "E0222" and "2 neurons have no positive input gain" in str(e)
    assert "allowed: > 0" in str(e) and "move the sign into the weights" in str(e)


def test_subtraction_is_e0223_where_it_is_not_native() -> None:
    compile(layer(lif(), reset="subtract"), "spinnaker2")
    e = refused(layer(lif(), reset="subtract"), "loihi1")
    assert e.code == "E0223" and "reset by subtraction is not native" in str(e)
    assert 'allowed: reset="node"' in str(e)


def test_an_overshooting_decay_is_e0224() -> None:
    nodes: dict[str, Node] = {
        "i": Input((2,)),
        "w": Linear(W),
        "n": lif(tau=0.6e-3),
        "o": Output((2,)),
    }
    names = list(nodes)
    net = graph.build(nodes, list(itertools.pairwise(names)), DT, "euler")
    e = refused(net, "loihi1")
    assert e.code == "E0224" and "a decay factor lies outside 0..1" in str(e)
    assert 'integrator="exponential"' in str(e)


@pytest.mark.parametrize(("vth", "got"), [(1e4, "mantissa "), (-1.0, "mantissa -")])
def test_a_threshold_outside_its_register_is_e0225(vth: float, got: str) -> None:
    e = refused(layer(lif(vth=vth)), "loihi1")
    assert e.code == "E0225" and "threshold does not fit its register" in str(e)
    assert f"got {got}" in str(e) and "allowed: 0 to 131071" in str(e)
