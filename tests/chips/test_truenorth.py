"""Networks on crossbar cores: what is exact, approximate or refused, and what it costs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mossy
from mossy import zoo
from mossy.chips import chip
from mossy.chips.published import published
from mossy.errors import UnsupportedNode
from mossy.network import graph, reference
from mossy.network import nodes as nd
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.program.words import unpack
from mossy.signals.decode import accuracy, spike_count
from mossy.signals.encode import regular
from mossy.zoo.digits.data import images

DT = 1e-3
CHIP = "truenorth"


def if_(n: int, threshold: float = 2.5, v_reset: float = 0.0) -> nd.IF:
    one = np.ones(n)
    return nd.IF(one, threshold * one, v_reset * one)


def network(nodes: dict[str, nd.Node], edges: list[tuple[str, str]] | None = None) -> nd.Network:
    return graph.build(nodes, edges or list(pairwise(nodes)), DT)


def levels(seed: int, *shape: int, top: int = 4) -> NDArray[np.float64]:
    """Whole multiples of 1/4, the largest one in every row, so that no weight is rounded."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-top, top + 1, shape)
    w[:, 0], w[:, 1] = top, 1
    return w / 4


def dense(*, bias: float = 0.0, v_reset: float = 0.0) -> nd.Network:
    return network(
        {
            "in": nd.Input((20,)),
            "w1": nd.Affine(levels(0, 30, 20), np.full(30, bias)),
            "a": if_(30, 2.6, v_reset),
            "w2": nd.Linear(levels(1, 10, 30)),
            "b": if_(10, 1.6),
            "out": nd.Output((10,)),
        }
    )


def spikes(n: int, share: float = 0.3, steps: int = 30) -> NDArray[np.uint8]:
    return (np.random.default_rng(5).random((3, steps, n)) < share).astype(np.uint8)


def assert_is_the_reference(net: nd.Network, program: Program, x: NDArray[np.uint8]) -> None:
    wanted = reference.run(net, x)
    got = program.run(x).outputs
    for name in wanted:
        assert wanted[name].any(), "nothing to compare"
        np.testing.assert_array_equal(got[name], wanted[name])


def assert_is_a_crossbar(program: Program) -> None:
    """Judged from the images: one axon per neuron, 256 axons per core, one bit per synapse."""
    by_number = {c.number: c for c in program.cores}
    for core in program.cores:
        if core.role == "source":
            continue
        assert core.n <= 256
        assert set(unpack(core.word_format, core.words)[0].tolist()) <= {1}
        axons = 0
        for t in core.tables:
            sender = next(s for s in program.cores if s.key & t.mask == t.key)
            starts = core.row_start[t.first : t.first + sender.n + 1]
            axons += int((np.diff(starts) > 0).sum())  # a row for each type that a source uses
        assert axons <= 256
        ways = np.zeros(core.n, int)
        for a in core.axons:
            ways += a.neurons
            other = by_number[a.target]
            kinds = [
                np.diff(other.row_start[t.first : t.first + core.n + 1]) > 0
                for t in other.tables
                if core.key & t.mask == t.key
            ]
            assert np.sum(kinds, axis=0).max() <= 1, "a neuron drives axons of two types"
        assert ways.max(initial=0) <= 1, "a neuron drives axons of two cores"


# ------------------------------------------------------------------------------ exact
@pytest.mark.parametrize("per_core", [None, 7])
@pytest.mark.parametrize(
    "net",
    [dense(), dense(bias=0.125), dense(bias=-0.25), dense(v_reset=-0.5)],
    ids=["plain", "bias", "negative bias", "v_reset"],
)
def test_neurons_without_leak_are_the_reference(net: nd.Network, per_core: int | None) -> None:
    program = compile(net, CHIP, options=Options(neurons_per_core=per_core))
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(20))
    assert all("error 0.0%" in note for note in program.notes if "levels" in note)


