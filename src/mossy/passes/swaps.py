"""Swaps: what links slices cross where they are, and moves that make it less.

The cost is what a packet's tree crosses as far as can be told without drawing it: each chip that a
slice sends to counts once, one link and a share of those beyond, since ways begin together. The sum
of distances to all targets can fall while trees grow: it parts targets that one copy would serve.
A move swaps a slice with the one on a core of a chip near by, or puts it there where the core is
free. Only the slices that send to one of the two, and these themselves, are priced again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from mossy.program.machine import Machine

SHARE = 1 / 3  # of the links beyond the first to a chip: tried on sheets and random graphs


class Net(NamedTuple):
    """start, targets: of each slice; first, sources: who sends to it; packets: of each slice."""

    start: NDArray[Any]
    targets: NDArray[Any]
    first: NDArray[Any]
    sources: NDArray[Any]
    packets: NDArray[Any]


class Board(NamedTuple):
    """room: first place of each chip, row by row; far: costs by difference of spots."""

    width: int
    height: int
    wraps: bool
    room: NDArray[Any]
    far: NDArray[Any]


class Put(NamedTuple):
    """place, spot, cost: of each slice; holds: the slice at each place, -1 where it is free."""

    place: NDArray[Any]
    spot: NDArray[Any]
    cost: NDArray[Any]
    holds: NDArray[Any]


def net_of(start: NDArray[Any], targets: NDArray[Any], packets: NDArray[Any]) -> Net:
    """Return the graph of n slices: s sends to targets[start[s] : start[s + 1]]."""
    n = start.size - 1
    sources = np.repeat(np.arange(n), np.diff(start))[np.argsort(targets, kind="stable")]
    first = np.append(0, np.cumsum(np.bincount(targets, minlength=n)))
    return Net(start, targets, first, sources, packets)


def board_of(machine: Machine, cores: NDArray[Any]) -> Board:
    """Return what moves are made on. cores: places (m, 3), chip by chip and row by row."""
    wide, high = machine.width, machine.height
    dy, dx = np.mgrid[1 - high : high, 1 - wide : wide]
    ways = [(dx, dy)]
    if machine.wraps:
        ways = [(dx % wide - a, dy % high - b) for a in (0, wide) for b in (0, high)]
    both = (1, 1) in machine.steps
    links = [
        np.where(both & (x * y > 0), np.maximum(abs(x), abs(y)), abs(x) + abs(y)) for x, y in ways
    ]
    far = np.min(links, axis=0).ravel()
    room = np.searchsorted(cores[:, 1] * wide + cores[:, 0], np.arange(wide * high + 1))
    return Board(wide, high, machine.wraps, room, np.where(far > 0, 1 + SHARE * (far - 1), 0.0))


def begun(net: Net, board: Board, cores: NDArray[Any], places: NDArray[Any]) -> Put:
    """Return slices at `places` (n, 3), each of them one of `cores`, with what they cost."""
    most = 1 + int(cores[:, 2].max())
    every, wanted = ((p[:, 1] * board.width + p[:, 0]) * most + p[:, 2] for p in (cores, places))
    order = np.argsort(every)
    at = order[np.searchsorted(every, wanted, sorter=order)]
    holds = np.full(len(cores), -1)
    holds[at] = np.arange(len(places))
    spot = places[:, 1] * (2 * board.width - 1) + places[:, 0]
    put = Put(at, spot, np.zeros(len(places)), holds)
    _price(net, board, put)
    return put


@numba.njit(cache=True)
def _price(net: Any, board: Any, put: Any) -> None:
    """Fill in the costs of all slices."""
    mark = np.full(board.far.size, -1)
    for s in range(len(put.cost)):
        put.cost[s] = _crossed(net, board, put, s, mark, s)


@numba.njit(cache=True)
def _crossed(net: Any, board: Any, put: Any, s: int, mark: Any, tick: int) -> Any:
    """Cost of the packets of slice s; `mark` shows the spots seen, by a number used once."""
    home, middle, cost = put.spot[s], board.far.size // 2, 0.0
    mark[home] = tick
    for k in range(net.start[s], net.start[s + 1]):
        spot = put.spot[net.targets[k]]
        if mark[spot] != tick:
            mark[spot] = tick
            cost += board.far[spot - home + middle]
    return cost * net.packets[s]


@numba.njit(cache=True)
def _near(board: Any, spot: int, reach: int, draw: Any) -> tuple[int, int]:
    """A place on another chip at most `reach` rows and columns away, and its spot; -1: a miss."""
    wide, high = board.width, board.height
    y, x = divmod(spot, 2 * wide - 1)
    right = min(reach, wide // 2 if board.wraps else wide - 1)
    up = min(reach, high // 2 if board.wraps else high - 1)
    to_x = x + int(draw.random() * (2 * right + 1)) - right
    to_y = y + int(draw.random() * (2 * up + 1)) - up
    if board.wraps:
        to_x, to_y = to_x % wide, to_y % high
    elif not (0 <= to_x < wide and 0 <= to_y < high):
        return -1, -1
    first, last = board.room[to_y * wide + to_x], board.room[to_y * wide + to_x + 1]
    if first == last or (to_x == x and to_y == y):
        return -1, -1
    return first + int(draw.random() * (last - first)), to_y * (2 * wide - 1) + to_x


@numba.njit(cache=True)
def _swap(put: Any, s: int, t: int, to: int, spot: int) -> None:
    """Put slice s at place `to`, and t, which is there or -1, where s was."""
    put.holds[put.place[s]], put.holds[to] = t, s
    if t >= 0:
        put.place[t], put.spot[t] = put.place[s], put.spot[s]
    put.place[s], put.spot[s] = to, spot


@numba.njit(cache=True)
def moves(
    count: int, heat: float, reach: int, draw: Any, net: Any, board: Any, put: Any
) -> tuple[float, float]:
    """Try `count` moves, below zero heat without taking any: share taken, deviation of costs."""
    n, tick, tried, taken, total, squares = len(put.place), 0, 0, 0, 0.0, 0.0
    mark, seen = np.full(board.far.size, -1), np.full(n, -1)
    nets, cost = np.empty(n, np.int64), np.empty(n)
    for turn in range(count):
        s = int(draw.random() * n)
        to, spot = _near(board, put.spot[s], reach, draw)
        if to < 0:
            continue
        t, back, old = put.holds[to], put.place[s], put.spot[s]
        _swap(put, s, t, to, spot)
        rise, used = 0.0, 0
        for moved in (s, t):
            if moved < 0:
                continue
            for k in range(net.first[moved] - 1, net.first[moved + 1]):
                u = moved if k < net.first[moved] else net.sources[k]
                if seen[u] != turn:
                    seen[u] = turn
                    nets[used], cost[used] = u, _crossed(net, board, put, u, mark, tick)
                    rise += cost[used] - put.cost[u]
                    used, tick = used + 1, tick + 1
        tried, total, squares = tried + 1, total + rise, squares + rise * rise
        if heat >= 0 and (rise <= 0 or (heat > 0 and draw.random() < np.exp(-rise / heat))):
            put.cost[nets[:used]] = cost[:used]
            taken += 1
        else:
            _swap(put, s, t, back, old)
    tried = max(1, tried)
    return taken / tried, np.sqrt(max(0.0, squares / tried - (total / tried) ** 2))
