"""Checks of one node's own parameters, and their canonical form.

Canonical: arrays are float64, strides and kernels are tuples of int, element-wise parameters have
the node's shape. What a node cannot mean is refused here, by name.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np

from mossy.errors import BadInput
from mossy.network.nodes import (
    Affine,
    Array,
    AvgPool2d,
    Conv1d,
    Conv2d,
    Flatten,
    GradedLIF,
    Input,
    Linear,
    Node,
    Output,
    Shape,
    SigmaDelta,
    SumPool2d,
)
from mossy.network.shapes import PARAMETERS, flatten_axes

TIMES = ("tau", "tau_syn", "tau_mem", "tau_threshold", "tau_refract", "period")


def canonical(name: str, node: Node) -> Node:
    """Return `node` with float64 arrays and int tuples.

    Raises BadInput E0108 (NaN or infinite), E0109 (tau), E0111 (rank of a weight), E0116 (window
    or padding) and E0118 (negative delay, or threshold of what carries a number).
    """
    if isinstance(node, Input | Output):
        return replace(node, shape=_shape(name, node.shape))
    changes: dict[str, Any] = {
        f.name: _array(name, f.name, getattr(node, f.name))
        for f in fields(node)
        if f.name in ("weight", "bias", *PARAMETERS.get(type(node).__name__, ()))
    }
    for key in TIMES:
        if key in changes:
            _positive_time(name, key, changes[key])
    if "delay" in changes:
        _not_negative(
            name,
            changes["delay"],
            "a delay is negative",
            "seconds, 0 or more",
            "a network cannot look ahead; delay the other branch instead",
        )
    if isinstance(node, SigmaDelta):
        _not_negative(
            name,
            changes["threshold"],
            "the threshold of a change is negative",
            "0 or more",
            "threshold 0 sends every change",
        )
    if isinstance(node, GradedLIF):
        _not_negative(
            name,
            changes["v_threshold"],
            "the threshold of a spike that carries the potential is negative",
            "0 or more",
            "a potential of 0 is no spike; shift the potential with a bias",
        )
    if isinstance(node, Flatten):
        return replace(node, start_dim=int(node.start_dim), end_dim=int(node.end_dim))
    if isinstance(node, Conv1d | Conv2d | SumPool2d | AvgPool2d):
        changes |= _windowed(name, node)
    node = replace(node, **changes)
    if isinstance(node, Affine | Linear | Conv1d | Conv2d):
        return _weighted(name, node)
    return node


def broadcast(name: str, node: Node, in_shape: Shape, out_shape: Shape) -> Node:
    """Return `node` with every parameter array of the shape that `in_shape` gives it."""
    if isinstance(node, Output):
        return replace(node, shape=in_shape)
    if isinstance(node, Flatten):
        return Flatten(*flatten_axes(name, node, in_shape))
    if isinstance(node, Affine | Linear):
        weight = node.weight
        if weight.ndim - 1 != len(in_shape):
            weight = np.broadcast_to(weight, (*in_shape[:-1], *weight.shape))
        if isinstance(node, Linear):
            return Linear(weight)
        return Affine(weight, _spread(name, "bias", node.bias, out_shape))
    if isinstance(node, Conv1d | Conv2d):
        return replace(node, bias=_spread(name, "bias", node.bias, out_shape[:1]))
    keys = PARAMETERS.get(type(node).__name__, ())
    spread: dict[str, Any] = {k: _spread(name, k, getattr(node, k), in_shape) for k in keys}
    return replace(node, **spread)


def stable(name: str, node: Node, dt: float) -> None:
    """Refuse a time constant below dt / 2. Raises BadInput E0110.

    Forward Euler multiplies by 1 - dt/tau at each step; beyond dt/tau = 2 the state grows without
    input.
    """
    for key in TIMES:
        tau = getattr(node, key, None)
        if tau is not None and dt / float(np.min(tau)) > 2:
            raise BadInput(
                "E0110",
                f"{key} is too short for this time step: the state would grow without input",
                where=f"node {name!r}",
                got=f"dt/{key} = {dt / float(np.min(tau)):.4g}",
                allowed="at most 2 with integrator 'euler'",
                hint=f"dt={float(np.min(tau)) / 10:.3g}, or integrator='exponential'",
            )


def _spread(name: str, key: str, value: Array, shape: Shape) -> Array:
    try:
        # A scalar of shape (1,) may stand for a node of shape (); broadcast_to would refuse.
        squeezed = value.reshape(shape) if value.size == int(np.prod(shape)) else value
        return np.ascontiguousarray(np.broadcast_to(squeezed, shape)).reshape(shape)
    except ValueError:
        raise BadInput(
            "E0111",
            f"{key} does not fit the node's shape",
            where=f"node {name!r}",
            got=value.shape,
            allowed=f"a scalar or {shape}",
            hint=f"give {key} one value per output",
        ) from None


def _shape(name: str, shape: object) -> Shape:
    values = np.atleast_1d(np.asarray(shape))
    sound = values.ndim == 1 and (values.size == 0 or values.dtype.kind in "iu")
    if sound and (values > 0).all():
        return tuple(int(n) for n in values)
    raise BadInput(
        "E0116",
        "a shape must be a list of whole numbers above 0",
        where=f"node {name!r}",
        got=shape,
        hint="leave out batch and time, e.g. (2, 34, 34)",
    )


def _array(name: str, key: str, value: object) -> Array:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(
            "E0111", f"{key} is not an array of numbers", where=f"node {name!r}", got=repr(value)
        ) from None
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise BadInput(
            "E0108",
            f"{key} holds values that are not finite",
            where=f"node {name!r}",
            got=f"{bad} of {array.size} NaN or infinite",
            hint="the training has diverged; lower the learning rate or clip gradients",
        )
    return array


def _not_negative(name: str, value: Array, what: str, allowed: str, hint: str) -> None:
    if (value < 0).any():
        where = f"node {name!r}"
        raise BadInput(
            "E0118", what, where=where, got=float(value.min()), allowed=allowed, hint=hint
        )


def _positive_time(name: str, key: str, tau: Array) -> None:
    if (tau <= 0).any():
        raise BadInput(
            "E0109",
            f"{key} must be above zero",
            where=f"node {name!r}",
            got=float(tau.min()),
            allowed="seconds",
            hint="use I or IF for a neuron without leak",
        )


def _weighted(
    name: str, node: Affine | Linear | Conv1d | Conv2d
) -> Affine | Linear | Conv1d | Conv2d:
    rank = {Conv1d: 3, Conv2d: 4}.get(type(node))
    ok = node.weight.ndim >= 2 if rank is None else node.weight.ndim == rank
    if not ok or 0 in node.weight.shape:
        words = {3: "(c_out, c_in / groups, k)", 4: "(c_out, c_in / groups, k_y, k_x)"}
        raise BadInput(
            "E0111",
            "the weight has the wrong number of axes or an empty one",
            where=f"node {name!r}",
            got=node.weight.shape,
            allowed=words.get(rank or 0, "(..., out, in)"),
        )
    if isinstance(node, Conv1d | Conv2d) and node.weight.shape[0] % node.groups:
        raise BadInput(
            "E0116",
            "groups does not divide the number of output channels",
            where=f"node {name!r}",
            got=f"{node.weight.shape[0]} channels in {node.groups} groups",
        )
    return node


def _windowed(name: str, node: Conv1d | Conv2d | SumPool2d | AvgPool2d) -> dict[str, Any]:
    if isinstance(node, Conv1d):
        return {
            "stride": _whole(name, "stride", node.stride, 1)[0],
            "padding": _padding(name, node.padding)[0]
            if not isinstance(node.padding, str)
            else _padding(name, node.padding),
            "dilation": _whole(name, "dilation", node.dilation, 1)[0],
            "groups": _whole(name, "groups", node.groups, 1)[0],
        }
    if isinstance(node, Conv2d):
        return {
            "stride": _whole(name, "stride", node.stride, 1),
            "padding": _padding(name, node.padding),
            "dilation": _whole(name, "dilation", node.dilation, 1),
            "groups": _whole(name, "groups", node.groups, 1)[0],
        }
    return {
        "kernel_size": _whole(name, "kernel_size", node.kernel_size, 1),
        "stride": _whole(name, "stride", node.stride, 1),
        "padding": _whole(name, "padding", node.padding, 0),
    }


def _padding(name: str, value: object) -> Any:
    if not isinstance(value, str):
        return _whole(name, "padding", value, 0)
    if value in ("same", "valid"):
        kind: Literal["same", "valid"] = "same" if value == "same" else "valid"
        return kind
    raise BadInput(
        "E0116",
        "unknown padding",
        where=f"node {name!r}",
        got=repr(value),
        allowed="'same', 'valid' or whole numbers",
    )


def _whole(name: str, key: str, value: object, least: int) -> tuple[int, int]:
    """Return `value`, a number or one or two of them, as a pair of whole numbers."""
    array = np.ravel(np.asarray(value))
    if array.dtype.kind in "iuf" and array.size in (1, 2):
        pair = np.broadcast_to(array, (2,))
        if (pair == np.floor(pair)).all() and (pair >= least).all():
            return int(pair[0]), int(pair[1])
    raise BadInput(
        "E0116",
        f"{key} must be whole numbers, {least} or more",
        where=f"node {name!r}",
        got=value,
    )
