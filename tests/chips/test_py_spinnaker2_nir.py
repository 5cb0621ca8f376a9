"""NIR graphs in scripts: the library's formulas on the twin, and what they do not take."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import nir
import numpy as np
import pytest

from mossy.errors import BadInput, UnsupportedNode
from mossy.py_spinnaker2 import brian2_sim, hardware, s2_nir, snn
from tests import data

FORWARD, ZERO = s2_nir.IntegratorMethod.FORWARD, s2_nir.ResetMethod.ZERO
ONE = np.ones(1)


def chain(*parts: Any, size: Any = 1, out: Any = 1) -> Any:
    """A graph of nodes called 0, 1, ... between input and output."""
    nodes = {"input": nir.Input(np.array(np.atleast_1d(size)))}
    nodes |= {str(k): part for k, part in enumerate(parts)}
    nodes["output"] = nir.Output(np.array(np.atleast_1d(out)))
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def lif(n: int = 1, **changed: Any) -> Any:
    one = np.ones(n)
    given = {"tau": 0.01 * one, "r": 2 * one, "v_leak": 0.1 * one, "v_threshold": one}
    return nir.LIF(**(given | {"v_reset": 0 * one} | changed))


# ------------------------------------------------------------------------------ published results
@pytest.mark.oracle
@pytest.mark.parametrize("backend", [brian2_sim.Brian2Backend, hardware.SpiNNaker2Chip])
def test_the_script_that_made_the_released_trace(backend: Any) -> None:
    """The NIR paper's first experiment: its calls, its graph, its trace tick by tick."""
    folder = data.require("nir-vectors") / "paper" / "01_lif"
    table, scale = np.loadtxt(folder / "lif_spinnaker2.csv", delimiter=","), 102.02
    model = nir.read(folder / "lif_norse.nir")
    model.nodes["1"].v_threshold = model.nodes["1"].v_threshold * scale
    model.nodes["0"].weight = model.nodes["0"].weight * scale
    model.nodes["0"].bias = model.nodes["0"].bias * scale
    net, inp, outp = s2_nir.from_nir(
        model, outputs=["v", "spikes"], discretization_timestep=0.0001, conn_delay=0
    )
    inp[0].params = {0: np.flatnonzero(table[:, 0]).tolist()}
    with pytest.warns(UserWarning, match="lost a fraction"):
        backend().run(net, len(table) + 1)
    v = outp[0].get_voltages()[0][1:] / scale
    assert np.abs(v - table[:, 1]).max() <= 1e-6
    assert [t - 1 for t in outp[0].get_spikes()[0]] == np.flatnonzero(table[:, 2]).tolist()
    assert outp[0].params["threshold"][0] == pytest.approx(scale * 0.1 * 25, rel=1e-3)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "reset"),
    [("bias_zero", ZERO), ("noBias_subtract", s2_nir.ResetMethod.SUBTRACT)],
)
def test_the_braille_networks_run_recurrently_and_as_the_simulator(
    name: str, reset: s2_nir.ResetMethod
) -> None:
    """The calls of the NIR paper's third experiment, with random spikes for its input."""
    folder = data.require("nir-vectors") / "paper" / "03_rnn"
    model = nir.read(folder / f"braille_noDelay_{name}.nir")
    s2_nir.add_output_to_node("lif1.lif", model, "output_lif1")
    cfg = s2_nir.ConversionConfig(
        output_record=["v", "spikes"], dt=0.0001, conn_delay=0, scale_weights=True, reset=reset,
        integrator=FORWARD,
    )  # fmt: skip
    net, inp, outp = s2_nir.from_nir(model, cfg)
    assert [p.name for p in outp] == ["lif1.lif", "lif2"] and len(inp) == 1
    for pop in net.populations:
        if pop.name == "lif1.lif":
            pop.set_max_atoms_per_core(10)
    rng = np.random.default_rng(3)
    inp[0].params = {k: np.flatnonzero(rng.random(100) < 0.2).tolist() for k in range(12)}
    found = []
    for hw in (hardware.SpiNNaker2Chip(eth_ip="192.0.2.1"), brian2_sim.Brian2Backend()):
        net.reset()
        with pytest.warns(UserWarning, match="lost a fraction"):
            hw.run(net, 100)
        found.append([(p.get_spikes(), np.stack([*p.get_voltages().values()])) for p in outp])
    for (spikes, v), (again, u) in zip(*found, strict=True):
        assert spikes == again and np.array_equal(v, u)
    assert sum(map(len, found[0][0][0].values())) > 10


