"""SpiNNaker2: py-spinnaker2's models and scaling, and the memory of a processing element.

Scaling (py-spinnaker2's NIR import): weights w_int = round(w * w_scale), w_scale = 127 / max|w|
over all synapses of the target population (15 / max|w| where a synapse needs a delay), everything
else in the same unit, s = w_scale / gain:  threshold = v_th s,  i_offset = offset s,  v_reset s.

Order of a step: v <- alpha v + x + i_offset, then the threshold, confirmed on the trace released
with the NIR paper. For lif_curr_exp, decay, input, then the membrane with the new current is
assumed: the chip's own order is not published.

A core's memory begins with its code; data follow from 0x8100 on, heap and stack end it (facts itcm,
stack_address). Assumed, for lack of a published map of the data: 4-byte row pointers, 16-byte
population table entries, 16-bit ring buffer slots, one bit per neuron for 128 recorded steps. With
Options(rows="dram") rows lie in the chip's DRAM, behind a header that says how many words follow
and padded to the longest of their entry, so that they need no pointers; DMA brings each to one of
two buffers. DMA moves whole 16 bytes (portal's page on it); header and buffers are assumed. With
Options(routing="core_to_core") a core keeps a list of the cores that its packets go to.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import (
    as_rows,
    bias_notes,
    lif_registers,
    scaled_synapses,
)
from mossy.chips.mesh import Mesh, Tile
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, busy_cycles
from mossy.chips.spinnaker2 import cells, grid
from mossy.chips.spinnaker2.words import word
from mossy.network.populations import Population, Projection
from mossy.program.artefact import Place

MODELS = ("lif", "cuba_lif", *cells.MODELS)  # of network/populations.py
RECIPES, NOISE, AT_ONCE = True, False, True
retuned = cells.retuned
RECORDED_STEPS = 128
TABLE_ENTRY, ROW_POINTER, RING_SLOT, ROW_HEADER, DMA_UNIT = 16, 4, 2, 4, 16  # bytes
TARGET = 4  # bytes of the chip and core that core-to-core packets go to
ROW_BUFFERS = 2  # one is filled while the other is worked on
IN_DRAM = "synapse rows (DRAM)"


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
    """Return the data of a core, and what it has in its chip's DRAM: (name, bytes) in order."""
    targets = [("targets", load.targets * TARGET)] if load.targets else []
    if load.role == "source":
        spikes = load.n * RECORDED_STEPS // 8
        return [*targets, ("spike list", spikes), ("stack", int(facts["stack"]))]
    slots = 1 << (load.delay + 1).bit_length()
    rows = [
        ("row pointers", load.rows * ROW_POINTER),
        ("synapse rows", load.synapses * load.word_bits // 8),
    ]
    return [
        ("neurons", load.n * load.param_bytes),
        *targets,
        ("population table", load.sources * TABLE_ENTRY),
        *([("row buffers", ROW_BUFFERS * load.longest)] if load.shared else rows),
        ("kernels", load.kernel_bytes),
        ("ring buffers", slots * load.n * load.inputs * RING_SLOT),
        ("spike record", load.n * RECORDED_STEPS // 8),
        ("stack", int(facts["stack"])),
        *([(IN_DRAM, load.shared)] if load.shared else []),
    ]


def stride(words: int, bits: int) -> int:
    """Return the bytes from row to row in DRAM: header and words, whole units of DMA."""
    return -(-(ROW_HEADER + words * bits // 8) // DMA_UNIT) * DMA_UNIT


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    own = tuple((name, size) for name, size in blocks(load, facts) if name != IN_DRAM)
    memory = sum(-(-size // 4) * 4 for _, size in own)
    room = int(facts["sram"]) - int(facts["itcm"])
    cycles = busy_cycles(load, facts) + load.copies * float(facts["cycles_per_copy"])
    if load.shared:
        cycles += load.packets_in * float(facts["cycles_per_fetch"])
    share = int(facts["dram"]) // int(facts["usable_cores"])
    return [
        Limit("neurons", load.n, int(facts["neurons_per_core"]), "split the population"),
        Limit("data memory (B)", memory, room, "fewer synapses per neuron or sparser weights", own),
        Limit(
            "cycles per tick",
            cycles,
            float(facts["tick"]) * float(facts["pe_clock"]),
            "a longer tick, or a network with fewer spikes",
        ),
        Limit("DRAM of a core (B)", load.shared, share, "sparser weights, or more cores"),
    ]


def places(facts: Facts) -> Mapping[int, Tile]:
    """Return the quad of each core of a chip, by the core's own number."""
    return grid.mesh().cores


def cores(facts: Facts) -> tuple[int, ...]:
    """Return the numbers of the cores that programs use, nearest the router first."""
    return grid.in_order()[: int(facts["usable_cores"])]


def mesh(facts: Facts) -> Mesh:
    """Return the network on chip: quads and the two tiles of the router."""
    return grid.mesh()


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return the hops from a core to the router, and from the router to a core."""
    return grid.distance(start[2]) + grid.distance(end[2])
