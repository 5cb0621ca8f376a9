"""A program as text and as JSON, whole or one core of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips import chip as find_chip
from mossy.cli._show import count
from mossy.columns import columns
from mossy.errors import BadInput
from mossy.plots import core_memory
from mossy.program import CoreImage, Program, Route
from mossy.program.words import unpack
from mossy.twin.traffic.loading import loading
from mossy.twin.traffic.loading_report import loading_json, loading_text
from mossy.units import si

SHOWN_CORES = 24  # of an overview; all are in --text and --json
SHOWN_ROUTES = 16
SHOWN_NEURONS = 12
HEX = 8  # digits of a key or mask


# ------------------------------------------------------------------------------ overview
def overview(program: Program) -> str:
    """Return what a reader wants first: header, populations, cores with memory, tables, notes."""
    shown = program.cores[:SHOWN_CORES]
    hidden = len(program.cores) - len(shown)
    parts = [_header(program), _populations(program), _cores(program, shown)]
    if hidden:
        parts.append(f"({count(hidden, 'more core')}: --text, or --core N)")
    parts.append(_memory(program, shown))
    parts += _tables(program, SHOWN_ROUTES)
    found = loading(program, find_chip(program.chip))
    parts.append("\n".join(line[2:] for line in loading_text(found)))
    parts.append("\n".join(f"note: {n}" for n in program.notes))
    return "\n\n".join(p for p in parts if p)


def program_text(program: Program) -> str:
    """Return everything in one deterministic text; arrays appear as range and hash."""
    parts = [_header(program), _populations(program), _cores(program, program.cores)]
    parts += [core_text(program, c, neurons=0) for c in program.cores]
    parts += _tables(program, None)
    parts.append("\n".join(f"note: {n}" for n in program.notes))
    return "\n\n".join(p for p in parts if p)


def _header(p: Program) -> str:
    target = find_chip(p.chip)
    placed = [c for c in p.cores if c.place is not None]
    chips = len({c.place[:2] for c in placed if c.place})
    rows = {
        "program": f"{p.network} for {target.title}, {count(len(placed), 'core')} "
        f"on {count(chips, 'chip')}",
        "network": p.network_hash,
        "step": f"{si(p.dt, 's')} of model time"
        + (f", {si(p.tick, 's')} of real time" if p.tick else ""),
        "neurons": f"{p.integrator}, reset {p.reset}; "
        f"a spike arrives {count(p.latency, 'step')} after it was sent, plus its delay",
        "routing": p.routing,
        "inputs": ", ".join(f"{k} -> {v}" for k, v in p.inputs.items()),
        "outputs": ", ".join(f"{v} -> {k}" for k, v in p.outputs.items()),
        "options": ", ".join(f"{k}={v}" for k, v in p.options.items() if v not in (None, {})),
        "made by": f"mossy {p.version}, format {p.format}",
    }
    return "\n".join(f"{k:<8}  {v}" for k, v in rows.items())


def _populations(p: Program) -> str:
    rows = [[q.name, q.role, _by(q.shape), q.readout, q.lag, len(q.cores)] for q in p.populations]
    return columns(
        ["population", "role", "shape", "read", "lag", "cores"], rows, right=["lag", "cores"]
    )


def _cores(p: Program, cores: Iterable[CoreImage]) -> str:
    room = core_memory(find_chip(p.chip))
    rows = [
        [
            c.number,
            _place(c),
            c.population,
            f"{c.lo}..{c.hi - 1}",
            c.model,
            len(c.words),
            _hex(c.key),
            _used(c, room),
        ]
        for c in cores
    ]
    header = ["core", "place", "population", "neurons", "model", "synapses", "key", "memory"]
    return columns(header, rows, right=["core", "synapses", "memory"])


def _memory(p: Program, cores: Iterable[CoreImage]) -> str:
    room = core_memory(find_chip(p.chip))
    rows = []
    for c in cores:
        for i, b in enumerate(c.memory):
            share = f"{b.size / room:.1%}" if room else ""
            share = share if b.memory == "data" else b.memory
            rows.append(["" if i else c.number, b.name, _hex(b.address), b.size, share])
    if not rows:
        return ""
    of = f"of {room:,} B" if room else "share"
    header = ["core", "memory block", "address", "bytes", of]
    return columns(header, rows, right=["core", "bytes", of])


def _tables(p: Program, most: int | None) -> list[str]:
    made = []
    for place, table in p.tables.items():
        rows = [_route(r) for r in table[:most]]
        head = f"routing table of chip {place}: {len(table)} entries"
        text = columns(["key", "mask", "links", "cores"], rows)
        hidden = len(table) - len(rows)
        tail = f"\n({count(hidden, 'more entry').replace('entrys', 'entries')})" if hidden else ""
        made.append(f"{head}\n{text}{tail}" if table else head)
    return made


def _route(r: Route) -> list[str]:
    return [_hex(r.key), _hex(r.mask), " ".join(map(str, r.links)), " ".join(map(str, r.cores))]


# ------------------------------------------------------------------------------ one core
def core(program: Program, number: int) -> CoreImage:
    """Return core `number`. Raises BadInput E0613."""
    found = {c.number: c for c in program.cores}
    if number not in found:
        raise BadInput(
            "E0613",
            "no such core in the program",
            where="--core",
            got=number,
            allowed=f"{min(found)} to {max(found)}" if found else "none",
        )
    return found[number]


def core_text(program: Program, c: CoreImage, neurons: int = SHOWN_NEURONS) -> str:
    """Return everything about a core; the parameters of its first `neurons` one by one."""
    parts = [f"core {c.number} at {_place(c)}\n" + _cores(program, [c]), _memory(program, [c])]
    parts.append(_records(c, neurons))
    if c.tables:
        rows = [[_hex(t.key), _hex(t.mask), t.kind, t.first, t.kernel, t.shift] for t in c.tables]
        header = ["packet key", "mask", "kind", "first", "kernel", "shift"]
        parts.append(columns(header, rows, right=header[3:]))
    parts.append(_synapses(c))
    for i, k in enumerate(c.kernels):
        parts.append(
            f"kernel {i}: {_by(k.weight.shape)} from {_by(k.in_shape)} to {_by(k.out_shape)}, "
            f"stride {_by(k.stride)}, padding {_by(k.padding)}, pool {_by(k.pool)}, "
            f"delay {k.delay}, {_summary(k.weight)}"
        )
    if c.axons:
        rows = [[x.target, int(x.neurons.sum()), _digest(x.neurons)] for x in c.axons]
        parts.append(columns(["axons to core", "neurons", "hash"], rows, right=["neurons"]))
    return "\n\n".join(p for p in parts if p)


def _records(c: CoreImage, neurons: int) -> str:
    both = [("parameter", c.params), ("state", c.state)]
    rows = [
        [what, name, records.dtype[name], _summary(records[name])]
        for what, records in both
        for name in records.dtype.names or ()
    ]
    if not rows:
        return ""
    text = columns(["register", "name", "type", "values"], rows)
    names = c.params.dtype.names or ()
    if neurons and names:
        each = [[c.lo + k, *(_number(v) for v in c.params[k])] for k in range(min(c.n, neurons))]
        text += "\n\n" + columns(["neuron", *names], each, right=["neuron", *names])
        if c.n > neurons:
            text += f"\n({count(c.n - neurons, 'more neuron')})"
    return text


def _synapses(c: CoreImage) -> str:
    f = c.word_format
    if not len(c.words):
        return ""
    weight, delay, index = unpack(f, c.words)
    return (
        f"{count(len(c.words), 'synapse')} in {count(len(c.row_start) - 1, 'row')}, words of "
        f"{f.bits} bits: weight {f.weight}, delay {f.delay}, type {f.type}, index {f.index} "
        f"({f.coding})\n"
        f"  weight {_summary(weight)}\n  delay {_summary(delay)}\n  target {_summary(index)}"
    )


# ------------------------------------------------------------------------------ JSON
def program_json(p: Program) -> dict[str, Any]:
    """Return the program without its arrays: cores with memory, tables, populations, notes."""
    simple = (
        "chip", "network", "network_hash", "dt", "integrator", "reset", "tick", "latency",
        "routing", "inputs", "outputs", "options", "version", "format",
    )  # fmt: skip
    return {
        **{k: getattr(p, k) for k in simple},
        "notes": list(p.notes),
        "loading": loading_json(loading(p, find_chip(p.chip))),
        "core_memory_B": core_memory(find_chip(p.chip)),
        "populations": [
            {
                "name": q.name,
                "role": q.role,
                "shape": list(q.shape),
                "lag": q.lag,
                "readout": q.readout,
                "cores": list(q.cores),
            }
            for q in p.populations
        ],
        "cores": [_core_head(c) for c in p.cores],
        "tables": {k: [vars(r) for r in t] for k, t in p.tables.items()},
    }


def core_json(p: Program, c: CoreImage) -> dict[str, Any]:
    """Return one core with its parameters and unpacked synapses."""
    weight, delay, index = unpack(c.word_format, c.words)
    names = c.params.dtype.names or ()
    return {
        **_core_head(c),
        "core_memory_B": core_memory(find_chip(p.chip)),
        "params": {k: [_plain(v) for v in c.params[k]] for k in names},
        "word_format": vars(c.word_format),
        "row_tables": [vars(t) for t in c.tables],
        "row_start": c.row_start,
        "synapses": {"weight": weight, "delay": delay, "index": index},
        "kernels": [dataclasses.asdict(k) for k in c.kernels],
        "axons": [{"target": x.target, "neurons": np.flatnonzero(x.neurons)} for x in c.axons],
    }


def _core_head(c: CoreImage) -> dict[str, Any]:
    return {
        "number": c.number,
        "place": None if c.place is None else list(c.place),
        "population": c.population,
        "role": c.role,
        "lo": c.lo,
        "hi": c.hi,
        "key": c.key,
        "model": c.model,
        "synapses": len(c.words),
        "memory": [vars(b) for b in c.memory],
        "memory_B": c.data_bytes,
    }


# ------------------------------------------------------------------------------ small forms
def _place(c: CoreImage) -> str:
    return "host" if c.place is None else "chip {},{} core {}".format(*c.place)


def _used(c: CoreImage, room: int | None) -> str:
    used = c.data_bytes
    return f"{used:,} B, {used / room:.0%}" if room else f"{used:,} B"


def _hex(value: int) -> str:
    return f"0x{value:0{HEX}x}"


def _by(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _number(value: Any) -> str:
    return f"{value:.6g}" if value.dtype.kind == "f" else str(value)


def _plain(value: Any) -> Any:
    """A number for JSON; a threshold that is never reached is infinite, which JSON lacks."""
    number = value.item()
    return number if not isinstance(number, float) or np.isfinite(number) else None


def _summary(values: NDArray[Any]) -> str:
    """One value, or the range, then a hash of all of them."""
    if not values.size:
        return "none"
    low, high = _number(values.min()), _number(values.max())
    text = low if low == high else f"{low} to {high}"
    return f"{text}  #{_digest(values)}"


def _digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:12]
