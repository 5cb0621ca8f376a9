"""Time: from counts to seconds, by the chip's own way of keeping step.

tick       a timer fires every `tick` seconds; a core works sum_k count_k x cycles_k at the clock of
           its level (levels.py); one that needs longer than a tick overruns, and is reported. Rows
           from memory that a chip's cores share come no faster than its rate (traffic/dram.py)
cycles     one core works through everything: a step takes sum_k count_k x cycles_k over all counts,
           and has the network's own time step, or `tick` seconds, for it; overruns as above
barrier    the next step begins when the slowest core is done: max over cores of
           sum_k count_k x seconds_k, plus the barrier's own time for the tiles in use
measured   wall-clock time of the run itself
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.facts import Fact
from mossy.program.artefact import Program
from mossy.twin.bill import levels
from mossy.twin.bill.late import skipped
from mossy.twin.bill.levels import Share
from mossy.twin.counts import Counts
from mossy.twin.remembered import remembered
from mossy.twin.traffic.dram import fetched
from mossy.twin.traffic.packets import Network
from mossy.units import Quantity


@dataclass(frozen=True)
class Overrun:
    """A core that needed longer than its tick. worst: seconds over; steps: how often in all.

    behind: seconds by which it is behind its timer at most. Nobody waits for it: what one step
    takes too long makes the next one late, until shorter ones make up for it. skipped: synaptic
    events that its late packets would miss, an estimate (late.py), None where no packet tells.
    """

    core: int
    population: str
    worst: float
    steps: int
    behind: float
    skipped: float | None = None


@dataclass(frozen=True, eq=False)
class Timing:
    """Time of a run.

    latency: of one inference, from its first step to its last. busy: (cores,) seconds of work, all
    samples. worst_step: the longest step of the run in seconds, of a core or of a chip's shared
    memory, None where no cycles are known. overruns: of cores, worst first.
    """

    kind: str
    latency: Quantity
    latency_per_sample: NDArray[np.float64]
    busy: NDArray[np.float64]
    worst_step: Quantity | None
    overruns: tuple[Overrun, ...]


def costs(program: Program, chip: Chip, row: dict[str, str]) -> list[tuple[Fact, Any]]:
    """Return what one line of work costs, and on which cores: neuron models may have their own.

    Cores are an index: a list, or a slice of them all.
    """
    own = _by_model(program)
    fact = {m: chip.facts.of_model(row["fact"], m) for m in own}
    each = {f.name: f for f in fact.values()}
    if len(each) == 1:
        return [(f, slice(None)) for f in each.values()]
    cores: dict[str, list[int]] = {name: [] for name in sorted(each)}
    for m, numbers in own.items():
        cores[fact[m].name] += numbers
    return [(each[name], sorted(here)) for name, here in cores.items()]


@remembered
def _by_model(program: Program) -> dict[str, list[int]]:
    """The numbers of the cores of each neuron model."""
    found: dict[str, list[int]] = {}
    for c in program.cores:
        found.setdefault(c.model, []).append(c.number)
    return found


def work(
    program: Program,
    counts: Counts,
    chip: Chip,
    which: str,
    lines: Sequence[dict[str, str]] | None = None,
) -> NDArray[np.float64]:
    """Return cycles or seconds (barrier) per sample, step and core, at a bound of the facts.

    which: "value", "low" or "high". lines: of the chip's work, all of them where None.
    """
    total = np.zeros(counts.shape)
    for row in chip.spec["timing"]["work"] if lines is None else lines:
        happened = counts.alive if row["count"] == "steps" else counts[row["count"]]
        for fact, cores in costs(program, chip, row):
            total[..., cores] += getattr(fact.quantity(), which) * happened[..., cores]
    return total


def time(
    program: Program,
    counts: Counts,
    chip: Chip,
    elapsed: Quantity,
    shares: tuple[Share, ...] | None = None,
) -> Timing:
    """Return the time of a run. elapsed: measured seconds per inference, for measured platforms.

    shares: the levels of cores and steps, the chip's own where not given.
    """
    kind = chip.spec["timing"]["kind"]
    if kind == "measured":
        each = np.full(counts.shape[0], elapsed.value)
        return Timing(kind, elapsed, each, np.array([each.sum()]), elapsed, ())
    if kind == "barrier":
        return _barrier(program, counts, chip)
    shares = shares or levels.shares(program, counts, chip)
    return _ticking(kind, program, counts, chip, shares)


def _ticking(
    kind: str, program: Program, counts: Counts, chip: Chip, shares: tuple[Share, ...]
) -> Timing:
    tick = program.tick
    assert tick is not None
    value, low, high = (at_work(program, counts, chip, shares, w) for w in ("value", "low", "high"))
    batch, steps, _ = counts.shape
    overruns = []
    longest = value.max(axis=(0, 1))
    for c in (c for c in program.cores if longest[c.number] > tick):
        over = value[:, :, c.number] - tick
        worst, often, late = float(over.max()), int((over > 0).sum()), behind(over)
        missed = skipped(program, chip, c, late, counts["spikes"][:, :, c.number])
        overruns.append(Overrun(c.number, c.population, worst, often, float(late.max()), missed))
    return Timing(
        kind,
        Quantity.exact(steps * tick, "s"),
        np.full(batch, steps * tick),
        value.sum(axis=(0, 1)),
        _longest(program, counts, chip, [float(bound.max()) for bound in (value, low, high)]),
        tuple(sorted(overruns, key=lambda o: -o.worst)),
    )


def _longest(program: Program, counts: Counts, chip: Chip, cores: list[float]) -> Quantity | None:
    """Return the longest step: that of the slowest core, or of rows that come later than that."""
    if not _known(chip):
        return None
    rows = fetched(program, counts, chip)
    own = [0.0, 0.0, 0.0]
    if rows is not None and rows.seconds is not None:
        own = [rows.seconds.value, rows.seconds.low, rows.seconds.high]
    value, low, high = map(max, cores, own)
    return Quantity(value, "s", low, high)


def behind(over: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how late a core is after each step: max(0, late before + over). over: (batch, steps).

    over: seconds of work beyond the tick. By Lindley's recursion (Proc. Camb. Phil. Soc. 48, 1952).
    """
    total = over.cumsum(axis=1)
    least: NDArray[np.float64] = np.minimum.accumulate(np.minimum(total, 0.0), axis=1)
    return total - least


