"""A NumPy model of rounded convolution layers, frame by frame; sinabs confirms it.

scale   s_b(x) = (2^(b-1) - 1) / |max x|, or 2^(b-1) / |min x| where |min x| is larger by more
        than one step; the least of s_8(weights), s_8(biases) and s_16(lower bound, threshold),
        in float32
frame   v <- v + convolution + bias;  n = floor(v / threshold) where v is positive;
        v <- v - n threshold, or n = 1 and v <- 0;  then v <- max(v, lower bound)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.oracles.speck_exchange import Ints, Layer, Network, Shape, Trace, pooled, read_shape

Numbers = NDArray[Any]


def golden(network: Network) -> list[Trace]:
    """Return what every layer becomes and does."""
    traces, sent = [], network["x"]
    shape: Shape = network["x"].shape[1:]
    for layer in network["layers"]:
        whole = rounded(layer)
        spikes, v = fire(convolve(sent, whole, shape), whole)
        kernel = whole["weight"].astype(np.int64)
        kernel = kernel.reshape(-1, *shape) if kernel.ndim == 2 else kernel
        bias = whole["bias"].astype(np.int64)
        bias = bias if bias.size else np.zeros(len(kernel), np.int64)
        threshold, v_min = (np.array(round(whole[k])) for k in ("threshold", "v_min"))
        traces.append(Trace(kernel, bias, threshold, v_min, spikes, v))
        sent = sum_pool(spikes, layer["pool"])
        shape = pooled(read_shape(layer, shape), layer["pool"])
    return traces


def rounded(layer: Layer) -> Layer:
    """Return the layer with whole numbers, on one scale."""
    bounds = np.array([layer["v_min"], layer["threshold"]], np.float32)
    scale = min(_scale(layer["weight"], 8), _scale(layer["bias"], 8), _scale(bounds, 16))
    v_min, threshold = np.rint(bounds * scale).tolist()
    return {
        **layer,
        "weight": np.rint(layer["weight"] * scale),
        "bias": np.rint(layer["bias"] * scale),
        "threshold": threshold,
        "v_min": v_min,
    }


def _scale(x: Numbers, bits: int) -> np.float32:
    top = np.float32(2 ** (bits - 1))
    if not x.any():
        return np.float32(np.inf)
    least, most = np.float32(x.min()), np.float32(x.max())
    ratio = np.float32(float(top) / (float(top) - 1))
    up = abs(least) <= abs(most) * ratio
    return np.float32(abs((top - 1) / most) if up else abs(top / least))


def convolve(sent: Ints, layer: Layer, shape: Shape) -> Numbers:
    """Summed input (frames, f, y, x) of a layer, in float32: exact where weights are whole."""
    weight = layer["weight"]
    bias = layer["bias"] if layer["bias"].size else np.zeros(len(weight), np.float32)
    if weight.ndim == 2:
        flat = sent.reshape(len(sent), -1).astype(np.float32)
        dense: Numbers = flat @ weight.T + bias
        return dense[..., None, None]
    (sy, sx), (py, px) = layer["stride"].tolist(), layer["padding"].tolist()
    _, height, width = read_shape(layer, shape)
    padded = np.pad(sent, ((0, 0), (0, 0), (py, py), (px, px))).astype(np.float32)
    k = weight.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (2, 3))
    windows = windows[:, :, ::sy, ::sx][:, :, :height, :width]
    found: Numbers = np.einsum("tcyxij,fcij->tfyx", windows, weight) + bias[:, None, None]
    return found


def fire(drive: Numbers, layer: Layer) -> tuple[Ints, Ints]:
    """Spikes and potentials (frames, f, y, x) of neurons with this summed input."""
    v = np.zeros(drive.shape[1:], np.float32)
    spikes, states = np.zeros(drive.shape, np.int64), np.zeros(drive.shape, np.int64)
    for t, x in enumerate(drive):
        v = v + x
        n = np.where(v > 0, v // layer["threshold"], 0)
        if layer["subtract"]:
            v = v - n * layer["threshold"]
        else:
            n = np.minimum(n, 1)
            v = np.where(n > 0, 0, v)
        v = np.maximum(v, layer["v_min"])
        spikes[t], states[t] = n, v
    return spikes, states


def sum_pool(sent: Ints, pool: int) -> Ints:
    """Sums over windows of pool x pool; what fills no window is dropped."""
    t, f, y, x = sent.shape
    cut = sent[:, :, : y // pool * pool, : x // pool * pool]
    found: Ints = cut.reshape(t, f, y // pool, pool, x // pool, pool).sum(axis=(3, 5))
    return found
