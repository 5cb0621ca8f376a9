"""Merging of entries that no longer stand for exactly their keys, compiled: order counts from here.

Routes are taken from the one with the fewest entries to the one with the most. Two entries of a
route merge where what they then match belongs to no entry of a route that is still to come; keys
nobody sends are free, and those of routes that are done are caught further up in the table. So the
commonest route often ends as a single entry that takes all that is left.

A table is arrays: key, mask and a number for the route. Rows from `n` on are entries that were left
out of the table because their packets go straight on anyway; their keys must keep doing so, so an
entry may only match them if it has their route.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Entries = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@numba.njit(cache=True)
def _touches(
    k: int, m: int, route: int, key: NDArray[Any], mask: NDArray[Any], routes: NDArray[Any],
    later: NDArray[Any], last: NDArray[Any],
) -> bool:  # fmt: skip
    """Whether (k, m) matches keys of another route. last[0]: where it last did, tried first."""
    at = later[last[0]]
    if routes[at] != route and (k ^ key[at]) & m & mask[at] == 0:
        return True
    for i in range(later.size):
        at = later[i]
        if (k ^ key[at]) & m & mask[at] == 0 and routes[at] != route:
            last[0] = i
            return True
    return False


@numba.njit(cache=True)
def cover(
    key: NDArray[Any], mask: NDArray[Any], routes: NDArray[Any], n: int, room: int
) -> Entries:
    """Merge until at most `room` entries are left, or nothing is left to merge.

    Return (rows, key, mask): the entries in matching order, each with the number of a row that has
    its route.
    """
    key, mask = key.copy(), mask.copy()
    often = np.bincount(routes[:n])
    rank = often[routes[:n]] * often.size + routes[:n]
    order = np.concatenate((np.argsort(rank, kind="mergesort"), np.arange(n, key.size)))
    left = np.ones(n, np.bool_)
    count, first = n, 0
    while first < n and count > room:
        route = routes[order[first]]
        end = first + often[route]
        later, last = order[end:], np.zeros(1, np.int64)
        for a in range(first, end):
            i = order[a]
            if not left[i]:
                continue
            for b in range(a + 1, end):
                j = order[b]
                m = mask[i] & mask[j] & ~(key[i] ^ key[j])
                if not left[j] or count <= room:
                    continue
                # what has once touched another route does so however far it grows
                if later.size and _touches(key[i] & m, m, route, key, mask, routes, later, last):
                    continue
                key[i], mask[i], left[j] = key[i] & m, m, False
                count -= 1
        first = end
    rows = order[:n][left[order[:n]]]
    return rows, key[rows], mask[rows]