def test_reset_by_subtraction_is_off_by_less_than_a_register_unit_a_spike() -> None:
    one = np.ones(1)
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((1,)), "w": nd.Linear(one[None] / 4), "a": nd.IF(one, 2.1 * one, 0 * one),
        "out": nd.Output((1,)),
    }  # fmt: skip
    net = graph.build(nodes, list(pairwise(nodes)), DT, reset="subtract")
    program = compile(net, CHIP)
    register, scale = program.cores[1].params["threshold"][0], program.population("a").v_scale[0]
    assert 0 <= register - 2.1 * scale <= 1
    x = np.ones((1, 400, 1), np.uint8)
    wanted, got = reference.run(net, x)["out"], program.run(x).outputs["out"]
    assert wanted.sum() == 47  # 400 / 8.4
    assert got.sum() == wanted.sum()
    assert abs(np.flatnonzero(got) - np.flatnonzero(wanted)).max() <= 1


def test_neurons_without_memory_are_the_reference() -> None:
    net = network(
        {
            "in": nd.Input((20,)),
            "w1": nd.Affine(levels(2, 30, 20), np.linspace(-1, 1, 30)),
            "a": nd.Threshold(np.linspace(-0.4, 2.1, 30)),
            "w2": nd.Linear(levels(3, 10, 30)),
            "b": nd.Threshold(np.full(10, 1.6)),
            "out": nd.Output((10,)),
        }
    )
    program = compile(net, CHIP)
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(20))


def test_delays_and_a_way_around_are_the_reference() -> None:
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((20,)), "w1": nd.Linear(levels(4, 30, 20)), "a": if_(30),
        "w2": nd.Linear(levels(5, 10, 30)), "b": if_(10, 1.6), "out": nd.Output((10,)),
        "wait": nd.Delay(np.array(DT * (np.arange(30) % 5))), "w3": nd.Linear(levels(6, 10, 30)),
    }  # fmt: skip
    edges = [("in", "w1"), ("w1", "a"), ("a", "w2"), ("w2", "b"), ("b", "out")]
    edges += [("a", "wait"), ("wait", "w3"), ("w3", "b")]
    net = network(nodes, edges)
    program = compile(net, CHIP)
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(20))


def test_dendritic_delays_take_axons_of_their_own() -> None:
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((20,)), "w1": nd.Linear(levels(4, 30, 20)), "a": if_(30),
        "w2": nd.Linear(levels(5, 10, 30)), "wait": nd.Delay(np.array(DT * (np.arange(10) % 3))),
        "b": if_(10, 1.6), "out": nd.Output((10,)),
    }  # fmt: skip
    net = network(nodes)
    program = compile(net, CHIP)
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(20))


def test_an_output_that_feeds_on_has_a_way_out_of_its_own() -> None:
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((5,)), "w1": nd.Linear(np.eye(5)), "a": if_(5, 0.5), "seen": nd.Output((5,)),
        "w2": nd.Linear(np.ones((1, 5))), "b": if_(1), "out": nd.Output((1,)),
    }  # fmt: skip
    edges = [("in", "w1"), ("w1", "a"), ("a", "seen"), ("a", "w2"), ("w2", "b"), ("b", "out")]
    net = network(nodes, edges)
    program = compile(net, CHIP)
    assert "2 axons per neuron" in "\n".join(program.notes)
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(5))


def test_a_neuron_of_one_axon_needs_no_splitter() -> None:
    net = network(
        {
            "in": nd.Input((5,)), "w1": nd.Linear(np.eye(5)), "a": if_(5, 0.5),
            "w2": nd.Linear(np.ones((1, 5))), "b": if_(1), "out": nd.Output((1,)),
        }
    )  # fmt: skip
    program = compile(net, CHIP)
    assert [p.name for p in program.populations] == ["in", "a", "b"]
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(5))


def test_more_axons_than_a_core_has_neurons_take_two_stages() -> None:
    net = network(
        {
            "in": nd.Input((2,)), "w1": nd.Linear(np.eye(2)), "a": if_(2, 0.5),
            "w2": nd.Linear(levels(7, 300, 2, top=1)), "b": if_(300, 0.4), "out": nd.Output((300,)),
        }
    )  # fmt: skip
    program = compile(net, CHIP, options=Options(neurons_per_core=1))
    assert {"a/split1", "a/split2"} < {p.name for p in program.populations}
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(2))


