"""KISS64 against numbers worked by hand, and the neurons that draw from it in distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mossy import neurons
from mossy.neurons import kiss64


def batch(name: str, params: dict[str, Any], x: NDArray[Any], seed: int = 1) -> NDArray[np.bool_]:
    """Run (steps, n) inputs through the compiled update; return (steps, n) spikes."""
    model = neurons.model(name)
    steps, n = x.shape
    p, s = np.zeros(n, model.params), np.zeros((1, n), model.state)
    for key, value in params.items():
        p[key] = value
    if "rx" in (model.state.names or ()):
        s[0] = kiss64.seeded(s[0], seed)
    fired, sent = np.zeros((1, n), np.int32), np.zeros((1, n), np.float32)
    out, count = np.zeros((steps, n), bool), np.zeros(1, np.int64)
    for t in range(steps):
        ring = x[t].astype(np.float32).reshape(1, 1, n).copy()
        model.update(s, p, ring, 0, 0, (), fired, sent, count)
        out[t, fired[0, : count[0]]] = True
    return out


def scalar(name: str, params: dict[str, Any], x: NDArray[Any], seed: int = 1) -> NDArray[np.bool_]:
    """The same through the plain Python step."""
    model = neurons.model(name)
    steps, n = x.shape
    p = np.zeros(n, model.params).view(np.recarray)
    s = np.zeros(n, model.state).view(np.recarray)
    if "rx" in (model.state.names or ()):
        s = kiss64.seeded(s, seed).view(np.recarray)
    for key, value in params.items():
        p[key] = value
    out = np.zeros((steps, n), bool)
    for t in range(steps):
        for k in range(n):
            out[t, k] = model.step(s[k], np.float32(x[t, k]), np.float32(x[t, k]), p[k], ())
    return out


# ------------------------------------------------------------------------------ the generator
def test_the_first_number_is_the_one_worked_by_hand() -> None:
    """From (1, 1, 1, 1), every line of the recurrence on its own.

    x = 314527869 + 1234567 = 315762436
    y: 1 ^ 32 = 33;  33 ^ (33 >> 7 = 0) = 33;  33 ^ 33 * 2^22 = 33 + 138412032 = 138412065
    t = 4294584393 + 1 = 4294584394 < 2^32:  c = 0, z = 4294584394
    out = 315762436 + 138412065 + 4294584394 - 2^32 = 453791599
    """
    wanted = (315762436, 138412065, 4294584394, 0, 453791599)
    assert kiss64.following(1, 1, 1, 1) == wanted
    assert tuple(kiss64.draw(1, 1, 1, 1)) == wanted


def test_the_carry_is_the_upper_half_even_where_64_bits_are_full() -> None:
    """z = 2^32 - 1: t = 4294584393 (2^32 - 1) + 5 = 4294584392 * 2^32 + (2^32 - 4294584393 + 5)."""
    for f in (kiss64.following, kiss64.draw):
        *_, z, c, _ = f(0, 0, (1 << 32) - 1, 5)
        assert c == 4294584392
        assert z == (1 << 32) - 4294584393 + 5


def test_compiled_and_plain_agree_for_ten_thousand_numbers() -> None:
    a = b = kiss64.DEFAULT
    for _ in range(10_000):
        *a, u = kiss64.following(*a)  # type: ignore[assignment]
        *b, v = kiss64.draw(*b)
        assert u == v and tuple(a) == tuple(b) and 0 <= u < kiss64.WHOLE


def test_the_numbers_are_uniform_and_their_bits_even() -> None:
    state, found = kiss64.DEFAULT, []
    for _ in range(20_000):
        *state, u = kiss64.draw(*state)
        found.append(u)
    drawn = np.array(found)
    assert stats.kstest(drawn / kiss64.WHOLE, "uniform").pvalue > 1e-3
    ones = ((drawn[:, None] >> np.arange(32)) & 1).mean(axis=0)
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(drawn.size)


def test_streams_differ_by_neuron_and_seed_and_repeat() -> None:
    a = kiss64.streams(42, 300)
    assert len(np.unique(a, axis=0)) == 300
    assert (a == kiss64.streams(42, 300)).all()
    assert not (a == kiss64.streams(43, 300)).all(axis=1).any()
    assert a.min() >= 0 and a.max() < kiss64.WHOLE


# ------------------------------------------------------------------------------ neurons
def test_a_poisson_source_has_its_rate_and_geometric_intervals() -> None:
    p, steps, n = 0.05, 4000, 50
    spikes = batch("poisson_source", {"chance": kiss64.chance(np.array(p))}, np.zeros((steps, n)))
    total = steps * n
    assert abs(spikes.sum() - p * total) < 5 * np.sqrt(total * p * (1 - p))
    gaps = np.concatenate([np.diff(np.flatnonzero(spikes[:, k])) for k in range(n)])
    seen = np.bincount(np.minimum(gaps, 60), minlength=61)[1:]
    wanted = stats.geom.pmf(np.arange(1, 61), p)
    wanted[-1] = 1 - wanted[:-1].sum()
    assert stats.chisquare(seen, wanted * gaps.size).pvalue > 1e-3
    apart = np.asarray(np.corrcoef(spikes[:, :10].T))[np.triu_indices(10, 1)]
    assert np.abs(apart).max() < 5 / np.sqrt(steps)


def test_a_poisson_source_waits_after_a_spike() -> None:
    params = {"chance": kiss64.chance(np.array(1.0)), "refract": 3}
    spikes = batch("poisson_source", params, np.zeros((12, 2)))
    assert np.flatnonzero(spikes[:, 0]).tolist() == [0, 4, 8]


CERTAIN = {"alpha": 0.5, "threshold": 10.0, "chance": kiss64.WHOLE, "late_leak": 1}


def test_fugus_neuron_leaks_only_where_it_did_not_spike() -> None:
    """v = 8, no spike, 4 kept; 4 + 8 = 12 > 10: spike, v_reset 2 without leak; 2 + 8 = 10: not."""
    x = np.full((3, 1), 8.0)
    params = CERTAIN | {"v_reset": 2.0}
    assert scalar("probabilistic_lif", params, x)[:, 0].tolist() == [False, True, False]
    late = scalar("probabilistic_lif", params | {"wait": 1}, x)[:, 0]
    assert late.tolist() == [False, False, True]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_above_its_threshold_it_spikes_with_its_probability(p: float) -> None:
    params = {"threshold": 1.0, "chance": kiss64.chance(np.array(p))}
    spikes = batch("probabilistic_lif", params, np.full((500, 40), 15.0))
    assert abs(spikes.mean() - p) < 5 * np.sqrt(p * (1 - p) / spikes.size)
    silent = batch(
        "probabilistic_lif", params, np.full((50, 4), 1.0)
    )  # not above: no draw, no spike
    assert not silent.any()


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("poisson_source", {"chance": 1 << 30, "refract": 2}),
        ("probabilistic_lif", CERTAIN | {"chance": 1 << 31, "wait": 2, "subtract": 1}),
        ("probabilistic_lif", {"alpha": 0.9, "threshold": 5.0, "chance": 1 << 31, "offset": 0.3}),
        (
            "izhikevich",
            {"a": 0.02, "b": 0.2, "v_reset": -65.0, "d": 8.0, "offset": 10.0},
        ),
    ],
)
def test_python_and_compiled_code_agree(name: str, params: dict[str, Any]) -> None:
    x = np.random.default_rng(3).integers(-4, 9, (300, 5))
    a, b = batch(name, params, x), scalar(name, params, x)
    assert (a == b).all() and a.any()


# ------------------------------------------------------------------------------ Izhikevich
def published(v: float, u: float, kind: dict[str, float], i: float) -> tuple[float, float]:
    """One step of Izhikevich's program of 2003 in float64, without the reset."""
    v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + i)
    v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + i)
    return v, u + kind["a"] * (kind["b"] * v - u)


