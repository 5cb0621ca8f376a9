"""A chip: facts and tables read from its chip.toml, and small functions from its rules.py.

chip.toml sections

    [chip]      title, vendor, summary
    [topology]  links: names of the six or four directions and their steps; width, height of the
                largest machine the placer may use
    [routing]   kind: multicast | axons | none
    [links]     what carries packets between chips, where they are followed link by link; see
                twin/traffic/congestion.py
    [input]     on: core (a source population takes cores) | host; sends: spikes | values (signed
                numbers, one packet each) | currents (either); most: spikes of a channel in a step
    [timing]    kind: tick | barrier | cycles | measured; work: fact per count; see bill/timing.py;
                orders: frame, event (packets one at a time), the chip's own first
    [levels.*]  clocks and voltages, from low to high: the facts that differ; see bill/levels.py
    [[energy]]  name, count, fact; see bill/energy.py
    [facts.*]   value, unit, low, high, basis, source
    [variants.*] a chip of its own, "folder-variant": title, summary, and the facts that differ

rules.py

    MODELS                                      population models the chip takes
    quantise(population, incoming, scaling, facts) -> Quantised
    limits(load, facts) -> list[Limit]          blocks(load, facts) -> list[(name, bytes)]
    places(facts) -> list[(x, y)]               grid position of each usable core of one chip
    hops(start, end, facts) -> int              steps on the network on chip between two cores

and where a chip needs them

    PROFILE                                     parameters that cores keep once for many neurons
    CUT = False                                 a population cannot be cut over cores
    SHARED = True                               populations may share a core
    RECIPES = True                              connectivity as recipes, and noise, are taken
    NOISE = False                               but noise is not: every spike comes as a packet
    AT_ONCE = True                              a spike reaches a simulator's cell in the step it
                                                arrives in, not in the next one
    retuned(quantised, population)              the same with other parameters and first registers,
                                                None where weights or registers change their units
    prepare(populations, options, facts) -> (Populations, least cuts by population)
    assign(slices, destinations, facts) -> core number of each slice on the chip
    crossings(start, end, facts) -> chip edges between two cores, where not |dx| + |dy| of chips
    cycles(program, counts, facts) -> (batch, steps), where they are no sum over [timing] work
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
from mossy.errors import BadInput, UnknownName

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


@cache
def _known() -> dict[str, tuple[str, str]]:
    """Name -> (folder, variant or nothing) of every chip."""
    found = {}
    for name, folder in discover.folders(PACKAGE, MARKER).items():
        found[name] = (name, "")
        spec = tomllib.loads(folder.joinpath(MARKER).read_text("utf-8"))
        for variant in spec.get("variants", {}):
            found[f"{name}-{variant}"] = (name, variant)
    return found


def names() -> list[str]:
    """Return the names of all chips, variants and plug-ins included."""
    return list(_known())


def folder_of(name: str) -> str:
    """Return the folder of a chip. Raises UnknownName E0501 with the nearest names."""
    if name not in _known():
        close = discover.nearest(name, names())
        raise UnknownName("E0501", "unknown chip", got=repr(name), hint=", ".join(close))
    return _known()[name][0]


@cache
def chip(name: str) -> Chip:
    """Return the chip called `name`. Raises UnknownName E0501 with the nearest names."""
    home = folder_of(name)
    folder = discover.find(PACKAGE, MARKER, home, "chip")
    spec = tomllib.loads(folder.joinpath(MARKER).read_text("utf-8"))
    variants = spec.pop("variants", {})
    variant = variants.get(_known()[name][1], {})
    spec["facts"] = spec.get("facts", {}) | variant.get("facts", {})
    spec.get("chip", {}).update({k: v for k, v in variant.items() if k != "facts"})
    for section in ("chip", "routing", "input", "timing", "energy", "facts"):
        if section not in spec:
            raise BadInput("E0171", f"chip.toml lacks [{section}]", where=name)
    facts = Facts(name, {k: parse(name, k, row) for k, row in spec.pop("facts").items()})
    return Chip(name, facts, spec, import_module(f"{discover.module(PACKAGE, home)}.rules"))
