"""A network as layers of the chip: every projection a square convolution behind a sum pool.

A dense projection is a convolution whose kernel is as large as the map it reads. Where its weights
are equal all over windows of 2 x 2 or 4 x 4 pixels, the sender's sum pool does that part, because
the kernel then needs 4 or 16 times less memory.

What a layer core can do, and what it cannot, is from the sinabs documentation (Speck overview).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.facts import Facts
from mossy.errors import UnsupportedNode
from mossy.network.populations import Conv, Population, Populations, Projection

Map = tuple[int, int, int]  # channels, height, width


def prepare(
    populations: Populations, options: Any, facts: Facts
) -> tuple[Populations, dict[str, int]]:
    """Return the network with every projection as a convolution that a layer core can do.

    Raises UnsupportedNode E0238 (order of layers), E0240 (shape of a layer).
    """
    maps: dict[str, Map] = {}
    projections: dict[str, Projection] = {}
    for p in populations.populations:
        incoming = populations.into(p.name)
        _in_order(p, incoming)
        done = [_layer(j, maps[j.source], p, populations.population(j.source)) for j in incoming]
        _alike(p, [j.weight for j in done])
        for j in done:
            _able(p, j.weight, facts)
            projections[j.name] = j
        maps[p.name] = done[0].weight.out_shape if done else _as_map(p)
    _fan_out(populations, int(facts["destinations_max"]))
    changed = tuple(projections[j.name] for j in populations.projections)
    notes = (*populations.notes, *_readout(populations, int(facts["readout_classes"])))
    return dataclasses.replace(populations, projections=changed, notes=notes), {}


def _readout(populations: Populations, classes: int) -> list[str]:
    return [
        f"{name}: {n} neurons, more than the {classes} classes of the readout layer: read it from "
        "the monitor bus"
        for name in populations.outputs.values()
        if (n := populations.population(name).n) > classes
    ]


def _in_order(p: Population, incoming: tuple[Projection, ...]) -> None:
    for j in incoming:
        if j.feedback:
            raise UnsupportedNode(
                "E0238",
                "a layer feeds itself or one before it; events pass through the layers once",
                where=p.node,
                got=f"a loop over {j.source}",
                hint="train the network without recurrence",
            )
        if j.delay_source.any() or j.delay_target.any():
            raise UnsupportedNode(
                "E0238",
                "a delay between layers; events pass on as soon as they come",
                where=p.node,
                got=f"{int(j.delay_source.max(initial=0) + j.delay_target.max(initial=0))} steps",
                allowed="no delay",
                hint="leave the delay out",
            )
    if len({j.source for j in incoming}) < len(incoming):
        raise UnsupportedNode(
            "E0238",
            "two paths lead from one layer to another",
            where=p.node,
            allowed="one convolution from each layer",
            hint="join the paths into one convolution",
        )


def _fan_out(populations: Populations, most: int) -> None:
    for p in populations.populations:
        targets = {j.target for j in populations.projections if j.source == p.name}
        if p.model != "source" and len(targets) > most:
            raise UnsupportedNode(
                "E0238",
                "a layer sends to too many others",
                where=p.node,
                got=f"{len(targets)} layers",
                allowed=f"{most} layers",
                hint="pass the events on through one of the layers",
            )


def _layer(j: Projection, source: Map, target: Population, sender: Population) -> Projection:
    w = j.weight
    if not isinstance(w, Conv):
        return dataclasses.replace(j, weight=_dense(w.toarray(), source, target))
    if w.in_shape != source and sender.model != "source":  # the host may address events at will
        raise _shape(
            target,
            "maps are read in another shape than they are written in",
            w.in_shape,
            source,
            "leave out the reshaping, or flatten before a dense layer",
        )
    return j


def _dense(weight: NDArray[np.float64], source: Map, target: Population) -> Conv:
    """The convolution that is this matrix (targets, sources), with the largest pool in it."""
    channels, height, width = source
    square = weight.reshape(target.n, channels, height, width)
    pool, found = next((p, k) for p in (4, 2, 1) if (k := _pooled(square, p)) is not None)
    if found.shape[2] != found.shape[3]:
        raise _shape(
            target,
            "a dense layer reads a map that is not square",
            f"{height} x {width}",
            "height = width",
            "pad the map, or make it one pixel high and wide",
        )
    return Conv(found, source, (target.n, 1, 1), (1, 1), (0, 0), (pool, pool))


def _pooled(w: NDArray[np.float64], p: int) -> NDArray[np.float64] | None:
    """Weights of the pooled map, or None where they differ within windows of p x p."""
    f, c, height, width = w.shape
    h, v = height // p, width // p
    if h == 0 or v == 0 or w[:, :, h * p :].any() or w[:, :, :, v * p :].any():
        return None  # a pool drops what does not fill a window
    windows = w[:, :, : h * p, : v * p].reshape(f, c, h, p, v, p)
    first = windows[:, :, :, :1, :, :1]
    return first[:, :, :, 0, :, 0] if (windows == first).all() else None


def _as_map(p: Population) -> Map:
    if len(p.shape) > 3:
        raise _shape(p, "a map has more than three axes", p.shape, "channels, y, x", "flatten it")
    if len(p.shape) == 3:
        return p.shape[0], p.shape[1], p.shape[2]
    return (p.n, 1, 1) if len(p.shape) < 2 else (1, p.shape[0], p.shape[1])


def _alike(p: Population, weights: Sequence[Any]) -> None:
    """All that ends at a layer goes through one kernel memory, stacked by input channel."""
    forms = {
        (w.weight.shape[2:], w.stride, w.padding, w.out_shape, _pooled_map(w)) for w in weights
    }
    if len(forms) > 1:
        raise _shape(
            p,
            "two layers end here through convolutions of different form",
            ", ".join(sorted(str(f[:4]) for f in forms)),
            "one kernel size, stride, padding and map size",
            "use the same convolution geometry for both",
        )


def _pooled_map(w: Conv) -> tuple[int, int]:
    return w.in_shape[1] // w.pool[0], w.in_shape[2] // w.pool[1]


def _able(p: Population, w: Any, facts: Facts) -> None:
    """Refuse a convolution that no core can do, naming the first thing that it cannot."""
    strides = tuple(1 << k for k in range(int(facts["stride_max"]).bit_length()))
    pools = tuple(1 << k for k in range(int(facts["pool_max"]).bit_length()))
    kernel, side = int(facts["kernel_side_max"]), int(facts["input_side_max"])
    padding, top = int(facts["padding_max"]), int(facts["map_side_max"])
    channels = int(facts["channels_max"])
    f, c, ky, kx = w.weight.shape
    read = _pooled_map(w)
    checks: tuple[tuple[str, Any, bool, str, str], ...] = (
        ("the kernel is not square", (ky, kx), ky == kx, "square", "pad it with zeros"),
        ("the kernel is too large", (ky, kx), max(ky, kx) <= kernel, f"{kernel} x {kernel}",
         "pool or convolve the map to a smaller one first"),
        ("no such stride", w.stride, set(w.stride) <= set(strides), f"{strides}",
         "another stride, or a pool behind the layer"),
        ("no such padding", w.padding, min(w.padding) >= 0 and max(w.padding) <= padding,
         f"0 to {padding}", "less padding"),
        ("no such sum pool", w.pool, w.pool[0] == w.pool[1] and w.pool[0] in pools,
         f"{pools}, square", "another pool, or a stride in the convolution"),
        ("the input map is too large", read, max(read) <= side, f"{side} x {side}",
         "pool or crop the input"),
        ("the output map is too large", w.out_shape[1:], max(w.out_shape[1:]) <= top,
         f"{top} x {top}", "a stride in the convolution"),
        ("too many channels", (c, f), max(c, f) <= channels, f"{channels}", "fewer channels"),
        ("the output map does not follow from kernel, stride and padding", w.out_shape[1:],
         w.out_shape[1:] == _out(w), f"{_out(w)}", "a plain convolution"),
    )  # fmt: skip
    for what, got, fine, allowed, hint in checks:
        if not fine:
            raise _shape(p, what, got, allowed, hint)


def _out(w: Conv) -> tuple[int, int]:
    read, kernel = _pooled_map(w), w.weight.shape[2:]
    y, x = ((read[i] + 2 * w.padding[i] - kernel[i]) // w.stride[i] + 1 for i in (0, 1))
    return y, x


def _shape(p: Population, what: str, got: object, allowed: object, hint: str) -> UnsupportedNode:
    return UnsupportedNode("E0240", what, where=p.node, got=got, allowed=allowed, hint=hint)
