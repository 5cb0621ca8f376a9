"""The class behind all neuron models."""

from mossy.py_spinnaker2.power import BaseApplication

__all__ = ["BaseApplication"]
