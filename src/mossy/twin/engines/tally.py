"""Lists of spikes: those of the inputs before a run, and after it all counts and who was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.twin.engines.trace import COUNTED, Rasters, Recorded, Trace
from mossy.twin.layout.wide import Wide

TRIPS = ("packets_out", "hops", "router_lookups", "link_packets")  # columns of a program's trips


@jit
def received(spikes: Any, step: Any, start: Any, core: Any, count: Any, out: Any) -> Any:
    """Add the synaptic events of spikes to out (steps, cores), by the step of the spike."""
    for k in range(spikes.size):
        g = spikes[k]
        for e in range(start[g], start[g + 1]):
            out[step[k], core[e]] += count[e]


@jit
def _sent(spikes: Any, step: Any, core_of: Any, out: Any) -> Any:
    for k in range(spikes.size):
        out[step[k], core_of[spikes[k]]] += 1


@jit
def _trips(spikes: Any, step: Any, core_of: Any, trips: Any, out: Any) -> Any:
    for k in range(spikes.size):
        g = spikes[k]
        for i in range(trips.shape[1]):
            out[step[k], core_of[g], i] += trips[g, i]


@jit
def _by_step(step: Any, who: Any, steps: Any) -> Any:
    """Return both sorted by step, and whether neurons rise within each."""
    at = np.zeros(steps + 1, np.int64)
    for k in range(step.size):
        at[step[k] + 1] += 1
    for t in range(steps):
        at[t + 1] += at[t]
    t_, i_ = np.empty(step.size, np.int64), np.empty(step.size, np.int64)
    for k in range(step.size):
        m = at[step[k]]
        t_[m], i_[m] = step[k], who[k]
        at[step[k]] = m + 1
    rising = True
    for k in range(1, step.size):
        rising &= t_[k] > t_[k - 1] or i_[k] > i_[k - 1]
    return t_, i_, rising


@jit
def _of(step: Any, who: Any, core_of: Any, first: Any, mine: Any) -> Any:
    """Return step and neuron of the spikes of some cores. first: what to add to a number."""
    n = 0
    for k in range(who.size):
        n += mine[core_of[who[k]]]
    t, i, m = np.empty(n, np.int64), np.empty(n, np.int64), 0
    for k in range(who.size):
        c = core_of[who[k]]
        if mine[c]:
            t[m], i[m] = step[k], who[k] + first[c]
            m += 1
    return t, i


def sent(
    laid: Wide, step: NDArray[np.int64], who: NDArray[np.int32], steps: int
) -> NDArray[np.int64]:
    """Return how many spikes each core sends in each step: (steps, cores)."""
    found = np.zeros((steps, len(laid.start)), np.int64)
    _sent(who, step, laid.core_of, found)
    return found


def counted(
    laid: Wide, spikes: NDArray[np.int64], events: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return all counts (1, steps, cores) from those of spikes and synaptic events."""
    named = {
        "spikes": spikes,
        "packets_in": np.asarray((laid.reach.T @ spikes.T).T),
        "synaptic_events": events,
    }
    named |= {k: spikes * laid.trips[:, i] for i, k in enumerate(TRIPS)}
    return {k: named[k][None] for k in COUNTED}


def _apart(
    laid: Wide,
    step: NDArray[np.int64],
    who: NDArray[np.int32],
    spikes: NDArray[np.int64],
    events: NDArray[np.int64],
) -> dict[str, NDArray[np.int64]]:
    """The same where every neuron's packets have a way of their own."""
    found = np.zeros((*spikes.shape, 4), np.int64)
    _trips(who, step, laid.core_of, laid.trips, found)
    arrived = np.zeros_like(spikes)
    ways = laid.reach
    received(who, step, ways.indptr, ways.indices, ways.data, arrived)
    named = {"spikes": spikes, "packets_in": arrived, "synaptic_events": events}
    named |= {k: found[:, :, i] for i, k in enumerate(TRIPS)}
    return {k: named[k][None] for k in COUNTED}


def rasters(
    program: Program,
    laid: Wide,
    names: tuple[str, ...],
    step: NDArray[np.int64],
    who: NDArray[np.int32],
    steps: int,
) -> Rasters:
    """Return the spikes of some populations, by step and neuron."""
    events, sizes = {}, {}
    first = np.array([c.lo for c in program.cores]) - laid.start
    if names:
        step, who, rising = _by_step(step, who, steps)
        if not rising:  # as they come from a GPU
            order = np.lexsort((who, step))
            step, who = step[order], who[order]
    for name in names:
        p = program.population(name)
        sizes[name] = int(np.prod(p.shape, dtype=np.int64))
        mine = np.isin(np.arange(len(first)), p.cores)
        events[name] = _of(step, who, laid.core_of, first, mine)
    return Rasters(events, sizes, steps)


def outside(
    program: Program, laid: Wide, inputs: dict[str, NDArray[Any]], steps: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the spikes of the sources, one number for each, and where each step's begin."""
    when, who = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name, x in inputs.items():
        first = int(laid.start[program.population(name).cores[0]])
        t, i = np.nonzero(x[0])
        n = x[0][t, i].astype(np.int64)
        when.append(np.repeat(t, n))
        who.append(np.repeat(first + i, n))
    t = np.concatenate(when)
    order = np.argsort(t, kind="stable")
    start = np.zeros(steps + 1, np.int64)
    np.cumsum(np.bincount(t, minlength=steps)[:steps], out=start[1:])
    return np.concatenate(who)[order].astype(np.int32), start


def traced(
    program: Program,
    laid: Wide,
    record: Recorded,
    states: dict[str, NDArray[Any]],
    given: NDArray[np.int32],
    given_start: NDArray[np.int64],
    found: list[tuple[NDArray[np.int64], NDArray[np.int32]]],
) -> Trace:
    """Return a run's trace. given: spikes of the sources; found: (step, number) of all others."""
    steps, cores = given_start.size - 1, len(program.cores)
    when = np.repeat(np.arange(steps), np.diff(given_start))
    step = np.concatenate([when, *(s for s, _ in found)])
    who = np.concatenate([given[: when.size], *(w for _, w in found)])
    spikes, events = np.zeros((2, steps, cores), np.int64)
    _sent(who, step, laid.core_of, spikes)
    received(who, step, laid.fan.start, laid.fan.core, laid.fan.count, events)
    if program.routing == "axons":
        counts = _apart(laid, step, who, spikes, events)
    else:
        counts = counted(laid, spikes, events)
    return Trace(counts, rasters(program, laid, record.spikes, step, who, steps), states)
