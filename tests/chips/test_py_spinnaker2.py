"""Scripts for the chip, as their users write them, on the twin."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy.errors import BadInput
from mossy.py_spinnaker2 import hardware, helpers, models, power, snn
from tests import data
from tests.test_habits import ROOT, python_blocks

LIF = {"threshold": 10.0, "alpha_decay": 0.9, "reset": "reset_by_subtraction"}
CURRENT = LIF | {"exc_decay": 0.5, "inh_decay": 0.2, "t_refrac": 0}
KEEPS = {"threshold": 1e9, "alpha_decay": 1.0}  # adds up what arrives
ENGINES = ["fast", "reference"]


def source(spikes: dict[int, list[int]], size: int = 1, name: str = "stim") -> snn.Population:
    return snn.Population(size=size, neuron_model="spike_list", params=spikes, name=name)


def run(parts: list[Any], timesteps: int, engine: str = "fast") -> hardware.SpiNNaker2Chip:
    net = snn.Network("test")
    net.add(*parts)
    hw = hardware.SpiNNaker2Chip(eth_ip="192.0.2.1", engine=engine)
    hw.run(net, timesteps, debug=False)
    return hw


# ------------------------------------------------------------------------------ published results
@pytest.mark.oracle
@pytest.mark.parametrize("engine", ENGINES)
def test_the_released_trace_of_the_nir_paper(engine: str) -> None:
    """Its script: one neuron, weight 102.02 cut to 102, dt 1e-4; the file begins with tick 1."""
    import nir

    folder = data.require("nir-vectors") / "paper" / "01_lif"
    table = np.loadtxt(folder / "lif_spinnaker2.csv", delimiter=",")
    node = nir.read(folder / "lif_norse.nir").nodes["1"]
    dt, scale = 1e-4, 102.02
    gain = float(node.r.item()) * dt / float(node.tau.item())
    params = {
        "threshold": node.v_threshold * scale / gain,
        "alpha_decay": 1 - dt / node.tau,
        "i_offset": dt / node.tau * node.v_leak * scale / gain,
        "reset": "reset_to_v_reset",
    }
    stim = source({0: np.flatnonzero(table[:, 0]).tolist()})
    lif = snn.Population(1, "lif_no_delay", params, "lif", record=["spikes", "v"])
    with pytest.warns(UserWarning, match="lost a fraction"):
        run([stim, lif, snn.Projection(stim, lif, [[0, 0, scale, 0]])], len(table) + 1, engine)
    v = lif.get_voltages()[0][1:]
    assert len(np.unique(table[:, 1])) > 100
    assert np.abs(v / scale - table[:, 1]).max() <= 1e-6
    assert [t - 1 for t in lif.get_spikes()[0]] == np.flatnonzero(table[:, 2]).tolist()


AND_INPUTS = {
    0: [1, 2], 1: [1, 2, 3], 2: [2], 3: [3], 4: [1],
    5: [1], 6: [3], 7: [2], 8: [1, 2, 3], 9: [1, 2],
}  # fmt: skip


def gates(model: str, params: dict[str, Any], weight: int) -> snn.Population:
    """Five neurons, each with two of ten inputs: the library's examples of both random LIFs."""
    stim = source(AND_INPUTS, 10)
    pop = snn.Population(size=5, neuron_model=model, params=params, name="pop1", record=["spikes"])
    rows = [[k, k % 5, weight, 0] for k in range(10)]
    run([stim, pop, snn.Projection(pre=stim, post=pop, connections=rows)], 5)
    return pop


def test_the_and_gates_of_the_librarys_fugu_example() -> None:
    params = {"V": 0.0, "Vspike": 127.0, "decay": 0.0, "Vbias": 0.0, "Vreset": 0.0, "p": 1.0}
    found = gates("lif_fugu", params | {"delay": 1}, 95).get_spikes()
    assert found == {0: [2], 1: [4], 2: [3], 3: [4], 4: [2]}  # what the example expects
    later = gates("lif_fugu", params | {"delay": 2}, 95).get_spikes()
    assert later == {0: [3], 1: [], 2: [4], 3: [], 4: [3]}  # tick 5 is behind the end


