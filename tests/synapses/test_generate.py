"""Synapses from recipes: the same however they are cut, and distributed as the recipe says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mossy.network.recipe import Draw, Recipe, constant
from mossy.synapses.generate import in_degrees, rows, spec
from tests.twin.runs import fuzz

KINDS = ["one_to_one", "all_to_all", "probability", "in_degree", "out_degree", "total", "distance"]


def recipe(kind: str, n_source: int, n_target: int, seed: int, **changes: Any) -> Recipe:
    rng = np.random.default_rng(seed)
    if kind == "distance":
        changes = {
            "profile": "gaussian", "width": 0.3, "source_at": rng.random((n_source, 2)),
            "target_at": rng.random((n_target, 2)), "period": np.ones(2),
        } | changes  # fmt: skip
    given = {"weight": Draw("normal", 1, 0.2), "delay": Draw("uniform", 1, 9), "scale": 100.0}
    return Recipe(kind, n_source, n_target, seed=seed, **(given | changes))  # type: ignore[arg-type]


def synapses(r: Recipe, lo: int, hi: int) -> list[tuple[int, ...]]:
    start, index, weight, delay = rows(r, lo, hi)
    source = np.repeat(np.arange(r.n_source), np.diff(start))
    return sorted(
        zip(source.tolist(), (lo + index).tolist(), weight.tolist(), delay.tolist(), strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
@fuzz(10)
@given(
    sizes=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 2**63),
    cut=st.floats(0, 1),
    replace=st.booleans(),
)
def test_parts_are_the_whole(
    kind: str, sizes: tuple[int, int], seed: int, cut: float, replace: bool
) -> None:
    fewest = sizes[1] if kind == "out_degree" else sizes[0]
    count = seed % (200 if kind == "total" else fewest + 1)
    r = recipe(kind, *sizes, seed, p=0.3, count=count, replace=replace)
    whole, at = synapses(r, 0, sizes[1]), int(cut * sizes[1])
    assert sorted(synapses(r, 0, at) + synapses(r, at, sizes[1])) == whole
    each = in_degrees(spec(r), 0, sizes[1])
    assert (each == np.bincount([s[1] for s in whole], minlength=sizes[1])).all()


def pairs(r: Recipe) -> np.ndarray:
    """Numbers of synapses (n_target, n_source)."""
    found = np.zeros((r.n_target, r.n_source), int)
    start, index, *_ = rows(r, 0, r.n_target)
    np.add.at(found, (index, np.repeat(np.arange(r.n_source), np.diff(start))), 1)
    return found


def test_every_kind_connects_whom_it_says() -> None:
    assert (pairs(recipe("one_to_one", 5, 7, 1)) == np.eye(7, 5)).all()
    assert (pairs(recipe("all_to_all", 5, 7, 1)) == 1).all()
    assert (pairs(recipe("all_to_all", 6, 6, 1, selves=False)) == 1 - np.eye(6)).all()
    assert (pairs(recipe("in_degree", 50, 70, 1, count=9)).sum(axis=1) == 9).all()
    assert (pairs(recipe("out_degree", 50, 70, 1, count=9)).sum(axis=0) == 9).all()
    assert pairs(recipe("total", 50, 70, 1, count=1234)).sum() == 1234
    for count in (3, 40):  # few are drawn, many by those left out
        distinct = pairs(recipe("in_degree", 50, 50, 1, count=count, replace=False, selves=False))
        assert distinct.max() == 1 and (distinct.sum(axis=1) == count).all()
        assert not distinct.diagonal().any()
    assert not pairs(recipe("total", 50, 50, 1, count=5000, selves=False)).diagonal().any()


def test_probabilities_hold() -> None:
    n = pairs(recipe("probability", 300, 400, 3, p=0.07))
    assert n.max() == 1
    assert abs(n.sum() - 0.07 * n.size) < 4.5 * np.sqrt(n.size * 0.07 * 0.93)
    for axis in (0, 1):
        each, size = n.sum(axis=axis), n.shape[axis]
        z = (each - 0.07 * size) / np.sqrt(size * 0.07 * 0.93)
        assert abs(z.var() - 1) < 4.5 * np.sqrt(2 / z.size)
    near = recipe("distance", 300, 400, 3, p=0.8)
    gap = np.abs(near.target_at[:, None] - near.source_at)
    square = (np.minimum(gap, 1 - gap) ** 2).sum(axis=2)
    wanted = 0.8 * np.exp(-square / 2 / 0.3**2)
    got = pairs(near)
    for lo, hi in ((0, 0.02), (0.02, 0.1), (0.1, 0.5)):
        here = (square >= lo) & (square < hi)
        deviation = np.sqrt((wanted * (1 - wanted))[here].sum())
        assert abs(got[here].sum() - wanted[here].sum()) < 4.5 * deviation


@pytest.mark.parametrize("scale", [20.0, 1e9])  # from a table, by the formula
def test_weights_and_delays_have_their_distribution(scale: float) -> None:
    r = recipe(
        "in_degree", 100, 200, 5, count=100, scale=scale,
        weight=Draw("normal", 2, 1, low=0), delay=Draw("normal", 15, 7.5, low=0.5),
    )  # fmt: skip
    _, _, weight, delay = rows(r, 0, 200)
    assert delay.min() >= 1
    weights = stats.truncnorm(-2, np.inf, 2, 1)
    even = np.random.default_rng(1).random(weight.size)  # spreads the rounded numbers
    assert stats.kstest((weight - 0.5 + even) / scale, weights.cdf).pvalue > 1e-4 or scale < 100
    k = np.arange(1, 50)
    law = stats.truncnorm((0.5 - 15) / 7.5, np.inf, 15, 7.5)
    share = law.cdf(k + 0.5) - law.cdf(k - 0.5)
    seen = np.bincount(delay, minlength=50)[1:50]
    some = share * weight.size > 5
    assert (
        stats.chisquare(seen[some], share[some] / share[some].sum() * seen[some].sum()).pvalue
        > 1e-4
    )
    k = np.arange(0, int(6 * scale)) if scale < 100 else np.zeros(0, int)
    if k.size:
        share = weights.cdf((k + 0.5) / scale) - weights.cdf((k - 0.5) / scale)
        seen = np.bincount(weight, minlength=k.size)[: k.size]
        some = share * weight.size > 5
        expected = share[some] / share[some].sum() * seen[some].sum()
        assert stats.chisquare(seen[some], expected).pvalue > 1e-4


def test_the_table_and_the_formula_round_alike() -> None:
    for draw in (
        Draw("uniform", -3, 3),
        Draw("normal", 0, 2, low=-1, high=3, clip=True),
        constant(2),
    ):
        r = recipe("all_to_all", 30, 30, 5, weight=draw, scale=1.0)
        _, _, weight, _ = rows(r, 0, 30)
        low, high = (np.rint(v) for v in draw.bounds)
        assert low <= weight.min() and weight.max() <= high


def test_listed_synapses_are_kept() -> None:
    rng = np.random.default_rng(2)
    pre, post = rng.integers(0, 9, 60), rng.integers(0, 11, 60)
    weights, delays = rng.normal(0, 1, 60), rng.integers(1, 5, 60)
    r = Recipe(
        "listed", 9, 11, constant(1), constant(1), 0,
        pre=pre, post=post, weights=weights, delays=delays, scale=50.0, top=40.0,
    )  # fmt: skip
    whole = np.clip(np.rint(weights * 50), -40, 40).astype(int)
    wanted = sorted(zip(pre.tolist(), post.tolist(), whole.tolist(), delays.tolist(), strict=True))
    assert sorted(synapses(r, 0, 4) + synapses(r, 4, 11)) == wanted
