"""Synapses made from a recipe: for the targets lo .. hi of it, in parallel, as often as needed.

Each target's synapses come from a stream of their own, keyed by the recipe's seed and the target
(by the source, where every source has so many targets). `by_source` walks the synapses of a range
of targets in one fixed order; making them twice, once to count and once to place, costs less than
keeping them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mossy.network.recipe import KINDS, PROFILES, Recipe
from mossy.synapses.chance import below, bits_of, drawn, jit, mix, picked, stream, uniform
from mossy.synapses.laws import Law, law

ONE_TO_ONE, ALL, PROBABILITY, IN, OUT, TOTAL, DISTANCE, LISTED = range(len(KINDS))
_WEIGHT, _DELAY = np.uint64(0x5851F42D4C957F2D), np.uint64(0x14057B7EF767814F)
_SELF_TRIES = 64  # so many tries to find another neuron than itself


class Spec(NamedTuple):
    """A recipe in compiled code's types."""

    kind: int
    n_source: int
    n_target: int
    each: int
    p: float
    selves: bool
    replace: bool
    key: np.uint64
    weight: Law
    delay: Law
    profile: int
    width: float
    source_at: NDArray[np.float64]
    target_at: NDArray[np.float64]
    period: NDArray[np.float64]
    counts: NDArray[np.int64]  # of synapses by target, where they are known before
    start: NDArray[np.int64]  # of a list, by target
    pre: NDArray[np.int64]
    weights: NDArray[np.float64]
    delays: NDArray[np.int64]


def spec(r: Recipe) -> Spec:
    """Return what compiled code needs to make the synapses of a recipe."""
    counts, start = np.zeros(0, np.int64), np.zeros(1, np.int64)
    order = np.lexsort((r.pre, r.post)) if r.kind == "listed" else r.pre
    if r.kind == "listed":
        counts = np.bincount(r.post, minlength=r.n_target)
        start = np.concatenate([[0], np.cumsum(counts)])
    elif r.kind == "total":
        rng = np.random.Generator(np.random.Philox(r.seed))
        counts = rng.multinomial(r.count, np.full(r.n_target, 1 / r.n_target))
    axes = max(r.source_at.ndim and r.source_at[..., None].shape[1], 1)
    return Spec(
        KINDS.index(r.kind),
        r.n_source,
        r.n_target,
        r.count,
        float(r.p),
        r.selves,
        r.replace,
        np.uint64(r.seed & (2**64 - 1)),
        law(r.weight, float(r.scale), -float(r.top), float(r.top)),
        law(r.delay, 1.0, 1.0, np.inf),
        PROFILES.index(r.profile),
        float(r.width),
        np.ascontiguousarray(r.source_at, float).reshape(-1, axes),
        np.ascontiguousarray(r.target_at, float).reshape(-1, axes),
        np.resize(r.period, axes) if r.period.size else np.zeros(axes),
        counts.astype(np.int64),
        start.astype(np.int64),
        r.pre[order] if r.kind == "listed" else r.pre,
        r.weights[order] if r.kind == "listed" else r.weights,
        r.delays[order] if r.kind == "listed" else r.delays,
    )


# ------------------------------------------------------------------ the synapses of one stream
# Whole streams at a time: taking an array out of a specification costs, so it is done once.
@jit
def weights(s: Any, key: Any, place: Any, n: Any, out: Any) -> Any:
    """Put the whole-numbered weights of n synapses into `out`. place: of the first in a list."""
    if s.kind == LISTED:
        scale, top, listed = s.weight.scale, s.weight.top, s.weights
        for k in range(n):
            out[k] = np.int64(np.rint(min(max(listed[place + k] * scale, -top), top)))
    else:
        _drawn(s.weight, key, _WEIGHT, n, out)


@jit
def delays(s: Any, key: Any, place: Any, n: Any, out: Any) -> Any:
    """Put the delays of n synapses into `out`, in steps."""
    if s.kind == LISTED:
        listed = s.delays
        for k in range(n):
            out[k] = listed[place + k]
    else:
        _drawn(s.delay, key, _DELAY, n, out)


