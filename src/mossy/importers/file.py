"""Load a network from a file: the ending of its name says which reader knows it."""

from __future__ import annotations

from pathlib import Path

from mossy.network.nodes import Integrator, Network, Reset

NETX = ".net"


def load(
    path: str | Path,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    reset: Reset | None = None,
) -> Network:
    """Return the network in a NIR file, or in a NetX file where the name ends in .net.

    dt: seconds. NIR says neither dt nor integrator nor how a neuron is reset by subtraction; a file
    that mossy wrote holds all three. For any other, dt must be given, and the integrator is "euler"
    and the reset "node" unless said otherwise. See `nir_file.load` and `netx.load` for what they
    raise.
    """
    if Path(path).suffix == NETX:
        from mossy.importers import netx

        return netx.load(path, dt=dt, integrator=integrator, reset=reset)
    from mossy.importers import nir_file

    return nir_file.load(path, dt=dt, integrator=integrator, reset=reset)
