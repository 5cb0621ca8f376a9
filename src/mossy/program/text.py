"""A program as text: the same program always gives the same lines, and a fault shows as one line.

Arrays of 8 values or fewer are written out; longer ones give shape, range and the first 8 digits
of their sha256, which covers type and shape. Of a core's synapses the first few words are decoded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import CoreImage, Draw, Kernel, Program, Recipe, Route
from mossy.program.machine import Machine
from mossy.program.words import unpack

SHOWN = 8  # values of an array, words of a core


def text(program: Program) -> str:
    """Return everything `program` holds, one fact a line."""
    lines = [*_header(program), *_populations(program)]
    for core in program.cores:
        lines += _core(core)
    for spot, table in program.tables.items():
        lines.append(f"table of chip {spot}  {len(table)} entries")
        lines += [f"  {route(r)}" for r in table]
    return "\n".join(lines) + "\n"


def summary(program: Program) -> dict[str, Any]:
    """Return counts of a program as plain numbers, strings, lists and dicts.

    cores: one row each with population, place, neurons, synapses (stored words), kernel weights,
    recipes, data of its own in bytes as a whole and by block, axons. tables: entries by chip.
    """
    rows = [
        {
            "core": c.number,
            "population": c.population,
            "role": c.role,
            "place": None if c.place is None else list(c.place),
            "neurons": c.n,
            "synapses": int(c.words.size),
            "kernel_weights": sum(int(k.weight.size) for k in c.kernels),
            "recipes": len(c.recipes),
            "memory_B": c.data_bytes,
            "blocks": {b.name: b.size for b in c.memory if b.memory == "data"},
            "out_axons": sum(int(a.neurons.sum()) for a in c.axons),
        }
        for c in program.cores
    ]
    placed = [c.place for c in program.cores if c.place is not None]
    return {
        "chip": program.chip,
        "network": program.network,
        "network_hash": program.network_hash,
        "version": program.version,
        "dt_s": program.dt,
        "tick_s": program.tick,
        "cores_used": len(placed),
        "chips_used": len({p[:2] for p in placed}),
        "neurons": sum(c.n for c in program.cores if c.role != "source"),
        "synapses": sum(int(c.words.size) for c in program.cores),
        "memory_B": sum(c.data_bytes for c in program.cores),
        "tables": {spot: len(table) for spot, table in program.tables.items()},
        "notes": list(program.notes),
        "cores": rows,
    }


def array(values: NDArray[Any]) -> str:
    """Return an array in full up to 8 values, else its one value, or its range and hash."""
    if values.size <= SHOWN:
        return "[" + " ".join(number(v) for v in values.reshape(-1)) + "]"
    if (values == values.flat[0]).all():
        return f"{values.shape} all {number(values.flat[0])}"
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape} ".encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    span = f"{number(values.min())}..{number(values.max())}"
    return f"{values.shape} {span} #{digest.hexdigest()[:8]}"


def number(value: Any) -> str:
    """Return a number in the fewest digits that tell it apart from its neighbours."""
    if isinstance(value, np.floating | float):
        return np.format_float_positional(value, unique=True, trim="-")
    return str(int(value))


def records(values: NDArray[Any]) -> Iterator[str]:
    """Yield one line per field of a structured array."""
    for name in values.dtype.names or ():
        yield f"{name} {array(values[name])}"


def route(r: Route) -> str:
    """Return one routing entry."""
    links, cores = (",".join(map(str, x)) or "-" for x in (r.links, r.cores))
    return f"key {r.key:#010x}  mask {r.mask:#010x}  links {links}  cores {cores}"


def _header(p: Program) -> list[str]:
    lines = [
        f"program {p.network}  chip {p.chip}  format {p.format}",
        f"  network {p.network_hash}",
        f"  dt {p.dt!r} s  integrator {p.integrator}  reset {p.reset}",
        f"  tick {'none' if p.tick is None else f'{p.tick!r} s'}  latency {p.latency}  "
        f"routing {p.routing}",
        f"  machine {_machine(p.machine)}",
    ]
    lines += [f"  option {k} {v!r}" for k, v in p.options.items()]
    lines += [f"  input {k} -> {v}" for k, v in p.inputs.items()]
    lines += [f"  output {k} <- {v}" for k, v in p.outputs.items()]
    return lines + [f"  note {n}" for n in p.notes]


def _machine(m: Machine) -> str:
    dead = [*sorted(m.dead_cores), *sorted(m.dead_links)]
    return (
        f"{m.width} x {m.height}  {m.chips} chips"
        + ("  edges joined" if m.wraps else "")
        + (f"  dead cores {sorted(m.dead_cores)}  links {sorted(m.dead_links)}" if dead else "")
    )


def _populations(program: Program) -> list[str]:
    return [
        f"population {p.name}  {p.role}  shape {p.shape}  lag {p.lag}  readout {p.readout}"
        + ("" if p.sends == "spikes" else f"  sends {p.sends} x {p.sent_scale:g}")
        + f"  cores {p.cores}  v_scale {array(p.v_scale)}  v_shift {array(p.v_shift)}"
        for p in program.populations
    ]


def _core(core: CoreImage) -> list[str]:
    place = "host" if core.place is None else "{},{} core {}".format(*core.place)
    lines = [
        f"core {core.number}  {core.population} {core.lo}..{core.hi}  at {place}  "
        f"key {core.key:#010x}"
    ]
    lines += [
        f"  block {b.name}  at {b.address:#x}  {b.size} B"
        + (f"  {b.memory}" if b.memory != "data" else "")
        for b in core.memory
    ]
    if core.role != "source":
        lines.append(f"  model {core.model}  fmt {core.fmt}")
        lines += [f"  param {line}" for line in records(core.params)]
        lines += [f"  state {line}" for line in records(core.state)]
        lines += _synapses(core)
    for axon in core.axons:
        sent = np.flatnonzero(axon.neurons)
        lines.append(f"  axon to core {axon.target}  neurons {array(sent)}")
    return lines


def _synapses(core: CoreImage) -> list[str]:
    f = core.word_format
    lines = [
        f"  word {f.bits} bit  weight {f.weight}  delay {f.delay}  type {f.type}  "
        f"index {f.index}  {f.coding}"
    ]
    lines += [
        f"  from key {t.key:#010x}  mask {t.mask:#010x}  {t.kind} {t.first}"
        + (f" of {t.kind} {t.kernel}" if t.kind != "rows" else "")
        + f"  shift {t.shift}"
        + (f"  receptor {t.receptor}" if t.receptor else "")
        + (f"  stride {t.stride} B" if t.stride else "")
        for t in core.tables
    ]
    lines.append(f"  rows {array(core.row_start)}")
    lines.append(f"  words {array(core.words)}")
    start = core.row_start.tolist()
    weight, delay, index = (x.tolist() for x in unpack(f, core.words[:SHOWN]))
    for k, (w, d, i) in enumerate(zip(weight, delay, index, strict=True)):
        row = int(np.searchsorted(start, k, side="right")) - 1
        lines.append(f"    row {row}  to {i}  weight {number(w)}  delay {d}")
    lines += [f"  kernel {_kernel(k)}" for k in core.kernels]
    lines += [f"  recipe {_recipe(r)}" for r in core.recipes]
    lines += [
        f"  noise {array(n.mean)} spikes a step  weight {number(n.weight)}  seed {n.seed}"
        for n in core.noise
    ]
    return lines


def _recipe(r: Recipe) -> str:
    said = (
        f"{r.kind}  {r.n_source} -> {r.n_target}  seed {r.seed}  count {r.count}  p {number(r.p)}"
    )
    if r.kind == "listed":
        return f"{said}  synapses {r.pre.size}  scale {number(r.scale)}  top {number(r.top)}"
    return (
        f"{said}  weight {_draw(r.weight)}  scale {number(r.scale)}  top {number(r.top)}  "
        f"delay {_draw(r.delay)}"
    )


def _draw(d: Draw) -> str:
    return f"{d.shape}({number(d.a)}, {number(d.b)}) in {number(d.low)}..{number(d.high)}"


def _kernel(k: Kernel) -> str:
    return (
        f"{k.in_shape} -> {k.out_shape}  from output {k.lo}  stride {k.stride}  "
        f"padding {k.padding}  pool {k.pool}  delay {k.delay}  "
        f"weight {k.weight.shape} {array(k.weight)}"
    )
