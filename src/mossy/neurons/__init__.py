"""Neuron models, one file each; `model(name)` finds one."""

from __future__ import annotations

from importlib import import_module

from mossy.neurons.model import Model


def model(name: str) -> Model:
    """Return the model `file` or `file.variant`, e.g. "lif", "cuba_lif.int"."""
    file, _, variant = name.partition(".")
    found = getattr(import_module(f"mossy.neurons.{file}"), (variant or "float").upper())
    assert isinstance(found, Model)
    return found
