"""Shapes of signals: what each node takes in and gives out, without batch and time.

    conv, pool   n_out = floor((n + p_before + p_after - d (k - 1) - 1) / stride) + 1
    "same"       n_out = ceil(n / stride), the missing rows split with the odd one at the end

The first formula is PyTorch's (torch.nn.Conv2d). PyTorch refuses "same" with a stride other than
1; NIR allows it and says nothing, so the rule is that of TensorFlow and Keras (tf.nn.convolution).
Kernels need not be square, groups count, and Flatten's axes are counted without batch.

Two shapes meet on an edge if they are equal, or if both hold the same number of elements and one
of them is flat once axes of length 1 are dropped: (1, 1, 8), (8,) and (2, 2, 2) meet in C order,
(2, 3) and (3, 2) do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from mossy.errors import BadInput
from mossy.network.nodes import (
    Affine,
    AvgPool2d,
    Conv1d,
    Conv2d,
    Flatten,
    Input,
    Linear,
    Node,
    Output,
    Shape,
    SumPool2d,
)

PARAMETERS: dict[str, tuple[str, ...]] = {
    "Scale": ("scale",),
    "Delay": ("delay",),
    "Threshold": ("threshold",),
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "SigmaDelta": ("threshold", "bias"),
    "ResonateFire": ("period", "tau", "v_threshold"),
    "AdaptiveLIF": (
        "tau_syn",
        "tau_mem",
        "tau_threshold",
        "tau_refract",
        "v_threshold",
        "jump",
        "bias",
    ),
    "GradedLIF": ("tau_syn", "tau_mem", "v_threshold", "bias"),
}
"""Parameters of the nodes that work element by element; they share the node's shape."""


def size(shape: Shape) -> int:
    """Return the number of elements of `shape`; 1 for the shape ()."""
    return math.prod(shape)


def meets(a: Shape, b: Shape) -> bool:
    """Return whether a signal of shape `a` may enter where shape `b` is expected."""
    if a == b:
        return True
    flat_a, flat_b = (tuple(n for n in s if n != 1) for s in (a, b))
    return size(a) == size(b) and (flat_a == flat_b or len(flat_a) <= 1 or len(flat_b) <= 1)


def pads(
    n: int, k: int, stride: int, padding: int | Literal["same", "valid"], dilation: int
) -> tuple[int, int]:
    """Return the zeros (before, after) that `padding` puts along one axis of length `n`."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = max((-(-n // stride) - 1) * stride + dilation * (k - 1) + 1 - n, 0)
        return total // 2, total - total // 2
    return padding, padding


def window(n: int, k: int, stride: int, pad: tuple[int, int], dilation: int = 1) -> int:
    """Return the number of places of a window of `k` taps along one axis; < 1 if it never fits."""
    return (n + sum(pad) - dilation * (k - 1) - 1) // stride + 1


def axis_padding(
    padding: tuple[int, int] | Literal["same", "valid"], axis: int
) -> int | Literal["same", "valid"]:
    """Return the padding of one axis of a Conv2d."""
    return padding if isinstance(padding, str) else padding[axis]


def conv_in(node: Conv1d | Conv2d, space: Sequence[int]) -> Shape:
    """Return the input shape of a convolution over an image of shape `space`."""
    return (node.weight.shape[1] * node.groups, *space)


def parameter_shape(node: Node) -> Shape:
    """Return the joint shape of an element-wise node's parameters. ValueError if they clash."""
    names = PARAMETERS[type(node).__name__]
    return np.broadcast_shapes(*(np.shape(getattr(node, n)) for n in names))


def _mismatch(where: str, got: Shape, allowed: object, hint: str) -> BadInput:
    return BadInput(
        "E0105", "shapes do not match", where=where, got=got, allowed=allowed, hint=hint
    )


def input_shape(name: str, node: Node, arriving: Shape, where: str, hint: Shape | None) -> Shape:
    """Return the shape in which `node` takes a signal of shape `arriving`.

    `where` names the edge. `hint` is the input shape that a file states for the node, if any.
    Raises BadInput E0105 (shapes do not match) and E0111 (parameters of unequal shape).
    """
    if isinstance(node, Output):
        return arriving if meets(arriving, node.shape) else _refuse(where, arriving, node.shape)
    if isinstance(node, Input):
        return node.shape
    if isinstance(node, (Affine, Linear)):
        return _linear_in(node, arriving, where)
    if isinstance(node, (Conv1d, Conv2d)):
        return _conv_in(node, arriving, where, hint)
    if isinstance(node, (SumPool2d, AvgPool2d)):
        if len(arriving) >= 2:
            return arriving
        raise _mismatch(where, arriving, "(..., height, width)", "put the pool before Flatten")
    if isinstance(node, Flatten):
        return hint if hint is not None and meets(arriving, hint) else arriving
    return _element_in(name, node, arriving, where)


