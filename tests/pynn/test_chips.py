"""Scripts on chips: beside the float form, changes on the way, costs, refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("pyNN", reason="PyNN is not installed; pip install 'mossy[pynn]'")

from pyNN.random import NumpyRNG, RandomDistribution

import mossy.pynn as sim
from mossy.errors import UnsupportedNode
from mossy.pynn.simulator import state
from tests.pynn.chip_network import CHIPS, COARSE, network, trains, v_of

pytestmark = pytest.mark.filterwarnings(COARSE)


# --------------------------------------------------------------------------- beside the float form
@pytest.mark.parametrize("chip", CHIPS)
def test_rates_are_those_of_this_computer(chip: str) -> None:
    """Within 3 and 5 %, under the same Poisson spikes; on one chip weights have 4 bits."""
    rates = {}
    for name in (None, chip):
        made = network(name)
        sim.run(3000.0)
        rates[name] = [sum(map(len, trains(p))) for p in (*made.cells, made.sources[1])]
    assert rates[chip][2] == pytest.approx(rates[None][2], abs=24)  # those sent before time 0
    share = {"spinnaker1": 0.03, "spinnaker2": 0.05}[chip]
    assert rates[chip] == pytest.approx(rates[None], rel=share)
    assert min(rates[None]) > 150


@pytest.mark.parametrize(("chip", "error"), [("spinnaker1", 0.01), ("spinnaker2", 1e-5)])
def test_one_spike_moves_the_potential_when_and_as_it_should(chip: str, error: float) -> None:
    """The exact solution from 2 + 3 ms on; tau_m 20 ms, tau_s 5 ms."""
    sim.setup(timestep=1.0, chip=chip)
    cell = sim.Population(1, sim.IF_curr_exp(tau_m=20.0, cm=1.0, tau_syn_E=5.0, v_rest=-60.0))
    cell.initialize(v=-60.0)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    sim.Projection(source, cell, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.75, delay=3.0))
    cell.record("v")
    sim.run(40.0)
    t = np.maximum(np.arange(41) - 5.0, 0)
    wanted = 0.75 * 20 * 5 / 15 * (np.exp(-t / 20) - np.exp(-t / 5))
    found = v_of(cell)[:, 0] + 60
    assert not found[:6].any() and found[6] > 0
    assert_allclose(found, wanted, atol=error * wanted.max())


@pytest.mark.parametrize("chip", CHIPS)
def test_a_spike_has_the_time_of_the_tick_that_found_it(chip: str) -> None:
    """A chain: 1 ms, a delay of 3 and one of 2. In tick 4 the first neuron fires, in 6 the next."""
    sim.setup(timestep=1.0, chip=chip)
    cells = sim.Population(2, sim.IF_curr_exp(cm=0.1, tau_refrac=5.0))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[0.0, 1.0]))
    strong = sim.StaticSynapse(weight=8.0, delay=3.0)
    sim.Projection(source, cells[0:1], sim.AllToAllConnector(), strong)
    sim.Projection(
        cells[0:1], cells[1:2], sim.AllToAllConnector(), sim.StaticSynapse(weight=8.0, delay=2.0)
    )
    cells.record(["spikes", "v"])
    source.record("spikes")
    sim.run(3.0)  # the first spike arrives in the tick that begins here
    sim.run(6.0)
    assert trains(source) == [[0.0, 1.0]] and trains(cells) == [[3.0], [5.0]]
    assert v_of(cells)[4, 0] == -65.0  # reset in tick 3


# ------------------------------------------------------------------------------ what changes
@pytest.mark.parametrize(("chip", "unit"), [("spinnaker1", 2.0**-14), ("spinnaker2", 0.9 / 127)])
def test_weights_are_told_as_the_chip_has_them(chip: str, unit: float) -> None:
    sim.setup(timestep=1.0, chip=chip)
    a, b = sim.Population(3, sim.IF_curr_exp()), sim.Population(3, sim.IF_curr_exp())
    drawn = RandomDistribution("uniform", (0.1, 0.9), rng=NumpyRNG(1))
    j = sim.Projection(a, b, sim.OneToOneConnector(), sim.StaticSynapse(weight=0.3, delay=1.0))
    k = sim.Projection(a, b, sim.OneToOneConnector(), sim.StaticSynapse(weight=drawn, delay=1.0))
    k.set(weight=[0.9, 0.123456, 0.5])
    assert [w for *_, w in k.get("weight", format="list")] == pytest.approx(
        [round(w / unit) * unit for w in (0.9, 0.123456, 0.5)], rel=1e-12
    )
    whole = np.array([w for *_, w in j.get("weight", format="list")]) / unit
    assert_allclose(whole, np.rint(0.3 / unit), rtol=1e-9)
    assert k[1].weight != 0.123456
    k[1].weight = 0.25
    assert k[1].weight == pytest.approx(round(0.25 / unit) * unit)
    sim.run(2.0)
    k.set(weight=drawn)
    sim.run(2.0)
    assert all(0.09 < w < 0.91 for *_, w in k.get("weight", format="list"))


@pytest.mark.parametrize("chip", CHIPS)
def test_inhibitory_weights_have_a_scale_of_their_own(chip: str) -> None:
    sim.setup(timestep=1.0, chip=chip)
    a = sim.Population(40, sim.IF_curr_exp())
    b = sim.Population(2, sim.IF_curr_exp(tau_syn_I=20.0))
    for weight, kind in ((0.7, "excitatory"), (-0.01, "inhibitory")):
        synapse = sim.StaticSynapse(weight=weight, delay=1.0)
        j = sim.Projection(a, b, sim.AllToAllConnector(), synapse, receptor_type=kind)
    ((_, _, told), *_) = j.get("weight", format="list")
    q = state.built().quantised[b.label]
    whole = abs(told) * 1e-9 * q.negative_scale
    assert told < 0 and whole == pytest.approx(round(whole)) and round(whole) > 0
    assert q.negative_scale != q.weight_scale


@pytest.mark.parametrize("chip", CHIPS)
def test_parameters_states_and_currents_change_on_the_way(chip: str) -> None:
    sim.setup(timestep=1.0, chip=chip)
    p = sim.Population(4, sim.IF_curr_exp(v_thresh=1e3, tau_m=10.0, cm=0.5))
    s = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]))
    sim.Projection(s, p, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.01, delay=1.0))
    p[3:4].inject(sim.DCSource(amplitude=0.5, start=10.0, stop=200.0))
    p.record("v")
    sim.run(50.0)
    live = state._live
    p[1:2].set(i_offset=0.25)
    sim.run(150.0)
    assert state._live is live  # the network stays
    v = v_of(p)
    assert_allclose(v[-1], [-65, -60, -65, -55], atol=0.02)
    assert_allclose(v[10, 3], v[10, 0])
    p[0:1].initialize(v=-40.0)
    sim.run(10.0)
    assert_allclose(v_of(p)[-1, :1], -65 + 25 * np.exp(-1), atol=0.02)
    before = v_of(p)[-1]
    p.set(cm=1.0)  # other gains: on a chip whose weights hold them, all registers change
    sim.run(100.0)
    after = v_of(p)
    assert_allclose(after[210], before)
    assert_allclose(after[211] + 65, (before + 65) * np.exp(-0.1), atol=0.3)
    assert_allclose(after[-1], [-65, -62.5, -65, -65], atol=0.02)


def test_cells_whose_potential_jumps() -> None:
    sim.setup(timestep=1.0, chip="spinnaker2")
    p = sim.Population(2, sim.IF_curr_delta(tau_m=20.0, v_thresh=[-60.0, 0.0], tau_refrac=0.1))
    s = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0, 4.0]))
    sim.Projection(s, p, sim.AllToAllConnector(), sim.StaticSynapse(weight=4.0, delay=2.0))
    p.record(["spikes", "v"])
    sim.run(10.0)
    v = v_of(p) + 65
    assert_allclose(v[4:7, 1], 4 * np.exp(-np.arange(3) / 20), rtol=1e-6)
    assert not v[:4].any() and trains(p) == [[6.0], []]
    with pytest.raises(UnsupportedNode, match=r"\[E0273\] .*up to 2 steps.*tau_refrac=0\.0"):
        p.set(tau_refrac=2.0)


# ------------------------------------------------------------------------------ what it cost
@pytest.mark.parametrize("chip", [*CHIPS, None])
def test_runs_have_results(chip: str | None) -> None:
    network(chip)
    assert sim.results() == ()
    sim.run(20.0)
    sim.run(30.0)
    first, second = sim.results()
    assert first.counts.shape[1] == 20 and second.counts.shape[1] == 30
    assert first.counts.mean("neuron_updates") == 33 * 20
    assert second.counts.mean("synaptic_events") > second.counts.mean("spikes") > 0
    assert second.energy.total.value > 0
    if chip:
        assert second.latency.value == pytest.approx(30e-3)
        assert f"{30} ms" in str(second.report())
    sim.reset()
    assert sim.results() == ()


def test_a_chip_with_a_timer_can_run_slower_than_its_model() -> None:
    network("spinnaker1", dt=0.1, time_scale_factor=20)
    sim.run(5.0)
    assert sim.results()[0].latency.value == pytest.approx(0.1)
    network("spinnaker1", dt=0.1)
    sim.run(5.0)
    assert sim.results()[0].latency.value == pytest.approx(0.05)


def test_poisson_spikes_are_those_of_this_computer() -> None:
    """From the ones sent after time 0 on; a source that feeds neurons is a core that sends."""
    found = []
    for chip in (None, *CHIPS):
        made = network(chip)
        sim.run(50.0)
        found.append(trains(made.sources[1]))
        assert (state.built().name(made.sources[1]) is None) == (chip is None)
    assert found[0] == found[1] == found[2]


def test_the_examples_of_the_manual_run(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/pynn.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    for block in blocks:
        exec(compile(block, "pynn.md", "exec"), {})
    assert len(blocks) == 2
    printed = capsys.readouterr().out
    assert "500 ms" in printed and re.search(r"\d mJ", printed)


# ------------------------------------------------------------------------------ what is refused
def refused(chip: str, cell: Any, delay: float = 1.0, weight: float = 0.1, **setup: Any) -> str:
    sim.setup(timestep=1.0, chip=chip, **setup)
    p = sim.Population(2, cell, label="a")
    synapse = sim.StaticSynapse(weight=weight, delay=delay)
    sim.Projection(p, p, sim.AllToAllConnector(), synapse)
    with pytest.raises(UnsupportedNode) as found:
        sim.run(1.0)
    sim.setup()
    return str(found.value)


def test_cells_that_a_chip_lacks_are_refused_with_those_it_has() -> None:
    text = refused("spinnaker1", sim.IF_cond_exp())
    assert "[E0266] spinnaker1, population a: the chip has no such cell; got IF_cond_exp" in text
    assert "allowed: IF_curr_exp. Try: sim.setup() without chip=" in text
    assert "allowed: IF_curr_exp, IF_curr_delta." in refused("spinnaker2", sim.Izhikevich())


def test_delays_that_a_chip_cannot_hold_are_refused() -> None:
    text = refused("spinnaker1", sim.IF_curr_exp(), delay=40_000.0)
    assert "[E0274] spinnaker1, projections onto a: a delay is longer than the chip" in text
    assert "got 40000 steps of 1 ms; allowed: 1 to 36864 steps" in text
    assert "allowed: 1 to 8 steps" in refused("spinnaker2", sim.IF_curr_exp(), delay=9.0)


def delayed(*runs: float, change: bool = False, delay: float = 200.0) -> Any:
    """Spikes (cell, step) of cells that hear each other much later, in several runs."""
    sim.setup(timestep=1.0, chip="spinnaker1")
    given = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0, 60.0]))
    cells = sim.Population(200, sim.IF_curr_exp(tau_refrac=30.0), label="cells")
    near, far = (sim.StaticSynapse(weight=w, delay=d) for w, d in ((6.0, 1.0), (6.0, delay)))
    sim.Projection(given, cells, sim.FromListConnector([(0, 0)]), near)
    chain = [(i, i + 1) for i in range(4)]
    sim.Projection(cells, cells, sim.FromListConnector(chain), far)
    cells.record("spikes")
    for k, time in enumerate(runs):
        sim.run(time)
        if change and not k:
            more = sim.StaticSynapse(weight=0.01, delay=2.0)  # the network is built anew
            sim.Projection(cells, cells, sim.FromListConnector([(150, 151)]), more)
    found = [
        (i, round(float(t))) for i, times in enumerate(cells.get_data().segments[0].spiketrains)
        for t in times if i < 5
    ]  # fmt: skip
    sim.setup()
    return np.array(found)


def test_long_delays_go_by_delay_cores() -> None:
    """Four hops of 200 ms, where a ring buffer holds 32: each cell passes both spikes on."""
    whole = delayed(900.0)
    assert whole.shape == (10, 2) and np.unique(whole[:, 0]).tolist() == [0, 1, 2, 3, 4]
    waits = np.diff(whole[::2, 1])
    assert (waits == waits[0]).all() and 200 <= waits[0] <= 212
    for change in (False, True):
        assert (delayed(205.0, 295.0, 400.0, change=change) == whole).all()


def test_delays_of_sources_that_no_ring_buffer_holds_are_refused() -> None:
    sim.setup(timestep=1.0, chip="spinnaker1")
    given = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]), label="given")
    cells = sim.Population(256, sim.IF_curr_exp(), label="cells")
    synapse = sim.StaticSynapse(weight=1.0, delay=129.0)
    sim.Projection(given, cells, sim.AllToAllConnector(), synapse)
    with pytest.raises(UnsupportedNode) as found:
        sim.run(1.0)
    sim.setup()
    text = str(found.value)
    assert "[E0274] spinnaker1, given delayed: a delay from a source is longer" in text
    assert "several spikes in a step" in text


def test_a_chip_has_no_other_precision() -> None:
    text = refused("spinnaker1", sim.IF_curr_exp(), precision="double")
    assert "[E0275] spinnaker1, population a: the chip has an arithmetic of its own" in text
    assert 'got precision="double"' in text and "leave precision out" in text


def test_gains_that_a_chip_cannot_hold_are_refused() -> None:
    assert "[E0283]" in refused("spinnaker2", sim.IF_curr_exp(tau_syn_I=[3.0, 4.0]))


def test_weights_that_few_bits_change_are_told() -> None:
    sim.setup(timestep=1.0, chip="spinnaker2")
    a = sim.Population(2, sim.IF_curr_exp())
    for w in (0.03, 1.0):
        synapse = sim.StaticSynapse(weight=w, delay=2.0)
        sim.Projection(a, a, sim.AllToAllConnector(), synapse, label=f"w{w}")
    with pytest.warns(UserWarning, match=r"w0\.03: weights of 0\.03 change by 100 % .*own words"):
        sim.run(1.0)
