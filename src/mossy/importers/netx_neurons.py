"""The neurons of a NetX file as nodes.

Registers there have 6 fraction bits: weights, biases and thresholds are whole multiples of 1/64.

    SDNN          threshold = vThMant, bias = bias: the unit of the signal is the file's own
    SDNN, sigma_output   the sum itself is read: an I node with r = 1
    CUBA, LOIHI   u <- u (1 - iDecay/4096) + x;   v <- v (1 - vDecay/4096) + u + bias/64
                  v > vThMant/64: spike, v <- 0

A decay d of 4096 is a time constant of dt 4096/d under integrator "euler"; no decay beside one is
written as 2^40 steps. Without a decay of v, and with iDecay 4096, it is an IF. A vThMant of
2^17 - 1 or more is how the format says "no spikes, read the potential": LI, I or CubaLI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mossy.errors import BadInput, UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.nodes import Array, Node, Shape

Tree = Mapping[str, Any]

UNIT = 64  # of a weight: 6 fraction bits
WHOLE_DECAY = 4096
NO_SPIKES = (1 << 17) - 1
SLOWEST = 2.0**-40  # decay per step that stands for none
TRAINING = ("scaleRho", "tauRho", "theta")  # shape of the surrogate gradient
FIELDS = {
    "SDNN": ("type", "vThMant", "activation", "sigma_output", "messageBits"),
    "CUBA": (
        "type", "iDecay", "vDecay", "vThMant", "refDelay", "gradedSpike", "wgtExp", "messageBits",
        *TRAINING,
    ),
}  # fmt: skip


def kind(neuron: Tree, where: str) -> str:
    """Return "SDNN" or "CUBA". Raises UnsupportedNode E0139."""
    found = str(neuron.get("type", "CUBA"))
    name = "CUBA" if found in ("CUBA", "CUBA-LIF", "LOIHI") else found
    if name not in FIELDS:
        raise _refuse("unknown kind of neuron", where, repr(found), "SDNN, CUBA, LOIHI")
    strange = [key for key in neuron if key not in FIELDS[name]]
    if strange:
        raise _refuse(
            f"{found} neurons with a field whose meaning is not known",
            where,
            ", ".join(strange),
            ", ".join(FIELDS[name]),
        )
    return name


def node(neuron: Tree, bias: Array | None, shape: Shape, dt: float, where: str) -> Node:
    """Return the node of a layer's neurons. bias: whole numbers, one per neuron or channel.

    dt: seconds. Raises UnsupportedNode E0139 and BadInput E0137.
    """
    name = kind(neuron, where)
    offset = np.zeros(shape) if bias is None else spread(bias, shape, "bias", where)
    if name == "SDNN":
        return _sigma_delta(neuron, offset, shape, where)
    for key, plain in (("refDelay", (0, 1)), ("gradedSpike", (0,)), ("wgtExp", (0,))):
        value = np.ravel(neuron.get(key, plain[0]))
        if not np.isin(value, plain).all():
            raise _refuse(f"neurons with {key}", where, value[0], " or ".join(map(str, plain)))
    return _cuba(neuron, offset / UNIT, shape, dt, where)


def integrator() -> Node:
    """Return the node that stands where a layer has weights but no neuron."""
    return nd.I(np.ones(()))


def spread(value: Any, shape: Shape, key: str, where: str) -> Array:
    """Return `value` (one, one per channel or one per neuron) with the layer's shape."""
    array = np.asarray(value, dtype=np.float64)
    if array.size == int(np.prod(shape)):
        return array.reshape(shape)
    if array.size == 1:
        return np.full(shape, array.ravel()[0])
    if array.size == shape[0]:
        return np.broadcast_to(array.reshape(-1, *([1] * (len(shape) - 1))), shape).copy()
    raise BadInput(
        "E0137",
        f"{key} fits neither the layer nor its channels",
        where=where,
        got=f"{array.size} values",
        allowed=f"1, {shape[0]} or {int(np.prod(shape))}",
        hint="export the network again",
    )


def _sigma_delta(neuron: Tree, offset: Array, shape: Shape, where: str) -> Node:
    if neuron.get("sigma_output", False):
        if offset.any():
            raise _refuse("a bias of a layer whose sum is read", where, f"{offset.max():g}", "0")
        return nd.I(np.ones(shape))
    if neuron.get("activation", "relu") != "relu":
        raise _refuse("activation", where, repr(neuron["activation"]), "'relu'")
    return nd.SigmaDelta(spread(_field(neuron, "vThMant", where), shape, "vThMant", where), offset)


def _cuba(neuron: Tree, offset: Array, shape: Shape, dt: float, where: str) -> Node:
    threshold = spread(_field(neuron, "vThMant", where), shape, "vThMant", where)
    spikes = bool((threshold < NO_SPIKES).any())
    g_syn, g = (
        _decay(spread(_field(neuron, key, where), shape, key, where), key, where)
        for key in ("iDecay", "vDecay")
    )
    one, zero, threshold = np.ones(shape), np.zeros(shape), threshold / UNIT
    if (g_syn == 1).all() and (g == SLOWEST).all() and not offset.any():
        return nd.IF(one, threshold, zero) if spikes else nd.I(one)
    membrane = {"r": 1 / g, "v_leak": offset / g}
    firing = {"v_threshold": threshold, "v_reset": zero} if spikes else {}
    if (g_syn == 1).all():
        return (nd.LIF if spikes else nd.LI)(tau=dt / g, **membrane, **firing)
    synapse = {"tau_syn": dt / g_syn, "w_in": 1 / g_syn}
    return (nd.CubaLIF if spikes else nd.CubaLI)(tau_mem=dt / g, **synapse, **membrane, **firing)


def _decay(value: Array, key: str, where: str) -> Array:
    if ((value < 0) | (value > WHOLE_DECAY)).any():
        raise BadInput(
            "E0137",
            f"{key} is no decay",
            where=where,
            got=f"{value.min():g} to {value.max():g}",
            allowed=f"0 to {WHOLE_DECAY}",
        )
    return np.maximum(value / WHOLE_DECAY, SLOWEST)


def _field(neuron: Tree, key: str, where: str) -> Any:
    if key in neuron:
        return neuron[key]
    raise BadInput(
        "E0137",
        f"the neurons lack {key}",
        where=where,
        got=", ".join(neuron),
        hint="export the network again",
    )


def _refuse(what: str, where: str, got: object, allowed: str) -> UnsupportedNode:
    return UnsupportedNode(
        "E0139",
        what,
        where=where,
        got=got,
        allowed=allowed,
        hint="train the layer with SDNN (relu) or CUBA neurons",
    )
