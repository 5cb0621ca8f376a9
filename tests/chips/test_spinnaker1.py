"""Networks in s16.15: the registers they get, what saturates, what is refused, what it costs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

import mossy
from mossy import zoo
from mossy.chips import chip
from mossy.chips.published import published
from mossy.chips.quantised import CoreLoad, Quantised, Scaling
from mossy.chips.spinnaker1 import rules, scaling
from mossy.errors import UnsupportedNode
from mossy.network import graph, reference
from mossy.network import nodes as nd
from mossy.network.populations import Array, Population, Projection
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.signals.decode import accuracy, spike_count
from mossy.zoo.digits.data import data
from tests.oracles.spinnaker1_exchange import RING_TOP, Network, Trace
from tests.oracles.spinnaker1_golden import golden
from tests.oracles.spinnaker1_networks import random_network
from tests.oracles.spinnaker1_twin import twin_run

DT = 1e-3
CHIP = "spinnaker1"
ONE = 1 << 15


def lif(n: int = 1, tau: float = 10 * DT, threshold: float = 1.0, **fields: Array) -> nd.LIF:
    one = np.ones(n)
    values = {"tau": tau * one, "r": tau / DT * one, "v_leak": 0 * one, "v_reset": 0 * one}
    return nd.LIF(v_threshold=threshold * one, **(values | fields))


def network(nodes: dict[str, nd.Node]) -> nd.Network:
    return graph.build(nodes, list(pairwise(nodes)), DT, integrator="exponential")


def readout(weight: NDArray[np.float64], cell: nd.Node, *wait: nd.Node) -> nd.Network:
    """Input, weights, perhaps a delay, and a cell whose potential is read out."""
    n, m = weight.shape
    waits = {f"wait{k}": node for k, node in enumerate(wait)}
    inner = {**waits, "w": nd.Linear(weight), "cell": cell}
    return network({"in": nd.Input((m,)), **inner, "out": nd.Output((n,))})


def quantised(
    weight: Any, params: dict[str, Any], delay: Any = 0, options: Scaling | None = None
) -> Quantised:
    """One population with one projection onto it, in registers."""
    w = np.atleast_2d(np.asarray(weight, float))
    n, m = w.shape
    cuba = "alpha_syn" in params
    values = {"alpha": 0.5, "gain": 0.5, "offset": 0, "threshold": 1, "v_reset": 0}
    values |= {"gain_syn": 1, "offset_syn": 0} if cuba else {}
    arrays = {k: np.broadcast_to(np.asarray(v, float), n) for k, v in (values | params).items()}
    kind: Any = "cuba_lif" if cuba else "lif"
    population = Population("a", "a", (n,), kind, arrays, False, "spikes", False, 0)
    delays = np.broadcast_to(np.asarray(delay), m)
    j = Projection("j", "in", "a", sparse.csr_array(w), delays, np.zeros(n, np.int64), False)
    return rules.quantise(population, (j,), options or Scaling(), chip(CHIP).facts)


def refused(params: dict[str, Any], **others: Any) -> str:
    with pytest.raises(UnsupportedNode) as found:
        quantised(np.ones((2, 3)), params, **others)
    return str(found.value)


# ------------------------------------------------------------------------------ registers
def test_registers_worked_by_hand() -> None:
    """alpha 1/2, gain 1/2: r = 1, so coarse is 2^-4 and R 16. Weights 1 and 2, both at most 3.

    Potentials: r (1 + 2) = 3 is largest, unit 2^13 leaves 24,576 of 32,767.
    Current: a weight of 1 is 2^13 / 2^4 x 16 = 2^13 before init, 3 x 2^13 x 2^15 in all bits:
    within 16 bits of the ring buffer after a shift of 14 (13 would give 98,304).
    """
    q = quantised([[1, 2]], {"alpha": 0.5})
    p = {name: int(q.params[name][0]) for name in q.params.dtype.names or ()}
    assert (p["exp_tc"], p["r"]) == (ONE // 2, 16 * ONE)
    assert (p["exc_decay"], p["exc_init"]) == (0, 1 << 28)
    assert q.v_scale.tolist() == [2.0**13 * ONE]
    assert p["v_thresh"] == (1 << 28) + 1 and p["v_rest"] == p["v_reset"] == p["refract"] == 0
    assert p["exc_shift"] == p["inh_shift"] == 13 + 15 - 14
    assert q.weight_scale == 1 << 14
    assert q.incoming[0].weight.toarray().tolist() == [[1 << 14, 1 << 15]]  # type: ignore[union-attr]


def test_synaptic_currents_take_what_the_release_can_hold() -> None:
    """tau = 5 steps: 1 / tau is 6553.6 units of 2^-15, 6554 of them; init is tau (1 - decay)."""
    q = quantised([[1.0]], {"alpha_syn": np.exp(-1 / 5)})
    decay, init = (int(q.params[f"exc_{k}"][0]) for k in ("decay", "init"))
    assert decay == int(np.exp(-6554 / ONE) * 2**32)
    assert init / 2**32 == pytest.approx(ONE / 6554.5 * (1 - np.exp(-6554 / ONE)), rel=1e-9)
    slow = quantised([[1.0]], {"alpha_syn": np.exp(-1 / 3100)})  # 10.57 units: 11
    assert slow.params["exc_init"][0] < 2**32 - 1
    assert slow.notes == ("a: a leak of 0.000323 per step became 0.000336 in fixed point",)
    assert quantised([[1.0]], {"alpha_syn": 0.0}).params["exc_init"][0] == 1 << 28


def test_neurons_with_gains_of_their_own_get_weights_of_their_own() -> None:
    net_ = {"alpha_syn": [0.5, 0.5], "gain_syn": [1.0, 0.25]}
    fields = quantised(np.ones((2, 1)), net_).incoming[0].weight.toarray()  # type: ignore[union-attr]
    assert abs(fields[0, 0] - 4 * fields[1, 0]) <= 2 < fields[1, 0]


@pytest.mark.parametrize("cell", ["LI", "CubaLI"])
def test_a_potential_follows_the_float_reference(cell: str) -> None:
    rng = np.random.default_rng(3)
    one = np.ones(7)
    node: nd.Node = nd.LI(20 * DT * one, one, 0.1 * one)
    if cell == "CubaLI":
        node = nd.CubaLI(5 * DT * one, 20 * DT * one, one, 0 * one, 2 * one)
    net = readout(rng.normal(size=(7, 40)), node)
    x = (rng.random((3, 60, 40)) < 0.2).astype(np.uint8)
    wanted, got = reference.run(net, x)["out"], compile(net, CHIP).run(x).outputs["out"]
    assert abs(got - wanted).max() < 2e-3 * abs(wanted).max() > 0


def test_nothing_wraps_with_every_source_in_every_step() -> None:
    one = np.ones(5)
    cell = nd.CubaLI(50 * DT * one, 50 * DT * one, one, 0 * one, one)
    for sign in (1, -1):
        net = readout(sign * np.abs(np.random.default_rng(1).normal(size=(5, 200))), cell)
        x = np.ones((1, 400, 200), np.uint8)
        wanted, got = reference.run(net, x)["out"], compile(net, CHIP).run(x).outputs["out"]
        assert abs(got - wanted).max() < 0.01 * abs(wanted).max()


def test_thresholds_are_strict_as_in_the_reference() -> None:
    """Weights of 1/4 and no leak to speak of: exactly at the threshold is not above it."""
    p = quantised([[0.25]], {"threshold": 0.5}).params
    q = quantised([[0.25]], {"threshold": 0.5})
    assert p["v_thresh"][0] == 0.5 * q.v_scale[0] + 1


# ------------------------------------------------------------------------------ weights
def test_the_shift_is_spynnakers_power_of_two() -> None:
    assert [scaling.left_shift(w) for w in (0, 0.3, 0.99, 1, 1.5, 2, 3, 4, 1000)] == [
        0, 0, 0, 1, 1, 2, 2, 3, 10,
    ]  # fmt: skip


def expected(delay: Any, rate: float = 30.0, weight: float = 2.0, n: int = 1000) -> float:
    w = sparse.csr_array(np.full((4, n), weight))
    j = Projection("j", "in", "a", w, np.broadcast_to(delay, n), np.zeros(4, np.int64), False)
    facts = chip(CHIP).assuming({"spikes_per_second": rate}).facts
    return scaling.expected((j,), [w], facts)


def test_the_expected_sum_by_hand() -> None:
    """1,000 sources of weight 2 at 30 Hz in 1 ms: 30 events; 60 + 5 x 2 sqrt(30) with delays."""
    unequal = np.arange(1000) % 3
    assert expected(2) == 2000  # one spike of each source: delays are equal
    assert expected(unequal) == pytest.approx(60 + 10 * np.sqrt(30))
    assert expected(unequal, rate=300) == pytest.approx(600 + 10 * np.sqrt(300))
    pair = np.arange(2)
    assert expected(pair, rate=0.3, n=2) == 2  # not below the largest weight
    assert expected(pair, rate=3000, n=2) == 3 * 2 * 2  # nor above all


def test_weights_take_the_smallest_shift_that_holds_them_all() -> None:
    rng = np.random.default_rng(5)
    weight = rng.normal(size=(20, 300))
    q = quantised(weight, {})
    fields = q.incoming[0].weight.toarray()  # type: ignore[union-attr]
    most = max(np.maximum(fields, 0).sum(axis=1).max(), np.maximum(-fields, 0).sum(axis=1).max())
    assert RING_TOP / 2 < most <= RING_TOP
    assert not [n for n in q.notes if "ring buffer" in n]
    assert abs(fields - weight * q.weight_scale).max() <= 0.5


def test_a_ring_buffer_that_cannot_hold_a_burst_is_told_and_saturates() -> None:
    """1,000 sources at unequal delays: made for a few of them at once, not for all."""
    one = np.ones(1)
    delays = nd.Delay((np.arange(1000) % 2).astype(np.float64) * DT)
    net = readout(np.ones((1, 1000)), nd.LI(20 * DT * one, one, 0 * one), delays)
    busier = chip(CHIP).assuming({"spikes_per_second": 2000})
    rare, full = compile(net, CHIP), compile(net, busier)
    (note,) = [n for n in rare.notes if "ring buffer" in n]
    assert "holds" in note and "a step that brings more saturates" in note
    assert not [n for n in full.notes if "ring buffer" in n]
    burst = np.zeros((1, 10, 1000), np.uint8)
    burst[0, 0], burst[0, 1, ::2] = 1, 1
    wanted = reference.run(net, burst)["out"].max()
    assert full.run(burst).outputs["out"].max() == pytest.approx(wanted, rel=0.01)
    assert rare.run(burst).outputs["out"].max() < 0.5 * wanted
    few = burst * (np.arange(1000) < 30)
    near = reference.run(net, few)["out"].max()
    assert rare.run(few).outputs["out"].max() == pytest.approx(near, rel=0.01)


def test_bits_and_a_scale_can_be_asked_for() -> None:
    weight = np.random.default_rng(2).normal(size=(8, 50))
    best, coarse = quantised(weight, {}), quantised(weight, {}, options=Scaling(bits=10))
    top = [abs(q.incoming[0].weight.toarray()).max() for q in (best, coarse)]  # type: ignore[union-attr]
    assert top[0] > 1 << 10 > top[1] * 2
    asked = quantised(weight, {}, options=Scaling(scale=best.weight_scale / 4))
    assert asked.weight_scale == best.weight_scale / 4 and not asked.notes
    near = quantised(weight, {}, options=Scaling(scale=best.weight_scale / 3))
    assert near.weight_scale in (best.weight_scale / 4, best.weight_scale / 2)
    assert any("power of two" in note for note in near.notes)
    lost = quantised([[1.0, 1e-9]], {})
    assert any("1 weights below" in note for note in lost.notes)


# ------------------------------------------------------------------------------ refusals
def test_no_leak_is_e0228_unless_the_slowest_will_do() -> None:
    text = refused({"alpha": 1.0})
    assert "E0228" in text and "leaks here" in text and "approximate=True" in text
    assert "E0228" in refused({"alpha_syn": 1.0})
    q = quantised(np.ones((2, 3)), {"alpha": 1.0, "gain": 1.0}, options=Scaling(approximate=True))
    assert q.params["exp_tc"].tolist() == [ONE - 1] * 2
    assert any("a leak of 0 per step became 3.05e-05" in note for note in q.notes)
    one = np.ones(4)
    net = readout(np.random.default_rng(4).normal(size=(4, 20)), nd.I(one))
    x = (np.random.default_rng(5).random((2, 40, 20)) < 0.2).astype(np.uint8)
    got = compile(net, CHIP, options=Options(approximate=True)).run(x).outputs["out"]
    wanted = reference.run(net, x)["out"]
    assert abs(got - wanted).max() < 0.01 * abs(wanted).max()


def test_unlike_resistances_are_e0229() -> None:
    text = refused({"gain": [1.0, 1e-5]})
    assert "E0229" in text and "too unlike" in text and "layers of their own" in text
    assert "the largest is 1e+05 times the smallest" in text and "4096" in text
    assert quantised(np.ones((2, 3)), {"gain": [1.0, 1e-3]}).params["r"].min() > 100


def test_what_other_chips_refuse_too() -> None:
    assert "E0222" in refused({"gain": 0.0})
    assert "E0224" in refused({"alpha": -0.5})
    nodes: dict[str, nd.Node] = {"in": nd.Input((1,)), "w": nd.Linear(np.ones((1, 1)))}
    nodes |= {"a": lif(), "out": nd.Output((1,))}
    net = graph.build(nodes, list(pairwise(nodes)), DT, reset="subtract")
    with pytest.raises(UnsupportedNode, match=r"E0223.*v_reset"):
        compile(net, CHIP)


# ------------------------------------------------------------------------------ the twin
@pytest.mark.parametrize("seed", [2, 3, 9, 11])
def test_random_networks_are_a_plain_models_registers(seed: int) -> None:
    """Delays, waits, full ring buffers and recurrence on both engines, whole and in small cores."""
    net = random_network(seed)
    wanted = golden(net)
    ways: list[dict[str, Any]] = [{}, {"engine": "reference"}, {"per_core": 4}]
    for options in ways:
        for mine, other in zip(twin_run(net, **options), wanted, strict=True):
            _assert_same(mine, other)
    _assert_worth_it(seed, net, wanted)


def _assert_same(mine: Trace, other: Trace) -> None:
    for name in ("v", "exc", "inh", "wait", "spikes"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(other, name), name)


def _assert_worth_it(seed: int, net: Network, traces: list[Trace]) -> None:
    assert all(t.spikes.mean() > 0.005 for t in traces)
    if seed % 4 == 3:
        assert any((t.sum_exc == RING_TOP).any() for t in traces)
    if seed % 4 == 2:
        assert max(int(c["delay"].max()) for c in net["connections"]) > 7


@pytest.fixture(scope="module")
def digits() -> Program:
    x, _ = data("test")
    return mossy.compile(zoo.load("digits"), CHIP, calibration=x[:32])


def test_digits(digits: Program) -> None:
    """As accurate as in float, in real time, and most of the energy is that of idle chips."""
    x, y = data("test")
    x, y = x[:180], y[:180]
    result = digits.run(x)
    wanted = accuracy(spike_count(reference.run(zoo.load("digits"), x)["output"]), y)
    assert accuracy(spike_count(result.outputs["output"]), y) >= wanted - 0.01
    assert result.timing.worst_step.value < 1e-3
    parts = result.energy.by("operation")
    assert max(parts, key=lambda k: parts[k]) == "idle chips"
    assert result.energy.total.high > 1.3 * result.energy.value  # a chip's share of its board


# ------------------------------------------------------------------------------ what it costs
def test_memory_of_a_core() -> None:
    """256 neurons of two types fill 32 kB of ring buffers; 100 neurons take those of 128."""
    facts = chip(CHIP).facts
    for n, ring in ((256, 32768), (100, 16384)):
        load = CoreLoad("neurons", rules.MODEL, 2, n=n, sources=3, synapses=10, rows=2)
        blocks = dict(rules.blocks(load, facts))
        assert blocks["ring buffers"] == ring and blocks["neurons"] == 64 * n


def test_published_rows_and_the_vendors_energy_model() -> None:
    """59.38 W of a board with 806 active cores, from idle and active power."""
    found = {row.name: row for row in published(CHIP)}
    facts = chip(CHIP).facts
    idle, busy = found["idle board"], found["board with 806 cores at work"]
    assert facts["chip_idle_power"].high == pytest.approx(idle.value / 48, abs=1e-3)
    total = idle.value + 806 * float(facts["core_active_power"])
    assert total == pytest.approx(busy.value, rel=0.01)
    assert float(facts["router_packet_energy"]) == pytest.approx(40 * 25e-12)
    assert found["microcircuit, DC drive, real time"].value == 0.601e-6
