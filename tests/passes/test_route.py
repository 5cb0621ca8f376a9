"""Tables deliver every key to its cores and nowhere else, on machines with dead parts.

Packets are followed chip by chip, by what a router does: the first entry that matches, or straight
on. What was asked for is known from the random graph alone.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.errors import DoesNotFit
from mossy.passes.compress import minimise
from mossy.passes.keys import blocks
from mossy.passes.place import working_cores
from mossy.passes.route import draw, route
from mossy.passes.tables import Tables
from mossy.program.machine import Machine, Place, Spot, grid, hexagonal
from mossy.testing.delivery import Walked, expect_delivery
from tests.passes.mapped import crossed
from tests.passes.test_trees import HEXAGON, SQUARE, machines

FULL = (1 << 32) - 1
CORES = 130  # three words of a bit set


class Case(NamedTuple):
    machine: Machine
    places: list[Place]
    keys: NDArray[Any]
    targets: list[list[int]]


@st.composite
def cases(draw_: st.DrawFn) -> Case:
    """Slices of a few populations on random cores; half of them send to what another sends to."""
    machine = draw_(machines())
    counts = draw_(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    n = sum(counts)
    spots = list(machine.spots())
    place = st.tuples(st.sampled_from(spots), st.sampled_from([0, 1, 63, 64, 129]))
    places = draw_(st.lists(place, min_size=n, max_size=n, unique=True).filter(bool))
    found = st.lists(st.integers(0, n - 1), max_size=6, unique=True)
    targets: list[list[int]] = []
    for s in range(n):
        again = s > 0 and draw_(st.booleans())
        targets.append(targets[-1] if again else draw_(found))
    flat = [(x, y, core) for (x, y), core in places]
    chips = np.array([y * machine.width + x for x, y, _ in flat])
    return Case(
        machine,
        flat,
        blocks(counts, [draw_(st.sampled_from([1, 3]))] * len(counts), chips),
        targets,
    )


def delivered(case: Case, tables: Tables, start: Spot, key: int) -> list[Place]:
    """All copies of one packet that are handed to cores."""
    by_chip = tables.by_chip()
    found: list[Place] = []
    todo: list[tuple[Spot, int | None]] = [(start, None)]
    seen: set[Spot] = set()
    while todo:
        spot, came_by = todo.pop()
        assert spot not in seen, "two copies meet on one chip"
        seen.add(spot)
        entry = next((r for r in by_chip.get(spot, ()) if key & r.mask == r.key), None)
        links: tuple[int, ...] = () if came_by is None else (came_by,)
        if entry is not None:
            links = entry.links
            found += [(*spot, c) for c in entry.cores]
        for link in links:
            beyond = case.machine.beside(spot, link)
            assert beyond is not None, "over a dead part"
            todo.append((beyond, link))
    return sorted(found)


def check(case: Case, tables: Tables, since: int = 0) -> None:
    for s, (key, mask) in list(enumerate(case.keys.tolist()))[since:]:
        wanted = sorted(case.places[t] for t in case.targets[s])
        for k in {key, key + FULL - mask}:
            assert delivered(case, tables, case.places[s][:2], k) == wanted


def check_every_key(case: Case, tables: Tables) -> None:
    for s, (key, mask) in enumerate(case.keys.tolist()):
        wanted = sorted(case.places[t] for t in case.targets[s])
        for k in range(key, key + FULL - mask + 1):
            assert delivered(case, tables, case.places[s][:2], k) == wanted


def follow(case: Case, tables: Tables) -> Walked:
    """The compiled walker on a case."""
    start = np.cumsum([0, *(len(t) for t in case.targets)])
    flat = np.array([t for each in case.targets for t in each], np.int64)
    return expect_delivery(case.machine, case.places, case.keys, start, flat, tables)


def drawn(case: Case) -> Tables:
    try:
        return route(case.machine, case.places, case.keys.tolist(), case.targets)
    except DoesNotFit:
        assume(False)
        raise


@given(cases(), st.integers(0, 9))
def test_every_key_reaches_its_cores_before_and_after_compression(case: Case, room: int) -> None:
    tables = drawn(case)
    check(case, tables)
    smaller = minimise(tables, room)
    assert len(smaller) <= len(tables)
    check(case, smaller)


@given(cases(), st.integers(0, 9))
def test_both_walkers_agree_on_tables_that_are_right(case: Case, room: int) -> None:
    tables = minimise(drawn(case), room)
    walked = follow(case, tables)
    assert walked.packets == len(case.places)
    assert walked.copies == sum(len(t) for t in case.targets)


@given(cases(), st.integers(0, 9), st.data())
def test_both_walkers_agree_on_tables_that_are_wrong(
    case: Case, room: int, data: st.DataObject
) -> None:
    """One bit of one entry is changed, or the entry is gone: one says what the other does."""
    tables = minimise(drawn(case), room)
    assume(len(tables))
    row = data.draw(st.integers(0, len(tables) - 1))
    what = data.draw(st.sampled_from(["key", "mask", "links", "cores", "gone"]))
    if what == "gone":
        tables = tables.pick(np.arange(len(tables)) != row)
    else:
        column = getattr(tables, what).copy()
        bits = {"links": len(case.machine.steps), "cores": 64}.get(what, 32)
        one = column.dtype.type(1 << data.draw(st.integers(0, bits - 1)))
        column[(row, 0) if what == "cores" else row] ^= one
        if what in ("key", "mask"):  # an entry asks for no bit that its mask leaves out
            key, mask = (column if what == w else getattr(tables, w) for w in ("key", "mask"))
            tables = dataclasses.replace(tables, key=key & mask, mask=mask)
        else:
            tables = dataclasses.replace(tables, **{what: column})
    try:
        check_every_key(case, tables)
    except (AssertionError, KeyError):
        with pytest.raises(AssertionError, match="a packet of slice"):
            follow(case, tables)
    else:
        follow(case, tables)


@given(cases())
def test_slices_off_the_machine_send_nothing(case: Case) -> None:
    drawn(case)
    off: list[Place | None] = [None, *case.places[1:]]
    assume(all(0 not in t for t in case.targets))
    tables = route(case.machine, off, case.keys.tolist(), case.targets)
    assert not (tables.mask & case.keys[0, 0] == tables.key).any()
    check(case, tables, since=1)


def test_a_population_shares_a_tree() -> None:
    """Four chips of slices that send to the same row of far chips: the far ones need one entry."""
    m = grid(64, SQUARE)
    near = [(x, 0, c) for x in range(4) for c in range(4)]
    far = [(x, 7, c) for x in range(2, 7) for c in range(4)]
    start = np.array([20 * min(i, 16) for i in range(37)])
    targets = np.tile(np.arange(16, 36), 16)
    places = np.array(near + far)
    keys = blocks([16, 20], [1, 1], places[:, 0] + 8 * places[:, 1])
    tables = minimise(draw(m, places, keys, start, targets), 1023).by_chip()
    assert all(len(table) == 1 for spot, table in tables.items() if spot[1] > 0)


def test_links_are_no_more_than_a_tenth_above_trees_of_their_own() -> None:
    m = hexagonal(3, HEXAGON)
    rng = np.random.default_rng(4)
    places = rng.permutation(working_cores(m, range(16)))[:60]
    targets = np.arange(20, 60)
    keys = np.column_stack([np.arange(60), np.full(60, FULL)])
    shared = draw(m, places, keys, np.minimum(np.arange(61), 20) * 40, np.tile(targets, 20))
    own = 0
    for s in range(20):
        start = np.where(np.arange(61) > s, 40, 0)
        own += crossed(draw(m, places, keys, start, targets), keys)
    assert crossed(shared, keys) <= 1.1 * own


def test_layers_gather_and_spread() -> None:
    """Every chip of two layers, one behind the other, needs one entry: to the gate or from it."""
    m = Machine(2, 8, SQUARE)
    places = working_cores(m, range(4))
    start = np.minimum(np.arange(65), 32) * 32
    targets = np.tile(np.arange(32, 64), 32)
    keys = blocks([32, 32], [1, 1], places[:, 0] + 2 * places[:, 1])
    sizes = minimise(draw(m, places, keys, start, targets), 1023).sizes()
    assert sizes.tolist() == [1] * 16


def test_slices_fill_strips_of_chips() -> None:
    """Neighbours in number are neighbours on the machine; few are kept together."""
    m = hexagonal(3, HEXAGON)
    x, y, core = working_cores(m, range(2)).T
    assert core[:2].tolist() == [0, 1]
    far = [m.length(m.vector((x[i], y[i]), (x[i + 2], y[i + 2]))) for i in range(0, 280, 2)]
    assert max(far) <= 2
    few = working_cores(m, range(2), 20)[:20]
    assert few[:, :2].max() <= 3
