"""The twin: run a program as the chip would, count what happens, and say what it cost.

from mossy import twin
result = twin.run(program, x)          # x: (batch, time, *shape)
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.chip import chip as find_chip
from mossy.errors import BadInput
from mossy.program.artefact import PopulationMap, Program
from mossy.twin.bill.meter import Meter
from mossy.twin.counts import Counts
from mossy.twin.engines.trace import Rasters, Recorded, Trace
from mossy.twin.faults import Fault, Stretch, checked, fault, kept, last_steps, parted, silenced
from mossy.twin.inputs import extent, taken
from mossy.twin.result import Later, Result
from mossy.units import Quantity

WIDE = ("wide", "mpi", "cuda")  # engines for large networks
ENGINES = ("fast", *WIDE, "reference")
TIMED_SAMPLES = 4  # samples run one at a time to measure the latency of a measured platform

__all__ = ["ENGINES", "Counts", "Fault", "Result", "fault", "run"]


def run(
    program: Program,
    x: NDArray[Any] | dict[str, NDArray[Any]],
    *,
    steps: int | None = None,
    engine: str = "fast",
    order: str | None = None,
    record: Iterable[str] = (),
    states: Iterable[str] = (),
    threads: int | None = None,
    assume: Mapping[str, float | str] | None = None,
    faults: Iterable[Fault | str] = (),
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Run `program` on a batch of inputs.

    x: (batch, time, *shape) of spikes (bool or whole numbers: how many in the step) or, where the
    platform takes them, float currents or signed values; or one such array per input. steps: how
    many to run where the program has no input (x is then {}). engine: "fast", "reference", "wide",
    where threads share one sample, which "fast" takes by itself for large networks, "mpi", where
    the ranks of an MPI job do (all call this alike and get the same result), or "cuda", where a GPU
    does. record, states: populations whose spikes or registers to keep ("*": all). order: "frame"
    (packets of a step together) or "event" (one packet at a time, depth first), where the chip has
    both; its own if not given. faults: parts that die during the run, for good, as in
    "core 0,0,17 @ 120"; see `mossy.fault`. Raises BadInput E0182-E0191, E0410-E0421.
    """
    chip = find_chip(program.chip).assuming(assume or {})
    if engine not in ENGINES:
        raise BadInput("E0182", "unknown engine", got=repr(engine), allowed=", ".join(ENGINES))
    order = _order(chip, order)
    inputs = taken(program, chip, x)
    batch, time = extent(program, inputs, steps)
    steps = time + program.max_lag
    recorded = _recorded(program, record, states)
    died = checked(program, chip, faults)
    stretches = parted(program, died, steps)
    lives = last_steps(program, stretches)
    inputs = silenced(program, lives, inputs)
    engine = _chosen(program, chip, engine, order, inputs, batch, steps)
    go = _engine(program, chip, engine, order, stretches, recorded, threads)
    with Meter() as meter:
        trace = go(inputs, progress)
    if engine == "mpi":
        from mossy.twin.engines import mpi

        mpi.together(meter)
    kept(program, lives, trace.states)
    warm = engine in WIDE or engine in _loaded.get(program, ())
    elapsed, joules = _measured(chip, go, inputs, meter, warm)
    _loaded.setdefault(program, set()).add(engine)
    return Result(
        program,
        chip,
        _outputs(program, trace, time),
        _shown(trace, _names(program, record)),
        {p: trace.states[p] for p in _names(program, states, neurons=True)},
        Counts.of(program, trace.counts, lives if died else None),
        engine,
        elapsed,
        joules,
        meter.seconds,
        faults=died,
    )


def _shown(trace: Trace, names: tuple[str, ...]) -> Mapping[str, NDArray[Any]]:
    """The rasters asked for; long runs keep lists, and make a raster when it is looked at."""
    if isinstance(trace.spikes, Rasters):
        return trace.spikes.only(names)
    return {p: trace.spikes[p] for p in names}


def _chosen(
    program: Program,
    chip: Chip,
    engine: str,
    order: str,
    inputs: dict[str, NDArray[Any]],
    batch: int,
    steps: int,
) -> str:
    """Return the engine that will run. Raises BadInput E0176, E0177."""
    from mossy.twin.layout import wide

    if batch > 1 and any(c.noise for c in program.cores):
        raise BadInput(
            "E0176",
            "a program that draws its own noise runs one sample at a time",
            where=f"program {program.network}",
            got=f"a batch of {batch}",
            hint="a seed of its own for each run",
        )
    large = wide.large(program, steps)
    if engine == "reference" or (engine == "fast" and not large and not wide.many(program)):
        return engine
    why = _unfit(program, engine, order, inputs, batch)
    if engine != "fast" and why:
        raise BadInput(
            "E0177",
            f"the engine of large networks cannot run this: {why}",
            where=f"program {program.network}",
            got=f'engine="{engine}"',
            hint='engine="fast"',
        )
    if engine != "fast" or why:
        return engine
    return "wide" if large or not _in_layers(program, chip) else "fast"


def _unfit(
    program: Program,
    engine: str,
    order: str,
    inputs: dict[str, NDArray[Any]],
    batch: int,
) -> str | None:
    """Return why the engine of large networks cannot run this, None where it can."""
    from mossy.twin.layout import wide

    if batch > 1:
        return "several samples"
    if order == "event":
        return "events are followed one at a time"
    if engine == "mpi" and program.routing == "axons":
        return "packets of a core travel apart"
    if any(x.dtype.kind == "f" for x in inputs.values()):
        return "inputs are currents"
    return wide.refusal(program)


