"""What may be chosen of a chip: policies that nobody has published, or that software sets.

A chip.toml names them in sections of their own,

    [choices.NAME]      is: the word that holds; allowed: all of them; basis, source

and whoever runs a program may assume another one as they assume a fact: assume={"NAME": "word"}.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mossy.errors import BadInput

BASES = ("published", "code", "derived", "assumed")  # a choice is never unknown: one must hold


@dataclass(frozen=True)
class Choice:
    """One of a few words, with where it comes from."""

    name: str
    value: str
    allowed: tuple[str, ...]
    basis: str
    source: str

    def assuming(self, chip: str, word: object) -> Choice:
        """Return the choice as the user wants it. Raises BadInput E0415."""
        if word not in self.allowed:
            raise BadInput(
                "E0415",
                f"{self.name} is a choice of the chip and has no such value",
                where=chip,
                got=repr(word),
                allowed=", ".join(self.allowed),
                hint="leave it out for the chip's own",
            )
        return dataclasses.replace(
            self, value=str(word), basis="assumed", source="assumed by the user"
        )


def read(chip: str, rows: Mapping[str, Any]) -> dict[str, Choice]:
    """Read the choices of a chip.toml. Raises BadInput E0170."""
    found = {}
    for name, row in rows.items():
        where = f"{chip}: choice {name}"
        if not isinstance(row, dict) or row.keys() != {"is", "allowed", "basis", "source"}:
            raise BadInput(
                "E0170", "a choice needs is, allowed, basis and source", where=where, got=row
            )
        if row["basis"] not in BASES or not row["source"] or row["is"] not in row["allowed"]:
            raise BadInput(
                "E0170", "bad basis, no source, or a word not allowed", where=where, got=row
            )
        allowed = tuple(row["allowed"])
        found[name] = Choice(name, row["is"], allowed, row["basis"], row["source"])
    return found