def busy(program: Program, counts: Counts, share: Share, which: str) -> NDArray[np.float64]:
    """Return seconds of work at one level: (batch, steps, cores), at a bound of the facts."""
    clock = float(share.chip.facts[share.chip.spec["timing"]["clock"]])
    switch = getattr(share.switch, which) * ~share.home
    seconds = work(program, counts, share.chip, which) / clock + switch
    found: NDArray[np.float64] = seconds * share.where
    return found


def at_work(
    program: Program, counts: Counts, chip: Chip, shares: tuple[Share, ...], which: str
) -> NDArray[np.float64]:
    """Return seconds of work per sample, step and core; where one core does it all, on the first.

    which: "value", "low" or "high".
    """
    timing: dict[str, Any] = chip.spec["timing"]
    if not _known(chip):
        return np.zeros(counts.shape)
    if timing["kind"] == "tick":
        each = [busy(program, counts, s, which) for s in shares]
        seconds: NDArray[np.float64] = np.sum(each, axis=0)
        return seconds
    clock = float(chip.facts[timing["clock"]])
    whole = np.zeros(counts.shape)
    first = next(c.number for c in program.cores if c.place is not None)
    if hasattr(chip.rules, "cycles"):
        whole[:, :, first] = chip.rules.cycles(program, counts, chip.facts) / clock
    else:
        whole[:, :, first] = work(program, counts, chip, which).sum(axis=2) / clock
    return whole


def _known(chip: Chip) -> bool:
    """Whether the cycles of a step are known at all."""
    return bool(chip.spec["timing"]["work"]) or hasattr(chip.rules, "cycles")


def _barrier(program: Program, counts: Counts, chip: Chip) -> Timing:
    on_chip = [c.number for c in program.cores if c.place is not None]
    barrier = _barrier_time(len(on_chip), chip)
    ranging = any(
        fact.quantity().low < fact.quantity().high
        for row in chip.spec["timing"]["work"]
        for fact, _ in costs(program, chip, row)
    )
    value, *bounds = (
        work(program, counts, chip, which)
        for which in (("value", "low", "high") if ranging else ("value",))
    )
    found = []
    for cost in (value, *bounds):
        step = cost[:, :, on_chip].max(axis=2) + barrier
        found.append((float(step.sum(axis=1).mean()), float(step.max()), step.sum(axis=1)))
    (mean, worst, each), low, high = found if ranging else 3 * found
    return Timing(
        "barrier",
        Quantity(mean, "s", low[0], high[0]),
        each,
        value.sum(axis=(0, 1)),
        Quantity(worst, "s", low[1], high[1]),
        (),
    )


def _barrier_time(cores: int, chip: Chip) -> float:
    timing: dict[str, Any] = chip.spec["timing"]
    tiles = -(-cores // timing["cores_per_tile"])
    known = [float(r["tiles"]) for r in timing["barrier"]]
    seconds = [float(chip.facts[r["fact"]]) for r in timing["barrier"]]
    return float(np.interp(tiles, known, seconds))


def event_latencies(program: Program, chip: Chip) -> dict[str, Quantity]:
    """Return output node -> seconds from an input event to the output event that it sets off.

    The layers passed, each at the chip's time per layer; low and high take the shortest and the
    longest path. Waiting behind other events is not in it: no throughput limit is known. Chips that
    work in steps have none.
    """
    if "layer" not in chip.spec["timing"]:
        return {}
    each = chip.facts[chip.spec["timing"]["layer"]].quantity()
    network = Network(program, chip)
    shortest = {c.number: 0 for c in program.cores if c.role == "source"}
    longest = dict(shortest)
    for c in program.cores:  # layers stand in order
        for target in network.journey(c, 0).cores if c.number in longest else ():
            least = shortest.get(target, len(program.cores)), shortest[c.number] + 1
            shortest[target] = min(least)
            longest[target] = max(longest.get(target, 0), longest[c.number] + 1)
    found = {}
    for node, name in program.outputs.items():
        here = [c for c in program.population(name).cores if c in longest]
        if here:
            low, high = min(shortest[c] for c in here), max(longest[c] for c in here)
            found[node] = Quantity(high * each.value, "s", low * each.low, high * each.high)
    return found
