"""Hodgkin and Huxley's neuron against an exact solution, its order, its spikes, and bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy import neurons
from mossy.neurons.hh_cond_exp import (
    bend,
    coefficients,
    gates,
    plain_bend,
    plain_rates,
    rates,
    substeps,
)
from tests.neurons import cells

DT = 1e-4
CELL: dict[str, Any] = {  # Brette et al. 2007
    "c_m": 0.2e-9,
    "g_leak": 10e-9,
    "g_na": 20e-6,
    "g_k": 6e-6,
    "e_leak": -60e-3,
    "e_na": 50e-3,
    "e_k": -90e-3,
    "v_offset": -63e-3,
    "tau_exc": 5e-3,
    "tau_inh": 10e-3,
    "e_exc": 0.0,
    "e_inh": -80e-3,
    "i_offset": 0.0,
}
REST = CELL["e_leak"]
START = {k: float(v) for k, v in gates(REST, CELL["v_offset"]).items()}
PEAK = 30e-3  # volts above v_offset


def traub(u: float) -> tuple[float, ...]:
    """alpha, beta of m, h, n per ms as printed; u in mV above v_offset, not at 13, 15 or 40."""
    return (
        0.32 * (13 - u) / (np.exp((13 - u) / 4) - 1),
        0.28 * (u - 40) / (np.exp((u - 40) / 5) - 1),
        0.128 * np.exp((17 - u) / 18),
        4 / (1 + np.exp((40 - u) / 5)),
        0.032 * (15 - u) / (np.exp((15 - u) / 5) - 1),
        0.5 * np.exp((10 - u) / 40),
    )


def slope(cell: dict[str, Any]) -> Callable[[float, NDArray[Any]], Sequence[Any]]:
    """dy/dt of y = (V in volts, m, h, n, g_exc, g_inh)."""

    def f(t: float, y: NDArray[Any]) -> Sequence[Any]:
        v, m, h, n, exc, inh = y
        am, bm, ah, bh, an, bn = traub(1e3 * (v - cell["v_offset"]))
        into = -cell["g_leak"] * (v - cell["e_leak"]) + cell["i_offset"]
        into += -cell["g_na"] * m**3 * h * (v - cell["e_na"]) - cell["g_k"] * n**4 * (
            v - cell["e_k"]
        )
        into += -exc * (v - cell["e_exc"]) - inh * (v - cell["e_inh"])
        moves = [1e3 * (a * (1 - z) - b * z) for a, b, z in ((am, bm, m), (ah, bh, h), (an, bn, n))]
        return [into / cell["c_m"], *moves, -exc / cell["tau_exc"], -inh / cell["tau_inh"]]

    return f


def run(
    name: str, parts: int, cell: dict[str, Any], x: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    model = neurons.model(name)
    p = cells.params(model, coefficients(DT, substeps=parts, **cell), x.shape[1])
    return cells.compiled(model, p, x, (parts,), START)


@pytest.fixture(scope="module")
def exact() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Arrivals (steps, 1, 2) that make it fire, and the solution (steps, 6)."""
    x = cells.arrivals(2, 700, 1, 0.03, 12)
    y = (REST, START["m"], START["h"], START["n"], 0, 0)
    with np.errstate(over="ignore"):
        return x, cells.solution(slope(CELL), y, DT, x[:, 0], (4, 5), cells.UNIT)


def test_spikes_come_one_step_after_the_peak(
    exact: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    x, wanted = exact
    v = wanted[:, 0]
    falls = np.flatnonzero((v[1:] < v[:-1]) & (v[1:] >= CELL["v_offset"] + PEAK)) + 1
    firsts = [k for i, k in enumerate(falls.tolist()) if i == 0 or k - falls[i - 1] > 1]
    for name in ("hh_cond_exp.double", "hh_cond_exp"):
        states, sent = run(name, substeps(DT), CELL, x)
        assert len(firsts) > 1 and np.flatnonzero(sent[:, 0]).tolist() == firsts
        assert states["refract"][firsts, 0].tolist() == [20] * len(firsts)


def test_the_potential_is_the_exact_one(
    exact: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    """float64: 1e-6 mV to the first spike's foot, 1e-2 mV to its peak. float32: 2e-3 and 0.1 mV."""
    x, wanted = exact
    for name, low, top in (("hh_cond_exp.double", 1e-9, 1e-5), ("hh_cond_exp", 2e-6, 1e-4)):
        states, sent = run(name, substeps(DT), CELL, x)
        first = int(np.flatnonzero(sent[:, 0])[0])
        off = np.abs(states["v"][:, 0] + REST - wanted[:, 0])
        foot = int(np.flatnonzero(wanted[:, 0] > -50e-3)[0])
        assert 10 < foot < first
        assert off[:foot].max() < low
        assert off[:first].max() < top


def test_its_error_falls_with_the_fourth_power_of_the_part_of_a_step(
    exact: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    x, wanted = exact

    def error(part: float) -> float:
        states, _ = run("hh_cond_exp.double", round(DT / part), CELL, x)
        return float(np.abs(states["v"][:, 0] + REST - wanted[:, 0]).max())

    assert cells.decay_of_error(error, [DT / k for k in (8, 16, 32)]) == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize("u", [-30.0, 0.0, 12.9, 14.0, 39.0, 41.0, 110.0])
def test_the_rates_are_those_printed(u: float) -> None:
    assert rates(u * 1e-3) == pytest.approx(traub(u), rel=1e-12)


@pytest.mark.parametrize("u", [13.0, 15.0, 40.0])
def test_where_the_printed_rates_are_nothing_by_nothing_they_are_smooth(u: float) -> None:
    around = (np.array(traub(u - 1e-4)) + np.array(traub(u + 1e-4))) / 2
    assert rates(u * 1e-3) == pytest.approx(around, rel=1e-6)


def test_rates_in_python_and_compiled_have_the_same_bits() -> None:
    for v in np.linspace(-0.2, 0.2, 401):
        assert [float(r) for r in plain_rates(v)] == list(rates(v))
    for x in (-1.1e-3, -9e-4, 0.0, 1e-9, 0.5):
        grown = np.exp(x)
        assert float(plain_bend(x, grown)) == bend(x, grown)
        assert bend(x, grown) == pytest.approx(x / np.expm1(x) if x else 1.0, rel=1e-12)
    assert np.isfinite(rates(-1e3)).all() and np.isfinite(rates(1e3)).all()


def test_gates_at_rest_stay() -> None:
    found = gates(np.array([-65e-3, -60e-3]), -63e-3)
    for k, v in enumerate((-65e-3, -60e-3)):
        y = np.array([v, *(found[z][k] for z in "mhn"), 0, 0])
        assert slope(CELL)(0.0, y)[1:4] == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("name", ["hh_cond_exp", "hh_cond_exp.double"])
def test_python_and_compiled_code_give_the_same_bits(name: str) -> None:
    model, parts = neurons.model(name), 4
    cell = CELL | {"i_offset": 0.7e-9}
    p = cells.params(model, coefficients(DT, substeps=parts, **cell), 1)
    x = cells.arrivals(5, 250, 1, 0.2, 10)
    by_code, sent = cells.compiled(model, p, x, (parts,), START)
    by_hand, said = cells.plain(model, p, x, (parts,), START)
    assert by_code.tobytes() == by_hand.tobytes() and (sent == said).all()
    assert sent.sum() > 0


def test_substeps_are_at_most_so_long() -> None:
    assert [substeps(dt) for dt in (1e-6, 1e-5, 2.5e-5, 1e-4, 1e-3)] == [1, 1, 3, 10, 100]
