"""Run a network of iaf_psc_exp neurons in NEST 3.10.

    .oracles/nest/bin/python -m tests.oracles.run_nest IN.npz OUT.npz

(from the root of the checkout). Conventions of NEST, read in models/iaf_psc_exp.cpp and nestkernel:

* one update advances a neuron by one step: V <- P22 V + P21ex i_ex + P21in i_in + P20 I_e from the
  currents at the beginning of the step, or one count less of the refractory period, in which V
  stays; then both currents decay; then the weights that arrive in this step are added, by sign;
  then V is held against the threshold (>=), set to V_reset, and the count to t_ref / dt;
* inside, V counts from E_L;
* a spike found in update k (from 0) is dated with the end of that step, (k + 1) dt; with a delay of
  d steps its weight is added in update k + d, so the shortest delay, one step, misses no V;
* a generator's spike dated (k + 1) dt is delivered like a neuron's of update k; date 0 is refused;
* a multimeter's record of date (k + 1) dt is V after update k; what the last step left is handed
  over one step later, so one step more is simulated here than is asked for;
* neurons and devices share one numbering, from 1 in order of creation.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nest  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np

from tests.oracles.nest_exchange import Given, Ints, Trace, load_given, ordered, save


def run(given: Given) -> Trace:
    """Return every spike, and V of the watched neurons."""
    nest.ResetKernel()
    nest.set(resolution=given.dt, local_num_threads=1)
    cells = nest.Create("iaf_psc_exp", given.neurons, {
        "C_m": given.c_m, "tau_m": given.tau_m, "tau_syn_ex": given.tau_exc,
        "tau_syn_in": given.tau_inh, "E_L": given.e_l, "V_th": given.v_th, "V_reset": given.v_reset,
        "t_ref": given.t_ref, "I_e": given.i_e, "V_m": given.v_m,
    })  # fmt: skip
    channels = nest.Create("spike_generator", given.channels)
    for number in range(given.channels):
        when = given.x_step[given.x_channel == number]
        channels[number].spike_times = np.round((when + 1) * given.dt, 6)
    connect(given, cells, cells, given.pre, given.post, given.weight, given.delay)
    connect(given, channels, cells, given.x_pre, given.x_post, given.x_weight, given.x_delay)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder, syn_spec={"delay": given.dt})
    meter = nest.Create("multimeter", params={"interval": given.dt, "record_from": ["V_m"]})
    nest.Connect(meter, cells[given.watched.tolist()], syn_spec={"delay": given.dt})
    nest.Simulate(given.dt * (given.steps + 1))
    return trace(given, recorder.events, meter.events)


def connect(
    given: Given, sources: Any, targets: Any, pre: Ints, post: Ints, weight: Ints, delay: Ints
) -> None:
    """Connect the listed pairs; a pair that is listed twice has two synapses."""
    first = (int(sources[0].global_id), int(targets[0].global_id))
    nest.Connect(
        pre + first[0], post + first[1], "one_to_one",
        {"synapse_model": "static_synapse", "weight": weight * given.grain,
         "delay": np.round(delay * given.dt, 6)},
    )  # fmt: skip


def trace(given: Given, spikes: dict[str, Any], meter: dict[str, Any]) -> Trace:
    """Return what was recorded, by step from 0 and neuron from 0."""
    step = np.rint(np.asarray(spikes["times"]) / given.dt).astype(np.int64) - 1
    kept = step < given.steps
    v = np.full((given.steps, len(given.watched)), np.nan)
    at = np.rint(np.asarray(meter["times"]) / given.dt).astype(np.int64) - 1
    column = np.searchsorted(given.watched, np.asarray(meter["senders"]) - 1)
    seen = at < given.steps
    v[at[seen], column[seen]] = np.asarray(meter["V_m"])[seen]
    return ordered(step[kept], np.asarray(spikes["senders"])[kept] - 1, v)


def main(source: str, target: str) -> None:
    """Read a network from `source`, write its trace to `target`."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    save(Path(target), run(load_given(Path(source))))


if __name__ == "__main__":
    main(*sys.argv[1:])
