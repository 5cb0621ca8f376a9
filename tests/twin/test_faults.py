"""Parts that die during a run: the same in both engines, and what is lost is accounted for."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import mossy
from mossy.chips import chip as find_chip
from mossy.errors import BadInput
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.program import Program
from mossy.program.artefact import CoreImage
from mossy.synapses import conv2d
from mossy.testing.networks import cases, lif
from mossy.twin import Result
from mossy.twin.faults import checked, dead_at
from mossy.twin.traffic.packets import NONE_DEAD, Network
from tests.cli import toy
from tests.cli.toy import mistake, printed
from tests.strategies import STEPS, sample, spikes
from tests.twin.machines import faults, programs, spread
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import assert_same_run, fuzz

CHIPS = ["spinnaker2", "spinnaker1", "loihi1"]
DENSE = next(c for c in cases() if c.name == "dense")


def run(program: Program, x: Any, died: Any = (), **options: Any) -> Result:
    result: Result = program.run(x, record="*", states="*", faults=died, **options)
    return result


# ------------------------------------------------------------------------------- both engines


@pytest.mark.parametrize("chip", CHIPS)
@fuzz(12)
@given(data=st.data())
def test_fast_equals_reference(chip: str, data: st.DataObject) -> None:
    program, x = data.draw(programs(chip))
    died = data.draw(faults(program))
    assert_same_run(run(program, x, died), run(program, x, died, engine="reference"))


def test_threads_and_groups_change_nothing() -> None:
    net = sample()
    program, x = spread(net, "spinnaker2"), spikes(net, 3, batch=5)
    died = ["core 0,0,101 @ 2", "link 1,0,0 @ 4", "chip 1,1 @ 6"]
    assert_same_run(run(program, x, died, threads=1), run(program, x, died, threads=2))


@fuzz(2)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_noise_of_their_own_dies_with_the_cores(seed: int, data: st.DataObject) -> None:
    """Populations of a processor, told apart as if each core were one."""
    populations, x = random_network(seed)
    whole = compiled(populations, neurons_per_core=12)
    cores = tuple(dataclasses.replace(c, place=(0, 0, c.number)) for c in whole.cores)
    program = dataclasses.replace(whole, cores=cores)
    which = data.draw(st.lists(st.sampled_from(range(len(cores))), min_size=1, max_size=3))
    died = [mossy.fault(f"core 0,0,{k}", step=7 * (i + 1)) for i, k in enumerate(which)]
    assert_same_run(run(program, x, died), run(program, x, died, engine="reference"))


# ------------------------------------------------------------------------------------ meaning


@pytest.mark.parametrize("chip", CHIPS)
@fuzz(8)
@given(data=st.data())
def test_the_dead_do_nothing_and_the_past_stays(chip: str, data: st.DataObject) -> None:
    program, x = data.draw(programs(chip))
    died = checked(program, find_chip(chip), data.draw(faults(program)))
    whole, hurt = run(program, x), run(program, x, died)
    begin = died[0].step(program.dt)
    for name in whole.counts.names:
        np.testing.assert_array_equal(whole.counts[name][:, :begin], hurt.counts[name][:, :begin])
    for kind in ("spikes", "states"):
        for name, before in getattr(whole, kind).items():
            np.testing.assert_array_equal(before[:, :begin], getattr(hurt, kind)[name][:, :begin])
    for c in program.cores:
        steps = [t for t in range(hurt.counts.shape[1]) if dead_at(program, died, t).core(c.place)]
        for name in hurt.counts.names:
            assert not hurt.counts[name][:, steps, c.number].any(), name
        assert not hurt.spikes[c.population][:, steps, c.lo : c.hi].any()
        if c.role != "source":
            held = hurt.states[c.population][:, :, c.lo : c.hi]
            for t in steps:
                before = held[:, t - 1] if t else np.broadcast_to(c.state, held[:, 0].shape)
                np.testing.assert_array_equal(held[:, t], before)


@fuzz(8)
@given(data=st.data())
def test_what_dies_after_the_end_changes_nothing(data: st.DataObject) -> None:
    program, x = data.draw(programs("spinnaker2"))
    steps = STEPS + program.max_lag
    later = [f"chip {c.place[0]},{c.place[1]} @ {steps}" for c in program.cores if c.place]
    whole, same = run(program, x), run(program, x, later)
    assert_same_run(whole, same)
    assert [f.step(program.dt) for f in same.faults] == [steps] * len(later)
    assert same.counts["packets_lost"].max() == 0
    np.testing.assert_array_equal(whole.counts["neuron_updates"], same.counts["neuron_updates"])


def synapses(core: CoreImage, key: int) -> int:
    """Synapses that a packet meets on a core, from the core's tables."""
    found = 0
    for t in core.tables:
        if key & t.mask == t.key:
            element = t.first + (key & ~t.mask)
            if t.kind == "kernel":
                k = core.kernels[t.kernel]
                found += len(list(conv2d.targets(k, element, k.lo, k.lo + core.n)))
            else:
                found += int(core.row_start[element + 1] - core.row_start[element])
    return found


