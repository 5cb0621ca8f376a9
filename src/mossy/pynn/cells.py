"""PyNN's cell types, and what each becomes: a neuron model, and numbers in SI units.

A cell keeps PyNN's own names and units. `Form` says which model runs it, what its parameters are
called there, and which register holds what can be recorded. V of a model is relative to `rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN.standardmodels import build_translations, cells

from mossy.neurons import (
    eif_cond_alpha,
    eif_cond_exp,
    hh_cond_exp,
    if_cond_alpha,
    if_cond_exp,
    if_curr_alpha,
    if_curr_delta,
    if_curr_exp,
    izhikevich,
)

Array = NDArray[np.float64]
Names = dict[str, tuple[str, float]]
MILLI, MICRO, NANO = 1e-3, 1e-6, 1e-9


@dataclass(frozen=True)
class Form:
    """How a cell type is run.

    single, double: model in float32 and float64. names: PyNN's parameter -> argument of
    `coefficients` and SI units of it. registers: PyNN's variable -> register and SI units. rest:
    the parameter that V is relative to. weight: SI units of a weight. substeps: parts of a step.
    """

    single: str
    double: str
    coefficients: Callable[..., dict[str, Array]]
    names: Names
    registers: Names
    rest: str | None
    weight: float
    substeps: Callable[[float], int] | None = None

    def model(self, precision: str) -> str:
        """Return the model's name."""
        return self.double if precision == "double" else self.single

    def params(
        self, parameters: Mapping[str, Array], dt: float, current: Array | float
    ) -> dict[str, Array]:
        """Return the model's parameters, (n,) each. dt: seconds; current: amperes on top."""
        n = next(iter(parameters.values())).size
        given = {to: parameters[k] * unit for k, (to, unit) in self.names.items()}
        given["i_offset"] = given["i_offset"] + current
        parts = self.substeps(dt) if self.substeps else None
        found = self.coefficients(dt, **given, **({"substeps": parts} if parts else {}))
        if parts:
            found["substeps"] = np.asarray(parts)
        return {k: np.broadcast_to(np.asarray(v, float), (n,)).copy() for k, v in found.items()}

    def inside(self, variable: str, value: Array, parameters: Mapping[str, Array]) -> Array:
        """Return a variable's value as its register has it."""
        unit = self.registers[variable][1]
        zero = parameters[self.rest] if self.rest and variable == "v" else 0.0
        return np.asarray((value - zero) * unit)

    def outside(self, variable: str, value: NDArray[Any], zero: Array | float) -> Array:
        """Return a register's values in PyNN's units. zero: of V, in mV."""
        found = value.astype(np.float64) / self.registers[variable][1]
        return found + zero if variable == "v" else found


_LIF: Names = {
    "tau_m": ("tau_m", MILLI),
    "cm": ("c_m", NANO),
    "v_rest": ("v_rest", MILLI),
    "v_reset": ("v_reset", MILLI),
    "v_thresh": ("v_thresh", MILLI),
    "tau_refrac": ("tau_refrac", MILLI),
    "i_offset": ("i_offset", NANO),
}
_TWO: Names = {"tau_syn_E": ("tau_exc", MILLI), "tau_syn_I": ("tau_inh", MILLI)}
_REVERSAL: Names = {"e_rev_E": ("e_exc", MILLI), "e_rev_I": ("e_inh", MILLI)}
_ADAPTIVE: Names = {
    "delta_T": ("delta_t", MILLI),
    "v_spike": ("v_spike", MILLI),
    "a": ("a", NANO),
    "b": ("b", NANO),
    "tau_w": ("tau_w", MILLI),
}
_SODIUM: Names = {
    "cm": ("c_m", NANO),
    "g_leak": ("g_leak", MICRO),
    "gbar_Na": ("g_na", MICRO),
    "gbar_K": ("g_k", MICRO),
    "e_rev_leak": ("e_leak", MILLI),
    "e_rev_Na": ("e_na", MILLI),
    "e_rev_K": ("e_k", MILLI),
    "v_offset": ("v_offset", MILLI),
    "i_offset": ("i_offset", NANO),
}
_SQUARE: Names = {
    "a": ("a", 1e3),
    "b": ("b", 1e3),
    "c": ("v_reset", MILLI),
    "d": ("d", 1.0),
    "i_offset": ("i_offset", NANO),
}
_V: Names = {"v": ("v", MILLI)}
_CURRENTS: Names = {"isyn_exc": ("i_exc", NANO), "isyn_inh": ("i_inh", -NANO)}
_CONDUCTANCES: Names = {"gsyn_exc": ("g_exc", MICRO), "gsyn_inh": ("g_inh", MICRO)}
_GATES: Names = {gate: (gate, 1.0) for gate in "mhn"}


