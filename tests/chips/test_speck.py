"""Speck: what a layer becomes, what is refused, and networks that run on it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mossy
from examples import nmnist
from mossy import zoo
from mossy.chips import chip
from mossy.chips.published import published
from mossy.errors import DoesNotFit, MossyError, UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes import Options, compile
from mossy.program import CoreImage, Program
from mossy.signals.decode import accuracy, spike_count
from tests import data

DT = 1e-3
Nodes = dict[str, nd.Node]


def neurons(shape: int | tuple[int, ...], threshold: Any = 1.0, r: Any = 1.0, v_reset: Any = 0.0):  # type: ignore[no-untyped-def]
    one = np.ones(shape)
    return nd.IF(one * r, one * threshold, one * v_reset)


def net(nodes: Nodes, edges: list[tuple[str, str]] | None = None, reset: nd.Reset = "subtract"):  # type: ignore[no-untyped-def]
    return build(nodes, edges or list(pairwise(nodes)), DT, reset=reset)


def dense(weight: Any, cell: nd.Node | None = None, bias: Any = 0.0) -> Nodes:
    w = np.array(weight, float)
    return {
        "input": nd.Input((w.shape[1],)),
        "fc": nd.Affine(w, np.broadcast_to(np.array(bias, float), len(w)).copy()),
        "cell": cell or neurons(len(w)),
        "output": nd.Output((len(w),)),
    }


def core_of(program: Program, name: str = "cell") -> CoreImage:
    (core,) = (c for c in program.cores if c.population == name)
    return core


def refused(nodes: Nodes, edges: list[tuple[str, str]] | None = None, **options: Any) -> str:
    with pytest.raises(MossyError) as found:
        compile(net(nodes, edges), "speck", options=Options(**options))
    error = found.value
    assert isinstance(error, UnsupportedNode | DoesNotFit)
    assert error.where and error.hint
    return str(error)


# ---------------------------------------------------------------------------------- numbers


def test_weights_bias_and_threshold_share_one_scale() -> None:
    core = core_of(compile(net(dense([[0.5, -1.0], [0.25, 0.0]], neurons(2, 3.0), 0.125)), "speck"))
    # -1 becomes -128, so 128 units each
    assert core.kernels[0].weight[:, :, 0, 0].tolist() == [[64, -128], [32, 0]]
    assert core.params["threshold"].tolist() == [384, 384]
    assert core.params["bias"].tolist() == [16, 16]
    assert core.params["v_min"].tolist() == [-32768] * 2


@pytest.mark.parametrize(
    ("weight", "bias", "threshold", "units"),
    [
        ([[1.0]], 0.0, 1.0, 127.0),  # a positive end takes 127
        ([[-1.0, 0.5]], 0.0, 1.0, 128.0),  # a negative one 128
        ([[0.5]], 2.0, 1.0, 63.5),  # the bias is larger
        ([[0.001]], 0.0, 1.0, 32767.0),  # the threshold has 16 bits
    ],
)
def test_the_scale_is_what_just_fits(
    weight: list[list[float]], bias: float, threshold: float, units: float
) -> None:
    program = compile(net(dense(weight, neurons(1, threshold), bias)), "speck")
    assert program.population("cell").v_scale[0] == pytest.approx(units, rel=1e-6)


def test_half_rounds_to_even() -> None:
    weight = [[127.0, 0.5, 1.5, 2.5, -0.5, -1.5]]
    core = core_of(compile(net(dense(weight, neurons(1, 300.0))), "speck"))
    assert core.kernels[0].weight.ravel().tolist() == [127, 0, 2, 2, 0, -2]


def test_channels_with_thresholds_of_their_own_scale_their_kernels() -> None:
    """A core has one threshold: a channel with half of it gets twice the weights."""
    program = compile(net(dense([[0.5], [0.5], [0.5]], neurons(3, [2.0, 1.0, 2.0]), 0.25)), "speck")
    core = core_of(program)
    assert core.kernels[0].weight.ravel().tolist() == [64, 127, 64]
    assert core.params["threshold"].tolist() == [254] * 3
    assert core.params["bias"].tolist() == [32, 64, 32]
    assert program.population("cell").v_scale == pytest.approx([127, 254, 127])
    gains = compile(net(dense([[0.5], [0.5]], neurons(2, 1.0, [1.0, 2.0]))), "speck")
    assert core_of(gains).kernels[0].weight.ravel().tolist() == [64, 127]


def test_v_reset_is_the_zero_of_the_register() -> None:
    nodes = dense([[1.0]], neurons(1, 1.0, v_reset=-1.0))
    program = compile(net(nodes, reset="node"), "speck")
    core, x = core_of(program), np.array([1, 1, 1, 1], np.uint8)[None, :, None]
    assert (core.state["v"][0], core.params["threshold"][0]) == (127, 254)
    run = program.run(x, order="frame", states=("cell",))
    # 0 + 1 reaches 1: a spike, -1; then 0, 1: a spike, and -1 again
    assert run.outputs["output"].ravel().tolist() == [1, 0, 1, 0]
    assert run.states["cell"]["v"].ravel().tolist() == [0, 127, 0, 127]


def test_fewer_bits_and_a_given_scale() -> None:
    network = net(dense([[1.0, -0.4]]))
    few = core_of(compile(network, "speck", options=Options(bits=3)))
    assert few.kernels[0].weight.ravel().tolist() == [3, -1]
    given = core_of(compile(network, "speck", options=Options(weight_scale={"cell": 200.0})))
    assert given.kernels[0].weight.ravel().tolist() == [127, -80]
    assert given.params["threshold"][0] == 200


def test_calibration_may_clip_weights() -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(0, 0.1, (10, 20))
    w[0, 0] = 3.0
    x = (rng.random((4, 30, 20)) < 0.3).astype(np.uint8)
    x[:, :, 0] = 0  # the large weight is never used
    network = net(dense(w, neurons(10, 2.0)))
    plain, tuned = compile(network, "speck"), compile(network, "speck", calibration=x)
    assert tuned.population("cell").v_scale[0] > 1.5 * plain.population("cell").v_scale[0]
    assert core_of(tuned).kernels[0].weight.max() == 127


# ---------------------------------------------------------------------------------- leak


def test_an_exponential_leak_is_refused_or_made_constant() -> None:
    """Decay 3/4 and gain 1: at half the threshold of 2, a step loses 1/4."""
    cell = nd.LIF(*(np.array([k * 1.0]) for k in (4 * DT, 4.0, 0.0, 2.0, 0.0)))
    nodes = dense([[1.0]], cell)
    text = refused(nodes)
    assert "[E0239] cell: the chip has no exponential leak" in text
    assert "got decay 0.75 per step; allowed: 1" in text and "approximate=True" in text
    program = compile(net(nodes), "speck", options=Options(approximate=True))
    core = core_of(program)
    assert core.params[0].tolist() == (-32, 254, 0, -254)  # bias, threshold, v_reset, v_min
    assert any("constant leak of 0.125 thresholds per step" in note for note in program.notes)
    x = np.array([1] + 12 * [0], np.uint8)[None, :, None]
    v = program.run(x, order="frame", states=("cell",)).states["cell"]["v"].ravel()
    assert v.tolist() == [95, 63, 31, -1, -33, -65, -97, -129, -161, -193, -225, -254, -254]


def test_digits_keep_their_accuracy_with_a_constant_leak() -> None:
    """98.3 % in float. In frames nothing is lost; event by event it takes 10 of 360 images more."""
    entry = zoo.load("digits")
    x, y = zoo.data("digits", "test")
    program = compile(entry, "speck", options=Options(approximate=True))
    for order, least in (("frame", 0.98), ("event", 0.95)):
        out = program.run(x, order=order).outputs["output"]
        assert accuracy(spike_count(out), y) >= least, order


# ---------------------------------------------------------------------------------- layers


def conv(shape: tuple[int, int, int], *weight: int, **form: Any) -> Nodes:
    rng = np.random.default_rng(1)
    layer = nd.Conv2d(rng.normal(0.1, 0.3, weight), np.zeros(weight[0]), **form)
    nodes: Nodes = {"input": nd.Input(shape), "conv": layer}
    known = build({**nodes, "output": nd.Output(_out(shape, weight, form))}, _chain(nodes), DT)
    out = known.shapes["conv"][1]
    return {**nodes, "cell": neurons(out), "output": nd.Output(out)}


def _chain(nodes: Nodes) -> list[tuple[str, str]]:
    return list(pairwise([*nodes, "output"]))


def _out(shape: Any, weight: Any, form: Any) -> tuple[int, int, int]:
    stride, padding = form.get("stride", (1, 1)), form.get("padding", (0, 0))
    y, x = ((shape[i + 1] + 2 * padding[i] - weight[i + 2]) // stride[i] + 1 for i in (0, 1))
    return weight[0], y, x


@pytest.mark.parametrize(
    ("nodes", "what", "allowed"),
    [
        (conv((1, 9, 9), 1, 1, 3, 2), "the kernel is not square; got (3, 2)", "square"),
        (conv((1, 20, 20), 1, 1, 17, 17), "the kernel is too large; got (17, 17)", "16 x 16"),
        (conv((1, 9, 9), 1, 1, 3, 3, stride=(3, 3)), "no such stride", "(1, 2, 4, 8)"),
        (conv((1, 9, 9), 1, 1, 3, 3, padding=(8, 0)), "no such padding", "0 to 7"),
        (conv((1, 130, 20), 1, 1, 3, 3, stride=(8, 8)), "the input map is too large", "128 x 128"),
        (conv((1, 70, 70), 1, 1, 3, 3), "the output map is too large; got (68, 68)", "64 x 64"),
        (conv((1, 2, 2), 1025, 1, 1, 1), "too many channels", "1024"),
    ],
)
def test_a_convolution_beyond_a_core_is_e0240(nodes: Nodes, what: str, allowed: str) -> None:
    text = refused(nodes)
    assert "[E0240] cell: " in text and what in text and f"allowed: {allowed}" in text


def pooled(pool: int) -> Nodes:
    first = conv((1, 12, 12), 2, 1, 3, 3, padding=(1, 1))
    side = 12 // pool
    return {
        **{k: v for k, v in first.items() if k != "output"},
        "pool": nd.SumPool2d((pool, pool), (pool, pool)),
        "flat": nd.Flatten(),
        "fc": nd.Linear(np.random.default_rng(2).normal(0, 1, (5, 2 * side * side))),
        "last": neurons(5),
        "output": nd.Output((5,)),
    }


@pytest.mark.parametrize(("pool", "found"), [(2, 2), (4, 4), (1, 1)])
def test_a_pool_before_a_dense_layer_is_done_by_the_sender(pool: int, found: int) -> None:
    """The dense matrix is over the whole map; its equal windows give the pool away again."""
    program = compile(net(pooled(pool)), "speck")
    kernel = core_of(program, "last").kernels[0]
    assert kernel.pool == (found, found)
    assert kernel.weight.shape == (5, 2, 12 // pool, 12 // pool)
    assert (
        dict((b.name, b.size) for b in core_of(program, "last").memory)["weights"]
        == {
            1: 2 << (8 + 3),  # 144 taps need 8 bits, 5 channels 3
            2: 2 << (6 + 3),
            4: 2 << (4 + 3),
        }[pool]
    )


def test_a_pool_the_chip_lacks_makes_a_larger_kernel_or_is_refused() -> None:
    kernel = core_of(compile(net(pooled(3)), "speck"), "last").kernels[0]
    assert kernel.pool == (1, 1) and kernel.weight.shape[2:] == (12, 12)
    nodes = {k: v for k, v in pooled(3).items() if k not in ("flat", "fc", "last", "output")}
    behind: Nodes = {
        "conv2": nd.Conv2d(np.ones((1, 2, 2, 2)), np.zeros(1)),
        "last": neurons((1, 3, 3)),
        "output": nd.Output((1, 3, 3)),
    }
    text = refused(nodes | behind)
    assert "[E0240] last: no such sum pool; got (3, 3); allowed: (1, 2, 4), square" in text


def test_a_dense_layer_on_a_map_that_is_no_square_is_e0240() -> None:
    nodes: Nodes = {
        "input": nd.Input((1, 3, 4)),
        "flat": nd.Flatten(),
        "fc": nd.Linear(np.arange(24.0).reshape(2, 12)),
        "cell": neurons(2),
        "output": nd.Output((2,)),
    }
    assert "reads a map that is not square; got 3 x 4" in refused(nodes)


def test_two_layers_end_in_one_only_through_like_convolutions() -> None:
    nodes: Nodes = {
        "input": nd.Input((1, 6, 6)),
        "conv1": nd.Conv2d(np.ones((1, 1, 1, 1)), np.zeros(1)),
        "a": neurons((1, 6, 6)),
        "conv2": nd.Conv2d(np.full((1, 1, 3, 3), 0.3), np.zeros(1), padding=(1, 1)),
        "cell": neurons((1, 6, 6)),
        "output": nd.Output((1, 6, 6)),
        "aside": nd.Conv2d(np.full((1, 1, 3, 3), -0.5), np.zeros(1), padding=(1, 1)),
    }
    chain = ["input", "conv1", "a", "conv2", "cell", "output"]
    edges = [*pairwise(chain), ("input", "aside"), ("aside", "cell")]
    core = core_of(compile(net(nodes, edges), "speck"))
    found = [np.unique(k.weight).tolist() for k in core.kernels]
    assert sorted(found) == [[-128], [77]]  # one scale, set by the larger one
    assert dict((b.name, b.size) for b in core.memory)["weights"] == 2 << 4
    nodes["aside"] = nd.Conv2d(np.full((1, 1, 1, 1), -0.5), np.zeros(1))
    text = refused(nodes, edges)
    assert "[E0240] cell: two layers end here through convolutions of different form" in text


def chain_of(n: int) -> tuple[Nodes, list[tuple[str, str]]]:
    nodes: Nodes = {"input": nd.Input((2,))}
    for i in range(n):
        nodes |= {f"fc{i}": nd.Linear(np.eye(2)), f"if{i}": neurons(2)}
    nodes["output"] = nd.Output((2,))
    return nodes, list(pairwise(nodes))


def test_loops_delays_and_wide_fan_out_are_e0238() -> None:
    nodes, edges = chain_of(2)
    looped = nodes | {"back": nd.Linear(np.eye(2))}
    text = refused(looped, [*edges, ("if1", "back"), ("back", "if0")])
    assert "[E0238] if0: a layer feeds itself or one before it" in text
    late: Nodes = {k: v for k, v in nodes.items() if k != "output"}
    late = (
        {"input": nodes["input"], "wait": nd.Delay(np.full(2, 3 * DT))}
        | late
        | {"output": nodes["output"]}
    )
    order = ["input", "wait", *[k for k in late if k not in ("input", "wait")]]
    text = refused(late, list(pairwise(order)))
    assert "[E0238] if0: a delay between layers" in text and "got 3 steps" in text
    twice = nodes | {"too": nd.Linear(np.eye(2))}
    text = refused(twice, [*edges, ("if0", "too"), ("too", "if1")])
    assert "[E0238] if1: two paths lead from one layer to another" in text
    fan = dict(nodes)
    wide = [*edges]
    for k in ("x", "y"):
        fan |= {f"fc_{k}": nd.Linear(np.eye(2)), f"if_{k}": neurons(2)}
        fan |= {f"to_{k}": nd.Linear(np.eye(2))}
        wide += [("if0", f"fc_{k}"), (f"fc_{k}", f"if_{k}"), (f"if_{k}", f"to_{k}")]
        wide += [(f"to_{k}", "if1")]
    text = refused(fan, wide)
    assert "[E0238] if0: a layer sends to too many others; got 3 layers; allowed: 2" in text


def test_registers_the_core_lacks_are_e0241() -> None:
    potential = {k: v for k, v in dense([[1.0]]).items() if k != "cell"}
    assert "a potential is to be read out" in refused(potential)
    low = refused(dense([[1.0]], neurons(1, 0.0)))
    assert "[E0241] cell: a threshold is not above the potential" in low
    tiny = refused(dense([[1.0]], neurons(1, 1e-3)))
    assert "the threshold does not fit its register" in tiny and "got 0" in tiny
    large = refused(dense([[1.0]]), weight_scale={"cell": 4e4})
    assert "got 40000" in large and "allowed: 1 to 32767" in large
    spread = conv((1, 4, 4), 1, 1, 1, 1)
    spread["cell"] = neurons((1, 4, 4), np.linspace(1, 2, 16).reshape(1, 4, 4))
    assert "neurons of one channel differ in threshold over gain" in refused(spread)


# ---------------------------------------------------------------------------------- cores


def test_nine_layers_fit_and_ten_do_not() -> None:
    with pytest.raises(DoesNotFit, match="needs 1 more cores") as ten:
        compile(net(*chain_of(10)), "speck")
    assert "got 10 layers; allowed: 9 cores" in str(ten.value)
    assert len(compile(net(*chain_of(9)), "speck").cores) == 10


def test_a_population_is_not_cut() -> None:
    nodes = conv((1, 64, 64), 32, 1, 3, 3, padding=(1, 1))
    text = refused(nodes)
    assert "[E0301]" in text and "cannot be cut" in text and "got 131072; allowed: 65536" in text


# ---------------------------------------------------------------------------------- runs


def test_time_is_the_recording_and_energy_the_resting_power() -> None:
    program = compile(net(dense([[0.5, 0.25]])), "speck")
    x = np.ones((2, 50, 2), np.uint8)
    result = program.run(x)
    assert result.latency.value == pytest.approx(50 * DT)
    assert result.energy.value == pytest.approx(50 * DT * 0.42e-3)
    assert [u.fact for u in result.energy.unpriced] == ["synaptic_event_energy"]
    events = result.counts.mean("synaptic_events")
    priced = result.assuming(synaptic_event_energy=30e-12).energy
    assert priced.value == pytest.approx(50 * DT * 0.42e-3 + 30e-12 * events)
    assert priced.assumed_share > 0


def test_weights_above_the_threshold_and_many_outputs_are_noted() -> None:
    notes = compile(net(dense(np.full((16, 1), 2.5))), "speck").notes
    assert any("2.5 thresholds" in n and "keeps the rest" in n for n in notes)
    assert any("16 neurons, more than the 15 classes" in n for n in notes)
    assert not compile(net(dense(np.full((15, 1), 0.5))), "speck").notes


def test_published_rows() -> None:
    rows = {m.name: m for m in published("speck")}
    assert rows["input to output"].value / 9 == pytest.approx(rows["per layer"].value, rel=1e-3)
    assert float(chip("speck").facts["resting_power"]) == rows["resting power"].value


def recordings(most: int) -> tuple[nd.Network, NDArray[np.uint8], NDArray[np.int64]]:
    file = data.require("nir-vectors") / "paper" / "02_cnn" / "cnn_sinabs.nir"
    folder, labels = data.require("nmnist-small"), data.path("nmnist-small/test100.txt")
    assert labels is not None
    return mossy.load(file, dt=nmnist.DT), *nmnist.recordings(folder, labels, most)


def test_nmnist_runs_event_by_event() -> None:
    network, x, y = recordings(3)
    program = compile(network, "speck")
    assert len(program.cores) == 6 and len({c.place for c in program.cores}) == 6
    result = program.run(x)
    assert accuracy(spike_count(result.outputs["output"]), y) == 1
    a, b = (program.run(x[:1, :8], engine=e, record=("*",)) for e in ("fast", "reference"))
    for name in a.spikes:
        np.testing.assert_array_equal(a.spikes[name], b.spikes[name])


@pytest.mark.slow
def test_a_hundred_recordings_are_told_apart() -> None:
    network, x, y = recordings(100)
    program = compile(network, "speck")
    for order in ("event", "frame"):
        out = program.run(x, order=order).outputs["output"]
        assert accuracy(spike_count(out), y) >= 0.98, order