def test_feedback_through_a_splitter_arrives_later_and_says_so() -> None:
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((6,)), "w1": nd.Linear(levels(8, 7, 6)), "a": if_(7),
        "back": nd.Linear(levels(9, 7, 7) - 1), "w2": nd.Linear(levels(10, 4, 7)), "b": if_(4),
        "out": nd.Output((4,)),
    }  # fmt: skip
    edges = [("in", "w1"), ("w1", "a"), ("a", "back"), ("back", "a")]
    edges += [("a", "w2"), ("w2", "b"), ("b", "out")]
    program = compile(network(nodes, edges), CHIP)
    assert_is_a_crossbar(program)
    assert any("arrives 1 step(s) later" in note for note in program.notes)


# ------------------------------------------------------------------------------ approximate
def test_digits_keep_most_of_their_accuracy() -> None:
    """Measured: 97.8 % with up to nine levels, 86.4 % with ternary weights; 98.3 % in float."""
    pixels, labels = images("test")
    x = regular(pixels, 8)
    net = zoo.load("digits")
    found = {}
    for bits in (None, 2):
        program = compile(net, CHIP, options=Options(approximate=True, bits=bits))
        assert_is_a_crossbar(program)
        assert sum(c.place is not None for c in program.cores) == 5
        result = program.run(x)
        found[bits] = accuracy(spike_count(result.outputs["output"]), labels)
        assert sum("exponential leak" in note for note in program.notes) == 3
        assert sum("relative rms error" in note for note in program.notes) == 3
    assert found[None] >= 0.97
    assert 0.8 <= found[2] <= found[None]


def test_the_constant_leak_equals_the_exponential_one_at_half_the_threshold() -> None:
    one = np.ones(3)
    lif = nd.LIF(8e-3 * one, 8 * one, 0 * one, 2 * one, 0 * one)
    net = network({"in": nd.Input((3,)), "w": nd.Linear(np.eye(3) / 2), "a": lif,
                   "out": nd.Output((3,))})  # fmt: skip
    program = compile(net, CHIP, options=Options(approximate=True))
    core = program.cores[1]
    per_volt = program.population("a").v_scale
    assert (core.params["leak"] == np.rint(-per_volt * 2 / 2 / 8)).all()
    assert core.params["reversal"].all()


@pytest.mark.parametrize(("bits", "top"), [(2, 3), (3, 7), (None, 9), (8, 9)])
def test_bits_bound_the_levels(bits: int | None, top: int) -> None:
    program = compile(dense(), CHIP, options=Options(bits=bits))
    assert all(f"{top} levels" in n for n in program.notes if "levels" in n)


def test_a_weight_scale_is_not_used_and_that_is_said() -> None:
    program = compile(dense(), CHIP, options=Options(weight_scale={"a": 10.0}))
    assert sum("weight_scale is not used" in n for n in program.notes) == 1


# ------------------------------------------------------------------------------ refused
def refusal(code: str, *inner: nd.Node, n: int = 4, **options: Any) -> str:
    """Return the message with which input - inner - output is refused, and check its code."""
    nodes = {f"n{i}": node for i, node in enumerate(inner)}
    last = 1 if isinstance(inner[0], nd.Linear) else n
    net = network({"in": nd.Input((n,)), **nodes, "out": nd.Output((last,))})
    with pytest.raises(UnsupportedNode) as caught:
        compile(net, CHIP, options=Options(**options))
    assert caught.value.code == code
    return str(caught.value)


def lif(n: int, v_leak: float = 0.0) -> nd.LIF:
    one = np.ones(n)
    return nd.LIF(8e-3 * one, one, v_leak * one, one, 0 * one)


def test_exponential_leak_is_refused_with_the_way_to_allow_it() -> None:
    text = refusal("E0244", lif(4))
    for part in ("n0", "4 neurons", "0.875", "IF", "approximate=True"):
        assert part in text


def test_too_many_inputs_are_refused_with_their_number() -> None:
    text = refusal("E0245", nd.Linear(np.ones((1, 300))), if_(1), n=300)
    for part in ("n1", "300 inputs", "256", "128", "pruning"):
        assert part in text


def test_a_neuron_of_256_inputs_has_a_core_for_itself() -> None:
    w = np.random.default_rng(0).choice([-1.0, 1.0], (3, 256))
    net = network({"in": nd.Input((256,)), "w": nd.Linear(w), "a": if_(3), "out": nd.Output((3,))})
    program = compile(net, CHIP)
    assert sum(c.population == "a" for c in program.cores) == 3
    assert_is_a_crossbar(program)
    assert_is_the_reference(net, program, spikes(256))


