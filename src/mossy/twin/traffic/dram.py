"""Rows that cores fetch from their chip's shared memory: bytes per step, against its rate.

A packet makes every core that it reaches fetch one row of the table entry that takes it, `stride`
bytes whatever the row holds, so a chip's bytes in a step are

    sum over senders of packets x (strides of the entries that take them on the chip's cores)

which is exact, except that what dead parts lose on the way counts as fetched. The rate is that of
[memory] in chip.toml. More than fits a tick changes no spike: it says that rows come too late. A
step then lasts at least bytes / rate, which the longest step of a run is held against (timing.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from mossy.chips.chip import Chip
from mossy.program.artefact import Program
from mossy.program.machine import Spot
from mossy.twin.counts import Counts
from mossy.twin.remembered import remembered
from mossy.units import Quantity

CHUNK = 1 << 22  # sums held at a time


@dataclass(frozen=True)
class Fetched:
    """What the busiest chip fetches in its busiest step, and all of them per inference, in bytes.

    seconds: what the busiest step's take at the rate; use: share of a tick that is; None where the
    rate is not known. over: of the chips that fetch, those whose memory needs longer than a tick in
    some step; over_steps: steps in which they do, of all of them.
    """

    chip: Spot
    sample: int
    step: int
    most: int
    total: float
    seconds: Quantity | None
    use: Quantity | None
    rate: str
    over: int
    over_steps: int


def fetched(program: Program, counts: Counts, chip: Chip) -> Fetched | None:
    """Return what cores fetched, None where no row lies in shared memory."""
    chips, each = _strides(program)
    if not chips:
        return None
    spikes = counts["spikes"]
    batch, steps, _ = spikes.shape
    size = max(1, CHUNK // len(chips))
    most, at, total, over_steps = -1, (0, 0, 0), 0, 0
    rate, name = _rate(chip)
    fits = rate.value * program.tick if rate and program.tick else np.inf
    over = np.zeros(len(chips), bool)
    for b in range(batch):
        for t in range(0, steps, size):
            here = spikes[b, t : t + size].astype(np.int64) @ each
            total += int(here.sum())
            over |= (late := here > fits).any(axis=0)
            over_steps += int(late.sum())
            step, k = (int(i) for i in np.unravel_index(int(here.argmax()), here.shape))
            if here[step, k] > most:
                most, at = int(here[step, k]), (b, t + step, k)
    seconds = Quantity(most / rate.value, "s", most / rate.high, most / rate.low) if rate else None
    use = seconds.times(1 / program.tick, "1") if seconds and program.tick else None
    busiest = chips[at[2]], at[0], at[1], most
    return Fetched(*busiest, total / batch, seconds, use, name, int(over.sum()), over_steps)


@remembered
def _strides(program: Program) -> tuple[list[Spot], sparse.csr_array]:
    """Chips whose cores fetch, and the bytes of a packet there: (cores that send, chips)."""
    sender = {c.key: c.number for c in program.cores}
    column: dict[Spot, int] = {}
    rows, columns, strides = [], [], []
    for c in program.cores:
        for t in (t for t in c.tables if t.stride and c.place is not None):
            assert c.place is not None
            rows.append(sender[t.key])
            columns.append(column.setdefault(c.place[:2], len(column)))
            strides.append(t.stride)
    shape = len(program.cores), len(column)
    return list(column), sparse.csr_array((np.array(strides), (rows, columns)), shape=shape)


def _rate(chip: Chip) -> tuple[Quantity | None, str]:
    name = chip.spec["memory"].get("rate", "")
    fact = chip.facts[name] if name else None
    return (None if fact is None or fact.value is None else fact.quantity()), name


def dram_json(f: Fetched | None) -> dict[str, Any] | None:
    """Return it as plain values."""
    if f is None:
        return None
    given = {k: vars(q) if q else None for k, q in (("seconds", f.seconds), ("use", f.use))}
    return vars(f) | given


def dram_text(f: Fetched | None) -> Iterator[str]:
    """Yield the lines on rows from shared memory; none where all lie in the cores' own."""
    if f is None:
        return
    use = f"{100 * f.use.value:.2g} % of a tick at {f.rate}, " if f.use else ""
    yield (
        f"  shared memory     busiest {use}{f.most:,} B at step {f.step} of input {f.sample}, "
        f"chip ({f.chip[0]},{f.chip[1]})"
    )
    if f.over:
        yield (
            f"    above 100 %: rows come after their tick, in {f.over_steps:,} steps on {f.over:,} "
            f"chips; the busiest needs {f.seconds}; spikes are as if they came in time"
        )
    yield f"    {f.total:,.0f} B of rows per inference"
