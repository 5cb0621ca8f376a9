"""What a report says of loading a program: lines of text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mossy.twin.traffic.loading import Loading, Transfer
from mossy.units import Quantity, si


def loading_json(found: Loading | None) -> dict[str, Any] | None:
    """Return loading as plain values, None where the chip says nothing of it."""
    if found is None:
        return None
    return {
        "load": _transfer(found.load),
        "kinds_of_cores": found.kinds,
        "code_bytes": found.code,
        "read_back": _transfer(found.back) if found.back else None,
        "assumed": found.assumed,
        "unknown": found.unknown,
    }


def loading_text(found: Loading | None) -> Iterator[str]:
    """Yield the lines on loading; none where the chip says nothing of it."""
    if found is None:
        return
    code = f"{found.kinds} x {si(found.code, 'B')} of code"
    yield f"  loading           {si(found.load.data, 'B')} and {code}: {_said(found.load)}"
    yield f"    {_packets(found.load)}, {found.load.datagrams:,} datagrams"
    if found.back:
        yield f"  reading back      {si(found.back.data, 'B')}: {_said(found.back)}"


def _said(t: Transfer) -> str:
    if t.slowest is None or t.time is None:
        missing = ", ".join(s.name for s in t.stages if s.seconds is None)
        return f"time not known ({missing})"
    return f"at least {si(t.time.value, 's')}, most of it on {t.slowest.name}, {t.slowest.where}"


def _packets(t: Transfer) -> str:
    return ", ".join(f"{n:,} {name.replace('_', ' ')} packets" for name, n in t.packets.items())


def _transfer(t: Transfer) -> dict[str, Any]:
    return {
        "bytes": t.data,
        "datagrams": t.datagrams,
        "packets": t.packets,
        "time": _quantity(t.time),
        "bottleneck": t.slowest.name if t.slowest else None,
        "stages": [{**vars(s), "seconds": _quantity(s.seconds)} for s in t.stages],
    }


def _quantity(q: Quantity | None) -> dict[str, Any] | None:
    return None if q is None else vars(q)