def test_a_probabilistic_lif_fires_at_some_of_the_ticks_at_which_a_lif_does() -> None:
    params = {"threshold": 1.0, "alpha_decay": 0.0, "firing_prob": 1.0, "seed": 42}
    always = gates("lif_prob", params, 15).get_spikes()
    assert always == {0: [2, 3], 1: [2, 3, 4], 2: [3], 3: [2, 3, 4], 4: [2, 3]}
    half = gates("lif_prob", params | {"firing_prob": 0.5}, 15).get_spikes()
    assert all(set(half[k]) <= set(always[k]) for k in always)
    assert 0 < sum(map(len, half.values())) < 11
    assert not sum(
        map(len, gates("lif_prob", params | {"firing_prob": 0}, 15).get_spikes().values())
    )


# ------------------------------------------------------------------------------ a user's script
def by_hand(
    x: NDArray[np.int64], rows: list[list[int]], n: int, params: dict[str, Any], delays: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A recurrent layer in plain float32, straight from its connection list: (v, spikes).

    x: (timesteps, n_in). rows name inputs below n_in and, above, the neurons themselves.
    """
    steps = len(x)
    f = np.float32
    arriving: dict[int, NDArray[np.float32]] = defaultdict(lambda: np.zeros((2, n), f))
    v, exc, inh, wait = np.zeros(n, f), np.zeros(n, f), np.zeros(n, f), np.zeros(n, int)
    seen, fired = np.zeros((steps, n), f), np.zeros((steps, n), bool)
    for t in range(steps):
        now = arriving.pop(t, np.zeros((2, n), f))
        if "exc_decay" in params:
            exc = f(params["exc_decay"]) * exc + now[0]
            inh = f(params["inh_decay"]) * inh + now[1]
            drive = exc - inh
        else:
            drive = now[0] - now[1]
        free = wait == 0
        wait = np.maximum(wait - 1, 0)
        v = np.where(free, f(params["alpha_decay"]) * v + drive, v)
        fired[t] = free & (v > f(params["threshold"]))
        after = v - f(params["threshold"])
        if params["reset"] == "reset_to_v_reset":
            after = np.full(n, params.get("v_reset", 0.0), f)
        v = np.where(fired[t], after, v)
        wait = np.where(fired[t], params.get("t_refrac", 0), wait)
        seen[t] = v
        sent = np.concatenate([x[t], fired[t]])
        for pre, post, weight, delay in rows:
            if sent[pre]:
                later = t + 1 + (delay if delays else 0)
                arriving[later][int(weight < 0), post] += f(abs(weight) * sent[pre])
    return seen, fired


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reset", list(models.RESETS))
@pytest.mark.parametrize("model", ["lif", "lif_no_delay", "lif_curr_exp", "lif_curr_exp_no_delay"])
def test_a_recurrent_layer_is_what_its_connection_list_says(
    model: str, reset: str, engine: str
) -> None:
    rng = np.random.default_rng(7)
    n_in, n, steps, delays = 6, 20, 60, not model.endswith("no_delay")
    top = 15 if delays else 127
    params = (CURRENT | {"t_refrac": 2} if "curr" in model else LIF) | {"reset": reset}
    params |= {"threshold": 20.0 if delays else 150.0, "v_reset": -1.5}
    rows = [
        [int(rng.integers(n_in + n)), int(rng.integers(n)), int(w), int(rng.integers(8))]
        for w in rng.integers(-top, top + 1, 300)  # some pairs twice, some weights 0
    ]
    x = (rng.random((steps, n_in)) < 0.3).astype(int)
    stim = source({k: np.flatnonzero(x[:, k]).tolist() for k in range(n_in)}, n_in)
    pop = snn.Population(n, model, params, "pop", record=["spikes", "v"])
    pop.set_max_atoms_per_core(7)
    first = [r for r in rows if r[0] < n_in]
    again = [[r[0] - n_in, *r[1:]] for r in rows if r[0] >= n_in]
    parts = [stim, pop, snn.Projection(stim, pop, first), snn.Projection(pop, pop, again)]
    hw = run(parts, steps, engine)
    v, fired = by_hand(x, rows, n, params, delays)
    assert len({(r[0], r[1]) for r in rows}) < len(rows)
    assert 10 < fired.sum() < 0.7 * fired.size
    assert pop.get_spikes() == {k: np.flatnonzero(fired[:, k]).tolist() for k in range(n)}
    assert (np.stack([pop.get_voltages()[k] for k in range(n)], axis=1) == v).all()
    assert hw.program is not None and len(hw.program.population("pop").cores) == 3


def test_a_small_script_by_hand() -> None:
    """4 arrives at 3, 6, 11 and 13; -3 at 23 and 33. 10.9 at 13 is above 10: 0.9 is left."""
    stim = source({0: [1, 4, 9, 11], 1: [20, 30]}, 2)
    lif = snn.Population(1, "lif", LIF, "lif", record=["spikes", "v"])
    run([stim, lif, snn.Projection(stim, lif, [[0, 0, 4, 1], [1, 0, -3, 2]])], 50)
    v = lif.get_voltages()[0]
    assert v.shape == (50,) and v.dtype == np.float32
    assert v[:7] == pytest.approx([0, 0, 0, 4, 3.6, 3.24, 6.916])
    assert lif.get_spikes() == {0: [13]}
    before = ((4 * 0.9**3 + 4) * 0.9**5 + 4) * 0.9**2 + 4
    assert v[13] == pytest.approx(before - 10, rel=1e-5)
    assert v[23] == pytest.approx((before - 10) * 0.9**10 - 3, rel=1e-5)
    assert stim.get_spikes() == {0: [1, 4, 9, 11], 1: [20, 30]}


def test_two_layers_on_a_board_with_everything_recorded() -> None:
    stim = source({k: [k, 10] for k in range(8)}, 8)
    gate = {"threshold": 5.0, "alpha_decay": 1.0, "reset": "reset_to_v_reset"}
    hidden = snn.Population(600, "lif_no_delay", gate, "hidden", ["spikes"])
    out = snn.Population(2, "lif", KEEPS, "out", ["spikes", "v", "time_done", "n_packets"])
    first = helpers.connection_list_from_dense_weights(np.full((8, 600), 6), delay=0)
    second = helpers.sparse_connection_list_from_dense_weights(np.eye(600, 2, dtype=int), delay=3)
    assert len(first) == 4800 and second == [[0, 0, 1, 3], [1, 1, 1, 3]]
    net = snn.Network("layers")
    net.add(snn.Projection(hidden, out, second), snn.Projection(stim, hidden, first))
    net.add(stim, hidden, out)
    hw = hardware.SpiNNcloud48NodeBoard(stm_ip="192.0.2.1")
    hw.run(net, 20, sys_tick_in_s=2e-3)
    assert hidden.get_spikes()[599] == [1, 2, 3, 4, 5, 6, 7, 8, 11]
    assert out.get_voltages()[0].tolist() == [0] * 5 + [1, 2, 3, 4, 5, 6, 7, 8, 8, 8] + [9] * 5
    (core,) = out.get_n_packets()
    packets, done = out.get_n_packets()[core], out.get_time_done_times()[core]
    assert packets.sum() >= 2 * 9 and packets[0] == 0  # whole slices of `hidden` reach the core
    assert (done > 0).all() and done[packets > 0].min() > done[packets == 0].max()
    assert hw.result is not None and hw.program is not None
    assert hw.result.latency.value == pytest.approx(20 * 2e-3)
    assert hw.result.energy.total.value > 0
    assert len(hw.program.population("hidden").cores) == 3  # 8-bit indices: 256 at most
    net.reset()
    with pytest.raises(BadInput, match="no run yet"):
        out.get_spikes()


@pytest.mark.parametrize("engine", ENGINES)
def test_convolutions_are_the_same_as_their_rows(engine: str) -> None:
    rng = np.random.default_rng(5)
    kernel = rng.integers(-127, 128, (2, 3, 3, 3))  # c_in, c_out, y, x
    params = {
        "in_height": 8,
        "in_width": 6,
        "pad_top": 1,
        "pad_bottom": 1,
        "pool_x": 2,
        "pool_y": 2,
    }
    neurons = {"threshold": 300.0, "alpha_decay": 0.8}
    x = {k: np.flatnonzero(rng.random(12) < 0.3).tolist() for k in range(2 * 8 * 6)}
    stim = source(x, 96)
    conv = snn.Population(3 * 4 * 1, "lif_conv2d", neurons, "conv", ["spikes", "v"])
    rows = snn.Population(3 * 4 * 1, "lif_no_delay", neurons, "rows", ["spikes", "v"])
    table: list[list[int]] = []
    for ci, y, xx, co, oy in np.ndindex(2, 8, 6, 3, 4):
        ky, kx = y // 2 + 1 - oy, xx // 2  # pooled, padded by one row above
        if 0 <= ky < 3 and 0 <= kx < 3:
            table.append([ci * 48 + y * 6 + xx, co * 4 + oy, int(kernel[ci, co, ky, kx]), 0])
    run(
        [stim, conv, rows, snn.Conv2DProjection(stim, conv, kernel, params),
         snn.Projection(stim, rows, table)], 15, engine,
    )  # fmt: skip
    assert sum(map(len, conv.get_spikes().values())) > 5
    assert conv.get_spikes() == rows.get_spikes()
    assert all((conv.get_voltages()[k] == rows.get_voltages()[k]).all() for k in range(12))


# ------------------------------------------------------------------------------ other models
def test_a_poisson_process_needs_no_input_and_repeats() -> None:
    def raster(seed: int, per_core: int, engine: str = "fast") -> dict[int, list[int]]:
        params = {"p": 0.02, "Tref": 3, "seed": seed}
        pop = snn.Population(size=50, neuron_model="poisson_process", params=params, name="noise")
        pop.set_max_atoms_per_core(per_core)
        run([pop], 400, engine)
        return pop.get_spikes()

    found = raster(42, 50)
    assert found == raster(42, 20) == raster(42, 50, "reference")
    assert found != raster(43, 50)
    n = sum(map(len, found.values()))
    rate = 0.02 / (1 + 3 * 0.02)  # a spike every 1 / p ticks and the silent ones
    assert abs(n - rate * 20_000) < 5 * np.sqrt(rate * 20_000)
    gaps = np.concatenate([np.diff(t) for t in found.values()])
    assert gaps.min() >= 4


@pytest.mark.parametrize("engine", ENGINES)
def test_two_coupled_izhikevich_neurons(engine: str) -> None:
    """The public example: the second one has too little current of its own to keep firing."""
    kind = {
        "recovery_decay": 0.02,
        "recovery_sensitivity": 0.2,
        "v_reset": -65.0,
        "reset_recovery_increment": 8.0,
    }
    one = snn.Population(1, "izhikevich", kind | {"i_offset": 20.0}, "izh1", ["spikes", "v"])
    two = snn.Population(1, "izhikevich", kind | {"i_offset": 3.0}, "izh2", ["spikes", "v"])
    alone = snn.Population(1, "izhikevich", kind | {"i_offset": 3.0}, "izh3")
    run([one, two, alone, snn.Projection(one, two, [[0, 0, 15, 1]])], 400, engine)
    assert 10 < len(one.get_spikes()[0]) < 60
    assert len(one.get_spikes()[0]) > len(two.get_spikes()[0]) > len(alone.get_spikes()[0])
    assert one.get_voltages()[0][one.get_spikes()[0]].tolist() == [-65.0] * len(one.get_spikes()[0])


def test_parameters_may_differ_by_neuron() -> None:
    stim = source({0: [0]})
    params = {"threshold": [3.0, 7.0], "alpha_decay": np.array([1.0, 0.5]), "v_init": [1, 2]}
    pop = snn.Population(2, "lif", params, "pop", ["spikes", "v"])
    run([stim, pop, snn.Projection(stim, pop, [[0, 0, 5, 0], [0, 1, 5, 0]])], 3)
    assert pop.get_spikes() == {0: [1], 1: []}
    assert pop.get_voltages()[0].tolist() == [1, 3, 3]
    assert pop.get_voltages()[1].tolist() == [1, 5.5, 2.75]


# ------------------------------------------------------------------------------ weights
@pytest.mark.parametrize(("model", "top"), [("lif", 15), ("lif_no_delay", 127)])
def test_weights_outside_the_word_are_clipped_and_said(model: str, top: int) -> None:
    stim = source({0: [0], 1: [1], 2: [2]}, 3)
    pop = snn.Population(1, model, KEEPS, "pop", ["v"])
    rows: list[list[float]] = [[0, 0, top + 1, 0], [1, 0, -1000, 0], [2, 0, -2.9, 0]]
    with pytest.warns(UserWarning) as said:
        run([stim, pop, snn.Projection(stim, pop, rows)], 5)
    text = " ".join(str(w.message) for w in said)
    assert "projection stim -> pop: 1 of 3 weights lost a fraction" in text
    assert f"2 of 3 weights outside -{top} to {top} were clipped; the largest is 1000" in text
    assert pop.get_voltages()[0].tolist() == [0, top, 0, -2, -2]


def test_models_without_delay_leave_it_unread() -> None:
    stim, pop = source({0: [0]}), snn.Population(1, "lif_no_delay", KEEPS, "pop", ["v"])
    run([stim, pop, snn.Projection(stim, pop, np.array([[0, 0, 99, 100]]))], 3)
    assert pop.get_voltages()[0].tolist() == [0, 99, 99]


def test_spikes_after_the_end_are_left_out() -> None:
    stim = source({0: [0, 2, 3, 100]})
    run([stim], 3)
    assert stim.get_spikes() == {0: [0, 2]}


# ------------------------------------------------------------------------------ the machine
def test_cores_that_are_late_are_named() -> None:
    stim = source({k: [3] for k in range(200)}, 200)
    pop = snn.Population(200, "lif_no_delay", LIF | {"threshold": 1e9}, "pop")
    rows = helpers.connection_list_from_dense_weights(np.ones((200, 200), int), delay=0)
    with pytest.warns(
        UserWarning, match="population pop: core .* on the chip it would fall behind"
    ):
        run([stim, pop, snn.Projection(stim, pop, rows)], 6)


def test_a_chip_can_be_used_for_sample_after_sample() -> None:
    stim, pop = source({0: [0]}), snn.Population(1, "lif", KEEPS, "pop", ["v"])
    net, hw = snn.Network("net"), hardware.SpiNNaker2Chip()
    net.add(stim, pop, snn.Projection(stim, pop, [[0, 0, 3, 0]]))
    for ticks, wanted in (([0], 3), ([0, 1], 6), ([], 0)):
        stim.params = {0: ticks}
        net.reset()
        hw.run(net, 4)
        assert pop.get_voltages()[0][-1] == wanted


def test_two_populations_may_have_one_name() -> None:
    pops = [snn.Population(1, "lif", LIF | {"v_init": v}, "pop", ["v"]) for v in (1.0, 2.0)]
    pops.append(snn.Population(1, "lif", LIF | {"v_init": 3.0}, record=["v"]))
    run(list(pops), 1)
    assert [p.get_voltages()[0][0] for p in pops] == pytest.approx([0.9, 1.8, 2.7])


SCRIPT = """
from spinnaker2 import hardware, helpers, snn
stim = snn.Population(2, "spike_list", {0: [1, 4], 1: [3]}, "stim")
pop = snn.Population(2, "lif", {"threshold": 3.0, "alpha_decay": 0.5}, "pop", ["spikes"])
net = snn.Network("net")
net.add(stim, pop, snn.Projection(pre=stim, post=pop, connections=[[0, 0, 4, 0], [1, 1, 5, 2]]))
hw = hardware.SpiNNaker2Chip(eth_ip="192.168.1.25")
hw.run(net, 10)
print(*helpers.spike_times_dict_to_arrays(pop.get_spikes()))
"""


def test_a_script_runs_with_its_own_imports(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    page = (ROOT / "docs/how-to/py-spinnaker2.md").read_text("utf-8")
    (line,) = (x for x in page.splitlines() if x.startswith("    python -m "))
    done = subprocess.run(
        [sys.executable, *line.split()[1:]],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[0 0 1] [2 5 6]"


def test_the_page_of_the_manual_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power.LIFNoDelayApplication, "dvfs_params", None)
    script, levels = python_blocks("docs/how-to/py-spinnaker2.md")
    exec(script, {})
    assert "latency" in capsys.readouterr().out
    exec(levels, {})
    assert power.of("lif_no_delay") == power.DVFSParams(power.PmgtMode.PL_MODE_AUTO, 200)


def test_helpers() -> None:
    spikes = {0: [1, 4], 1: [], 2: [3]}
    neurons, ticks = helpers.spike_times_dict_to_arrays(spikes)
    assert neurons.tolist() == [0, 0, 2] and ticks.tolist() == [1, 4, 3]
    matrix = helpers.spike_times_to_matrix(spikes, n_timesteps=5)
    assert matrix.tolist() == [[0, 1, 0, 0, 1], [0] * 5, [0, 0, 0, 1, 0]]
