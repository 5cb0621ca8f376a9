"""Layer by layer: every layer of a program without loops over all steps, before the next one.

One compiled call runs a layer for a group of samples: in each step the rows of what was sent to it
are added up, in order of arrival, the neurons are updated, and those that send are listed for the
layers behind. Synapses are used for all steps and samples while they are in cache, four rows at a
time where they are whole; neurons that are alike are updated by vector instructions. The additions
and their order are those of a run step by step, so every bit is the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.model import compile_step
from mossy.program.artefact import Program
from mossy.twin.engines.helpers import ALONE, Helpers
from mossy.twin.layers import STRIP_BYTES, Layered
from mossy.twin.link import Linked

PATIENCE = 2000  # looks, some ten microseconds, before a waiting thread gives way
BLOCK = 20  # steps that a layer is ahead of the one that a helper runs behind it
LARGEST_GROUP = 16  # samples in one call: enough to make it cheap
LIST_BYTES = 1 << 26  # what the lists of a group may take

carray: Any = numba.carray  # type: ignore[attr-defined]  # numba says not what it exports
intrinsic: Any = extending.intrinsic  # its type counts the typing context as an argument


@intrinsic
def _own(typingctx: Any, record: Any) -> Any:
    """A copy of a record that nothing else can change, so that a loop reads its fields once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        room = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(8), record.size))
        copy = builder.bitcast(room, context.get_value_type(record))
        cgutils.raw_memcpy(builder, copy, args[0], ir.Constant(ir.IntType(64), record.size), 1)
        return copy

    return record(record), codegen


_give_way = types.ExternalFunction("sched_yield", types.int32())


@intrinsic
def _publish(typingctx: Any, array: Any, i: Any, value: Any) -> Any:
    """array[i] = value, seen by other threads after all that was written before."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(context.make_array(array)(context, builder, args[0]).data, [args[1]])
        builder.store_atomic(args[2], place, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), codegen


@intrinsic
def _published(typingctx: Any, array: Any, i: Any) -> Any:
    """array[i], and with it all that was written before it was published."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(context.make_array(array)(context, builder, args[0]).data, [args[1]])
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(array, types.int64), codegen


@numba.njit(cache=True, nogil=True)
def _wait(done, number, steps):  # type: ignore[no-untyped-def]
    """Wait until a sender has listed so many steps; return whether it will never come to that."""
    tries = 0
    while _published(done, number) < steps:
        if _published(done, done.size - 1):
            return True
        tries += 1
        if tries > PATIENCE:  # the other thread may have no processor: let it have this one
            _give_way()
    return False


@numba.njit(cache=True, nogil=True)
def _book(books, b, t, cuts, alike, who, value, begin, end, values):  # type: ignore[no-untyped-def]
    """Record what a sender sent in step t of sample b, and count what it causes.

    cuts, alike: as in `Sender`. values: 0, what was sent are numbers of packets; 1, numbers in one
    packet each; 2, the same, recorded as packets.
    """
    counts, raster, shown, seg_start, seg_core, syn_start, core_of, sends, hops, links = books
    now, first = counts[b, t], cuts[0]
    if begin < end and shown[first] >= 0:  # a population is recorded as a whole
        row = raster[b, t, shown[first] :]
        for k in range(begin, end):
            row[who[k]] = value[k] if values < 2 else 1
    k = begin
    for c in range(cuts.size - 1):
        n, last = 0, cuts[c + 1] - first
        while k < end and who[k] < last:  # what differs between the neurons of a core
            packets = 1 if values else int(value[k])
            n += packets
            g = first + who[k]
            k += 1
            if alike < 1:
                now[1, core_of[g]] += packets * sends[g]
                now[4, core_of[g]] += packets * hops[g]
                now[5, core_of[g]] += packets * links[g]
                for s in range(seg_start[g], seg_start[g + 1]):
                    now[2, seg_core[s]] += packets
            if alike < 2:
                for s in range(seg_start[g], seg_start[g + 1]):
                    now[3, seg_core[s]] += packets * (syn_start[s + 1] - syn_start[s])
        if n:  # what does not
            g = cuts[c]
            now[0, core_of[g]] += n
            if alike >= 1:
                now[1, core_of[g]] += n * sends[g]
                now[4, core_of[g]] += n * hops[g]
                now[5, core_of[g]] += n * links[g]
                for s in range(seg_start[g], seg_start[g + 1]):
                    now[2, seg_core[s]] += n
                    if alike == 2:
                        now[3, seg_core[s]] += n * (syn_start[s + 1] - syn_start[s])


