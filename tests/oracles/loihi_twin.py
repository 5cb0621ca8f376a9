"""The implementation that the Loihi 1 emulators are compared with."""

from __future__ import annotations

from tests.oracles.loihi_exchange import Network, Trace
from tests.oracles.loihi_golden import golden


def twin_run(network: Network) -> list[Trace]:
    """Return u, v and spikes of every population."""
    return golden(network)
