"""Distributions and recipes: what they say of themselves, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mossy.errors import BadInput
from mossy.network.recipe import Draw, Recipe, constant

KNOWN = {
    "uniform": (Draw("uniform", -1, 3), stats.uniform(-1, 4)),
    "normal": (Draw("normal", 2, 0.5), stats.norm(2, 0.5)),
    "lognormal": (Draw("lognormal", 0.3, 0.4), stats.lognorm(0.4, scale=np.exp(0.3))),
    "exponential": (Draw("exponential", 2.5), stats.expon(scale=2.5)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_share_below_is_the_distribution_function(name: str) -> None:
    draw, known = KNOWN[name]
    x = np.linspace(-2, 6, 41)
    np.testing.assert_allclose(draw.below(x), known.cdf(x), atol=1e-12)


def test_bounds_and_shares() -> None:
    assert Draw("normal", 0, 1, low=-1, high=2).bounds == (-1, 2)
    assert Draw("normal", 0, 1, low=0).shares == pytest.approx((0.5, 1.0))
    assert Draw("normal", 0, 1, low=0, clip=True).shares == (0.0, 1.0)
    assert constant(3).bounds == (3, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": "normal", "a": 0, "b": -1},
        {"shape": "cauchy", "a": 0},
        {"shape": "uniform", "a": 2, "b": 1},
        {"shape": "exponential", "a": 0},
        {"shape": "constant", "a": np.nan},
        {"shape": "normal", "a": 0, "b": 1, "low": 2, "high": 1},
        {"shape": "uniform", "a": 0, "b": 1, "low": 2},
    ],
)
def test_what_is_no_distribution(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="not a distribution") as e:
        Draw(**wrong)  # type: ignore[arg-type]
    assert e.value.code == "E0173"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "small_world"}, "the kind is one of"),
        ({"n_source": 0}, "both sides need neurons"),
        ({"p": 1.5}, "p lies between 0 and 1"),
        ({"count": -1}, "count is 0 or more"),
        ({"kind": "in_degree", "count": 9, "replace": False}, "more than there are neurons"),
        ({"selves": False}, "selves=False needs equal sides"),
        ({"delay": constant(0)}, "a delay takes a step or more"),
        ({"kind": "distance"}, "source_at has a row per neuron"),
        ({"kind": "listed", "pre": np.array([1])}, "the columns of a list have the same length"),
    ],
)
def test_what_is_no_recipe(changes: dict[str, object], says: str) -> None:
    good = {
        "kind": "probability", "n_source": 5, "n_target": 7, "weight": constant(1),
        "delay": constant(1), "seed": 1,
    }  # fmt: skip
    Recipe(**good)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=says) as e:
        Recipe(**(good | changes))  # type: ignore[arg-type]
    assert e.value.code == "E0174"


def test_lists_name_neurons_and_take_time() -> None:
    one = np.array([0])
    for wrong in (
        {"pre": one + 5}, {"post": one + 7}, {"delays": one},
    ):  # fmt: skip
        given = {"pre": one, "post": one, "weights": one + 1.0, "delays": one + 1} | wrong
        with pytest.raises(BadInput) as e:
            Recipe("listed", 5, 7, constant(1), constant(1), 1, **given)
        assert e.value.code == "E0174"
