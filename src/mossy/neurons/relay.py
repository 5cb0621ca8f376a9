"""A relay: it sends on what has reached it, in the same step.

    sent = min(packets that arrived, 1)      plain: for sources that spike once a step at most
           min(packets that arrived, 255)    many: packet by packet, for inputs

How long a spike is held is a matter of the synapse that leads here: the ring buffer holds it, as
the counters of a delay core do, which have 8 bits. `steps` says that time for whoever reads the
program; no step needs it. A relay has a potential only because every neuron has one: the number it
sent last.
"""

from __future__ import annotations

from typing import Any

from mossy.neurons.model import build

ENTRY = (1 << 16) - 1  # of the ring buffer that stands for the counters
TOP = 255


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Send a spike on; return whether there was one."""
    s.v = min(x0, 1)
    return bool(x0 > 0)


def step_many(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Send all spikes of a step on; return how many."""
    s.v = min(x0, TOP)
    return int(s.v)


FLOAT = build(
    "relay",
    step,
    inputs=1,
    drive="int32",
    state=[("v", "i4")],
    params=[("steps", "i4")],
    sums=(0, ENTRY),
)
MANY = build(
    "relay.many",
    step_many,
    inputs=1,
    drive="int32",
    state=[("v", "i4")],
    params=[("steps", "i4")],
    sums=(0, ENTRY),
)
