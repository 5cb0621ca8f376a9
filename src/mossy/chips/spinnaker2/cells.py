"""IF_curr_exp on the model lif_curr_exp, IF_curr_delta on lif: float32 registers, small words.

With s register units per volt, s = scale / exc_gain, a weight w of amperes becomes

    round(w scale)   where it excites,      round(w scale inh_gain / exc_gain)   where it inhibits

for the gains of the exact solution stand in the float form's membrane, and in the weights here.
The largest weight is the top of the word. A spike reaches current and membrane in the step it
arrives; the float form lets it wait for the next one. All else is the same solution.

IF_curr_delta has no gains: s = scale, and a weight w of volts becomes round(w scale). The model lif
does not wait after a spike, so tau_refrac has to be less than half a step.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips import recipes, refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import weights
from mossy.chips.quantised import Quantised, Scaling, Synapses
from mossy.chips.spinnaker2.words import word
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.network.recipe import Recipe

MODELS = ("if_curr_exp", "if_curr_delta")
MODEL = {"if_curr_exp": "cuba_lif", "if_curr_delta": "lif"}
ALIKE = 1e-6  # two ratios that differ by less are one


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in float32. Raises UnsupportedNode E0221, E0273, E0280, E0283."""
    recipes.no_noise(population)
    _refuse_waiting(population)
    latency, most = int(facts["step_latency"]), (1 << int(facts["delay_bits"])) - 1
    steps = max((recipes.steps(j, latency) for j in incoming), default=latency)
    refuse.delay_beyond(population, steps - latency, most, latency)
    made, top = word(facts, steps > latency)
    if scaling.bits is not None:
        top = min(top, (1 << (scaling.bits - 1)) - 1)
    ratio = _ratio(population, incoming)
    largest = max((_largest(j, ratio) for j in incoming), default=0.0) or 1.0
    scale = scaling.scale or top / (largest * scaling.keep)
    per_volt = _per_volt(population, scale)
    both = np.array([scale, scale * ratio])
    return Quantised(
        population.name,
        MODEL[population.model],
        (),
        _params(population, per_volt),
        _state(population, per_volt),
        made,
        per_volt,
        np.zeros(population.n),
        scale,
        tuple(_scaled(j, both, top, steps) for j in incoming),
        _notes(population, incoming, both, top, steps > latency),
        negative_scale=scale * ratio,
        registers=_registers(population, scale),
    )


def retuned(quantised: Quantised, population: Population) -> Quantised | None:
    """Return a population with other parameters, None where gains change, and so all units."""
    _refuse_waiting(population)
    found, scale = _registers(population, quantised.weight_scale), quantised.weight_scale
    if any(not np.array_equal(found[k][1], v[1]) for k, v in quantised.registers.items()):
        return None
    per_volt = _per_volt(population, scale)
    params, state = _params(population, per_volt), _state(population, per_volt)
    return dataclasses.replace(quantised, params=params, state=state)


def _refuse_waiting(population: Population) -> None:
    """Raise UnsupportedNode E0273 where a cell without a refractory register has to wait."""
    if population.model == "if_curr_delta" and population.params["refract"].any():
        raise UnsupportedNode(
            "E0273",
            "neurons without a current do not wait after a spike here",
            where=population.node,
            got=f"tau_refrac of up to {population.params['refract'].max():g} steps",
            allowed="less than half a step",
            hint="tau_refrac=0.0, a longer time step, or IF_curr_exp",
        )


def _per_volt(population: Population, scale: float) -> Array:
    """Register units (n,) per volt."""
    found: Array = scale / population.params.get("exc_gain", np.ones(population.n))
    return found


def _registers(population: Population, scale: float) -> dict[str, tuple[str, Array]]:
    """The registers of potential and currents, and their units per volt and ampere."""
    p, per_volt = population.params, _per_volt(population, scale)
    gains = {"v": np.ones(population.n)}
    if population.model == "if_curr_exp":
        gains |= {"i_exc": p["exc_gain"], "i_inh": p["inh_gain"]}
    return {k: (k, g * per_volt) for k, g in gains.items()}


