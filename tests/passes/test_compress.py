"""Smaller tables send every used key where it went before, found by trying all keys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mossy.errors import DoesNotFit
from mossy.passes import aligned
from mossy.passes import compress as stages
from mossy.passes.tables import Tables, from_routes
from mossy.program import Route

FULL = (1 << 32) - 1
UNIVERSE = 256  # keys 0 .. 255 are tried one by one
SPOT = (2, 1)
Table = tuple[Route, ...]


def goes(table: Table, key: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return links and cores of the first entry that matches, as the hardware would."""
    return next(((r.links, r.cores) for r in table if key & r.mask == r.key), None)


def arrays(table: Table, straight: frozenset[int] = frozenset()) -> Tables:
    found = from_routes({SPOT: table}, width=3)
    for i in straight:
        found.straight[i] = True
    return found


def objects(tables: Tables) -> Table:
    return tables.by_chip().get(SPOT, ())


def exactly(table: Table) -> Table:
    """The table after the first stage, which suffices where there is room."""
    return objects(stages.minimise(arrays(table), UNIVERSE))


def used(table: Table) -> list[int]:
    return [k for r in table for k in range(r.key, r.key + FULL + 1 - r.mask)]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Disjoint entries: aligned blocks of 1, 2, 4 or 8 keys in key order, with gaps."""
    return tuple(blocks(draw, 0))


def blocks(draw: st.DrawFn, free: int) -> Iterator[Route]:
    count = 0
    while free < UNIVERSE - 16 and count < 40:
        size = 1 << draw(st.integers(0, 3))
        start = -(-free // size) * size + size * draw(st.sampled_from([0, 0, 0, 1]))
        links = draw(st.sampled_from([(), (0,), (0, 2)]))
        cores = draw(st.sampled_from([(1,), (1, 130)]))
        yield Route(start, FULL + 1 - size, links, cores)
        free = start + size
        count += 1


@st.composite
def tables_with_straight(draw: st.DrawFn) -> tuple[Table, frozenset[int]]:
    """Entries of which some only send on by link 0, where their packets came straight."""
    found = list(blocks(draw, draw(st.integers(0, 16))))
    straight = draw(st.sets(st.integers(0, len(found) - 1))) if found else set()
    for i in straight:
        found[i] = Route(found[i].key, found[i].mask, (0,), ())
    return tuple(found), frozenset(straight)


# ------------------------------------------------------------------------------ exact unions
@given(tables())
def test_no_key_goes_elsewhere(table: Table) -> None:
    smaller = exactly(table)
    assert len(smaller) <= len(table)
    for key in used(table):
        assert goes(smaller, key) == goes(table, key)


@given(tables())
def test_entries_stay_disjoint(table: Table) -> None:
    smaller = exactly(table)
    for a, b in combinations(smaller, 2):
        both = a.mask & b.mask
        assert (a.key & both) != (b.key & both)
    assert all(r.key & ~r.mask == 0 for r in smaller)


def fewest(keys: set[int], low: int, high: int, start: int = 0, size: int = UNIVERSE) -> int:
    """Aligned blocks that hold some keys and nothing outside low .. high, by trying all."""
    if not any(start <= k < start + size for k in keys):
        return 0
    if low <= start and start + size <= high:
        return 1
    return sum(fewest(keys, low, high, s, size // 2) for s in (start, start + size // 2))


@given(tables(), st.integers(0, 40), st.integers(0, 40))
def test_no_fewer_blocks_would_do(table: Table, before: int, behind: int) -> None:
    assume(table)
    ends = [max(used((r,))) + 1 for r in table]
    low, high = max(table[0].key - before, 0), min(ends[-1] + behind, UNIVERSE)
    begin, size = np.zeros((2, len(table)), np.int64)
    keys = np.array([r.key for r in table]), np.array(ends)
    found = aligned.cover(*keys, (0, len(table)), low, high, begin, size, 0)
    assert found == fewest(set(used(table)), low, high)
    blocks = [range(b, b + s) for b, s in zip(begin[:found], size[:found], strict=True)]
    assert set(used(table)) <= {k for block in blocks for k in block}
    assert all(block.start >= low and block.stop <= high for block in blocks)


def test_a_power_of_two_of_blocks_becomes_one_entry() -> None:
    table = tuple(Route(16 * i, FULL - 15, (1,), ()) for i in range(8))
    assert exactly(table) == (Route(0, FULL - 127, (1,), ()),)


def test_three_blocks_become_two_entries() -> None:
    table = tuple(Route(4 * i, FULL - 3, (), (7 if i < 3 else 8,)) for i in range(4))
    whole = Route(0, FULL - 7, (), (7,)), Route(8, FULL - 3, (), (7,)), table[3]
    assert exactly(table) == whole


def test_the_free_keys_behind_a_run_make_it_a_power_of_two() -> None:
    table = tuple(Route(8 + i, FULL, (), (7,)) for i in range(3))
    assert objects(stages.compress(arrays(table), 9)) == (Route(8, FULL - 3, (), (7,)),)


def test_free_keys_that_help_nobody_are_left_out() -> None:
    table = tuple(Route(i, FULL, (), (i,)) for i in range(6))
    assert objects(stages.compress(arrays(table), 9)) == table


def test_chips_do_not_mix() -> None:
    one = Route(0, FULL, (), (1,)), Route(1, FULL, (), (1,))
    both = from_routes({(0, 0): one[:1], (1, 0): one[1:]}, width=2)
    assert stages.minimise(both, 9).by_chip() == {(0, 0): one[:1], (1, 0): one[1:]}


# ------------------------------------------------------------------------------ further stages
@given(tables_with_straight(), st.integers(0, 20))
def test_every_used_key_goes_where_it_went(made: tuple[Table, frozenset[int]], room: int) -> None:
    """Where no entry matches, a key of a straight entry goes on, which is what it did."""
    table, straight = made
    smaller = objects(stages.minimise(arrays(table, straight), room))
    for i, r in enumerate(table):
        for key in range(r.key, r.key + FULL + 1 - r.mask):
            found = goes(smaller, key)
            assert found == (r.links, r.cores) or (found is None and i in straight)


@given(tables(), st.integers(0, 20))
def test_stages_stop_where_the_table_fits(table: Table, room: int) -> None:
    smaller, whole = (objects(stages.minimise(arrays(table), n)) for n in (room, 0))
    once = exactly(table)
    assert len(whole) <= len(smaller) <= len(once)
    if len(once) <= room:
        assert smaller == once
    elif len(whole) < len(smaller):
        assert len(smaller) <= room


def test_entries_merge_over_keys_that_nobody_sends() -> None:
    table = Route(0, FULL, (), (1,)), Route(3, FULL, (), (1,)), Route(8, FULL, (), (2,))
    assert objects(stages.minimise(arrays(table), 2)) == (
        Route(0, FULL - 3, (), (1,)),
        Route(8, FULL, (), (2,)),
    )


def test_the_keys_of_a_straight_entry_are_in_the_way() -> None:
    table = Route(0, FULL, (), (1,)), Route(1, FULL, (0,), ()), Route(3, FULL, (), (1,))
    alone = stages.minimise(arrays((table[0], table[2])), 2)
    assert objects(alone) == (Route(0, FULL - 3, (), (1,)),)
    beside = objects(stages.minimise(arrays(table, frozenset([1])), 2))
    assert goes(beside, 1) is None and len(beside) == 2


def test_a_merged_entry_may_lie_below_one_that_counts_first() -> None:
    """All keys but one go the same way: pairs leave three entries, order leaves two."""
    table = tuple(Route(i, FULL, (), (2,) if i == 5 else (1,)) for i in range(8))
    smaller = objects(stages.minimise(arrays(table), 2))
    assert smaller == (Route(5, FULL, (), (2,)), Route(0, FULL - 7, (), (1,)))


# ------------------------------------------------------------------------------ the limit
def test_too_many_entries_are_refused() -> None:
    table = tuple(Route(i, FULL, (), (i,)) for i in range(5))
    with pytest.raises(DoesNotFit) as e:
        stages.compress(from_routes({(0, 0): table[:1], (2, 1): table}, width=3), 3)
    assert e.value.code == "E0304"
    text = str(e.value)
    assert "2 entries too many" in text and "chip (2, 1)" in text
    assert "5 entries after compression (5 before)" in text and "allowed: 3" in text


def test_a_table_that_fits_is_returned_smaller() -> None:
    table = tuple(Route(i, FULL, (), (1,)) for i in range(4))
    assert objects(stages.compress(arrays(table), 1)) == (Route(0, FULL - 3, (), (1,)),)
