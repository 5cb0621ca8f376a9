"""Connection lists and kernels as the chip's synapses.

A synapse word has 7 bits of weight, or 4 bits and a 3-bit delay on the models with delays. Weights
beyond that are clipped and fractions cut off towards zero, each with a warning. Scripts clip
themselves and the library's NIR import casts kernels to 8 bits; of the rest it is assumed.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.chips.chip import Chip
from mossy.chips.quantised import Synapses
from mossy.errors import BadInput, UnsupportedNode
from mossy.network.populations import Conv
from mossy.program.artefact import WordFormat
from mossy.py_spinnaker2.models import Model, find
from mossy.py_spinnaker2.snn import Conv2DProjection, Projection

KERNEL = {
    "stride_x": 1,
    "stride_y": 1,
    "pool_x": 1,
    "pool_y": 1,
    "pad_top": 0,
    "pad_bottom": 0,
    "pad_left": 0,
    "pad_right": 0,
}
SAME = (
    ("stride_x", "stride_y"),
    ("pool_x", "pool_y"),
    ("pad_top", "pad_bottom"),
    ("pad_left", "pad_right"),
)


def word(model: Model, chip: Chip) -> WordFormat:
    """Return the synapse word of a model: 7 bits of weight, or 4 and a delay."""
    delay = int(chip.facts["delay_bits"]) if model.delays else 0
    return WordFormat(16, weight=7 - delay, delay=delay, type=1, index=8, coding="magnitude")


def synapses(
    projection: Projection | Conv2DProjection, source: str, chip: Chip, whole: bool = True
) -> tuple[Synapses, ...]:
    """Return a projection in the chip's words. source: what the program calls `projection.pre`.

    whole: weights are cut to what the words hold; left as they are otherwise. Raises BadInput
    E0254, UnsupportedNode E0258.
    """
    if isinstance(projection, Conv2DProjection):
        return (_kernel(projection, source, chip, whole),)
    return _rows(projection, source, chip, whole)


def _rows(j: Projection, source: str, chip: Chip, whole: bool) -> tuple[Synapses, ...]:
    """One group for each delay; synapses between the same two neurons each have a word."""
    table = _table(j)
    model = find(j.post.neuron_model)
    pre, post = _indices(j, table[:, 0], j.pre.size), _indices(j, table[:, 1], j.post.size)
    top = int(chip.facts["weight_max_delay" if model.delays else "weight_max"])
    weight = _whole(j, table[:, 2], top) if whole else table[:, 2]
    delay = np.zeros(len(table), np.int64)
    if model.delays:
        delay = _delays(j, table[:, 3], (1 << int(chip.facts["delay_bits"])) - 1)
    twin = _occurrence((delay * j.post.size + post) * j.pre.size + pre)
    found = []
    for d, k in sorted(set(zip(delay.tolist(), twin.tolist(), strict=True))):
        here = (delay == d) & (twin == k)
        matrix = sparse.csr_array(
            (weight[here], (post[here], pre[here])), shape=(j.post.size, j.pre.size)
        )
        matrix.sort_indices()
        found.append(
            Synapses(
                source,
                f"{j.name}, delay {d}",
                matrix,
                np.full(j.pre.size, d, np.int64),
                np.zeros(j.post.size, np.int64),
            )
        )
    return tuple(found)


def _table(j: Projection) -> NDArray[np.float64]:
    """The connection list as (synapses, 4) numbers."""
    try:
        table = np.asarray(j.connections, np.float64)
    except (TypeError, ValueError):
        table = np.zeros(1)
    if table.size == 0:
        return np.zeros((0, 4))
    if table.ndim != 2 or table.shape[1] != 4 or not np.isfinite(table).all():
        raise BadInput(
            "E0254",
            "connections are not a table of numbers with four columns",
            where=j.name,
            got=f"shape {table.shape}",
            allowed="rows [pre, post, weight, delay]",
        )
    return table


def _indices(j: Projection, column: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    bad = (column < 0) | (column >= size) | (column != np.rint(column))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadInput(
            "E0254",
            "a connection names a neuron that is not there",
            where=f"{j.name}, row {row}",
            got=f"{column[row]:g}",
            allowed=f"0 to {size - 1}",
            hint="count from 0, columns [pre, post, weight, delay]",
        )
    return column.astype(np.int64)


def _delays(j: Projection, column: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    bad = (column < 0) | (column > most) | (column != np.rint(column))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadInput(
            "E0254",
            "a delay does not fit the synapse word",
            where=f"{j.name}, row {row}",
            got=f"{column[row]:g}",
            allowed=f"0 to {most}, arrival after delay + 1 ticks",
            hint="a longer tick",
        )
    return column.astype(np.int64)


def _whole(
    j: Projection | Conv2DProjection, weight: NDArray[np.float64], top: int
) -> NDArray[np.int64]:
    """Whole weights within +-top, with a warning for what was changed."""
    whole = np.trunc(weight)
    cut, over = int((whole != weight).sum()), int((np.abs(whole) > top).sum())
    if cut:
        warnings.warn(
            f"{j.name}: {cut} of {weight.size} weights lost a fraction (cut towards zero)",
            stacklevel=2,
        )
    if over:
        warnings.warn(
            f"{j.name}: {over} of {weight.size} weights outside {-top} to {top} were clipped; "
            f"the largest is {np.abs(weight).max():g}",
            stacklevel=2,
        )
    return np.clip(whole, -top, top).astype(np.int64)


def _occurrence(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of `keys`, how many equal ones stand before it."""
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    lengths = np.diff(first, append=keys.size)
    found = np.empty(keys.size, np.int64)
    found[order] = np.arange(keys.size) - np.repeat(first, lengths)
    return found