# ------------------------------------------------------------------------------ formulas
@pytest.mark.parametrize("integrator", list(s2_nir.IntegratorMethod))
def test_a_lif_in_the_chips_units(integrator: s2_nir.IntegratorMethod) -> None:
    f = 0.1 if integrator is FORWARD else 1 - np.exp(-0.1)
    affine = nir.Affine(weight=np.array([[0.5, -0.25]]), bias=np.array([0.02]))
    graph = chain(affine, lif(v_reset=ONE * 0), size=2)
    cfg = s2_nir.ConversionConfig(
        dt=1e-3, scale_weights=True, conn_delay=0, integrator=integrator, output_record=["v"]
    )
    net, _, (out,) = s2_nir.from_nir(graph, cfg)
    scale = 254 / (f * 2)
    assert out.neuron_model == "lif_no_delay" and out.record == ["v"]
    assert out.nir_w_scale == 254 and out.nir_v_scale == pytest.approx(scale)
    assert out.params["alpha_decay"] == pytest.approx(1 - f)
    assert out.params["threshold"] == pytest.approx(scale)
    assert out.params["i_offset"] == pytest.approx(f * 0.1 * scale + 0.02 * 254)
    assert out.params["reset"] == "reset_by_subtraction"
    (projection,) = net.projections
    assert isinstance(projection, snn.Projection)
    assert [row[:4] for row in projection.connections] == [[0, 0, 127, 0], [1, 0, -63.5, 0]]
    with pytest.warns(UserWarning):
        hardware.SpiNNaker2Chip().run(net, 40)
    v = out.get_voltages()[0] / out.nir_v_scale  # without input it settles at leak and bias
    assert v[-1] == pytest.approx((0.1 + 0.02 * 2) * (1 - (1 - f) ** 40), rel=1e-4)


def test_a_cuba_lif_in_the_chips_units() -> None:
    node = nir.CubaLIF(
        tau_mem=0.01 * ONE, tau_syn=0.005 * ONE, r=2 * ONE, v_leak=0.1 * ONE,
        v_threshold=3 * ONE, v_reset=0 * ONE, w_in=4 * ONE,
    )  # fmt: skip
    affine = nir.Affine(weight=np.array([[1.0]]), bias=np.array([0.5]))
    cfg = s2_nir.ConversionConfig(dt=1e-3, integrator=FORWARD, reset=ZERO)
    _, _, (out,) = s2_nir.from_nir(chain(affine, node), cfg)
    scale = 1 / (0.1 * 2 * 0.2 * 4)
    assert out.neuron_model == "lif_curr_exp_no_delay" and out.nir_w_scale == 1
    assert out.nir_v_scale == pytest.approx(scale)
    assert out.params["threshold"] == pytest.approx(3 * scale)
    assert out.params["exc_decay"] == out.params["inh_decay"] == pytest.approx(0.8)
    # the bias as a current of the graph ends at w_in bias, and lifts v by r of it
    assert out.params["i_offset"] / 0.1 / scale == pytest.approx(0.1 + 2 * 4 * 0.5)
    assert out.params["reset"] == "reset_to_v_reset" and out.params["t_refrac"] == 0


def test_an_if_in_the_chips_units() -> None:
    node = nir.IF(r=2 * ONE, v_threshold=3 * ONE, v_reset=0 * ONE)
    cfg = s2_nir.ConversionConfig(dt=1.0)
    net, _, (out,) = s2_nir.from_nir(chain(nir.Linear(weight=np.array([[1.0]])), node), cfg)
    assert (out.params["alpha_decay"], out.params["threshold"]) == (1, 1.5)
    assert isinstance(net.projections[0], snn.Projection)
    assert net.projections[0].connections == [[0, 0, 1, 1]]  # conn_delay is 1 unless given


