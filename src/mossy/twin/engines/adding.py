"""Adding up rows of a strip: some columns of all rows of a layer that is kept whole.

The sums of a strip stay in registers while the rows of all that sent are added, one behind the
other: one load and one addition for every register full of synapses, from a strip that stays in the
core's own cache over all steps. Rows of bytes are added up in 16 bits, as many as are sure to fit:
two neighbours as one number, and the upper one of both once more by itself, which tells them apart
in the end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from mossy.synapses.chance import jit
from mossy.twin.layout.layers import ENOUGH, ZERO, columns_of_a_strip

WORD, INDEX = ir.IntType(64), ir.IntType(32)

intrinsic: Any = extending.intrinsic  # its type counts the typing context as an argument


class _Strip:
    """What the code that adds rows is made of. many: sums as a vector; n: rows to add."""

    def __init__(self, context: Any, builder: Any, sums: Any, kept: Any, args: Any) -> None:
        self.builder = builder
        self.real, self.bytes = isinstance(sums.dtype, types.Float), sums.dtype != kept.dtype
        item = context.get_value_type(sums.dtype)
        self.align = kept.dtype.bitwidth // 8
        self.columns = columns_of_a_strip(self.align)
        self.many = ir.VectorType(item, self.columns)
        self.whole = ir.VectorType(INDEX, self.columns)
        row = ir.VectorType(context.get_value_type(kept.dtype), self.columns)
        self.sums = builder.inttoptr(args[0], self.many.as_pointer())
        self.rows = builder.inttoptr(args[3], row.as_pointer())
        self.who = builder.inttoptr(args[4], INDEX.as_pointer())
        self.values = builder.inttoptr(args[5], item.as_pointer())
        self.n = args[6]

    def row(self, k: Any) -> Any:
        """The row of the k-th that sent."""
        b = self.builder
        r = b.zext(b.load(b.gep(self.who, [k])), WORD)
        return b.load(b.gep(self.rows, [r]), align=self.align)

    def spread(self, one: Any, kind: Any) -> Any:
        """A vector with one number in every column."""
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), one, INDEX(0))
        return self.builder.shuffle_vector(first, first, ir.Constant(self.whole, None))

    def meant(self, found: Any, n: Any) -> Any:
        """What sums of n bytes stand for."""
        b = self.builder
        less = self.spread(b.mul(n, INDEX(ZERO)), self.whole)
        found = b.sub(b.zext(found, self.whole), less)
        wider = b.sitofp if self.real else b.sext
        return found if self.many == self.whole else wider(found, self.many)

    def add(self, scaled: bool) -> None:
        """Add row by row; scaled: each times the value that was sent."""
        b = self.builder
        plus, times = (b.fadd, b.fmul) if self.real else (b.add, b.mul)
        total = cgutils.alloca_once_value(b, b.load(self.sums, align=4))
        with cgutils.for_range(b, self.n) as loop:
            row = self.row(loop.index)
            if self.bytes:
                row = self.meant(row, INDEX(1))
            if scaled:
                value = b.load(b.gep(self.values, [loop.index]))
                row = times(row, self.spread(value, self.many))
            b.store(plus(b.load(total), row), total)
        b.store(b.load(total), self.sums, align=4)

    def add_bytes(self) -> None:
        """Add rows of bytes in 16 bits, as many as fit, and then these to the sums."""
        b, plus = self.builder, self.builder.fadd if self.real else self.builder.add
        half = self.columns // 2
        pairs = ir.VectorType(ir.IntType(16), half)
        both, odd = (cgutils.alloca_once(b, pairs) for _ in range(2))
        step, eight = ir.Constant(WORD, ENOUGH), ir.Constant(pairs, [8] * half)
        with cgutils.for_range_slice(b, WORD(0), self.n, step) as (begin, _):
            b.store(ir.Constant(pairs, None), both)
            b.store(ir.Constant(pairs, None), odd)
            last = b.add(begin, step)
            end = b.select(b.icmp_signed("<", self.n, last), self.n, last)
            with cgutils.for_range_slice(b, begin, end, WORD(1)) as (k, _):
                two = b.bitcast(self.row(k), pairs)
                b.store(b.add(b.load(both), two), both)
                b.store(b.add(b.load(odd), b.lshr(two, eight)), odd)
            upper = b.load(odd)
            lower = b.sub(b.load(both), b.shl(upper, eight))
            order = [k // 2 + half * (k % 2) for k in range(self.columns)]
            total = b.shuffle_vector(lower, upper, ir.Constant(self.whole, order))
            rows = b.trunc(b.sub(end, begin), INDEX)
            b.store(plus(b.load(self.sums, align=4), self.meant(total, rows)), self.sums, align=4)


def _adder(scaled: bool) -> Any:
    @intrinsic
    def add(
        typingctx: Any, x: Any, sums: Any, kept: Any, strip: Any, who: Any, value: Any, n: Any
    ) -> Any:
        """Add n rows of `strip` (rows, columns) to x, all by address; sums, kept: their types."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            made = _Strip(context, builder, sums, kept, args)
            if made.bytes and not scaled:
                made.add_bytes()
            else:
                made.add(scaled)
            return context.get_dummy_value()

        word = types.int64
        return types.void(word, sums, kept, word, word, word, word), codegen

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
def add_bounded(sums, s, sent, b, lists, senders, dense, low, high):  # type: ignore[no-untyped-def]
    """Add what was sent in step `sent` to the columns of strip s, where sums saturate."""
    who, value, at, _ = lists
    for e in range(senders.shape[0]):
        f, base = senders[e]
        i, j = at[b, f, sent], at[b, f, sent + 1]
        _add_bounded(sums, dense[s, base:], who[b, i:j], value[b, i:j], low, high)