def _kernel(j: Conv2DProjection, source: str, chip: Chip, whole: bool) -> Synapses:
    if not find(j.post.neuron_model).kernels:
        raise UnsupportedNode(
            "E0258",
            "convolutions end at populations of lif_conv2d",
            where=j.name,
            got=j.post.neuron_model,
            hint="the model lif_conv2d, or a Projection",
        )
    p = _geometry(j)
    c_in, c_out, k_y, k_x = j.weights.shape
    in_shape = (c_in, p["in_height"], p["in_width"])
    out_y = (p["in_height"] // p["pool_y"] + 2 * p["pad_top"] - k_y) // p["stride_y"] + 1
    out_x = (p["in_width"] // p["pool_x"] + 2 * p["pad_left"] - k_x) // p["stride_x"] + 1
    for side, shape in ((j.pre, in_shape), (j.post, (c_out, out_y, out_x))):
        if min(shape) < 1 or side.size != int(np.prod(shape)):
            raise _refused(j, "the sizes do not match", f"{side.size} neurons", f"{shape}")
    weight: NDArray[Any] = j.weights.astype(np.float32)
    if whole:
        weight = _whole(j, j.weights.astype(np.float64), int(chip.facts["weight_max"]))
    conv = Conv(
        weight.transpose(1, 0, 2, 3).astype(np.int32 if whole else np.float32),
        in_shape,
        (c_out, out_y, out_x),
        (p["stride_y"], p["stride_x"]),
        (p["pad_top"], p["pad_left"]),
        (p["pool_y"], p["pool_x"]),
    )
    none = np.zeros(j.pre.size, np.int64), np.zeros(j.post.size, np.int64)
    return Synapses(source, j.name, conv, *none)


def _geometry(j: Conv2DProjection) -> dict[str, int]:
    """The parameters of a convolution with their defaults."""
    missing = [k for k in ("in_height", "in_width") if k not in j.params]
    strange = [k for k in j.params if k not in KERNEL and k not in ("in_height", "in_width")]
    if missing or strange or j.weights.ndim != 4:
        raise _refused(
            j,
            "a parameter is missing or unknown, or the weights have not four axes",
            f"missing {missing}, unknown {strange}, weights {j.weights.shape}",
            f"in_height, in_width, {', '.join(KERNEL)}",
        )
    p = {k: int(v) for k, v in (KERNEL | j.params).items()}
    for a, b in SAME:
        if p[a] != p[b]:  # which axis x means, and what unequal edges do, is not published
            raise _refused(j, f"{a} and {b} differ", f"{p[a]} and {p[b]}", "equal values")
    return p


def _refused(j: Conv2DProjection, what: str, got: str, allowed: str) -> UnsupportedNode:
    return UnsupportedNode(
        "E0258", what, where=j.name, got=got, allowed=allowed, hint="a Projection with its rows"
    )
