"""Synthetic graphs of slices to map: which slice sends to which, as arrays.

A graph is (start, targets): slice s sends to targets[start[s] : start[s + 1]].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Neighbours = tuple[tuple[int, int], ...]
NEAR: Neighbours = tuple(
    (dx, dy) for dx in range(-2, 3) for dy in range(-2, 3) if dx * dx + dy * dy <= 5 and (dx or dy)
)  # 20 around a slice, by distance


class Graph(NamedTuple):
    """populations: how many slices each has, in order; their sum is the number of slices."""

    name: str
    populations: tuple[int, ...]
    start: NDArray[Any]
    targets: NDArray[Any]


def sheet(side: int, shuffled: bool = False, seed: int = 1) -> Graph:
    """side x side slices, each sending to the 8 to 20 nearest around it; rows one after the other.

    shuffled: numbered at random, so that their order says nothing of where they lie.
    """
    rng = np.random.default_rng(seed)
    n = side * side
    reach = rng.integers(8, len(NEAR) + 1, n)
    order = sorted(NEAR, key=lambda d: (d[0] ** 2 + d[1] ** 2, d))
    y, x = np.divmod(np.arange(n), side)
    pairs = []
    for k, (dx, dy) in enumerate(order):
        here = (reach > k) & (x + dx >= 0) & (x + dx < side) & (y + dy >= 0) & (y + dy < side)
        source = np.flatnonzero(here)
        pairs.append(np.column_stack([source, source + dy * side + dx]))
    edges = np.concatenate(pairs)
    if shuffled:
        edges = rng.permutation(n)[edges]
    return _graph(f"sheet {side} x {side}" + ", shuffled" * shuffled, (n,), edges)


def layers(count: int, wide: int) -> Graph:
    """`count` layers of `wide` slices, each sending to the whole next one."""
    first = np.arange((count - 1) * wide)
    source = np.repeat(first, wide)
    target = (source // wide + 1) * wide + np.tile(np.arange(wide), len(first))
    name = f"{count} layers of {wide}"
    return _graph(name, (wide,) * count, np.column_stack([source, target]))


def scattered(populations: int, wide: int, degree: int, seed: int = 1) -> Graph:
    """Slices that each send to `degree` others at random."""
    rng = np.random.default_rng(seed)
    n = populations * wide
    edges = np.column_stack([np.repeat(np.arange(n), degree), rng.integers(0, n, n * degree)])
    return _graph(f"{n} slices, {degree} random targets", (wide,) * populations, edges)


def _graph(name: str, populations: tuple[int, ...], edges: NDArray[Any]) -> Graph:
    n = sum(populations)
    numbers = np.sort(edges[:, 0].astype(np.int64) * n + edges[:, 1])
    numbers = numbers[np.diff(numbers, prepend=-1) > 0]
    start = np.concatenate([[0], np.cumsum(np.bincount(numbers // n, minlength=n))])
    return Graph(name, populations, start, numbers % n)
