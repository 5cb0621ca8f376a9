"""Congestion: how busy links, routers and event FIFOs are in every step, and what that leads to.

The load of a link in a step is exact: packets that the cores send (counts), times the links of
their trees, which are static (packets.py), stretch by stretch where parts die. From it follow

    utilisation = packets x bits of a packet on the link / (rate of the link x tick)

the same for the look-ups of a router and, as an average over the chips in use, for the steps of
packets on the networks on chip. A chip.toml names the facts in its section [links]:

    packet, payload      bits of a packet, and more of one that carries a value
    on_board, between_boards = { rate, frame }     a packet takes whole frames, where there are any
    router, noc          look-ups and steps per second of one chip       latency    s per router
    fifo = { depth, policy }                       queue    packets that wait for another try
    policy = { is = "late" | "drop", basis, source }

What follows from a load above 100 % is an estimate priced from the loads, never a change of a
spike. "late": what does not fit waits for the next tick, each link by itself; the time on later
links is not added up. "drop": what does not fit is dropped, and tried again if it finds room in the
chip's queue (the load of the second try is left out). Both spread a step's packets over its whole
tick: real cores send them in bursts, so less than 100 % does not mean that nothing waits.

The FIFO's need is that of a step's packets if all came at once, the most it can be.

What is not known is no number: it is listed under `unknown`, and assumed facts under `assumed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import Program
from mossy.program.machine import Spot
from mossy.twin.counts import Counts
from mossy.twin.faults import Fault, direction
from mossy.twin.traffic.full_links import ROUNDING, Full, LinkFacts, kind_of, shares
from mossy.twin.traffic.loads import Trees, loads, trees
from mossy.units import Quantity

POLICIES = ("late", "drop")
TOP = 5  # links listed


@dataclass(frozen=True)
class Busy:
    """A link, a router or the networks on chip in the busiest step.

    load: packets, look-ups or steps of packets in that step. use: share of what fits into a tick.
    """

    name: str
    kind: str
    sample: int
    step: int
    load: int
    use: Quantity | None


@dataclass(frozen=True, eq=False)
class Congestion:
    """What the packets of a run did to the network.

    links: the busiest ones, busiest first. per_step: (batch, steps) use of each step's busiest
    link. over: links that are above 100 % in some step; over_steps: (link, step) pairs that are.
    late, ticks_late: packets that miss their tick, and by how many at worst; dropped: packets that
    a link drops; lost: those for which the queue has no room either. arrivals: packets for one core
    in one step, at most; overflow: packets above the FIFO's depth, None where that is not known.
    longest, transit: routers on the longest way of a packet, and how long it takes. assumed,
    unknown: names of facts and their sources.
    """

    policy: str
    links: tuple[Busy, ...]
    router: Busy | None
    noc: Busy | None
    per_step: NDArray[np.float64]
    over: int
    over_steps: int
    late: float
    ticks_late: int
    dropped: float
    lost: float
    arrivals: int
    overflow: int | None
    fifo_policy: str
    longest: int
    transit: Quantity | None
    assumed: dict[str, str]
    unknown: dict[str, str]


class _Peaks:
    """The busiest step of each link, and the busiest link of each step."""

    def __init__(self, n: int, shape: tuple[int, int]) -> None:
        self.use, self.load = np.zeros(n), np.zeros(n, np.int64)
        self.at = np.zeros((n, 2), np.int64)  # sample and step
        self.over, self.over_steps = np.zeros(n, bool), 0
        self.per_step = np.zeros(shape)

    def add(self, b: int, t: int, load: NDArray[np.int64], share: NDArray[np.float64]) -> None:
        """Add steps of sample b, from t on. load: (steps, n); share: of a tick, by a packet."""
        if not load.size:
            return
        use = load * share
        self.per_step[b, t : t + len(use)] = use.max(axis=1)
        above = use > 1 + ROUNDING
        self.over |= above.any(axis=0)
        self.over_steps += int(above.sum())
        first = use.argmax(axis=0)
        every = np.arange(use.shape[1])
        more = use[first, every] > self.use
        self.use[more], self.load[more] = use[first, every][more], load[first, every][more]
        self.at[more] = np.stack([np.full(first.size, b), t + first], axis=1)[more]

    def busiest(self) -> list[int]:
        """Return the links that are busy at all, busiest first."""
        order = np.argsort(-self.use, kind="stable")[:TOP]
        return [i for i in order.tolist() if self.load[i]]


def congestion(
    program: Program,
    counts: Counts,
    chip: Chip,
    faults: Sequence[Fault] = (),
    policy: str | None = None,
) -> Congestion | None:
    """Return the congestion of a run, None on chips whose links are not followed one by one.

    policy: "late" or "drop", the chip's own where None. Raises BadInput E0415 for another one.
    """
    if "links" not in chip.spec or program.routing != "multicast" or not program.tick:
        return None
    if policy is not None and policy not in POLICIES:
        raise BadInput(
            "E0415",
            "no such policy of a full link",
            where=chip.name,
            got=repr(policy),
            allowed=", ".join(POLICIES),
            hint="leave it out for the chip's own",
        )
    facts = LinkFacts(chip)
    links, routers, each = trees(program, counts, chip, faults)
    full = Full(links, shares(program, facts, links), facts.policy(policy), facts.most("queue"))
    peaks = _Peaks(len(links), counts.shape[:2])
    for b, t, load in loads(counts, each, "links"):
        peaks.add(b, t, load, full.share)
        full.add(b, load)
    return _summary(program, counts, facts, peaks, full, (routers, each))


def _summary(
    program: Program,
    counts: Counts,
    facts: LinkFacts,
    peaks: _Peaks,
    full: Full,
    used: tuple[tuple[Spot, ...], tuple[Trees, ...]],
) -> Congestion:
    routers, each = used
    longest = max(tree.longest for tree in each)
    latency, depth = facts.quantity("latency"), facts.quantity("fifo", "depth")
    packets = counts["packets_in"]
    return Congestion(
        policy=full.policy,
        links=tuple(_link(program, facts, full, peaks, i) for i in peaks.busiest()),
        router=_router(program, counts, facts, routers, each),
        noc=_noc(program, counts, facts),
        per_step=peaks.per_step,
        over=int(peaks.over.sum()),
        over_steps=peaks.over_steps,
        late=full.late,
        ticks_late=full.ticks_late,
        dropped=full.dropped,
        lost=full.lost,
        arrivals=int(packets.max(initial=0)),
        overflow=int(np.maximum(packets - depth.value, 0).sum()) if depth else None,
        fifo_policy=facts.spec["fifo"]["policy"],
        longest=longest,
        transit=latency.times(longest) if latency else None,
        assumed=facts.assumed,
        unknown=facts.unknown,
    )


def _link(program: Program, facts: LinkFacts, full: Full, peaks: _Peaks, i: int) -> Busy:
    x, y, link = full.links[i]
    kind = kind_of(program.machine, full.links[i])
    bits, rate = facts.packet(program, kind), facts.quantity(kind, "rate")
    load, tick = int(peaks.load[i]), program.tick
    use = None
    if rate and tick:
        use = Quantity(
            load * bits.value / (rate.value * tick),
            "1",
            load * bits.low / (rate.high * tick),
            load * bits.high / (rate.low * tick),
        )
    name = f"chip ({x},{y}) {direction(program.machine, link)}"
    sample, step = peaks.at[i].tolist()
    return Busy(name, kind.replace("_", " "), sample, step, load, use)


def _router(
    program: Program,
    counts: Counts,
    facts: LinkFacts,
    routers: tuple[Spot, ...],
    each: tuple[Trees, ...],
) -> Busy | None:
    peaks = _Peaks(len(routers), counts.shape[:2])
    for b, t, load in loads(counts, each, "routers"):
        peaks.add(b, t, load, np.ones(len(routers)))
    found = peaks.busiest()[:1]
    if not found:
        return None
    sample, step = peaks.at[found[0]].tolist()
    most = int(peaks.load[found[0]])
    x, y = routers[found[0]]
    use = _of_tick(program, most, facts.quantity("router"))
    return Busy(f"chip ({x},{y})", "router", sample, step, most, use)


def _noc(program: Program, counts: Counts, facts: LinkFacts) -> Busy | None:
    if "noc" not in facts.spec:
        return None
    hops = counts["hops"].sum(axis=2, dtype=np.int64)
    sample, step = (int(i) for i in np.unravel_index(int(hops.argmax()), hops.shape))
    chips = len({c.place[:2] for c in program.cores if c.place})
    load = int(hops[sample, step])
    use = _of_tick(program, load / chips, facts.quantity("noc"))
    return Busy(f"{chips} chips", "networks on chip", sample, step, load, use)


def _of_tick(program: Program, load: float, rate: Quantity | None) -> Quantity | None:
    """The share of what a rate allows in a tick."""
    if rate is None or program.tick is None:
        return None
    most = (rate.value, rate.high, rate.low)
    value, low, high = (load / (r * program.tick) for r in most)
    return Quantity(value, "1", low, high)
