"""What arrives at a layer in a step, added up; and how a layer waits for the one before it.

Rows that are kept whole lie in strips of some columns. The sums of a strip stay in registers while
the rows of all that sent are added, one behind the other: one load and one addition for every
register full of synapses, from a strip that stays in the core's own cache over all steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from mossy.synapses.chance import jit
from mossy.twin.layout.layers import STRIP_BYTES

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


def _adder(scaled: bool) -> Any:
    """A loop that adds rows of a strip to its sums, which stay in registers meanwhile."""

    @intrinsic
    def add(typingctx: Any, x: Any, like: Any, strip: Any, who: Any, value: Any, n: Any) -> Any:
        """Add n rows of `strip` (rows, lanes) to x, all by address; like: an array of that type."""
        kind = like.dtype

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            item = context.get_value_type(kind)
            lanes = STRIP_BYTES // (kind.bitwidth // 8)
            many, word = ir.VectorType(item, lanes), ir.IntType(64)
            real = isinstance(kind, types.Float)
            plus, times = (builder.fadd, builder.fmul) if real else (builder.add, builder.mul)
            rows = builder.inttoptr(args[2], many.as_pointer())
            sums = builder.inttoptr(args[0], many.as_pointer())
            listed = builder.inttoptr(args[3], ir.IntType(32).as_pointer())
            values = builder.inttoptr(args[4], item.as_pointer())
            total = cgutils.alloca_once_value(builder, builder.load(sums, align=4))
            with cgutils.for_range(builder, args[5]) as loop:
                r = builder.zext(builder.load(builder.gep(listed, [loop.index])), word)
                row = builder.load(builder.gep(rows, [r]), align=4)
                if scaled:
                    v = builder.load(builder.gep(values, [loop.index]))
                    one = builder.insert_element(
                        ir.Constant(many, ir.Undefined), v, ir.IntType(32)(0)
                    )
                    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
                    row = times(row, builder.shuffle_vector(one, one, zeros))
                builder.store(plus(builder.load(total), row), total)
            builder.store(builder.load(total), sums, align=4)
            return context.get_dummy_value()

        integer = types.int64
        return types.void(integer, like, integer, integer, integer, integer), codegen

    return add


_add = _adder(False)
_add_times = _adder(True)


@jit
def _add_bounded(x, strip, who, value, low, high):  # type: ignore[no-untyped-def]
    """The same where sums saturate with every packet."""
    for m in range(who.size):
        p, v = strip[who[m]], int(value[m])
        for j in range(x.size):
            x[j] = min(max(int(x[j]) + int(p[j]) * v, low), high)


@jit
def _all_one(value, begin, end):  # type: ignore[no-untyped-def]
    others = 0
    for k in range(begin, end):
        others += value[k] != 1
    return others == 0


@jit
def gather(sums, b, begin, end, lists, senders, dense, lag, bounds):  # type: ignore[no-untyped-def]
    """Add up what arrives in steps begin .. end, strip by strip; sums: (steps, columns).

    Returns whether a sender has failed.
    """
    who, value, at, done = lists
    lanes = dense.shape[2]
    early = max(begin - lag, 0)
    single = np.zeros(senders.shape[0], np.bool_)  # nothing but single packets
    for e in range(senders.shape[0]):
        f = senders[e, 0]
        if wait(done, f, b * (at.shape[2] - 1) + end - lag):
            return True
        single[e] = _all_one(value[b], at[b, f, early], at[b, f, max(end - lag, 0)])
    item = sums.itemsize
    row = lanes * item
    # by address: slices are counted, which costs a tenth of what is added
    x, strips = sums.ctypes.data, dense.ctypes.data
    w, v = who.ctypes.data + 4 * b * who.shape[1], value.ctypes.data + item * b * value.shape[1]
    for s in range(dense.shape[0]):
        for t in range(max(begin, lag), end):
            now = x + (t - begin) * sums.shape[1] * item + s * row
            for e in range(senders.shape[0]):
                f, base = senders[e]
                i, j = at[b, f, t - lag], at[b, f, t - lag + 1]
                strip = strips + (s * dense.shape[1] + base) * row
                if bounds[0] < bounds[1]:
                    some = sums[t - begin, s * lanes : s * lanes + lanes]
                    _add_bounded(some, dense[s, base:], who[b, i:j], value[b, i:j], *bounds)
                elif single[e]:
                    _add(now, dense, strip, w + 4 * i, v + item * i, j - i)
                else:
                    _add_times(now, dense, strip, w + 4 * i, v + item * i, j - i)
    return False


@jit
def _add_synapses(ring, t, rows, base, who, value, begin, end, low, high):  # type: ignore[no-untyped-def]
    """The same for listed synapses. ring: (slots, sums); t: the slot of the earliest arrival."""
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
