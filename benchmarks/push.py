"""A push beside what the memory of this machine allows: python -m benchmarks.push [--scale 1]

What a spike brings is added to sums: rows of packed synapses are streamed from memory, and each
adds to a sum in the cache. The bound is a loop in C, compiled for this processor, that does that
and nothing else with the smallest words there are, 3 bytes: rows of 1,000 synapses in order of
their target, 60,000 sums, rows to come asked for while one is added. Ours is the engine's own
gathering and adding on the full microcircuit, with its delays: more, shorter rows, and words of 4
bytes. Both on one thread, in turns, with random senders; processor time for each synaptic event.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import carray
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.figure import Figure, skipped, table
from benchmarks.mossy_peer import built
from benchmarks.recurrent_networks import microcircuit
from benchmarks.run import vars_of
from mossy.chips import chip
from mossy.twin.engines import wide as engine
from mossy.twin.layout.gate import at
from mossy.twin.layout.wide import Wide, wide

TARGET = 1.3  # times the bound
SENDERS, EACH, SUMS = 300_000, 1000, 60_000  # 0.9 GB of words, far more than a cache holds
SPIKES = 20_000  # pushed at a time
PER_STEP = 25  # spikes of the whole microcircuit in a step of 0.1 ms
SOURCE = r"""
#include <stdint.h>
#define LINES 64
void push(int32_t *sums, const uint16_t *to, const int8_t *w, const int64_t *who, int64_t n,
          int64_t each, int64_t ahead) {
    for (int64_t i = 0; i < n; i++) {
        const uint16_t *t = to + who[i] * each;
        const int8_t *v = w + who[i] * each;
        const int64_t next = who[i + ahead < n ? i + ahead : i] * each;
        const uint16_t *a = to + next;
        const int8_t *b = w + next;
        int64_t k = 0;
        for (; k + LINES <= each; k += LINES) {
            if (ahead) {
                __builtin_prefetch(a + k, 0, 2);
                __builtin_prefetch(a + k + 32, 0, 2);
                __builtin_prefetch(b + k, 0, 2);
            }
            for (int64_t j = k; j < k + LINES; j++) sums[t[j]] += v[j];
        }
        for (; k < each; k++) sums[t[k]] += v[k];
    }
}
"""
AHEAD = (0, 1, 2)  # rows; the quickest is the bound


def bound() -> Callable[[], float] | None:
    """Return what pushes SPIKES rows and says the ns of an event; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "push.c", Path(folder) / "push.so"
        source.write_text(SOURCE, "utf-8")
        options = ["-O3", "-march=native", "-funroll-loops", "-shared", "-fPIC"]
        subprocess.run([compiler, *options, str(source), "-o", str(made)], check=True)
        push = ctypes.CDLL(str(made)).push
    rng = np.random.default_rng(1)
    to = np.empty((SENDERS, EACH), np.uint16)
    for row in range(0, SENDERS, 1000):
        to[row : row + 1000] = np.sort(rng.integers(0, SUMS, (1000, EACH)), axis=1)
    weight, sums = np.ones((SENDERS, EACH), np.int8), np.zeros(SUMS, np.int32)

    def pushed() -> float:
        found = []
        for ahead in AHEAD:
            who = rng.integers(0, SENDERS, SPIKES)
            arrays = (ctypes.c_void_p(a.ctypes.data) for a in (sums, to, weight, who))
            begin = time.process_time()
            push(*arrays, *(ctypes.c_int64(n) for n in (SPIKES, EACH, ahead)))
            found.append((time.process_time() - begin) / (SPIKES * EACH) * 1e9)
        return min(found)

    return pushed


@numba.njit
def _steps(
    blocks: Any, form: Any, who: Any, runs: Any, start_like: Any, words_like: Any, sums_like: Any
) -> Any:
    """Push the spikes of each step into every block, a group after the other; return the events."""
    width, groups, room, planes, bits = form
    events, mask = 0, np.uint64((1 << bits) - 1)
    for b in range(len(blocks)):
        start = carray(at(blocks[b, 0], start_like), (1 << 62,))
        words = at(blocks[b, 1], words_like)
        sums = carray(at(blocks[b, 2], sums_like), (1 << bits,))
        for t in range(len(who)):
            m = 0
            for g in range(groups):
                m = engine._gather(start, who[t], who.shape[1], groups, g, runs, m)
            engine._push(words, sums, runs, m, (t % width) * planes * room, mask, bits)
            for r in range(m):
                events += runs[r, 1] - runs[r, 0]
    return events


def ours(scale: float) -> tuple[Wide, Callable[[], float]]:
    """Return the microcircuit laid out, and what pushes SPIKES rows of it, as `bound` does."""
    laid = wide(built(microcircuit(scale, "dc", 1.0)), chip("cpu"), 1)
    shape, first = laid.shape, laid.blocks[0]
    sums = np.zeros((len(laid.blocks), 1 << shape.bits), laid.drive)
    places = np.array(
        [(b.start.ctypes.data, b.words.ctypes.data, s.ctypes.data)
         for b, s in zip(laid.blocks, sums, strict=True)]
    )  # fmt: skip
    form = shape.width, shape.groups, shape.neurons, shape.sums, shape.bits
    runs = np.zeros((PER_STEP * shape.groups + 1, 2), np.int64)
    word: NDArray[Any] = np.zeros(1, np.int32 if first.words.itemsize == 4 else np.int64)
    rng = np.random.default_rng(2)

    def pushed() -> float:
        who = rng.integers(0, laid.core_of.size, (SPIKES // PER_STEP, PER_STEP)).astype(np.int32)
        begin = time.process_time()
        events = _steps(places, form, who, runs, first.start[:1], word, sums[0, :1])
        return (time.process_time() - begin) / events * 1e9

    return laid, pushed


def figures(scale: float, rounds: int) -> list[Figure]:
    """Measure both, in turns; a figure is the best of all rounds."""
    name, limit = "ns per synaptic event", bound()
    laid, own = ours(scale)
    own()  # compiles
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(own())
        theirs += [limit()] if limit else []
    remark = f"{laid.synapses:,} synapses in {len(laid.blocks)} blocks of targets"
    found = [Figure("push", min(mine), name, remark=remark)]
    if not theirs:
        return [*found, skipped("push / bound", "x", "no C compiler")]
    remark = f"{SENDERS * EACH:,} synapses of 3 bytes, {SUMS} targets, C"
    return [
        *found,
        Figure("bound of a push", min(theirs), name, remark=remark),
        Figure("push / bound", min(mine) / min(theirs), "x", TARGET, at_least=False),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.push", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the microcircuit")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    about = machine.describe(1) | {"command": "python -m benchmarks.push"}
    found = figures(given.scale, given.rounds)
    if given.json:
        print(json.dumps({"machine": about, "figures": [vars_of(f) for f in found]}, indent=2))
        return
    for key, value in about.items():
        print(f"{key}: {value}")
    print("\n" + table(found))


if __name__ == "__main__":
    main()