@pytest.mark.parametrize("chip", CHIPS)
@fuzz(8)
@given(data=st.data())
def test_every_packet_arrives_or_is_lost(chip: str, data: st.DataObject) -> None:
    program, x = data.draw(programs(chip))
    result = run(program, x, data.draw(faults(program)))
    network = Network(program, find_chip(chip))
    meant = np.zeros((2, *result.counts.shape[:2]), np.int64)
    for c in program.cores:
        sent = result.spikes[c.population][:, :, c.lo : c.hi].astype(np.int64)
        for k in range(c.n):
            targets = network.journey(c, k).cores
            events = sum(synapses(program.cores[t], c.key + k) for t in targets)
            meant[0] += sent[:, :, k] * len(targets)
            meant[1] += sent[:, :, k] * events
    for booked, names in zip(
        meant, [("packets_in", "packets_lost"), ("synaptic_events", "events_lost")], strict=True
    ):
        total = sum(result.counts[name].sum(axis=2, dtype=np.int64) for name in names)
        np.testing.assert_array_equal(total, booked)


@fuzz(12)
@given(data=st.data())
def test_a_link_dead_at_once_is_one_that_the_machine_lacks(data: st.DataObject) -> None:
    """The same tables on a machine without the links: packets run into nothing there."""
    program, x = data.draw(programs("spinnaker2", "multicast"))
    spots = sorted({c.place[:2] for c in program.cores if c.place is not None})
    links = data.draw(st.lists(st.tuples(st.sampled_from(spots), st.integers(0, 5)), max_size=3))
    lacking = program.machine.without(links={(*spot, k) for spot, k in links})
    without = dataclasses.replace(program, machine=lacking)
    wanted = run(without, x, engine="reference")
    died = [mossy.fault(f"link {a},{b},{k}", step=0) for (a, b), k in links]
    found = run(program, x, died)
    for name, seen in wanted.spikes.items():
        np.testing.assert_array_equal(seen, found.spikes[name])
    for name in ("packets_in", "synaptic_events"):
        np.testing.assert_array_equal(wanted.counts[name], found.counts[name], err_msg=name)
    # what is for nobody is not sent at all; what is lost altogether still crosses links before
    network = Network(without, find_chip("spinnaker2"))
    for c in program.cores:
        if network.journey(c, 0).cores:
            for name in ("link_packets", "router_lookups", "hops"):
                np.testing.assert_array_equal(
                    wanted.counts[name][:, :, c.number], found.counts[name][:, :, c.number]
                )


def paths(program: Program, core: CoreImage) -> dict[int, set[tuple[tuple[int, int], ...]]]:
    """Core reached -> the (chip, chip) steps on its way, found by following the tables anew."""
    at = {c.place: c.number for c in program.cores}
    found: dict[int, set[tuple[tuple[int, int], ...]]] = {}

    def follow(spot: tuple[int, int], came: int | None, way: frozenset[Any]) -> None:
        table = program.tables.get(f"{spot[0]},{spot[1]}", ())
        entry = next((r for r in table if core.key & r.mask == r.key), None)
        out = entry.links if entry else () if came is None else (came,)
        for p in entry.cores if entry else ():
            found[at[(*spot, p)]] = set(way)
        for link in out:
            beyond = program.machine.beside(spot, link)
            if beyond is not None:
                follow(beyond, link, way | {tuple(sorted((spot, beyond)))})

    assert core.place is not None
    follow(core.place[:2], None, frozenset())
    return found


