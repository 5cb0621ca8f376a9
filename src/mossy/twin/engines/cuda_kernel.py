"""The walk of a GPU's threads through the steps of a launch, over neurons of any number of models.

Neurons of one model and format are a group, whose registers are records of a type of their own. A
group has a sweep, and a chain of device functions makes one sweep of all: each link lets the one
before it go first. It is a chain because a loop could only go over groups of one type.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda as _cuda  # loads drivers

from mossy import neurons
from mossy.synapses import noise as poisson

cuda: Any = _cuda  # kernels look it up among the names of their module
THREADS = 128  # of a block of the grid
BLOCKS = 4  # of the grid on each multiprocessor, all at a time, for they wait for each other
REGISTERS = 65536 // (THREADS * BLOCKS)  # of a thread, so that they have room whatever is compiled
SIMULATED = 4  # threads where the device is simulated

# columns of the table of places, and of the tables of noises
BLOCK, AT, NUMBER = range(3)
NOISE, ELEMENT, KIND = range(3)

Key = tuple[str, tuple[int, ...]]  # model and format


class Group(NamedTuple):
    """Neurons of one model and format. place: (n, 3) block (-1: dead), place in its sums, number.

    noises: (layers, n, 3), by layer and neuron: which noise or -1, element, row in its tables. It
    is there without layers, too, because an array of nothing has no address.
    """

    state: Any
    params: Any
    place: Any
    noises: Any
    layers: int


class Drawn(NamedTuple):
    """Noises: keys (noises, steps, 2), weights and sums they go to (noises,); and their tables."""

    keys: Any
    weights: Any
    planes: Any
    guide: Any
    borders: Any
    most: Any
    rest: Any


class Synapses(NamedTuple):
    """Blocks side by side: start (blocks, senders * groups of delays + 1) into words from base.

    first: number of each block's first neuron.
    """

    start: Any
    base: Any
    words: Any
    sums: Any
    first: Any


class Heard(NamedTuple):
    """Who spiked, neuron by number. spikes: (kept steps, neurons), counts: (kept steps,); outside:
    spikes of sources, those of step t from outside_start[t] on; numbers, steps: all of a launch,
    `many` of them.
    """

    spikes: Any
    counts: Any
    outside: Any
    outside_start: Any
    numbers: Any
    steps: Any
    many: Any


def simulated() -> bool:
    """Return whether Numba stands in for the device."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def grid() -> tuple[int, int]:
    """Blocks of the grid and threads of each: as many as can meet."""
    if simulated():
        return 1, SIMULATED
    return cuda.get_current_device().MULTIPROCESSOR_COUNT * BLOCKS, THREADS


@cache
def kernel(groups: tuple[Key, ...], hurt: bool = False) -> Any:
    """Return the compiled walk of these groups: one launch runs many steps.

    hurt: whether parts may be dead, which the walk of a whole machine never asks.
    """
    chain = nothing
    for k, (name, fmt) in enumerate(groups):
        chain = _linked(chain, _sweep(name, fmt, hurt), k)
    return _walk(chain, hurt)


# ------------------------------------------------------------------------------------- noise
WEYL, FIRST, SECOND = (np.uint64(k) for k in (poisson.WEYL, poisson.FIRST, poisson.SECOND))
UNSURE, SHIFT = poisson.UNSURE, np.uint64(16 - poisson.GUIDE)


@cuda.jit(device=True)
def scrambled(x, one, two):  # type: ignore[no-untyped-def]
    """Return 32 scrambled bits of x under two keys."""
    full = np.uint64(0xFFFFFFFF)
    x = (np.uint64(x) * WEYL + np.uint64(one)) & full
    x = ((x ^ (x >> np.uint64(16))) * FIRST) & full
    x = (x ^ (x >> np.uint64(15))) + np.uint64(two)
    x = ((x & full) * SECOND) & full
    x = x ^ (x >> np.uint64(15))
    return x


@cuda.jit(device=True)
def found(e, one, two, row, drawn):  # type: ignore[no-untyped-def]
    """Return how many spikes a noise brings to element e in the step of these keys."""
    both = scrambled(e >> 1, one, two)
    u = (both >> np.uint64(16 * (e & 1))) & np.uint64(0xFFFF)
    n = int(drawn.guide[row, u >> SHIFT])
    if n == UNSURE:
        n = 0
        while n < drawn.borders.shape[1] and drawn.borders[row, n] <= u:
            n += 1
    if n == drawn.most[row]:
        u = scrambled(e, two, one)
        n = 0
        while drawn.rest[row, n] <= u:
            n += 1
    return n


# ------------------------------------------------------------------------------------- sweeps
@cuda.jit(device=True)
def nothing(groups, begin, t, slot, room, sums, drawn, heard):  # type: ignore[no-untyped-def]
    """Sweep no group: the beginning of a chain."""


