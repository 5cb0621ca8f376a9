"""The nodes without state as functions of a stack of signals, for the float reference.

Convolutions gather the taps of every window (stride-tricks views, no copy until the product) and
multiply once per group; a stack is cut so that the gathered taps stay below `TAPS_BYTES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike, NDArray

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
    Scale,
    Shape,
    SumPool2d,
    Threshold,
)
from mossy.network.shapes import axis_padding, pads

Signal = NDArray[Any]
Apply = Callable[[Signal], Signal]
TAPS_BYTES = 1 << 25  # 32 MiB: larger blocks only leave the cache


def linear(node: Node, shape: Shape, dtype: DTypeLike) -> Apply | None:
    """Return the function of a stack (n, *shape) that `node` is, or None if it has a state."""
    if isinstance(node, Input | Output):
        return lambda x: x
    if isinstance(node, Affine | Linear):
        return _matrix(node, dtype)
    if isinstance(node, Scale):
        scale = node.scale.astype(dtype)
        return lambda x: x * scale
    if isinstance(node, Threshold):
        threshold = node.threshold.astype(dtype)
        return lambda x: (x > threshold).astype(dtype)
    if isinstance(node, Flatten):
        start, end = node.start_dim, node.end_dim
        head, tail = shape[:start], shape[end + 1 :]
        return lambda x: x.reshape((len(x), *head, -1, *tail))
    if isinstance(node, Conv1d):
        return _conv1d(node, shape, dtype)
    if isinstance(node, Conv2d):
        return _blocked(_conv2d(node, shape, dtype), node.weight[0].size * node.groups)
    if isinstance(node, SumPool2d | AvgPool2d):
        return _pool(node)
    return None


def _matrix(node: Affine | Linear, dtype: DTypeLike) -> Apply:
    weight = node.weight.astype(dtype)
    bias = node.bias.astype(dtype) if isinstance(node, Affine) else 0

    def apply(x: Signal) -> Signal:
        if weight.ndim == 2:
            return np.asarray(x @ weight.T + bias)
        return np.asarray((weight @ x[..., None])[..., 0] + bias)

    return apply


def _windows(x: Signal, k: tuple[int, int], stride: tuple[int, int]) -> Signal:
    """Return the view (..., places_y, places_x, k_y, k_x) of the windows of the last two axes."""
    view = sliding_window_view(x, k, axis=(-2, -1))
    return view[..., :: stride[0], :: stride[1], :, :]


def _conv2d(node: Conv2d, shape: Shape, dtype: DTypeLike) -> Apply:
    groups, (c_out, c_group, k_y, k_x) = node.groups, node.weight.shape
    weight = node.weight.astype(dtype).reshape(groups, c_out // groups, -1)
    bias = node.bias.astype(dtype)
    around = [
        pads(
            shape[1 + a],
            node.weight.shape[2 + a],
            node.stride[a],
            axis_padding(node.padding, a),
            node.dilation[a],
        )
        for a in (0, 1)
    ]
    reach = tuple(d * (k - 1) + 1 for d, k in zip(node.dilation, (k_y, k_x), strict=True))

    def apply(x: Signal) -> Signal:
        x = np.pad(x, ((0, 0), (0, 0), *around))
        taps = _windows(x, (reach[0], reach[1]), node.stride)
        taps = taps[..., :: node.dilation[0], :: node.dilation[1]]
        n, _, h, w = taps.shape[:4]
        parts = []
        for g in range(groups):
            own = taps[:, g * c_group : (g + 1) * c_group]
            gathered = own.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, -1)
            parts.append((gathered @ weight[g].T).reshape(n, h, w, -1))
        out = np.concatenate(parts, axis=-1) + bias
        return np.ascontiguousarray(out.transpose(0, 3, 1, 2))

    return apply


def _conv1d(node: Conv1d, shape: Shape, dtype: DTypeLike) -> Apply:
    """A Conv1d is a Conv2d over an image of height 1."""
    padding = node.padding if isinstance(node.padding, str) else (0, node.padding)
    flat = Conv2d(
        node.weight[:, :, None, :],
        node.bias,
        (1, node.stride),
        padding,
        (1, node.dilation),
        node.groups,
    )
    image = _conv2d(flat, (shape[0], 1, shape[1]), dtype)
    inner = _blocked(image, node.weight[0].size * node.groups)
    return lambda x: inner(x[:, :, None, :])[:, :, 0, :]


def _pool(node: SumPool2d | AvgPool2d) -> Apply:
    (p_y, p_x), k = node.padding, node.kernel_size
    area = k[0] * k[1] if isinstance(node, AvgPool2d) else 1

    def apply(x: Signal) -> Signal:
        before = [(0, 0)] * (x.ndim - 2)
        x = np.pad(x, (*before, (p_y, p_y), (p_x, p_x)))
        return np.asarray(_windows(x, k, node.stride).sum(axis=(-2, -1)) / x.dtype.type(area))

    return apply


def _blocked(apply: Apply, taps: int) -> Apply:
    """Return `apply` over slices of a stack, given the taps gathered for one output place."""

    def run(x: Signal) -> Signal:
        # At most one place per input element: an upper bound for all strides.
        per_item = taps * int(np.prod(x.shape[2:])) * x.itemsize
        step = max(TAPS_BYTES // max(per_item, 1), 1)
        return np.concatenate([apply(x[i : i + step]) for i in range(0, len(x), step)])

    return run
