from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mossy.errors import DoesNotFit
from mossy.passes.compress import compress, minimise
from mossy.program import Route

FULL = (1 << 32) - 1
UNIVERSE = 256  # keys 0 .. 255 are tried one by one


def goes(table: tuple[Route, ...], key: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return links and cores of the first entry that matches, as the hardware would."""
    return next(((r.links, r.cores) for r in table if key & r.mask == r.key), None)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Route, ...]:
    """Disjoint entries: aligned blocks of 1, 2, 4 or 8 keys in key order, with gaps."""
    entries: list[Route] = []
    free = 0
    while free < UNIVERSE - 16 and len(entries) < 40:
        size = 1 << draw(st.integers(0, 3))
        start = -(-free // size) * size + size * draw(st.sampled_from([0, 0, 0, 1]))
        links = draw(st.sampled_from([(), (0,), (0, 2)]))
        cores = draw(st.sampled_from([(1,), (1, 2)]))
        entries.append(Route(start, FULL + 1 - size, links, cores))
        free = start + size
    return tuple(entries)


@given(tables())
def test_no_key_goes_elsewhere(table: tuple[Route, ...]) -> None:
    smaller = minimise(table)
    assert len(smaller) <= len(table)
    for key in range(UNIVERSE):
        assert goes(smaller, key) == goes(table, key)


@given(tables())
def test_entries_stay_disjoint(table: tuple[Route, ...]) -> None:
    smaller = minimise(table)
    for a, b in combinations(smaller, 2):
        both = a.mask & b.mask
        assert (a.key & both) != (b.key & both)
    assert all(r.key & ~r.mask == 0 for r in smaller)


@given(tables())
def test_nothing_is_left_to_merge(table: tuple[Route, ...]) -> None:
    smaller = minimise(table)
    for a, b in combinations(smaller, 2):
        mergeable = (a.links, a.cores, a.mask) == (b.links, b.cores, b.mask)
        assert not (mergeable and (a.key ^ b.key).bit_count() == 1)


def test_a_power_of_two_of_blocks_becomes_one_entry() -> None:
    table = tuple(Route(16 * i, FULL - 15, (1,), ()) for i in range(8))
    assert minimise(table) == (Route(0, FULL - 127, (1,), ()),)


def test_three_blocks_become_two_entries() -> None:
    table = tuple(Route(4 * i, FULL - 3, (), (7,)) for i in range(3))
    assert minimise(table) == (Route(0, FULL - 7, (), (7,)), Route(8, FULL - 3, (), (7,)))


def test_too_many_entries_are_refused() -> None:
    table = tuple(Route(i, FULL, (), (i,)) for i in range(5))
    with pytest.raises(DoesNotFit) as e:
        compress({(0, 0): table, (1, 0): table[:1]}, 3)
    assert e.value.code == "E0304"
    text = str(e.value)
    assert "2 entries too many" in text and "chip (0, 0)" in text
    assert "5 entries after compression (5 before)" in text and "allowed: 3" in text


def test_a_table_that_fits_is_returned_smaller() -> None:
    table = tuple(Route(i, FULL, (), (1,)) for i in range(4))
    assert compress({(0, 0): table}, 1) == {(0, 0): (Route(0, FULL - 3, (), (1,)),)}
