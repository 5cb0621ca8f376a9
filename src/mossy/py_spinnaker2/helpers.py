"""Small tools that scripts use to turn weights into connections and spikes into arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def spike_times_dict_to_arrays(
    spikes: Mapping[int, Sequence[int]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (neurons, ticks) of {neuron: ticks}, one entry for each spike."""
    neurons = [k for k, ticks in spikes.items() for _ in ticks]
    ticks = [t for ticks in spikes.values() for t in ticks]
    return np.array(neurons, np.int64), np.array(ticks, np.int64)


def spike_times_to_matrix(
    spikes: Mapping[int, Sequence[int]], n_timesteps: int
) -> NDArray[np.uint8]:
    """Return (neurons, n_timesteps) of {neuron: ticks}, 1 where there is a spike."""
    found = np.zeros((max(spikes, default=-1) + 1, n_timesteps), np.uint8)
    for k, ticks in spikes.items():
        found[k, list(ticks)] = 1
    return found


def connection_list_from_dense_weights(weights: NDArray[Any], delay: int) -> list[list[Any]]:
    """Return rows [pre, post, weight, delay] of weights (n_pre, n_post), zeros included."""
    w = np.asarray(weights)
    return [[i, j, w[i, j], delay] for i in range(w.shape[0]) for j in range(w.shape[1])]


def sparse_connection_list_from_dense_weights(weights: NDArray[Any], delay: int) -> list[list[Any]]:
    """Return rows [pre, post, weight, delay] of weights (n_pre, n_post), zeros left out."""
    w = np.asarray(weights)
    return [[int(i), int(j), w[i, j], delay] for i, j in zip(*np.nonzero(w), strict=True)]