def _ratio(population: Population, incoming: tuple[Projection, ...]) -> float:
    """What an inhibitory ampere is worth of an excitatory one. Raises UnsupportedNode E0283."""
    p = population.params
    if population.model == "if_curr_delta":
        return 1.0
    found = p["inh_gain"] / p["exc_gain"]
    ratio = float(found[0])
    unlike = np.ptp(found) > ALIKE * ratio
    mixed = next((j for j in incoming if _mixed(j)), None)
    if unlike or (mixed is not None and abs(ratio - 1) > ALIKE):
        raise UnsupportedNode(
            "E0283",
            "weights hold the gains of both currents, and these gains are too many",
            where=population.node,
            got=f"inhibition counts {found.min():.4g} to {found.max():.4g} times excitation"
            + ("" if mixed is None else f"; {mixed.name} draws weights of both signs"),
            allowed="one ratio for a population, and one sign for a recipe",
            hint="bound the weights at 0, or give unlike neurons populations of their own",
        )
    return ratio


def _mixed(j: Projection) -> bool:
    w = j.weight
    if not isinstance(w, Recipe) or w.kind == "listed":
        return False
    least, most = w.weight.bounds
    return least < 0 < most


def _largest(j: Projection, ratio: float) -> float:
    """Largest weight of a projection, inhibition in terms of excitation."""
    w = j.weight
    if isinstance(w, Recipe) and w.kind != "listed":
        return w.largest * (ratio if recipes.mean(w.weight) < 0 else 1.0)
    each = w.weights if isinstance(w, Recipe) else weights(j)
    return float(np.abs(each * np.where(each < 0, ratio, 1.0)).max(initial=0))


def _params(population: Population, per_volt: Array) -> NDArray[Any]:
    p = population.params
    params = np.zeros(population.n, neurons.model(MODEL[population.model]).params)
    for field in {"alpha", "exc_decay", "inh_decay", "refract"} & set(params.dtype.names or ()):
        params[field] = p[field]
    for field in ("offset", "v_reset"):
        params[field] = p[field] * per_volt
    at = (p["threshold"] * per_volt).astype(np.float32)
    params["threshold"] = np.nextafter(at, np.float32(-np.inf))  # v > here is v >= there
    return params


def _state(population: Population, per_volt: Array) -> NDArray[Any]:
    p, none = population.params, np.zeros(population.n)
    state = np.zeros(population.n, neurons.model(MODEL[population.model]).state)
    state["v"] = p.get("v_init", none) * per_volt
    for sign in ("exc", "inh") if population.model == "if_curr_exp" else ():
        state[f"i_{sign}"] = p.get(f"i_{sign}_init", none) * p[f"{sign}_gain"] * per_volt
    return state


def _scaled(j: Projection, scale: Array, top: int, most: int) -> Synapses:
    w = j.weight
    if not isinstance(w, Recipe):
        return recipes.matrix(j, scale, top)
    made = recipes.whole(w, scale, top, most)
    return Synapses(j.source, j.name, made, j.delay_source, j.delay_target)


def _notes(
    population: Population,
    incoming: tuple[Projection, ...],
    scale: Array,
    top: int,
    delayed: bool,
) -> tuple[str, ...]:
    if not incoming:
        return ()
    node = population.node
    notes = [f"{node}: a spike reaches the potential in the step it arrives, not in the next one"]
    if delayed:
        notes.append(f"{node}: delays leave weights of +-{top} on this chip")
    for j in incoming:
        field = recipes.typical(j, scale)
        if 0 < field < 1:
            notes.append(
                f"{node}: the mean weight of {j.name} is {field:.2g} of the smallest that there is"
            )
    return tuple(notes)
