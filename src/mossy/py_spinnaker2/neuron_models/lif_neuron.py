"""The classes of lif and lif_no_delay."""

from mossy.py_spinnaker2.power import LIFApplication, LIFNoDelayApplication

__all__ = ["LIFApplication", "LIFNoDelayApplication"]
