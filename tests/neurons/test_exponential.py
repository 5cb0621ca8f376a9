"""The exponential against the C library's, and its bits in Python against the compiled ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mossy.neurons import exponential

ARGUMENTS = np.concatenate(
    [np.linspace(-40, 40, 4001), np.linspace(-700, 700, 1401), np.linspace(-1e-3, 1e-3, 201)]
)


@pytest.mark.parametrize(("name", "last_bits"), [("exp", 1), ("expm1", 2)])
def test_it_is_that_of_the_c_library_to_the_last_bits(name: str, last_bits: int) -> None:
    for x in ARGUMENTS.tolist():
        wanted = getattr(math, name)(x)
        assert abs(getattr(exponential, name)(x) - wanted) <= last_bits * math.ulp(wanted)


def test_small_differences_from_one_keep_their_digits() -> None:
    for x in (1e-3, -1e-6, 1e-12, -1e-18, 1e-200):
        assert exponential.expm1(x) == pytest.approx(math.expm1(x), rel=4e-16)
    assert exponential.expm1(0.0) == 0 and exponential.exp(0.0) == 1


@pytest.mark.parametrize("name", ["exp", "expm1"])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_python_and_compiled_code_give_the_same_bits(name: str, real: type) -> None:
    by_code, by_hand = getattr(exponential, name), getattr(exponential, f"plain_{name}")
    for x in ARGUMENTS[::7].astype(real):
        assert float(by_hand(x)).hex() == float(by_code(x)).hex()


def test_the_parts_themselves_are_the_same_in_python() -> None:
    for x in ARGUMENTS[::7]:
        two, rest = exponential.power_and_rest(x)
        assert math.frexp(two)[0] == 0.5
        assert float(two + two * rest).hex() == float(exponential.exp(x)).hex()


def test_beyond_its_range_it_stays_finite() -> None:
    assert exponential.exp(1e6) == exponential.exp(700.0) < math.inf
    assert 0 < exponential.exp(-1e6) < 1e-300
