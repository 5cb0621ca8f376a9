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
from mossy.twin.engines.adding import add, add_bounded, add_times
from mossy.twin.engines.arrivals import arrive, heard, publish
from mossy.twin.engines.booking import book
from mossy.twin.engines.helpers import Helpers
from mossy.twin.engines.listing import list_sent
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
def _inject(x, values, lists, number, cores, books):  # type: ignore[no-untyped-def]
    """List the inputs x (batch, time, n). values: as for `_book`."""
    who, value, at, done = lists
    steps = at.shape[2] - 1
    for b in range(x.shape[0]):
        for t in range(steps):
            end = at[b, number, t]
            if t < x.shape[1]:
                end = list_sent(x[b, t], 0, x.shape[2], who[b], value[b], end, 0)
            at[b, number, t + 1] = end
            publish(done, number, b * steps + t + 1)
        book(books, b, lists, number, cores, values)


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
    number, cores, values = sender
    senders, rows, lag, slots = hears
    who, value, at, done = lists
    steps = at.shape[2] - 1
    ring = np.zeros((slots, inputs * n), value.dtype)
    sent = np.zeros(n, value.dtype)
    # by address: slices are counted, and a step is short
    sums, row, out = ring.ctypes.data, inputs * n * ring.itemsize, sent.ctypes.data
    for b in range(state.shape[0]):
        ring[:] = 0
        cells, own, mine, sizes = state[b], at[b, number], who[b], value[b]
        for t in range(steps):
            if arrive(ring, b, t, lists, senders, rows, lag, bounds):
                return
            _call(sweep, cells.ctypes.data, params[0], sums + row * (t & (slots - 1)), out, n)
            own[t + 1] = list_sent(sent, 0, n, mine, sizes, own[t], 0)
            publish(done, number, b * steps + t + 1)
            if kept.shape[1]:
                kept[b, t] = cells
        book(books, b, lists, number, cores, values)


@jit
def _run_strips(state, kept, n, inputs, sweep, params, sender, hears, lists, bounds, books):  # type: ignore[no-untyped-def]
    """The same where rows are kept whole: a strip of neurons over a block of steps, then the next.

    Its synapses and registers stay in the core's own cache meanwhile. params: address, and bytes
    from neuron to neuron.
    """
    number, cores, values = sender
    senders, dense, lag, block = hears
    who, value, at, done = lists
    steps, strips, each = at.shape[2] - 1, dense.shape[0], dense.shape[2] // inputs
    sums = np.zeros(dense.shape[2], value.dtype)
    sent = np.zeros(strips * block * each, value.dtype)
    size, item = state.shape[1] // n, value.itemsize  # bytes
    # by address: slices are counted, and a step of a strip is short
    x, out, columns = sums.ctypes.data, sent.ctypes.data, dense.ctypes.data
    row = dense.shape[2] * dense.itemsize
    for b in range(state.shape[0]):
        cells, own, mine, sizes = state[b], at[b, number], who[b], value[b]
        registers, w, v = cells.ctypes.data, mine.ctypes.data, sizes.ctypes.data
        for begin in range(0, steps, block):
            end = min(begin + block, steps)
            single = heard(b, begin, end, lists, senders, lag)
            if single < 0:
                return
            for s in range(strips):
                lo, hi = s * each, min(s * each + each, n)
                for t in range(begin, end):
                    if bounds[0] < bounds[1] and t >= lag:
                        add_bounded(sums, s, t - lag, b, lists, senders, dense, *bounds)
                    elif t >= lag:
                        for e in range(senders.shape[0]):
                            first = columns + (s * dense.shape[1] + senders[e, 1]) * row
                            i = at[b, senders[e, 0], t - lag]
                            m = at[b, senders[e, 0], t - lag + 1] - i
                            if single:
                                add(x, sums, dense, first, w + 4 * i, v + item * i, m)
                            else:
                                add_times(x, sums, dense, first, w + 4 * i, v + item * i, m)
                    to = out + item * each * (s * block + t - begin)
                    _call(sweep, registers + size * lo, params[0] + params[1] * lo, x, to, hi - lo)
                    if kept.shape[1]:
                        kept[b, t, size * lo : size * hi] = cells[size * lo : size * hi]
            for t in range(begin, end):
                k = own[t]
                for s in range(strips):
                    lo = s * each
                    place, m = each * (s * block + t - begin), min(each, n - lo)
                    k = list_sent(sent, place, m, mine, sizes, k, lo)
                own[t + 1] = k
                publish(done, number, b * steps + t + 1)
        book(books, b, lists, number, cores, values)


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
        room = np.array([(s.stop - s.start) * steps for s in layered.senders], np.int64)
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
                own, raster, self.shown, linked.seg_start, linked.seg_core, self.layered.synapses,
                linked.core_of, linked.sends, linked.hops, linked.links,
                np.zeros(self.layered.most, np.int32),
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
        _inject(np.ascontiguousarray(x), values, lists, number, sender.cores, books)

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
        params = layer.params.ctypes.data, 0 if layer.alike else layer.params.itemsize
        common = live, kept, n, model.inputs, self.sweeps[number].address, params
        who = number, sender.cores, values
        if len(layer.dense):
            strips = layer.senders, layer.dense, layer.lag, block
            _run_strips(*common, who, strips, lists, self.bounds, books)
        else:
            listed = layer.senders, rows, layer.lag, layer.slots
            _run(*common, who, listed, lists, self.bounds, books)