@numba.njit(cache=True, nogil=True)
def _list(sent, who, value, end):  # type: ignore[no-untyped-def]
    """Append to a list all that is not zero; return its new end. One place more may be written to.

    Without branches: which neurons send is what a processor cannot foresee.
    """
    k = np.uint64(end)
    for i in range(sent.size):
        who[k] = i
        k += np.uint64(sent[i] != 0)
    for m in range(np.uint64(end), k):
        value[m] = sent[who[m]]
    return np.int64(k)


@numba.njit(cache=True, nogil=True)
def _inject(x, values, lists, number, cuts, alike, books):  # type: ignore[no-untyped-def]
    """List the inputs x (batch, time, n). values: as for `_book`."""
    who, value, at, done = lists
    steps = at.shape[2] - 1
    for b in range(x.shape[0]):
        for t in range(steps):
            begin = end = at[b, number, t]
            if t < x.shape[1]:
                end = _list(x[b, t], who[b], value[b], begin)
            _book(books, b, t, cuts, alike, who[b], value[b], begin, end, values)
            at[b, number, t + 1] = end
            _publish(done, number, b * steps + t + 1)


def _adder(scaled: bool) -> Any:
    """A loop that adds rows of a strip to its sums, which stay in registers meanwhile."""

    @intrinsic
    def add(typingctx: Any, x: Any, strip: Any, who: Any, value: Any, n: Any) -> Any:
        """Add n rows of `strip` (rows, lanes), from whose on `who` counts, to x; by address."""
        kind = strip.dtype

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            item = context.get_value_type(kind)
            lanes = STRIP_BYTES // (kind.bitwidth // 8)
            many, word = ir.VectorType(item, lanes), ir.IntType(64)
            real = isinstance(kind, types.Float)
            plus, times = (builder.fadd, builder.fmul) if real else (builder.add, builder.mul)
            rows = context.make_array(strip)(context, builder, args[1]).data
            rows = builder.bitcast(rows, many.as_pointer())
            sums = builder.inttoptr(args[0], many.as_pointer())
            listed = builder.inttoptr(args[2], ir.IntType(32).as_pointer())
            values = builder.inttoptr(args[3], item.as_pointer())
            total = cgutils.alloca_once_value(builder, builder.load(sums, align=4))
            with cgutils.for_range(builder, args[4]) as loop:
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

        return types.void(types.int64, strip, types.int64, types.int64, types.int64), codegen

    return add


_add = _adder(False)
_add_times = _adder(True)


@numba.njit(cache=True, nogil=True)
def _add_bounded(x, strip, who, value, low, high):  # type: ignore[no-untyped-def]
    """The same where sums saturate with every packet."""
    for m in range(who.size):
        p, v = strip[who[m]], int(value[m])
        for j in range(x.size):
            x[j] = min(max(int(x[j]) + int(p[j]) * v, low), high)


@numba.njit(cache=True, nogil=True)
def _all_one(value, begin, end):  # type: ignore[no-untyped-def]
    others = 0
    for k in range(begin, end):
        others += value[k] != 1
    return others == 0


