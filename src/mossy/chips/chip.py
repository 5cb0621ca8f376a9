"""A chip: facts and tables read from its chip.toml, and small functions from its rules.py.

chip.toml sections

    [chip]      title, vendor, summary
    [topology]  links: names of the six or four directions and their steps; width, height of the
                largest machine the placer may use
    [routing]   kind: multicast | axons | none, the usual way of packets; also: others, core_to_core
    [links]     what carries packets between chips, where they are followed link by link; see
                twin/traffic/congestion.py
    [memory]    base: bytes of code, behind which data begin; at: addresses of blocks that have
                one of their own; shared: the block in a memory of all cores, rate: bytes per second
                of that one; rows: memories that may hold the synapse rows, the usual one first
    [input]     on: core (a source population takes cores) | host; sends: spikes | values (signed
                numbers, one packet each) | currents (either); most: spikes of a channel in a step
    [timing]    kind: tick | barrier | cycles | measured; work: fact per count, FACT_MODEL being its
                own for a neuron model, optional: no line of the bill where there is none; see
                bill/timing.py; orders: frame, event (packets one at a time), the chip's own first
    [levels.*]  clocks and voltages, from low to high: the facts that differ; see bill/levels.py
    [[energy]]  name, count, fact; see bill/energy.py
    [packets], [loading]    formats of packets, and what is sent to load a program; see
                twin/traffic/formats.py and twin/traffic/loading.py
    [choices.*] is, allowed, basis, source: words that may be chosen; see chips/choices.py
    [facts.*]   value, unit, low, high, basis, source
    [variants.*] a chip of its own, "folder-variant": title, summary, and the facts that differ

rules.py

    MODELS                                      population models the chip takes
    quantise(population, incoming, scaling, facts) -> Quantised
    limits(load, facts) -> list[Limit]          blocks(load, facts) -> list[(name, bytes)]
    places(facts) -> list[(x, y)]               grid position of each core of one chip, by its
                                                number; a mapping where they do not begin at 0
    hops(start, end, facts) -> int              steps on the network on chip between two cores

and where a chip needs them

    cores(facts) -> numbers of the cores that programs use, in the order in which they take
                                                them; all of `places` otherwise
    stride(words, bits) -> bytes of a row of so many words, where rows may lie in shared memory
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
    extend(populations, quantised, options, facts) -> the same three, with what is added once
                                                weights and delays are the chip's own
    assign(slices, destinations, facts) -> core number of each slice on the chip
    mesh(facts) -> Mesh                         the network on chip, where its links are followed
    crossings(start, end, facts) -> chip edges between two cores, where not |dx| + |dy| of chips
    cycles(program, counts, facts) -> (batch, steps), where they are no sum over [timing] work
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from mossy import discover
from mossy.chips.choices import Choice, read
from mossy.chips.facts import Facts, parse
from mossy.errors import BadInput, UnknownName
from mossy.program.machine import Spot

PACKAGE, MARKER = "mossy.chips", "chip.toml"


@dataclass(frozen=True, eq=False)
class Chip:
    """One kind of chip. `spec` is its chip.toml without the facts."""

    name: str
    facts: Facts
    spec: dict[str, Any]
    rules: ModuleType
    choices: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Full name for people."""
        return str(self.spec["chip"]["title"])

    @property
    def latency(self) -> int:
        """Steps from a spike to its arrival with delay field 0."""
        return int(self.facts["step_latency"])

    @cached_property
    def grid(self) -> dict[int, Spot]:
        """Grid position of each core of one chip by its number; empty where cores have none."""
        places = self.rules.places(self.facts)
        return dict(places) if isinstance(places, Mapping) else dict(enumerate(places))

    @property
    def numbers(self) -> str:
        """First and last number of the cores of a chip in words, nothing where they have none."""
        return f"cores {min(self.grid)} to {max(self.grid)}" if self.grid else ""

    @cached_property
    def cores(self) -> tuple[int, ...]:
        """Numbers of the cores that programs use on one chip, in the order they take them."""
        own = getattr(self.rules, "cores", None)
        return tuple(own(self.facts) if own else self.grid)

    def assuming(self, values: Mapping[str, float | str]) -> Chip:
        """Return the chip with some facts, or the words of some choices, assumed.

        Raises UnknownFact E0402 for a name of neither, BadInput E0415 for a word that is none.
        """
        if not values:
            return self
        words = {k: v for k, v in values.items() if k in self.choices}
        numbers = {k: v for k, v in values.items() if k not in words}
        for name, value in numbers.items():
            if isinstance(value, str):
                raise BadInput(
                    "E0415",
                    f"{self.facts[name].name} is a fact of the chip and takes a number",
                    where=self.name,
                    got=repr(value),
                    allowed=f"a number in {self.facts[name].unit}",
                    hint=f"words are for: {', '.join(self.choices) or 'nothing of this chip'}",
                )
        chosen = {k: self.choices[k].assuming(self.name, v) for k, v in words.items()}
        facts = self.facts.assuming({k: float(v) for k, v in numbers.items()})
        return dataclasses.replace(self, facts=facts, choices={**self.choices, **chosen})


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
    chosen = read(name, spec.pop("choices", {}))
    return Chip(name, facts, spec, import_module(f"{discover.module(PACKAGE, home)}.rules"), chosen)
