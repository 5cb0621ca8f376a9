"""The fixed-point neuron against numbers worked by hand, and against exact integration.

    tau_m dV/dt = V_rest - V + R I,    tau_s dI/dt = -I,    a spike adds its weight to I

The closed form is what the chip's arithmetic approximates: it takes the mean of the current over a
step, which leaves an error of second order in the step, and rounds exp_tc to 15 bits.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons

MODEL = neurons.model("if_curr_exp.fixed")
ONE, HALF = 1 << 15, 1 << 31
NEVER = (1 << 31) - 1
LOW = -(1 << 31)


def trace(
    params: dict[str, int],
    x: list[tuple[int, int]],
    start: dict[str, int] | None = None,
    fmt: tuple[int] = (0,),
) -> tuple[NDArray[Any], list[bool]]:
    """Step one neuron, in Python and compiled; return its states and whether it fired."""
    p, s = np.zeros(1, MODEL.params), np.zeros(1, MODEL.state)
    for name, value in ({"v_thresh": NEVER} | params).items():
        p[name] = value
    for name, value in (start or {}).items():
        s[name] = value
    live = s.copy()[None]
    ring = np.array(x, MODEL.drive).reshape(1, len(x), 2)
    which, count = np.zeros((1, 1), np.int32), np.zeros(1, np.int64)
    sent = np.zeros((1, 1), MODEL.drive)
    seen, fired = np.zeros(len(x), MODEL.state), []
    for t, (x0, x1) in enumerate(x):
        now, fixed = s.view(np.recarray)[0], p.view(np.recarray)[0]
        fired.append(bool(MODEL.step(now, x0, x1, fixed, fmt)))
        seen[t] = s[0]
        MODEL.update(live, p, ring, t, 0, fmt, which, sent, count)
        assert live[0, 0] == s[0] and count[0] == fired[-1]
    return seen, fired


# ------------------------------------------------------------------------------ by hand
HALVES = {"exp_tc": ONE // 2, "r": 2 * ONE, "v_rest": -ONE}
HALVES |= {f"{k}_{name}": HALF for k in ("exc", "inh") for name in ("decay", "init")}
HALVES |= {"exc_shift": 3, "inh_shift": 3}


def test_currents_decay_after_the_update_and_the_potential_settles() -> None:
    """Entries of 8192, shifted by 3 and halved, are 1.0; R = 2, V_rest = -1, all else halves.

    step  exc   inh  I      R I + V_rest  V
    0     1     0    1      1             1 - (1 - 0) / 2 = 1/2
    1     1/2   0    1/2    0             0 - (0 - 1/2) / 2 = 1/4
    2     1/4   1    -3/4   -5/2          -5/2 + (5/2 + 1/4) / 2 = -9/8
    """
    seen, fired = trace(HALVES, [(8192, 0), (0, 0), (0, 8192)])
    assert (seen["v"] / ONE).tolist() == [1 / 2, 1 / 4, -9 / 8]
    assert (seen["exc"] / ONE).tolist() == [1 / 2, 1 / 4, 1 / 8]  # as the next step finds them
    assert (seen["inh"] / ONE).tolist() == [0, 0, 1 / 2]
    assert fired == [False] * 3


def test_products_are_cut_towards_minus_infinity() -> None:
    least = {"r": 1, "i_offset": -1}
    assert trace(least, [(0, 0)])[0]["v"] == [-1]  # -1 x 1 >> 15
    assert trace(least, [(0, 0)], fmt=(1,))[0]["v"] == [0]  # nearest: (-1 + 2^14) >> 15
    shrinks = {"exp_tc": ONE // 2}
    assert trace(shrinks, [(0, 0)], {"v": 1})[0]["v"] == [1]  # 0 - (-1 x 1/2 >> 15) = 0 - (-1)
    assert trace(shrinks, [(0, 0)], {"v": 1}, (1,))[0]["v"] == [0]
    decays = {"exc_decay": HALF}
    assert trace(decays, [(0, 0)], {"exc": -1})[0]["exc"] == [-1]


def test_sums_wrap() -> None:
    whole = {"r": ONE, "i_offset": NEVER}
    assert trace(whole, [(0, 0)], {"exc": 1})[0]["v"] == [LOW]
    assert trace(whole | {"v_rest": 1}, [(0, 0)])[0]["v"] == [LOW]
    gap = {"v_rest": NEVER, "exp_tc": ONE}  # NEVER - LOW is -1: V = NEVER - (-1)
    assert trace(gap, [(0, 0)], {"v": LOW})[0]["v"] == [LOW]
    added = {"exc_init": (1 << 32) - 1, "exc_decay": (1 << 32) - 1}
    assert trace(added, [(2, 0)], {"exc": NEVER})[0]["exc"][0] == LOW  # LOW (1 - 2^-32), cut
    shifted = {"exc_shift": 16, "exc_init": HALF, "exc_decay": (1 << 32) - 1}
    seen, _ = trace(shifted, [(0x8000, 0)])  # 2^31 is -2^31: half of it, then cut once more
    assert seen["exc"][0] == -(1 << 30)


def test_the_threshold_is_tested_while_waiting_too() -> None:
    """V = 3 at the threshold 3 fires; v_reset 2 does not; then it waits two steps and moves on."""
    params = {"v_rest": 3, "v_thresh": 3, "v_reset": 2, "refract": 2}
    seen, fired = trace(params, [(0, 0)] * 5)
    assert fired == [True, False, False, True, False]
    assert seen["v"].tolist() == [2] * 5
    assert seen["refract"].tolist() == [2, 1, 0, 2, 1]
    seen, fired = trace(params | {"v_reset": 3}, [(0, 0)] * 3)
    assert fired == [True] * 3 and seen["refract"].tolist() == [2] * 3


def test_entries_saturate_where_they_are_added_up() -> None:
    assert MODEL.sums == (0, 65535)


# ------------------------------------------------------------------------------ exact integration
def continuous(
    dt: float, steps: int, tau_m: float, tau_s: float, weight: float, **others: int
) -> tuple[NDArray[np.float64], list[bool]]:
    """One input in the first step, or a constant current; times in ms. Return V and spikes."""
    decay = math.exp(-dt / tau_s)
    params = {
        "exp_tc": round(math.exp(-dt / tau_m) * ONE),
        "exc_decay": math.floor(decay * (1 << 32)),
        "exc_init": math.floor(tau_s / dt * (1 - decay) * (1 << 32)),
    }
    x = [(round(weight * ONE), 0)] + [(0, 0)] * (steps - 1)
    seen, fired = trace(params | others, x)
    return seen["v"] / ONE, fired


def worst(dt: float, tau_m: float = 20.0, tau_s: float = 5.0) -> float:
    """Largest error of the response to one input, as a share of its peak."""
    steps, weight, r = int(60 / dt), 1.5, 16
    v, _ = continuous(dt, steps, tau_m, tau_s, weight, r=r * ONE)
    t = dt * np.arange(1, steps + 1)
    share = tau_s / (tau_s - tau_m)
    exact = r * weight * share * (np.exp(-t / tau_s) - np.exp(-t / tau_m))
    return float(abs(v - exact).max() / exact.max())


def test_a_response_converges_to_exact_integration() -> None:
    """Halving a long step takes away two thirds of the error at least; 1 ms leaves 0.1 %.

    Below that exp_tc decides: off by half a unit, it changes the leak of a step, dt / tau_m, by
    2^-16 tau_m / dt of itself.
    """
    errors = [worst(dt) for dt in (8, 4, 2, 1)]
    assert all(finer < coarser / 3 for coarser, finer in pairwise(errors))
    assert errors[-1] < 1e-3
    for dt in (0.5, 0.25, 0.125):
        assert worst(dt) < 1e-4 + 2.0**-16 * 20 / dt


@pytest.mark.parametrize("dt", [1.0, 0.5, 0.25])
def test_a_constant_current_fires_within_a_step_of_the_exact_time(dt: float) -> None:
    """R I > threshold is reached at tau ln(R I / (R I - threshold)), the first spike's time.

    Shorter steps leave a leak, rounded to 2^-15, that is off by more than a step's worth.
    """
    rng = np.random.default_rng(0)
    for tau, current in rng.uniform((5, 1.1), (30, 3), (20, 2)):
        exact = tau * math.log(current / (current - 1))
        steps = int(exact / dt) + 3
        others = {"r": ONE, "i_offset": round(current * ONE), "v_thresh": ONE}
        _, fired = continuous(dt, steps, tau, 5.0, 0.0, **others)
        first = (fired.index(True) + 1) * dt
        assert first - math.ceil(exact / dt) * dt in (-dt, 0, dt)
