"""The adaptive exponential neuron against an exact solution, spikes included, and bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from mossy import neurons
from mossy.neurons.eif_cond_exp import coefficients, substeps
from tests.neurons import cells

DT = 1e-4
CELL: dict[str, Any] = {  # Brette and Gerstner 2005
    "tau_m": 9.3667e-3,
    "c_m": 0.281e-9,
    "delta_t": 2e-3,
    "v_spike": -40e-3,
    "a": 4e-9,
    "b": 80.5e-12,
    "tau_w": 144e-3,
    "tau_exc": 5e-3,
    "tau_inh": 5e-3,
    "e_exc": 0.0,
    "e_inh": -80e-3,
    "v_rest": -70.6e-3,
    "v_reset": -70.6e-3,
    "v_thresh": -50.4e-3,
    "tau_refrac": 0.1e-3,
    "i_offset": 0.0,
}
REST = CELL["v_rest"]


def slope(cell: dict[str, Any]) -> Callable[[float, NDArray[Any]], Sequence[Any]]:
    """dy/dt of y = (V in volts, w, g_exc, g_inh)."""
    g_leak = cell["c_m"] / cell["tau_m"]

    def f(t: float, y: NDArray[Any]) -> Sequence[Any]:
        v, w, exc, inh = y
        low = min(v, cell["v_spike"])
        kick = g_leak * cell["delta_t"] * np.exp((low - cell["v_thresh"]) / cell["delta_t"])
        into = kick - g_leak * (low - cell["v_rest"]) - w + cell["i_offset"]
        into += -exc * (low - cell["e_exc"]) - inh * (low - cell["e_inh"])
        dw = (cell["a"] * (low - cell["v_rest"]) - w) / cell["tau_w"]
        return [into / cell["c_m"], dw, -exc / cell["tau_exc"], -inh / cell["tau_inh"]]

    return f


def run(
    name: str, parts: int, cell: dict[str, Any], x: NDArray[np.int64], dt: float = DT
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    model = neurons.model(name)
    p = cells.params(model, coefficients(dt, substeps=parts, **cell), x.shape[1])
    return cells.compiled(model, p, x, (parts,))


def test_below_a_spike_the_potential_is_the_exact_one() -> None:
    """At the recommended substep: within 2e-5 mV in float64, 5e-4 mV in float32."""
    x = cells.arrivals(4, 1500, 1, 0.05, 6)
    y = (REST, 0, 0, 0)
    wanted = cells.solution(slope(CELL), y, DT, x[:, 0], (2, 3), cells.UNIT)
    assert wanted[:, 0].max() < CELL["v_thresh"] and np.ptp(wanted[:, 0]) > 5e-3
    for name, near in (("eif_cond_exp.double", 2e-8), ("eif_cond_exp", 5e-7)):
        states, sent = run(name, substeps(DT), CELL, x)
        assert not sent.any()
        assert np.abs(states["v"][:, 0] + REST - wanted[:, 0]).max() < near
        assert states["w"][:, 0] == pytest.approx(wanted[:, 1], rel=1e-3, abs=1e-14)


def spiking(cell: dict[str, Any], until: float) -> tuple[list[int], NDArray[np.float64]]:
    """Return the steps that fire under a constant current, and w after each spike's step.

    V is held from the crossing to the end of its step and for `tau_refrac`, by construction.
    """
    f, now, t = slope(cell), np.array([REST, 0.0, 0.0, 0.0]), 0.0

    def crossing(t: float, y: NDArray[Any]) -> float:
        return float(y[0] - cell["v_spike"])

    crossing.terminal = True  # type: ignore[attr-defined]
    steps: list[int] = []
    after: list[float] = []
    while True:
        free = solve_ivp(f, (t, until), now, "DOP853", events=crossing, rtol=1e-11, atol=1e-17)
        if not free.t_events[0].size:
            return steps, np.array(after)
        t, w = float(free.t[-1]), float(free.y[1, -1]) + cell["b"]
        step = int(t / DT)
        goal = cell["a"] * (cell["v_reset"] - REST)
        end = (step + 1) * DT
        after.append(goal + (w - goal) * np.exp((t - end) / cell["tau_w"]))
        steps.append(step)
        start = end + cell["tau_refrac"]
        w = goal + (w - goal) * np.exp((t - start) / cell["tau_w"])
        now, t = np.array([cell["v_reset"], w, 0.0, 0.0]), start


@pytest.mark.parametrize("other", [{}, {"tau_refrac": 2e-3, "a": 0.0}, {"v_spike": -20e-3}])
def test_spikes_and_adaptation_are_the_exact_ones(other: dict[str, float]) -> None:
    cell = CELL | {"i_offset": 1.2e-9} | other
    steps, w = spiking(cell, 0.3)
    states, sent = run("eif_cond_exp.double", substeps(DT), cell, np.zeros((3000, 1, 2), np.int64))
    found = np.flatnonzero(sent[:, 0])
    assert len(steps) > 5 and found.tolist() == steps
    assert states["w"][found, 0] == pytest.approx(w, rel=1e-4)


def test_more_substeps_bring_adaptation_nearer_in_second_order() -> None:
    """w after the fifth spike; 1 .. 8 parts of a step of 0.1 ms."""
    cell = CELL | {"i_offset": 1.2e-9}
    steps, w = spiking(cell, 0.3)

    def error(part: float) -> float:
        x = np.zeros((3000, 1, 2), np.int64)
        states, sent = run("eif_cond_exp.double", round(DT / part), cell, x)
        found = np.flatnonzero(sent[:, 0])
        assert found.tolist() == steps
        return float(np.abs(states["w"][found, 0] - w).max())

    assert cells.decay_of_error(error, [DT / k for k in (1, 2, 4, 8)]) > 1.5


def test_after_a_spike_it_is_held_for_the_rest_of_the_step_and_the_refractory_steps() -> None:
    cell = CELL | {"i_offset": 2e-9, "tau_refrac": 0.4e-3, "v_reset": -60e-3}
    states, sent = run("eif_cond_exp", 4, cell, np.zeros((300, 1, 2), np.int64))
    first = int(np.flatnonzero(sent[:, 0])[0])
    held = np.float32(cell["v_reset"] - REST)
    assert (states["v"][first : first + 5, 0] == held).all()
    assert states["v"][first + 5, 0] > held
    assert states["refract"][first : first + 5, 0].tolist() == [4, 3, 2, 1, 0]


def test_without_a_refractory_time_it_may_fire_twice_in_a_step() -> None:
    cell = CELL | {"i_offset": 400e-9, "tau_refrac": 0.0, "b": 0.0}
    _, sent = run("eif_cond_exp.double", 8, cell, np.zeros((3, 1, 2), np.int64))
    assert sent.max() >= 2


def test_without_a_slope_it_fires_at_its_threshold() -> None:
    """delta_t = 0, a = b = 0: V relaxes to 25 mV with tau_m and fires above 20.2 mV."""
    leak = CELL["c_m"] / CELL["tau_m"]
    cell = CELL | {"delta_t": 0.0, "a": 0.0, "b": 0.0, "i_offset": 25e-3 * leak}
    states, sent = run("eif_cond_exp.double", 4, cell, np.zeros((400, 1, 2), np.int64))
    first = int(np.flatnonzero(sent[:, 0])[0])
    wanted = -CELL["tau_m"] * np.log(1 - 20.2 / 25) / DT
    assert first == int(wanted)
    assert states["v"][first - 1, 0] == pytest.approx(
        25e-3 * (1 - np.exp(-first * DT / CELL["tau_m"])), rel=1e-7
    )


@pytest.mark.parametrize("name", ["eif_cond_exp", "eif_cond_exp.double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model, parts = neurons.model(name), 3
    cell = CELL | {"i_offset": 0.8e-9}
    p = cells.params(model, coefficients(DT, substeps=parts, **cell), 2)
    x = cells.arrivals(5, 200, 2, 0.3, 10)
    by_code, sent = cells.compiled(model, p, x, (parts,))
    by_hand, said = cells.plain(model, p, x, (parts,))
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 1


def test_substeps_are_at_most_so_long() -> None:
    assert [substeps(dt) for dt in (1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3)] == [1, 1, 2, 4, 40]
