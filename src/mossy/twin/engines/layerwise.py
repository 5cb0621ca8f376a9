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
from mossy.synapses.chance import jit
from mossy.twin.engines.arrivals import arrive, gather, publish
from mossy.twin.engines.helpers import Helpers
from mossy.twin.layout.layers import Layered
from mossy.twin.layout.link import Linked

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


@jit
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


@jit
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


@jit
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
            publish(done, number, b * steps + t + 1)


@jit
def _send(sent, b, t, lists, number, cuts, alike, values, books):  # type: ignore[no-untyped-def]
    """List and book what a layer sends in a step, for the layers behind it."""
    who, value, at, done = lists
    begin = at[b, number, t]
    end = _list(sent, who[b], value[b], begin)
    _book(books, b, t, cuts, alike, who[b], value[b], begin, end, values)
    at[b, number, t + 1] = end
    publish(done, number, b * (at.shape[2] - 1) + t + 1)


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


@jit
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
                if gather(ring, b, t, end, lists, senders, dense, lag, bounds):
                    return
            elif not strips and arrive(ring, b, t, lists, senders, rows, lag, bounds):
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

        A helper takes the next layer, or part of one; where layers are not split, while the one
        before it is still at work, a few steps behind.
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
        block = self.steps if helpers.threads == 1 or self.layered.split else BLOCK
        todo, spare = iter(range(len(senders))), iter([counts])
        others: list[NDArray[np.int32]] = []

        def work() -> None:
            own = next(spare, None)  # two threads must not count for one core at a time
            if own is None:
                others.append(own := np.zeros_like(counts))
            books = (
                own, raster, self.shown, linked.seg_start, linked.seg_core, linked.syn_start,
                linked.core_of, linked.sends, linked.hops, linked.links,
            )  # fmt: skip
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
        for own in others:
            counts += own

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
        kept = states.get(sender.population, layer.state[None, None][:, :0])
        kept = kept[:, :, sender.lo : sender.lo + n].view(np.uint8)
        rows = (layer.start, layer.column, layer.weight, layer.delay)
        values = 0 if model.sends == "spikes" else 1
        _run(
            live, kept, n, model.inputs, self.sweeps[number].address, layer.params.ctypes.data,
            (number, sender.cuts, sender.alike, values),
            (layer.senders, layer.dense, rows, layer.lag, layer.slots, block),
            lists, self.bounds, books,
        )  # fmt: skip
