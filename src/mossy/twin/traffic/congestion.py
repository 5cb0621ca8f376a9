"""Congestion: how busy links, routers and event FIFOs are in every step, and what that leads to.

The load of a link in a step is exact: packets that the cores send (counts), times the links of
their trees, which are static (packets.py), stretch by stretch where parts die. From it follow

    utilisation = packets x bits of a packet on the link / (rate of the link x tick)

the same for the look-ups of a router, and for the links of a network on chip (inside.py), each of
which takes so many packets a second. A chip.toml names the facts in its section [links]:

    on_board, between_boards = { rate, frame }     a packet takes whole frames, where there are any
    router      look-ups per second of one chip    latency   seconds per router
    noc = { rate, hop, clock }                     packets per second of one link of the network on
                                                   chip, cycles per hop, cycles per second
    fifo        packets that the event FIFO of a core holds; filters: event filters of a core
    queue       packets that wait for another try

and the chip's choices say what happens to what does not fit:

    link_policy = "late" | "drop"                  fifo_policy, noc_multicast: events.py, inside.py

What follows from a load above 100 % is an estimate priced from the loads, never a change of a
spike. "late": what does not fit waits for the next tick, each link by itself; the time on later
links is not added up. "drop": what does not fit is dropped, and tried again if it finds room in the
chip's queue (the load of the second try is left out). Both spread a step's packets over its whole
tick: real cores send them in bursts, so less than 100 % does not mean that nothing waits.

What is not known is no number: it is listed under `unknown`, and assumed facts under `assumed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.program.artefact import LINKED, Program
from mossy.program.machine import Place
from mossy.twin.counts import Counts
from mossy.twin.faults import Fault, direction
from mossy.twin.traffic.events import Fifo, Filters, fifo, filters
from mossy.twin.traffic.full_links import Full
from mossy.twin.traffic.link_facts import LinkFacts, kind_of, shares
from mossy.twin.traffic.loads import Traffic, loads, traffic
from mossy.twin.traffic.peaks import Busy, Peak, Peaks
from mossy.twin.traffic.transit import Transit
from mossy.units import Quantity

__all__ = ["Busy", "Congestion", "Inside", "congestion"]


@dataclass(frozen=True)
class Inside:
    """Networks on chip. link: the busiest one of all chips. packets: over links, whole run.

    over, over_steps: links above 100 % in some step, and (link, step) pairs that are. branching:
    how packets for several tiles of a chip travel: "copies", "tree" or "apart", from core to core.
    """

    link: Busy
    packets: int
    over: int
    over_steps: int
    branching: str


@dataclass(frozen=True, eq=False)
class Congestion:
    """What the packets of a run did to the network.

    links: the busiest ones, busiest first. per_step: (batch, steps) use of each step's busiest
    link. over: links that are above 100 % in some step; over_steps: (link, step) pairs that are.
    late, ticks_late: packets that miss their tick, and by how many at worst; dropped: packets that
    a link drops; lost: those for which the queue has no room either. noc: None on chips whose
    networks on chip are not followed. longest: the longest way of a packet. assumed, unknown: names
    of facts and their sources.
    """

    policy: str
    links: tuple[Busy, ...]
    router: Busy | None
    noc: Inside | None
    per_step: NDArray[np.float64]
    over: int
    over_steps: int
    late: float
    ticks_late: int
    dropped: float
    lost: float
    fifo: Fifo
    filters: Filters | None
    longest: Transit
    assumed: dict[str, str]
    unknown: dict[str, str]


def congestion(
    program: Program, counts: Counts, chip: Chip, faults: Sequence[Fault] = ()
) -> Congestion | None:
    """Return the congestion of a run, None on chips whose links are not followed one by one.

    Raises BadInput E0416 where an assumed fact is none that links could have.
    """
    if "links" not in chip.spec or program.routing not in LINKED or not program.tick:
        return None
    facts = LinkFacts(chip)
    found = traffic(program, counts, facts, faults)
    share = shares(program, facts, found.links)
    full = Full(found.links, share, facts.choice("link_policy"), facts.most("queue"))
    peaks = Peaks(share, counts.shape[:2])
    for b, t, load in loads(counts, found, "links"):
        peaks.add(b, t, load)
        full.add(b, load)
    return Congestion(
        policy=full.policy,
        links=tuple(_link(program, facts, found.links[p.part], p) for p in peaks.busiest()),
        router=_router(program, counts, facts, found),
        noc=_inside(program, counts, facts, found),
        per_step=peaks.per_step,
        over=int(peaks.over.sum()),
        over_steps=peaks.over_steps,
        late=full.late,
        ticks_late=full.ticks_late,
        dropped=full.dropped,
        lost=full.lost,
        fifo=fifo(program, counts, facts),
        filters=filters(program, facts),
        longest=found.clock.transit(found.clock.longest_of(tree.longest for tree in found.each)),
        assumed=facts.assumed,
        unknown=facts.unknown,
    )


def _link(program: Program, facts: LinkFacts, link: Place, peak: Peak) -> Busy:
    x, y, number = link
    kind, tick = kind_of(program.machine, link), program.tick
    seconds = facts.crossing(program, kind)
    use = seconds.times(peak.load / tick, "1") if seconds and tick else None
    name = f"chip ({x},{y}) {direction(program.machine, number)}"
    return Busy(name, kind.replace("_", " "), peak.sample, peak.step, peak.load, use)


def _router(program: Program, counts: Counts, facts: LinkFacts, found: Traffic) -> Busy | None:
    peaks = Peaks(np.ones(len(found.routers)), counts.shape[:2])
    for b, t, load in loads(counts, found, "routers"):
        peaks.add(b, t, load)
    for peak in peaks.busiest(1):
        x, y = found.routers[peak.part]
        use = _of_tick(program, peak.load, facts.quantity("router"))
        return Busy(f"chip ({x},{y})", "router", peak.sample, peak.step, peak.load, use)
    return None


def _inside(program: Program, counts: Counts, facts: LinkFacts, found: Traffic) -> Inside | None:
    rate = facts.quantity("noc", "rate")
    one = _of_tick(program, 1, rate)
    share = np.full(len(found.hops), one.value if one else 0.0)
    peaks = Peaks(share, counts.shape[:2])
    for b, t, load in loads(counts, found, "hops") if found.hops else ():
        peaks.add(b, t, load)
    for peak in peaks.busiest(1):
        (x, y), (start, end) = found.hops[peak.part]
        name = f"chip ({x},{y}) tile ({start[0]},{start[1]}) to ({end[0]},{end[1]})"
        use = _of_tick(program, peak.load, rate)
        link = Busy(name, "network on chip", peak.sample, peak.step, peak.load, use)
        over, branching = int(peaks.over.sum()), facts.branching(program)
        return Inside(link, peaks.total, over, peaks.over_steps, branching)
    return None


def _of_tick(program: Program, load: float, rate: Quantity | None) -> Quantity | None:
    """The share of what a rate allows in a tick."""
    if rate is None or program.tick is None:
        return None
    most = (rate.value, rate.high, rate.low)
    value, low, high = (load / (r * program.tick) for r in most)
    return Quantity(value, "1", low, high)
