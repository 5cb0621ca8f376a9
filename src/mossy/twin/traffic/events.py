"""Event handlers: what the packets of a step ask of a core's FIFO and of its filters.

A packet that a filter takes waits in a FIFO in the core's memory until the core looks at it. How
packets of a step are spread over the tick is not modelled, so that there are two bounds of what
does not fit, for each core and step of n packets, a core of which takes s seconds to work off

    together     all come at once:        n - depth
    spread out   evenly over the tick:    n - depth - what the core can work off in the meantime

(where the depth has a range, together with its least, spread out with its most) and with the chip's
choice `fifo_policy` they are lost ("drop": the newest; "overwrite": the oldest; as many either way)
with the synaptic events of as many average packets of that core and step, or ("stall") hold up the
network on chip for s seconds each. These are estimates after the run: no spike changes. The clock
is that of the chip's facts, whatever level a core was priced at.

A filter takes the packets of one key and mask. A core whose packets come from more source slices
than it has filters must tell them apart in software; one wide filter still takes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import Program
from mossy.twin.bill.timing import work
from mossy.twin.counts import Counts
from mossy.twin.traffic.link_facts import LinkFacts
from mossy.units import Quantity

FREE = ("steps", "neuron_updates", "copies")  # work of a step that no packet brings


@dataclass(frozen=True)
class Fifo:
    """The FIFOs of a run, all cores together.

    depth: packets, None where not known, and then nothing else is but policy and arrivals.
    arrivals: packets for one core in one step, at most. over: packets that do not fit; events:
    synaptic events lost with them; stall: seconds for which one core stops the network in a step,
    at worst. Low: spread out; value and high: together, at the depth's value and at its least.
    """

    policy: str
    arrivals: int
    depth: Quantity | None
    over: Quantity | None = None
    events: Quantity | None = None
    stall: Quantity | None = None


@dataclass(frozen=True)
class Filters:
    """Event filters of a core. above: cores with more source slices; most: slices of a core."""

    each: int
    above: int
    cores: int
    most: int


def fifo(program: Program, counts: Counts, facts: LinkFacts) -> Fifo:
    """Return what FIFOs of the chip's depth would do. Raises BadInput E0416."""
    depth, policy = facts.quantity("fifo"), facts.choice("fifo_policy")
    packets = counts["packets_in"]
    arrivals = int(packets.max(initial=0))
    if depth is None:
        return Fifo(policy, arrivals, None)
    at = np.nonzero(packets > depth.low)
    n = packets[at].astype(np.float64)
    each = _work(program, counts, facts, at, True) / n
    least, together, most = (np.maximum(n - d, 0) for d in (depth.high, depth.value, depth.low))
    free = np.maximum((program.tick or 0.0) - _work(program, counts, facts, at, False), 0.0)
    done = np.divide(free, each, out=np.full(n.size, np.inf), where=each > 0)
    spread = np.maximum(least - done, 0.0)
    three = spread, together, most
    rich = counts["synaptic_events"][at] / n
    stalls = policy == "stall"
    wait = _between([(over * each).max(initial=0) for over in three], "s")
    return Fifo(
        policy,
        arrivals,
        depth,
        _between([over.sum() for over in three], "packets"),
        None if stalls else _between([(over * rich).sum() for over in three], "events"),
        wait if stalls else None,
    )


def filters(program: Program, facts: LinkFacts) -> Filters | None:
    """Return how far a program's source slices go beyond the chip's event filters."""
    each = facts.quantity("filters")
    if each is None:
        return None
    slices = [len({(t.key, t.mask) for t in c.tables}) for c in program.cores if c.tables]
    above = sum(n > each.value for n in slices)
    return Filters(int(each.value), above, len(slices), max(slices, default=0))


At = tuple[NDArray[np.intp], ...]


def _work(
    program: Program, counts: Counts, facts: LinkFacts, at: At, brought: bool
) -> NDArray[np.float64]:
    """Seconds of work of some cores and steps: what packets bring, or what is there without."""
    timing: dict[str, Any] = facts.chip.spec["timing"]
    lines = [row for row in timing["work"] if (row["count"] in FREE) != brought]
    cycles = work(program, counts, facts.chip, "value", lines)[at]
    seconds: NDArray[np.float64] = cycles / float(facts.chip.facts[timing["clock"]])
    return seconds


def _between(found: list[float], unit: str) -> Quantity:
    low, value, high = map(float, found)
    return Quantity(value, unit, low, high)