@numba.njit(cache=True, nogil=True)
def _gather(sums, b, begin, end, lists, senders, dense, lag, bounds):  # type: ignore[no-untyped-def]
    """Add up what arrives in steps begin .. end, strip by strip; sums: (steps, columns).

    Returns whether a sender has failed.
    """
    who, value, at, done = lists
    lanes = dense.shape[2]
    early = max(begin - lag, 0)
    single = np.zeros(senders.shape[0], np.bool_)  # nothing but single packets
    for e in range(senders.shape[0]):
        f = senders[e, 0]
        if _wait(done, f, b * (at.shape[2] - 1) + end - lag):
            return True
        single[e] = _all_one(value[b], at[b, f, early], at[b, f, max(end - lag, 0)])
    for s in range(dense.shape[0]):
        for t in range(max(begin, lag), end):
            x = sums[t - begin, s * lanes : s * lanes + lanes]
            for e in range(senders.shape[0]):
                f, base = senders[e]
                i, j = at[b, f, t - lag], at[b, f, t - lag + 1]
                strip, w, v = dense[s, base:], who[b, i:j], value[b, i:j]
                if bounds[0] < bounds[1]:
                    _add_bounded(x, strip, w, v, bounds[0], bounds[1])
                elif single[e]:
                    _add(x.ctypes.data, strip, w.ctypes.data, v.ctypes.data, j - i)
                else:
                    _add_times(x.ctypes.data, strip, w.ctypes.data, v.ctypes.data, j - i)
    return False


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def _arrive(ring, b, t, lists, senders, rows, lag, bounds):  # type: ignore[no-untyped-def]
    """Add what arrives in step t where synapses are listed; return whether a sender has failed."""
    who, value, at, done = lists
    for e in range(senders.shape[0] if t >= lag else 0):
        f, base = senders[e]
        if _wait(done, f, b * (at.shape[2] - 1) + t - lag + 1):
            return True
        i, j = at[b, f, t - lag], at[b, f, t - lag + 1]
        _add_synapses(ring, t, rows, base, who[b], value[b], i, j, bounds[0], bounds[1])
    return False


@numba.njit(cache=True, nogil=True)
def _send(sent, b, t, lists, number, cuts, alike, values, books):  # type: ignore[no-untyped-def]
    """List and book what a layer sends in a step, for the layers behind it."""
    who, value, at, done = lists
    begin = at[b, number, t]
    end = _list(sent, who[b], value[b], begin)
    _book(books, b, t, cuts, alike, who[b], value[b], begin, end, values)
    at[b, number, t + 1] = end
    _publish(done, number, b * (at.shape[2] - 1) + t + 1)


