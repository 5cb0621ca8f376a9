"""Time constants as shifts, and what a unit of weight is worth on the chip.

A register that keeps all but 2^-dash of itself has the decay factor a = 1 - 2^-dash. What arrives
is there before the decay, so a weight w adds a w, a^2 w, ... to the potential, w a / (1 - a) in
all.
In the network it adds gain gain_syn w / (1 - alpha_syn). Setting the two equal gives

    potential, in register units = v_scale x potential of the network
    v_scale = w_scale 2^shift  a / (1 - a)  (1 - alpha_syn) / (gain gain_syn)

so that a rounded synaptic time constant changes when charge arrives and not how much. For a neuron
without a synaptic current alpha_syn = 0 and gain_syn = 1.

Every target neuron has a threshold of its own, so w_scale is free for every population: its largest
weight becomes the largest integer. The shift is not free, it is one number for all weights of a
group on the chip: one is chosen for the hidden neurons (input and recurrent weights add up in the
same registers) and one for the readout, the smallest that gives every threshold at least FINE units
while no threshold passes half of the register and one spike of each source does not fill it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.facts import Facts
from mossy.chips.float_state import gain, largest
from mossy.network.populations import Array, Conv, Population, Projection
from mossy.synapses import conv2d

Ints = NDArray[np.int64]
FINE = 2048  # wanted threshold in register units: 0.05 % resolution, well above the linear decay
FASTEST = 1 - 2**-0.5  # below it the nearest shift of a synapse is 0, and nothing would get through


def dash(alpha: Array, least: int, facts: Facts) -> Ints:
    """Return the shift nearest to each decay factor, in octaves of the time constant."""
    with np.errstate(divide="ignore"):
        octaves = -np.log2(np.maximum(1 - alpha, 0))
    shift: Ints = np.clip(np.rint(octaves), least, int(facts["dash_max"])).astype(np.int64)
    return shift


def kept(shift: Ints) -> Array:
    """Return the decay factor of a shift."""
    factor: Array = 1 - np.exp2(-shift.astype(np.float64))
    return factor


def synaptic(population: Population) -> Array:
    """Return the decay factor of the synaptic current, 0 where there is none."""
    p = population.params
    found: Array = p["alpha_syn"] if population.model == "cuba_lif" else np.zeros(population.n)
    return found


def units(population: Population, facts: Facts) -> Array:
    """Return v_scale for w_scale = 1 and shift 0, for each neuron."""
    a = kept(dash(synaptic(population), 1, facts))
    found: Array = a / (1 - a) * (1 - synaptic(population)) / gain(population)
    return found


def thresholds(population: Population) -> Array:
    """Return each threshold above the reset potential, where the reset is to one; inf for none."""
    p = population.params
    if population.subtract:
        return p["threshold"]
    found: Array = p["threshold"] - np.where(np.isfinite(p["threshold"]), p["v_reset"], 0.0)
    return found


def weight_scale(
    population: Population, incoming: tuple[Projection, ...], bits: int | None, keep: float,
    facts: Facts,
) -> float:  # fmt: skip
    """Return integer units per network weight: the largest for which thresholds fit unshifted."""
    best = top_weight(bits, facts) / (largest(incoming) * keep)
    threshold = thresholds(population)
    high = float((threshold * units(population, facts))[np.isfinite(threshold)].max(initial=0))
    return min(best, (int(facts["threshold_max"]) - 1) / high) if high > 0 else best


def top_weight(bits: int | None, facts: Facts) -> int:
    """Return the largest integer weight."""
    width = int(facts["weight_bits"])
    return (1 << (min(bits or width, width) - 1)) - 1


def group_shift(
    group: Iterable[tuple[Population, tuple[Projection, ...]]], options: Any, facts: Facts
) -> int:
    """Return the shift of a group: (population, its incoming projections) each."""
    needs = [_needs(p, incoming, options, facts) for p, incoming in group]
    top, best = (1 << (int(facts["state_bits"]) - 1)) - 1, 0
    for shift in range(int(facts["weight_shift_max"]) + 1):
        factor = 1 << shift
        if shift and any(2 * high * factor > top or sum_ * factor > top for _, high, sum_ in needs):
            break
        best = shift
        if all(low * factor >= FINE for low, _, _ in needs):
            break
    return best


def _needs(
    population: Population, incoming: tuple[Projection, ...], options: Any, facts: Facts
) -> tuple[float, float, float]:
    """Lowest and highest threshold and largest sum of one spike of each source, unshifted."""
    scale = options.weight_scale.get(population.name) or weight_scale(
        population, incoming, options.bits, options.keep or 1.0, facts
    )
    total = np.zeros(population.n)
    for j in incoming:
        w = conv2d.matrix(j.weight) if isinstance(j.weight, Conv) else j.weight
        total += abs(w).sum(axis=1)
    total *= scale
    threshold = thresholds(population)
    finite = np.isfinite(threshold)
    if finite.any():
        registers = (threshold * units(population, facts) * scale)[finite]
        return float(registers.min()), float(registers.max()), float(total.max(initial=0))
    # a potential that only leaks: what it settles at with the activity that is assumed, twice over
    a = kept(dash(synaptic(population), 1, facts))
    leak = np.maximum(1 - kept(dash(population.params["alpha"], 0, facts)), 1e-9)
    level = float((2 * options.activity * total * a / (1 - a) / leak).max(initial=0))
    return level, level, float(total.max(initial=0))
