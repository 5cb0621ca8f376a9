"""Where the synapses of a block go: counted first, then made once more and placed.

Making them twice is quicker than keeping them in between, in memory that nobody has used before.
A cell is the synapses of one sender in one group of delays. form: lead, then the bits of the width,
groups, then bits of the neurons, of the sums, and of a place (see blocks.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.synapses.chance import jit, stream
from mossy.synapses.generate import LISTED, OUT, delays, scratch, sources, targets, weights
from mossy.twin.layout.gate import ahead

AHEAD = 16  # synapses that are looked for before they are placed
KEPT = 8192  # synapses that are made before they are placed


@jit
def _cell(sender: Any, delay: Any, form: Any) -> Any:
    lead, width, groups, _, _, _ = form
    return sender * groups + ((delay - lead) >> width)


@jit
def _word(delay: Any, plane: Any, i: Any, weight: Any, form: Any) -> Any:
    lead, width, _, neurons, sums, bits = form
    place = (((((delay - lead) & ((1 << width) - 1)) << sums) + plane) << neurons) + i
    return np.uint64(weight << bits) | np.uint64(place)


@jit
def count(s: Any, lo: Any, hi: Any, senders: Any, form: Any, many: Any) -> Any:
    """Add up the synapses of a recipe on its targets lo .. hi by the cell they belong to."""
    found, mark = scratch(s)
    d, cells = np.empty(found.size, np.int64), np.empty(found.size, np.uint32)
    own, listed = s.kind == OUT, s.kind == LISTED
    first, last = (0, s.n_source) if own else (lo, hi)
    for e in range(first, last):
        n = targets(s, e, found, mark) if own else sources(s, e, found, mark)
        delays(s, stream(s.key, e), s.start[e] if listed else 0, n, d)
        m = 0
        for k in range(n):
            i, j = (e, found[k]) if own else (found[k], e)
            if lo <= j < hi:
                cells[m] = _cell(senders[i], d[k], form)
                ahead(many, cells[m])
                m += 1
        for k in range(m):
            many[cells[k]] += 1


@jit
def place(
    s: Any, lo: Any, hi: Any, senders: Any, form: Any, first_at: Any, left: Any, plane: Any,
    at: Any, out: Any,
) -> Any:  # fmt: skip
    """Place the synapses of a recipe on its targets lo .. hi, the first of the block's `first_at`.

    at: where the next word of each cell belongs.
    """
    found, mark = scratch(s)
    d, w = np.empty(found.size, np.int64), np.empty(found.size, np.int64)
    room = found.size + KEPT
    cells, words = np.empty(room, np.uint32), np.empty(room, out.dtype)
    own, listed = s.kind == OUT, s.kind == LISTED
    first, last = (0, s.n_source) if own else (lo, hi)
    m = 0
    for e in range(first, last):
        n = targets(s, e, found, mark) if own else sources(s, e, found, mark)
        key, begin = stream(s.key, e), s.start[e] if listed else 0
        delays(s, key, begin, n, d)
        weights(s, key, begin, n, w)
        for k in range(n):
            i, j = (e, found[k]) if own else (found[k], e)
            if lo <= j < hi:
                weight = w[k] << left
                to = plane
                if plane < 0:
                    to = 1 if weight < 0 else 0
                    weight = abs(weight)
                cells[m] = _cell(senders[i], d[k], form)
                words[m] = _word(d[k], to, j - lo + first_at, weight, form)
                m += 1
        if m > KEPT:
            _scatter(cells, words, at, out, m)
            m = 0
    _scatter(cells, words, at, out, m)


@jit
def count_listed(
    sender: Any, index: Any, delay: Any, lo: Any, hi: Any, form: Any, many: Any
) -> Any:
    """Add up listed synapses on the neurons lo .. hi by the cell they belong to."""
    for k in range(sender.size):
        if lo <= index[k] < hi:
            many[_cell(sender[k], delay[k], form)] += 1


@jit
def place_listed(
    sender: Any, index: Any, delay: Any, weight: Any, plane: Any, lo: Any, hi: Any, form: Any,
    first_at: Any, at: Any, out: Any,
) -> Any:  # fmt: skip
    """Place listed synapses on the neurons lo .. hi."""
    for k in range(sender.size):
        if lo <= index[k] < hi:
            c = _cell(sender[k], delay[k], form)
            out[at[c]] = _word(delay[k], plane[k], index[k] - lo + first_at, weight[k], form)
            at[c] += 1


@jit
def _scatter(cells: Any, words: Any, at: Any, out: Any, n: Any) -> Any:
    """Put every word at the next place of its cell, asking for both ahead: they lie anywhere."""
    for k in range(n):
        if k + 2 * AHEAD < n:
            ahead(at, cells[k + 2 * AHEAD])
            ahead(out, at[cells[k + AHEAD]])
        c = cells[k]
        out[at[c]] = words[k]
        at[c] += 1
