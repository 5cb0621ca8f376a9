"""Populations, projections and networks, as a script builds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy.errors import BadInput
from mossy.py_spinnaker2 import power
from mossy.py_spinnaker2.models import RECORDS, find

Spikes = dict[int, list[int]]
Voltages = dict[int, NDArray[np.float32]]


class Population:
    """`size` neurons of one model. params: one dict for all, a value or one for each neuron.

    A `spike_list` population is an input: its params are {neuron: [ticks]}. record: "spikes", "v",
    "time_done", "n_packets". `dvfs_params`: levels of its own. Raises UnsupportedNode E0253,
    BadInput E0256.
    """

    def __init__(
        self,
        size: int,
        neuron_model: str,
        params: Mapping[Any, Any] | None = None,
        name: str | None = None,
        record: Sequence[str] = ("spikes",),
    ) -> None:
        find(neuron_model)
        self.size, self.neuron_model = int(size), neuron_model
        self.params: Mapping[Any, Any] = {} if params is None else params
        self.name = name or ""
        self.record = list(record)
        self.max_atoms_per_core: int | None = None
        self.dvfs_params: power.DVFSParams | None = None
        self.nir_v_scale: Any = None  # of populations that s2_nir made
        self.nir_w_scale: Any = None
        self.recorded: dict[str, Any] = {}
        self.check_record()

    def check_record(self) -> None:
        """Raise BadInput E0256 where `record`, which scripts change, holds an unknown name."""
        unknown = [r for r in self.record if r not in RECORDS]
        if unknown:
            raise BadInput(
                "E0256",
                "nothing of that name can be recorded",
                where=f"population {self.name}",
                got=unknown,
                allowed=", ".join(RECORDS),
            )

    def set_max_atoms_per_core(self, max_atoms: int) -> None:
        """Put at most `max_atoms` neurons on a core; fewer where more do not fit."""
        if max_atoms < 1:
            raise BadInput(
                "E0255",
                "a core holds at least one neuron",
                where=f"population {self.name}",
                got=max_atoms,
                allowed="1 or more",
            )
        self.max_atoms_per_core = int(max_atoms)

    def get_spikes(self) -> Spikes:
        """Return {neuron: ticks at which it spiked}, silent neurons included."""
        found: Spikes = self._get("spikes")
        return found

    def get_voltages(self) -> Voltages:
        """Return {neuron: (timesteps,) potential after each tick, reset included}."""
        found: Voltages = self._get("v")
        return found

    def get_time_done_times(self) -> dict[str, NDArray[np.float64]]:
        """Return {core: (timesteps,) when it was done with a tick, as a share of the tick}.

        Cores are called "PE(x, y, p)", by quad and number in it, as in the library.
        """
        found: dict[str, NDArray[np.float64]] = self._get("time_done")
        return found

    def get_n_packets(self) -> dict[str, NDArray[np.int64]]:
        """Return {core: (timesteps,) packets that were sent to it during each tick}."""
        found: dict[str, NDArray[np.int64]] = self._get("n_packets")
        return found

    def get_variable(self, name: str) -> Any:
        """Return what `record` calls `name`. Raises BadInput E0256 where there is nothing."""
        return self._get(name)

    def reset(self) -> None:
        """Forget what was recorded."""
        self.recorded = {}

    def _get(self, what: str) -> Any:
        if what not in self.recorded:
            asked = what in self.record
            raise BadInput(
                "E0256",
                f"there is no recording of {what!r}",
                where=f"population {self.name}",
                got="no run yet" if asked else f"record={self.record}",
                hint="hw.run(net, timesteps) first" if asked else f'record=["{what}"]',
            )
        return self.recorded[what]


class Projection:
    """Synapses from `pre` to `post`. connections: rows [pre, post, weight, delay].

    Weights count whole units: -15 to 15 with delays 0 to 7 (arrival after delay + 1 ticks), -127
    to 127 on the models without delay, which leave the last number unread.
    """

    def __init__(
        self,
        pre: Population,
        post: Population,
        connections: Sequence[Sequence[float]] | NDArray[Any],
        name: str | None = None,
    ) -> None:
        self.pre, self.post, self.connections = pre, post, connections
        self._name = name

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._name or f"projection {self.pre.name} -> {self.post.name}"

    @property
    def sparse_weights(self) -> sparse.csr_array:
        """The weights as (n_pre, n_post), those of two neurons added up."""
        table = np.asarray(self.connections, np.float64).reshape(-1, 4)
        where = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        return sparse.csr_array((table[:, 2], where), shape=(self.pre.size, self.post.size))


class Conv2DProjection:
    """A convolution kept as its kernel. weights: (c_in, c_out, height, width), -127 to 127.

    params: in_height, in_width and, if not 1, 1 and 0: stride_x, stride_y, pool_x, pool_y,
    pad_top, pad_bottom, pad_left, pad_right. Both sides are ordered (channel, y, x).
    """

    def __init__(
        self,
        pre: Population,
        post: Population,
        weights: NDArray[Any],
        params: Mapping[str, int],
    ) -> None:
        self.pre, self.post = pre, post
        self.weights, self.params = np.asarray(weights), dict(params)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"convolution {self.pre.name} -> {self.post.name}"


class Network:
    """What is to be run: populations and the projections between them."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.populations: list[Population] = []
        self.projections: list[Projection | Conv2DProjection] = []

    def add(self, *parts: Population | Projection | Conv2DProjection) -> None:
        """Add populations and projections, in any order. Raises BadInput E0259 for the rest."""
        for part in parts:
            if isinstance(part, Population):
                self.populations += [] if part in self.populations else [part]
            elif isinstance(part, Projection | Conv2DProjection):
                self.projections.append(part)
            else:
                raise BadInput(
                    "E0259",
                    "a network is made of populations and projections",
                    where=f"network {self.name}",
                    got=type(part).__name__,
                    hint="net.add(*list_of_parts) for a list",
                )

    def validate(self) -> None:
        """Change nothing: a run checks the network that it gets."""

    def reset(self) -> None:
        """Forget what the populations have recorded."""
        for population in self.populations:
            population.reset()


def names(populations: Iterable[Population]) -> list[str]:
    """Return a name for each that no other has: its own, its number where that is taken."""
    found: list[str] = []
    for i, population in enumerate(populations):
        name = population.name or f"population {i}"
        found.append(f"{name} ({i})" if name in found else name)
    return found
