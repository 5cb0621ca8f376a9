"""How a script reaches its board, accepted where it changes nothing."""

from mossy.py_spinnaker2.experiment_backends import backend_settings, base_experiment_backend
from mossy.py_spinnaker2.experiment_backends.backend_settings import ROUTING, BackendSettings
from mossy.py_spinnaker2.experiment_backends.base_experiment_backend import ExperimentBackendType

__all__ = [
    "ROUTING",
    "BackendSettings",
    "ExperimentBackendType",
    "backend_settings",
    "base_experiment_backend",
]
