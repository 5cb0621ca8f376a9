"""Loihi 2: a published trained network to the last bit, its scaling, its limits and its bills."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import mossy
from mossy import neurons
from mossy.chips import chip
from mossy.chips.loihi2 import rules
from mossy.errors import BadInput, UnknownFact, UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.reference import run as reference
from mossy.passes.options import Options
from mossy.program import Program
from mossy.signals import encode
from tests import data

DT = 1e-3
VECTORS = "lava-sdnn-vectors"
LAYERS = {
    "network": {"layer1": "sigma1", "layer2": "sigma2"},
    "square_network": {f"layer{k}": f"sigma{k}_square" for k in (1, 2, 3, 4)},
}


def chain(*nodes: nd.Node, shape: tuple[int, ...] = (3,)) -> nd.Network:
    """Return a network of nodes one behind the other, n0, n1, ..., with a dense last layer."""
    named: dict[str, nd.Node] = {"input": nd.Input(shape)}
    named |= {f"n{i}": n for i, n in enumerate(nodes)}
    last = next(n for n in reversed(nodes) if isinstance(n, nd.Linear))
    named["output"] = nd.Output((len(last.weight),))
    return build(named, list(pairwise(named)), DT)


def sigma_delta(threshold: float = 0.0, bias: float = 0.0) -> nd.SigmaDelta:
    return nd.SigmaDelta(np.array(threshold), np.array(bias))


def lif(tau: float = 10e-3, threshold: float = 1.0) -> nd.LIF:
    a = np.array
    return nd.LIF(tau=a(tau), r=a(1.0), v_leak=a(0.0), v_threshold=a(threshold), v_reset=a(0.0))


def weights(*shape: int, top: int = 127, seed: int = 1) -> NDArray[np.float64]:
    """Whole numbers of 1/64."""
    return np.random.default_rng(seed).integers(-top, top + 1, shape) / 64


def neurons_of(program: Program, name: str) -> Any:
    (core,) = (c for c in program.cores if c.population == name)
    return core


# ------------------------------------------------------------------------------ published network
def published(name: str) -> tuple[Program, NDArray[np.float64], Path]:
    """Return a stored network compiled, its stored input message in network units, the folder."""
    folder = data.require(VECTORS)
    net = mossy.load(str(folder / f"{name}.net"), dt=DT)
    shape = net.shapes["input"][0]
    message = np.load(folder / "act0.npy").transpose(3, 2, 1, 0)[None] / 64
    return mossy.compile(net, "loihi2"), message[..., : shape[1], : shape[2]], folder


def test_the_published_network_gives_the_published_output() -> None:
    folder = data.require(VECTORS)
    program = mossy.compile(mossy.load(str(folder / "network.net"), dt=DT), "loihi2")
    image = np.load(folder / "input.npy").transpose(3, 2, 1, 0)[None].astype(float)
    wanted = np.load(folder / "output.npy").ravel()
    frames = np.concatenate([image, np.zeros((1, wanted.size - 1, *image.shape[2:]))], axis=1)
    result = program.run(encode.delta(frames, 0), states=["layer9"])
    assert result.states["layer9"]["v"][0, : wanted.size, 0].tolist() == wanted.tolist()
    assert len(np.unique(wanted)) > 5
    assert result.outputs["output"][0, 0, 0] == wanted[program.max_lag] / 64**2


@pytest.mark.parametrize("name", LAYERS)
def test_the_published_layer_sums_are_equal(name: str) -> None:
    program, x, folder = published(name)
    result = program.run(x, states=list(LAYERS[name]))
    for layer, file in LAYERS[name].items():
        wanted = np.load(folder / f"{file}.npy").transpose(3, 2, 1, 0)
        found = result.states[layer]["v"][0, : len(wanted)].reshape(wanted.shape)
        assert (found == wanted).all() and (wanted != 0).mean() > 0.9


@pytest.mark.slow
def test_the_slow_engine_gives_the_published_output_of_the_small_network() -> None:
    program, x, folder = published("square_network")
    result = program.run(x[:, :6], states=["layer4"], engine="reference")
    wanted = np.load(folder / "sigma4_square.npy").transpose(3, 2, 1, 0)[:6]
    found = result.states["layer4"]["v"][0, :6].reshape(wanted.shape)
    assert (found == wanted).all() and wanted.any()


def full_size() -> nd.Network:
    """PilotNet SDNN as the vendor ran it, with weights of no meaning."""
    convolutions = [
        (24, 3, (2, 2), (0, 0)), (36, 24, (2, 2), (0, 0)), (48, 36, (2, 2), (0, 0)),
        (64, 48, (2, 1), (1, 0)), (64, 64, (1, 1), (0, 0)),
    ]  # fmt: skip
    made: list[nd.Node] = []
    for out, into, stride, padding in convolutions:
        w = weights(out, into, 3, 3, top=36)
        made += [nd.Conv2d(w, np.zeros(out), stride=stride, padding=padding), sigma_delta(6)]
    made.append(nd.Flatten())
    n = 2560
    for out in (100, 50, 10):
        made += [nd.Linear(weights(out, n, top=36)), sigma_delta(6)]
        n = out
    return chain(*made, nd.Linear(weights(1, n)), nd.I(np.ones(1)), shape=(3, 66, 200))


def test_the_full_size_network_takes_fewer_cores_than_the_published_61() -> None:
    """SOURCES.md says why."""
    program = mossy.compile(full_size(), "loihi2")
    cut = [len(p.cores) for p in program.populations if p.role == "neurons"]
    assert cut == [19, 7, 2, 2, 1, 7, 1, 1, 1]
    assert all(c.kernels for c in program.cores if c.population == "n1")


# ------------------------------------------------------------------------------ scaling
def test_whole_numbers_of_1_64_come_back() -> None:
    w = weights(4, 3)
    program = mossy.compile(chain(nd.Linear(w), sigma_delta(6, -2)), "loihi2")
    core = neurons_of(program, "n1")
    assert core.fmt == (6, 6)
    assert (core.params["threshold"] == 6 << 12).all()
    assert (core.params["offset"] == -2 * (1 << 12)).all()
    fields = core.words.astype(np.int64) >> 19
    fields -= (fields >> 7) << 8
    assert sorted(fields.tolist()) == sorted((w[w != 0] * 64).astype(int).tolist())
    assert {t.shift for t in core.tables} == {0}


@pytest.mark.parametrize(("top", "fmt"), [(0.9, (6, 7)), (0.05, (6, 10)), (7.0, (6, 6))])
def test_other_weights_take_the_finest_power_of_two(top: float, fmt: tuple[int, int]) -> None:
    w = np.array([[top, -top / 3, top / 7]])
    core = neurons_of(mossy.compile(chain(nd.Linear(w), sigma_delta()), "loihi2"), "n1")
    assert core.fmt == fmt
    assert {t.shift for t in core.tables} == {2 if top > 2 else 0}


def test_a_network_of_numbers_is_near_its_float_reference() -> None:
    rng = np.random.default_rng(3)
    net = chain(
        nd.Linear(rng.normal(0, 0.3, (12, 3))), sigma_delta(0, 6),
        nd.Linear(rng.normal(0, 0.3, (2, 12))), nd.I(np.ones(2)),
    )  # fmt: skip
    x = encode.delta(np.cumsum(rng.normal(0, 12, (2, 40, 3)), axis=1), 0)
    program = mossy.compile(net, "loihi2")
    assert "n1: numbers are sent in steps of 1/64" in " ".join(program.notes)
    out, wanted = program.run(x).outputs["output"], reference(net, x)["output"]
    assert np.abs(out - wanted).max() < 1 < 16 < np.abs(wanted).max()


def netx(path: Path, w: NDArray[np.int64], decay: int) -> str:
    with h5py.File(path, "w") as f:
        f.create_dataset("layer/0/type", (1,), "S10", [b"input"])
        f["layer/0/shape"] = [w.shape[1]]
        f.create_dataset("layer/1/type", (1,), "S10", [b"dense"])
        f["layer/1/shape"] = [w.shape[0]]
        f["layer/1/weight"] = w
        for key, value in (("type", "CUBA"), ("iDecay", decay), ("vDecay", 2 * decay),
                           ("vThMant", 80), ("refDelay", 1), ("gradedSpike", False)):  # fmt: skip
            f[f"layer/1/neuron/{key}"] = value
    return str(path)


def test_trained_integers_of_spiking_layers_come_back(tmp_path: Path) -> None:
    w = np.random.default_rng(5).integers(-127, 128, (4, 3))
    program = mossy.compile(mossy.load(netx(tmp_path / "a.net", w, 300), dt=DT), "loihi2")
    core = neurons_of(program, "layer1")
    assert core.fmt == (12, 31, 23, 31)
    assert (core.params["decay_u"] == 300).all() and (core.params["decay_v"] == 600).all()
    assert (core.params["threshold"] == 80 << 6).all()
    assert {t.shift for t in core.tables} == {6}
    assert program.population("layer1").v_scale[0] == 64 * 64


def test_a_network_of_spikes_is_near_its_float_reference() -> None:
    rng = np.random.default_rng(6)
    net = chain(nd.Linear(rng.normal(4, 3, (20, 3))), lif())
    x = (rng.random((4, 100, 3)) < 0.3).astype(np.uint8)
    got = mossy.compile(net, "loihi2").run(x).outputs["output"]
    wanted = reference(net, x)["output"]
    assert 0.02 < wanted.mean() < 0.5 and (got != wanted).mean() < 0.02


def test_a_current_that_can_wrap_is_noted() -> None:
    def notes(n: int) -> str:
        net = chain(nd.Linear(np.ones((1, n))), lif(), shape=(n,))
        return " ".join(mossy.compile(net, "loihi2").notes)

    assert "n1: a current wraps where nearly all inputs spike at once" in notes(3000)
    assert "wraps" not in notes(1000)


def test_finer_numbers_can_be_asked_for() -> None:
    rng = np.random.default_rng(3)
    net = chain(nd.Linear(rng.normal(0, 0.3, (5, 3))), sigma_delta(), nd.Linear(np.eye(5)),
                nd.I(np.ones(5)))  # fmt: skip
    x = encode.delta(np.cumsum(rng.normal(0, 0.2, (2, 40, 3)), axis=1), 0)
    wanted, off = reference(net, x)["output"], []
    for bits in (6, 12):
        fine = chip("loihi2").assuming({"payload_fraction": bits})
        off.append(np.abs(mossy.compile(net, fine).run(x).outputs["output"] - wanted).max())
    assert off[1] < 0.2 * off[0]


def test_numbers_reach_spiking_neurons_as_numbers() -> None:
    net = chain(nd.Linear(np.array([[0.25, 0, 0]])), lif(threshold=30.0))
    run = mossy.compile(net, "loihi2").run
    x = np.zeros((1, 3, 3), np.int64)
    x[0, 0, 0] = 3
    one = run(x // 3, states=["n1"]).states["n1"]["v"].max()
    assert run(x, states=["n1"]).states["n1"]["v"].max() == 3 * one > 0


def test_the_current_turns_one_beyond_its_register() -> None:
    model, half = neurons.model("cuba_lif.int"), 1 << 22
    fmt, seen = (12, 31, 23, 31), []
    for sign in (1, -1):
        p = np.zeros(1, model.params).view(np.recarray)
        s = np.zeros(1, model.state).view(np.recarray)
        p["threshold"], p["v_max"], p["v_min"] = 2 * half, 2 * half - 1, 1 - 2 * half
        for _ in range(2):
            model.step(s[0], sign * half, 0, p[0], fmt)
        seen.append((int(s["u"][0]), int(s["v"][0])))
    assert seen == [(2 * half, 2 * half - 1), (2 * half, half)]


# ------------------------------------------------------------------------------ what is refused
def refused(net: nd.Network, **options: Any) -> str:
    with pytest.raises((UnsupportedNode, BadInput)) as found:
        mossy.compile(net, "loihi2", options=Options(**options))
    return str(found.value)


def test_numbers_into_spiking_neurons_are_e0230() -> None:
    text = refused(chain(nd.Linear(weights(4, 3)), sigma_delta(), nd.Linear(weights(2, 4)), lif()))
    assert "E0230" in text and "take spikes are fed with numbers by n1" in text and "n3" in text
    text = refused(chain(nd.Linear(weights(4, 3)), lif(), nd.Linear(weights(2, 4)), sigma_delta()))
    assert "E0230" in text and "take numbers are fed with spikes by n1" in text
    assert "one kind of neuron throughout" in text


def test_a_scale_that_is_no_power_of_two_is_e0231() -> None:
    net = chain(nd.Linear(weights(2, 3)), sigma_delta())
    text = refused(net, weight_scale={"n1": 100.0})
    assert "E0231" in text and "powers of two" in text and "100" in text and "n1" in text
    program = mossy.compile(net, "loihi2", options=Options(weight_scale={"n1": 32.0}))
    assert {t.shift for t in neurons_of(program, "n1").tables} == {1}


def test_a_threshold_beyond_32_bits_is_e0232() -> None:
    text = refused(chain(nd.Linear(weights(2, 3)), sigma_delta(1e6)))
    assert "E0232" in text and "threshold does not fit a register of 32 bits" in text
    assert "E0232" in refused(chain(nd.Linear(weights(2, 3)), sigma_delta(1, 1e6)))


def test_a_threshold_beyond_17_bits_is_e0225() -> None:
    assert "E0225" in refused(chain(nd.Linear(np.full((2, 3), 1e-3)), lif(threshold=3000.0)))


def test_delays_reach_63_steps() -> None:
    def net(steps: int) -> nd.Network:
        delay = nd.Delay(np.full(3, steps * DT))
        return chain(delay, nd.Linear(weights(2, 3)), sigma_delta())

    assert "E0221" in refused(net(64))
    x = np.zeros((1, 80, 3))
    x[0, 0] = 1
    out = mossy.compile(net(63), "loihi2").run(x).outputs["output"]
    assert np.argwhere(out[0].any(axis=1)).ravel().tolist() == [63]


# ------------------------------------------------------------------------------ machine and bills
def test_the_third_axis_of_chips_is_folded_into_rows_of_8() -> None:
    facts = chip("loihi2").facts
    far = rules.hops((0, 0, 0), (1, 0, 0), facts)
    assert far == 8
    assert rules.hops((0, 0, 0), (0, 7, 0), facts) == 7 * 4
    assert rules.hops((0, 0, 0), (0, 8, 0), facts) == 1  # the next plane, same row
    assert rules.hops((0, 1, 0), (0, 18, 127), facts) == 2 + 4 + 7 + 3
    assert rules.hops((3, 3, 5), (3, 3, 5), facts) == 0


@pytest.fixture(scope="module")
def small() -> tuple[Program, NDArray[np.float64]]:
    rng = np.random.default_rng(2)
    return mossy.compile(chain(nd.Linear(weights(9, 3)), sigma_delta(1)), "loihi2"), rng.integers(
        -4, 5, (1, 20, 3)
    ).astype(float)


def test_without_a_published_energy_events_are_counted_and_named(
    small: tuple[Program, NDArray[np.float64]],
) -> None:
    program, x = small
    result = program.run(x)
    assert [o.name for o in result.energy.operations] == ["static"]
    missing = {u.name: u for u in result.energy.unpriced}
    assert {"synaptic events", "neuron updates"} <= missing.keys()
    assert missing["synaptic events"].amount == 9 * np.count_nonzero(x)
    assert "0.9 pJ and 15 pJ" in missing["synaptic events"].reason
    assert result.latency.value > 0
    assert result.energy.low / result.latency.low == pytest.approx(0.232)


def test_an_assumed_energy_is_priced_and_marked(
    small: tuple[Program, NDArray[np.float64]],
) -> None:
    program, x = small
    result = program.run(x, assume={"synaptic_event_energy": 15e-12})
    (row,) = (o for o in result.energy.operations if o.name == "synaptic events")
    assert row.basis == "assumed" and row.energy.value == pytest.approx(15e-12 * row.amount)


def test_the_unknown_energy_names_the_second_hand_figures() -> None:
    facts = chip("loihi2").facts
    with pytest.raises(UnknownFact) as found:
        facts["synaptic_event_energy"].quantity()
    text = str(found.value)
    assert "E0401" in text and "no primary source" in text and "0.9 pJ and 15 pJ" in text
    assert "second_hand_synaptic_event_energy" in text
    offered = facts["second_hand_synaptic_event_energy"].quantity()
    assert (offered.low, offered.high) == (0.9e-12, 15e-12)
    assert facts["second_hand_synaptic_event_energy"].basis == "assumed"


def test_times_are_marked_as_assumed() -> None:
    spec, facts = chip("loihi2").spec, chip("loihi2").facts
    named = [r["fact"] for key in ("work", "barrier") for r in spec["timing"][key]]
    assert named and {facts[k].basis for k in named} == {"assumed"}
