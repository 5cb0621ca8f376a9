"""The neuron of the crossbar core, in integers.

A core has 256 axons of four types. A set bit of the crossbar joins an axon to a neuron, and what a
spike on it adds is the neuron's own weight w_g for the axon's type g. So a neuron's input is four
counts n_g of active synapses, which one 64-bit sum carries side by side, 16 bits each: a synapse
of type g counts 1 << 16 g.

    v <- v + sum_g n_g w_g                stochastic: every event adds sgn(w_g) if |w_g| >= rho
    v <- v + leak sgn(v)                  without reversal: v + leak;
                                          stochastic: sgn(leak) if |leak| >= rho, else 0
    eta = rho' AND mask
    v >= threshold + eta:  spike, and     reset 0: v <- v_reset   1: v <- v - threshold - eta
                                                2: v stays
    else v < -floor - eta (eta only without saturate):
                           saturate: v <- -floor;  without it
                                          reset 0: v <- -v_reset  1: v <- v + floor + eta   2: -

rho has 8 random bits, rho' as many as the mask. After the synapses and after the leak v is clipped
to state_bits, sign included; that clipping once a tick is clipping at every event, as long as
v stays 2^16 away from the ends, which thresholds of 18 bits see to.

fmt = (state_bits, inclusive): with inclusive, v = -floor is already below the floor.

Source: Cassidy et al., "Cognitive computing building block", IJCNN 2013,
doi:10.1109/IJCNN.2013.6707077. The chip's generator of random numbers is not published. Here each
neuron has its own, xorshift32 (Marsaglia, J. Stat. Softw. 8(14), 2003; shifts 13, 17, 5), drawn
from in the order synapses by type, leak, threshold: stochastic modes agree in distribution only.
"""

from __future__ import annotations

from typing import Any

from mossy.neurons.model import build

TYPES = 4
COUNT_BITS = 16  # of one type's count in the sum; a core has no more than 256 axons


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one tick; return whether it fired."""
    high = (1 << (fmt[0] - 1)) - 1
    counts, v, r = int(x0), int(s.v), int(s.random)
    for g in range(4):
        n = (counts >> (16 * g)) & 0xFFFF
        w = int(p.w0) if g == 0 else int(p.w1) if g == 1 else int(p.w2) if g == 2 else int(p.w3)
        if (int(p.random_synapse) >> g) & 1 == 0:
            v += n * w
            continue
        for _ in range(n):
            r ^= (r << 13) & 0xFFFFFFFF
            r ^= r >> 17
            r ^= (r << 5) & 0xFFFFFFFF
            if abs(w) >= r >> 24:
                v += int(w > 0) - int(w < 0)
    v = min(max(v, -high - 1), high)

    leak = int(p.leak)
    if p.random_leak:
        r ^= (r << 13) & 0xFFFFFFFF
        r ^= r >> 17
        r ^= (r << 5) & 0xFFFFFFFF
        leak = int(leak > 0) - int(leak < 0) if abs(leak) >= r >> 24 else 0
    if p.reversal:
        leak *= int(v > 0) - int(v < 0)
    v = min(max(v + leak, -high - 1), high)

    eta, mask = 0, int(p.mask)
    if mask:
        r ^= (r << 13) & 0xFFFFFFFF
        r ^= r >> 17
        r ^= (r << 5) & 0xFFFFFFFF
        eta = (r >> 8) & mask
    s.random = r

    top, floor = int(p.threshold) + eta, -int(p.floor) - (0 if p.saturate else eta)
    fired: bool = v >= top
    if fired:
        v = int(p.v_reset) if p.reset == 0 else v - top if p.reset == 1 else v
    elif v < floor or (v == floor and fmt[1] != 0):
        if p.saturate:
            v = floor
        elif p.reset == 0:
            v = -int(p.v_reset)
        elif p.reset == 1:
            v -= floor
    s.v = v
    return fired


INT = build(
    "truenorth/neuron.int",
    step,
    inputs=1,
    drive="int64",
    state=[("v", "i4"), ("random", "i8")],
    params=[
        *[(f"w{g}", "i2") for g in range(TYPES)],
        ("random_synapse", "u1"),
        ("leak", "i2"),
        ("reversal", "u1"),
        ("random_leak", "u1"),
        ("threshold", "i4"),
        ("mask", "i4"),
        ("reset", "u1"),
        ("v_reset", "i4"),
        ("floor", "i4"),
        ("saturate", "u1"),
    ],
)