def _linked(before: Any, sweep: Any, k: int) -> Any:
    """Return the sweep of the groups up to k."""

    @cuda.jit(device=True)
    def both(groups, begin, t, slot, room, sums, drawn, heard):  # type: ignore[no-untyped-def]
        before(groups, begin, t, slot, room, sums, drawn, heard)
        sweep(groups[k], begin, t, slot, room, sums, drawn, heard)

    return both


@cache
def _sweep(name: str, fmt: tuple[int, ...], hurt: bool) -> Any:
    """Return one step of the neurons of a model, of which every thread takes some."""
    model = neurons.model(name)
    step = cuda.jit(device=True)(model.step)
    take, inputs, top = model.takes.type, model.inputs, model.sums[1] if model.sums else 0

    @cuda.jit(device=True)
    def sweep(own, begin, t, slot, room, sums, drawn, heard):  # type: ignore[no-untyped-def]
        kept = heard.spikes.shape[0]
        for i in range(cuda.grid(1), own.state.size, cuda.gridsize(1)):
            q, at = own.place[i, BLOCK], slot + own.place[i, AT]
            if hurt and q < 0:
                continue
            for z in range(own.layers):
                n = own.noises[z, i, NOISE]
                if n >= 0:
                    one, two = drawn.keys[n, t - begin, 0], drawn.keys[n, t - begin, 1]
                    many = found(own.noises[z, i, ELEMENT], one, two, own.noises[z, i, KIND], drawn)
                    sums[q, at + drawn.planes[n] * room] += drawn.weights[n] * many
            a = sums[q, at]
            b = a
            sums[q, at] = 0
            if inputs == 2:
                b = sums[q, at + room]
                sums[q, at + room] = 0
            if top > 0:
                a, b = min(a, top), min(b, top)
            if step(own.state[i], take(a), take(b), own.params[i], fmt):
                number = own.place[i, NUMBER]
                heard.spikes[t % kept, cuda.atomic.add(heard.counts, t % kept, 1)] = number
                m = cuda.atomic.add(heard.many, 0, 1)
                heard.numbers[m] = number
                heard.steps[m] = t

    return sweep


# ------------------------------------------------------------------------------------- the walk
@cuda.jit(device=True)
def lost_by(sender, s, spared):  # type: ignore[no-untyped-def]
    """Return the row of `gone` that holds for a spike of step s, -1 if no live target is lost."""
    return spared.spare[spared.which[s], spared.core_of[sender]] if s >= spared.cut else -1


@cuda.jit(device=True)
def reached(row, target, spared):  # type: ignore[no-untyped-def]
    """Return whether what is sent to the neuron `target` arrives."""
    return row < 0 or spared.gone[row, spared.core_of[target]] == 0


def _walk(sweep: Any, hurt: bool) -> Any:
    """Return the kernel around a sweep of all groups."""
    limits = {} if simulated() else {"max_registers": REGISTERS}

    @cuda.jit(**limits)
    def walk(begin, end, form, synapses, heard, spared, drawn, groups):  # type: ignore[no-untyped-def]
        lead, width, delays, room, sums_each, bits = form
        grid = cuda.cg.this_grid()
        sums, start, spikes = synapses.sums, synapses.start, heard.spikes
        kept, blocks, mask = spikes.shape[0], start.shape[0], (1 << bits) - 1
        for t in range(begin, end):
            slot = (t % width) * sums_each * room
            if cuda.grid(1) == 0:
                heard.counts[t % kept] = 0
            item = cuda.blockIdx.x
            for g in range(delays):
                s = t - lead - g * width
                if s < 0:
                    break
                own = heard.counts[s % kept]
                given = 0
                if s + 1 < heard.outside_start.size:
                    given = heard.outside_start[s + 1] - heard.outside_start[s]
                many = (own + given) * blocks
                while item < many:
                    i, q = item // blocks, item % blocks
                    later = heard.outside_start[s] + i - own
                    sender = spikes[s % kept, i] if i < own else heard.outside[later]
                    o = sender * delays + g
                    row = lost_by(sender, s, spared) if hurt else -1
                    k = start[q, o] + cuda.threadIdx.x
                    while k < start[q, o + 1]:
                        w = synapses.words[synapses.base[q] + k]
                        target = synapses.first[q] + (w & (room - 1)) if hurt else 0
                        if not hurt or reached(row, target, spared):
                            cuda.atomic.add(sums, (q, (w + slot) & mask), w >> bits)
                        k += cuda.blockDim.x
                    item += cuda.gridDim.x
                item -= many
            grid.sync()
            sweep(groups, begin, t, slot, room, sums, drawn, heard)
            grid.sync()

    return walk
