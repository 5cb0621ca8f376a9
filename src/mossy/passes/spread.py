"""Spread: lay a network out in the plane, then lay the plane on the chips.

The hops from a few slices far from each other to all others are coordinates of every slice; their
two main directions are the plane (Harel and Koren 2002, high-dimensional embedding). Cut along the
longer side of the machine into columns of chips, and each column into chips, slices that talk to
each other lie on chips side by side, however they are numbered.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

PIVOTS = 12  # slices that distances are counted from


def spread(places: NDArray[Any], start: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
    """Return a place (n, 3) of `places` for each of n slices.

    places: working cores, at least n. Slice s sends to targets[start[s] : start[s + 1]].
    """
    n = start.size - 1
    places = places[_corner(places, n)]
    wide = np.ptp(places[:, 0]) >= np.ptp(places[:, 1])
    long, short = places[:, 0 if wide else 1], places[:, 1 if wide else 0]
    places = places[np.lexsort((places[:, 2], short, long))][:n]
    column = places[:, 0 if wide else 1]
    plane = _plane(start.astype(np.int64), targets.astype(np.int64))
    order = np.argsort(plane[:, 0], kind="stable")
    order = order[np.lexsort((plane[order, 1], column))]
    found = np.empty((n, 3), places.dtype)
    found[order] = places
    return found


def _corner(places: NDArray[Any], n: int) -> NDArray[np.bool_]:
    """Which places lie in the smallest corner of the machine, near a square, that has n."""
    reach = np.maximum(places[:, 0], places[:, 1])
    inside: NDArray[np.bool_] = reach <= np.partition(reach, n - 1)[n - 1]
    return inside


def _plane(start: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Coordinates (n, 2) of the slices, the direction of the larger spread first."""
    n = start.size - 1
    source = np.repeat(np.arange(n), np.diff(start))
    # both ways: a slice is as near to what it sends to as to what sends to it
    ends = np.concatenate([targets, source])
    order = np.argsort(np.concatenate([source, targets]), kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n)
                                           + np.bincount(targets, minlength=n))])  # fmt: skip
    far = _distances(first, ends[order], min(PIVOTS, n)).astype(np.float64)
    far -= far.mean(axis=0)
    values, vectors = np.linalg.eigh(far.T @ far)
    main = vectors[:, np.argsort(-values)[:2]]
    plane: NDArray[np.float64] = np.zeros((n, 2))
    plane[:, : main.shape[1]] = far @ main
    return plane


@numba.njit(cache=True)
def _distances(start: NDArray[Any], ends: NDArray[Any], pivots: int) -> NDArray[np.int32]:
    """Hops (n, pivots) from pivots, each the slice that is farthest from those before it."""
    n = start.size - 1
    found = np.empty((n, pivots), np.int32)
    nearest = np.full(n, 1 << 30, np.int32)
    todo = np.empty(n, np.int64)
    hops = np.empty(n, np.int32)
    at = 0
    for p in range(pivots):
        hops[:] = -1
        first, last, level, unseen = 0, 0, 0, 0
        here = at
        while last < n:
            if first == last:  # a part that is not joined to the others comes after them
                here = at if last == 0 else -1
                while here < 0:
                    if hops[unseen] < 0:
                        here = unseen
                    unseen += 1
                hops[here] = level
                todo[last] = here
                last += 1
            while first < last:
                here = todo[first]
                first += 1
                level = hops[here] + 1
                for k in range(start[here], start[here + 1]):
                    if hops[ends[k]] < 0:
                        hops[ends[k]] = level
                        todo[last] = ends[k]
                        last += 1
        found[:, p] = hops
        nearest = np.minimum(nearest, hops)
        at = int(np.argmax(nearest))
    return found
