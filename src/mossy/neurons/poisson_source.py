"""A source of random spikes: each step it fires with a fixed probability.

    waiting: count down, no number is drawn;   else   draw < chance: spike, wait `refract` steps

draw is a number of KISS64 (neurons/kiss64.py) below 2^32, chance = p 2^32. Without refraction the
spikes are a Bernoulli process, the Poisson process of rate p per step for small p.
The neuron has a potential only because every neuron has one; what arrives is ignored.
"""

from __future__ import annotations

from typing import Any

from mossy.neurons.kiss64 import STATE, draw
from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one source by one step; return whether it fired."""
    if s.refract > 0:
        s.refract -= 1
        return False
    x, y, z, c, u = draw(int(s.rx), int(s.ry), int(s.rz), int(s.rc))
    s.rx, s.ry, s.rz, s.rc = x, y, z, c
    fired = u < int(p.chance)
    if fired:
        s.refract = p.refract
    return bool(fired)


FLOAT = build(
    "poisson_source",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4"), ("refract", "i4"), *STATE],
    params=[("chance", "i8"), ("refract", "i4")],
)
