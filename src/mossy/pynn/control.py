"""setup, run, reset, end and what a script can ask, on PyNN's common code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pyNN import common
from pyNN.common.control import DEFAULT_MAX_DELAY, DEFAULT_MIN_DELAY, DEFAULT_TIMESTEP
from pyNN.connectors import FixedProbabilityConnector
from pyNN.recording import get_io

from mossy.chips import chip as find_chip
from mossy.errors import BadInput
from mossy.pynn import simulator
from mossy.pynn.populations import Population
from mossy.pynn.projections import Projection
from mossy.pynn.simulator import state
from mossy.pynn.synapses import StaticSynapse
from mossy.twin import Fault, fault
from mossy.twin.result import Result

PRECISIONS = ("single", "double")


def setup(
    timestep: float = DEFAULT_TIMESTEP,
    min_delay: Any = DEFAULT_MIN_DELAY,
    *,
    max_delay: Any = DEFAULT_MAX_DELAY,
    chip: str | None = None,
    time_scale_factor: float | None = None,
    threads: int | None = None,
    precision: str = "single",
    seed: int = 0,
    faults: Iterable[Fault | str] = (),
    **ignored: Any,
) -> int:
    """Begin anew; everything made before is forgotten.

    timestep, delays: ms. chip: a name of `mossy.chips()`, this computer if None.
    time_scale_factor: how much slower than the model a chip with a timer runs, None for a tick of
    its own. threads: at most, all cores if None; results do not depend on them. precision: "single"
    (on this computer float32 and weights of 12 bits, else the chip's own) or "double". seed: of
    what no seeded generator of PyNN decides. faults: parts of the chip that die on the way, for
    good, as in "core 0,0,17 @ 120"; steps and times count from time 0, also after `reset`, and over
    all runs. What other backends take on top is passed over. Raises BadInput E0269, E0410, E0411,
    and E0412 or E0413 when the script runs; UnknownName E0501.
    """
    common.setup(timestep, min_delay, max_delay=max_delay, **ignored)
    if precision not in PRECISIONS:
        raise BadInput(
            "E0269", "unknown precision", got=repr(precision), allowed=", ".join(PRECISIONS)
        )
    state.dt, state.shortest, state.longest = timestep, min_delay, max_delay
    state.chip = find_chip(chip) if chip is not None else None
    state.precision, state.seed = precision, seed
    died = [faults] if isinstance(faults, str) else faults
    state.faults = tuple(fault(f) if isinstance(f, str) else f for f in died)
    state.tick = timestep * 1e-3 * time_scale_factor if time_scale_factor else None
    state.threads = threads or os.cpu_count() or 1
    state.write_on_end = []
    state.clear()
    return state.mpi_rank


def end(compatible_output: bool = True) -> None:
    """Write what was to be written at the end."""
    for population, variables, filename in state.write_on_end:
        population.write_data(get_io(filename), variables)
    state.write_on_end = []


def results() -> tuple[Result, ...]:
    """Return a `Result` of each run since `setup` or `reset`: counts, time and energy.

    Its steps are counted from the run's first; spikes are known of all populations. One run may be
    priced in several ways, as that of any program. Raises UnknownFact where a price is unknown.
    """
    return state.results()


run, run_until = common.build_run(simulator)
run_for = run
reset = common.build_reset(simulator)
initialize, set = common.initialize, common.set
get_current_time, get_time_step, get_min_delay, get_max_delay, num_processes, rank = (
    common.build_state_queries(simulator)
)
create = common.build_create(Population)
connect = common.build_connect(Projection, FixedProbabilityConnector, StaticSynapse)
record = common.build_record(simulator)


def record_v(source: Any, filename: str) -> Any:
    """Record the membrane potential to a file."""
    return record(["v"], source, filename)


def record_gsyn(source: Any, filename: str) -> Any:
    """Record both conductances to a file."""
    return record(["gsyn_exc", "gsyn_inh"], source, filename)
