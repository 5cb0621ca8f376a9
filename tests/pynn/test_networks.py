"""What connectors become: rules where they can, lists where they must, and the same synapses."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("pyNN", reason="PyNN is not installed; pip install 'mossy[pynn]'")

from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import Grid2D, Space

import mossy.pynn as sim
from mossy.errors import BadInput, UnsupportedNode
from mossy.pynn import pieces
from mossy.pynn.simulator import state
from mossy.synapses import generate


def kinds(projection: Any) -> list[str]:
    return [p.rule.get("kind", "listed") for p in projection.pieces]


def cells(n: int = 40, **more: Any) -> Any:
    return sim.Population(n, sim.IF_curr_exp(), **more)


@pytest.mark.parametrize(
    ("connector", "kind"),
    [
        (lambda r: sim.AllToAllConnector(), "all_to_all"),
        (lambda r: sim.OneToOneConnector(), "one_to_one"),
        (lambda r: sim.FixedProbabilityConnector(0.1, rng=r), "probability"),
        (lambda r: sim.FixedNumberPreConnector(7, rng=r), "in_degree"),
        (lambda r: sim.FixedNumberPostConnector(7, with_replacement=True, rng=r), "out_degree"),
        (lambda r: sim.FixedTotalNumberConnector(99, rng=r), "total"),
        (lambda r: sim.DistanceDependentProbabilityConnector("d < 5", rng=r), "distance"),
        (lambda r: sim.DistanceDependentProbabilityConnector("0.5*exp(-d/3.0)", rng=r), "distance"),
        (lambda r: sim.DistanceDependentProbabilityConnector("exp(-d**2/8)", rng=r), "distance"),
        (lambda r: sim.DistanceDependentProbabilityConnector("1/(1+d)", rng=r), "listed"),
        (lambda r: sim.FixedProbabilityConnector(0.1, "NoMutual", rng=r), "listed"),
        (lambda r: sim.FromListConnector([(0, 1, 0.1, 2.0), (3, 2, 0.2, 1.0)]), "listed"),
        (lambda r: sim.ArrayConnector(np.eye(40, dtype=bool)), "listed"),
    ],
)
def test_a_rule_stays_a_rule(connector: Any, kind: str) -> None:
    def made() -> Any:
        sim.setup()
        p = cells()
        w = RandomDistribution("normal", mu=0.5, sigma=0.05, rng=NumpyRNG(7))
        synapse = sim.StaticSynapse(weight=w, delay=1.0)
        return sim.Projection(p, p, connector(NumpyRNG(9)), synapse)

    projection = made()
    assert kinds(projection) == [kind]
    listed = projection.get(["weight", "delay"], format="list")
    assert len(listed) == len(projection) == projection.size() > 0
    assert listed == made().get(["weight", "delay"], format="list")
    state.changed()


def test_what_is_reported_is_what_runs() -> None:
    """The synapses that `get` lists are those that the program's own recipe makes."""
    sim.setup()
    a, b = cells(30), cells(50)
    w = RandomDistribution("lognormal", mu=-1.0, sigma=0.4, rng=NumpyRNG(1))
    d = RandomDistribution("uniform", (0.3, 2.0), rng=NumpyRNG(2))
    j = sim.Projection(a, b, sim.FixedNumberPreConnector(5), sim.StaticSynapse(weight=w, delay=d))
    sim.Projection(b, b, sim.OneToOneConnector(), sim.StaticSynapse(weight=3.0))
    got = sorted(j.get(["weight", "delay"], format="list"))
    sim.run(1.0)
    built = state.built()
    core = next(c for c in built.program.cores if c.population == built.name(b))
    recipe = next(r for r in core.recipes if r.n_source == 30)
    start, target, weight, delay = generate.rows(recipe, 0, 50)
    source = np.repeat(np.arange(30), np.diff(start))
    unit = core.params["unit"][0] * 1e9
    wanted = sorted(zip(source, target, weight * unit, delay * 0.1, strict=True))
    assert_allclose(got, wanted, rtol=1e-6)
    assert len({round(x[2] / unit) for x in got}) > 50


