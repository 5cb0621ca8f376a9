"""Small tools that scripts use to turn weights into connections and spikes into arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.errors import UnsupportedNode

REFUSED = ("plot_times_done_multiple_pes_one_plot_vertical",)


def __getattr__(name: str) -> Any:
    if name not in REFUSED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise UnsupportedNode(
        "E0261",
        f"helpers.{name} is not there: nothing is drawn here",
        where="helpers",
        hint="population.get_time_done_times(), and matplotlib",
    )


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


def calculate_population_spike_rate(
    spike_times: Sequence[int] | NDArray[Any], n_neurons: int, bin_size: int = 10
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (rates, centres of bins): spikes per neuron and second, a tick being 1 ms.

    spike_times: ticks of all spikes. bin_size: ticks; the library's own is not known.
    """
    ticks = np.asarray(spike_times, np.float64)
    edges = np.arange(0.0, ticks.max(initial=0.0) + 1 + bin_size, bin_size)
    found, _ = np.histogram(ticks, edges)
    return found / (max(n_neurons, 1) * bin_size * 1e-3), (edges[:-1] + edges[1:]) / 2
