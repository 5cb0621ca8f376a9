"""Chips: one folder each. `chip(name)` reads one, `names()` lists them.

The package itself can be called, as `mossy.chips()`, and lists them too: a function of that name
would be hidden as soon as anything imports this package.
"""

import sys
from types import ModuleType

from mossy.chips.chip import Chip, chip, names
from mossy.chips.facts import Fact, Facts


class _Chips(ModuleType):
    def __call__(self) -> list[str]:
        """Return the names of all chips."""
        return names()


sys.modules[__name__].__class__ = _Chips

__all__ = ["Chip", "Fact", "Facts", "chip", "names"]
