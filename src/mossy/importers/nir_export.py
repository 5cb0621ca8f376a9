"""From a module to a network through its own library's export to NIR.

The way for modules that the forward pass cannot be followed through, and for comparing the two.
What the exports lose is lost here too: snnTorch 1.0.0 writes a step of 1e-4 s into its time
constants and drops the reset mode, graded spikes and the padding of pools; Norse 1.1.0 multiplies
its time constants by the step it is given (so it is given 1) and drops input weights and resets.
"""

from __future__ import annotations

from typing import Any

from mossy.errors import BadInput
from mossy.network import nir
from mossy.network.nodes import Integrator, Network, Reset

NAMES = ("snntorch", "norse")


def export(
    module: Any, sample: Any, dt: float, integrator: Integrator, reset: Reset | None, name: str
) -> Network:
    """Return the network of `module` as its library exports it. Raises BadInput E0125."""
    parts = {type(m).__module__.partition(".")[0] for m in module.modules()}
    library = next((n for n in NAMES if n in parts), None)
    if library is None:
        raise BadInput(
            "E0125",
            "the module's library has no export to NIR",
            got=type(module).__name__,
            allowed=", ".join(NAMES),
            hint='through="forward"',
        )
    graph = _snntorch(module, sample) if library == "snntorch" else _norse(module, sample)
    return nir.from_nir(graph, dt, integrator, reset, name)


def _snntorch(module: Any, sample: Any) -> Any:
    from snntorch.export_nir import export_to_nir

    return export_to_nir(module, sample[:1], ignore_dims=[0])


def _norse(module: Any, sample: Any) -> Any:
    from norse.torch import to_nir

    return to_nir(module, sample[0], dt=1)  # it takes every axis for the signal's
