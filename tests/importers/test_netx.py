"""NetX files: a trained network against its published fixed-point results, and made ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import mossy
from mossy import passes
from mossy.cli import app
from mossy.errors import BadInput, MossyError, UnsupportedNode
from mossy.importers import netx
from mossy.importers.file import load
from mossy.network import cells
from mossy.network import nodes as nd
from mossy.network.graph import build, feedback_edges
from mossy.network.reference import run
from mossy.passes.lower import lower
from mossy.signals import encode
from tests import data

DT = 1e-3
VECTORS = "lava-sdnn-vectors"
FRACTION = 64 * 64  # the registers of the published results have 12 fraction bits


def write(path: Path, *layers: dict[str, Any], **more: Any) -> Path:
    """Write layers as lava-dl does: types as arrays of one string, neuron types as strings."""
    with h5py.File(path, "w") as f:
        for i, layer in enumerate(layers):
            for key, value in layer.items():
                if key == "type":
                    f.create_dataset(f"layer/{i}/type", (1,), "S10", [value.encode()])
                elif isinstance(value, dict):
                    for k, v in value.items():
                        f[f"layer/{i}/{key}/{k}"] = v
                else:
                    f[f"layer/{i}/{key}"] = value
        for key, value in more.items():
            f[key] = value
    return path


def sdnn(threshold: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": "SDNN", "activation": "relu", "vThMant": threshold, **more}


def cuba(**more: Any) -> dict[str, Any]:
    return {"type": "CUBA", "iDecay": 1024, "vDecay": 2048, "vThMant": 40, "refDelay": 1,
            "gradedSpike": False} | more  # fmt: skip


def image(neuron: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "input", "shape": [2, 3, 4], "neuron": neuron or sdnn(2)}


def flat(n: int) -> dict[str, Any]:
    return {"type": "input", "shape": [n]}


def dense(weight: Any, neuron: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    w = np.asarray(weight, np.float32)
    own = {"neuron": neuron} if neuron else {}
    return {"type": "dense", "shape": [len(w)], "inFeatures": w.shape[-1], "weight": w} | own | more


# ----------------------------------------------------------------------- published results
def as_published(net: nd.Network) -> nd.Network:
    """Every layer one step behind the one before, as the published run has it."""
    nodes, edges = dict(net.nodes), []
    for a, b in net.edges:
        if isinstance(nodes[b], nd.Conv2d | nd.Linear):
            nodes[f"{b}.wait"] = nd.Delay(np.array(net.dt))
            edges += [(a, f"{b}.wait"), (f"{b}.wait", b)]
        else:
            edges.append((a, b))
    return build(nodes, edges, net.dt)


def standing(folder: Path, width: int) -> NDArray[np.float64]:
    """The published input, (x, y, c, 1), standing still for 20 steps, as changes."""
    frame = np.load(folder / "input.npy").transpose(3, 2, 1, 0)[None, :, :, :, :width]
    return encode.delta(np.repeat(frame, 20, axis=1), 0)


@pytest.fixture
def cut_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent loses all but 6 fraction bits, as in the published arithmetic."""
    exact = cells.SigmaDeltas.step
    monkeypatch.setattr(
        cells.SigmaDeltas, "step", lambda self, x: np.floor(exact(self, x) * 64) / 64
    )


@pytest.mark.parametrize(
    ("file", "suffix", "width", "layers"),
    [("network.net", "", 100, (1, 2)), ("square_network.net", "_square", 33, (1, 2, 3, 4))],
)
@pytest.mark.usefixtures("cut_payloads")
def test_published_sums_to_the_last_bit(
    file: str, suffix: str, width: int, layers: tuple[int, ...]
) -> None:
    folder = data.require(VECTORS)
    net = as_published(load(folder / file, dt=DT))
    found = run(net, standing(folder, width), [f"layer{k}.v" for k in layers])
    for k in layers:
        want = np.load(folder / f"sigma{k}{suffix}.npy").transpose(3, 2, 1, 0) / FRACTION
        np.testing.assert_array_equal(found[f"layer{k}.v"][0], want)
        assert np.count_nonzero(want) > want.size / 2


@pytest.mark.usefixtures("cut_payloads")
def test_published_output_to_the_last_bit() -> None:
    folder = data.require(VECTORS)
    found = run(as_published(load(folder / "network.net", dt=DT)), standing(folder, 100))
    want = np.load(folder / "output.npy")[0] / FRACTION
    np.testing.assert_array_equal(found["output"][0, : len(want), 0], want)


