"""What a neuron model is, and the one loop that steps a population of them.

A model is a scalar function `step(state, x0, x1, params, fmt) -> sent` on one record of state and
one of parameters. Python runs it as the oracle; Numba compiles the same function into `update`.
`x0`, `x1` are this step's summed inputs; a model with one input gets the same number twice. What a
step returns is what the neuron sends: 0 is nothing.

Neurons that touch each other inside a step bring `evolve(state, x, params, fmt, sent)` over all
neurons of a core in index order, which both ways run as well.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np

from mossy.errors import BadInput

Sends = Literal["spikes", "values"]


@dataclass(frozen=True, eq=False)
class Model:
    """A neuron model.

    inputs: 1 (one sum) or 2; receptors says what parts them: the weight's "sign" (excitatory and
    inhibitory magnitudes) or the synapse's "type". drive: type of the sums. state, params: record
    types; every state has a field `v`. sends: "spikes" (a step's number is how many, each a packet)
    or "values" (one packet carries the number). takes: the type in which a step is given its sums.
    sums: (lowest, highest) value at which a sum saturates, packet by packet. keeps: state fields
    that are themselves the sums, so that what arrives is added to the register. event: what one
    arriving weight does, where packets are worked off one at a time.
    """

    name: str
    inputs: int
    drive: np.dtype[Any]
    takes: np.dtype[Any]
    state: np.dtype[Any]
    params: np.dtype[Any]
    step: Callable[..., Any]
    update: Callable[..., None]
    sends: Sends = "spikes"
    receptors: Literal["sign", "type"] = "sign"
    sums: tuple[int, int] | None = None
    keeps: tuple[str, ...] = ()
    evolve: Callable[..., None] | None = None
    event: Callable[..., bool] | None = None


def compile_step(step: Callable[..., Any], uses: tuple[Callable[..., Any], ...] = ()) -> Any:
    """Return `step` compiled, with an identity that survives the process.

    Numba keys the cache of a caller by the identity of what it calls, which is random by default;
    tying it to the source text makes compiled populations load from disk, and go stale when the
    step changes. uses: functions of the same module that `step` calls, compiled before it.
    """
    if uses:
        step = _bound(step, {f.__name__: compile_step(f) for f in uses})
    compiled = numba.njit(cache=True, nogil=True, inline="never")(step)
    text = "".join(_sources(step))
    if hasattr(compiled, "_set_uuid"):
        compiled._set_uuid(f"{step.__module__}.{step.__name__}:{_digest(text)}")
    return compiled


def _sources(step: Callable[..., Any]) -> list[str]:
    """The text of the step's module, and of those whose functions it may call."""
    modules = [step.__module__]
    for value in step.__globals__.values():
        of = getattr(value, "__module__", None) or ""
        if callable(value) and of.startswith("mossy.neurons.") and of not in modules:
            modules.append(of)
    return [inspect.getsource(sys.modules[m]) for m in modules if m in sys.modules]


def _bound(function: Any, names: dict[str, Any]) -> Any:
    """The same function with some of its global names standing for compiled ones."""
    copy = type(function)(function.__code__, {**function.__globals__, **names}, function.__name__)
    copy.__module__ = function.__module__
    return copy


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_update(step: Any, inputs: int, takes: np.dtype[Any]) -> Any:
    """Return the compiled loop over samples and neurons of one model.

    state: (batch, n) records; params: (n,); ring: (batch, slots, width) with this population's
    sums at columns first .. first + n * inputs of row `slot`, which is cleared; fired: (batch, n)
    receives the indices of the neurons that send, sent: (batch, n) what they send, count: (batch,)
    how many.
    """
    take = takes.type

    @numba.njit(cache=True, nogil=True)
    def update(state, params, ring, slot, first, fmt, fired, sent, count):  # type: ignore[no-untyped-def]
        for b in range(state.shape[0]):
            x = ring[b, slot, first : first + inputs * state.shape[1]]
            n = 0
            for i in range(state.shape[1]):
                j = inputs * i
                value = step(state[b, i], take(x[j]), take(x[j + inputs - 1]), params[i], fmt)
                if value:
                    fired[b, n] = i
                    sent[b, n] = value
                    n += 1
            x[:] = 0
            count[b] = n

    return update


def make_core_update(evolve: Any, inputs: int) -> Any:
    """Return the same loop around a function that evolves all neurons of a core."""

    @numba.njit(cache=True, nogil=True)
    def update(state, params, ring, slot, first, fmt, fired, sent, count):  # type: ignore[no-untyped-def]
        out = np.zeros(state.shape[1], np.int32)
        for b in range(state.shape[0]):
            x = ring[b, slot, first : first + inputs * state.shape[1]]
            out[:] = 0
            evolve(state[b], x, params, fmt, out)
            n = 0
            for i in range(state.shape[1]):
                if out[i]:
                    fired[b, n] = i
                    sent[b, n] = out[i]
                    n += 1
            x[:] = 0
            count[b] = n

    return update


def build(
    name: str,
    step: Callable[..., Any],
    *,
    inputs: int,
    drive: str,
    state: list[tuple[str, str]],
    params: list[tuple[str, str]],
    takes: str | None = None,
    sends: Sends = "spikes",
    receptors: Literal["sign", "type"] = "sign",
    sums: tuple[int, int] | None = None,
    keeps: tuple[str, ...] = (),
    evolve: Callable[..., None] | None = None,
    event: Callable[..., bool] | None = None,
) -> Model:
    """Return the model around a scalar step function. Raises BadInput E0190 for a bad `keeps`."""
    if keeps and (len(keeps) != inputs or not set(keeps) <= {field for field, _ in state}):
        raise BadInput(
            "E0190",
            "keeps needs one field of the state for each input",
            where=f"neuron model {name}",
            got=keeps,
            allowed=f"{inputs} of {', '.join(field for field, _ in state)}",
        )
    update = (
        make_update(compile_step(step), inputs, np.dtype(takes or drive))
        if evolve is None
        else make_core_update(compile_step(evolve, (step,)), inputs)
    )
    return Model(
        name,
        inputs,
        np.dtype(drive),
        np.dtype(takes or drive),
        np.dtype(state),
        np.dtype(params),
        step,
        update,
        sends,
        receptors,
        sums,
        keeps,
        evolve,
        event,
    )


def evolve(model: Model, state: Any, x: Any, params: Any, fmt: tuple[int, ...]) -> list[Any]:
    """Update a core's neurons in plain Python; return what each sends. x: (n * inputs,) sums."""
    if model.evolve is not None:
        out = np.zeros(len(state), np.int32)
        model.evolve(state, x, params, fmt, out)
        return out.tolist()
    i, take = model.inputs, model.takes.type
    return [
        model.step(state[k], take(x[i * k]), take(x[i * k + i - 1]), params[k], fmt)
        for k in range(len(state))
    ]
