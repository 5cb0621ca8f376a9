"""Which program talks to the board. None does here."""

from enum import Enum


class ExperimentBackendType(Enum):
    """The one that public scripts name."""

    SPINNMAN2 = "spinnman2"
