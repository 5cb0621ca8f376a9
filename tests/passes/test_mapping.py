"""Cutting, placing and routing change where things are, never what they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.chips import Chip
from mossy.chips import chip as find_chip
from mossy.errors import UnsupportedNode
from mossy.network.nodes import Network
from mossy.network.populations import Conv
from mossy.passes import Options, compile
from mossy.passes.pipeline import Stages
from mossy.program import Program, Route
from mossy.program.machine import Machine
from mossy.synapses import conv2d
from tests.passes.mapped import small, stages
from tests.strategies import Wanted, networks, sample, spikes
from tests.twin.runs import assert_same_activity, fuzz

TAKES = {"spinnaker2": Wanted(), "loihi1": Wanted(resets=("node",))}


def compiled(net: Network, chip: str | Chip, options: Options) -> Program:
    try:
        return compile(net, chip, options=options)
    except UnsupportedNode as e:
        assume(e.code != "E0221")  # delays beyond the synapse word
        raise


@pytest.mark.parametrize("name", TAKES)
@fuzz(25)
@given(data=st.data(), seed=st.integers(0, 99), per_core=st.integers(1, 7), cores=st.integers(2, 9))
def test_where_neurons_are_changes_no_spike(
    name: str, data: st.DataObject, seed: int, per_core: int, cores: int
) -> None:
    net = data.draw(networks(TAKES[name]))
    whole = compiled(net, name, Options())
    slices = sum(-(-int(np.prod(p.shape)) // per_core) for p in whole.populations)
    assume(slices <= cores * int(find_chip(name).facts["chips_max"]))
    cut = compiled(net, small(name, cores), Options(neurons_per_core=per_core))
    assert len(cut.cores) >= slices
    x = spikes(net, seed)
    a = whole.run(x, record="*", states="*", threads=1)
    b = cut.run(x, record="*", states="*", threads=1)
    assert_same_activity(a, b)
    for count in ("spikes", "synaptic_events"):
        assert (a.counts.per_sample(count) == b.counts.per_sample(count)).all()


# ------------------------------------------------------------------------------ routing
Spot = tuple[int, int]


def delivered(
    tables: dict[str, tuple[Route, ...]], machine: Machine, start: Spot, key: int
) -> list[tuple[Spot, int]]:
    """Follow one packet through the tables; return (chip, core) for every copy handed out."""
    found: list[tuple[Spot, int]] = []
    todo: list[tuple[Spot, int | None]] = [(start, None)]
    seen: set[Spot] = set()
    while todo:
        (x, y), came_by = todo.pop()
        assert (x, y) not in seen, "two copies meet on one chip"
        seen.add((x, y))
        matches = [r for r in tables.get(f"{x},{y}", ()) if key & r.mask == r.key]
        out: tuple[int, ...] = ()
        if matches:
            found += [((x, y), core) for core in matches[0].cores]
            out = matches[0].links
        elif came_by is not None:
            out = (came_by,)
        for link in out:
            nx, ny = x + machine.steps[link][0], y + machine.steps[link][1]
            if machine.wraps:
                nx, ny = nx % machine.width, ny % machine.height
            on = 0 <= nx < machine.width and 0 <= ny < machine.height
            assert on and (nx, ny) not in machine.empty, "off the machine"
            todo.append(((nx, ny), link))
    return found


def wanted_slices(made: Stages) -> list[set[int]]:
    """Which slices hold a synapse of each slice, from the dense quantised weights."""
    dense: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for target, q in made.quantised.items():
        for s in q.incoming:
            m: Any = conv2d.matrix(s.weight) if isinstance(s.weight, Conv) else s.weight
            here = m.toarray() != 0
            dense[s.source, target] = dense.get((s.source, target), False) | here
    found: list[set[int]] = []
    for a in made.slices:
        found.append(set())
        for k, b in enumerate(made.slices):
            block = dense.get((a.population, b.population))
            if block is not None and block[b.lo : b.hi, a.lo : a.hi].any():
                found[-1].add(k)
    return found


@fuzz(25)
@given(net=networks(), per_core=st.integers(1, 5), cores=st.integers(2, 6))
def test_every_key_reaches_its_destinations_and_nothing_else(
    net: Network, per_core: int, cores: int
) -> None:
    chip = small("spinnaker2", cores)
    size = sum(int(np.prod(p[0])) for p in net.shapes.values())
    assume(size // per_core < cores * 40)
    try:
        program, made = stages(net, chip, Options(neurons_per_core=per_core))
    except UnsupportedNode as e:
        assume(e.code != "E0221")
        raise
    where = [made.places[k] for k in range(len(made.slices))]
    for k, slots in enumerate(wanted_slices(made)):
        core = program.cores[k]
        assert core.place is not None
        expected = sorted((p[:2], p[2]) for p in (where[s] for s in slots) if p is not None)
        for neuron in {0, core.n - 1}:
            got = delivered(program.tables, program.machine, core.place[:2], core.key + neuron)
            assert sorted(got) == expected


def test_places_and_keys_are_used_once() -> None:
    net = sample()
    for name in TAKES:
        few = small(name, 3)
        program, _ = stages(net, few, Options(neurons_per_core=2))
        places = [c.place for c in program.cores if c.place is not None]
        assert len(set(places)) == len(places)
        assert len(few.cores) == 3 and {p[2] for p in places} <= set(few.cores)
        sent = [c.key + k for c in program.cores for k in range(c.n)]
        assert len(set(sent)) == len(sent)
