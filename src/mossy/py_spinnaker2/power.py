"""Clocks and voltages of a population's cores, as scripts set them, and as the twin prices them.

    PL_MODE_LOW    all work at the low level
    PL_MODE_HIGH   all work at the high level
    PL_MODE_AUTO   the high level in ticks that bring a core more than pl_threshold packets

PL_MODE_LOW is the one mode that public scripts name; it switches the changing of levels off (README
of the public demonstration on N-MNIST), so its threshold is not read. That demonstration measures
the modes low, high and auto; the two other names are assumed after them.

Scripts set `dvfs_params` on the class of a neuron model, the library's "application". A population
and a run take it too: the population's counts first, then its model's, then the run's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from mossy.errors import BadInput, UnsupportedNode


class PmgtMode(Enum):
    """How a core finds its level. The values are the twin's words."""

    PL_MODE_LOW = "low"
    PL_MODE_HIGH = "high"
    PL_MODE_AUTO = "auto"


@dataclass(frozen=True)
class DVFSParams:
    """Level of a core. pl_threshold: packets of a tick, for PL_MODE_AUTO; None: the chip's own.

    Raises BadInput E0260.
    """

    mode: PmgtMode = PmgtMode.PL_MODE_LOW
    pl_threshold: float | None = None

    def __post_init__(self) -> None:
        threshold = self.pl_threshold
        mode: object = self.mode  # scripts are not type checked
        if not isinstance(mode, PmgtMode) or (threshold is not None and not threshold >= 0):
            raise BadInput(
                "E0260",
                "not a way to find a core's level",
                where="DVFSParams",
                got=f"mode={self.mode!r}, pl_threshold={threshold!r}",
                allowed=f"one of {', '.join(m.name for m in PmgtMode)}, 0 packets or more",
                hint="DVFSParams(PmgtMode.PL_MODE_AUTO, pl_threshold=200)",
            )

    @property
    def setting(self) -> tuple[str, float | None]:
        """What the twin is asked for: a level, and a threshold where it is automatic."""
        automatic = self.mode is PmgtMode.PL_MODE_AUTO
        return self.mode.value, self.pl_threshold if automatic else None


class BaseApplication:
    """What scripts set for all populations of a neuron model. profiling changes nothing here."""

    dvfs_params: DVFSParams | None = None
    profiling = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse models that are not of the library: they are C code for the chip."""
        super().__init_subclass__(**kwargs)
        if cls.__module__ != __name__:
            raise UnsupportedNode(
                "E0261",
                "a neuron model of a script's own is C code for the chip, which is not run here",
                where=f"class {cls.__name__}",
                hint="a model in mossy.neurons, or one of the library's",
            )


class LIFApplication(BaseApplication):
    """The model lif."""


class LIFNoDelayApplication(BaseApplication):
    """The model lif_no_delay."""


class LIFConv2dApplication(BaseApplication):
    """The model lif_conv2d."""


APPLICATIONS = {
    "lif": LIFApplication,
    "lif_no_delay": LIFNoDelayApplication,
    "lif_conv2d": LIFConv2dApplication,
}


def of(model: str) -> DVFSParams | None:
    """Return what scripts have set for a neuron model."""
    return APPLICATIONS.get(model, BaseApplication).dvfs_params
