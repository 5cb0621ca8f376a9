"""Poisson noise: its distribution, its independence, and that it does not depend on the cut."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mossy.synapses.noise import ROOM, arrivals, tables

ONE = np.zeros(0, np.int32)
BITS = np.zeros(ROOM, np.uint32)


def drawn(mean: float, steps: int, n: int, seed: int = 5, first: int = 0) -> np.ndarray:
    rates = tables(np.array([mean]))
    out = np.zeros((steps, n), np.int32)
    for t in range(steps):
        arrivals(seed, t, first, ONE, rates, 1, out[t], BITS)
    return out


@pytest.mark.parametrize("mean", [0.0, 0.003, 0.4, 1.3, 2.3, 6.0, 40.0])
def test_numbers_have_the_poisson_distribution(mean: float) -> None:
    x = drawn(mean, 200, 1000)
    if mean == 0:
        assert not x.any()
        return
    top = int(stats.poisson.ppf(1 - 1e-4, mean)) + 1
    low = int(stats.poisson.ppf(1e-4, mean))
    seen = np.bincount(np.clip(x.ravel(), low, top), minlength=top + 1)[low:]
    share = stats.poisson.pmf(np.arange(low, top + 1), mean)
    share[0] = stats.poisson.cdf(low, mean)
    share[-1] = stats.poisson.sf(top - 1, mean)
    assert stats.chisquare(seen, share / share.sum() * x.size).pvalue > 1e-4


def test_neurons_and_steps_are_independent() -> None:
    x = (drawn(1.3, 1500, 1024) - 1.3) / np.sqrt(1.3)
    for a, b in ((x[1:], x[:-1]), (x[:, 1:], x[:, :-1]), (x[:, 64:], x[:, :-64])):
        assert abs((a * b).mean() * np.sqrt(a.size)) < 4.5
    for mean in (x.mean(axis=1) * np.sqrt(1024), x.mean(axis=0) * np.sqrt(1500)):
        assert abs(mean.var() - 1) < 4.5 * np.sqrt(2 / mean.size)


def test_a_part_draws_what_the_whole_draws() -> None:
    whole = drawn(0.7, 20, 300)
    assert (whole[:, 100:180] == drawn(0.7, 20, 80, first=100)).all()
    assert (whole != drawn(0.7, 20, 300, seed=6)).any()


def test_neurons_with_rates_of_their_own() -> None:
    means = np.array([0.0, 0.2, 3.0])
    rates = tables(means)
    kind = np.arange(300, dtype=np.int32) % 3
    out = np.zeros(300, np.int32)
    arrivals(5, 7, 0, kind, rates, 2, out, BITS)
    for k in range(3):
        alone_k = tables(means[k : k + 1])
        alone = np.zeros(300, np.int32)
        arrivals(5, 7, 0, ONE, alone_k, 2, alone, BITS)
        assert (out[kind == k] == alone[kind == k]).all()
