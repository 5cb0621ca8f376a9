"""What others measured on a chip: the rows of its published.toml, to set beside predictions.

    [[measured]]
    name, workload, value, unit, basis, source      low, high: where a range was given
    predict                                         key of what computes our figure, if anything

A row without `predict` is a network that is not at hand: it is listed, and nothing is claimed.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from mossy import discover
from mossy.chips.chip import MARKER, PACKAGE, folder_of
from mossy.chips.facts import BASES
from mossy.errors import BadInput
from mossy.units import Quantity

FILE = "published.toml"
NEEDED = {"name", "workload", "value", "unit", "basis", "source"}


@dataclass(frozen=True)
class Measured:
    """One published measurement. low, high: its range, or None."""

    name: str
    workload: str
    value: float
    unit: str
    basis: str
    source: str
    low: float | None = None
    high: float | None = None
    predict: str | None = None

    @property
    def quantity(self) -> Quantity:
        """The value with its range."""
        low = self.value if self.low is None else self.low
        return Quantity(self.value, self.unit, low, self.value if self.high is None else self.high)


def published(chip: str) -> tuple[Measured, ...]:
    """Return the published measurements of a chip. Raises BadInput E0172 for a bad row."""
    file = discover.folders(PACKAGE, MARKER)[folder_of(chip)].joinpath(FILE)
    if not file.is_file():
        return ()
    rows = tomllib.loads(file.read_text("utf-8")).get("measured", [])
    return tuple(_measured(chip, row) for row in rows)


def _measured(chip: str, row: dict[str, object]) -> Measured:
    known = set(Measured.__dataclass_fields__)
    if not set(row) >= NEEDED or set(row) - known or row["basis"] not in BASES:
        raise BadInput(
            "E0172",
            f"bad row in {FILE}",
            where=f"{chip}: {row.get('name')}",
            got=", ".join(row),
            allowed=f"{', '.join(sorted(NEEDED))}; low, high, predict",
            hint=f"basis is one of {', '.join(BASES)}",
        )
    return Measured(**row)  # type: ignore[arg-type]
