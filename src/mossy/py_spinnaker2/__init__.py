"""py-spinnaker2's interface in front of the twin: scripts for the chip run without one.

from mossy.py_spinnaker2 import hardware, helpers, snn     # instead of: from spinnaker2 import ...

or, with the script as it is: python -m mossy.py_spinnaker2 script.py.

A script's integer weights and float32 parameters are the registers, so no network of floats and no
quantisation stand between script and program: the population goes to `passes.pipeline.assemble`
as it is written. Names and arguments are those seen in public scripts for py-spinnaker2 0.8 (TU
Dresden, gitlab.com/spinnaker2/py-spinnaker2); no code of it is used. models.py says which neuron
models run and what is assumed of each.

This is the one front end shaped after one chip's library, and so the one place beside the chip's
own folder where the chip is named.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

from mossy.py_spinnaker2 import (
    ann2snn_helpers,
    brian2_sim,
    experiment_backends,
    hardware,
    helpers,
    logger,
    mapper,
    neuron_models,
    s2_nir,
    snn,
)

LIBRARY = "spinnaker2"

__all__ = [
    "ann2snn_helpers",
    "brian2_sim",
    "experiment_backends",
    "hardware",
    "helpers",
    "logger",
    "mapper",
    "neuron_models",
    "s2_nir",
    "snn",
    "stand_in",
]


def stand_in() -> None:
    """Let `import spinnaker2`, and every module of it that scripts name, mean this package."""
    sys.modules[LIBRARY] = sys.modules[__name__]
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        if not module.name.endswith("__main__"):
            sys.modules[LIBRARY + module.name.removeprefix(__name__)] = import_module(module.name)
