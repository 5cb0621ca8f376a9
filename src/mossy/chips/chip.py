"""A chip: facts and tables read from its chip.toml, and small functions from its rules.py.

chip.toml sections

    [chip]      title, vendor, summary
    [topology]  links: names of the six or four directions and their steps; width, height of the
                largest machine the placer may use
    [routing]   kind: multicast | axons | none
    [input]     on: core (a source population takes cores) | host
    [timing]    kind: tick | barrier | measured; work: fact per count; see twin/timing.py
    [[energy]]  name, count, fact; see twin/energy.py
    [facts.*]   value, unit, low, high, basis, source

rules.py functions

    quantise(population, incoming, bits) -> Quantised
    limits(load, facts) -> list[Limit]          blocks(load, facts) -> list[(name, bytes)]
    places(facts) -> list[(x, y)]               grid position of each usable core of one chip
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from mossy import discover
from mossy.chips.facts import Facts, parse
from mossy.errors import BadInput

PACKAGE, MARKER = "mossy.chips", "chip.toml"


@dataclass(frozen=True, eq=False)
class Chip:
    """One kind of chip. `spec` is its chip.toml without the facts."""

    name: str
    facts: Facts
    spec: dict[str, Any]
    rules: ModuleType

    @property
    def title(self) -> str:
        """Full name for people."""
        return str(self.spec["chip"]["title"])

    @property
    def latency(self) -> int:
        """Steps from a spike to its arrival with delay field 0."""
        return int(self.facts["step_latency"])

    def assuming(self, values: dict[str, float]) -> Chip:
        """Return the chip with some facts assumed. Raises UnknownFact E0402."""
        return dataclasses.replace(self, facts=self.facts.assuming(values)) if values else self


def names() -> list[str]:
    """Return the names of all chips, plug-ins included."""
    return discover.names(PACKAGE, MARKER)


@cache
def chip(name: str) -> Chip:
    """Return the chip called `name`. Raises UnknownName E0501 with the nearest names."""
    folder = discover.find(PACKAGE, MARKER, name, "chip")
    spec = tomllib.loads(folder.joinpath(MARKER).read_text("utf-8"))
    for section in ("chip", "routing", "input", "timing", "energy", "facts"):
        if section not in spec:
            raise BadInput("E0171", f"chip.toml lacks [{section}]", where=name)
    facts = Facts(name, {k: parse(name, k, row) for k, row in spec.pop("facts").items()})
    return Chip(name, facts, spec, import_module(f"{discover.module(PACKAGE, name)}.rules"))
