"""Where scripts find the classes of neuron models, to set the levels of their cores."""

from mossy.py_spinnaker2.neuron_models import application, common, lif_conv2d, lif_neuron

__all__ = ["application", "common", "lif_conv2d", "lif_neuron"]
