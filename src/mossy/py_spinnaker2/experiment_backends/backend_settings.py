"""Settings of a run that scripts make.

ROUTING.MC sends a spike as one multicast packet, ROUTING.C2C as a packet from core to core for each
target: the same spikes in the same ticks, more packets.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class ROUTING(Enum):
    """How packets travel: multicast, or from core to core."""

    MC = "multicast"
    C2C = "core_to_core"


class BackendSettings:
    """Holds what a script sets; of it, only `routing_type` means anything to the twin."""

    def __init__(self, **settings: Any) -> None:
        self.routing_type: ROUTING = ROUTING.MC
        self.rebuild_apps = False
        self.switch_serial = False
        for name, value in settings.items():
            setattr(self, name, value)
