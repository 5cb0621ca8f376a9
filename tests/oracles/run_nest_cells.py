"""Run single cells in NEST: python -m tests.oracles.run_nest_cells IN.npz OUT.npz

IN: jobs, a JSON list of {model, dt, parts, parameters, state}, milliseconds and NEST's units, and
x_<k>, (steps, 2) arriving weights of job k, in pA, nS or mV. OUT: v_<k>, (steps,) potential in mV
after each step, and spikes_<k>, the numbers of the steps that fired. NEST itself takes `parts`
steps for each of ours, where its tolerance cannot be set and the step must keep the error down.

NEST delivers a spike of time t over a delay d at the end of the step that ends at t + d, and dates
a spike with the end of the step in which it was found. So the weight of step k, which ends at
(k + 1) dt, is a spike at k dt over a delay of one step.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nest  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
from numpy.typing import NDArray


def simulate(
    job: dict[str, Any], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the potential after each step and the steps that fired."""
    nest.ResetKernel()
    dt = job["dt"]
    nest.SetKernelStatus({"resolution": dt / job["parts"], "min_delay": dt, "max_delay": dt})
    cell = nest.Create(job["model"], params=job["parameters"])
    cell.set(job["state"])
    for column, sign in ((0, 1.0), (1, -1.0)):
        steps = np.flatnonzero(x[:, column])
        assert not (steps == 0).any(), "a generator has no spike at time 0"
        sender = nest.Create("spike_generator")
        sender.set(spike_times=np.round(steps * dt, 6), spike_weights=sign * x[steps, column])
        nest.Connect(sender, cell, syn_spec={"weight": 1.0, "delay": dt})
    meter = nest.Create("multimeter", params={"interval": dt, "record_from": ["V_m"]})
    recorder = nest.Create("spike_recorder")
    nest.Connect(meter, cell, syn_spec={"delay": dt})
    nest.Connect(cell, recorder, syn_spec={"delay": dt})
    nest.Simulate(dt * (len(x) + 1))  # what is recorded is handed over one step later
    times = np.asarray(recorder.events["times"])
    fired = np.ceil(np.round(times / dt, 6)).astype(np.int64) - 1
    at = np.rint(np.asarray(meter.events["times"]) / dt).astype(np.int64) - 1
    v = np.full(len(x), np.nan)
    seen = at < len(x)
    v[at[seen]] = np.asarray(meter.events["V_m"])[seen]
    return v, fired[fired < len(x)]


def main(source: str, target: str) -> None:
    """Run every job of `source` and write `target`."""
    nest.set_verbosity("M_ERROR")
    given, found = np.load(source), dict[str, Any]()
    for k, job in enumerate(json.loads(str(given["jobs"]))):
        found[f"v_{k}"], found[f"spikes_{k}"] = simulate(job, given[f"x_{k}"])
    np.savez(target, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