# ------------------------------------------------------------------------------ layers
def test_convolutions_pools_and_dense_layers_are_what_the_graph_says() -> None:
    """Each layer's potential after one input spike is the graph's own linear answer to it."""
    rng = np.random.default_rng(4)
    kernel = rng.integers(-9, 10, (3, 2, 3, 3)).astype(float)
    dense = rng.integers(-9, 10, (4, 12)).astype(float)
    conv = nir.Conv2d((4, 4), kernel, 1, 1, 1, 1, np.zeros(3))
    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    big = {"v_threshold": 1e6 * np.ones((3, 4, 4)), "v_reset": np.zeros((3, 4, 4))}
    first = nir.IF(r=np.ones((3, 4, 4)), **big)
    flat = nir.Flatten({"input": np.array([3, 2, 2])}, start_dim=0, end_dim=-1)
    last = nir.IF(r=np.ones(4), v_threshold=1e6 * np.ones(4), v_reset=np.zeros(4))
    graph = chain(pool, conv, first, size=(2, 8, 8), out=(3, 4, 4))
    cfg = s2_nir.ConversionConfig(dt=1e-3, conn_delay=0, output_record=["v"])
    net, (inp,), (out,) = s2_nir.from_nir(graph, cfg)
    (projection,) = net.projections
    assert isinstance(projection, snn.Conv2DProjection) and projection.params["pool_x"] == 2
    inp.params = {70: [0]}  # channel 1, y 0, x 6: pooled (0, 3)
    hardware.SpiNNaker2Chip().run(net, 2)
    want = np.zeros((3, 4, 4))
    for y, x in ((0, 2), (0, 3), (1, 2), (1, 3)):
        want[:, y, x] = kernel[:, 1, 0 - y + 1, 3 - x + 1]
    assert [out.get_voltages()[k][1] for k in range(48)] == want.ravel().tolist()
    graph = chain(pool, flat, nir.Linear(weight=dense), last, size=(3, 4, 4), out=4)
    net, (inp,), (out,) = s2_nir.from_nir(graph, cfg)
    inp.params = {16 + 4 * 3 + 1: [0]}  # channel 1, y 3, x 1: pooled 4 + 2
    hardware.SpiNNaker2Chip().run(net, 2)
    assert [out.get_voltages()[k][1] for k in range(4)] == dense[:, 6].tolist()
    one = np.ones((3, 2, 2))
    pooled = nir.IF(r=one, v_threshold=0.5 * one, v_reset=0 * one)
    graph = chain(pool, pooled, size=(3, 4, 4), out=(3, 2, 2))
    net, (inp,), (out,) = s2_nir.from_nir(graph, s2_nir.ConversionConfig(dt=1e-3, conn_delay=0))
    inp.params = {16 + 4 * 3 + 1: [0]}
    hardware.SpiNNaker2Chip().run(net, 2)
    assert {k for k, ticks in out.get_spikes().items() if ticks} == {6}


@pytest.mark.oracle
def test_the_convolutional_network_of_the_paper_converts() -> None:
    folder = data.require("nir-vectors") / "paper" / "02_cnn"
    model = nir.read(folder / "cnn_sinabs.nir")
    cfg = s2_nir.ConversionConfig(dt=1e-4, conn_delay=0, scale_weights=True, integrator=FORWARD)
    net, _, outp = s2_nir.from_nir(model, cfg)
    assert [(p.name, p.size, p.neuron_model) for p in net.populations] == [
        ("input", 2312, "spike_list"), ("1", 4096, "lif_conv2d"), ("3", 4096, "lif_conv2d"),
        ("6", 512, "lif_conv2d"), ("10", 256, "lif_no_delay"), ("12", 10, "lif_no_delay"),
    ]  # fmt: skip
    pools = [j.params.get("pool_x") for j in net.projections if isinstance(j, snn.Conv2DProjection)]
    assert pools == [None, None, 2] and [p.name for p in outp] == ["12"]


# ------------------------------------------------------------------------------ refused
def test_a_time_step_has_to_be_given() -> None:
    with pytest.raises(BadInput, match="E0115"):
        s2_nir.from_nir(chain(nir.Linear(weight=np.eye(1)), lif()))


@pytest.mark.parametrize(
    ("graph", "delay", "says"),
    [
        (chain(lif()), 0, "got nothing"),
        (chain(nir.Linear(weight=np.eye(1)), nir.Linear(weight=np.eye(1)), lif()), 0,
         "got Linear, Linear"),
        (chain(nir.Conv2d((2, 2), np.ones((1, 1, 1, 1)), 1, 0, 1, 1, np.zeros(1)),
               lif(4, **{k: np.ones((1, 2, 2)) for k in
                         ("tau", "r", "v_leak", "v_threshold", "v_reset")}),
               size=(1, 2, 2), out=(1, 2, 2)), 1, "conn_delay 1"),
    ],
)  # fmt: skip
def test_what_the_import_does_not_take_is_e0262(graph: Any, delay: int, says: str) -> None:
    with pytest.raises(UnsupportedNode) as e:
        s2_nir.from_nir(graph, s2_nir.ConversionConfig(dt=1e-3, conn_delay=delay))
    assert e.value.code == "E0262" and says in str(e.value)


def test_outputs_are_added_to_nodes_that_there_are() -> None:
    graph = chain(nir.Linear(weight=np.eye(1)), lif())
    with pytest.raises(BadInput, match=r"E0259.*'7', 'seen'"):
        s2_nir.add_output_to_node("7", graph, "seen")


def test_a_summary_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mossy.py_spinnaker2.s2_nir")
    s2_nir.model_summary(chain(nir.Linear(weight=np.eye(1)), lif()))
    assert "Linear" in caplog.text and "-> ['output']" in caplog.text
