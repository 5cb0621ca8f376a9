"""Neuron models, one file each; `model(name)` finds one."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from mossy import discover
from mossy.neurons.model import Model


@cache
def model(name: str) -> Model:
    """Return the model `file` or `file.variant`, e.g. "lif", "cuba_lif.int".

    "chip/file.variant" is in the folder of a chip whose arithmetic no shared model says.
    """
    owner, _, rest = name.rpartition("/")
    file, _, variant = rest.partition(".")
    package = discover.module("mossy.chips", owner) if owner else "mossy.neurons"
    found = getattr(import_module(f"{package}.{file}"), (variant or "float").upper())
    assert isinstance(found, Model)
    return found
