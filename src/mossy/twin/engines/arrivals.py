"""What arrives at a layer in a step, added up; and how a layer waits for the one before it.

Rows that are kept whole lie in strips of some columns. The sums of a strip stay in registers while
the rows of all that sent are added, one behind the other: one load and one addition for every
register full of synapses, from a strip that stays in the core's own cache over all steps. Rows of
bytes are added up in 16 bits, as many as are sure to fit: two neighbours as one number, and the
upper one of both once more by itself, which tells them apart in the end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from mossy.synapses.chance import jit
from mossy.twin.layout.layers import ENOUGH, ZERO, columns_of_a_strip

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
    def add(
        typingctx: Any, x: Any, sums: Any, kept: Any, strip: Any, who: Any, value: Any, n: Any
    ) -> Any:
        """Add n rows of `strip` (rows, columns) to x, all by address; sums, kept: their types."""
        kind, small = sums.dtype, kept.dtype
        real, narrow = isinstance(kind, types.Float), small != kind

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            item, word, index = context.get_value_type(kind), ir.IntType(64), ir.IntType(32)
            lanes = columns_of_a_strip(small.bitwidth // 8)
            many, whole = ir.VectorType(item, lanes), ir.VectorType(ir.IntType(32), lanes)
            few = ir.VectorType(context.get_value_type(small), lanes)
            pairs = ir.VectorType(ir.IntType(16), lanes // 2)
            plus, times = (builder.fadd, builder.fmul) if real else (builder.add, builder.mul)
            rows = builder.inttoptr(args[3], few.as_pointer())
            ends = builder.inttoptr(args[0], many.as_pointer())
            listed = builder.inttoptr(args[4], ir.IntType(32).as_pointer())
            values = builder.inttoptr(args[5], item.as_pointer())

            def row(k: Any) -> Any:
                r = builder.zext(builder.load(builder.gep(listed, [k])), word)
                return builder.load(builder.gep(rows, [r]), align=small.bitwidth // 8)

            def spread(one: Any, kind: Any) -> Any:
                first = builder.insert_element(ir.Constant(kind, ir.Undefined), one, index(0))
                return builder.shuffle_vector(first, first, ir.Constant(whole, None))

            def signed(bytes_: Any, n: Any) -> Any:
                """What sums of n bytes stand for."""
                less = spread(builder.mul(n, index(ZERO)), whole)
                found = builder.sub(builder.zext(bytes_, whole), less)
                return builder.sitofp(found, many) if real else found

            if narrow and not scaled:
                both, odd = (cgutils.alloca_once(builder, pairs) for _ in range(2))
                step, eight = ir.Constant(word, ENOUGH), ir.Constant(pairs, [8] * (lanes // 2))
                order = [k // 2 + lanes // 2 * (k % 2) for k in range(lanes)]
                with cgutils.for_range_slice(builder, word(0), args[6], step) as (begin, _):
                    builder.store(ir.Constant(pairs, None), both)
                    builder.store(ir.Constant(pairs, None), odd)
                    last = builder.add(begin, step)
                    short = builder.icmp_signed("<", args[6], last)
                    end = builder.select(short, args[6], last)
                    with cgutils.for_range_slice(builder, begin, end, word(1)) as (k, _):
                        two = builder.bitcast(row(k), pairs)
                        builder.store(builder.add(builder.load(both), two), both)
                        upper = builder.lshr(two, eight)
                        builder.store(builder.add(builder.load(odd), upper), odd)
                    upper = builder.load(odd)
                    lower = builder.sub(builder.load(both), builder.shl(upper, eight))
                    total = builder.shuffle_vector(lower, upper, ir.Constant(whole, order))
                    n = builder.trunc(builder.sub(end, begin), index)
                    found = plus(builder.load(ends, align=4), signed(total, n))
                    builder.store(found, ends, align=4)
                return context.get_dummy_value()
            total = cgutils.alloca_once_value(builder, builder.load(ends, align=4))
            with cgutils.for_range(builder, args[6]) as loop:
                one = row(loop.index)
                if narrow:
                    one = signed(one, index(1))
                if scaled:
                    v = builder.load(builder.gep(values, [loop.index]))
                    one = times(one, spread(v, many))
                builder.store(plus(builder.load(total), one), total)
            builder.store(builder.load(total), ends, align=4)
            return context.get_dummy_value()

        integer = types.int64
        given = integer, sums, kept, integer, integer, integer, integer
        return types.void(*given), codegen

    return add


add = _adder(False)
add_times = _adder(True)


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
def add_bounded(sums, s, sent, b, lists, senders, dense, low, high):  # type: ignore[no-untyped-def]
    """Add what was sent in step `sent` to the columns of strip s, where sums saturate."""
    who, value, at, _ = lists
    for e in range(senders.shape[0]):
        f, base = senders[e]
        i, j = at[b, f, sent], at[b, f, sent + 1]
        _add_bounded(sums, dense[s, base:], who[b, i:j], value[b, i:j], low, high)


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
