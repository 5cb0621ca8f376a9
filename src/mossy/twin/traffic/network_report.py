"""What a report says of parts that died and of packets on their way: lines of text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mossy.twin.result import Result
from mossy.twin.traffic.congestion import Busy, Congestion
from mossy.units import Quantity

STATIC = "what dead parts still draw is not known; their static power is priced as if they lived"


def faults_json(r: Result) -> dict[str, Any]:
    """Return what died and when, and what was lost on the way, per inference."""
    _, steps, _ = r.counts.shape
    return {
        "died": [
            {"part": f.part, "step": f.step(r.program.dt), "in_run": f.step(r.program.dt) < steps}
            for f in r.faults
        ],
        "packets_lost": r.counts.mean("packets_lost"),
        "events_lost": r.counts.mean("events_lost"),
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
        yield f"    {STATIC}"


def congestion_json(c: Congestion | None) -> dict[str, Any] | None:
    """Return the congestion as plain values, None where the chip's links are not followed."""
    if c is None:
        return None
    return {
        "policy": c.policy,
        "links": [_busy(b) for b in c.links],
        "router": _busy(c.router),
        "networks_on_chip": _busy(c.noc),
        "links_above_100_percent": c.over,
        "link_steps_above_100_percent": c.over_steps,
        "packets_late": c.late,
        "ticks_late": c.ticks_late,
        "packets_dropped": c.dropped,
        "packets_not_tried_again": c.lost,
        "event_fifo": {"arrivals": c.arrivals, "overflow": c.overflow, "policy": c.fifo_policy},
        "longest_way": {"routers": c.longest, "time": _quantity(c.transit)},
        "assumed": c.assumed,
        "unknown": c.unknown,
    }


def congestion_text(c: Congestion | None) -> Iterator[str]:
    """Yield the lines on congestion; but one where no packet left its chip."""
    if c is None or c.router is None:
        return
    if not c.links:
        yield "  links             no packet leaves its chip"
        return
    yield f"  links             {_said(c.links[0])}"
    if c.over:
        yield f"    above 100 %: {c.over} links, in {c.over_steps} steps of theirs; estimated:"
        yield (
            f"    {c.late:,.0f} packets late, by up to {c.ticks_late} ticks"
            if c.policy == "late"
            else f"    {c.dropped:,.0f} packets dropped, {c.lost:,.0f} of them not tried again"
        )
    yield f"  routers           {_said(c.router)}"
    if c.noc:
        yield f"  networks on chip  {_said(c.noc)}"
    over = "its depth is not known" if c.overflow is None else f"{c.overflow:,} above its depth"
    what = f" ({c.fifo_policy})" if c.overflow else ""
    yield f"  event FIFO        at most {c.arrivals:,} packets for a core in a step, {over}{what}"
    if c.transit:
        yield f"  longest way       {c.longest} routers, {c.transit}"
    if c.assumed:
        yield f"    assumed: {', '.join(c.assumed)}"
    if c.unknown:
        yield f"    not known: {', '.join(c.unknown)}"


def _said(b: Busy) -> str:
    """Where the busiest part is, when, and how busy."""
    use = "load" if b.use is None else f"{_percent(b.use)} of a tick,"
    kind = "" if b.kind in ("router", "networks on chip") else f" ({b.kind})"
    return f"busiest {use} {b.load:,} at step {b.step} of input {b.sample}, {b.name}{kind}"


def _percent(q: Quantity) -> str:
    if q.low == q.high:
        return f"{100 * q.value:.2g} %"
    return f"{100 * q.value:.2g} % ({100 * q.low:.2g} to {100 * q.high:.2g})"


def _busy(b: Busy | None) -> dict[str, Any] | None:
    return None if b is None else {**vars(b), "use": _quantity(b.use)}


def _quantity(q: Quantity | None) -> dict[str, Any] | None:
    return None if q is None else vars(q)
