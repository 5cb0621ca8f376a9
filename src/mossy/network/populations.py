"""A network seen as populations of neurons and projections between them.

This is the form that chips and passes speak of: the linear nodes between two populations are
folded into one projection, leaks and biases into per-step coefficients:

    lif        v <- alpha v + gain (W s) + offset
    cuba_lif   i <- alpha_syn i + gain_syn (W s) + offset_syn;   v <- alpha v + gain i + offset
    sigma_delta   v <- v + W d;   sends the change of max(v + offset, 0) where it is >= threshold
    resonate_fire, adaptive_lif, graded_lif, if_curr_exp   as the neuron models of these names,
                  with their parameters

all float64 and per neuron. A readout without spikes has threshold inf.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mossy.network.recipe import Noise

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Population:
    """`n` neurons of one model, or `n` source channels (model "source").

    params: arrays (n,): alpha, gain, offset, threshold, v_reset and for cuba_lif alpha_syn,
    gain_syn, offset_syn; for sigma_delta gain (1), offset and threshold; for resonate_fire,
    adaptive_lif and graded_lif gain (1) and the neuron model's own; and what a chip's `prepare`
    adds for itself. depth: projections between the inputs and here, feedback left out. graded: the
    potential itself is sent on in every step, not spikes. node: name in the network. noise: spikes
    from outside that the population draws for itself.
    """

    name: str
    node: str
    shape: tuple[int, ...]
    model: str
    params: dict[str, Array]
    subtract: bool
    readout: Literal["spikes", "potential"]
    graded: bool
    depth: int
    noise: tuple[Noise, ...] = ()

    @property
    def n(self) -> int:
        """Number of neurons."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Conv:
    """Connectivity of a sum pool and a convolution. weight: (c_out, c_in, k_y, k_x)."""

    weight: NDArray[Any]
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    pool: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from `source` to `target`.

    weight: a sparse matrix (n_target, n_source), a `Conv`, or a `Recipe`, which brings its own
    delays. delay: extra steps, a number or an
    array per source neuron (axonal) or per target neuron (dendritic). feedback: closes a cycle.
    rate: spikes per second of the liveliest source, where a Poisson process sends them.
    """

    name: str
    source: str
    target: str
    weight: Any  # sparse.csr_array | Conv | Recipe
    delay_source: NDArray[np.int64]
    delay_target: NDArray[np.int64]
    feedback: bool
    rate: float | None = None


@dataclass(frozen=True, eq=False)
class Populations:
    """A whole network in this form. inputs, outputs: node name -> population name.

    cuts: into how many equal runs a population is to be cut at least, where a chip has said so.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    inputs: dict[str, str]
    outputs: dict[str, str]
    notes: tuple[str, ...] = ()
    cuts: dict[str, int] = field(default_factory=dict)

    def population(self, name: str) -> Population:
        """Return the population called `name`."""
        return next(p for p in self.populations if p.name == name)

    def into(self, name: str) -> tuple[Projection, ...]:
        """Return the projections that end at population `name`."""
        return tuple(p for p in self.projections if p.target == name)
