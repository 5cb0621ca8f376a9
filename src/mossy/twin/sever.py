"""Sever: the linked program of a stretch of steps in which parts are dead.

Phases lose the neurons of dead cores. Segments that no packet reaches any more are booked on a core
of their own, `cores + sender`: what arrives there is what the sender lost. Their synapses lead to
one ring column behind all others, which nobody reads. So engines run a severed program as they run
a whole one, and count its losses as they count arrivals; it has as many neurons, segments and
synapses as before, in the same order.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.twin.layout.link import Linked, Phase, distinct
from mossy.twin.traffic.packets import Dead, Network


def sever(linked: Linked, program: Program, chip: Chip, dead: Dead) -> Linked:
    """Return `linked`, of the whole program, as it is once `dead` are dead."""
    network, cores = Network(program, chip, dead), len(program.cores)
    core, segments = linked.seg_core.copy(), linked.seg_start
    hops, lookups, links = linked.hops.copy(), linked.lookups.copy(), linked.links.copy()
    for c in program.cores:
        a = int(linked.start[c.number])
        each = [network.journey(c, k) for k in distinct(program, c)]
        gone = sorted({number for j in each for number in j.lost})
        hops[a : a + c.n], lookups[a : a + c.n], links[a : a + c.n] = zip(
            *((j.hops, j.lookups, j.links) for j in each * (c.n // len(each))), strict=True
        )
        mine = core[segments[a] : segments[a + c.n]]
        mine[np.isin(mine, gone)] = cores + c.number
    lost = np.repeat(core >= cores, np.diff(linked.syn_start))
    column = linked.column.copy()
    column[lost] = linked.width
    return dataclasses.replace(
        linked,
        phases=tuple(p for whole in linked.phases for p in _alive(whole, linked, program, dead)),
        width=linked.width + 1,
        seg_core=core,
        column=column,
        hops=hops,
        lookups=lookups,
        links=links,
    )


def moved(
    old: tuple[Phase, ...], new: tuple[Phase, ...], live: list[NDArray[np.void]]
) -> list[NDArray[np.void]]:
    """Return the registers of the old phases as those of the new ones. live: (batch, n) each."""
    found = []
    for p in new:
        q, state = next(
            (q, s) for q, s in zip(old, live, strict=True) if q.start <= p.start < q.stop
        )
        found.append(np.ascontiguousarray(state[:, p.start - q.start : p.stop - q.start]))
    return found


def _alive(phase: Phase, linked: Linked, program: Program, dead: Dead) -> list[Phase]:
    """The runs of a phase's neurons whose cores are alive."""
    mine = linked.core_of[phase.start : phase.stop]
    gone = np.array([dead.core(c.place) for c in program.cores])[mine]
    edges = np.flatnonzero(np.diff(np.concatenate([[True], gone, [True]])))
    inputs = phase.model.inputs
    return [
        dataclasses.replace(
            phase,
            start=phase.start + a,
            stop=phase.start + b,
            column=phase.column + inputs * a,
            params=phase.params[a:b],
            state=phase.state[a:b],
        )
        for a, b in edges.reshape(-1, 2).tolist()
    ]
