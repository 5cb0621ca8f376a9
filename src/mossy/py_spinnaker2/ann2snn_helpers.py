"""Connection lists of layers: dense, pooled, and one behind the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from mossy.errors import UnsupportedNode
from mossy.network.populations import Conv
from mossy.py_spinnaker2.helpers import (
    connection_list_from_dense_weights,
    sparse_connection_list_from_dense_weights,
)
from mossy.synapses import conv2d

__all__ = [
    "connection_list_for_sumpool2d",
    "connection_list_from_dense_weights",
    "join_conn_lists",
    "sparse_connection_list_from_dense_weights",
]

Rows = list[list[Any]]


def connection_list_for_sumpool2d(
    input_shape: Sequence[int],
    stride: Any,
    kernel_size: Any,
    padding: Any = (0, 0),
    delay: int = 0,
    data_order: str = "torch",
) -> tuple[Rows, tuple[int, int, int]]:
    """Return rows of weight 1 for a sum pool, and its output shape (c, y, x).

    input_shape: (c, y, x). Raises UnsupportedNode E0261 for windows that overlap or have a padding,
    and for another order of data.
    """
    c, y, x = (int(n) for n in input_shape)
    window, step, edge = (_pair(n) for n in (kernel_size, stride, padding))
    if window != step or edge != (0, 0) or data_order != "torch":
        raise UnsupportedNode(
            "E0261",
            "a sum pool has windows side by side, no padding, and data ordered (c, y, x)",
            where="connection_list_for_sumpool2d",
            got=f"kernel_size {window}, stride {step}, padding {edge}, data_order {data_order!r}",
            allowed='stride = kernel_size, padding 0, data_order "torch"',
        )
    out = c, y // window[0], x // window[1]
    unit = np.eye(c, dtype=np.int64)[:, :, None, None]
    table = conv2d.matrix(Conv(unit, (c, y, x), out, (1, 1), (0, 0), window)).tocoo()
    pairs = sorted(zip(table.col.tolist(), table.row.tolist(), strict=True))
    return [[pre, post, 1, delay] for pre, post in pairs], out


def _pair(value: Any) -> tuple[int, int]:
    first, second = np.broadcast_to(np.asarray(value, np.int64).ravel(), (2,)).tolist()
    return first, second


def join_conn_lists(first: Rows, second: Rows) -> Rows:
    """Return the rows of two layers without neurons between them, weights multiplied and summed.

    Delays are those of `second`.
    """
    onward: dict[int, Rows] = defaultdict(list)
    for row in second:
        onward[row[0]].append(row)
    found: dict[tuple[int, int, int], Any] = {}
    for pre, middle, weight, _ in first:
        for _, post, factor, delay in onward[middle]:
            key = pre, post, delay
            found[key] = found.get(key, 0) + weight * factor
    return [[pre, post, weight, delay] for (pre, post, delay), weight in found.items()]
