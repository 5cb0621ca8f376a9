"""Splitters: cores that copy spikes, because a neuron drives one axon only.

An axon of a splitter core is joined to as many neurons as there are copies, and each of them
repeats the spike one tick later and drives one axon of its own. A source that needs more copies
than a core has neurons gets them in stages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of splitter cores. n: neurons, spare ones included; cores: equal cuts of them.

    feeds: for each copy in order, which element of the stage before drives it (a source neuron in
    the first stage, else the number of a neuron); slot: which neuron makes it.
    """

    n: int
    cores: int
    feeds: Ints
    slot: Ints


def stages(copies: Ints, most: int) -> list[Stage]:
    """Return the stages, first to last. copies: wanted of each source; most: neurons of a core.

    The copies of the last stage are ordered by source.
    """
    groups = -(-copies // most)
    owner = np.repeat(np.arange(copies.size), groups)
    nth = np.arange(owner.size) - np.repeat(np.cumsum(groups) - groups, groups)
    size = np.minimum(most, copies[owner] - nth * most)
    core, offset = _packed(size, most)
    width = int((offset + size).max(initial=1))
    inside = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    slot = np.repeat(core * width + offset, size) + inside
    cores = int(core.max(initial=0)) + 1
    if groups.max(initial=0) <= 1:
        return [Stage(cores * width, cores, np.repeat(owner, size), slot)]
    before = stages(groups, most)
    return [*before, Stage(cores * width, cores, np.repeat(before[-1].slot, size), slot)]


def _packed(size: Ints, most: int) -> tuple[Ints, Ints]:
    """Core and first neuron of each group: the next core begins where a group does not fit."""
    core, offset = np.zeros(size.size, np.int64), np.zeros(size.size, np.int64)
    at = used = 0
    for i, n in enumerate(size.tolist()):
        if used + n > most:
            at, used = at + 1, 0
        core[i], offset[i] = at, used
        used += n
    return core, offset
