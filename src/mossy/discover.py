"""One rule for finding things: the folder is the registry, plus entry points of plug-ins.

`names("mossy.chips")` lists the sub-packages of that package that hold the marker file, and the
entry points of the group of the same name. Nothing is imported until it is asked for.
"""

from __future__ import annotations

import difflib
from importlib import metadata, resources
from importlib.resources.abc import Traversable

from mossy.errors import BadInput, UnknownName


def folders(package: str, marker: str) -> dict[str, Traversable]:
    """Return name -> folder for every thing in `package` whose folder holds `marker`.

    A plug-in names its own package as the entry point's value. Raises BadInput E0150 where two
    things claim one name.
    """
    found: dict[str, Traversable] = {}
    for entry in resources.files(package).iterdir():
        if entry.is_dir() and entry.joinpath(marker).is_file():
            found[entry.name] = entry
    for point in metadata.entry_points(group=package):
        if point.name in found:
            raise BadInput(
                "E0150",
                "two things claim one name",
                where=package,
                got=point.name,
                hint=f"uninstall the plug-in {point.value} or rename its entry point",
            )
        found[point.name] = resources.files(point.value)
    return dict(sorted(found.items()))


def module(package: str, name: str) -> str:
    """Return the dotted name of the Python package behind `name`, a plug-in's own included."""
    points = metadata.entry_points(group=package, name=name)
    return next((p.value for p in points), f"{package}.{name}")


def names(package: str, marker: str) -> list[str]:
    """Return the sorted names of everything in `package`."""
    return list(folders(package, marker))


def nearest(name: str, known: list[str]) -> list[str]:
    """Return the known names that look most like `name`, best first; all of them if none does."""
    return difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known


def find(package: str, marker: str, name: str, what: str) -> Traversable:
    """Return the folder called `name`. Raises UnknownName E0501 with the nearest names."""
    found = folders(package, marker)
    if name not in found:
        close = nearest(name, list(found))
        raise UnknownName("E0501", f"unknown {what}", got=repr(name), hint=", ".join(close))
    return found[name]