def test_inhibitory_conductances_arrive_with_the_other_sign() -> None:
    sim.setup()
    p = sim.Population(1, sim.IF_cond_exp(v_thresh=1e3))
    s = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]))
    synapse = sim.StaticSynapse(weight=0.02, delay=0.1)
    sim.Projection(s, p, sim.AllToAllConnector(), synapse, receptor_type="inhibitory")
    p.record(["gsyn_exc", "gsyn_inh", "v"])
    sim.run(3.0)
    segment = p.get_data().segments[0]
    assert segment.filter(name="gsyn_inh")[0].magnitude.max() == pytest.approx(0.02, rel=1e-6)
    assert not segment.filter(name="gsyn_exc")[0].magnitude.any()
    assert segment.filter(name="v")[0].magnitude[-1, 0] < -65


def test_distances_count_as_the_space_says() -> None:
    sim.setup()
    grid = Grid2D(dx=1.0, dy=1.0)
    p = cells(100, structure=grid)
    ring = Space(axes="xy", periodic_boundaries=((0, 10), (0, 10), None))
    near = sim.DistanceDependentProbabilityConnector("d <= 1.0", allow_self_connections=False)
    flat = sim.Projection(p, p, near, sim.StaticSynapse(weight=0.1))
    closed = sim.Projection(p, p, near, sim.StaticSynapse(weight=0.1), space=ring)
    assert (len(flat), len(closed)) == (2 * 2 * 90, 400)
    delays = sim.StaticSynapse(weight=0.1, delay="0.1 + d")
    far = sim.Projection(p, p, sim.AllToAllConnector(), delays, space=ring)
    assert max(d for _, _, d in far.get("delay", format="list")) == pytest.approx(0.1 + 50**0.5)


def test_views_and_assemblies_meet_the_right_cells() -> None:
    sim.setup()
    a, b = cells(10), cells(6)
    synapse = sim.StaticSynapse(weight=0.1)
    every = a + b
    j = sim.Projection(a[2:5], every, sim.AllToAllConnector(), synapse)
    assert len(j) == 3 * 16
    assert {(i, k) for i, k, _ in j.get("weight", format="list")} == {
        (i, k) for i in range(3) for k in range(16)
    }
    assert [p.rows.tolist() for p in j.pieces] == [[2, 3, 4], [2, 3, 4]]
    whole = sim.Projection(every, every, sim.FixedProbabilityConnector(0.5), synapse)
    assert kinds(whole) == ["probability"] * 4
    own = sim.Projection(a, every, sim.AllToAllConnector(allow_self_connections=False), synapse)
    assert len(own) == 10 * 16 - 10


def test_weights_and_delays_can_be_set_and_are_run() -> None:
    sim.setup()
    s = sim.Population(3, sim.SpikeSourceArray(spike_times=[1.0]))
    p = sim.Population(3, sim.IF_curr_delta(v_thresh=1e3, tau_m=1e9))
    j = sim.Projection(s, p, sim.OneToOneConnector(), sim.StaticSynapse(weight=1.0, delay=0.5))
    p.record("v")
    j.set(weight=[1.0, 2.0, 4.0])
    j[1].delay = 2.0
    assert [c.as_tuple("weight", "delay") for c in j.connections] == [
        (1.0, 0.5), (2.0, 2.0), (4.0, 0.5),
    ]  # fmt: skip
    sim.run(2.0)
    j.set(weight=8.0)  # what is under way keeps its weight no longer: it is looked up on arrival
    sim.run(3.0)
    v = p.get_data().segments[0].filter(name="v")[0].magnitude + 65
    assert_allclose(v[20], [1, 0, 4], atol=2e-3)
    assert_allclose(v[-1], [1, 8, 4], atol=4e-3)


def test_distributions_of_pynn_are_those_of_a_recipe() -> None:
    def of(*args: Any, **more: Any) -> Any:
        return pieces.draw(RandomDistribution(*args, **more))

    assert of("uniform", (1, 2)).bounds == (1, 2)
    assert of("normal_clipped", mu=1, sigma=2, low=0, high=3).bounds == (0, 3)
    assert of("normal_clipped_to_boundary", mu=1, sigma=2, low=0, high=3).clip
    assert of("exponential", beta=2.0).a == 2.0
    assert of("gamma", k=2.0, theta=1.0) is None
    narrow, broad = (of("normal", mu=1.0, sigma=s) for s in (0.1, 1.0))
    assert pieces.signed(narrow, 1, False, 1e6).low == 0.0
    assert pieces.signed(broad, 1, False, 10) is None
    assert pieces.in_steps(of("normal", mu=0.15, sigma=0.1), 0.1).bounds[0] == 1.0


