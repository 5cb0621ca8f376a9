"""Run networks of crossbar cores on the RANC simulator (University of Arizona, MIT), 08ae4bd.

The simulator is a C++ program that reads two JSON files and writes a trace. Conventions, found by
experiment:

* packets of list i are integrated in its tick i + 1 + destination_tick at the earliest; its ticks
  count from 1. So list 0 stays empty, list t + 1 holds the input of our step t, and its tick n is
  our step n - 1;
* a destination_tick of d is our delay field d, from 0 to 14;
* the destination of an input packet counts from core (0, 0);
* neuron_reset_type 1 (symmetric) takes v <= negative_threshold, 0 (asymmetric) v <;
* it has no stochastic modes, no leak reversal, no saturation and no third reset mode.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.truenorth_networks import OUT, Core, N, Network, Trace

ROWS = 2  # of the grid of cores, so that packets turn corners
OUTPUTS = 6 * N
LINE = re.compile(
    r"-+ Tick (?P<tick>\d+) begins|Core Controller \((?P<x>\d+), (?P<y>\d+)\)"
    r"|Neuron (?P<neuron>\d+) integration|(?P<spikes>Neuron spikes)"
    r"|Neuron ends at potential: (?P<v>-?\d+)"
)


def run(network: Network, binary: Path) -> list[Trace]:
    """Return potentials and spikes of every core. binary: the simulator."""
    steps = len(network.x)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.json").write_text(json.dumps(_document(network)))
        (folder / "config.json").write_text(json.dumps(_config(network)))
        words = {"-i": "in.json", "-o": "out.txt", "-c": "config.json", "-t": "trace.txt"}
        options = [w for k, v in words.items() for w in (k, str(folder / v))]
        done = subprocess.run(
            [str(binary), *options, "--ticks", str(steps)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "[WARNING]" not in done.stdout and "[ERROR]" not in done.stdout, done.stdout[-500:]
        return _read(folder / "trace.txt", network)


def _place(k: int) -> tuple[int, int]:
    return k // ROWS, k % ROWS


def _config(network: Network) -> dict[str, int]:
    return {
        "num_neurons": N,
        "num_axons": N,
        "num_cores_x": len(network.cores) // ROWS + 1,
        "num_cores_y": ROWS,
        "num_weights": 4,
        "max_tick_offset": 16,
        "neuron_block_trace_verbosity": 1,
        "core_controller_trace_verbosity": 0,
        "scheduler_trace_verbosity": 0,
        "neuron_reset_type": int(network.inclusive),
    }


def _document(network: Network) -> dict[str, Any]:
    packets: list[list[dict[str, Any]]] = [[]]
    for row in network.x[:-1]:
        packets.append([_packet(network, i) for i in np.flatnonzero(row).tolist()])
    out = _place(len(network.cores))
    cores = [_core(core, _place(k), out) for k, core in enumerate(network.cores)]
    bus = {"coordinates": list(out), "num_outputs": OUTPUTS}
    return {"packets": packets, "output_bus": bus, "cores": cores}


def _packet(network: Network, i: int) -> dict[str, Any]:
    return {
        "destination_core": list(_place(int(network.input_core[i]))),
        "destination_axon": int(network.input_axon[i]),
        "destination_tick": int(network.input_delay[i]),
    }


def _core(core: Core, place: tuple[int, int], out: tuple[int, int]) -> dict[str, Any]:
    neurons = []
    for i in range(N):
        leaves = core.target[i] == OUT
        end = out if leaves else _place(int(core.target[i]))
        neurons.append(
            {
                "reset_potential": int(core.v_reset[i]),
                "weights": core.weight[i].tolist(),
                "leak": int(core.leak[i]),
                "positive_threshold": int(core.threshold[i]),
                "negative_threshold": -int(core.floor[i]),
                "destination_core_offset": [end[0] - place[0], end[1] - place[1]],
                "destination_axon": N * (ROWS * place[0] + place[1]) + i
                if leaves
                else int(core.axon[i]),
                "destination_tick": int(core.delay[i]),
                "current_potential": int(core.start[i]),
                "reset_mode": int(core.reset[i]),
            }
        )
    return {
        "axons": core.kind.tolist(),
        "coordinates": list(place),
        "connections": core.bits.astype(int).tolist(),
        "neurons": neurons,
    }


def _read(file: Path, network: Network) -> list[Trace]:
    steps = len(network.x)
    v = np.zeros((len(network.cores), steps, N), np.int64)
    spikes = np.zeros(v.shape, bool)
    seen = np.zeros(v.shape, np.int64)
    number = {_place(k): k for k in range(len(network.cores))}
    tick, core, neuron = 0, -1, 0
    with file.open(encoding="utf-8") as lines:
        for match in filter(None, map(LINE.search, lines)):
            if match["tick"]:
                tick = int(match["tick"]) - 1
            elif match["x"]:
                core = number.get((int(match["x"]), int(match["y"])), -1)
            elif match["neuron"]:
                neuron = int(match["neuron"])
            elif core >= 0 and match["spikes"]:
                spikes[core, tick, neuron] = True
            elif core >= 0 and match["v"]:
                v[core, tick, neuron] = int(match["v"])
                seen[core, tick, neuron] += 1
    assert (seen == 1).all(), f"the trace lacks {int((seen != 1).sum())} of {seen.size} values"
    return [Trace(a, b) for a, b in zip(v, spikes, strict=True)]