def test_published_output_in_float_is_near() -> None:
    """Payloads that are not cut: each of them is off by less than 1/64, and they add up."""
    folder = data.require(VECTORS)
    found = run(as_published(load(folder / "network.net", dt=DT)), standing(folder, 100))
    want = np.load(folder / "output.npy")[0] / FRACTION
    np.testing.assert_allclose(found["output"][0, : len(want), 0], want, atol=0.1)
    assert np.abs(want).max() > 100


def test_the_processor_runs_the_published_network() -> None:
    folder = data.require(VECTORS)
    net = load(folder / "network.net", dt=DT)
    frame = np.load(folder / "input.npy").transpose(3, 2, 1, 0)[None]
    x = encode.delta(frame * np.array([0, 1, -1, 0.5, 0.25])[None, :, None, None, None], 2)
    program = passes.compile(net, "cpu")
    assert program.notes == (net.metadata["note"],)
    # float32 holds what float64 does but for rounding, which may tip a change over its threshold
    found, want = program.run(x).outputs["output"], run(net, x)["output"]
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-3)
    assert np.abs(want).min() > 1


def test_published_network_keeps_its_integers() -> None:
    folder = data.require(VECTORS)
    net = load(folder / "network.net", dt=DT)
    with h5py.File(folder / "network.net") as f:
        for i in (1, 2, 3, 4, 6, 7, 8, 9):
            layer, weight, node = (
                f[f"layer/{i}"],
                net.nodes[f"layer{i}.weight"],
                net.nodes[f"layer{i}"],
            )
            assert isinstance(weight, nd.Conv2d | nd.Linear)
            np.testing.assert_array_equal(weight.weight * 64, layer["weight"][()])
            if i < 9:
                assert isinstance(node, nd.SigmaDelta)
                bias = node.bias.reshape(len(layer["bias"]), -1)
                np.testing.assert_array_equal(bias.T, np.tile(layer["bias"], (bias.shape[1], 1)))
                assert (node.threshold == layer["neuron/vThMant"][()]).all()
    assert net.nodes["layer9"].__class__ is nd.I
    assert {p.model for p in lower(net).populations} == {"source", "sigma_delta", "lif"}