def _in_layers(program: Program, chip: Chip) -> bool:
    """Return whether `fast` can run one layer after the other, which is the quickest way."""
    from mossy.twin.layout.layers import layered, loops
    from mossy.twin.layout.link import link

    return not loops(program) and layered(program, link(program, chip)) is not None


def _order(chip: Chip, asked: str | None) -> str:
    known: list[str] = chip.spec["timing"].get("orders", ["frame"])
    if asked is not None and asked not in known:
        raise BadInput(
            "E0191",
            "the chip does not work in this order",
            where=chip.name,
            got=repr(asked),
            allowed=", ".join(known),
            hint="leave it out for the chip's own",
        )
    return asked or known[0]


def _engine(
    program: Program,
    chip: Chip,
    engine: str,
    order: str,
    stretches: tuple[Stretch, ...],
    recorded: Recorded,
    threads: int | None,
) -> Callable[..., Trace]:
    steps, later = stretches[-1].end, stretches[1:]
    if order == "event":
        from mossy.twin.engines import depth_first

        if later:
            raise BadInput(
                "E0414",
                "parts cannot die while events are followed one at a time",
                where=chip.name,
                got='faults=, order="event"',
                hint='order="frame"',
            )

        return lambda inputs, progress=None: depth_first.run(
            program, chip, inputs, steps, recorded,
            engine=engine, threads=threads, progress=progress,
        )  # fmt: skip
    if engine == "reference":
        from mossy.twin.engines import reference

        return lambda inputs, progress=None: reference.run(
            program, chip, inputs, stretches, recorded
        )
    if engine in WIDE:
        go = import_module(f"mossy.twin.engines.{engine}").run
        return lambda inputs, progress=None: go(
            program, chip, inputs, stretches, recorded, threads=threads, progress=progress
        )
    from mossy.twin.engines import fast
    from mossy.twin.layout.link import link
    from mossy.twin.sever import sever

    linked = link(program, chip)
    severed = [(s.begin, sever(linked, program, chip, s.dead)) for s in later]
    return lambda inputs, progress=None: fast.run(
        program, linked, inputs, steps, recorded,
        threads=threads, progress=progress, severed=severed,
    )  # fmt: skip


_loaded: weakref.WeakKeyDictionary[Program, set[str]] = weakref.WeakKeyDictionary()  # by engines


def _measured(
    chip: Chip,
    go: Callable[..., Trace],
    inputs: dict[str, NDArray[Any]],
    meter: Meter,
    warm: bool,
) -> tuple[Quantity, Quantity | None]:
    """Seconds and joules per inference of this very machine, one sample at a time.

    warm: the program has been run before, so that a run of one sample was that measurement.
    """
    batch = next((x.shape[0] for x in inputs.values()), 1)
    if chip.spec["timing"]["kind"] != "measured":
        return Quantity.exact(meter.seconds / batch, "s"), None
    runs = [meter] if warm and batch == 1 else []
    if not warm:
        go({k: v[:1] for k, v in inputs.items()})
    for b in range(min(batch, TIMED_SAMPLES) if not runs else 0):
        one = {k: v[b : b + 1] for k, v in inputs.items()}
        with Meter() as single:
            go(one)
        runs.append(single)
    seconds, joules = [m.seconds for m in runs], [m.joules for m in runs]
    elapsed = Quantity(median(seconds), "s", min(seconds), max(seconds))
    known = [j for j in joules if j]
    if len(known) < len(joules):  # no counter, or too coarse to see one inference
        return elapsed, None
    return elapsed, Quantity(median(known), "J", min(known), max(known))


def _names(program: Program, asked: Iterable[str], neurons: bool = False) -> tuple[str, ...]:
    known = [p.name for p in program.populations if not (neurons and p.role == "source")]
    wanted = list(asked)
    if "*" in wanted:
        return tuple(known)
    bad = [w for w in wanted if w not in known]
    if bad:
        raise BadInput("E0188", "no such population", got=bad, allowed=", ".join(known))
    return tuple(wanted)


def _recorded(program: Program, record: Iterable[str], states: Iterable[str]) -> Recorded:
    outputs = [program.population(p) for p in program.outputs.values()]
    spikes = [p.name for p in outputs if p.readout == "spikes"]
    potentials = [p.name for p in outputs if p.readout == "potential"]
    return Recorded(
        tuple(dict.fromkeys([*_names(program, record), *spikes])),
        tuple(dict.fromkeys([*_names(program, states, neurons=True), *potentials])),
    )


def _outputs(program: Program, trace: Trace, time: int) -> Mapping[str, NDArray[Any]]:
    makers = {
        k: partial(_output, program.population(p), trace, time) for k, p in program.outputs.items()
    }
    later = Later(makers)
    return later if isinstance(trace.spikes, Rasters) else dict(later)


def _output(population: PopulationMap, trace: Trace, time: int) -> NDArray[Any]:
    late = slice(population.lag, population.lag + time)
    if population.readout == "spikes":
        found: NDArray[Any] = trace.spikes[population.name][:, late]
        if population.sends == "values":
            found = found / population.sent_scale
    else:
        v = trace.states[population.name]["v"][:, late].astype(np.float64)
        found = v / population.v_scale + population.v_shift
    return found.reshape(*found.shape[:2], *population.shape)
