"""Chips: one folder each. `chip(name)` reads one, `names()` lists them."""

from mossy.chips.chip import Chip, chip, names
from mossy.chips.facts import Fact, Facts

__all__ = ["Chip", "Fact", "Facts", "chip", "names"]
