"""Static synapses, and the names of what PyNN has and this backend refuses."""

from __future__ import annotations

from typing import Any

from pyNN.standardmodels import build_translations, synapses

from mossy.errors import UnsupportedNode
from mossy.pynn.simulator import state


class StaticSynapse(synapses.StaticSynapse):
    """A synapse whose weight stays."""

    translations = build_translations(("weight", "weight"), ("delay", "delay"))

    def _get_minimum_delay(self) -> float:
        return float(state.dt if state.shortest == "auto" else state.shortest)


def _refused(name: str, what: str, hint: str) -> type:
    """A class of PyNN's name that says why it is not there."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise UnsupportedNode("E0267", what, where=f"sim.{name}", hint=hint)

    return type(name, (), {"__init__": refuse, "__doc__": f"Refused: {what}."})


_STATIC = "sim.StaticSynapse, which keeps the weights as they are"
_PLASTIC = "synapses that learn (STDP) are not there yet"
_SHORT = "synapses that depress or facilitate are not there yet"
_CELL = "this cell has no neuron model here"
_CELLS = "a cell of sim.list_standard_models()"
REFUSED = {
    name: _refused(name, what, hint)
    for what, hint, names in (
        (_PLASTIC, _STATIC, (
            "STDPMechanism", "SpikePairRule", "Vogels2011Rule", "AdditiveWeightDependence",
            "MultiplicativeWeightDependence", "AdditivePotentiationMultiplicativeDepression",
            "GutigWeightDependence",
        )),
        (_SHORT, _STATIC, ("TsodyksMarkramSynapse", "StochasticTsodyksMarkramSynapse")),
        ("synapses that fail at random are not there yet", _STATIC, (
            "SimpleStochasticSynapse", "MultiQuantalSynapse",
        )),
        ("gap junctions are not there: only spikes travel", _STATIC, ("ElectricalSynapse",)),
        (_CELL, _CELLS, (
            "IF_cond_exp_gsfa_grr", "IF_facets_hardware1", "GIF_cond_exp", "PointNeuron", "LIF",
            "AdExp", "MultiCompartmentNeuron",
        )),
        ("this source of spikes is not there", "sim.SpikeSourceArray with times drawn before", (
            "SpikeSourceGamma", "SpikeSourceInhGamma", "SpikeSourcePoissonRefractory",
        )),
    )
    for name in names
}  # fmt: skip
