"""Load a network from a NIR file (.nir, HDF5)."""

from __future__ import annotations

from pathlib import Path

from mossy.network import nir
from mossy.network.nodes import Integrator, Network, Reset


def load(
    path: str | Path,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: Reset | None = None,
) -> Network:
    """Return the network in a NIR file. dt: seconds.

    NIR says neither dt nor integrator nor how a neuron is reset by subtraction. A file that mossy
    wrote holds all three; for any other, dt must be given, and the integrator is "euler" and the
    reset "node" unless said otherwise. Raises BadInput E0101 to E0118, UnsupportedNode E0201 and
    E0202.
    """
    return nir.read(path, dt, integrator, reset)
