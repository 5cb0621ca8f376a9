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


@pytest.mark.parametrize("boards", [0, 2, 4, -3])
def test_another_number_of_boards_is_e0193(boards: int) -> None:
    with pytest.raises(BadInput) as found:
        hexagonal(boards, HEXAGON)
    e = found.value
    assert (
        e.code == "E0193" and f"got {boards}; allowed: 1, 3, 6" in str(e) and "boards=3" in str(e)
    )


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
    assert m.without(chips=[(0, 0)]).ethernet == ()


@pytest.mark.parametrize(
    "dead", [{"chips": [(7, 0)]}, {"cores": [(0, 9, 1)]}, {"links": [(0, 0, 6)]}]
)
def test_a_part_the_machine_lacks_is_e0192(dead: dict[str, list[tuple[int, ...]]]) -> None:
    with pytest.raises(BadInput) as found:
        hexagonal(1, HEXAGON).without(**dead)  # type: ignore[arg-type]
    e = found.value
    assert e.code == "E0192" and "no such part" in str(e) and "links below 6" not in str(e)
    assert "links (x, y, link) below 6" in str(e)