# ----------------------------------------------------------------------- made files
def test_convolution_flatten_dense(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.integers(-20, 21, (3, 2, 2, 3, 1)).astype(np.float32)  # a trailing axis of time
    last = rng.integers(-20, 21, (2, 12)).astype(np.float32)
    path = write(
        tmp_path / "a.net",
        image(),
        {"type": "conv", "shape": [3, 2, 2], "weight": kernel, "bias": [64.0, -64.0, 0.0],
         "stride": [2, 1], "padding": [1, 0], "dilation": [1, 1], "groups": 1, "neuron": sdnn(5)},
        {"type": "flatten", "shape": [12, 1, 1]},
        dense(last, sdnn(3, sigma_output=True)),
        simulation=1,
    )  # fmt: skip
    net = mossy.load(path, dt=DT)
    assert net.shapes["layer1"] == ((3, 2, 2), (3, 2, 2)) and net.shapes["output"][0] == (2,)
    conv, own = net.nodes["layer1.weight"], net.nodes["layer1"]
    assert isinstance(conv, nd.Conv2d) and (conv.stride, conv.padding) == ((2, 1), (1, 0))
    assert isinstance(own, nd.SigmaDelta) and own.bias[:, 0, 0].tolist() == [64, -64, 0]
    x = rng.integers(-64, 65, (1, 1, 2, 3, 4)).astype(float)
    padded = np.pad(x[0, 0], ((0, 0), (1, 1), (0, 0)))
    a = np.empty((3, 2, 2))
    for c, i, j in np.ndindex(3, 2, 2):
        a[c, i, j] = (kernel[c, ..., 0] * padded[:, 2 * i : 2 * i + 2, j : j + 3]).sum() / 64
    a = np.maximum(a + np.array([64, -64, 0])[:, None, None], 0)
    want = last / 64 @ np.where(np.abs(a) >= 5, a, 0).ravel()
    np.testing.assert_allclose(run(net, x)["output"][0, 0], want, rtol=1e-12)


def cuba_by_hand(x: Any, w: Any, bias: Any, i_decay: int, v_decay: int, th: float) -> list[Any]:
    u, v, out = np.zeros(len(w)), np.zeros(len(w)), []
    for row in x:
        u = u * (1 - i_decay / 4096) + w @ row
        v = v * (1 - v_decay / 4096) + u + bias
        out.append((v > th).astype(float).tolist())
        v = np.where(v > th, 0, v)
    return out


@pytest.mark.parametrize(
    ("i_decay", "v_decay", "kind"),
    [(1024, 2048, nd.CubaLIF), (4096, 512, nd.LIF), (4096, 4096, nd.LIF), (0, 1024, nd.CubaLIF),
     (1024, 0, nd.CubaLIF), (4096, 0, nd.LIF)],
)  # fmt: skip
def test_current_based_neurons(tmp_path: Path, i_decay: int, v_decay: int, kind: type) -> None:
    rng = np.random.default_rng(i_decay + v_decay)
    weight, bias = rng.integers(-40, 60, (5, 4)), rng.integers(-20, 30, 5)
    neuron = cuba(iDecay=i_decay, vDecay=v_decay, type="LOIHI", wgtExp=0, theta=1600, tauRho=0.5)
    net = load(write(tmp_path / "c.net", dense(weight, neuron, bias=bias)), dt=DT)
    assert isinstance(net.nodes["layer0"], kind)
    x = (rng.random((1, 30, 4)) < 0.4) * 1.0
    want = cuba_by_hand(x[0], weight / 64, bias / 64, i_decay, v_decay, 40 / 64)
    assert run(net, x)["output"][0].tolist() == want
    assert 10 < np.sum(want) < 140


def test_without_any_decay_it_integrates_and_a_large_threshold_only_reads(tmp_path: Path) -> None:
    still = cuba(iDecay=4096, vDecay=0)
    layers = [
        dense(np.full((3, 2), 40), still),
        dense(np.full((3, 3), 40), still | {"vThMant": 2**17 - 1}),
        dense(np.full((3, 3), 8), cuba(iDecay=4096, vThMant=2**18 - 1)),
        dense(np.full((3, 3), 8), cuba(vThMant=2**18 - 1)),
        dense(np.full((3, 3), 8)),
    ]
    net = load(write(tmp_path / "i.net", *layers), dt=DT)
    kinds = [type(net.nodes[f"layer{i}"]) for i in range(5)]
    assert kinds == [nd.IF, nd.I, nd.LI, nd.CubaLI, nd.I]


def test_an_input_with_neurons_is_scaled_into_them(tmp_path: Path) -> None:
    first = image(cuba(iDecay=4096, vDecay=1024, vThMant=80)) | {
        "weight": np.float32(32),
        "bias": [16.0],
    }
    net = load(write(tmp_path / "n.net", first, dense(np.ones((1, 24)))), dt=DT)
    neuron, x = net.nodes["layer0"], np.ones((1, 1, 2, 3, 4))
    assert isinstance(neuron, nd.LIF)
    # 1 * 32/64 + 16/64, without loss in the first step
    assert np.unique(run(net, x, ["layer0.v"])["layer0.v"]).tolist() == [0.75]


def test_delays_are_the_neurons_own_and_cut_as_the_formats_reader_does(tmp_path: Path) -> None:
    delay = np.array([0.0, 3.0, 64.0])
    path = write(
        tmp_path / "d.net",
        flat(1) | {"neuron": sdnn(1)},
        dense([[64], [64], [64]], sdnn(), delay=delay),
        dense([[64, 128, 192]], sdnn(0, sigma_output=True)),
    )
    net = load(path, dt=DT)
    held = net.nodes["layer1.delay"]
    assert isinstance(held, nd.Delay) and np.rint(held.delay / DT).tolist() == [0, 3, 62]
    assert net.metadata["note"] == (
        "inputs are changes: signals.encode.delta(x, 1); "
        "layer1: 1 delays of up to 64 steps are cut to 62"
    )
    x = np.zeros((1, 70, 1))
    x[0, 0] = 1
    out = run(net, x)["output"][0, :, 0]
    assert [out[t] for t in (0, 2, 3, 61, 62, 69)] == [1, 1, 3, 3, 6, 6]
    assert passes.compile(net, "cpu").run(x).outputs["output"][0, :, 0].tolist() == out.tolist()


def test_concat_joins_what_came_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a, b, c = (rng.integers(-9, 10, s) for s in ((3, 2), (4, 3), (2, 7)))
    for name, ids in (("listed", [2, 1]), ("others", [1])):
        path = write(
            tmp_path / f"{name}.net",
            flat(2),
            dense(a, sdnn()),
            dense(b, sdnn()),
            {"type": "concat", "shape": [7], "layers": ids},
            dense(c, sdnn(0, sigma_output=True)),
        )
        x = rng.integers(-64, 65, (1, 1, 2)) * 64.0
        first = np.maximum(a / 64 @ x[0, 0], 0)
        second = np.maximum(b / 64 @ first, 0)
        want = c / 64 @ np.concatenate([second, first])
        found = run(load(path, dt=DT), x)["output"][0, 0]
        np.testing.assert_allclose(found, want, rtol=1e-12, err_msg=name)


def test_concat_in_front_of_a_convolution(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    one, two = rng.integers(-9, 10, (3, 2, 1, 1)), rng.integers(-9, 10, (1, 5, 2, 2))
    path = write(
        tmp_path / "cc.net",
        image(),
        {"type": "conv", "shape": [3, 3, 4], "weight": one, "neuron": sdnn()},
        {"type": "concat", "shape": [5, 3, 4], "layers": [0]},
        {"type": "conv", "shape": [1, 2, 3], "weight": two, "neuron": sdnn()},
    )
    x = rng.integers(0, 65, (1, 1, 2, 3, 4)) * 64.0
    a = np.maximum(np.einsum("oi,iyx->oyx", one[..., 0, 0] / 64, x[0, 0]), 0)
    joined = np.concatenate([a, x[0, 0]])
    want = np.empty((1, 2, 3))
    for i, j in np.ndindex(2, 3):
        want[0, i, j] = max((two[0] / 64 * joined[:, i : i + 2, j : j + 2]).sum(), 0)
    np.testing.assert_allclose(run(load(path, dt=DT), x)["output"][0, 0], want, rtol=1e-12)


def test_average_takes_equal_groups_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "m.net", flat(2), dense(np.eye(6, 2) * 64, cuba(vThMant=0)),
                 {"type": "average", "shape": [3, 1, 1]})  # fmt: skip
    found = run(load(path, dt=DT), np.array([[[1.0, 1.0]]]))["output"][0, 0]
    assert found.tolist() == [1.0, 0.0, 0.0]


def test_recurrent_weights_come_back_a_step_later(tmp_path: Path) -> None:
    layer = dense([[64]], sdnn()) | {"type": "dense_rec", "weight_rec": [32.0]}
    net = load(write(tmp_path / "r.net", layer), dt=DT)
    assert feedback_edges(net) == {("layer0.recurrent", "layer0")}
    x = np.array([1.0, 0, 0])[None, :, None]
    assert run(net, x)["output"].ravel().tolist() == [1, 0.5, 0.25]


def test_groups_of_channels(tmp_path: Path) -> None:
    kernel = np.array([64.0, 128.0]).reshape(2, 1, 1, 1)
    layer = {"type": "conv", "shape": [2, 3, 4], "weight": kernel, "groups": 2, "neuron": sdnn()}
    net = load(write(tmp_path / "g.net", image(), layer), dt=DT)
    out = run(net, np.ones((1, 1, 2, 3, 4)))["output"][0, 0]
    assert (out[0] == 1).all() and (out[1] == 2).all()


# ----------------------------------------------------------------------- the doors
def test_the_command_line_runs_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "toy.net", flat(3) | {"neuron": sdnn(4)},
                 dense(np.full((2, 3), 64), sdnn(), bias=[1, -2]),
                 dense(np.eye(2) * 64, sdnn(0, sigma_output=True)))  # fmt: skip
    np.save(tmp_path / "x.npy", np.array([[[1.0, 0, 0], [0, 2.0, 0]]]))
    arguments = ["run", str(path), "--on", "cpu", "--data", str(tmp_path / "x.npy"), "--json"]
    done = CliRunner().invoke(app, [*arguments, "--dt", "1e-3"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["answers"] == [0]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2 and "[E0115] " in refused.stderr
    assert "NetX does not say its time step. Try: pass dt" in refused.stderr


@pytest.mark.parametrize("given", [{"integrator": "exponential"}, {"reset": "subtract"}])
def test_the_file_leaves_no_choice(tmp_path: Path, given: dict[str, Any]) -> None:
    path = write(tmp_path / "a.net", dense([[1]]))
    with pytest.raises(BadInput, match=r"\[E0102\] .*a.net: a NetX file leaves no choice of the"):
        load(path, dt=DT, **given)
    assert load(path, dt=DT, integrator="euler", reset="node").name == "a"


def test_the_note_says_what_the_input_layer_did_first(tmp_path: Path) -> None:
    first = flat(2) | {"neuron": sdnn(3), "weight": [32.0], "bias": [-4.0]}
    net = load(write(tmp_path / "w.net", first, dense([[1, 1]], sdnn())), dt=DT)
    note = "inputs are changes: signals.encode.delta(32 x + -4, 3)"
    assert net.metadata["note"] == note
    assert passes.compile(net, "cpu").notes == (note,)


def test_compared_side_by_side_numbers_in_and_changes_out(tmp_path: Path) -> None:
    path = write(tmp_path / "s.net", flat(2) | {"neuron": sdnn()}, dense(np.eye(2) * 64, sdnn()))
    x = encode.delta(np.array([[[1.0, 5.0], [7.5, 4.0]], [[2.0, 2.5], [1.0, 2.5]]]), 0)
    found = mossy.compare(load(path, dt=DT), x, np.array([0, 1]), on=["cpu"])
    # what was sent sums up to the last frame, and the larger of it is the answer
    assert (found.decode, found.accuracy_float, found.row("cpu").accuracy) == (
        "spike_count",
        1.0,
        1.0,
    )


def refusal(tmp_path: Path, *layers: dict[str, Any]) -> MossyError:
    with pytest.raises((BadInput, UnsupportedNode)) as error:
        netx.load(write(tmp_path / "bad.net", *layers), dt=DT)
    assert str(tmp_path / "bad.net") in str(error.value)
    return error.value


def conv(**more: Any) -> dict[str, Any]:
    kernel = np.ones((1, 2, 2, 2))
    return {"type": "conv", "shape": [1, 2, 3], "weight": kernel, "neuron": sdnn()} | more


NO_TYPE = {"shape": [2]}
WRONG: list[tuple[list[dict[str, Any]], str]] = [
    (
        [flat(2), {"type": "pool", "shape": [2]}],
        r"E0138.*layer 1: unknown type of layer; got 'pool'",
    ),
    ([NO_TYPE], "E0138.*layer 0: a layer without a type; got shape"),
    (
        [flat(2), dense([[1, 2]], strange=3)],
        r"E0138.*layer 1: a dense layer with a field",
    ),
    ([flat(2), {"type": "dense", "weight": {"real": [1], "imag": [1]}}], "E0138.*complex weights"),
    ([dense([[1]], {"type": "RF", "vThMant": 3})], r"E0139.*kind of neuron; got 'RF'.*SDNN, CUBA"),
    ([dense([[1]], sdnn(1, adaptive=2))], "E0139.*field whose meaning is not known; got adaptive"),
    ([dense([[1]], sdnn(1, activation="tanh"))], "E0139.*activation; got 'tanh'; allowed: 'relu'"),
    ([dense([[1]], sdnn(1, sigma_output=True), bias=[3])], "E0139.*whose sum is read; got 3"),
    ([dense([[1]], cuba(gradedSpike=True))], "E0139.*gradedSpike; got True; allowed: 0"),
    ([dense([[1]], cuba(refDelay=4))], "E0139.*refDelay; got 4; allowed: 0 or 1"),
    ([dense([[1]], cuba(wgtExp=2))], "E0139.*wgtExp"),
    ([dense([[1]], cuba(iDecay=5000))], "E0137.*iDecay is no decay; got 5000 to 5000"),
    ([dense([[1]], {"type": "CUBA", "vThMant": 1})], "E0137.*neurons lack iDecay; got type, vTh"),
    (
        [dense([[1], [1]], sdnn(), bias=[1, 2, 3])],
        "E0137.*bias fits neither.*3 values; allowed: 1, 2",
    ),
    ([dense([[1]], bias=[1])], "E0137.*a bias without neurons"),
    (
        [flat(3), dense([[1, 2]])],
        r"E0137.*weight does not fit what arrives; got \(1, 2\); allowed: 3",
    ),
    ([flat(2), {"type": "dense", "shape": [1]}], "E0137.*the layer lacks weight; got shape, type"),
    ([flat(2), dense([[1, 2]], shape=[5])], "E0137.*not of its stated shape; got 1; allowed: .5"),
    ([image(), conv(shape=[1, 3, 3])], "E0137.*not of its stated shape; got 6"),
    ([image(), conv(groups=2)], "E0137.*weight does not fit what arrives"),
    ([image(), conv(stride=[1, 1, 1])], "E0137.*stride of a convolution"),
    ([image(), conv(weight=np.ones((1, 2, 5, 5)))], "E0116.*kernel is larger"),
    ([flat(2), dense([[1, 2]]), flat(1)], "E0137.*only layer 0 is an input"),
    ([flat(12), conv()], r"E0137.*weight does not fit"),
    ([flat(2), conv(weight=np.ones((1, 2, 1, 1)))], r"E0137.*no image; got .2,."),
    ([dense([[1]]) | {"type": "dense_rec", "weight_rec": [1, 2]}], "E0137.*weight_rec does not"),
    ([dense([[1]]) | {"type": "dense_rec", "delay": 1}], "E0138.*not known; got delay"),
    ([conv()], "E0137.*only layer 0 is an input, or dense; got conv"),
    ([flat(4), {"type": "average", "shape": [3]}], "E0137.*unequal groups; got 4.*multiple of 3"),
    ([flat(2), {"type": "concat", "layers": [5]}], "E0137.*does not come before; got .5"),
    (
        [flat(2), dense([[1, 2]]), {"type": "concat", "layers": [0]}],
        "E0137.*last layer is a concat",
    ),
    ([flat(2), dense([[1, 2]], sdnn(-1))], "E0118.*threshold of a change is negative"),
]


@pytest.mark.parametrize(("layers", "message"), WRONG)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, layers: list[dict[str, Any]], message: str
) -> None:
    assert re.search(message, str(refusal(tmp_path, *layers)))


def test_files_that_are_no_netx(tmp_path: Path) -> None:
    (tmp_path / "p.net").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(BadInput, match=r"\[E0137\] .*p.net: cannot read this as an HDF5.*git lfs"):
        load(tmp_path / "p.net", dt=DT)
    with pytest.raises(BadInput, match=r"\[E0137\] .*gone.net: .*got no such file"):
        load(tmp_path / "gone.net", dt=DT)
    with h5py.File(tmp_path / "n.net", "w") as f:
        f["node"] = 1
    with pytest.raises(BadInput, match=r"\[E0137\] .*n.net: no layers numbered from 0.*got node"):
        load(tmp_path / "n.net", dt=DT)
    with h5py.File(tmp_path / "g.net", "w") as f:
        f["layer/1/type"], f["layer/2/type"] = b"input", b"dense"
    with pytest.raises(BadInput, match=r"\[E0137\] .*got 1, 2; allowed: groups layer/0"):
        load(tmp_path / "g.net", dt=DT)


@pytest.mark.parametrize("nonsense", ["text", np.zeros(0), -1, np.nan, 1e30, np.ones((2, 3, 1, 1))])
def test_whatever_a_field_holds_a_network_or_a_message_comes_out(
    tmp_path: Path, nonsense: Any
) -> None:
    good: list[dict[str, Any]] = [
        image(),
        conv(stride=1, padding=0, dilation=1, groups=1, bias=[1.0], delay=1),
        {"type": "flatten", "shape": [6]},
        dense(np.ones((2, 6)), cuba(), bias=[1, 2], delay=[1, 2]),
        {"type": "concat", "shape": [2], "layers": [3]},
        dense(np.ones((2, 2)), sdnn(0, sigma_output=True)),
        {"type": "average", "shape": [1]},
    ]
    assert load(write(tmp_path / "good.net", *good), dt=DT).shapes["output"][0] == (1,)
    refused = 0
    for i, layer in enumerate(good):
        for key in layer:
            inner = layer[key] if isinstance(layer[key], dict) else {None: None}
            for field in (None, *(k for k in inner if k)):
                bad = nonsense if field is None else layer[key] | {field: nonsense}
                broken = [*good[:i], layer | {key: bad}, *good[i + 1 :]]
                if key == "type" and not isinstance(nonsense, str):
                    continue
                try:
                    load(write(tmp_path / "broken.net", *broken), dt=DT)
                except MossyError as error:
                    refused += 1
                    assert error.code in ("E0108", "E0116", "E0118", "E0137", "E0138", "E0139")
    assert refused > 15
