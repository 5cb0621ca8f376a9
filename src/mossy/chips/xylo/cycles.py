"""Clock cycles of a step, by the vendor's public model of them.

    cycles = inputs (1 + p_in visited 3.5)                      input
           + hidden (3 + p fan_out 7)                           recurrent spikes
           + feeding p (1 + 8 readouts)                         to the readout
           + hidden (19 + 3 p) + 12 readouts                    updates

p_in, p: share of channels and of hidden neurons that are active in a step; a neuron that sends
several spikes is active once. visited: hidden neurons that a channel's spike visits, feeding:
hidden neurons that the readout listens to; all of them where the chip does not tell them apart.
Here every core has its own p and fan-out, which on average is the same. Aliases, which the compiler
does not make, would change 3 p.

Counted are spikes, not active neurons: a core's spikes, at most one for each of its neurons, so the
cycles are exact where nobody sends twice in a step and too many by a few elsewhere.

Source: power_cycles_model of SYNS61201 and of SYNS63300 / SYNS65302 in Rockpool 3.1.0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.facts import Facts
from mossy.program.artefact import CoreImage, Program
from mossy.program.words import unpack

HIDDEN, READOUT = 0, 1  # core numbers
Array = NDArray[np.float64]


def cycles(program: Program, counts: Any, facts: Facts) -> Array:
    """Return the cycles of every sample and step: (batch, steps)."""
    spikes = np.asarray(counts["spikes"], np.float64)  # (batch, steps, cores)
    most = np.array([float(c.n) for c in program.cores])
    return _cycles(program, np.minimum(spikes, most), facts)


def busiest(program: Program, facts: Facts) -> float:
    """Return the cycles of a step in which everything is active."""
    most = np.array([[[float(c.n) for c in program.cores]]])
    return float(_cycles(program, most, facts)[0, 0])


def required_clock(program: Program, facts: Facts, dt: float) -> float:
    """Return the clock in Hz with which a step of `dt` seconds is met whatever happens in it."""
    return float(facts["clock_margin"]) * busiest(program, facts) / dt


def _cycles(program: Program, active: Array, facts: Facts) -> Array:
    hidden = [c for c in program.cores if c.place is not None and c.place[2] == HIDDEN]
    readout = [c for c in program.cores if c.place is not None and c.place[2] == READOUT]
    inputs = [c for c in program.cores if c.role == "source"]
    n_hidden, n_out = sum(c.n for c in hidden), sum(c.n for c in readout)
    f = {k: float(facts[k]) for k in facts if k.endswith("_cycles")}
    dense = bool(int(facts["dense_input"]))
    visited = n_hidden if dense else sum(_listening(c, inputs) for c in hidden)
    total = np.full(active.shape[:2], 0.0)
    total += f["input_channel_cycles"] * sum(c.n for c in inputs)
    total += (f["hidden_scan_cycles"] + f["hidden_update_cycles"]) * n_hidden
    total += f["readout_update_cycles"] * n_out
    for c in inputs:
        total += active[:, :, c.number] * visited * f["input_target_cycles"]
    to_readout = f["readout_source_cycles"] + n_out * f["readout_weight_cycles"]
    for c in hidden:
        fan_out = sum(_synapses(c, t) for t in hidden) / c.n
        feeding = c.n if dense else _feeding(c, readout)
        each = fan_out * f["recurrent_cycles"] + f["spike_cycles"] + to_readout * feeding / c.n
        total += active[:, :, c.number] * each
    return total


def _rows(source: CoreImage, target: CoreImage) -> list[tuple[int, int]]:
    """(sending neuron, length) of each row of synapses from one core to another."""
    found = []
    for table in target.tables:
        if source.key & table.mask == table.key:
            rows = target.row_start[table.first : table.first + source.n + 1]
            found += list(enumerate(np.diff(rows).tolist()))
    return found


def _synapses(source: CoreImage, target: CoreImage) -> int:
    return sum(length for _, length in _rows(source, target))


def _feeding(source: CoreImage, readout: list[CoreImage]) -> int:
    """Neurons of a core with a weight to any readout neuron."""
    return len({k for t in readout for k, length in _rows(source, t) if length})


def _listening(core: CoreImage, inputs: list[CoreImage]) -> int:
    """Neurons of a core with a weight from any input channel."""
    found: set[int] = set()
    for source in inputs:
        for table in core.tables:
            if source.key & table.mask == table.key:
                a, b = core.row_start[[table.first, table.first + source.n]]
                found |= set(unpack(core.word_format, core.words[a:b])[2].tolist())
    return len(found)
