"""Comparing runs, exactly."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings

from mossy.twin import Result

FUZZ: dict[str, Any] = {
    "deadline": None,  # the first example compiles the engine
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def fuzz(examples: int) -> settings:
    """Return the settings of a property test. MOSSY_FUZZ=20 draws twenty times as many."""
    return settings(max_examples=examples * int(os.environ.get("MOSSY_FUZZ", "1")), **FUZZ)


def assert_same_run(a: Result, b: Result) -> None:
    """Assert that two runs agree in every spike, register, output and count."""
    assert sorted(a.counts.arrays) == sorted(b.counts.arrays)
    for name in a.counts.arrays:
        np.testing.assert_array_equal(a.counts[name], b.counts[name], err_msg=name)
    assert_same_activity(a, b)


def assert_same_activity(a: Result, b: Result) -> None:
    """Assert that two runs agree in every spike, register and output, counts aside."""
    for kind in ("spikes", "states", "outputs"):
        first, second = getattr(a, kind), getattr(b, kind)
        assert list(first) == list(second)
        for name in first:
            assert first[name].dtype == second[name].dtype
            np.testing.assert_array_equal(first[name], second[name], err_msg=f"{kind} {name}")