@jit
def _drawn(law: Any, key: Any, salt: Any, n: Any, out: Any) -> Any:
    first, threshold, other = law.first, law.threshold, law.other
    own = mix(key ^ salt)
    if threshold.size == 1:
        for k in range(n):
            out[k] = first
    elif threshold.size > 0:
        picked(threshold, other, first, own, n, out)
    else:
        scale, least, top = law.scale, law.least, law.top
        shape, a, b, share, span = law.shape, law.a, law.b, law.share, law.span
        low, high = law.low, law.high
        for k in range(n):
            x = drawn(shape, a, b, share, span, low, high, bits_of(own, k))
            out[k] = np.int64(np.rint(min(max(x * scale, least), top)))


# ------------------------------------------------------------------ who connects
@jit
def sources(s: Any, j: Any, found: Any, mark: Any) -> Any:
    """Put the sources of target j into `found`; return how many. mark: (n_source,), own scratch."""
    key = stream(s.key, j)
    if s.kind == ONE_TO_ONE:
        found[0] = j
        return 1 if j < s.n_source else 0
    if s.kind == LISTED:
        for k in range(s.start[j], s.start[j + 1]):
            found[k - s.start[j]] = s.pre[k]
        return s.start[j + 1] - s.start[j]
    if s.kind == IN or s.kind == TOTAL:
        count = s.each if s.kind == IN else s.counts[j]
        replace = s.replace or s.kind == TOTAL
        return _some(key, s.n_source, count, replace, -1 if s.selves else j, found, mark)
    if s.kind == PROBABILITY and s.p < 1.0:
        return _sparse(s, key, j, found)
    n = 0
    for i in range(s.n_source):
        if (s.selves or i != j) and (s.kind != DISTANCE or _near(s, i, j, key)):
            found[n] = i
            n += 1
    return n


@jit
def _sparse(s: Any, key: Any, j: Any, found: Any) -> Any:
    """Every source with probability p: the gaps between them are geometric."""
    if s.p <= 0.0:
        return 0
    scale = 1.0 / np.log1p(-s.p)
    n, i, k = 0, np.int64(-1), 0
    while True:
        gap = np.log(uniform(bits_of(key, k))) * scale
        k += 1
        if gap >= s.n_source:
            return n
        i += 1 + np.int64(gap)
        if i >= s.n_source:
            return n
        if s.selves or i != j:
            found[n] = i
            n += 1


@jit
def _some(key: Any, n: Any, count: Any, replace: Any, not_: Any, found: Any, mark: Any) -> Any:
    """`count` of 0 .. n - 1 but for `not_`; where distinct, those that are left out if fewer."""
    if replace:
        for k in range(count):
            found[k] = below(bits_of(key, k), n)
            tries = np.uint64(0)
            while found[k] == not_ and tries < _SELF_TRIES:
                tries += np.uint64(1)
                found[k] = below(mix(stream(key, k) + tries), n)
            if found[k] == not_:
                found[k] = (not_ + 1) % n
        return count
    possible = n - (1 if not_ >= 0 else 0)
    inverse = 2 * count > possible
    wanted = possible - count if inverse else count
    mark[:n] = False
    if not_ >= 0:
        mark[not_] = True
    k, got = 0, 0
    while got < wanted:
        i = below(bits_of(key, k), n)
        k += 1
        if not mark[i]:
            mark[i] = True
            found[got] = i
            got += 1
    if inverse:
        got = 0
        for i in range(n):
            if not mark[i]:
                found[got] = i
                got += 1
    return got


@jit
def _near(s: Any, i: Any, j: Any, key: Any) -> Any:
    square = 0.0
    for a in range(s.period.size):
        d = abs(s.source_at[i, a] - s.target_at[j, a])
        if s.period[a] > 0:
            d = min(d, s.period[a] - d)
        square += d * d
    x = np.sqrt(square) / s.width
    if s.profile == 0:
        p = s.p if x <= 1.0 else 0.0
    else:
        p = s.p * np.exp(-x if s.profile == 1 else -0.5 * x * x)
    return p > 0.0 and uniform(bits_of(key, i)) < p


# ------------------------------------------------------------------ all of a range
@jit
def in_degrees(s: Any, lo: Any, hi: Any) -> Any:
    """Return the number of synapses of the targets lo .. hi: (hi - lo,)."""
    n = np.zeros(hi - lo, np.int64)
    if s.kind == TOTAL or s.kind == LISTED:
        n[:] = s.counts[lo:hi]
        return n
    if s.kind == IN:
        n[:] = s.each
        return n
    found, mark = scratch(s)
    if s.kind == OUT:
        for i in range(s.n_source):
            for k in range(targets(s, i, found, mark)):
                if lo <= found[k] < hi:
                    n[found[k] - lo] += 1
    else:
        for j in range(lo, hi):
            n[j - lo] = sources(s, j, found, mark)
    return n


