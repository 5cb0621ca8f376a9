"""The list of checks: every function `check_*` of the three modules, found and not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from mossy.chips import Chip

Check = Callable[[Chip], None]

MODULES = ("chip_checks", "pass_checks", "engine_checks")


def all_checks() -> Iterator[tuple[str, Check]]:
    """Yield (name, function) of every check, in order. A check takes a chip and raises
    AssertionError where it does not hold.
    """
    for module in MODULES:
        for name, value in vars(import_module(f"mossy.testing.{module}")).items():
            if name.startswith("check_"):
                yield f"{module.removesuffix('_checks')}-{name.removeprefix('check_')}", value


def expect(holds: object, message: str) -> None:
    """Raise AssertionError with `message` unless `holds`, under `python -O` too."""
    if not holds:
        raise AssertionError(message)
