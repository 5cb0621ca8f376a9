"""Random numbers that are functions of where they are used."""

from __future__ import annotations

import numpy as np
from scipy import stats

from mossy.synapses.chance import alias, below, mix, normal, picked, stream, uniform


def test_normal_inverts_the_distribution() -> None:
    u = np.concatenate([np.linspace(1e-9, 1 - 1e-9, 20_001), [2.0**-54, 1e-300]])
    got = np.array([normal(v) for v in u])
    np.testing.assert_allclose(got, stats.norm.ppf(u), atol=2e-6, rtol=2e-6)


def test_mix_is_the_published_finaliser() -> None:
    """The first numbers of SplitMix64 from seed 0, as its authors' program gives them."""
    gamma = 0x9E3779B97F4A7C15
    got = [int(mix(np.uint64((k * gamma) % 2**64))) for k in (1, 2, 3)]
    assert got == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_numbers_of_a_stream_are_even() -> None:
    key = stream(np.uint64(5), 17)
    bits = [mix(np.uint64(key) + np.uint64(k)) for k in range(20_000)]
    assert stats.kstest([uniform(np.uint64(b)) for b in bits], "uniform").pvalue > 1e-4
    counts = np.bincount([below(np.uint64(b), 7) for b in bits], minlength=7)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_alias_tables_hold_their_shares_exactly() -> None:
    shares = np.array([0.5, 0.0, 0.125, 0.25, 0.125])
    threshold, other = alias(shares)
    kept = threshold.astype(float) / 2**32
    got = kept / 5
    for i in range(5):
        got[other[i]] += (1 - kept[i]) / 5
    np.testing.assert_allclose(got, shares, atol=1e-9)
    values = np.empty(20_000, np.int64)
    picked(threshold, other, 7, np.uint64(1), values.size, values)
    assert values.min() == 7
    drawn = np.bincount(values - 7, minlength=5)
    assert drawn[1] == 0
    assert stats.chisquare(drawn[[0, 2, 3, 4]], 20_000 * shares[[0, 2, 3, 4]]).pvalue > 1e-4