@intrinsic
def _call(typingctx: Any, sweep: Any, state: Any, params: Any, x: Any, sent: Any, n: Any) -> Any:
    """Call a sweep by its address, with the addresses of what it works on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [word.as_pointer()] * 4 + [word])
        given = [builder.inttoptr(a, word.as_pointer()) for a in args[1:5]]
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [*given, args[5]])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), codegen


@numba.njit(cache=True, nogil=True)
def _run(state, kept, n, inputs, sweep, params, sender, hears, lists, bounds, books):  # type: ignore[no-untyped-def]
    """Run a layer over all samples and steps. state, kept: (batch[, steps], bytes) of records."""
    number, cuts, alike, values = sender
    senders, dense, rows, lag, slots, block = hears
    strips, steps = dense.shape[0], lists[2].shape[2] - 1
    width = strips * dense.shape[2] if strips else inputs * n
    ring = np.zeros((block if strips else slots, width), lists[1].dtype)
    sent = np.zeros(n, lists[1].dtype)
    for b in range(state.shape[0]):
        ring[:] = 0
        cells = state[b]
        for t in range(steps):
            if strips and t % block == 0:
                end = min(t + block, steps)
                if _gather(ring, b, t, end, lists, senders, dense, lag, bounds):
                    return
            elif not strips and _arrive(ring, b, t, lists, senders, rows, lag, bounds):
                return
            x = ring[t % block if strips else t & (slots - 1)]
            _call(sweep, cells.ctypes.data, params, x.ctypes.data, sent.ctypes.data, n)
            _send(sent, b, t, lists, number, cuts, alike, values, books)
            if kept.shape[1]:
                kept[b, t] = cells


@cache
def _sweep(name: str, fmt: tuple[int, ...], alike: bool) -> Any:
    """The compiled step of n neurons of one model; it clears their sums.

    alike: one record of parameters for all. It is called by its address, so that there is one
    `_run` for all models.
    """
    model = neurons.model(name)
    step, inputs, take = compile_step(model.step), model.inputs, model.takes.type
    state_type, params_type, drive = (
        types.CPointer(from_dtype(d)) for d in (model.state, model.params, model.drive)
    )

    @numba.cfunc(
        types.void(state_type, params_type, drive, drive, types.int64),
        cache=True, error_model="numpy",
    )  # fmt: skip
    def sweep(state, params, x, sent, n):  # type: ignore[no-untyped-def]
        cells, own = carray(state, n), carray(params, n)
        x, sent = carray(x, inputs * n), carray(sent, n)
        if alike:
            p = _own(own[0])
            for i in range(n):
                j = inputs * i
                sent[i] = step(cells[i], take(x[j]), take(x[j + inputs - 1]), p, fmt)
        else:
            for i in range(n):
                p, j = own[i], inputs * i
                sent[i] = step(cells[i], take(x[j]), take(x[j + inputs - 1]), p, fmt)
        x[:] = 0

    return sweep


class Run:
    """The layers of a program, ready to run groups of samples."""

    def __init__(
        self, program: Program, linked: Linked, layered: Layered, steps: int, shown: NDArray[Any]
    ) -> None:
        self.program, self.linked, self.layered, self.steps = program, linked, layered, steps
        self.shown = shown
        self.bounds = next((s.model.sums for s in layered.layers if s.model.sums), (0, 0))
        # a list may be written to one place beyond its end
        room = np.array([(s.stop - s.start) * steps + 1 for s in layered.senders], np.int64)
        self.offsets, self.room = np.cumsum(room) - room, int(room.sum())
        self.layers = {s.number: s for s in layered.layers}
        self.sweeps = {s.number: _sweep(s.model.name, s.fmt, s.alike) for s in layered.layers}

    def group(self, batch: int, threads: int) -> int:
        """Samples of one call: enough groups for the threads, lists that are not too long."""
        fits = LIST_BYTES // (self.room * (4 + self.linked.drive.itemsize) + 1)
        return max(1, min(fits, LARGEST_GROUP, -(-batch // threads)))

    def __call__(
        self,
        inputs: dict[str, NDArray[Any]],
        counts: NDArray[np.int32],
        raster: NDArray[Any],
        states: dict[str, NDArray[Any]],
        helpers: Helpers,
    ) -> None:
        """Run one group of samples. inputs: as the sources take them, (batch, time, n).

        A helper takes the next layer while the one before it is still at work, a few steps behind.
        """
        batch, linked, senders = counts.shape[0], self.linked, self.layered.senders
        at = np.empty((batch, len(senders), self.steps + 1), np.int64)
        at[:, :, 0] = self.offsets
        done = np.zeros(len(senders) + 1, np.int64)  # steps listed, and whether one has failed
        lists = (
            np.empty((batch, self.room), np.uint32),
            np.empty((batch, self.room), linked.drive),
            at,
            done,
        )
        books = (
            counts, raster, self.shown, linked.seg_start, linked.seg_core, linked.syn_start,
            linked.core_of, linked.sends, linked.hops, linked.links,
        )  # fmt: skip
        helpers = helpers if self.layered.one_feeds_one else ALONE
        block = self.steps if helpers.threads == 1 else BLOCK
        todo = iter(range(len(senders)))

        def work() -> None:
            try:
                for i in todo:
                    if senders[i].source:
                        self._source(i, inputs, lists, books)
                    else:
                        self._layer(i, block, lists, books, states)
            except BaseException:
                done[-1] = 1
                raise

        helpers.join(work)

    def _source(
        self,
        number: int,
        inputs: dict[str, NDArray[Any]],
        lists: tuple[NDArray[Any], ...],
        books: tuple[NDArray[Any], ...],
    ) -> None:
        sender = self.layered.senders[number]
        x = inputs[sender.population]
        numbers = self.program.population(sender.population).sends == "values"
        values = 1 if numbers else 2 if x.dtype.kind == "f" else 0
        _inject(x, values, lists, number, sender.cuts, sender.alike, books)

    def _layer(
        self,
        number: int,
        block: int,
        lists: tuple[NDArray[Any], ...],
        books: tuple[NDArray[Any], ...],
        states: dict[str, NDArray[Any]],
    ) -> None:
        layer, sender = self.layers[number], self.layered.senders[number]
        model, n = layer.model, sender.stop - sender.start
        live = np.repeat(layer.state[None], lists[0].shape[0], axis=0).view(np.uint8)
        kept = states.get(sender.population, layer.state[None, None][:, :0]).view(np.uint8)
        rows = (layer.start, layer.column, layer.weight, layer.delay)
        values = 0 if model.sends == "spikes" else 1
        _run(
            live, kept, n, model.inputs, self.sweeps[number].address, layer.params.ctypes.data,
            (number, sender.cuts, sender.alike, values),
            (layer.senders, layer.dense, rows, layer.lag, layer.slots, block),
            lists, self.bounds, books,
        )  # fmt: skip
