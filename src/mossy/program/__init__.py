"""The compiled artefact: what would be loaded on the chip, and the map back to the network.

Passes write a `Program`, the twin reads it, and they share nothing else.
"""

from mossy.program.artefact import (
    Axon,
    Block,
    CoreImage,
    Kernel,
    PopulationMap,
    Program,
    Route,
    RowTable,
    WordFormat,
)
from mossy.program.file import load, save

__all__ = [
    "Axon",
    "Block",
    "CoreImage",
    "Kernel",
    "PopulationMap",
    "Program",
    "Route",
    "RowTable",
    "WordFormat",
    "load",
    "save",
]
