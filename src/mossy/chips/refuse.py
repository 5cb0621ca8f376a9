"""What several chips cannot do, refused in one way."""

from __future__ import annotations

from mossy.chips.float_state import gain
from mossy.errors import UnsupportedNode
from mossy.network.populations import Population, Projection
from mossy.network.recipe import Recipe


def graded(population: Population) -> None:
    """Raise UnsupportedNode E0220 where a potential would have to travel between cores."""
    if population.graded:
        raise UnsupportedNode(
            "E0220",
            "a neuron without threshold feeds other neurons; only spikes travel between cores",
            where=population.node,
            hint="give it a threshold, or make it an output",
        )


def longest_delay(incoming: tuple[Projection, ...]) -> int:
    """Return the largest delay field that `incoming` asks for."""
    return max(
        (int(j.delay_source.max(initial=0) + j.delay_target.max(initial=0)) for j in incoming),
        default=0,
    )


def delay_beyond(population: Population, delay: int, most: int, latency: int) -> None:
    """Raise UnsupportedNode E0221 where a delay field exceeds `most`."""
    if delay > most:
        raise UnsupportedNode(
            "E0221",
            "delay too long for the synapse word",
            where=population.node,
            got=f"{delay + latency} steps",
            allowed=f"{latency} to {most + latency}",
            hint="use a larger dt or shorter delays",
        )


def listed(population: Population, incoming: tuple[Projection, ...]) -> None:
    """Raise UnsupportedNode E0265 where a neuron takes neither recipes nor noise."""
    if population.noise or any(isinstance(j.weight, Recipe) for j in incoming):
        raise UnsupportedNode(
            "E0265",
            f"recipes for connectivity, and noise, are not taken by {population.model}",
            where=population.node,
            hint="list the synapses and feed the spikes as an input, or use if_curr_exp",
        )


def no_gain(population: Population) -> None:
    """Raise UnsupportedNode E0222 where an input resistance is zero or negative."""
    bad = gain(population) <= 0
    if bad.any():
        raise UnsupportedNode(
            "E0222",
            f"{int(bad.sum())} neurons have no positive input gain (r, w_in)",
            where=population.node,
            got=f"{gain(population)[bad][0]:g}",
            allowed="> 0",
            hint="move the sign into the weights",
        )


def subtraction(population: Population, to: str = "zero") -> None:
    """Raise UnsupportedNode E0223 where a spike subtracts, on a chip whose neurons reset."""
    if population.subtract:
        raise UnsupportedNode(
            "E0223",
            f"reset by subtraction is not native: a neuron resets to {to}",
            where=population.node,
            allowed='reset="node"',
            hint=f'train with reset to {to}, or load the network with reset="node"',
        )


def decay_outside(population: Population) -> None:
    """Raise UnsupportedNode E0224 where a potential or current would grow or change its sign."""
    p = population.params
    if ((p["alpha"] < 0) | (p["alpha"] > 1) | (p.get("alpha_syn", p["alpha"]) < 0)).any():
        raise UnsupportedNode(
            "E0224",
            "a decay factor lies outside 0..1",
            where=population.node,
            hint='use integrator="exponential" or a smaller dt',
        )
