"""The ways in which public scripts import and call py-spinnaker2, each on the twin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mossy.chips import chip, names
from mossy.errors import BadInput, UnsupportedNode
from mossy.neurons import model
from mossy.py_spinnaker2 import ann2snn_helpers, brian2_sim, hardware, helpers, mapper, snn
from mossy.py_spinnaker2.experiment_backends import BackendSettings, ExperimentBackendType
from mossy.py_spinnaker2.experiment_backends.backend_settings import ROUTING
from mossy.py_spinnaker2.neuron_models import lif_conv2d, lif_neuron
from mossy.py_spinnaker2.neuron_models.application import BaseApplication
from mossy.py_spinnaker2.neuron_models.common import DVFSParams, PmgtMode
from tests.chips.test_py_spinnaker2 import CURRENT, KEEPS, LIF, by_hand, source

LOW = DVFSParams(mode=PmgtMode.PL_MODE_LOW, pl_threshold=30)
HIGH = DVFSParams(mode=PmgtMode.PL_MODE_HIGH)

SCRIPT = """
import sys
import spinnaker2
import spinnaker2.neuron_models.lif_neuron
import spinnaker2.neuron_models.lif_conv2d
from spinnaker2 import ann2snn_helpers, brian2_sim, hardware, helpers, mapper, s2_nir, snn
from spinnaker2.ann2snn_helpers import sparse_connection_list_from_dense_weights
from spinnaker2.experiment_backends import BackendSettings, ExperimentBackendType
from spinnaker2.experiment_backends.backend_settings import BackendSettings, ROUTING
from spinnaker2.experiment_backends.base_experiment_backend import ExperimentBackendType
from spinnaker2.logger import SpiNNaker2Logger
from spinnaker2.neuron_models.application import BaseApplication
from spinnaker2.neuron_models.common import DVFSParams, PmgtMode
from spinnaker2.snn import Population
import beside

SpiNNaker2Logger.setup(level="diagnostic")
spinnaker2.neuron_models.lif_neuron.LIFApplication.profiling = True
spinnaker2.neuron_models.lif_neuron.LIFNoDelayApplication.dvfs_params = DVFSParams(
    mode=PmgtMode.PL_MODE_LOW, pl_threshold=200
)
if __name__ == "__main__":
    stim = Population(1, "spike_list", {0: [1, 2]}, "stim")
    out = snn.Population(1, "lif_no_delay", {"threshold": 5.0, "alpha_decay": 1.0}, "out")
    net = snn.Network("net")
    net.add(stim, out, snn.Projection(stim, out, [[0, 0, 6, 0]]))
    hw = hardware.SpiNNaker2Chip(
        experiment_backend_type=ExperimentBackendType("spinnman2"), eth_ip="192.0.2.1"
    )
    hw.run(net, 5)
    indices, times = spinnaker2.helpers.spike_times_dict_to_arrays(out.get_spikes())
    print(times.tolist(), hw.result.by["out"].level, sys.argv[1:], beside.HERE)