def test_weights_of_the_wrong_sign_are_pynns_own_error() -> None:
    sim.setup()
    p = cells()
    for w in (-0.1, RandomDistribution("normal", mu=0.1, sigma=0.2, rng=NumpyRNG(1))):
        synapse = sim.StaticSynapse(weight=w)
        with pytest.raises(sim.errors.ConnectionError, match="Weights must be"):
            sim.Projection(p, p, sim.AllToAllConnector(), synapse, receptor_type="excitatory")


def test_shortest_and_longest_delay_are_those_there_are() -> None:
    sim.setup()
    p = cells()
    assert sim.get_min_delay() == 0.1
    for d in (0.7, 3.2):
        synapse = sim.StaticSynapse(weight=0.1, delay=d)
        sim.Projection(p, p, sim.OneToOneConnector(), synapse)
    assert (sim.get_min_delay(), sim.get_max_delay()) == pytest.approx((0.7, 3.2))
    sim.setup(min_delay=0.5, max_delay=9.0)
    assert (sim.get_min_delay(), sim.get_max_delay()) == (0.5, 9.0)
    assert_array_equal(sim.StaticSynapse().parameter_space["delay"].base_value, 0.5)


# ------------------------------------------------------------------------------ what is refused
def test_a_weight_lost_in_rounding_is_told() -> None:
    sim.setup()
    a, b = cells(2), cells(2)
    for w in (1e-5, 1.0):
        sim.Projection(a, b, sim.AllToAllConnector(), sim.StaticSynapse(weight=w), label=f"w{w}")
    with pytest.warns(UserWarning, match=r'w1e-05: weights of 1e-05 change by 100 % .*"double"'):
        sim.run(0.1)
    sim.setup(precision="double")
    a, b = cells(2), cells(2)
    for w in (1e-5, 1.0):
        sim.Projection(a, b, sim.AllToAllConnector(), sim.StaticSynapse(weight=w))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sim.run(0.1)


@pytest.mark.parametrize("name", ["STDPMechanism", "TsodyksMarkramSynapse", "SpikeSourceGamma"])
def test_what_is_not_there_says_so(name: str) -> None:
    with pytest.raises(UnsupportedNode, match=rf"\[E0267\] sim\.{name}: .* Try: sim\."):
        getattr(sim, name)()


def test_a_chip_without_the_cell_is_named() -> None:
    sim.setup(chip="loihi1")
    cells(2)
    with pytest.raises(UnsupportedNode, match=r"\[E0266\] loihi1, .*got IF_curr_exp.*sim\.setup\("):
        sim.run(1.0)
    sim.setup()


def test_settings_that_are_wrong() -> None:
    with pytest.raises(BadInput, match=r"\[E0269\] unknown precision; got 'half'; allowed: single"):
        sim.setup(precision="half")
    with pytest.raises(BadInput, match=r"\[E0501\].*cpu"):
        sim.setup(chip="cpo")
    sim.setup()


def test_cells_of_another_backend_are_refused() -> None:
    from pyNN.standardmodels.cells import IF_curr_exp

    sim.setup()
    with pytest.raises(UnsupportedNode, match=r"\[E0268\].*import the cell types from mossy\.pynn"):
        sim.Population(1, IF_curr_exp())


def test_a_cell_that_could_burst_within_a_step_is_refused() -> None:
    sim.setup(timestep=1.0)
    sim.Population(2, sim.EIF_cond_exp_isfa_ista(tau_refrac=0.1), label="adaptive")
    with pytest.raises(UnsupportedNode, match=r"\[E0270\] population adaptive: .*tau_refrac"):
        sim.run(1.0)


def test_one_current_is_not_parted_in_the_middle_of_a_run() -> None:
    sim.setup()
    p = cells(2)
    sim.run(1.0)
    p.set(tau_syn_E=3.0)
    with pytest.raises(UnsupportedNode, match=r"\[E0271\].*tau_syn_E and tau_syn_I differ"):
        sim.run(1.0)
    sim.reset()
    sim.run(1.0)
