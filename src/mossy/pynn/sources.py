"""Spikes from outside: at given times, and at random ones that do not depend on how they are drawn.

A Poisson source's spikes in a step are a function of (seed, neuron, step) alone, as those of the
noise that a population draws for itself (synapses/noise.py), so that they are the same however a
run is cut into pieces, and whether or not they are recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.synapses.chance import jit
from mossy.synapses.noise import ROOM, arrivals, rates_of

Events = tuple[NDArray[np.int64], NDArray[np.int64]]
FOREVER = 1e9  # ms; PyNN's own duration of a source is longer


@jit
def _draw(seed: Any, begin: Any, end: Any, kind: Any, rates: Any, n: Any, room: Any) -> Any:
    """Return step and neuron of the spikes of the steps begin .. end. room: a first guess."""
    step, neuron = np.empty(room, np.int64), np.empty(room, np.int64)
    sums = np.zeros(n, np.int64)
    m = 0
    bits = np.empty(ROOM, np.uint32)
    for t in range(begin, end):
        arrivals(seed, t, 0, kind, rates, 1, sums, bits)
        for i in range(n):
            for _ in range(sums[i]):
                if m == step.size:
                    step = np.concatenate((step, np.empty(m + 16, np.int64)))
                    neuron = np.concatenate((neuron, np.empty(m + 16, np.int64)))
                step[m], neuron[m] = t, i
                m += 1
            sums[i] = 0
    return step[:m], neuron[:m]


def poisson(mean: NDArray[np.float64], seed: int, begin: int, end: int) -> Events:
    """Return the spikes of the steps begin .. end, by step. mean: (n,) spikes in a step."""
    if mean.size == 0 or end <= begin:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rates, which = rates_of(mean)
    room = int(mean.sum() * (end - begin) * 1.1) + 16
    step, neuron = _draw(np.uint64(seed), begin, end, which, rates, mean.size, room)
    return step, neuron


def during(
    events: Events, start: NDArray[np.float64], duration: NDArray[np.float64], dt: float
) -> Events:
    """Keep the spikes while a source is on: after start, for a duration. (n,) ms each; dt in ms."""
    step, neuron = events
    if steady(start, duration):
        return events
    time = step * dt
    on = (time > start[neuron]) & (time <= start[neuron] + duration[neuron])
    return step[on], neuron[on]


def listed(times: Any, dt: float) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """Return step, neuron and time (ms) of the spikes of all neurons, by step.

    times: one sequence of ms for each neuron. What lies between two steps belongs to the later one.
    """
    each = [np.asarray(t.value if hasattr(t, "value") else t, float).ravel() for t in times]
    time = np.concatenate([*each, np.zeros(0)])
    neuron = np.repeat(np.arange(len(each)), [t.size for t in each])
    step = np.ceil(time / dt - 1e-6).astype(np.int64)
    order = np.lexsort((neuron, step))
    return step[order], neuron[order], time[order]


def steady(start: NDArray[np.float64], duration: NDArray[np.float64]) -> bool:
    """Return whether all sources of a population are on from the beginning, for good."""
    return bool((start <= 0).all() and (start + duration >= FOREVER).all())
