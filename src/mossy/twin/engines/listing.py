"""Which neurons send in a step: many are looked at together, and few of them do."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

from mossy.synapses.chance import jit

WORD = 32  # neurons that are looked at together

intrinsic: Any = extending.intrinsic  # its type counts the typing context as an argument


@intrinsic
def _marks(typingctx: Any, values: Any, i: Any) -> Any:
    """A bit for each of the next 32 values that is not zero."""
    if values.layout != "C":
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(values)(context, builder, args[0]).data
        many = ir.VectorType(context.get_data_type(values.dtype), WORD)
        place = builder.bitcast(builder.gep(data, [args[1]]), many.as_pointer())
        found = builder.load(place, align=values.dtype.bitwidth // 8)
        real = isinstance(values.dtype, types.Float)
        compare = builder.fcmp_unordered if real else builder.icmp_unsigned
        bits = builder.bitcast(compare("!=", found, ir.Constant(many, None)), ir.IntType(WORD))
        return builder.zext(bits, ir.IntType(64))

    return types.int64(values, types.int64), codegen


@intrinsic
def _lowest(typingctx: Any, marks: Any) -> Any:
    """The number of the lowest bit that is set."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.int64), codegen


@jit
def list_sent(sent, at, n, who, value, end, first):  # type: ignore[no-untyped-def]
    """Append what is not zero in sent[at : at + n], of neurons from `first` on; return the end."""
    whole = n // WORD * WORD
    for begin in range(0, whole, WORD):
        marks = _marks(sent, at + begin)
        while marks:
            i = begin + _lowest(marks)
            who[end], value[end] = first + i, sent[at + i]
            end += 1
            marks &= marks - 1
    for i in range(whole, n):
        if sent[at + i]:
            who[end], value[end] = first + i, sent[at + i]
            end += 1
    return end
