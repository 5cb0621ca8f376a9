"""What a report says of parts that died and of packets on their way: lines of text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mossy.twin.faults import cut_off
from mossy.twin.result import Result
from mossy.twin.traffic.congestion import Busy, Congestion, Inside
from mossy.twin.traffic.events import Fifo
from mossy.twin.traffic.transit import Transit
from mossy.units import Quantity, si

TRAVEL = {
    "copies": "packets for several tiles of a chip travel as: copies",
    "tree": "packets for several tiles of a chip travel as: tree",
    "apart": "packets travel from core to core, one for each target",
}
STATIC = "what dead parts still draw is not known; their static power is priced as if they lived"


def faults_json(r: Result) -> dict[str, Any]:
    """Return what died and when, and what was lost on the way, per inference."""
    _, steps, _ = r.counts.shape
    lost = cut_off(r.program, r.faults, steps) if "loading" in r.chip.spec else {}
    return {
        "died": [
            {"part": f.part, "step": f.step(r.program.dt), "in_run": f.step(r.program.dt) < steps}
            for f in r.faults
        ],
        "packets_lost": r.counts.mean("packets_lost"),
        "events_lost": r.counts.mean("events_lost"),
        "cut_off": [{"step": t, "chips": sorted(spots)} for t, spots in lost.items()],
        "notes": [STATIC] if r.faults else [],
    }


def faults_text(r: Result) -> Iterator[str]:
    """Yield the lines on parts that died; none where nothing did."""
    said = faults_json(r)
    for f in said["died"]:
        when = f"at step {f['step']}" + ("" if f["in_run"] else ", after the end of the run")
        yield f"  fault             {f['part']} died {when}"
    if said["died"]:
        yield (
            f"    lost on the way: {said['packets_lost']:,.0f} packets with "
            f"{said['events_lost']:,.0f} synaptic events per inference"
        )
        for lost in said["cut_off"]:
            (x, y), *more = lost["chips"]
            where = f"chip ({x},{y})" + (f" and {len(more):,} more" if more else "")
            yield (
                f"    no wired chip leads to {where} from step {lost['step']} on: what was "
                "recorded there could not have been read, nor input sent"
            )
        yield f"    {STATIC}"


def congestion_json(c: Congestion | None) -> dict[str, Any] | None:
    """Return the congestion as plain values, None where the chip's links are not followed."""
    if c is None:
        return None
    return {
        "policy": c.policy,
        "links": [_busy(b) for b in c.links],
        "router": _busy(c.router),
        "networks_on_chip": _inside_json(c.noc),
        "links_above_100_percent": c.over,
        "link_steps_above_100_percent": c.over_steps,
        "packets_late": c.late,
        "ticks_late": c.ticks_late,
        "packets_dropped": c.dropped,
        "packets_not_tried_again": c.lost,
        "event_fifo": {
            "policy": c.fifo.policy,
            "arrivals": c.fifo.arrivals,
            "depth": _quantity(c.fifo.depth),
            "over": _quantity(c.fifo.over),
            "events_lost": _quantity(c.fifo.events),
            "stall": _quantity(c.fifo.stall),
        },
        "event_filters": vars(c.filters) if c.filters else None,
        "longest_way": {
            "routers": c.longest.leg.routers,
            "hops": c.longest.leg.hops,
            "links": c.longest.leg.links,
            "time": _quantity(c.longest.total),
            "parts": {name: _quantity(q) for name, q in c.longest.parts.items()},
        },
        "assumed": c.assumed,
        "unknown": c.unknown,
    }


def congestion_text(c: Congestion | None) -> Iterator[str]:
    """Yield the lines on congestion; but one where no packet left its chip."""
    if c is None or (c.router is None and c.noc is None):
        return
    yield from _links_text(c) if c.links else ["  links             no packet leaves its chip"]
    if c.router:
        yield f"  routers           {_said(c.router)}"
    if c.noc:
        yield f"  network on chip   {_said(c.noc.link)}"
        yield f"    {TRAVEL[c.noc.branching]}"
        if c.noc.over:
            steps = f"in {c.noc.over_steps} steps of theirs"
            yield f"    above 100 %: {c.noc.over} links on chip, {steps}"
    yield from _fifo_text(c.fifo)
    if c.filters and c.filters.above:
        f = c.filters
        yield (
            f"  event filters     {f.above:,} of {f.cores:,} cores have more source slices than "
            f"their {f.each} filters, up to {f.most:,}"
        )
    yield from _way_text(c.longest)
    if c.assumed:
        yield f"    assumed: {', '.join(c.assumed)}"
    if c.unknown:
        yield f"    not known: {', '.join(c.unknown)}"


def _links_text(c: Congestion) -> Iterator[str]:
    yield f"  links             {_said(c.links[0])}"
    if c.over:
        yield f"    above 100 %: {c.over} links, in {c.over_steps} steps of theirs; estimated:"
        yield (
            f"    {c.late:,.0f} packets late, by up to {c.ticks_late} ticks"
            if c.policy == "late"
            else f"    {c.dropped:,.0f} packets dropped, {c.lost:,.0f} of them not tried again"
        )


def _fifo_text(f: Fifo) -> Iterator[str]:
    over = "its depth is not known"
    if f.depth and f.over:
        over = f"its depth is {_range(f.depth)}"
        if f.over.high:
            over += f": {_range(f.over)} too many ({f.policy}), estimated"
    yield f"  event FIFO        at most {f.arrivals:,} packets for a core in a step, {over}"
    if f.over and f.over.high and f.events:
        yield f"    {_range(f.events)} synaptic events lost with them"
    if f.over and f.over.high and f.stall:
        yield f"    a core holds up the network for up to {f.stall} in a step"


def _way_text(way: Transit) -> Iterator[str]:
    if way.total is None:
        return
    leg = way.leg
    what = f"{leg.routers} routers, {leg.hops} hops on chip, {leg.links} links"
    yield f"  longest way       {what}: {way.total}"
    yield "    " + ", ".join(f"{name} {si(q.value, 's')}" for name, q in way.parts.items())


def _range(q: Quantity) -> str:
    """A number of things between two bounds."""
    return f"{q.low:,.0f} to {q.high:,.0f}" if q.low < q.high else f"{q.value:,.0f}"


def _said(b: Busy) -> str:
    """Where the busiest part is, when, and how busy."""
    use = "load" if b.use is None else f"{_percent(b.use)} of a tick,"
    kind = "" if b.kind in ("router", "network on chip") else f" ({b.kind})"
    return f"busiest {use} {b.load:,} at step {b.step} of input {b.sample}, {b.name}{kind}"


def _percent(q: Quantity) -> str:
    if q.low == q.high:
        return f"{100 * q.value:.2g} %"
    return f"{100 * q.value:.2g} % ({100 * q.low:.2g} to {100 * q.high:.2g})"


def _inside_json(i: Inside | None) -> dict[str, Any] | None:
    return None if i is None else {
        "link": _busy(i.link),
        "packets": i.packets,
        "links_above_100_percent": i.over,
        "link_steps_above_100_percent": i.over_steps,
        "branching": i.branching,
    }  # fmt: skip


def _busy(b: Busy | None) -> dict[str, Any] | None:
    return None if b is None else {**vars(b), "use": _quantity(b.use)}


def _quantity(q: Quantity | None) -> dict[str, Any] | None:
    return None if q is None else vars(q)