@jit
def reach(s: Any, lo: Any, hi: Any) -> Any:
    """Return which sources have a synapse on the targets lo .. hi: (n_source,).

    Not of a fixed out-degree, which is drawn the other way round: see `senders`.
    """
    reached = np.zeros(s.n_source, np.bool_)
    found, mark = scratch(s)
    left = s.n_source
    for j in range(lo, hi):
        for k in range(sources(s, j, found, mark)):
            if not reached[found[k]]:
                reached[found[k]] = True
                left -= 1
        if not left:  # soon so where connections are dense
            break
    return reached


@jit
def row_lengths(s: Any, lo: Any, hi: Any) -> Any:
    """Return how many synapses of each source end at the targets lo .. hi; for what `reach` is."""
    counts = np.zeros(s.n_source, np.int64)
    found, mark = scratch(s)
    for j in range(lo, hi):
        for k in range(sources(s, j, found, mark)):
            counts[found[k]] += 1
    return counts


@jit
def senders(s: Any, start: Any) -> Any:
    """Return the sources of all synapses of a fixed out-degree, by target: (synapses,) int32.

    start: (n_target + 1,) where those of each target begin.
    """
    source, at = np.empty(start[-1], np.int32), start.copy()
    found, mark = scratch(s)
    for i in range(s.n_source):
        for k in range(targets(s, i, found, mark)):
            source[at[found[k]]] = i
            at[found[k]] += 1
    return source


@jit
def scratch(s: Any) -> Any:
    """Return room for the longest list of partners, and marks."""
    n = max(s.n_source, s.n_target)
    longest = max(n, s.each if s.kind == IN or s.kind == OUT else 0)
    if s.counts.size:
        longest = max(longest, s.counts.max())
    return np.empty(longest + 1, np.int64), np.zeros(n, np.bool_)


@jit
def targets(s: Any, i: Any, found: Any, mark: Any) -> Any:
    """Put the targets of source i into `found`; return how many (a fixed out-degree)."""
    return _some(
        stream(s.key, i), s.n_target, s.each, s.replace, -1 if s.selves else i, found, mark
    )


@jit
def by_source(s: Any, lo: Any, hi: Any) -> Any:
    """Return (start (n_source + 1,), target - lo, weight, delay) of the targets lo .. hi."""
    start = np.zeros(s.n_source + 1, np.int64)
    found, mark = scratch(s)
    own = s.kind == OUT
    first, last = (0, s.n_source) if own else (lo, hi)
    for a in range(first, last):
        n = targets(s, a, found, mark) if own else sources(s, a, found, mark)
        for k in range(n):
            if not own:
                start[found[k] + 1] += 1
            elif lo <= found[k] < hi:
                start[a + 1] += 1
    for i in range(s.n_source):
        start[i + 1] += start[i]
    at = start[:-1].copy()
    index = np.empty(start[-1], np.int64)
    weight = np.empty(start[-1], np.int64)
    delay = np.empty(start[-1], np.int64)
    w, d = np.empty(found.size, np.int64), np.empty(found.size, np.int64)
    for a in range(first, last):
        n = targets(s, a, found, mark) if own else sources(s, a, found, mark)
        key = stream(s.key, a)
        place = s.start[a] if s.kind == LISTED else 0
        weights(s, key, place, n, w)
        delays(s, key, place, n, d)
        for k in range(n):
            i, j = (a, found[k]) if own else (found[k], a)
            if lo <= j < hi:
                index[at[i]], weight[at[i]], delay[at[i]] = j - lo, w[k], d[k]
                at[i] += 1
    return start, index, weight, delay


def rows(r: Recipe, lo: int, hi: int) -> tuple[NDArray[np.int64], ...]:
    """Return (start (n_source + 1,), target - lo, whole-numbered weight, delay in steps).

    The synapses of one source lie together, in the order of their targets.
    """
    found: tuple[NDArray[np.int64], ...] = by_source(spec(r), lo, hi)
    return found
