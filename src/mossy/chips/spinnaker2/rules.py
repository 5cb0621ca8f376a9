"""SpiNNaker2: py-spinnaker2's models and scaling, and the memory of a processing element.

Scaling (py-spinnaker2's NIR import): weights w_int = round(w * w_scale), w_scale = 127 / max|w|
over all synapses of the target population (15 / max|w| where a synapse needs a delay), everything
else in the same unit, s = w_scale / gain:  threshold = v_th s,  i_offset = offset s,  v_reset s.

Order of a step: v <- alpha v + x + i_offset, then the threshold, confirmed on the trace released
with the NIR paper. For lif_curr_exp, decay, input, then the membrane with the new current is
assumed: the chip's own order is not published.

Assumed, for lack of a published map: 4-byte row pointers, 16-byte population table entries, 16-bit
ring buffer slots, one bit per neuron for 128 recorded steps.
"""

from __future__ import annotations

import numpy as np

from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import (
    as_rows,
    bias_notes,
    lif_registers,
    scaled_synapses,
)
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, busy_cycles
from mossy.chips.spinnaker2 import cells
from mossy.chips.spinnaker2.words import word
from mossy.network.populations import Population, Projection
from mossy.program.artefact import Place

MODELS = ("lif", "cuba_lif", *cells.MODELS)  # of network/populations.py
RECIPES, NOISE, AT_ONCE = True, False, True
retuned = cells.retuned
RECORDED_STEPS = 128
TABLE_ENTRY, ROW_POINTER, RING_SLOT = 16, 4, 2  # bytes

# Quads of the grid: x = 1..7, y = 1..6 without the router and the two corner blocks
# (SpiNNMachine version_spin2.py); four cores each.
HOLES = {(4, 3), (4, 4), (7, 3), (7, 4)}
ROUTER = (4, 3)


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in float32 registers with 8-bit (or 4-bit and delay) weights."""
    if population.model in cells.MODELS:
        return cells.quantise(population, incoming, scaling, facts)
    refuse.listed(population, incoming)
    refuse.graded(population)
    refuse.no_gain(population)
    delay, most = refuse.longest_delay(incoming), (1 << int(facts["delay_bits"])) - 1
    refuse.delay_beyond(population, delay, most, int(facts["step_latency"]))
    made, top = word(facts, delay > 0)
    if scaling.bits is not None:
        top = min(top, (1 << (scaling.bits - 1)) - 1)
    synapses, scale = scaled_synapses(incoming, top, scaling)
    if delay or population.model == "cuba_lif":  # lif_conv2d has neither delays nor currents
        synapses = tuple(as_rows(s) for s in synapses)
    params, state, v_scale = lif_registers(population, scale)
    notes = bias_notes(population)
    if delay:
        bits = made.weight
        notes += (f"{population.node}: delays leave {bits}-bit weights (+-{top}) on this chip",)
    return Quantised(
        population.name,
        population.model,
        (),
        params,
        state,
        made,
        v_scale,
        np.zeros(population.n),
        scale,
        synapses,
        notes,
    )


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the data memory of a core: (name, bytes) in order."""
    if load.role == "source":
        return [("spike list", load.n * RECORDED_STEPS // 8), ("stack", int(facts["stack"]))]
    slots = 1 << (load.delay + 1).bit_length()
    return [
        ("neurons", load.n * load.param_bytes),
        ("population table", load.sources * TABLE_ENTRY),
        ("row pointers", load.rows * ROW_POINTER),
        ("synapse rows", load.synapses * load.word_bits // 8),
        ("kernels", load.kernel_bytes),
        ("ring buffers", slots * load.n * load.inputs * RING_SLOT),
        ("spike record", load.n * RECORDED_STEPS // 8),
        ("stack", int(facts["stack"])),
    ]


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    own = tuple(blocks(load, facts))
    memory = sum(size for _, size in own)
    room = int(facts["sram"]) - int(facts["itcm"])
    return [
        Limit("neurons", load.n, int(facts["neurons_per_core"]), "split the population"),
        Limit("data memory (B)", memory, room, "fewer synapses per neuron or sparser weights", own),
        Limit(
            "cycles per tick",
            busy_cycles(load, facts),
            float(facts["tick"]) * float(facts["pe_clock"]),
            "a longer tick, or a network with fewer spikes",
        ),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the grid position of each application core of a chip, nearest the router first."""
    quads = [(x, y) for x in range(1, 8) for y in range(1, 7) if (x, y) not in HOLES]
    quads.sort(key=lambda q: (abs(q[0] - ROUTER[0]) + abs(q[1] - ROUTER[1]), q))
    return [q for q in quads for _ in range(4)][: int(facts["usable_cores"])]


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return the quads crossed from a core to the router, and from the router to a core."""
    grid = places(facts)
    return sum(
        abs(grid[p[2]][0] - ROUTER[0]) + abs(grid[p[2]][1] - ROUTER[1]) for p in (start, end)
    )
