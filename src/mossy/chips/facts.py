"""Physical numbers with their sources. Unknown is a reason, never a zero."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mossy.discover import nearest
from mossy.errors import BadInput, UnknownFact
from mossy.units import Quantity

BASES = ("published", "code", "derived", "assumed", "unknown")


@dataclass(frozen=True)
class Fact:
    """One number. basis: published, code (read in public code), derived, assumed or unknown."""

    name: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    basis: str
    source: str

    def quantity(self) -> Quantity:
        """Return value and range. Raises UnknownFact E0401 where nobody has published it."""
        if self.value is None:
            raise UnknownFact(
                "E0401",
                f"{self.name} is unknown ({self.source})",
                hint=f'assume={{"{self.name}": value in {self.unit}}} and it is marked as assumed',
            )
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return Quantity(self.value, self.unit, low, high)

    def __float__(self) -> float:
        return float(self.quantity().value)

    def __int__(self) -> int:
        return int(self.quantity().value)


def parse(chip: str, name: str, row: Any) -> Fact:
    """Check one entry of a chip.toml. Raises BadInput E0170."""
    where = f"{chip}: fact {name}"
    if not isinstance(row, dict) or not {"unit", "basis", "source"} <= row.keys():
        raise BadInput("E0170", "a fact needs value, unit, basis and source", where=where, got=row)
    value, low, high = (row.get(k) for k in ("value", "low", "high"))
    if row["basis"] not in BASES or not row["source"]:
        raise BadInput("E0170", "bad basis or no source", where=where, got=row, allowed=BASES)
    if (value is None) != (row["basis"] == "unknown"):
        raise BadInput("E0170", "unknown has no value, all else has one", where=where, got=row)
    if value is not None and not (
        (value if low is None else low) <= value <= (value if high is None else high)
    ):
        raise BadInput("E0170", "not low <= value <= high", where=where, got=row)
    return Fact(name, value, row["unit"], low, high, row["basis"], row["source"])


class Facts(Mapping[str, Fact]):
    """The facts of one chip by name."""

    def __init__(self, chip: str, facts: Mapping[str, Fact]) -> None:
        self.chip, self._facts = chip, dict(facts)

    def __getitem__(self, name: str) -> Fact:
        if name not in self._facts:
            raise UnknownFact(
                "E0402",
                "no such fact",
                where=self.chip,
                got=repr(name),
                hint=", ".join(nearest(name, list(self._facts))),
            )
        return self._facts[name]

    def of_model(self, name: str, model: str) -> Fact:
        """Return the fact of a neuron model, called NAME_MODEL, or NAME where it has none."""
        own = f"{name}_{model}"
        return self[own if own in self._facts else name]

    def __contains__(self, name: object) -> bool:
        return name in self._facts

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def assuming(self, values: Mapping[str, float]) -> Facts:
        """Return the facts with some of them assumed by the user. Raises UnknownFact E0402."""
        changed = dict(self._facts)
        for name, value in values.items():
            changed[name] = dataclasses.replace(
                self[name],
                value=float(value),
                low=None,
                high=None,
                basis="assumed",
                source="assumed by the user",
            )
        return Facts(self.chip, changed)
