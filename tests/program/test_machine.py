"""The geometry of machines: boards, triads, tori, and parts that are dead."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mossy.errors import BadInput
from mossy.program.machine import Machine, Spot, board_of, grid, hexagonal

HEXAGON = ((1, 0), (1, 1), (0, 1), (-1, 0), (-1, -1), (0, -1))
SQUARE = ((1, 0), (0, 1), (-1, 0), (0, -1))


def test_a_board_is_a_hexagon_of_48_chips() -> None:
    m = hexagonal(1, HEXAGON)
    assert m.chips == 48 == len(list(m.spots()))
    assert m.has((7, 7)) and m.has((0, 0)) and not m.has((7, 0)) and not m.has((0, 4))
    assert m.ethernet == ((0, 0),)


@pytest.mark.parametrize("boards", [3, 6, 9, 12, 30])
def test_triads_tile_a_torus_without_gaps(boards: int) -> None:
    m = hexagonal(boards, HEXAGON)
    assert m.wraps and not m.empty and m.width % 12 == 0 and m.height % 12 == 0
    sizes = Counter(board_of(m, s) for s in m.spots())
    assert len(sizes) == boards and set(sizes.values()) == {48}
    assert set(sizes) == set(m.ethernet)
    # the published rule for Ethernet chips of such machines
    rule = {(x, y) for x, y in m.spots() if x % 4 == 0 and (x + y) % 12 == 0}
    assert set(m.ethernet) == rule


def test_the_largest_machine_has_about_35_000_chips() -> None:
    assert hexagonal(729, HEXAGON).chips == 34_992


def test_every_hexagon_neighbour_of_a_torus_is_there() -> None:
    m = hexagonal(3, HEXAGON)
    for spot in m.spots():
        around = {m.beside(spot, link) for link in range(6)}
        assert len(around) == 6 and None not in around


@pytest.mark.parametrize(
    ("boards", "width", "height"),
    [(1, 8, 8), (2, 16, 16), (3, 16, 16), (4, 28, 16), (7, 28, 28), (12, 28, 28), (13, 40, 28)],
)
def test_machines_with_open_edges_have_the_published_sizes(
    boards: int, width: int, height: int
) -> None:
    m = hexagonal(boards, HEXAGON, wraps=False)
    assert (m.width, m.height, m.wraps, m.chips) == (width, height, False, 48 * boards)


@given(boards=st.integers(1, 40), wraps=st.sampled_from([None, False]))
def test_a_machine_of_any_number_of_boards(boards: int, wraps: bool | None) -> None:
    """48 chips a board, one Ethernet chip each, links that lead back, every chip reached."""
    m = hexagonal(boards, HEXAGON, wraps)
    assert m.chips == 48 * boards == len(list(m.spots()))
    assert m.wraps == (boards % 3 == 0 and wraps is None)
    sizes = Counter(board_of(m, s) for s in m.spots())
    assert set(sizes.values()) == {48} and set(sizes) == set(m.boards) == set(m.ethernet)
    assert all(x % 4 == 0 and (x + y) % 12 == 0 for x, y in m.ethernet)
    between = 0
    for spot in m.spots():
        for link in range(6):
            there = m.beside(spot, link)
            assert there is None or m.beside(there, (link + 3) % 6) == spot
            between += there is not None and board_of(m, there) != board_of(m, spot)
    assert len(reached(m, (0, 0))) == m.chips
    assert between == 48 * boards if m.wraps else between % 2 == 0


def reached(m: Machine, start: Spot) -> set[Spot]:
    found, edge = {start}, [start]
    while edge:
        around = [m.beside(edge[-1], link) for link in range(6)]
        edge.pop()
        fresh = {s for s in around if s is not None} - found
        found |= fresh
        edge += fresh
    return found


def test_two_boards_lie_side_by_side() -> None:
    m = hexagonal(2, HEXAGON)
    assert m.ethernet == ((0, 0), (4, 8))
    assert m.beside((4, 7), 2) == (4, 8) and m.beside((7, 7), 0) is None


@pytest.mark.parametrize("boards", [0, -3])
def test_no_boards_are_e0193(boards: int) -> None:
    with pytest.raises(BadInput) as found:
        hexagonal(boards, HEXAGON, wraps=False)
    e = found.value
    assert e.code == "E0193" and f"got {boards}; allowed: 1 or more" in str(e)


@pytest.mark.parametrize("boards", [1, 2, 4])
def test_a_torus_that_is_not_of_triads_is_e0193(boards: int) -> None:
    with pytest.raises(BadInput) as found:
        hexagonal(boards, HEXAGON, wraps=True)
    e = found.value
    assert e.code == "E0193" and f"got {boards}; allowed: 3, 6, 9" in str(e)
    assert "boards=3" in str(e)


def test_a_machine_without_a_wired_chip_is_e0143() -> None:
    """A board whose own one is dead is reached over the others."""
    m = hexagonal(2, HEXAGON).without(chips=[(4, 8)])
    assert m.ethernet == ((0, 0),) and len(m.boards) == 2 and len(reached(m, (0, 0))) == 95
    with pytest.raises(BadInput) as found:
        m.without(chips=[(0, 0)])
    e = found.value
    assert e.code == "E0143" and "nothing can be loaded" in str(e) and "2 boards" in str(e)
    assert "got dead: (0, 0)" in str(e)


@given(
    width=st.integers(1, 9), height=st.integers(1, 9), wraps=st.booleans(),
    hexagon=st.booleans(), data=st.data(),
)  # fmt: skip
def test_a_vector_leads_there_by_the_shortest_way(
    width: int, height: int, wraps: bool, hexagon: bool, data: st.DataObject
) -> None:
    """Against a breadth-first search over the links themselves."""
    m = Machine(width, height, HEXAGON if hexagon else SQUARE, wraps)
    spot = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    a, b = data.draw(spot), data.draw(spot)
    v = m.vector(a, b)
    end = a[0] + v[0], a[1] + v[1]
    assert (end[0] % width, end[1] % height) == b if wraps else end == b
    assert m.length(v) == steps_between(m, a, b)


def steps_between(m: Machine, a: Spot, b: Spot) -> int:
    reached, edge, n = {a}, {a}, 0
    while b not in reached:
        edge = {
            s for x in edge for link in range(len(m.steps)) if (s := m.beside(x, link)) is not None
        } - reached
        reached |= edge
        n += 1
    return n


def test_a_grid_holds_the_chips_asked_for_and_no_more() -> None:
    for n in range(1, 40):
        m = grid(n, SQUARE)
        assert m.chips == n and 0 <= m.width - m.height <= 1


def test_dead_parts_are_gone_from_both_ends() -> None:
    m = hexagonal(1, HEXAGON).without(chips=[(1, 1)], cores=[(0, 0, 3)], links=[(2, 2, 0)])
    assert not m.has((1, 1)) and m.chips == 47
    assert m.beside((0, 0), 1) is None and m.beside((2, 2), 0) is None
    assert m.beside((3, 2), 3) is None and m.beside((2, 3), 0) == (3, 3)
    assert (0, 0, 3) in m.dead_cores
    assert m.ethernet == ((0, 0),)


@pytest.mark.parametrize(
    "dead", [{"chips": [(7, 0)]}, {"cores": [(0, 9, 1)]}, {"links": [(0, 0, 6)]}]
)
def test_a_part_the_machine_lacks_is_e0192(dead: dict[str, list[tuple[int, ...]]]) -> None:
    with pytest.raises(BadInput) as found:
        hexagonal(1, HEXAGON).without(**dead)  # type: ignore[arg-type]
    e = found.value
    assert e.code == "E0192" and "no such part" in str(e) and "links below 6" not in str(e)
    assert "links (x, y, link) below 6" in str(e)
