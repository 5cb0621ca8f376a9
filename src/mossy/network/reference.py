"""Run a network in floating point: what every other engine is measured against.

Equations are in `cells` and `linear`. A node outside every cycle sees its whole input at once, so
only neurons loop over time; nodes on a cycle advance together, step by step, and a feedback edge
brings the value of the step before (zero at the first).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mossy.errors import BadInput
from mossy.network.cells import Cell, cell
from mossy.network.graph import feedback_edges, order
from mossy.network.linear import Apply, linear
from mossy.network.nodes import Network
from mossy.network.shapes import size

Signal = NDArray[Any]
BLOCK_BYTES = 1 << 26  # 64 MiB for the largest signal of a block of the batch


def run(
    net: Network,
    x: Signal | Mapping[str, Signal],
    record: Iterable[str] = (),
    *,
    dtype: DTypeLike = np.float64,
) -> dict[str, Signal]:
    """Return the signals (batch, time, *shape) of every Output, and of what `record` names.

    x: (batch, time, *shape), or one such array per Input name; numbers or bool. record: "lif1"
    for a node's output, "lif1.v" for the potential after reset, "lif1.i" for the current; "v" of a
    SigmaDelta is its sum, of a ResonateFire its real part.
    Raises BadInput E0120 (shape), E0121 (type), E0122 (NaN) and E0123 (a name).
    """
    given = check_input(net, x)
    wanted = list(dict.fromkeys((*net.outputs, *record)))
    for name in wanted:
        _check_record(net, name)
    batch, time = next(iter(given.values())).shape[:2]
    widest = max(size(s) for pair in net.shapes.values() for s in pair)
    block = max(BLOCK_BYTES // max(widest * time * np.dtype(dtype).itemsize, 1), 1)
    parts = []
    for start in range(0, batch, block):
        piece = {k: v[start : start + block].astype(dtype) for k, v in given.items()}
        parts.append(_Run(net, piece, wanted, dtype).result())
    return {name: np.concatenate([p[name] for p in parts]) for name in wanted}


def check_input(net: Network, x: Signal | Mapping[str, Signal]) -> dict[str, Signal]:
    """Return `x` as one checked array per Input. Raises BadInput E0120 to E0123."""
    names = net.inputs
    if not isinstance(x, Mapping):
        x = {names[0]: x}
    if set(x) != set(names):
        raise BadInput(
            "E0123",
            "give one array for each Input",
            got=", ".join(map(repr, x)) or "none",
            allowed=", ".join(map(repr, names)),
            hint=f"x={{{', '.join(f'{n!r}: ...' for n in names)}}}",
        )
    arrays = {name: _check_array(net, name, x[name]) for name in names}
    lengths = {a.shape[:2] for a in arrays.values()}
    if len(lengths) > 1:
        got = {name: a.shape for name, a in arrays.items()}
        raise BadInput("E0120", "inputs differ in batch or time", got=got)
    return arrays


def _check_array(net: Network, name: str, x: object) -> Signal:
    array, shape = np.asarray(x), net.shapes[name][0]
    where = f"input {name!r}"
    if array.dtype.kind not in "biuf":
        raise BadInput(
            "E0121", "x must hold numbers or bool", where=where, got=f"dtype {array.dtype}"
        )
    if array.shape[2:] != shape or array.ndim != 2 + len(shape) or 0 in array.shape:
        raise BadInput(
            "E0120",
            "x has the wrong shape",
            where=where,
            got=array.shape,
            allowed=f"({', '.join(('batch', 'time', *map(str, shape)))}), none of them 0",
            hint=_shape_hint(array.shape, shape),
        )
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise BadInput(
            "E0122",
            "x holds values that are not finite",
            where=where,
            got=f"{bad} of {array.size} NaN or infinite",
            hint="np.nan_to_num(x), or find where they come from",
        )
    return array


def _shape_hint(got: tuple[int, ...], shape: tuple[int, ...]) -> str:
    if got[1:] == shape:
        return "x[None] for a batch of one, or signals.encode.direct(x, steps) to add time"
    if got == shape:
        return "x[None, None] for one step of a batch of one"
    return "put batch first, then time"


def _check_record(net: Network, name: str) -> None:
    if name in net.nodes:
        return
    base, _, state = name.rpartition(".")
    node = type(net.nodes[base]).__name__ if base in net.nodes else ""
    has_i = node in ("CubaLI", "CubaLIF", "AdaptiveLIF", "GradedLIF")
    has_v = node in ("I", "IF", "LI", "LIF", "SigmaDelta", "ResonateFire")
    if (state == "v" and (has_v or has_i)) or (state == "i" and has_i):
        return
    raise BadInput(
        "E0123",
        "nothing of that name to record",
        got=repr(name),
        allowed=", ".join(net.nodes),
        hint="'name' for an output, 'name.v' for a potential, 'name.i' for a current of Cuba nodes",
    )


class _Run:
    """One block of the batch on its way through the network."""

    def __init__(
        self, net: Network, given: dict[str, Signal], wanted: list[str], dtype: DTypeLike
    ) -> None:
        self.net, self.wanted, self.dtype = net, set(wanted), np.dtype(dtype)
        self.back = feedback_edges(net)
        self.batch, self.time = next(iter(given.values())).shape[:2]
        self.full = dict(given)  # whole signals, by node name
        self.states: dict[str, Signal] = {}
        self.cells: dict[str, Cell] = {}
        self.plain: dict[str, Apply] = {}
        for name, node in net.nodes.items():
            apply = linear(node, net.shapes[name][0], self.dtype)
            if apply is None:
                self.cells[name] = cell(net, name, self.batch, self.dtype)
            else:
                self.plain[name] = apply

    def result(self) -> dict[str, Signal]:
        """Return the wanted signals."""
        groups = components(self.net)
        last = {a: i for i, g in enumerate(groups) for n in g for a in self.net.sources(n)}
        for index, group in enumerate(groups):
            if group[0] in self.full:
                continue
            if len(group) > 1 or (group[0], group[0]) in self.back:
                self._cycle(group)
            else:
                self._whole(group[0])
            for name in [n for n in self.full if last.get(n) == index and n not in self.wanted]:
                del self.full[name]
        return {n: self.full[n] if n in self.full else self.states[n] for n in self.wanted}

    def _whole(self, name: str) -> None:
        """Advance one node over all of time."""
        shape = self.net.shapes[name][0]
        parts = [
            self.full[a].reshape((self.batch, self.time, *shape)) for a in self.net.sources(name)
        ]
        x = parts[0] if len(parts) == 1 else np.sum(parts, axis=0)
        if name in self.plain:
            y = self.plain[name](x.reshape((-1, *shape)))
            self.full[name] = y.reshape((self.batch, self.time, *y.shape[1:]))
            return
        out = self._empty(name)
        for t in range(self.time):
            out[:, t] = self.cells[name].step(x[:, t])
            self._keep_state(name, t)
        self.full[name] = out

    def _cycle(self, group: list[str]) -> None:
        """Advance the nodes of a cycle together, step by step."""
        shapes = {name: (self.batch, *self.net.shapes[name][1]) for name in group}
        now = {name: np.zeros(shape, self.dtype) for name, shape in shapes.items()}
        out = {name: self._empty(name) for name in group}
        for t in range(self.time):
            for name in group:
                x: Any = 0
                shape = (self.batch, *self.net.shapes[name][0])
                for a in self.net.sources(name):
                    # Along a feedback edge `now` still holds the step before: `a` comes later.
                    value = now[a] if a in now else self.full[a][:, t]
                    x = x + value.reshape(shape)
                y = self.plain[name](x) if name in self.plain else self.cells[name].step(x)
                now[name] = out[name][:, t] = y
                self._keep_state(name, t)
        self.full.update(out)

    def _empty(self, name: str) -> Signal:
        return np.empty((self.batch, self.time, *self.net.shapes[name][1]), self.dtype)

    def _keep_state(self, name: str, t: int) -> None:
        for key in ("v", "i"):
            full = f"{name}.{key}"
            if full in self.wanted and full not in self.net.nodes and name in self.cells:
                value = getattr(self.cells[name], key)
                if full not in self.states:
                    self.states[full] = np.empty(
                        (self.batch, self.time, *value.shape[1:]), self.dtype
                    )
                self.states[full][:, t] = value


def components(net: Network) -> list[list[str]]:
    """Return the nodes in groups: a cycle's nodes together, groups in order of evaluation."""
    group = {name: {name} for name in net.nodes}
    for a, b in feedback_edges(net):
        joined = set().union(*(group[n] for n in _reach(b, net.targets) & _reach(a, net.sources)))
        group |= dict.fromkeys(joined, joined)
    names = order(net)
    left = list({id(group[n]): [m for m in names if m in group[n]] for n in names}.values())
    done: set[str] = set()
    result = []
    while left:
        ready = next(g for g in left if all(a in done or a in g for n in g for a in net.sources(n)))
        left.remove(ready)
        done.update(ready)
        result.append(ready)
    return result


def _reach(start: str, ahead: Any) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        new = [n for n in ahead(todo.pop()) if n not in seen]
        seen.update(new)
        todo.extend(new)
    return seen