"""


def test_a_script_runs_as_it_is_with_all_its_imports(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "beside.py").write_text("HERE = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "mossy.py_spinnaker2", str(tmp_path / "script.py"), "seven"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "[2, 3] low ['seven'] 1"


def layers() -> tuple[snn.Network, snn.Population, snn.Population, snn.Population]:
    """Forty inputs, eight hidden neurons, two outputs, of two models."""
    rng = np.random.default_rng(2)
    spikes = {k: np.flatnonzero(rng.random(30) < 0.2).tolist() for k in range(40)}
    stim = source(spikes, 40)
    gate = {"threshold": 60.0, "alpha_decay": 0.9}
    record = ["spikes", "time_done", "n_packets"]
    hidden = snn.Population(8, "lif_no_delay", gate, "hidden", record)
    out = snn.Population(2, "lif", KEEPS, "out", ["spikes", "v", "time_done"])
    rows = [[i, i % 8, 30, 0] for i in range(40)]
    net = snn.Network("layers")
    net.add(stim, hidden, out, snn.Projection(stim, hidden, rows, name="first"))
    net.add(snn.Projection(hidden, out, [[i, i % 2, 3, 1] for i in range(8)]))
    return net, stim, hidden, out


def ran(net: snn.Network, **options: Any) -> hardware.SpiNNaker2Chip:
    hw = hardware.SpiNNaker2Chip()
    hw.run(net, 30, **options)
    assert hw.result is not None
    return hw


# ------------------------------------------------------------------------------ levels
def test_levels_are_set_on_models_as_the_dvfs_demonstration_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, _, hidden, _ = layers()
    plain = ran(net).result
    assert plain is not None and plain.by == {} and plain.level is None
    before, spikes = hidden.get_time_done_times(), hidden.get_spikes()
    monkeypatch.setattr(lif_neuron.LIFNoDelayApplication, "dvfs_params", LOW)
    monkeypatch.setattr(lif_conv2d.LIFConv2dApplication, "dvfs_params", HIGH)
    result = ran(net).result
    assert result is not None and list(result.by) == ["hidden"]
    assert (result.by["hidden"].level, result.by["hidden"].threshold) == ("low", None)
    after = hidden.get_time_done_times()
    assert all(np.allclose(after[pe], 2 * before[pe]) for pe in before)
    assert hidden.get_spikes() == spikes and sum(map(len, spikes.values())) > 10
    assert result.energy.value < plain.energy.value
    assert result.energy.value == plain.at("high", by={"hidden": "low"}).energy.value


def test_the_automatic_mode_doubles_the_clock_above_its_threshold() -> None:
    net, _, hidden, _ = layers()
    hidden.dvfs_params = DVFSParams(PmgtMode.PL_MODE_AUTO, pl_threshold=8)
    hw = ran(net)
    (pe,) = hidden.get_n_packets()
    fast = hidden.get_n_packets()[pe] > 8
    done = hidden.get_time_done_times()[pe]
    hidden.dvfs_params = LOW
    ran(net)
    slow = hidden.get_time_done_times()[pe]
    switch = float(chip("spinnaker2").facts["level_switch_time"]) / 1e-3
    assert 0 < fast.sum() < fast.size
    assert done[~fast] == pytest.approx(slow[~fast])
    assert done[fast] == pytest.approx(slow[fast] / 2 + switch)
    assert hw.result is not None
    changes = [u.amount for u in hw.result.energy.unpriced if u.name == "level switches"]
    assert changes == [2 * fast.sum()]


def test_a_population_comes_before_its_model_and_that_before_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, _, hidden, _ = layers()
    monkeypatch.setattr(BaseApplication, "dvfs_params", DVFSParams(PmgtMode.PL_MODE_AUTO, 3))
    monkeypatch.setattr(lif_neuron.LIFApplication, "dvfs_params", HIGH)
    hidden.dvfs_params = LOW
    result = ran(net, dvfs_params=HIGH).result
    assert result is not None and result.level == "high"
    found = {name: (s.level, s.threshold) for name, s in result.by.items()}
    assert found == {"stim": ("auto", 3), "hidden": ("low", None), "out": ("high", None)}
    monkeypatch.undo()
    hidden.dvfs_params = None
    whole = ran(net, dvfs_params=LOW).result
    assert whole is not None and whole.by == {} and whole.level == "low"
    assert whole.energy.value == ran(net).result.at("low").energy.value  # type: ignore[union-attr]


@pytest.mark.parametrize(("mode", "threshold"), [("low", 1), (PmgtMode.PL_MODE_AUTO, -1)])
def test_bad_levels_are_e0260(mode: Any, threshold: float) -> None:
    with pytest.raises(BadInput) as e:
        DVFSParams(mode, threshold)
    assert e.value.code == "E0260"
    assert "one of PL_MODE_LOW, PL_MODE_HIGH, PL_MODE_AUTO, 0 packets or more" in str(e.value)


# ------------------------------------------------------------------------------ cores and time
def test_cores_have_the_librarys_names_and_times_are_shares_of_a_tick() -> None:
    """`plot_time_done` of the demonstration multiplies them by sys_tick_in_s to get seconds."""
    net, _, hidden, _ = layers()
    hw = ran(net, sys_tick_in_s=2e-3)
    assert hw.result is not None and hw.program is not None
    (pe,) = hidden.get_time_done_times()
    (core,) = hw.program.population("hidden").cores
    place = hw.program.cores[core].place
    assert place is not None
    x, y = chip("spinnaker2").grid[place[2]]
    assert pe.startswith(f"PE({x}, {y}, ") and list(hidden.get_n_packets()) == [pe]
    assert hidden.get_time_done_times()[pe] * 2e-3 == pytest.approx(hw.result.busy[0, :, core])


def test_no_two_cores_have_one_name_on_a_board() -> None:
    pop = snn.Population(200, "lif", LIF, "pop", ["n_packets"])
    pop.set_max_atoms_per_core(1)
    net = snn.Network()
    net.add(pop)
    hardware.SpiNNcloud48NodeBoard(eth_ip="192.0.2.1", stm_ip="192.0.2.2").run(net, 1)
    assert len(pop.get_n_packets()) == 200
    assert any(pe.startswith("chip (") for pe in pop.get_n_packets())


@pytest.mark.parametrize(
    ("kind", "params", "own"),
    [
        ("izhikevich", {"recovery_decay": 0.02, "recovery_sensitivity": 0.2, "v_reset": -65.0,
                        "reset_recovery_increment": 8.0}, "izhikevich"),
        ("lif_curr_exp", CURRENT, "cuba_lif"),
        ("poisson_process", {"p": 0.1}, "poisson_source"),
        ("lif_prob", LIF | {"firing_prob": 0.5}, "probabilistic_lif"),
        ("lif", LIF, ""),
    ],
)  # fmt: skip
def test_updates_cost_what_their_model_costs(kind: str, params: dict[str, Any], own: str) -> None:
    pop = snn.Population(5, kind, params, "pop", ["time_done"])
    lif = snn.Population(7, "lif", LIF, "lif")
    net = snn.Network()
    net.add(pop, lif)
    hw = hardware.SpiNNaker2Chip()
    hw.run(net, 4)
    facts = chip("spinnaker2").facts
    fact = f"cycles_per_neuron_update_{own}".rstrip("_")
    cycles = float(facts["cycles_per_tick"]) + 5 * float(facts[fact])
    (done,) = pop.get_time_done_times().values()
    assert done == pytest.approx([cycles / float(facts["pe_clock"]) / 1e-3] * 4)
    assert hw.result is not None
    joules = hw.result.energy.by("operation")
    label = f"processing: neuron updates of {own}" if own else "processing: neuron updates"
    count = 5 if own else 12
    per = float(facts["pe_cycle_energy"]) * float(facts[fact])
    assert joules[label] == pytest.approx(4 * count * per)


@pytest.mark.parametrize("name", names())
def test_costs_of_a_model_are_of_a_model_that_there_is(name: str) -> None:
    facts = chip(name).facts
    for fact in facts:
        head, found, own = fact.partition("cycles_per_neuron_update_")
        if found and not head:
            assert model(own).name.partition(".")[0] == own.partition(".")[0]


# ------------------------------------------------------------------------------ settings
def test_routing_changes_packets_and_no_spike() -> None:
    settings = BackendSettings()
    settings.switch_serial, settings.rebuild_apps = False, True
    settings.routing_type = ROUTING.MC
    net, _, hidden, _ = layers()
    one = ran(net, experiment_backend_settings=settings).result
    spikes = hidden.get_spikes()
    settings.routing_type = ROUTING.C2C
    each = ran(net, experiment_backend_settings=settings).result
    assert hidden.get_spikes() == spikes
    assert one.program.routing == "multicast" and each.program.routing == "core_to_core"
    assert each.counts.mean("packets_out") == one.counts.mean("packets_in") > 0


def test_what_says_how_to_reach_a_board_is_taken() -> None:
    hw = hardware.SpiNNcloud48NodeBoard(experiment_backend_type=ExperimentBackendType.SPINNMAN2)
    hw.experiment_backend.stm_ip = "192.0.2.2"
    net, _, _, out = layers()
    hw.run(net, 3, debug=False, reset_board=True, mapping_only=False, make_clean=True)
    assert out.get_voltages()[0].shape == (3,)


@pytest.mark.parametrize("name", ["FPGA_Rev2", "SpiNNaker2"])
def test_boards_that_are_not_there_are_named(name: str) -> None:
    with pytest.raises(UnsupportedNode) as e:
        getattr(hardware, name)
    assert e.value.code == "E0261" and "SpiNNaker2Chip, SpiNNcloud48NodeBoard" in str(e.value)
    assert not hasattr(hardware, "other")


def test_pictures_are_left_to_a_library_for_pictures() -> None:
    with pytest.raises(UnsupportedNode, match=r"E0261.*nothing is drawn here.*matplotlib"):
        _ = helpers.plot_times_done_multiple_pes_one_plot_vertical
    assert not hasattr(helpers, "other") and callable(helpers.spike_times_to_matrix)


def test_the_librarys_own_mapper_is_refused_when_it_is_used() -> None:
    assert getattr(mapper, "_patched", False) is False
    with pytest.raises(UnsupportedNode, match=r"E0261.*mapped by mossy's own passes"):
        _ = mapper.Mapper


def test_a_neuron_model_of_ones_own_is_refused() -> None:
    with pytest.raises(UnsupportedNode, match=r"E0261.*class Mine: .* C code for the chip"):
        type("Mine", (lif_neuron.LIFApplication,), {"__module__": "script"})


# ------------------------------------------------------------------------------ networks
def test_projections_have_names_and_weights() -> None:
    net, *_ = layers()
    net.validate()
    first, second = net.projections
    assert isinstance(first, snn.Projection) and isinstance(second, snn.Projection)
    assert first.name == "first" and second.name == "projection hidden -> out"
    assert first.sparse_weights.nonzero()[0].shape[0] == 40
    assert second.sparse_weights.toarray()[:3].tolist() == [[3, 0], [0, 3], [3, 0]]
    with pytest.warns(UserWarning, match="first: 1 of 1 weights outside"):
        first.connections = [[0, 0, 200, 0]]
        ran(net)


def test_lists_of_pooled_and_dense_layers() -> None:
    rows, shape = ann2snn_helpers.connection_list_for_sumpool2d(
        input_shape=(2, 4, 5), stride=2, kernel_size=np.array([2, 2]), padding=0, delay=1
    )
    assert shape == (2, 2, 2) and len(rows) == 2 * 4 * 4
    dense = np.zeros((40, 8), int)
    for pre, post, weight, delay in rows:
        assert weight == 1 and delay == 1
        dense[pre, post] = 1
    image = np.arange(40).reshape(2, 4, 5)
    pooled = image[:, :, :4].reshape(2, 2, 2, 2, 2).sum(axis=(2, 4))
    assert (image.ravel() @ dense).tolist() == pooled.ravel().tolist()
    weights = np.arange(24).reshape(8, 3)
    joined = ann2snn_helpers.join_conn_lists(
        rows, ann2snn_helpers.connection_list_from_dense_weights(weights, delay=2)
    )
    both = np.zeros((40, 3), int)
    for pre, post, weight, delay in joined:
        assert delay == 2
        both[pre, post] += weight
    assert (both == dense @ weights).all()
    with pytest.raises(UnsupportedNode, match=r"E0261.*windows side by side"):
        ann2snn_helpers.connection_list_for_sumpool2d((1, 4, 4), 1, 2)


def test_rates_of_a_population() -> None:
    rates, centres = helpers.calculate_population_spike_rate([0, 3, 9, 10, 25], 5)
    assert centres.tolist() == [5, 15, 25]
    assert rates.tolist() == pytest.approx([60, 20, 20])  # 3 spikes of 5 neurons in 10 ms: 60 Hz


# ------------------------------------------------------------------------------ the simulator
@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("kind", ["lif", "lif_no_delay", "lif_curr_exp", "lif_curr_exp_no_delay"])
def test_the_simulator_computes_what_the_connection_list_says(kind: str, engine: str) -> None:
    """With the chip's weights it is the chip's twin, spike by spike; without, fractions stay."""
    rng = np.random.default_rng(5)
    n_in, n, steps, delays = 6, 20, 50, not kind.endswith("no_delay")
    params = (CURRENT | {"t_refrac": 2} if "curr" in kind else LIF) | {"threshold": 20.0}
    x = (rng.random((steps, n_in)) < 0.3).astype(int)
    weights = rng.integers(-24, 28, 300) / 2  # exact in float32, whatever the order of the sums
    rows: list[Any] = [
        [int(rng.integers(n_in + n)), int(rng.integers(n)), float(w), int(rng.integers(8))]
        for w in weights
    ]
    stim = source({k: np.flatnonzero(x[:, k]).tolist() for k in range(n_in)}, n_in)
    pop = snn.Population(n, kind, params, "pop", ["spikes", "v", "time_done"])
    net = snn.Network()
    net.add(stim, pop, snn.Projection(stim, pop, [r for r in rows if r[0] < n_in]))
    net.add(snn.Projection(pop, pop, [[r[0] - n_in, *r[1:]] for r in rows if r[0] >= n_in]))
    simulator = brian2_sim.Brian2Backend(engine=engine)
    simulator.run(net, steps, sys_tick_in_s=2e-3, debug=False, quantize_weights=False)
    v, fired = by_hand(x, rows, n, params, delays)
    assert 10 < fired.sum() < 0.7 * fired.size
    assert pop.get_spikes() == {k: np.flatnonzero(fired[:, k]).tolist() for k in range(n)}
    assert (np.stack([pop.get_voltages()[k] for k in range(n)], axis=1) == v).all()
    with pytest.raises(BadInput, match="no recording of 'time_done'"):
        pop.get_time_done_times()
    with pytest.warns(UserWarning, match="lost a fraction"):
        simulator.run(net, steps)
    found, potentials = pop.get_spikes(), pop.get_voltages()
    with pytest.warns(UserWarning, match="lost a fraction"):
        hardware.SpiNNaker2Chip(engine=engine).run(net, steps)
    assert pop.get_spikes() == found != {k: np.flatnonzero(fired[:, k]).tolist() for k in range(n)}
    assert all((pop.get_voltages()[k] == potentials[k]).all() for k in range(n))


@pytest.mark.parametrize("backend", [brian2_sim.Brian2Backend, hardware.SpiNNaker2Chip])
def test_constant_drives_spike_as_a_public_comparison_found(backend: Any) -> None:
    """A port of SpikeGPT found its `v >= threshold` in the library's simulator, but at equality.

    There 21 drives from 0 to 2 into `lif` spiked as the recurrence, except where a potential is
    exactly the threshold: the library spikes above it.
    """
    n, steps, decay = 21, 64, 0.5
    drives = np.linspace(0.0, 2.0, n)
    v, fired, equal = np.zeros(n), np.zeros((steps, n), bool), np.zeros(n, bool)
    for t in range(steps):
        v = v * decay + drives
        fired[t], equal = v >= 1.0, equal | (v == 1.0)
        v[fired[t]] = 0.0
    params = {"threshold": 1.0, "alpha_decay": decay, "i_offset": drives, "v_reset": 0.0}
    pop = snn.Population(n, "lif", params | {"reset": "reset_to_v_reset"}, "lif", ["spikes"])
    net = snn.Network("spikegpt_lif")
    net.add(pop)
    backend().run(net, steps)
    differ = [k for k in range(n) if pop.get_spikes()[k] != np.flatnonzero(fired[:, k]).tolist()]
    assert differ == np.flatnonzero(equal).tolist() == [5, 10]


def test_the_simulator_has_no_cores_to_be_full() -> None:
    stim = source({0: [0]}, 1)
    pop = snn.Population(148 * 256 + 1, "lif_no_delay", KEEPS, "pop", ["v"])
    net = snn.Network()
    net.add(stim, pop, snn.Projection(stim, pop, [[0, pop.size - 1, 300.5, 0]]))
    brian2_sim.Brian2Backend().run(net, 2, quantize_weights=False)
    assert pop.get_voltages()[pop.size - 1].tolist() == [0, 300.5]
    with pytest.raises(BadInput, match="E0259"):
        brian2_sim.Brian2Backend().run(net, 0)
