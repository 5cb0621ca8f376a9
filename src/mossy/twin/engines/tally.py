"""What follows from the lists of spikes of a run: all counts, and who is seen to spike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.synapses.chance import jit
from mossy.twin.engines.trace import COUNTED, Rasters
from mossy.twin.wide import Wide


@jit
def received(spikes: Any, step: Any, start: Any, core: Any, count: Any, out: Any) -> Any:
    """Add the synaptic events of spikes to out (steps, cores), by the step of the spike."""
    for k in range(spikes.size):
        g = spikes[k]
        for e in range(start[g], start[g + 1]):
            out[step[k], core[e]] += count[e]


def sent(
    laid: Wide, step: NDArray[np.int64], who: NDArray[np.int32], steps: int
) -> NDArray[np.int64]:
    """Return how many spikes each core sends in each step: (steps, cores)."""
    cores = len(laid.trips)
    at_core = step * cores + laid.core_of[who]
    return np.bincount(at_core, minlength=steps * cores).reshape(steps, cores)


def counted(
    laid: Wide, spikes: NDArray[np.int64], events: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return all counts (1, steps, cores) from those of spikes and synaptic events."""
    named = {
        "spikes": spikes,
        "packets_out": spikes * laid.trips[:, 0],
        "packets_in": np.asarray((laid.reach.T @ spikes.T).T),
        "synaptic_events": events,
        "hops": spikes * laid.trips[:, 1],
        "router_lookups": spikes * laid.trips[:, 2],
        "link_packets": spikes * laid.trips[:, 3],
    }
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
    for name in names:
        p = program.population(name)
        sizes[name] = int(np.prod(p.shape, dtype=np.int64))
        lists = []
        for c in (program.cores[k] for k in p.cores):
            mine = np.flatnonzero(laid.core_of[who] == c.number)
            lists.append((step[mine], who[mine] - laid.start[c.number] + c.lo))
        t, i = (np.concatenate([x[k] for x in lists]).astype(np.int64) for k in (0, 1))
        order = np.lexsort((i, t))
        events[name] = t[order], i[order]
    return Rasters(events, sizes, steps)
