"""Every intermediate value of a compilation as text, for tests and for finding the stage at fault.

    text(stages)                      all of them, in the order in which the passes run
    text(stages, "slices", "places")  some of them

The text is the same on every machine. Arrays are written as in `program.text`.
"""

from __future__ import annotations

from collections.abc import Callable

from scipy import sparse

from mossy.chips.quantised import Synapses
from mossy.network.populations import Conv, Population, Projection
from mossy.passes.pipeline import Stages
from mossy.program.artefact import Place, Route
from mossy.program.text import array, number, records, route


def text(stages: Stages, *names: str) -> str:
    """Return the named stages as text, all of them if none is named. Raises KeyError."""
    parts = [[name, *_WRITERS[name](stages)] for name in names or _WRITERS]
    return "\n".join("\n  ".join(part) for part in parts) + "\n"


def _populations(stages: Stages) -> list[str]:
    found = stages.populations
    lines: list[str] = []
    for p in found.populations:
        lines.append(_population(p))
        lines += [f"  {name} {array(values)}" for name, values in p.params.items()]
    for j in found.projections:
        lines += _projection(j)
    lines += [f"input {k} -> {v}" for k, v in found.inputs.items()]
    lines += [f"output {k} <- {v}" for k, v in found.outputs.items()]
    return lines + [f"note {n}" for n in found.notes]


def _population(p: Population) -> str:
    flags = [w for w, on in (("subtract", p.subtract), ("graded", p.graded)) if on]
    return "  ".join(
        [f"{p.name}  {p.model} {p.shape}  depth {p.depth}  readout {p.readout}", *flags]
    )


def _projection(j: Projection) -> list[str]:
    head = f"{j.name}" + ("  feedback" if j.feedback else "")
    return [
        head,
        f"  weight {_weight(j.weight)}",
        f"  delay by source {_steps(j)}",
    ]


def _steps(j: Projection | Synapses) -> str:
    return f"{array(j.delay_source)}  by target {array(j.delay_target)}"


def _weight(w: sparse.csr_array | Conv) -> str:
    if isinstance(w, Conv):
        return (
            f"kernel {w.weight.shape} {array(w.weight)}  {w.in_shape} -> {w.out_shape}  "
            f"stride {w.stride}  padding {w.padding}  pool {w.pool}"
        )
    # canonical, so that the text does not depend on how the matrix was made
    m = sparse.csr_array(w, copy=True)
    m.sum_duplicates()
    places = m.indices.astype("int64")
    rows = m.indptr.astype("int64")
    return f"sparse {w.shape} {array(m.data)}  columns {array(places)}  rows {array(rows)}"


def _quantised(stages: Stages) -> list[str]:
    lines: list[str] = []
    for q in stages.quantised.values():
        f = q.word
        lines.append(
            f"{q.name}  {q.model} {q.fmt}  word {f.bits}: weight {f.weight} delay {f.delay} "
            f"type {f.type} index {f.index} {f.coding}  weight_scale {number(q.weight_scale)}"
        )
        lines.append(f"  v_scale {array(q.v_scale)}  v_shift {array(q.v_shift)}")
        lines += [f"  param {line}" for line in records(q.params)]
        lines += [f"  state {line}" for line in records(q.state)]
        for s in q.incoming:
            lines.append(f"  {s.name}  shift {s.shift}  weight {_weight(s.weight)}")
            lines.append(f"    delay by source {_steps(s)}")
        lines += [f"  note {n}" for n in q.notes]
    return lines


def _slices(stages: Stages) -> list[str]:
    lines: list[str] = []
    for k, s in enumerate(stages.slices):
        lines.append(f"{k}  {s.population} {s.lo}..{s.hi}")
        load = [(k, v) for k, v in vars(s.load).items() if not isinstance(v, str | tuple)]
        lines.append("  " + "  ".join(f"{name} {number(value)}" for name, value in load))
    return lines


def _places(stages: Stages) -> list[str]:
    def shown(place: Place | None) -> str:
        return "host" if place is None else "chip {},{} core {}".format(*place)

    return [f"{k}  {shown(place)}" for k, place in enumerate(stages.places)]


def _keys(stages: Stages) -> list[str]:
    return [f"{k}  key {key:#010x}  mask {mask:#010x}" for k, (key, mask) in enumerate(stages.keys)]


def _destinations(stages: Stages) -> list[str]:
    return [
        f"{k}  to {' '.join(map(str, targets)) or '-'}"
        for k, targets in enumerate(stages.destinations)
    ]


def _tables(tables: dict[tuple[int, int], tuple[Route, ...]]) -> list[str]:
    lines: list[str] = []
    for (x, y), table in tables.items():
        lines.append(f"chip {x},{y}")
        lines += [f"  {route(r)}" for r in table]
    return lines


_WRITERS: dict[str, Callable[[Stages], list[str]]] = {
    "populations": _populations,
    "quantised": _quantised,
    "slices": _slices,
    "places": _places,
    "keys": _keys,
    "destinations": _destinations,
    "routes": lambda stages: _tables(stages.routes),
    "tables": lambda stages: _tables(stages.tables),
}
