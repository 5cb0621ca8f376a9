"""Packets from core to core: the same spikes, a packet for each target, ways worked out anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

import mossy
from mossy.chips import chip as find_chip
from mossy.errors import BadInput, DoesNotFit
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.testing.networks import cases
from mossy.twin import Result, run
from tests.chips.test_spinnaker2_dram import printed
from tests.cli import toy
from tests.strategies import networks, spikes
from tests.twin.machines import TAKES, programs, small, spread
from tests.twin.runs import fuzz

NAME, WAY = "spinnaker2", "core_to_core"
DENSE = next(c for c in cases() if c.name == "dense")


def both(network: Any, per_core: int, cores: int, x: Any) -> tuple[Result, Result]:
    """Run a network with multicast packets and with packets from core to core."""
    programs = [spread(network, NAME, per_core, cores, way) for way in (None, WAY)]
    one, each = (run(p, x, record="*", states="*") for p in programs)
    return one, each


def targets(program: Program, number: int) -> set[int]:
    """The cores that hold synapses of any neuron of a core, by their population tables."""
    key = program.cores[number].key
    return {c.number for c in program.cores if any(t.key == key for t in c.tables)}


@fuzz(15)
@given(data=st.data(), per_core=st.integers(1, 3), cores=st.integers(1, 3))
def test_counts_follow_from_the_spikes(data: st.DataObject, per_core: int, cores: int) -> None:
    network = data.draw(networks(TAKES[NAME]))
    x = spikes(network, data.draw(st.integers(0, 999)))
    one, each = both(network, per_core, cores, x)
    for name in one.spikes:
        np.testing.assert_array_equal(one.spikes[name], each.spikes[name])
    for name in ("spikes", "packets_in", "synaptic_events"):
        np.testing.assert_array_equal(one.counts[name], each.counts[name], err_msg=name)
    program, machine = each.program, each.program.machine
    assert not program.tables
    for c in program.cores:
        assert c.place is not None
        ends = [program.cores[k].place for k in targets(program, c.number)]
        far = [machine.length(machine.vector(c.place[:2], e[:2])) for e in ends if e]
        n = each.counts["spikes"][:, :, c.number]
        for name, per_spike in (
            ("packets_out", len(ends)),
            ("link_packets", sum(far)),
            ("router_lookups", sum(d + 1 for d in far if d)),
            ("copies", max(len(ends) - 1, 0)),
        ):
            np.testing.assert_array_equal(each.counts[name][:, :, c.number], n * per_spike, name)


def test_ways_lead_around_what_is_dead() -> None:
    dead = ["link 0,0,0", "link 0,0,1", "link 0,0,2"]
    machine = mossy.machine(NAME, boards=1, dead=dead[:2])
    options = Options(neurons_per_core=1, machine=machine, routing=WAY)
    program = compile(DENSE.network, small(NAME, 1), options=options)
    result = program.run(DENSE.x)
    free = spread(DENSE.network, NAME, 1, 1, WAY)
    assert result.counts.mean("packets_in") == free.run(DENSE.x).counts.mean("packets_in")
    away = {c.place[:2] for c in program.cores if c.place} - {(0, 0)}
    assert (1, 0) in away
    congestion = result.congestion
    assert congestion is not None
    assert not any(b.name in ("chip (0,0) east", "chip (1,0) west") for b in congestion.links)
    shut = mossy.machine(NAME, boards=1, dead=dead)
    with pytest.raises(DoesNotFit, match="E0306"):
        compile(
            DENSE.network,
            small(NAME, 1),
            options=Options(neurons_per_core=1, machine=shut, routing=WAY),
        )


@fuzz(10)
@given(data=st.data(), step=st.integers(0, 6))
def test_a_chip_without_links_hears_and_tells_itself_alone(data: st.DataObject, step: int) -> None:
    """Whatever the ways are: from then on its packets reach its own cores, and no others do."""
    program, x = data.draw(programs(NAME, WAY))
    alone = data.draw(st.sampled_from(sorted({c.place[:2] for c in program.cores if c.place})))
    died = [mossy.fault(f"link {alone[0]},{alone[1]},{k}", step=step) for k in range(6)]
    result = run(program, x, faults=died)
    for c in program.cores:
        assert c.place is not None
        ends = [program.cores[k].place for k in targets(program, c.number)]
        cut = sum((e[:2] == alone) != (c.place[:2] == alone) for e in ends if e)
        spikes = result.counts["spikes"][:, :, c.number]
        lost = result.counts["packets_lost"][:, :, c.number]
        assert (lost[:, :step] == 0).all()
        assert (lost[:, step:] >= spikes[:, step:] * cut).all()
        if c.place[:2] == alone:  # other ways may lead over the chip
            np.testing.assert_array_equal(lost[:, step:], spikes[:, step:] * cut)


def test_a_core_keeps_its_targets_and_no_router_a_table() -> None:
    program = spread(DENSE.network, NAME, 1, 2, WAY)
    for c in program.cores:
        found = [b.size for b in c.memory if b.name == "targets"]
        assert found == ([4 * len(c.axons)] if c.axons else [])
        assert {a.target for a in c.axons} == targets(program, c.number)
        assert all(a.neurons.all() for a in c.axons)
    assert any(len(c.axons) > 1 for c in program.cores)
    assert not any(b.name == "targets" for c in spread(DENSE.network, NAME).cores for b in c.memory)


def test_more_packets_take_a_core_more_cycles() -> None:
    one, each = both(DENSE.network, 1, 2, DENSE.x)
    copies = each.counts.per_core("copies")
    assert copies.sum() > 0 == one.counts.per_core("copies").sum()
    clock, cost = (each.chip.facts[k] for k in ("pe_clock", "cycles_per_copy"))
    more = each.timing.busy - one.timing.busy
    np.testing.assert_allclose(more, copies * float(cost) / float(clock), atol=1e-12)


def test_a_packet_carries_its_key() -> None:
    """40 bits and none beside, or 32 and 32: one frame of 96 bits; with 128 for the key two."""
    _, each = both(DENSE.network, 1, 1, DENSE.x)
    links = each.congestion
    assert links is not None and links.links[0].use is not None
    load, use = links.links[0].load, links.links[0].use.value
    assert use == approx(load * 96 / 6e6)
    wide = each.assuming(key_bits=128).congestion
    assert wide is not None and wide.links[0].use is not None
    assert wide.links[0].use.value == approx(2 * use)
    assert "key_bits" in wide.assumed and "core to core, straight" in wide.assumed
    assert "packets travel from core to core, one for each target" in str(each.report())
    assert each.report().json()["congestion"]["networks_on_chip"]["branching"] == "apart"


def test_the_longest_way_on_one_chip_takes_no_router() -> None:
    program = compile(DENSE.network, NAME, options=Options(neurons_per_core=2, routing=WAY))
    result = program.run(DENSE.x)
    mesh = find_chip(NAME).rules.mesh(find_chip(NAME).facts)
    far = [
        len(mesh.way(mesh.cores[c.place[2]], mesh.cores[program.cores[a.target].place[2]]))
        for c in program.cores
        for a in c.axons
        if c.place
    ]
    found = result.congestion
    assert found is not None and max(far) > 0 and found.router is None
    assert found.longest.leg == (0, max(far), 0, 0)
    text = str(result.report())
    assert "network on chip   busiest" in text and "routers  " not in text
    assert f"0 routers, {max(far)} hops on chip, 0 links" in text


def test_partition_leaves_time_for_the_packets() -> None:
    """Each neuron tells every core of a large layer, which takes most of a short tick."""
    program = compile(DENSE.network, NAME, options=Options(neurons_per_core=1, routing=WAY))
    loads = [c for c in program.cores if c.role == "neurons" and len(c.axons) > 1]
    assert loads
    slow = find_chip(NAME).assuming({"cycles_per_copy": 1e9})
    with pytest.raises(DoesNotFit, match=r"E0301.*cycles per tick"):
        compile(DENSE.network, slow, options=Options(neurons_per_core=1, routing=WAY))


@pytest.mark.parametrize(("on", "way", "allowed"), [
    ("loihi1", WAY, "'axons'"), ("cpu", WAY, "'none'"), ("spinnaker1", WAY, "'multicast'"),
    (NAME, "p2p", "'multicast' or 'core_to_core'"),
])  # fmt: skip
def test_another_way_is_e0145(on: str, way: Any, allowed: str) -> None:
    with pytest.raises(BadInput) as found:
        compile(toy.network(), on, options=Options(routing=way, approximate=True))
    e = found.value
    assert e.code == "E0145" and f"got {way!r}" in str(e) and f"allowed: {allowed}" in str(e)


def test_the_command_line_takes_it_and_a_file_keeps_it(tmp_path: Path) -> None:
    net, x, _ = toy.files(tmp_path)
    report = printed("run", net, "--on", NAME, "--data", x, "--routing", WAY)
    assert "core to core, straight" in report["congestion"]["assumed"]
    program = spread(DENSE.network, NAME, 1, 2, WAY)
    program.save(str(tmp_path / "a.mossy"))
    assert mossy.program.load(tmp_path / "a.mossy").routing == WAY