def _refuse(where: str, arriving: Shape, expected: Shape) -> Shape:
    text = f"give the first node {size(expected)} outputs, or the second {size(arriving)} inputs"
    if size(arriving) == size(expected):
        text = "transpose the weights: axes in another order are not the same signal"
    raise _mismatch(where, arriving, expected, text)


def _linear_in(node: Affine | Linear, arriving: Shape, where: str) -> Shape:
    expected = (*node.weight.shape[:-2], node.weight.shape[-1])
    if meets(arriving, expected):
        return expected
    # As torch.nn.Linear: a plain matrix works on the last axis, once for each leading index.
    if node.weight.ndim == 2 and len(arriving) > 1 and arriving[-1] == expected[0]:
        return arriving
    return _refuse(where, arriving, expected)


def _conv_in(node: Conv1d | Conv2d, arriving: Shape, where: str, hint: Shape | None) -> Shape:
    rank = node.weight.ndim - 2
    channels = node.weight.shape[1] * node.groups
    if len(arriving) == rank + 1 and arriving[0] == channels:
        return arriving
    if hint is not None and meets(arriving, hint):
        return hint
    squeezed = tuple(n for n in arriving if n != 1)
    if channels == 1 and len(squeezed) == rank:
        return (1, *squeezed)
    axes = ("height", "width") if rank == 2 else ("length",)
    allowed = f"({', '.join((str(channels), *axes))})"
    raise _mismatch(where, arriving, allowed, "check in_channels and groups of the convolution")


def _element_in(name: str, node: Node, arriving: Shape, where: str) -> Shape:
    try:
        own = parameter_shape(node)
    except ValueError:
        names = PARAMETERS[type(node).__name__]
        got = {n: np.shape(getattr(node, n)) for n in names}
        raise BadInput(
            "E0111",
            "parameters of one node have shapes that do not broadcast",
            where=f"node {name!r}",
            got=got,
            allowed="scalars and arrays of one shape",
            hint="give every parameter one value per neuron",
        ) from None
    if own != () and meets(arriving, own):
        return own
    try:
        joint = np.broadcast_shapes(own, arriving)
    except ValueError:
        joint = ()
    return arriving if joint == arriving else _refuse(where, arriving, own)


def output_shape(name: str, node: Node, shape: Shape) -> Shape:
    """Return the shape that `node` gives out for an input of `shape`.

    Raises BadInput E0116 where a window is larger than its padded image or Flatten's axes are
    wrong.
    """
    if isinstance(node, Affine | Linear):
        return (*shape[:-1], node.weight.shape[-2])
    if isinstance(node, Conv1d):
        pad = pads(shape[1], node.weight.shape[2], node.stride, node.padding, node.dilation)
        n = window(shape[1], node.weight.shape[2], node.stride, pad, node.dilation)
        return (node.weight.shape[0], *_fits(name, (n,), shape))
    if isinstance(node, Conv2d):
        return (node.weight.shape[0], *_fits(name, _conv2d_places(node, shape), shape))
    if isinstance(node, SumPool2d | AvgPool2d):
        places = tuple(
            window(n, k, s, (p, p))
            for n, k, s, p in zip(
                shape[-2:], node.kernel_size, node.stride, node.padding, strict=True
            )
        )
        return (*shape[:-2], *_fits(name, places, shape))
    if isinstance(node, Flatten):
        start, end = flatten_axes(name, node, shape)
        return (*shape[:start], size(shape[start : end + 1]), *shape[end + 1 :])
    return shape


def _conv2d_places(node: Conv2d, shape: Shape) -> Shape:
    places = []
    for axis in (0, 1):
        n, k, stride = shape[1 + axis], node.weight.shape[2 + axis], node.stride[axis]
        pad = pads(n, k, stride, axis_padding(node.padding, axis), node.dilation[axis])
        places.append(window(n, k, stride, pad, node.dilation[axis]))
    return tuple(places)


def _fits(name: str, places: Shape, shape: Shape) -> Shape:
    if min(places) >= 1:
        return places
    raise BadInput(
        "E0116",
        "the kernel is larger than its padded input",
        where=f"node {name!r}",
        got=f"input {shape}",
        hint="use a smaller kernel or more padding",
    )


def flatten_axes(name: str, node: Flatten, shape: Shape) -> tuple[int, int]:
    """Return first and last axis that `node` joins, both >= 0. Raises BadInput E0116."""
    rank = max(len(shape), 1)
    start = node.start_dim + rank if node.start_dim < 0 else node.start_dim
    end = node.end_dim + rank if node.end_dim < 0 else node.end_dim
    if rank == 1 and node.start_dim == 1:  # NIR's default on a signal that is flat already
        start = 0
    if not 0 <= start <= end < rank:
        raise BadInput(
            "E0116",
            "Flatten joins axes that the signal does not have",
            where=f"node {name!r}",
            got=f"start_dim {node.start_dim}, end_dim {node.end_dim} on shape {shape}",
            hint="count axes without batch and time, from 0",
        )
    return start, end
