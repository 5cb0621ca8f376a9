"""What must hold of every run, on every engine: the same spikes, states and counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mossy.chips import Chip
from mossy.testing.checks import expect
from mossy.testing.programs import Compiled, accepted
from mossy.twin import Result

ENGINES = ("fast", "reference")  # the others refuse some programs; tests of their own compare them


def check_engines_agree(chip: Chip) -> None:
    """Both engines give the same outputs, spikes, states and counts, to the last bit."""
    for done in accepted(chip):
        first, *others = (_run(done, done.case.x, engine=e) for e in ENGINES)
        for other in others:
            _same(done, first, other, f"{first.engine} and {other.engine} differ in")


def check_runs_repeat(chip: Chip) -> None:
    """A second run gives the same numbers: nothing is kept from the first."""
    for done in accepted(chip):
        _same(done, _run(done, done.case.x), _run(done, done.case.x), "the second run differs in")


def check_samples_do_not_meet(chip: Chip) -> None:
    """A sample's outputs do not depend on the batch it is in, nor on the number of threads."""
    for done in accepted(chip):
        whole = _run(done, done.case.x, threads=1)
        spread = _run(done, done.case.x, threads=2)
        _same(done, whole, spread, "two threads give other")
        alone = _run(done, done.case.x[1:2], threads=1)
        for name, out in whole.outputs.items():
            equal = np.array_equal(out[1:2], alone.outputs[name])
            expect(equal, f"{_place(done)}: output {name} of a sample alone differs")
        for name in whole.counts.names:
            equal = np.array_equal(whole.counts[name][1:2], alone.counts[name])
            expect(equal, f"{_place(done)}: count {name} of a sample alone differs")


def check_cuts_change_nothing(chip: Chip) -> None:
    """The same network cut into smaller cores spikes the same."""
    runs: dict[str, Result] = {}
    for done in accepted(chip):
        result = _run(done, done.case.x)
        whole = runs.setdefault(done.case.name, result)
        own = set(done.case.network.nodes)  # what a chip puts in may depend on the cuts
        for kind in ("outputs", "spikes", "states"):
            a, b = (
                {k: v for k, v in getattr(r, kind).items() if k in own} for r in (whole, result)
            )
            _equal(done, a, b, f"cut up, it gives other {kind}")


def check_counts_add_up(chip: Chip) -> None:
    """Counts agree with what can be counted by hand on the recorded spikes."""
    for done in accepted(chip):
        result = _run(done, done.case.x)
        counts, program = result.counts, done.program
        for name in counts.names:
            expect(counts[name].min() >= 0, f"{_place(done)}: {name} is negative")
        for population in program.populations:
            shown = result.spikes[population.name]
            values = population.sends == "values"
            seen = int((shown != 0).sum() if values else shown.astype(np.int64).sum())
            counted = int(counts.per_core("spikes")[list(population.cores)].sum())
            what = f"{_place(done)}: {population.name} shows {seen} spikes, {counted} are counted"
            expect(seen == counted, what)
        sent, got = (int(counts.per_core(k).sum()) for k in ("packets_out", "packets_in"))
        expect(got >= sent, f"{_place(done)}: {sent} packets went out, only {got} arrived")


def check_silence_stays_silent(chip: Chip) -> None:
    """Without input and bias nothing spikes and nothing is sent, but neurons are still updated."""
    for done in (d for d in accepted(chip) if d.case.name == "dense"):
        result = _run(done, np.zeros_like(done.case.x))
        for name in ("spikes", "packets_out", "packets_in", "synaptic_events"):
            total = int(result.counts.per_core(name).sum())
            expect(total == 0, f"{_place(done)}: silence has {total} {name}")
        expect(result.counts.mean("neuron_updates") > 0, f"{_place(done)}: no updates")


def _run(done: Compiled, x: NDArray[np.uint8], **options: object) -> Result:
    result: Result = done.program.run(x, record=("*",), states=("*",), **options)
    return result


def _place(done: Compiled) -> str:
    return f"{done.case.name} on {done.program.chip}, {len(done.program.cores)} cores"


def _same(done: Compiled, a: Result, b: Result, what: str) -> None:
    for kind in ("outputs", "spikes", "states"):
        _equal(done, getattr(a, kind), getattr(b, kind), f"{what} {kind}")
    _equal(
        done,
        {k: a.counts[k] for k in a.counts.names},
        {k: b.counts[k] for k in b.counts.names},
        f"{what} counts",
    )


def _equal(
    done: Compiled, a: dict[str, NDArray[np.generic]], b: dict[str, NDArray[np.generic]], what: str
) -> None:
    expect(list(a) == list(b), f"{_place(done)}: {what}: {list(a)} and {list(b)}")
    for name in a:
        expect(np.array_equal(a[name], b[name]), f"{_place(done)}: {what}: {name}")