def _names(base: type) -> dict[str, Any]:
    """PyNN's translations, where the names stay."""
    parameters: Mapping[str, Any] = base.default_parameters  # type: ignore[attr-defined]
    translations: dict[str, Any] = build_translations(*((k, k) for k in parameters))
    return translations


def _twice(name: str, *rest: Any) -> Form:
    return Form(name, f"{name}.double", *rest)


class IF_curr_exp(cells.IF_curr_exp):
    """Leaky integrate and fire with exponential currents."""

    translations = _names(cells.IF_curr_exp)
    form = _twice(
        "if_curr_exp", if_curr_exp.coefficients, _LIF | _TWO, _V | _CURRENTS, "v_rest", NANO
    )


class IF_curr_alpha(cells.IF_curr_alpha):
    """Leaky integrate and fire with alpha-shaped currents."""

    translations = _names(cells.IF_curr_alpha)
    form = _twice(
        "if_curr_alpha", if_curr_alpha.coefficients, _LIF | _TWO, _V | _CURRENTS, "v_rest", NANO
    )


class IF_curr_delta(cells.IF_curr_delta):
    """Leaky integrate and fire whose synapses make the potential jump."""

    translations = _names(cells.IF_curr_delta)
    form = _twice("if_curr_delta", if_curr_delta.coefficients, _LIF, _V, "v_rest", MILLI)


class IF_cond_exp(cells.IF_cond_exp):
    """Leaky integrate and fire with exponential conductances."""

    translations = _names(cells.IF_cond_exp)
    form = _twice(
        "if_cond_exp", if_cond_exp.coefficients,
        _LIF | _TWO | _REVERSAL, _V | _CONDUCTANCES, "v_rest", MICRO,
    )  # fmt: skip


class IF_cond_alpha(cells.IF_cond_alpha):
    """Leaky integrate and fire with alpha-shaped conductances."""

    translations = _names(cells.IF_cond_alpha)
    form = _twice(
        "if_cond_alpha", if_cond_alpha.coefficients,
        _LIF | _TWO | _REVERSAL, _V | _CONDUCTANCES, "v_rest", MICRO,
    )  # fmt: skip


class EIF_cond_exp_isfa_ista(cells.EIF_cond_exp_isfa_ista):
    """Adaptive exponential integrate and fire with exponential conductances."""

    translations = _names(cells.EIF_cond_exp_isfa_ista)
    form = _twice(
        "eif_cond_exp", eif_cond_exp.coefficients,
        _LIF | _TWO | _REVERSAL | _ADAPTIVE, _V | _CONDUCTANCES | {"w": ("w", NANO)}, "v_rest",
        MICRO, eif_cond_exp.substeps,
    )  # fmt: skip


class EIF_cond_alpha_isfa_ista(cells.EIF_cond_alpha_isfa_ista):
    """Adaptive exponential integrate and fire with alpha-shaped conductances."""

    translations = _names(cells.EIF_cond_alpha_isfa_ista)
    form = _twice(
        "eif_cond_alpha", eif_cond_alpha.coefficients,
        _LIF | _TWO | _REVERSAL | _ADAPTIVE, _V | _CONDUCTANCES | {"w": ("w", NANO)}, "v_rest",
        MICRO, eif_cond_exp.substeps,
    )  # fmt: skip


class HH_cond_exp(cells.HH_cond_exp):
    """Hodgkin and Huxley's neuron with Traub and Miles' rates and exponential conductances."""

    translations = _names(cells.HH_cond_exp)
    receptor_types = ("excitatory", "inhibitory")
    recordable = [*cells.HH_cond_exp.recordable, *_GATES]  # noqa: RUF012  # PyNN's form
    form = _twice(
        "hh_cond_exp", hh_cond_exp.coefficients,
        _SODIUM | _TWO | _REVERSAL, _V | _CONDUCTANCES | _GATES, "e_rev_leak", MICRO,
        hh_cond_exp.substeps,
    )  # fmt: skip


class Izhikevich(cells.Izhikevich):
    """Izhikevich's neuron by Euler's rule; weights make the potential jump."""

    translations = _names(cells.Izhikevich)
    form = Form(
        "izhikevich.euler", "izhikevich.euler_double", izhikevich.coefficients,
        _SQUARE, _V | {"u": ("u", 1.0)}, None, MILLI,
    )  # fmt: skip


class SpikeSourcePoisson(cells.SpikeSourcePoisson):
    """Spikes at random times."""

    translations = _names(cells.SpikeSourcePoisson)


class SpikeSourceArray(cells.SpikeSourceArray):
    """Spikes at given times."""

    translations = _names(cells.SpikeSourceArray)


CELLS = (
    IF_curr_exp, IF_curr_alpha, IF_curr_delta, IF_cond_exp, IF_cond_alpha, EIF_cond_exp_isfa_ista,
    EIF_cond_alpha_isfa_ista, HH_cond_exp, Izhikevich,
)  # fmt: skip
SOURCES = (SpikeSourcePoisson, SpikeSourceArray)
