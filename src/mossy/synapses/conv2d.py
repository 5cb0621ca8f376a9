"""A convolution kept as its kernel: which outputs an input event reaches, and with what weight.

pooled (y', x') = (y // pool_y, x // pool_x)
output (c_o, o_y, o_x) is reached through tap (k_y, k_x) where
    o_y * stride_y = y' + pad_y - k_y   and likewise for x.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


class Geometry(Protocol):
    """What both functions need to know of a convolution."""

    @property
    def weight(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def in_shape(self) -> tuple[int, int, int]: ...  # noqa: D102
    @property
    def out_shape(self) -> tuple[int, int, int]: ...  # noqa: D102
    @property
    def stride(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def padding(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def pool(self) -> tuple[int, int]: ...  # noqa: D102


def targets(g: Geometry, source: int, lo: int, hi: int) -> Iterator[tuple[int, Any]]:
    """Yield (output - lo, weight) for one input element, outputs within lo .. hi, weight not 0."""
    c, rest = divmod(source, g.in_shape[1] * g.in_shape[2])
    y, x = divmod(rest, g.in_shape[2])
    py, px = y // g.pool[0], x // g.pool[1]
    if py >= g.in_shape[1] // g.pool[0] or px >= g.in_shape[2] // g.pool[1]:
        return  # the pool drops what does not fill a window
    _, out_y, out_x = g.out_shape
    for o in range(g.out_shape[0]):
        for ky in range(g.weight.shape[2]):
            oy, left = divmod(py + g.padding[0] - ky, g.stride[0])
            if left or not 0 <= oy < out_y:
                continue
            for kx in range(g.weight.shape[3]):
                ox, left = divmod(px + g.padding[1] - kx, g.stride[1])
                if left or not 0 <= ox < out_x:
                    continue
                index = (o * out_y + oy) * out_x + ox
                w = g.weight[o, c, ky, kx]
                if lo <= index < hi and w != 0:
                    yield index - lo, w


def matrix(g: Geometry) -> sparse.csr_array:
    """Return the same connectivity as a sparse matrix (outputs, inputs), zeros left out."""
    c_out, out_y, out_x = g.out_shape
    c_in, in_y, in_x = g.in_shape
    rows: list[NDArray[Any]] = []
    cols: list[NDArray[Any]] = []
    data: list[NDArray[Any]] = []
    py, px = in_y // g.pool[0], in_x // g.pool[1]
    for ky in range(g.weight.shape[2]):
        oy, iy = _pairs(py, out_y, g.stride[0], g.padding[0], ky)
        for kx in range(g.weight.shape[3]):
            ox, ix = _pairs(px, out_x, g.stride[1], g.padding[1], kx)
            for dy in range(g.pool[0]):
                for dx in range(g.pool[1]):
                    o = (oy[:, None] * out_x + ox).ravel()
                    i = ((iy[:, None] * g.pool[0] + dy) * in_x + ix * g.pool[1] + dx).ravel()
                    row = np.arange(c_out)[:, None, None] * (out_y * out_x) + o
                    col = np.arange(c_in)[None, :, None] * (in_y * in_x) + i
                    w = g.weight[:, :, ky, kx, None]
                    for part, into in ((row, rows), (col, cols), (w, data)):
                        into.append(np.broadcast_to(part, (c_out, c_in, o.size)).ravel())
    shape = (c_out * out_y * out_x, c_in * in_y * in_x)
    if not rows:
        return sparse.csr_array(shape, dtype=g.weight.dtype)
    keep = np.concatenate(data) != 0
    entries = (np.concatenate(rows)[keep], np.concatenate(cols)[keep])
    return sparse.csr_array((np.concatenate(data)[keep], entries), shape=shape)


def in_degrees(g: Geometry) -> NDArray[np.int64]:
    """Return how many synapses end at each output: (outputs,), zeros left out."""
    taps = np.count_nonzero(g.weight, axis=1).astype(np.int64)  # (c_out, k_y, k_x)
    inside = [_inside(g, axis).sum(axis=2) for axis in (0, 1)]
    each = np.einsum("oyx,yi,xj->oij", taps, *inside, optimize=True)
    found: NDArray[np.int64] = np.rint(each).astype(np.int64).ravel()
    return found * int(g.pool[0] * g.pool[1])


def reach(g: Geometry, lo: int, hi: int) -> NDArray[np.bool_]:
    """Return which inputs have a synapse on the outputs lo .. hi: (inputs,)."""
    _, out_y, out_x = g.out_shape
    area = out_y * out_x
    some = np.zeros((g.in_shape[0], *(n // p for n, p in zip(g.in_shape[1:], g.pool, strict=True))))
    edges = sorted({lo, hi, min(hi, -(-lo // area) * area), max(lo, hi // area * area)})
    for a, b in pairwise(edges):  # a part of a channel, whole channels, a part of the last one
        asked = np.zeros(area)
        asked[a % area : a % area + min(area, b - a)] = 1
        taps = (g.weight[a // area : -(-b // area)] != 0).any(axis=0).astype(float)
        ways = _inside(g, 0), asked.reshape(out_y, out_x), _inside(g, 1)
        some += np.einsum("cyx,yia,ij,xjb->cab", taps, ways[0], ways[1], ways[2], optimize=True)
    found = np.zeros(g.in_shape, bool)
    pooled = (some > 0).repeat(g.pool[0], axis=1).repeat(g.pool[1], axis=2)
    found[:, : pooled.shape[1], : pooled.shape[2]] = pooled
    return found.ravel()


def _inside(g: Geometry, axis: int) -> NDArray[np.float64]:
    """(taps, outputs, pooled inputs) of one axis: 1 where the tap of the output is that input."""
    taps, n = g.weight.shape[2 + axis], g.in_shape[1 + axis] // g.pool[axis]
    found = np.zeros((taps, g.out_shape[1 + axis], n))
    for tap in range(taps):
        out, source = _pairs(n, g.out_shape[1 + axis], g.stride[axis], g.padding[axis], tap)
        found[tap, out, source] = 1
    return found


def _pairs(
    n_in: int, n_out: int, stride: int, pad: int, tap: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    out = np.arange(n_out)
    source = out * stride + tap - pad
    keep = (source >= 0) & (source < n_in)
    return out[keep], source[keep]
