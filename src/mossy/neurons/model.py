"""What a neuron model is, and the one loop that steps a population of them.

A model is a scalar function `step(state, x0, x1, params, fmt) -> fired` on one record of state and
one of parameters. Python runs it as the oracle; Numba compiles the same function into `update`.
`x0`, `x1` are this step's summed inputs; a model with one input gets the same number twice.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np


@dataclass(frozen=True, eq=False)
class Model:
    """A neuron model.

    inputs: 1 (one signed sum) or 2 (excitatory and inhibitory sums). drive: type of the sums.
    state, params: record types; every state has a field `v`.
    """

    name: str
    inputs: int
    drive: np.dtype[Any]
    state: np.dtype[Any]
    params: np.dtype[Any]
    step: Callable[..., bool]
    update: Callable[..., None]


def compile_step(step: Callable[..., bool]) -> Any:
    """Return `step` compiled, with an identity that survives the process.

    Numba keys the cache of a caller by the identity of what it calls, which is random by default;
    tying it to the source text makes compiled populations load from disk, and go stale when the
    step changes.
    """
    compiled = numba.njit(cache=True, nogil=True, inline="never")(step)
    text = inspect.getsource(inspect.getmodule(step) or step)
    if hasattr(compiled, "_set_uuid"):
        compiled._set_uuid(f"{step.__module__}.{step.__name__}:{_digest(text)}")
    return compiled


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_update(step: Any, inputs: int) -> Any:
    """Return the compiled loop over samples and neurons of one model.

    state: (batch, n) records; params: (n,); ring: (batch, slots, width) with this population's
    sums at columns first .. first + n * inputs of row `slot`, which is cleared; fired: (batch, n)
    receives the indices of the neurons that fired, count: (batch,) how many.
    """

    @numba.njit(cache=True, nogil=True)
    def update(state, params, ring, slot, first, fmt, fired, count):  # type: ignore[no-untyped-def]
        for b in range(state.shape[0]):
            x = ring[b, slot, first : first + inputs * state.shape[1]]
            n = 0
            for i in range(state.shape[1]):
                j = inputs * i
                if step(state[b, i], x[j], x[j + inputs - 1], params[i], fmt):
                    fired[b, n] = i
                    n += 1
            x[:] = 0
            count[b] = n

    return update


def build(
    name: str,
    step: Callable[..., bool],
    *,
    inputs: int,
    drive: str,
    state: list[tuple[str, str]],
    params: list[tuple[str, str]],
) -> Model:
    """Return the model around a scalar step function."""
    compiled = compile_step(step)
    return Model(
        name,
        inputs,
        np.dtype(drive),
        np.dtype(state),
        np.dtype(params),
        step,
        make_update(compiled, inputs),
    )
