"""What arrives at a layer: how it waits for the one before it, and synapses that are listed."""

from __future__ import annotations

from typing import Any

from numba import extending
from numba.core import types

from mossy.synapses.chance import jit

PATIENCE = 2000  # looks, some ten microseconds, before a waiting thread gives way

intrinsic: Any = extending.intrinsic  # its type counts the typing context as an argument
_give_way = types.ExternalFunction("sched_yield", types.int32())


@intrinsic
def publish(typingctx: Any, array: Any, i: Any, value: Any) -> Any:
    """array[i] = value, seen by other threads after all that was written before."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(context.make_array(array)(context, builder, args[0]).data, [args[1]])
        builder.store_atomic(args[2], place, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), codegen


@intrinsic
def published(typingctx: Any, array: Any, i: Any) -> Any:
    """array[i], and with it all that was written before it was published."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(context.make_array(array)(context, builder, args[0]).data, [args[1]])
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(array, types.int64), codegen


@jit
def wait(done, number, steps):  # type: ignore[no-untyped-def]
    """Wait until a sender has listed so many steps; return whether it will never come to that."""
    tries = 0
    while published(done, number) < steps:
        if published(done, done.size - 1):
            return True
        tries += 1
        if tries > PATIENCE:  # the other thread may have no processor: let it have this one
            _give_way()
    return False


@jit
def _all_one(value, begin, end):  # type: ignore[no-untyped-def]
    others = 0
    for k in range(begin, end):
        others += value[k] != 1
    return others == 0


@jit
def heard(b, begin, end, lists, senders, lag):  # type: ignore[no-untyped-def]
    """Wait for what arrives in steps begin .. end.

    Returns -1 where a sender has failed, 1 where all are single packets, else 0.
    """
    _, value, at, done = lists
    single = 1
    for e in range(senders.shape[0]):
        f = senders[e, 0]
        if wait(done, f, b * (at.shape[2] - 1) + end - lag):
            return -1
        if not _all_one(value[b], at[b, f, max(begin - lag, 0)], at[b, f, max(end - lag, 0)]):
            single = 0
    return single


@jit
def _add_synapses(ring, t, rows, base, who, value, begin, end, low, high):  # type: ignore[no-untyped-def]
    """Add up synapses that are listed. ring: (slots, sums); t: the slot of the earliest arrival."""
    start, column, weight, delay = rows
    last = ring.shape[0] - 1  # slots are a power of two
    for m in range(begin, end):
        r, v = base + who[m], value[m]
        if low < high:
            for k in range(start[r], start[r + 1]):
                x = ring[(t + delay[k]) & last]
                x[column[k]] = min(max(int(x[column[k]]) + int(weight[k]) * int(v), low), high)
        elif last == 0:
            x = ring[0]
            for k in range(start[r], start[r + 1]):
                x[column[k]] += weight[k] * v
        else:
            for k in range(start[r], start[r + 1]):
                ring[(t + delay[k]) & last, column[k]] += weight[k] * v


@jit
def arrive(ring, b, t, lists, senders, rows, lag, bounds):  # type: ignore[no-untyped-def]
    """Add what arrives in step t where synapses are listed; return whether a sender has failed."""
    who, value, at, done = lists
    for e in range(senders.shape[0] if t >= lag else 0):
        f, base = senders[e]
        if wait(done, f, b * (at.shape[2] - 1) + t - lag + 1):
            return True
        i, j = at[b, f, t - lag], at[b, f, t - lag + 1]
        _add_synapses(ring, t, rows, base, who[b], value[b], i, j, bounds[0], bounds[1])
    return False