@fuzz(12)
@given(data=st.data())
def test_a_dead_link_loses_all_behind_it_and_nothing_else(data: st.DataObject) -> None:
    program, _ = data.draw(programs("spinnaker2", "multicast"))
    spots = sorted({c.place[:2] for c in program.cores if c.place is not None})
    spot, link = data.draw(st.sampled_from(spots)), data.draw(st.integers(0, 5))
    beyond = program.machine.beside(spot, link)
    died = checked(program, find_chip("spinnaker2"), [f"link {spot[0]},{spot[1]},{link} @ 0"])
    network = Network(program, find_chip("spinnaker2"), dead_at(program, died, 0))
    for c in program.cores:
        ways = paths(program, c)
        cut = {n for n, way in ways.items() if beyond and tuple(sorted((spot, beyond))) in way}
        journey = network.journey(c, 0)
        assert set(journey.lost) == cut
        assert set(journey.cores) == set(ways) - cut


@fuzz(12)
@given(data=st.data())
def test_more_dead_parts_lose_no_less(data: st.DataObject) -> None:
    program, _ = data.draw(programs("spinnaker2"))
    chip = find_chip("spinnaker2")
    died = checked(program, chip, data.draw(faults(program, most=6)))
    deaths = [NONE_DEAD, *(dead_at(program, died, f.step(program.dt)) for f in died)]
    for c in program.cores:
        journeys = [Network(program, chip, dead).journey(c, 0) for dead in deaths]
        for before, after in pairwise(journeys):
            assert set(before.lost) <= set(after.lost)
            assert set(before.cores) >= set(after.cores)
            assert before.meant == after.meant
            for what in ("links", "lookups", "hops"):
                assert getattr(before, what) >= getattr(after, what)


@pytest.mark.parametrize("chip", ["spinnaker2", "loihi1"])
def test_a_core_dead_at_once_is_one_whose_neurons_tell_nobody(chip: str) -> None:
    """The output is that of a network without the weights that leave the dead core's neurons."""
    rng = np.random.default_rng(4)
    first, second = rng.integers(-4, 9, (8, 6)) / 4, rng.integers(-4, 9, (4, 8)) / 4
    second[:, 5] = 2.0  # the largest weight stays, and with it the scale

    def network(last: NDArray[np.float64]) -> nd.Network:
        nodes: dict[str, nd.Node] = {
            "input": nd.Input((6,)), "fc1": nd.Linear(first), "lif1": lif(),
            "fc2": nd.Linear(last), "lif2": lif(), "output": nd.Output((4,)),
        }  # fmt: skip
        return build(nodes, list(pairwise(nodes)), 1e-3, name="two")

    x = (rng.random((3, 20, 6)) < 0.4).astype(np.uint8)
    program = spread(network(second), chip)
    core = next(c for c in program.cores if c.population == "lif1" and c.lo == 2)
    assert core.place is not None and core.hi == 4
    silent = second.copy()
    silent[:, core.lo : core.hi] = 0
    place = ",".join(map(str, core.place))
    hurt = run(program, x, [f"core {place} @ 0"])
    wanted = run(spread(network(silent), chip), x)
    np.testing.assert_array_equal(hurt.outputs["output"], wanted.outputs["output"])
    whole = run(program, x)
    assert (whole.outputs["output"] != hurt.outputs["output"]).any()
    assert hurt.timing.busy[core.number] == 0 < whole.timing.busy[core.number]


# ---------------------------------------------------------------------------------- being told


def test_a_fault_is_said_in_words_or_numbers() -> None:
    assert mossy.fault("core 3,4,17", step=120) == mossy.fault("core:3,4,17 @ 120")
    assert mossy.fault("chip 3,4@0.12 s") == mossy.fault("chip 3,4", seconds=0.12)
    assert mossy.fault("chip 3,4", seconds=0.12).step(1e-3) == 120
    assert mossy.fault("chip 3,4", seconds=0.1201).step(1e-3) == 121
    assert str(mossy.fault("link 3,4 north-east @ 5")) == "link 3,4 north-east @ 5"
    program = spread(DENSE.network, "spinnaker2")
    named, numbered = (
        checked(program, find_chip("spinnaker2"), [f"link 0,0{which} @ 5"])
        for which in (" north-east", ",1")
    )
    assert named == numbered


