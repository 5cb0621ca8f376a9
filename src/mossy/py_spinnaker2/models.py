"""The neuron models of py-spinnaker2: which run, with which parameters, and what is assumed.

    lif, lif_no_delay, lif_conv2d   neurons/lif.py. The order was confirmed on a released trace.
    lif_curr_exp, .._no_delay       neurons/cuba_lif.py: decay, input, membrane. Order assumed.
    lif_fugu                        neurons/probabilistic_lif.py: Fugu's own order, assumed here too
    lif_prob                        the same with the leak first, as in lif. Assumed.
    izhikevich                      neurons/izhikevich.py: the published half steps. Assumed.
    poisson_process                 neurons/poisson_source.py: in distribution, not spike for spike
    spike_list                      an input

Parameters and defaults are those of public scripts; a parameter without a known default must be
given. The names of the models that do not run are listed with what nobody has published of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import discover, neurons
from mossy.errors import BadInput, UnsupportedNode
from mossy.neurons import kiss64, probabilistic_lif

RECORDS = ("spikes", "v", "time_done", "n_packets")
RESETS = {"reset_by_subtraction": 1, "reset_to_v_reset": 0}
ALIASES = {"t_refract": "t_refrac"}  # both are seen in scripts

Array = NDArray[np.float64]
Registers = tuple[NDArray[Any], NDArray[Any]]  # parameters, state
REQUIRED = None


@dataclass(frozen=True)
class Model:
    """One neuron model. defaults: by parameter, REQUIRED where none is known.

    registers: fills the records from (n,) arrays by parameter. delays: its synapses carry them.
    kernels: it takes convolutions. potential: `v` can be recorded.
    """

    neuron: str
    defaults: Mapping[str, float | None] = field(default_factory=dict)
    registers: Callable[[dict[str, Array], Registers], None] = lambda p, r: None
    delays: bool = False
    kernels: bool = False
    potential: bool = True


def _lif(p: dict[str, Array], r: Registers) -> None:
    params, state = r
    params["alpha"], params["offset"] = p["alpha_decay"], p["i_offset"]
    params["threshold"], params["v_reset"] = p["threshold"], p["v_reset"]
    params["subtract"], state["v"] = p["reset"], p["v_init"]


def _curr_exp(p: dict[str, Array], r: Registers) -> None:
    _lif(p, r)
    for name in ("exc_decay", "inh_decay"):
        r[0][name] = p[name]
    r[0]["refract"] = p["t_refrac"]


def _prob(p: dict[str, Array], r: Registers) -> None:
    _lif(p, r)
    r[0]["chance"] = kiss64.chance(p["firing_prob"])
    kiss64.seeded(r[1], int(p["seed"][0]))


def _fugu(p: dict[str, Array], r: Registers) -> None:
    params, state = r
    params["alpha"], params["offset"] = p["decay"], p["Vbias"]
    params["threshold"], params["v_reset"] = p["Vspike"], p["Vreset"]
    params["chance"], params["wait"] = kiss64.chance(p["p"]), p["delay"] - 1
    params["late_leak"], state["v"] = 1, p["V"]
    kiss64.seeded(state, int(p["seed"][0]))


def _izhikevich(p: dict[str, Array], r: Registers) -> None:
    params, state = r
    params["a"], params["b"] = p["recovery_decay"], p["recovery_sensitivity"]
    params["v_reset"], params["d"] = p["v_reset"], p["reset_recovery_increment"]
    params["offset"], state["v"] = p["i_offset"], p["v_init"]
    state["u"] = params["b"] * state["v"]


def _poisson(p: dict[str, Array], r: Registers) -> None:
    r[0]["chance"], r[0]["refract"] = kiss64.chance(p["p"]), p["Tref"]
    kiss64.seeded(r[1], int(p["seed"][0]))


LIF = {
    "threshold": REQUIRED,
    "alpha_decay": REQUIRED,
    "i_offset": 0.0,
    "v_init": 0.0,
    "v_reset": 0.0,
    "reset": 1.0,
}
CURR_EXP = LIF | {"exc_decay": REQUIRED, "inh_decay": REQUIRED, "t_refrac": 0.0}
FUGU = {
    "V": 0.0,
    "Vspike": REQUIRED,
    "decay": REQUIRED,
    "Vbias": 0.0,
    "Vreset": 0.0,
    "p": 1.0,
    "delay": 1.0,
    "seed": 0.0,
}
IZHIKEVICH = {
    "recovery_decay": REQUIRED,
    "recovery_sensitivity": REQUIRED,
    "v_reset": REQUIRED,
    "reset_recovery_increment": REQUIRED,
    "i_offset": 0.0,
    "v_init": -65.0,
}

KNOWN = {
    "spike_list": Model("source", potential=False),
    "lif": Model("lif", LIF, _lif, delays=True),
    "lif_no_delay": Model("lif", LIF, _lif),
    "lif_conv2d": Model("lif", LIF, _lif, kernels=True),
    "lif_curr_exp": Model("cuba_lif", CURR_EXP, _curr_exp, delays=True),
    "lif_curr_exp_no_delay": Model("cuba_lif", CURR_EXP, _curr_exp),
    "lif_prob": Model(
        "probabilistic_lif", LIF | {"firing_prob": REQUIRED, "seed": 0.0}, _prob, delays=True
    ),
    "lif_fugu": Model("probabilistic_lif", FUGU, _fugu),
    "izhikevich": Model("izhikevich", IZHIKEVICH, _izhikevich, delays=True),
    "poisson_process": Model(
        "poisson_source", {"p": REQUIRED, "Tref": 0.0, "seed": 0.0}, _poisson, potential=False
    ),
}

ALIF = "which threshold a reset subtracts, and whether it adapts before or after it is tested"
UNKNOWN = {
    "alif": ALIF,
    "lif_adaptive_threshold": ALIF,
    "qubo_neuron": "how it is driven, and where its random numbers enter",
    "charge_and_spike": "when the charging phase ends and what the spiking phase counts",
    "gas": "its equation and parameters",
    "relay": "whether it sends in the tick in which a packet comes",
    "spike_receiver": "where its spikes come from",
    "spike_replicator": "what it replicates, and when",
    "spikes_from_array": "how an image becomes spike times",
    "spikes_from_array_latency_code": "how an image becomes spike times",
    "conv2d_if_neuron_rate_code": "the rounding of the accelerator's sums and the reset",
}

# lowest and highest value that a parameter may have
BOUNDS = {
    "p": (0, 1),
    "firing_prob": (0, 1),
    "delay": (1, probabilistic_lif.LONGEST_WAIT + 1),
    "t_refrac": (0, 2**31 - 1),
    "Tref": (0, 2**31 - 1),
    "seed": (0, 2**32 - 1),
}
WHOLE = ("delay", "t_refrac", "Tref", "seed")


def find(name: str) -> Model:
    """Return the model called `name`. Raises UnsupportedNode E0253 with what is unknown of it."""
    if name in KNOWN:
        return KNOWN[name]
    if name in UNKNOWN:
        raise UnsupportedNode(
            "E0253",
            f"this neuron model is not published enough to be run: {UNKNOWN[name]} is unknown",
            got=repr(name),
            allowed=", ".join(KNOWN),
            hint="spike_list for an input, lif or lif_curr_exp for neurons",
        )
    raise UnsupportedNode(
        "E0253",
        "no such neuron model",
        got=repr(name),
        allowed=", ".join(KNOWN),
        hint=", ".join(discover.nearest(name, list(KNOWN))[:3]),
    )


def registers(name: str, n: int, params: Mapping[str, Any], where: str) -> Registers:
    """Return the records (n,) of parameters and state. Raises BadInput E0255.

    A parameter that the model does not have is left out with a warning.
    """
    model = find(name)
    given = {ALIASES.get(str(k), str(k)): v for k, v in params.items()}
    strange = [k for k in given if k not in model.defaults]
    if strange:
        warnings.warn(
            f"{where}: {name} has no parameter {', '.join(strange)}; it changes nothing",
            stacklevel=2,
        )
    values = {k: _value(name, k, n, given, where) for k in model.defaults}
    found = neurons.model(model.neuron)
    made = np.zeros(n, found.params), np.zeros(n, found.state)
    model.registers(values, made)
    return made


def _value(name: str, key: str, n: int, given: Mapping[str, Any], where: str) -> Array:
    """One parameter of `n` neurons as (n,) numbers."""
    value = given.get(key, KNOWN[name].defaults[key])
    if value is REQUIRED:
        raise BadInput(
            "E0255",
            f"{name} needs the parameter {key!r}, whose default is not published",
            where=where,
            got=", ".join(given) or "no parameters",
            hint=f'params={{"{key}": ...}}',
        )
    if key == "reset" and isinstance(value, str):
        value = RESETS.get(value, np.nan)
    try:
        found = np.broadcast_to(np.asarray(value, np.float64).ravel(), (n,)) if n else np.zeros(0)
    except ValueError:
        found = np.full(max(n, 1), np.nan)
    low, high = BOUNDS.get(key, (-np.inf, np.inf))
    bad = np.isnan(found) | (found < low) | (found > high)
    if key in WHOLE:
        bad |= found != np.rint(found)
    if bad.any():
        kind = "whole numbers" if key in WHOLE else "numbers"
        limits = f" from {low:g} to {high:g}" if key in BOUNDS else ""
        allowed = f"one of or {n} {kind}{limits}"
        raise BadInput(
            "E0255",
            f"the parameter {key!r} of {name} is not what it must be",
            where=where,
            got=repr(given.get(key)),
            allowed=" or ".join(map(repr, RESETS)) if key == "reset" else allowed,
        )
    return np.array(found)
