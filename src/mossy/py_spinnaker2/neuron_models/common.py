"""Levels of cores; see power.py."""

from mossy.py_spinnaker2.power import DVFSParams, PmgtMode

__all__ = ["DVFSParams", "PmgtMode"]