@pytest.mark.parametrize("text", ["", "cores 0,0,1 @ 3", "core 0,0 @ 3", "link 0,0,up @ 3", "chip"])
def test_what_is_no_fault_is_e0410(text: str) -> None:
    with pytest.raises(BadInput) as found:
        mossy.fault(text)
    assert found.value.code == "E0410" and "chip X,Y @ STEP or core X,Y,CORE" in str(found.value)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("chip 0,0", {}),
        ("chip 0,0 @ 2.5", {}),
        ("chip 0,0 @ 3", {"step": 3}),
        ("chip 0,0", {"step": -1}),
        ("chip 0,0", {"step": 1, "seconds": 1.0}),
        ("chip 0,0", {"seconds": float("inf")}),
        ("chip 0,0", {"seconds": float("nan")}),
    ],
)
def test_a_part_dies_once_e0411(text: str, when: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as found:
        mossy.fault(text, **when)
    assert found.value.code == "E0411" and "a part dies once" in str(found.value)


@pytest.mark.parametrize(
    "text", ["chip 99,0 @ 1", "core 0,0,153 @ 1", "link 0,0,6 @ 1", "core 0,99,0 @ 1"]
)
def test_a_part_that_is_not_there_is_e0412(text: str) -> None:
    program = spread(DENSE.network, "spinnaker2")
    with pytest.raises(BadInput) as found:
        program.run(DENSE.x, faults=[text])
    assert found.value.code == "E0412" and "no such part" in str(found.value)
    assert "cores 1 to 152" in str(found.value)


def test_a_part_dead_before_is_e0412() -> None:
    machine = mossy.machine("spinnaker2", boards=1, dead=["core 0,0,3"])
    program = mossy.compile(DENSE.network, "spinnaker2", options=mossy.Options(machine=machine))
    with pytest.raises(BadInput, match="E0412"):
        program.run(DENSE.x, faults=["core 0,0,3 @ 1"])


def test_links_that_are_not_followed_cannot_die_e0413() -> None:
    with pytest.raises(BadInput) as found:
        spread(DENSE.network, "loihi1").run(DENSE.x, faults=["link 0,0,0 @ 1"])
    assert found.value.code == "E0413" and "not followed one by one" in str(found.value)


def test_one_event_at_a_time_has_no_faults_e0414() -> None:
    net = next(c for c in cases() if c.name == "integrate")
    program = mossy.compile(net.network, "speck", options=mossy.Options(approximate=True))
    place = next(c.place for c in program.cores if c.place is not None)
    with pytest.raises(BadInput) as found:
        program.run(net.x, order="event", faults=[f"chip {place[0]},{place[1]} @ 1"])
    assert found.value.code == "E0414" and 'order="frame"' in str(found.value)


def test_the_report_says_what_died_and_what_was_lost() -> None:
    program = spread(DENSE.network, "spinnaker2")
    core = next(c for c in program.cores if c.population == "lif2")
    part = "core " + ",".join(map(str, core.place or ()))
    result = run(program, DENSE.x, [f"{part} @ 4", "chip 0,0 @ 999"])
    said = result.report().json()["faults"]
    assert said["died"] == [
        {"part": part, "step": 4, "in_run": True},
        {"part": "chip 0,0", "step": 999, "in_run": False},
    ]
    assert said["packets_lost"] == result.counts.mean("packets_lost") > 0
    assert said["events_lost"] == result.counts.mean("events_lost") > 0
    text = str(result.report())
    assert f"{part} died at step 4" in text and "lost on the way" in text
    assert "chip 0,0 died at step 999, after the end of the run" in text
    assert "fault" not in str(run(program, DENSE.x).report())


def test_the_command_line_takes_faults(tmp_path: Any) -> None:
    net, x, _ = toy.files(tmp_path)
    said = ("run", net, "--on", "spinnaker2", "--data", x)
    report = printed(*said, "--fault", "core:0,0,102@3", "--fault", "chip 0,0 @ 0.006 s")
    assert [f["part"] for f in report["faults"]["died"]] == ["core 0,0,102", "chip 0,0"]
    assert [f["step"] for f in report["faults"]["died"]] == [3, 6]
    assert report["faults"]["packets_lost"] > 0
    assert mistake(*said, "--fault", "core 0,0 @ 3").startswith("[E0410]")
    assert mistake(*said, "--fault", "core 0,0,1").startswith("[E0411]")
