"""Leaky integrate and fire with instantaneous synapses, in float32 and in integers.

float   v <- alpha v + x + offset;   v > threshold: spike, then v <- v_reset  or  v <- v - threshold

int     v <- sat(v + x + bias)                        saturates at `sum_bits` and sign
        v >= threshold: n spikes, at most `most`
            reset 0    n = 1;                              v <- v_reset
            reset 1    n = floor((v - strict) / threshold);  v <- v - n threshold
            reset 2    n = 1;                              v stays
        v <- clip(v, v_min, 2^state_bits - 1)
        fmt = (sum_bits, state_bits, most, reset, strict); strict 1 asks for v > threshold

IF is alpha = 1; a Threshold node is alpha = 0; a readout without spikes has threshold = inf.
The float form rounds each operation to float32 in the order written, with no fused multiply-add.
Its order was confirmed on a voltage trace released with the NIR paper (01_lif).

The integer form has a constant leak, the negative part of `bias`, and no decay. Its order (add,
count spikes, subtract, clip from below) is that of the frame model of sinabs 3.1.3.

`event` is what one arriving weight does where packets are worked off one at a time: the register
saturates at `state_bits`, is clipped, and the neuron spikes at most once; what is left above the
threshold waits for the next arrival (sinabs documentation, "Weight Clipping During Training").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> bool:
    """Advance one neuron by one step; return whether it fired."""
    v = np.float32(p.alpha * s.v) + np.float32(x0)
    v = np.float32(v + p.offset)
    if v > p.threshold:
        s.v = np.float32(v - p.threshold) if p.subtract else p.v_reset
        return True
    s.v = v
    return False


def step_int(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Advance one neuron by one step in integers; return how many spikes it sends."""
    sum_bits, state_bits, most, reset, strict = fmt[0], fmt[1], fmt[2], fmt[3], fmt[4]
    whole = 1 << sum_bits
    v = min(max(int(s.v) + int(x0) + int(p.bias), -whole), whole - 1)
    threshold = int(p.threshold)
    n = 0
    if v >= threshold + strict:
        n = 1
        if reset == 0:
            v = int(p.v_reset)
        elif reset == 1:
            if threshold > 0:
                n = min((v - strict) // threshold, most)
            v -= n * threshold
    s.v = min(max(v, int(p.v_min)), (1 << state_bits) - 1)
    return n


def event_int(s: Any, w: Any, p: Any, fmt: Any) -> bool:
    """Let one weight arrive at a neuron; return whether it fires."""
    whole = 1 << fmt[1]
    v = min(max(int(s.v) + int(w), -whole), whole - 1)
    fired = bool(v >= int(p.threshold) + fmt[4])
    if fired and fmt[3] == 0:
        v = int(p.v_reset)
    elif fired and fmt[3] == 1:
        v -= int(p.threshold)
    s.v = max(v, int(p.v_min))
    return fired


FLOAT = build(
    "lif",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4")],
    params=[
        ("alpha", "f4"),
        ("offset", "f4"),
        ("threshold", "f4"),
        ("v_reset", "f4"),
        ("subtract", "u1"),
    ],
)

INT = build(
    "lif.int",
    step_int,
    inputs=1,
    drive="int32",
    state=[("v", "i4")],
    params=[
        ("bias", "i4"),
        ("threshold", "i4"),
        ("v_reset", "i4"),
        ("v_min", "i4"),
    ],
    event=event_int,
)
