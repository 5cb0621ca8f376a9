"""SI quantities that carry a range, and how they are printed.

Everything inside mossy is in SI units. A `Quantity` is a value with a low and a high bound; sums
and products with non-negative factors keep the bounds (interval arithmetic).
"""

from __future__ import annotations

from dataclasses import dataclass

_PREFIXES = (
    (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""),
    (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"),
)  # fmt: skip


def si(value: float, unit: str, digits: int = 3) -> str:
    """Return `value` in `unit` with an SI prefix, e.g. ``si(0.0021, "J") == "2.1 mJ"``.

    Pure numbers (unit "1") and things that are counted, such as cores, take no prefix; that of a
    rate ("1/s") stands before the bar: "12 M/s".
    """
    if unit == "1" or (unit.isalpha() and len(unit) > 3):
        return f"{value:,.{digits}g} {unit if unit != '1' else ''}".rstrip()
    if unit.startswith("1/"):
        unit = unit[1:]
    if value == 0:
        return f"0 {unit}".rstrip()
    size = abs(value)
    scale, prefix = next(((s, p) for s, p in _PREFIXES if size >= s), _PREFIXES[-1])
    return f"{value / scale:.{digits}g} {prefix}{unit}".rstrip()


@dataclass(frozen=True)
class Quantity:
    """A value in SI `unit` with bounds `low` <= value <= `high`."""

    value: float
    unit: str
    low: float
    high: float

    @classmethod
    def exact(cls, value: float, unit: str) -> Quantity:
        """Return a quantity whose bounds are the value itself."""
        return cls(value, unit, value, value)

    def __add__(self, other: Quantity) -> Quantity:
        if self.unit != other.unit:
            raise TypeError(f"cannot add {other.unit} to {self.unit}")
        return Quantity(
            self.value + other.value, self.unit, self.low + other.low, self.high + other.high
        )

    def times(self, factor: float, unit: str | None = None) -> Quantity:
        """Return the quantity times a non-negative factor, in `unit` if that changes it."""
        if factor < 0:
            raise ValueError(f"factor must not be negative, got {factor}")
        return Quantity(
            self.value * factor, unit or self.unit, self.low * factor, self.high * factor
        )

    def __str__(self) -> str:
        text = si(self.value, self.unit)
        if self.low == self.high:
            return text
        return f"{text} ({si(self.low, self.unit)} to {si(self.high, self.unit)})"