def test_potentials_cannot_leave_the_chip() -> None:
    text = refusal("E0246", nd.I(np.ones(4)))
    for part in ("n0", "potential", "threshold"):
        assert part in text


def test_a_bias_far_above_the_weights_is_refused() -> None:
    text = refusal("E0247", nd.Affine(np.eye(4) / 1000, np.ones(4)), if_(4))
    for part in ("n1", "4 neurons", "255 unit weights", "larger weights"):
        assert part in text


def test_a_leak_and_a_drive_above_threshold_are_refused() -> None:
    text = refusal("E0248", lif(4, v_leak=1.5), approximate=True)
    for part in ("n0", "4 neurons", "rest above their threshold", "IF"):
        assert part in text


def test_synaptic_currents_are_refused() -> None:
    one = np.ones(4)
    assert "lif" in refusal("E0226", nd.CubaLIF(one, one, one, 0 * one, one, 0 * one, one))


# ------------------------------------------------------------------------------ time and energy
NEURONS, SYNAPSES = 1_048_576, 128


def measured() -> dict[str, float]:
    return {m.name: m.value for m in published(CHIP)}


def test_the_line_goes_through_three_published_networks() -> None:
    facts, rates = chip(CHIP).facts, np.array([11.58, 20.07, 95.93])
    assert int(facts["cores_per_chip"]) * int(facts["neurons"]) == NEURONS
    watts = np.array([measured()[f"recurrent network, {hz} Hz"] for hz in rates])
    operations = rates * NEURONS * SYNAPSES
    price, static = np.polyfit(operations, watts, 1)
    assert float(facts["line_operation_energy"]) == pytest.approx(price, rel=2e-3)
    assert float(facts["line_power"]) == pytest.approx(static, rel=2e-3)
    slopes = np.diff(watts) / np.diff(operations)
    bounds = facts["line_operation_energy"].quantity()
    assert [bounds.low, bounds.high] == pytest.approx(sorted(slopes), rel=5e-3)
    assert facts["energy_per_operation"].high == pytest.approx(watts[0] / operations[0], rel=5e-3)


def test_at_the_point_of_26_picojoules_the_line_gives_them() -> None:
    """20 Hz and 128 active synapses: 2.68 G operations per second, 70 to 72 mW, 26 pJ each."""
    facts = chip(CHIP).facts
    operations = NEURONS * 20 * SYNAPSES
    each = float(facts["energy_per_operation"])
    assert operations * each == pytest.approx(70e-3, rel=0.01)
    watts = float(facts["line_power"]) + operations * float(facts["line_operation_energy"])
    assert watts / operations == pytest.approx(each, rel=0.02)
    assert watts == pytest.approx(measured()["typical network, 0.775 V"], rel=0.03)


def test_a_run_takes_its_ticks_and_pays_for_its_operations_and_nothing_else() -> None:
    program = compile(dense(), CHIP)
    result = program.run(spikes(20))
    seconds = (30 + program.max_lag) * 1e-3
    assert result.latency.value == pytest.approx(seconds)
    events = result.counts.mean("synaptic_events")
    assert events > 0
    paid = result.energy.by("operation")
    assert paid["static"] == 0
    assert paid["synaptic operations"] == pytest.approx(26e-12 * events)
    assert result.energy.assumed_share == 0
    line = result.assuming(energy_per_operation=2.28e-12, static_power=64.6e-3).energy
    assert line.value == pytest.approx(64.6e-3 * seconds + 2.28e-12 * events)


def test_hops_go_along_the_mesh_and_over_the_edges_of_chips() -> None:
    rules, facts = chip(CHIP).rules, chip(CHIP).facts
    places = rules.places(facts)
    assert len(set(places)) == len(places) == 4096
    assert rules.hops((0, 0, 0), (0, 0, 63), facts) == 63
    assert rules.hops((0, 0, 1), (0, 0, 64), facts) == 2
    assert rules.hops((0, 0, 63), (1, 0, 0), facts) == 1
    assert rules.hops((1, 1, 0), (0, 0, 4095), facts) == 2
    assert rules.hops((3, 3, 4095), (0, 0, 0), facts) == 2 * 255


def test_it_is_an_ordinary_chip() -> None:
    assert CHIP in mossy.chips()
    assert len(published(CHIP)) == 13
