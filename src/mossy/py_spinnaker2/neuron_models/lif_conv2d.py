"""The class of lif_conv2d."""

from mossy.py_spinnaker2.power import LIFConv2dApplication

__all__ = ["LIFConv2dApplication"]
