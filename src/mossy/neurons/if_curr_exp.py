"""Current-based leaky integrate and fire with exponential synapses, in s16.15 fixed point.

    value  <- value + ((sum << shift) x init >> 32)                      for either synapse
    waiting: count down, V stays
    else     alpha = ((I_offset + exc - inh) R >> 15) + V_rest
             V     <- alpha - ((alpha - V) exp_tc >> 15)
    V >= V_thresh: spike, V <- V_reset, wait for `refract` steps         (tested while waiting, too)
    value  <- value x decay >> 32                                        after the update

Every product is 64 bits wide and shifted towards minus infinity; every sum, and a sum shifted left,
wraps to 32 bits and is signed then. Nothing saturates but the input sums, which are unsigned 16-bit
ring buffer entries, one for each sign. exp_tc = exp(-dt / tau_m), decay = exp(-dt / tau_syn) and
init are fractions, R a resistance. The order and the rounding are those of sPyNNaker's released
binary (sPyNNaker 1!7.4.1, IF_curr_exp), run in an emulator. fmt = (round,): 1 rounds the two
products of the membrane to nearest instead, as its source code on a branch does.
"""

from __future__ import annotations

from typing import Any

from mossy.neurons.model import build

RING_TOP = (1 << 16) - 1  # an entry of the ring buffer saturates here


def step_fixed(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step in fixed point; return whether it fired."""
    half = 1 << 31
    arrived = (((int(x0) << int(p.exc_shift)) + half) & 0xFFFFFFFF) - half
    exc = int(s.exc) + ((arrived * int(p.exc_init)) >> 32)
    arrived = (((int(x1) << int(p.inh_shift)) + half) & 0xFFFFFFFF) - half
    inh = int(s.inh) + ((arrived * int(p.inh_init)) >> 32)
    exc = ((exc + half) & 0xFFFFFFFF) - half
    inh = ((inh + half) & 0xFFFFFFFF) - half
    if s.refract > 0:
        s.refract -= 1
    else:
        nearest = int(fmt[0]) << 14
        current = ((int(p.i_offset) + exc - inh + half) & 0xFFFFFFFF) - half
        alpha = ((current * int(p.r) + nearest) >> 15) + int(p.v_rest)
        alpha = ((alpha + half) & 0xFFFFFFFF) - half
        gap = ((alpha - int(s.v) + half) & 0xFFFFFFFF) - half
        v = alpha - ((gap * int(p.exp_tc) + nearest) >> 15)
        s.v = ((v + half) & 0xFFFFFFFF) - half
    fired = s.v >= p.v_thresh
    if fired:
        s.v = p.v_reset
        s.refract = p.refract
    s.exc = (exc * int(p.exc_decay)) >> 32
    s.inh = (inh * int(p.inh_decay)) >> 32
    return bool(fired)


FIXED = build(
    "if_curr_exp.fixed",
    step_fixed,
    inputs=2,
    drive="int32",
    state=[("v", "i4"), ("exc", "i4"), ("inh", "i4"), ("refract", "i4")],
    params=[
        ("v_rest", "i4"),
        ("v_reset", "i4"),
        ("v_thresh", "i4"),
        ("r", "i4"),
        ("exp_tc", "i4"),
        ("i_offset", "i4"),
        ("refract", "i4"),
        ("exc_decay", "u4"),
        ("inh_decay", "u4"),
        ("exc_init", "u4"),
        ("inh_init", "u4"),
        ("exc_shift", "i4"),
        ("inh_shift", "i4"),
    ],
    sums=(0, RING_TOP),
)
