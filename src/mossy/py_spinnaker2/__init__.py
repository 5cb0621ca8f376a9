"""py-spinnaker2's interface in front of the twin: scripts for the chip run without one.

from mossy.py_spinnaker2 import hardware, helpers, snn     # instead of: from spinnaker2 import ...

A script's integer weights and float32 parameters are the registers, so no network of floats and no
quantisation stand between script and program: the population goes to `passes.pipeline.assemble`
as it is written. Names and arguments are those seen in public scripts for py-spinnaker2 0.8 (TU
Dresden, gitlab.com/spinnaker2/py-spinnaker2); no code of it is used. models.py says which neuron
models run and what is assumed of each.

This is the one front end shaped after one chip's library, and so the one place beside the chip's
own folder where the chip is named.
"""

from mossy.py_spinnaker2 import hardware, helpers, snn

__all__ = ["hardware", "helpers", "snn"]
