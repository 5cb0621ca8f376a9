"""What the user may ask of the compiler, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field

from mossy.program.machine import Machine


@dataclass(frozen=True)
class Options:
    """Compiler options.

    bits: weight bits, None for the chip's best. keep: share of the largest weight kept before
    clipping, None to choose it with calibration data. weight_scale: register units per weight, by
    population, instead of the chip's formula. chips: most chips to use, None for the largest
    machine. machine: the chips to use, dead parts marked; None for as many as are needed. tick:
    seconds of real time per step on chips with a timer, None for the chip's own. activity: spikes
    per neuron and step assumed where there is no calibration data. headroom: share of a tick that
    the partitioner may fill. neurons_per_core: at most, None: automatic. approximate: where a chip
    cannot do what the network asks, take the nearest thing it can, with a note of what that costs;
    without it, such a network is refused. placer: "greedy" fills chips in the order of the slices;
    "spread" puts slices that send to each other near each other, for networks whose numbering says
    little of that; "anneal" goes on from the better of both by simulated annealing, which takes
    seconds. rows: the memory of the synapse rows on chips that have a choice, such as "dram"
    for one that all cores of a chip share; None: each core's own. routing: how packets travel on
    chips that have a choice, such as "core_to_core" for a packet to each core that holds synapses
    of the sender's; None: the chip's usual way.
    """

    bits: int | None = None
    keep: float | None = None
    weight_scale: dict[str, float] = field(default_factory=dict)
    chips: int | None = None
    tick: float | None = None
    activity: float = 0.05
    headroom: float = 0.8
    neurons_per_core: int | None = None
    approximate: bool = False
    machine: Machine | None = None
    placer: str = "greedy"
    rows: str | None = None
    routing: str | None = None
