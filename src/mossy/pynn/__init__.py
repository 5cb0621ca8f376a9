"""PyNN's interface in front of the twin: a script that imports `mossy.pynn as sim` runs as it is.

    import mossy.pynn as sim
    sim.setup(timestep=0.1, threads=2)

Needs PyNN (CeCILL licence), which the extra `mossy[pynn]` installs and nothing else here loads.
"""

from __future__ import annotations

import logging

try:
    from pyNN import errors, random, space
except ImportError:
    from mossy.errors import BadInput

    raise BadInput(
        "E0272", "PyNN is not installed", where="mossy.pynn", hint="pip install 'mossy[pynn]'"
    ) from None

from pyNN.connectors import (
    AllToAllConnector,
    ArrayConnector,
    CloneConnector,
    CSAConnector,
    DisplacementDependentProbabilityConnector,
    DistanceDependentProbabilityConnector,
    FixedNumberPostConnector,
    FixedNumberPreConnector,
    FixedProbabilityConnector,
    FixedTotalNumberConnector,
    FromFileConnector,
    FromListConnector,
    IndexBasedProbabilityConnector,
    OneToOneConnector,
)
from pyNN.network import Network
from pyNN.random import GSLRNG, NumpyRNG, RandomDistribution
from pyNN.space import Space

from mossy.pynn.cells import (
    CELLS,
    SOURCES,
    EIF_cond_alpha_isfa_ista,
    EIF_cond_exp_isfa_ista,
    HH_cond_exp,
    IF_cond_alpha,
    IF_cond_exp,
    IF_curr_alpha,
    IF_curr_delta,
    IF_curr_exp,
    Izhikevich,
    SpikeSourceArray,
    SpikeSourcePoisson,
)
from mossy.pynn.control import (
    connect,
    create,
    end,
    get_current_time,
    get_max_delay,
    get_min_delay,
    get_time_step,
    initialize,
    num_processes,
    rank,
    record,
    record_gsyn,
    record_v,
    reset,
    results,
    run,
    run_for,
    run_until,
    set,
    setup,
)
from mossy.pynn.currents import ACSource, DCSource, NoisyCurrentSource, StepCurrentSource
from mossy.pynn.populations import Assembly, Population, PopulationView
from mossy.pynn.projections import Projection
from mossy.pynn.synapses import REFUSED, StaticSynapse

globals().update(REFUSED)
# PyNN's init_logging(debug=True) would have the compiler print every step that it takes.
logging.getLogger("numba").setLevel(logging.WARNING)


def list_standard_models() -> list[str]:
    """Return the names of the cell types that can be run."""
    return [c.__name__ for c in (*CELLS, *SOURCES)]


__all__ = [
    "GSLRNG",
    "ACSource",
    "AllToAllConnector",
    "ArrayConnector",
    "Assembly",
    "CSAConnector",
    "CloneConnector",
    "DCSource",
    "DisplacementDependentProbabilityConnector",
    "DistanceDependentProbabilityConnector",
    "EIF_cond_alpha_isfa_ista",
    "EIF_cond_exp_isfa_ista",
    "FixedNumberPostConnector",
    "FixedNumberPreConnector",
    "FixedProbabilityConnector",
    "FixedTotalNumberConnector",
    "FromFileConnector",
    "FromListConnector",
    "HH_cond_exp",
    "IF_cond_alpha",
    "IF_cond_exp",
    "IF_curr_alpha",
    "IF_curr_delta",
    "IF_curr_exp",
    "IndexBasedProbabilityConnector",
    "Izhikevich",
    "Network",
    "NoisyCurrentSource",
    "NumpyRNG",
    "OneToOneConnector",
    "Population",
    "PopulationView",
    "Projection",
    "RandomDistribution",
    "Space",
    "SpikeSourceArray",
    "SpikeSourcePoisson",
    "StaticSynapse",
    "StepCurrentSource",
    "connect",
    "create",
    "end",
    "errors",
    "get_current_time",
    "get_max_delay",
    "get_min_delay",
    "get_time_step",
    "initialize",
    "list_standard_models",
    "num_processes",
    "random",
    "rank",
    "record",
    "record_gsyn",
    "record_v",
    "reset",
    "results",
    "run",
    "run_for",
    "run_until",
    "set",
    "setup",
    "space",
]
