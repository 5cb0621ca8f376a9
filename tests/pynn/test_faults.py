"""Parts of a chip that die while a script runs: over all its runs, and in what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyNN", reason="PyNN is not installed; pip install 'mossy[pynn]'")

import mossy.pynn as sim
from mossy.errors import BadInput
from mossy.pynn.simulator import state
from tests.pynn.chip_network import CHIPS, COARSE, trains

pytestmark = pytest.mark.filterwarnings(COARSE)
STEP, END, SIZE = 20, 40, 400


def script(chip: str, *runs: float, more: bool = False, faults: Any = ()) -> Any:
    """Cells on several cores, each with a source of its own and deaf to the others."""
    sim.setup(timestep=1.0, chip=chip, threads=1, faults=faults)
    times = [np.arange(1.0 + i % 3, END, 4.0) for i in range(SIZE)]
    sources = sim.Population(SIZE, sim.SpikeSourceArray(spike_times=times), label="sources")
    cells = sim.Population(SIZE, sim.IF_curr_exp(cm=0.1, tau_refrac=1.0), label="cells")
    strong = sim.StaticSynapse(weight=8.0, delay=2.0)
    sim.Projection(sources, cells, sim.OneToOneConnector(), strong)
    cells.record("spikes")
    for k, time in enumerate(runs):
        sim.run(time)
        if more and not k:  # the network is built anew
            held = sim.StaticSynapse(weight=-8.0, delay=1.0)
            ends = sim.FromListConnector([(0, 1)])
            sim.Projection(sources, cells, ends, held, receptor_type="inhibitory")
    return cells


def core_of(population: str, neuron: int) -> Any:
    built = state.built()
    assert built is not None
    return next(
        c for c in built.program.cores if c.population == population and c.lo <= neuron < c.hi
    )


def named(core: Any) -> str:
    return "core " + ",".join(map(str, core.place))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("when", [f"{STEP}", f"{STEP * 1e-3} s"])
def test_a_dead_core_loses_its_spikes_and_no_others(chip: str, when: str) -> None:
    whole = trains(script(chip, END))
    dead = core_of("cells", 300)
    part = f"{named(dead)} @ {when}"
    for runs in ((END,), (15.0, 25.0), (STEP, 3.0, 17.0)):
        hurt = trains(script(chip, *runs, faults=[part]))
        for i, (a, b) in enumerate(zip(whole, hurt, strict=True)):
            assert b == ([t for t in a if t < STEP] if dead.lo <= i < dead.hi else a), i
    lost = sum(map(len, whole)) - sum(map(len, hurt))
    assert 0 < dead.n < SIZE and lost > dead.n


@pytest.mark.parametrize("chip", CHIPS)
def test_results_of_runs_show_what_was_lost(chip: str) -> None:
    script(chip, END)
    part = f"{named(core_of('cells', 300))} @ {STEP}"
    script(chip, END, faults=part)
    (one,) = sim.results()
    script(chip, 15.0, 10.0, 15.0, faults=part)
    results = sim.results()
    assert [f.at for r in results for f in r.faults] == [20, 5, 0]
    for name in one.counts.names:
        pieces = np.concatenate([r.counts[name] for r in results], axis=1)
        np.testing.assert_array_equal(pieces, one.counts[name], err_msg=name)
    assert results[0].counts.mean("packets_lost") == 0 < results[1].counts.mean("packets_lost")
    assert "died at step 5" in str(results[1].report())
    assert "died at step 20, after the end of the run" in str(results[0].report())
    whole = sum(r.counts.mean("neuron_updates") for r in results)
    assert whole == SIZE * END - core_of("cells", 300).n * (END - STEP)


@pytest.mark.parametrize("chip", CHIPS)
def test_a_dead_core_of_sources_is_given_no_spikes(chip: str) -> None:
    whole = trains(script(chip, END))
    dead = core_of("sources", 300)
    hurt = trains(script(chip, 15.0, 25.0, faults=f"{named(dead)} @ {STEP}"))
    for i, (a, b) in enumerate(zip(whole, hurt, strict=True)):
        if dead.lo <= i < dead.hi:  # what was sent before still arrives, and decays
            early = [t for t in a if t <= STEP + 1]
            assert b[: len(early)] == early and len(b) < len(a)
        else:
            assert b == a
    second = sim.results()[1]
    sent = second.counts["spikes"][0, :, dead.number]
    assert sent[:5].any() and not sent[5:].any()


@pytest.mark.parametrize("chip", CHIPS)
def test_the_dead_stay_dead_in_a_network_that_is_built_anew(chip: str) -> None:
    whole = trains(script(chip, 30.0, 10.0, more=True))
    dead = core_of("cells", 300)
    hurt = trains(script(chip, 30.0, 10.0, more=True, faults=f"{named(dead)} @ {STEP}"))
    for i, (a, b) in enumerate(zip(whole, hurt, strict=True)):
        assert b == ([t for t in a if t < STEP] if dead.lo <= i < dead.hi else a), i
    assert whole[1] != trains(script(chip, END))[1]  # it was another one


def test_after_a_reset_parts_die_again() -> None:
    script("spinnaker2", END)
    part = f"{named(core_of('cells', 300))} @ {STEP}"
    cells = script("spinnaker2", END, faults=part)
    once = trains(cells)
    sim.reset()
    sim.run(END)
    assert trains(cells) == once and sim.results()[0].faults[0].at == STEP


def test_a_fault_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match=r"\[E0410\].*a fault is a part and when it dies"):
        sim.setup(timestep=1.0, chip="spinnaker2", faults=["core of mine @ 3"])
    with pytest.raises(BadInput, match=r"\[E0411\].*once, at a step or at a time"):
        sim.setup(timestep=1.0, chip="spinnaker2", faults="core 0,0,3")
    with pytest.raises(BadInput, match=r"\[E0412\].*no such part.*got fault core 0,0,900"):
        script("spinnaker2", END, faults="core 0,0,900 @ 3")
    sim.setup()


def test_this_computer_has_no_parts_that_die() -> None:
    with pytest.raises(BadInput) as found:
        script(None, END, faults="core 0,0,1 @ 3")  # type: ignore[arg-type]
    sim.setup()
    assert "[E0412] cpu, machine of 1 x 1 chips: no such part" in str(found.value)
