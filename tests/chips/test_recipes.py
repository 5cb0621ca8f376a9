"""What chips ask of recipes, against SciPy's distributions and against the synapses made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from mossy.chips import recipes
from mossy.network.recipe import Draw
from tests.chips import simulated

DRAWS = [
    (Draw("constant", 3.0), stats.norm(3.0, 1e-12)),
    (Draw("uniform", -1.0, 5.0), stats.uniform(-1, 6)),
    (Draw("normal", 2.0, 0.5), stats.norm(2, 0.5)),
    (Draw("normal", 1.0, 1.0, low=0.0), stats.truncnorm(-1, np.inf, 1, 1)),
    (Draw("normal", -1.0, 1.0, high=0.0, low=-3.0), stats.truncnorm(-2, 1, -1, 1)),
    (Draw("lognormal", 0.3, 0.4), stats.lognorm(0.4, scale=np.exp(0.3))),
    (Draw("exponential", 2.0), stats.expon(scale=2)),
]


@pytest.mark.parametrize(("draw", "law"), DRAWS)
def test_distributions_are_known_by_their_quantiles(draw: Draw, law: Any) -> None:
    share = np.array([1e-6, 0.02, 0.5, 0.9, 1 - 1e-6])
    np.testing.assert_allclose(recipes.quantile(draw, share), law.ppf(share), atol=1e-6)
    assert recipes.mean(draw) == pytest.approx(law.mean(), rel=2e-3)
    assert recipes.variance(draw) == pytest.approx(law.var(), rel=1e-2, abs=1e-9)


def test_values_set_to_a_bound_are_counted_there() -> None:
    draw = Draw("normal", 0.0, 1.0, low=0.0, clip=True)
    assert recipes.mean(draw) == pytest.approx(np.sqrt(1 / (2 * np.pi)), rel=1e-3)
    assert recipes.quantile(draw, 0.3) == 0


@pytest.mark.parametrize("n", [1, 40, 5000])
@pytest.mark.parametrize("p", [1e-3, 0.2, 1.0, 0.0])
@pytest.mark.parametrize("share", [0.5, 1 - 1e-8])
def test_the_most_hits_are_the_binomial_quantile(n: int, p: float, share: float) -> None:
    assert recipes.probable(n, p, share) == max(0, stats.binom.ppf(share, n, p))


@pytest.mark.parametrize("kind", ["one_to_one", "all_to_all", "probability", "in_degree",
                                  "out_degree", "total", "listed"])  # fmt: skip
def test_the_largest_in_degree_is_one_that_occurs(kind: Any) -> None:
    more: dict[str, Any] = {"p": 0.3, "count": 30}
    if kind == "listed":
        post = np.repeat([3, 1], [5, 2])
        more = {"pre": np.arange(7), "post": post, "weights": np.ones(7), "delays": post}
    recipe = simulated.several(kind, 60, 80, **more)
    found = np.zeros(80, np.int64)
    np.add.at(found, simulated.listed(recipe, 1e14).post, 1)
    most, mean = recipes.degree(recipe, 0.01), found.mean()
    assert found.max() <= most <= max(found.max(), mean + 8 * np.sqrt(mean))
    assert recipes.synapses(recipe) == pytest.approx(found.sum(), rel=0.05)
