"""Leaky integrators, which have no threshold and send their potential every step, in float32.

    li          v <- alpha v + x + offset
    li.cuba     i_exc <- d_exc i_exc + x_exc + offset_syn;  i_inh <- d_inh i_inh + x_inh
                v <- alpha v + (i_exc - i_inh) + offset

I is alpha = 1. The arithmetic is that of `lif` and `cuba_lif` below threshold, rounding included.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.neurons.model import build


def step(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> Any:
    """Advance one neuron by one step; return its potential."""
    v = np.float32(p.alpha * s.v) + np.float32(x0)
    s.v = np.float32(v + p.offset)
    return s.v


def step_cuba(s: Any, x0: Any, x1: Any, p: Any, fmt: Any) -> Any:
    """Advance one current-based neuron by one step; return its potential."""
    s.i_exc = np.float32(np.float32(p.exc_decay * s.i_exc) + np.float32(x0)) + p.offset_syn
    s.i_inh = np.float32(p.inh_decay * s.i_inh) + np.float32(x1)
    v = np.float32(p.alpha * s.v) + np.float32(s.i_exc - s.i_inh)
    s.v = np.float32(v + p.offset)
    return s.v


FLOAT = build(
    "li",
    step,
    inputs=1,
    drive="float32",
    state=[("v", "f4")],
    params=[("alpha", "f4"), ("offset", "f4")],
    sends="values",
)

CUBA = build(
    "li.cuba",
    step_cuba,
    inputs=2,
    drive="float32",
    state=[("v", "f4"), ("i_exc", "f4"), ("i_inh", "f4")],
    params=[
        ("exc_decay", "f4"),
        ("inh_decay", "f4"),
        ("offset_syn", "f4"),
        ("alpha", "f4"),
        ("offset", "f4"),
    ],
    sends="values",
)
