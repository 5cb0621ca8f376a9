"""What compiled loops on several threads need and Numba lacks: addresses, prefetch, a barrier.

Threads that meet ten thousand times a second cannot ask the operating system each time. The gate
counts arrivals, once round for each meeting; who comes early looks again for a while, then sleeps
until the last one wakes all. Where that happens often, because others use the processor that a
thread waits for, looking is given up sooner.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from mossy.synapses.chance import jit

_intrinsic: Any = intrinsic  # numba ships no types: what it decorates is called with one less
LOOKS, FEWEST = 10_000, 20  # before a thread sleeps: longer than steps differ on a quiet machine
NAP = 30  # microseconds of sleep where threads cannot wake each other
_ALL = (1 << 31) - 1
_WAIT, _WAKE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE among threads of one process
_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), 0) * (sys.platform == "linux")
_sleep: Any = types.ExternalFunction("usleep", types.int32(types.uint32))
_system: Any = types.ExternalFunction(
    "syscall", types.int64(types.int64, types.int64, types.int64, types.int64, types.int64)
)
_PAUSE = "llvm.x86.sse2.pause" if platform.machine() in ("x86_64", "AMD64") else None


@_intrinsic
def at(typingctx: Any, address: Any, like: Any) -> Any:
    """at(address, like): a pointer to items of the type of the array `like`."""
    pointer = types.CPointer(like.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(pointer))

    return pointer(types.int64, like), codegen


@_intrinsic
def call(typingctx: Any, function: Any, table: Any, begin: Any, end: Any) -> Any:
    """call(function, table, begin, end): call a sweep by its address, on some of its neurons."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [word.as_pointer(), word, word])
        sweep = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(sweep, [builder.inttoptr(args[1], word.as_pointer()), args[2], args[3]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), codegen


@_intrinsic
def prefetch(typingctx: Any, pointer: Any, i: Any) -> Any:
    """prefetch(pointer, i): ask for the cache line of item i, to be read once soon."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _ask(builder, args[0], args[1], 0)
        return context.get_dummy_value()

    return types.void(pointer, types.intp), codegen


@_intrinsic
def ahead(typingctx: Any, array: Any, i: Any) -> Any:
    """ahead(array, i): ask for the cache line of item i, to be written soon."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        _ask(builder, data, args[1], 1)
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


def _ask(builder: Any, pointer: Any, i: Any, write: int) -> None:
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    where = builder.bitcast(builder.gep(pointer, [i]), byte)
    builder.call(function, [where, number(write), number(3), number(1)])


@_intrinsic
def _add(typingctx: Any, gate: Any, i: Any, n: Any) -> Any:
    """_add(gate, i, n): add to a count of the gate; return what it was."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [args[1]]), args[2], "seq_cst")

    return types.int64(gate, types.int64, types.int64), codegen


@_intrinsic
def _look(typingctx: Any, gate: Any, i: Any) -> Any:
    """_look(gate, i): a count of the gate as it is now."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        if _PAUSE:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, _PAUSE), [])
        return builder.load_atomic(builder.gep(data, [args[1]]), "seq_cst", 8)

    return types.int64(gate, types.int64), codegen


@jit
def meet(gate: Any, goal: Any, looks: Any) -> Any:
    """Wait until `goal` arrivals have been counted, this one included.

    gate: arrivals, sleepers. looks: how often this thread looks before it sleeps, LOOKS at first;
    return what it should be at the next meeting.
    """
    if _add(gate, 0, 1) + 1 == goal:
        if _look(gate, 1) > 0:
            _system(_FUTEX, gate.ctypes.data, _WAKE, _ALL, 0)
        return looks
    for _ in range(looks):
        if _look(gate, 0) >= goal:
            return min(LOOKS, 2 * looks)
    _add(gate, 1, 1)
    while True:
        seen = _look(gate, 0)
        if seen >= goal:
            break
        if _FUTEX:  # does not sleep where somebody has arrived since
            _system(_FUTEX, gate.ctypes.data, _WAIT, seen & 0xFFFFFFFF, 0)
        else:
            _sleep(np.uint32(NAP))
    _add(gate, 1, -1)
    return max(FEWEST, looks // 4)


def new_gate() -> Any:
    """Return a gate that nobody has reached yet, in a line of the cache of its own."""
    return np.zeros(24, np.int64)[8:10]
