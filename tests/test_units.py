"""How quantities are printed."""

from __future__ import annotations

import pytest

from mossy.units import Quantity, si


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0021, "J", "2.1 mJ"),
        (0, "W", "0 W"),
        (3.3e-13, "s", "330 fs"),
        (12e6, "1/s", "12 M/s"),
        (46e9, "1/J", "46 G/J"),
        (0.982, "1", "0.982"),
        (61, "cores", "61 cores"),
        (0.5, "cores", "0.5 cores"),
        (150e6, "Hz", "150 MHz"),
    ],
)
def test_a_number_is_printed_as_people_write_it(value: float, unit: str, text: str) -> None:
    assert si(value, unit) == text


def test_a_range_is_printed_where_there_is_one() -> None:
    assert str(Quantity.exact(2e-3, "s")) == "2 ms"
    assert str(Quantity(2e-3, "s", 1e-3, 3e-3)) == "2 ms (1 ms to 3 ms)"