@pytest.mark.parametrize(
    "kind",
    [
        {"a": 0.02, "b": 0.2, "v_reset": -65.0, "d": 8.0},  # regular spiking
        {"a": 0.1, "b": 0.2, "v_reset": -65.0, "d": 2.0},  # fast spiking
        {"a": 0.02, "b": 0.2, "v_reset": -50.0, "d": 2.0},  # chattering
    ],
)
def test_every_step_of_izhikevich_is_the_published_one(kind: dict[str, float]) -> None:
    """Step by step from its own state: whole runs part, as rounding grows near the threshold."""
    model, fired = neurons.model("izhikevich"), 0
    p, s = np.zeros(1, model.params).view(np.recarray), np.zeros(1, model.state).view(np.recarray)
    for key, value in kind.items():
        p[key] = value
    s["v"], s["u"] = -65.0, -13.0
    for _ in range(300):
        v, u = published(float(s["v"][0]), float(s["u"][0]), kind, 10.0)
        spike = model.step(s[0], np.float32(10), np.float32(10), p[0], ())
        fired += spike
        assert spike == (v >= 30)
        wanted = (kind["v_reset"], u + kind["d"]) if spike else (v, u)
        assert s["v"][0] == pytest.approx(wanted[0], rel=1e-4, abs=1e-3)
        assert s["u"][0] == pytest.approx(wanted[1], rel=1e-4, abs=1e-3)
    assert fired > 3
