"""Coefficients per step of the neurons that are not of the LIF family.

Before: a node with its parameters in seconds. After: the name of a population model and its
parameters, which are those of the neuron model of that name, and gain = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mossy.errors import UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.populations import Array

Flat = Callable[[Any], Array]  # a parameter as one number per neuron
Keep = Callable[[Any], Array]  # what is left of a state after a step, from a time constant


def resonate_fire(node: nd.ResonateFire, dt: float, flat: Flat, keep: Keep) -> dict[str, Array]:
    """Return the parameters of a damped oscillation."""
    turn, a = 2 * np.pi * dt / flat(node.period), keep(node.tau)
    return {
        "cos": a * np.cos(turn),
        "sin": a * np.sin(turn),
        "threshold": flat(node.v_threshold),
        "snap": flat(node.snap),
        "gain": flat(1),
    }


def adaptive_lif(node: nd.AdaptiveLIF, flat: Flat, keep: Keep) -> dict[str, Array]:
    """Return the parameters of a LIF neuron with adaptive threshold."""
    return {
        "keep_u": keep(node.tau_syn),
        "keep_v": keep(node.tau_mem),
        "keep_theta": keep(node.tau_threshold),
        "keep_r": keep(node.tau_refract),
        "bias": flat(node.bias),
        "rest": flat(node.v_threshold),
        "jump": flat(node.jump),
        "gain": flat(1),
    }


def graded_lif(node: nd.GradedLIF, flat: Flat, keep: Keep) -> dict[str, Array]:
    """Return the parameters of a LIF neuron whose spikes carry its potential."""
    return {
        "keep_u": keep(node.tau_syn),
        "keep_v": keep(node.tau_mem),
        "bias": flat(node.bias),
        "threshold": flat(node.v_threshold),
        "gain": flat(1),
    }


def no_bias(name: str, node: nd.ResonateFire | nd.AdaptiveLIF | nd.GradedLIF, bias: Array) -> None:
    """Raise UnsupportedNode E0233 where a constant would drive the neuron in every step."""
    if bias.any():
        kind = type(node).__name__
        own = ", or give it to the neuron: its parameter bias" * hasattr(node, "bias")
        raise UnsupportedNode(
            "E0233",
            f"a bias reaches a {kind}, whose neuron model has no constant input",
            where=name,
            got=f"{int(np.count_nonzero(bias))} of {bias.size} biases that are not 0",
            allowed=f"layers without bias in front of a {kind}",
            hint=f"train the layer with bias=False{own}",
        )
