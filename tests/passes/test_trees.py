"""Multicast trees: every target once, over living parts alone, by short ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mossy.errors import DoesNotFit
from mossy.passes.trees import Tree, tree
from mossy.program.machine import Machine, Spot, grid, hexagonal

HEXAGON = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))
SQUARE = ((1, 0), (0, 1), (-1, 0), (0, -1))


def walked(m: Machine, start: Spot, grown: Tree) -> dict[Spot, int]:
    """Chip -> links from the start, following the tree; every chip is entered once."""
    depth, todo = {start: 0}, [start]
    while todo:
        here = todo.pop()
        for link, beyond in grown[here].items():
            assert m.beside(here, link) == beyond, "over a dead part"
            assert beyond not in depth, f"{beyond} is entered twice"
            depth[beyond] = depth[here] + 1
            todo.append(beyond)
    assert set(depth) == set(grown), "parts of the tree hang in the air"
    return depth


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    if draw(st.booleans()):
        m = hexagonal(draw(st.sampled_from([1, 3])), HEXAGON)
    else:
        m = Machine(
            draw(st.integers(2, 9)), draw(st.integers(2, 9)), SQUARE, wraps=draw(st.booleans())
        )
    spots = list(m.spots())
    links = st.tuples(st.sampled_from(spots), st.integers(0, len(m.steps) - 1))
    dead = draw(st.lists(links, max_size=12))
    gone = draw(st.sets(st.sampled_from(spots), max_size=min(8, len(spots) - 2)))
    gone -= set(m.ethernet[:1])  # one stays, to load the machine over
    m = m.without(links=[(*s, link) for s, link in dead if s not in gone])
    return m.without(chips=gone)


@given(m=machines(), data=st.data())
def test_every_target_is_reached_once_over_living_parts(m: Machine, data: st.DataObject) -> None:
    spots = st.sampled_from(list(m.spots()))
    start, ends = data.draw(spots), data.draw(st.sets(spots, max_size=12))
    reached = {start}
    todo = [start]
    while todo:
        here = todo.pop()
        for link in range(len(m.steps)):
            beside = m.beside(here, link)
            if beside is not None and beside not in reached:
                reached.add(beside)
                todo.append(beside)
    if not ends <= reached:
        with pytest.raises(DoesNotFit) as found:
            tree(m, start, ends)
        assert found.value.code == "E0306" and "no working way" in str(found.value)
        return
    depth = walked(m, start, tree(m, start, ends))
    assert ends <= set(depth)


@given(m=st.sampled_from([hexagonal(3, HEXAGON), grid(64, SQUARE)]), data=st.data())
def test_one_target_is_reached_by_a_shortest_way(m: Machine, data: st.DataObject) -> None:
    spots = st.sampled_from(list(m.spots()))
    a, b = data.draw(spots), data.draw(spots)
    assert walked(m, a, tree(m, a, {b}))[b] == m.length(m.vector(a, b))


def test_targets_share_their_way() -> None:
    """Four chips in a row cost four links, not 1 + 2 + 3 + 4."""
    m = grid(25, SQUARE)
    grown = tree(m, (0, 0), {(1, 0), (2, 0), (3, 0), (4, 0)})
    assert sum(len(links) for links in grown.values()) == 4


def test_a_large_machine_is_searched_near_the_target_first() -> None:
    m = hexagonal(12, HEXAGON)
    ends = set(list(m.spots())[::3])
    depth = walked(m, (0, 0), tree(m, (0, 0), ends))
    assert ends <= set(depth)
