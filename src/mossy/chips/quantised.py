"""What a chip's rules say of a population and of a core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.facts import Facts
from mossy.network.recipe import Noise, Recipe
from mossy.program.artefact import WordFormat


@dataclass(frozen=True, eq=False)
class Synapses:
    """One projection in the chip's numbers. weight: what the word's weight field holds, signed.

    delay_source, delay_target: delay field per source and per target neuron (added). A weight w
    counts `w << shift`. receptor: the neuron's input, where the model parts them by type. A recipe
    carries its own scale and delays (in steps, the chip's latency included).
    """

    source: str
    name: str
    weight: Any  # sparse.csr_array | Conv | Recipe
    delay_source: NDArray[np.int64]
    delay_target: NDArray[np.int64]
    shift: int = 0
    receptor: int = 0

    @property
    def max_delay(self) -> int:
        """Largest delay field that can occur (steps, where a recipe says them)."""
        if isinstance(self.weight, Recipe):
            return self.weight.max_delay
        return int(self.delay_source.max(initial=0) + self.delay_target.max(initial=0))


@dataclass(frozen=True, eq=False)
class Quantised:
    """A population in the chip's numbers, with the synapses that end at it.

    v_scale, v_shift: network potential = register / v_scale + v_shift. weight_scale:
    weight field units per network weight; notes: what rounding cost, for the user. sent_scale,
    taken_scale: units of a value that it sends, and that reaches it, per network value.
    negative_scale: weight_scale of negative weights, None where it is the same. registers: for each
    variable of a simulator's cell its register and that one's units (n,) per SI unit; empty where
    registers have the names of the variables, and SI units.
    """

    name: str
    model: str
    fmt: tuple[int, ...]
    params: NDArray[Any]
    state: NDArray[Any]
    word: WordFormat
    v_scale: NDArray[np.float64]
    v_shift: NDArray[np.float64]
    weight_scale: float
    incoming: tuple[Synapses, ...]
    notes: tuple[str, ...] = ()
    sent_scale: float = 1.0
    taken_scale: float = 1.0
    noise: tuple[Noise, ...] = ()
    negative_scale: float | None = None
    registers: Mapping[str, tuple[str, NDArray[np.float64]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scaling:
    """How weights become integers.

    bits: wanted weight bits, None for the chip's best. keep: share of the largest weight that
    still fits, 1 clips nothing. scale: register units per network unit, overriding both.
    approximate: the user allows the nearest thing the chip can do in place of what it cannot.
    """

    bits: int | None = None
    keep: float = 1.0
    scale: float | None = None
    approximate: bool = False


@dataclass(frozen=True)
class CoreLoad:
    """What a slice of a population asks of a core.

    synapses, rows: stored words and rows; kernel_bytes: convolution weights; sources: source
    slices that reach it; delay: largest delay field; in_axons: source neurons that reach it;
    out_axons: (neuron, target core) pairs; profiles: distinct records of the rules' PROFILE
    fields. neuron_updates, packets_in, synaptic_events: expected in a busy step. kernels: of each
    convolution kept as one, (c_out, c_in, k_y, k_x, out_y, out_x). shared: bytes of rows in the
    chip's shared memory, one of them fetched for each packet, 0 where they lie in the core's own;
    longest: bytes of the longest. targets: cores that get a packet each, where packets go from core
    to core; copies: packets beyond the first of a spike, expected in a busy step.
    """

    role: str
    model: str
    inputs: int
    n: int = 0
    param_bytes: int = 0
    word_bits: int = 0
    synapses: int = 0
    rows: int = 0
    kernel_bytes: int = 0
    sources: int = 0
    delay: int = 0
    in_axons: int = 0
    out_axons: int = 0
    profiles: int = 0
    neuron_updates: float = 0.0
    packets_in: float = 0.0
    synaptic_events: float = 0.0
    kernels: tuple[tuple[int, ...], ...] = ()
    shared: int = 0
    longest: int = 0
    targets: int = 0
    copies: float = 0.0


def busy_cycles(load: CoreLoad, facts: Facts) -> float:
    """Return the cycles of a busy step, on chips whose work is a sum over events."""
    return (
        float(facts["cycles_per_tick"])
        + load.neuron_updates * float(facts.of_model("cycles_per_neuron_update", load.model))
        + load.packets_in * float(facts["cycles_per_packet"])
        + load.synaptic_events * float(facts["cycles_per_synaptic_event"])
    )


@dataclass(frozen=True)
class Limit:
    """One limit of a core: how much is used of what is allowed, and what to try beyond it.

    parts: of what is used, with their names, where it is a sum.
    """

    name: str
    used: float
    allowed: float
    hint: str
    parts: tuple[tuple[str, int], ...] = ()
