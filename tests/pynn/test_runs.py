"""A script's run: time, pieces, changes on the way, sources, recordings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

pytest.importorskip("pyNN", reason="PyNN is not installed; pip install 'mossy[pynn]'")

from pyNN.random import NumpyRNG, RandomDistribution

import mossy.pynn as sim


def v_of(population: Any, segment: int = -1) -> NDArray[np.float64]:
    signal = population.get_data().segments[segment].filter(name="v")[0]
    return np.asarray(signal.magnitude)


def trains(population: Any) -> list[list[float]]:
    return [t.magnitude.tolist() for t in population.get_data().segments[-1].spiketrains]


def small(threads: int = 1, seed: int = 3, precision: str = "single") -> tuple[Any, Any]:
    """Sixty neurons that keep each other busy, driven by Poisson sources."""
    sim.setup(timestep=0.1, threads=threads, precision=precision)
    rng = NumpyRNG(seed=seed)
    cells = sim.Population(
        60, sim.IF_curr_exp(tau_m=10.0, cm=0.25, tau_refrac=2.0, tau_syn_I=3.0),
        initial_values={"v": RandomDistribution("uniform", (-65, -50), rng=rng)},
    )  # fmt: skip
    noise = sim.Population(60, sim.SpikeSourcePoisson(rate=3000.0))
    few = sim.Population(20, sim.SpikeSourcePoisson(rate=40.0))
    sim.Projection(noise, cells, sim.OneToOneConnector(), sim.StaticSynapse(weight=0.08, delay=1.0))
    drawn = sim.StaticSynapse(
        weight=RandomDistribution("normal", mu=0.1, sigma=0.01, rng=rng),
        delay=RandomDistribution("uniform", (0.5, 4.0), rng=rng),
    )
    sim.Projection(few, cells, sim.FixedProbabilityConnector(0.2, rng=rng), drawn)
    sim.Projection(
        cells, cells, sim.FixedNumberPreConnector(6, rng=rng),
        sim.StaticSynapse(weight=-0.3, delay=1.5), receptor_type="inhibitory",
    )  # fmt: skip
    cells.record(["spikes", "v"])
    return cells, few


def test_threads_and_pieces_change_nothing_and_another_seed_does() -> None:
    cells, _ = small()
    sim.run(100.0)
    spikes, v = trains(cells), v_of(cells)
    assert sum(map(len, spikes)) > 100
    cells, few = small(threads=2)
    for _ in range(4):
        sim.run(12.5)
        few.set(start=0.0)  # no change
    sim.run_until(100.0)
    assert trains(cells) == spikes
    assert_array_equal(v_of(cells), v)
    cells, _ = small(seed=4)
    sim.run(100.0)
    assert trains(cells) != spikes


def test_a_network_that_is_changed_on_the_way_inherits_everything() -> None:
    cells, _ = small()
    sim.run(100.0)
    spikes, v = trains(cells), v_of(cells)
    cells, _ = small()
    sim.run(41.3)
    other = sim.Population(3, sim.IF_cond_exp())  # a new network, which is the old one
    sim.Projection(cells, other, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.0))
    sim.run(58.7)
    assert trains(cells) == spikes
    assert_array_equal(v_of(cells), v)


def test_reset_gives_the_same_again_in_a_segment_of_its_own() -> None:
    cells, _ = small()
    sim.run(20.0)
    sim.reset()
    sim.run(20.0)
    assert len(cells.get_data().segments) == 2
    assert_array_equal(v_of(cells, 0), v_of(cells, 1))
    assert v_of(cells).shape == (201, 60)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_one_spike_arrives_after_its_delay_with_the_published_solution(precision: str) -> None:
    """V = w tau_m tau_s / (C (tau_m - tau_s)) (exp(-t / tau_m) - exp(-t / tau_s)), t from 2.5."""
    sim.setup(timestep=0.1, precision=precision)
    cell = sim.Population(1, sim.IF_curr_exp(tau_m=20.0, cm=1.0, tau_syn_E=5.0, v_rest=-60.0))
    cell.initialize(v=-60.0)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    sim.Projection(source, cell, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.7, delay=0.5))
    cell.record("v")
    sim.run(30.0)
    t = np.maximum(np.arange(301) * 0.1 - 2.5, 0)
    wanted = -60 + 0.7 * 20 * 5 / 15 * (np.exp(-t / 20) - np.exp(-t / 5))
    assert_allclose(v_of(cell)[:, 0], wanted, atol=2e-6 if precision == "single" else 1e-10)


def test_noise_is_the_source_that_is_recorded() -> None:
    """A neuron fed the recorded spikes of the source does what the one with noise does."""
    sim.setup(timestep=0.1)
    cells = sim.Population(4, sim.IF_curr_exp(v_thresh=1e3))
    source = sim.Population(4, sim.SpikeSourcePoisson(rate=[50.0, 200.0, 0.0, 1000.0]))
    synapse = sim.StaticSynapse(weight=0.25, delay=0.3)
    sim.Projection(source, cells, sim.OneToOneConnector(), synapse)
    cells.record("v")
    source.record("spikes")
    sim.run(200.0)
    assert sim.simulator.state.built().noise  # it has become noise
    v, times = v_of(cells), trains(source)
    assert [len(t) > 0 for t in times] == [True, True, False, True]
    sim.setup(timestep=0.1)
    cells = sim.Population(4, sim.IF_curr_exp(v_thresh=1e3))
    source = sim.Population(4, sim.SpikeSourceArray(spike_times=times))
    sim.Projection(source, cells, sim.OneToOneConnector(), synapse)
    cells.record("v")
    sim.run(200.0)
    difference = v - v_of(cells)  # only what was under way at time 0 is not recorded
    early = np.abs(difference[4]) > 1e-6
    assert not difference[:, ~early].any() and not early.all()


def test_poisson_spikes_have_their_rate_and_do_not_depend_on_the_cut() -> None:
    def drawn(cuts: list[float]) -> list[list[float]]:
        sim.setup(timestep=0.1)
        p = sim.Population(50, sim.SpikeSourcePoisson(rate=80.0, start=100.0, duration=500.0))
        p.record("spikes")
        for time in cuts:
            sim.run(time)
        return trains(p)

    spikes = drawn([1000.0])
    assert spikes == drawn([0.1, 99.9, 333.3, 566.7])
    every = np.concatenate(spikes)
    assert every.min() > 100 and every.max() <= 600
    assert len(every) == pytest.approx(50 * 40, abs=5 * np.sqrt(2000))


def test_recordings_of_some_cells_some_of_the_time() -> None:
    cells, _ = small()
    cells.record(None)
    cells[5:9].record("v", sampling_interval=0.5)
    cells[[7, 30]].record("spikes")
    sim.run(20.0)
    block = cells.get_data(clear=True)
    signal = block.segments[0].filter(name="v")[0]
    assert signal.shape == (41, 4)
    assert_array_equal(signal.array_annotations["channel_index"], [5, 6, 7, 8])
    assert [t.annotations["source_index"] for t in block.segments[0].spiketrains] == [7, 30]
    assert block.annotations["simulator"] == "mossy"
    last = signal.magnitude[-1]
    sim.run(20.0)
    later = cells.get_data().segments[0].filter(name="v")[0]
    assert later.t_start == 20.0 * later.t_start.units and later.shape == (41, 4)
    assert_array_equal(later.magnitude[0], last)


def test_parameters_and_states_change_on_the_way() -> None:
    sim.setup(timestep=0.1)
    p = sim.Population(2, sim.IF_curr_exp(v_thresh=1e3, tau_m=10.0, cm=0.5))
    p.record("v")
    sim.run(5.0)
    p[1:2].set(i_offset=0.25)
    sim.run(200.0)
    assert_allclose(v_of(p)[-1], [-65.0, -65 + 0.25 * 10 / 0.5], atol=1e-4)
    assert p.get("i_offset").tolist() == [0.0, 0.25]
    assert p[1].i_offset == 0.25
    p[0:1].initialize(v=-40.0)
    sim.run(10.0)
    assert v_of(p)[-1, 0] == pytest.approx(-65 + 25 * np.exp(-1), abs=1e-3)


@pytest.mark.parametrize(
    ("cell", "extra"),
    [
        ("IF_curr_alpha", {}), ("IF_curr_delta", {}), ("IF_cond_exp", {}), ("IF_cond_alpha", {}),
        ("EIF_cond_exp_isfa_ista", {}), ("EIF_cond_alpha_isfa_ista", {}), ("HH_cond_exp", {}),
        ("Izhikevich", {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("precision", ["single", "double"])
def test_every_cell_rests_is_driven_and_answers_a_spike(
    cell: str, extra: dict[str, float], precision: str
) -> None:
    sim.setup(timestep=0.1, precision=precision)
    kind = getattr(sim, cell)
    jumps = cell in ("IF_curr_delta", "Izhikevich")
    drive = 0.01 if cell == "Izhikevich" else 1.0
    p = sim.Population(3, kind(i_offset=[0.0, drive, 0.0], **extra))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[30.0]))
    weight = 5.0 if jumps else 0.05
    sim.Projection(source, p[2:3], sim.AllToAllConnector(), sim.StaticSynapse(weight=weight))
    p.record(["spikes", "v"])
    sim.run(60.0)
    v, sent = v_of(p), trains(p)
    assert len(sent[1]) > 1 and not sent[0]
    assert_array_equal(v[:301, 0], v[:301, 2])
    assert np.abs(v[301:, 2] - v[301:, 0]).max() > 0.05
    assert np.isfinite(v).all()


def test_currents_flow_when_they_say() -> None:
    """Constant 0.2 nA from 10 to 20 ms into an integrator without leak (almost)."""
    sim.setup(timestep=0.1)
    p = sim.Population(2, sim.IF_curr_exp(tau_m=1e7, cm=1.0, v_thresh=1e3))
    source = sim.DCSource(amplitude=0.2, start=10.0, stop=20.0)
    steps = sim.StepCurrentSource(times=[5.0, 15.0], amplitudes=[0.1, 0.0])
    p[0].inject(source)
    p.inject(steps)
    p.record("v")
    sim.run(40.0)
    v = v_of(p) + 65
    assert_allclose(v[[50, 100, 200, 400], 1], [0, 0.5, 1.0, 1.0], atol=2e-3)
    assert_allclose(v[[100, 150, 200, 400], 0], [0.5, 2.0, 3.0, 3.0], atol=2e-3)
