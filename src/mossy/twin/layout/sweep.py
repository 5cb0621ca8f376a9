"""A sweep: one step of many neurons of one model, on registers laid out field by field.

A table of addresses says where everything is:

    [1 where all neurons share their parameters, state fields..., x0, x1, sent, parameters...]

so that every sweep has the same signature and one compiled loop can call them all. `sent` is how
many spikes each neuron sends; the sums x0, x1 are cleared.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from numba.core import types
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.model import Model, compile_step
from mossy.twin.layout.fields import fields, row, values

Known = tuple[tuple[str, int], ...]  # names and values of parameters
SIGNATURE = types.void(types.CPointer(types.int64), types.int64, types.int64)


def sums(model: Model) -> np.dtype[Any]:
    """Return the type of a model's sums here: whole numbers, where weights are whole."""
    return model.drive if model.drive.kind == "i" else np.dtype(np.int32)


def layouts(model: Model, given: Known = ()) -> tuple[str, str]:
    """Return the layouts of what changes in a step (state, sums, sent) and of the parameters."""
    drive, same = sums(model).str[1:], dict(given)
    extra = [f"x{i}:{drive}" for i in range(2)] + ["sent:u1"]
    fixed = [
        f"{own}={same[name]}" if name in same else own
        for own, name in zip(_named(model.params), model.params.names or (), strict=True)
    ]
    return ",".join(_named(model.state) + extra), ",".join(fixed)


def _named(record: np.dtype[Any]) -> list[str]:
    return [f"{n}:{record[n].str[1:]}" for n in record.names or ()]


def known(model: Model, params: list[NDArray[Any]]) -> Known:
    """Return the whole-number parameters that no neuron uses (zeros), and flags that all share.

    Which branches a step takes is then plain, so that a loop of steps becomes vector instructions.
    params: one array a field.
    """
    names = zip(model.params.names or (), params, strict=True)
    whole = [(name, a) for name, a in names if a.dtype.kind in "iu" and (a == a[0]).all()]
    return tuple((name, int(a[0])) for name, a in whole if a.dtype == np.uint8 or not a[0])


@cache
def sweep(name: str, fmt: tuple[int, ...], given: Known = ()) -> Any:
    """Return the compiled sweep of a model; `.address` is what is called."""
    model = neurons.model(name)
    changing, fixed = layouts(model, given)
    return _made(
        compile_step(model.step),
        changing,
        fixed,
        1 + changing.count(",") + 1,
        model.takes.type,
        model.inputs,
        model.sums[1] if model.sums else 0,
        fmt,
    )


def _made(
    step: Any, changing: str, fixed: str, params: int, take: Any, inputs: int, top: int, fmt: Any
) -> Any:
    # The loop stands here twice: a function of its own for its body would have a new identity in
    # every process, and what was compiled would never be found again.
    @numba.cfunc(SIGNATURE, cache=True, error_model="numpy")
    def swept(table, begin, end):  # type: ignore[no-untyped-def]
        f = fields(changing, table, 1)
        g = fields(fixed, table, params)
        if table[0]:
            p = values(g)
            for i in range(begin, end):
                r = row(f, i)
                a = r.x0
                b = r.x1 if inputs == 2 else a
                r.x0 = 0
                if inputs == 2:
                    r.x1 = 0
                if top > 0:
                    a, b = min(a, top), min(b, top)
                r.sent = step(r, take(a), take(b), p, fmt)
        else:
            for i in range(begin, end):
                r = row(f, i)
                a = r.x0
                b = r.x1 if inputs == 2 else a
                r.x0 = 0
                if inputs == 2:
                    r.x1 = 0
                if top > 0:
                    a, b = min(a, top), min(b, top)
                r.sent = step(r, take(a), take(b), row(g, i), fmt)

    return swept
