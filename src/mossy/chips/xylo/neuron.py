"""The integer neuron of Xylo: one or two synaptic registers, shift decays, several spikes a step.

    d(x)  = x >> dash, and where that is 0, the sign of x      (>> rounds towards -infinity)
    i0   <- i0 - d0(i0);   i1 <- i1 - d1(i1)                    after all arrivals of the step
    v    <- sat(v + dv)
            version 1   dv = -d(v) + i0 + i1
            version 2   dv = sat(wrap(-d(v)) + i0 + i1), then sat(dv + bias) where biases are on
    n    <- what aliases brought
    while v >= threshold and n < most:  n <- n + 1,  v <- v - threshold

Registers have 16 bits: sat clips to [-32768, 32767], wrap is two's complement, which matters once:
at v = -32768 with dash 0, -d(v) = 32768 wraps to -32768, and the register stays at its floor.
What arrives is added to i0 or i1 itself, saturating with every spike.

`alias` is the distance to the neuron that is sent a copy of this one's spikes. Neurons advance in
index order, so a copy for a later neuron is there when that neuron begins to count, uses up its
most spikes and spares its potential; an earlier neuron has counted already and sends more.

fmt = (version, most, bias): 1 or 2; most spikes of a neuron in a step (31 hidden, 1 readout); 1
where biases are on. Found by experiment on xylosim 0.1.3, as SOURCES.md says.
"""

from __future__ import annotations

from typing import Any

from mossy.neurons.model import build

LO, HI = -32768, 32767


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> int:
    """Advance one neuron by one step; return how many spikes it sends, those of aliases included.

    x0, x1: the synaptic registers with everything that has arrived.
    """
    i0 = int(x0)
    d = i0 >> int(p.dash_syn0)
    if d == 0:
        d = (i0 > 0) - (i0 < 0)
    i0 -= d
    i1 = int(x1)
    d = i1 >> int(p.dash_syn1)
    if d == 0:
        d = (i1 > 0) - (i1 < 0)
    i1 -= d

    v = int(s.v)
    d = v >> int(p.dash_mem)
    if d == 0:
        d = (v > 0) - (v < 0)
    dv = -d
    if fmt[0] == 1:
        dv += i0 + i1
    else:
        dv = ((dv + 32768) & 0xFFFF) - 32768
        dv = min(max(dv + i0 + i1, LO), HI)
        if fmt[2]:
            dv = min(max(dv + int(p.bias), LO), HI)
    v = min(max(v + dv, LO), HI)

    n = int(s.copied)
    threshold, most = int(p.threshold), int(fmt[1])
    while v >= threshold and n < most:
        n += 1
        v -= threshold
    s.v, s.i0, s.i1, s.copied = v, i0, i1, 0
    return n


def evolve(state: Any, x: Any, params: Any, fmt: Any, sent: Any) -> None:
    """Advance all neurons of a core in index order, with their aliases; sent: (n,) receives spikes.

    x: (2 n,), the synaptic registers of each neuron side by side.
    """
    n = len(state)
    for k in range(n):
        spikes = step(state[k], x[2 * k], x[2 * k + 1], params[k], fmt)
        sent[k] = spikes
        offset = params[k].alias
        if offset == 0:
            continue
        target = k + offset
        if target > k:
            state[target].copied = min(state[target].copied + spikes, fmt[1])
        else:
            sent[target] = min(sent[target] + spikes, fmt[1])


INT = build(
    "xylo/neuron.int",
    step,
    inputs=2,
    drive="int32",
    state=[("v", "i4"), ("i0", "i4"), ("i1", "i4"), ("copied", "i4")],
    params=[
        ("dash_mem", "i4"),
        ("dash_syn0", "i4"),
        ("dash_syn1", "i4"),
        ("threshold", "i4"),
        ("bias", "i4"),
        ("alias", "i4"),
    ],
    receptors="type",
    sums=(LO, HI),
    keeps=("i0", "i1"),
    evolve=evolve,
)
