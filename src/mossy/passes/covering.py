"""Merging beyond exact unions, compiled: keys nobody sends are free, and order may count.

A table is arrays: key, mask and a number for the route. Rows from `n` on are entries that were left
out of the table because their packets go straight on anyway; their keys must keep doing so, so an
entry may only match them if it has their route.

Both functions return (rows, key, mask): the entries in matching order, each with the number of a
row that has its route.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

BITS = 32
Entries = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@numba.njit(cache=True, inline="always")
def _meet(key_a: int, mask_a: int, key_b: int, mask_b: int) -> bool:
    return (key_a ^ key_b) & mask_a & mask_b == 0


@numba.njit(cache=True)
def _generality(mask: int) -> int:
    found = 0
    for bit in range(BITS):
        found += mask >> bit & 1 == 0
    return found


# ----------------------------------------------------------------------- disjoint entries
@numba.njit(cache=True)
def _free(
    k: int, m: int, route: int, key: NDArray[Any], mask: NDArray[Any], routes: NDArray[Any],
    left: NDArray[Any], last: NDArray[Any],
) -> bool:  # fmt: skip
    """Whether no entry of another route is touched. last[0]: the one that was, tried first."""
    at = last[0]
    if left[at] and routes[at] != route and _meet(k, m, key[at], mask[at]):
        return False
    for i in range(key.size):
        if left[i] and routes[i] != route and _meet(k, m, key[i], mask[i]):
            last[0] = i
            return False
    return True


@numba.njit(cache=True)
def widen(
    key: NDArray[Any], mask: NDArray[Any], routes: NDArray[Any], n: int, room: int
) -> Entries:
    """Merge pairs of one route where nothing else is touched, until at most `room` are left.

    Routes with many entries come first; within one, an entry takes in what lies nearest after it.
    """
    key, mask = key.copy(), mask.copy()
    left = np.ones(key.size, np.bool_)
    last = np.zeros(1, np.int64)
    count = n
    often = np.bincount(routes[:n])
    for route in np.argsort(-often):
        if count <= room or often[route] < 2:
            break
        rows = np.flatnonzero(routes[:n] == route)
        for a in range(rows.size):
            i = rows[a]
            if not left[i]:
                continue
            for b in range(a + 1, rows.size):
                j = rows[b]
                if not left[j]:
                    continue
                m = mask[i] & mask[j] & ~(key[i] ^ key[j])
                if _free(key[i] & m, m, route, key, mask, routes, left, last):
                    key[i], mask[i], left[j] = key[i] & m, m, False
                    count -= 1
                    if count <= room:
                        break
            if count <= room:
                break
    rows = np.flatnonzero(left[:n])
    return rows, key[rows], mask[rows]


# ----------------------------------------------------------------------- ordered entries
@numba.njit(cache=True)
def _union(
    chosen: NDArray[Any], wanted: NDArray[Any], key: NDArray[Any], mask: NDArray[Any]
) -> tuple[int, int]:
    k, m = 0, 0
    first = True
    for c in range(chosen.size):
        if not wanted[c]:
            continue
        i = chosen[c]
        if first:
            k, m, first = key[i], mask[i], False
        m &= mask[i] & ~(k ^ key[i])
        k &= m
    return k, m


@numba.njit(cache=True)
def _narrow(
    chosen: NDArray[Any], wanted: NDArray[Any], key: NDArray[Any], mask: NDArray[Any],
    union_mask: int, k: int, m: int,
) -> None:  # fmt: skip
    """Take out of the merge as few entries as make it miss the keys (k, m)."""
    best, best_bit = 0, -1
    for bit in range(BITS):
        if union_mask >> bit & 1 or not m >> bit & 1:
            continue
        agree = 0
        for c in range(chosen.size):
            i = chosen[c]
            agree += wanted[c] and mask[i] >> bit & 1 and (key[i] ^ k) >> bit & 1
        if agree > best:
            best, best_bit = agree, bit
    for c in range(chosen.size):
        i = chosen[c]
        if best_bit < 0 or not (mask[i] >> best_bit & 1 and (key[i] ^ k) >> best_bit & 1):
            wanted[c] = False


@numba.njit(cache=True)
def _overtaken(i: int, end: int, table: Any, used: Any, owner: NDArray[Any]) -> bool:
    """Whether keys of entry `i` would be taken by entries of other routes, were it moved to `end`.

    table, used: (key, mask, route) of the entries in order, and of the rows as they were at first.
    """
    key, mask, routes = table
    for o in range(owner.size):
        if owner[o] != i:
            continue
        for x in range(i + 1, end):
            if routes[x] != routes[i] and _meet(key[x], mask[x], used[0][o], used[1][o]):
                return True
    return False


@numba.njit(cache=True)
def _refine(
    chosen: NDArray[Any], table: Any, used: Any, owner: NDArray[Any], general: NDArray[Any],
    least: int,
) -> tuple[NDArray[Any], int, int, int]:  # fmt: skip
    """Take out of a merge what would send a used key elsewhere.

    Return (entries of the merge, key, mask, where it goes in the table); none where fewer than
    `least` are left.
    """
    key, mask, routes = table
    route = routes[chosen[0]]
    wanted = np.ones(chosen.size, np.bool_)
    steady = False
    k: Any = 0
    m: Any = 0
    end: Any = 0
    while not steady and wanted.sum() >= least:
        steady = True
        k, m = _union(chosen, wanted, key, mask)
        end = np.searchsorted(general, _generality(m), side="right")
        for o in range(owner.size):  # keys further down must not be caught
            if owner[o] >= end and used[2][o] != route and _meet(k, m, used[0][o], used[1][o]):
                _narrow(chosen, wanted, key, mask, m, used[0][o], used[1][o])
                steady = False
                break
        if not steady:
            continue
        for c in range(chosen.size):  # keys of the merge must not be caught further up
            if wanted[c] and _overtaken(chosen[c], end, table, used, owner):
                wanted[c] = False
                steady = False
    if wanted.sum() < least:
        return chosen[:0], 0, 0, 0
    return chosen[wanted], k, m, end


@numba.njit(cache=True)
def cover(
    key: NDArray[Any], mask: NDArray[Any], routes: NDArray[Any], n: int, room: int
) -> Entries:
    """Ordered covering: the largest merge first, until at most `room` entries are left.

    A merged entry goes below all that are no more general than it, which therefore still count.
    """
    used = (key, mask, routes)
    general = np.array([_generality(m) for m in mask[:n]])
    order = np.argsort(general, kind="mergesort")
    owner = np.full(key.size, 1 << 40, np.int64)  # rows that were left out lie below everything
    owner[order] = np.arange(n)
    rows, general = order, general[order]
    k, m, r = key[rows], mask[rows], routes[rows]
    bound = np.bincount(routes[:n])  # a guess at how many of a route can merge at once
    while rows.size > room:
        best, best_k, best_m, best_end = rows[:0], 0, 0, 0
        for route in np.argsort(-bound):
            if bound[route] < 2 or bound[route] <= best.size:
                break
            chosen = np.flatnonzero(r == route)
            found = _refine(chosen, (k, m, r), used, owner, general, max(2, best.size + 1))
            bound[route] = found[0].size if found[0].size else min(bound[route], best.size)
            if found[0].size > best.size:
                best, best_k, best_m, best_end = found
        if best.size < 2:
            break
        row = rows[best[0]]
        # the table without the merged entries, and the new one in its place
        stays = np.ones(rows.size + 1, np.bool_)
        source = np.concatenate(
            (np.arange(best_end), np.array([-1]), np.arange(best_end, rows.size))
        )
        for i in best:
            stays[i + (i >= best_end)] = False
        source = source[stays]
        to = np.full(rows.size, -1, np.int64)
        new = 0
        for at in range(source.size):
            if source[at] < 0:
                new = at
            else:
                to[source[at]] = at
        for o in range(owner.size):
            if owner[o] < 1 << 40:
                owner[o] = to[owner[o]] if to[owner[o]] >= 0 else new
        rows, k, m, r, general = rows[source], k[source], m[source], r[source], general[source]
        rows[new], k[new], m[new] = row, best_k, best_m
        r[new], general[new] = routes[row], _generality(best_m)
        bound[routes[row]] = (r == routes[row]).sum()
    return rows, k, m
