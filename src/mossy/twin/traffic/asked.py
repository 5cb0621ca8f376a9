"""Facts that a calculation asks a chip for, and which of them are no knowledge."""

from __future__ import annotations

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.units import Quantity


class Asked:
    """The facts and choices of a chip, with names and sources of what is assumed or not known."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.assumed: dict[str, str] = {}
        self.unknown: dict[str, str] = {}

    def fact(self, name: str | None) -> Quantity | None:
        """Return a fact, None where none is named or nobody knows it."""
        if name is None:
            return None
        fact = self.chip.facts[name]
        if fact.value is None:
            self.unknown[name] = fact.source
            return None
        if fact.basis == "assumed":
            self.assumed[name] = fact.source
        return fact.quantity()

    def positive(self, name: str | None) -> Quantity | None:
        """Return a fact that must be above 0, as a rate must. Raises BadInput E0416."""
        found = self.fact(name)
        if found is not None and not 0 < found.low <= found.high < float("inf"):
            raise BadInput(
                "E0416",
                f"{name} must be more than 0",
                where=self.chip.name,
                got=f"{found.low:g} {found.unit}",
                allowed="more than 0",
                hint="leave it out for the chip's own",
            )
        return found

    def choice(self, name: str) -> str:
        """Return what holds of a choice of the chip."""
        choice = self.chip.choices[name]
        if choice.basis == "assumed":
            self.assumed[f"{name} {choice.value}"] = choice.source
        return choice.value
