"""IF_curr_exp in the units of sPyNNaker itself: mV, nA and MOhm in s16.15, times in steps.

    T = -1 / ln alpha    tau = -1 / ln decay (steps)    R = tau_m / c_m = T gain / gain(1 F, T, tau)
    exp_tc = alpha       decay = exp(-k / 2^15), k = floor(2^15 / tau)     init = tau (1 - decay)

V is relative to rest, so V_rest is 0: the arithmetic is the same for any rest, only V_thresh and
V_reset may be rounded otherwise in their last bit. A weight is in nA, and its field

    rint(|w| 2^(15 - shift))        each sign with a shift of its own, as scaling.py finds it

from what recipes say of themselves, 30 Hz of every source of unknown rate and five standard
deviations. The sums of a step reach the potential in that step already; the float form lets them
wait for the next one.

Delays are in delays.py.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mossy import neurons
from mossy.chips import recipes
from mossy.chips.facts import Facts
from mossy.chips.quantised import Quantised, Scaling, Synapses
from mossy.chips.spinnaker1.delays import WORD
from mossy.chips.spinnaker1.fixed import (
    DEEPEST,
    FULL,
    MODEL,
    ONE,
    SLOWEST,
    UNDERFLOW,
    rounding,
)
from mossy.chips.spinnaker1.scaling import TOP, Inflow, inflow, largest_sum, left_shift
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.network.recipe import Recipe
from mossy.neurons.if_curr_exp import coefficients
from mossy.synapses import conv2d

MODELS = ("if_curr_exp",)
NANO, MILLI, MEGA = 1e-9, 1e-3, 1e6
REGISTERS = {"v": ("v", MILLI), "i_exc": ("exc", NANO), "i_inh": ("inh", NANO)}
ALIKE = 1e-6  # two resistances that differ by less are one
EDGE = 1e-9  # of a step: closer to a whole number is the rounding of a float
CHANCE = 0.01  # of a weight beyond the largest that is reckoned with (release: of all of them)
COARSE = 32.0  # a mean weight field below this is told: it is off by 1.6 % at worst


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in s16.15. Raises UnsupportedNode E0228, E0280, E0281."""
    recipes.no_noise(population)
    latency = int(facts["step_latency"])
    most = max((recipes.steps(j, latency) for j in incoming), default=latency)
    params = registers(population, scaling.approximate)
    shifts = _shifts(population, incoming, scaling, facts)
    params["exc_shift"], params["inh_shift"] = shifts
    scale = np.array([2.0 ** (15 - s) / NANO for s in shifts])
    return Quantised(
        population.name,
        MODEL,
        rounding(facts),
        params,
        _state(population),
        WORD,
        np.full(population.n, ONE / MILLI),
        np.zeros(population.n),
        float(scale[0]),
        tuple(_scaled(j, scale, most) for j in incoming),
        _notes(population, incoming, scale),
        negative_scale=float(scale[1]),
        registers={
            k: (field, np.full(population.n, ONE / unit)) for k, (field, unit) in REGISTERS.items()
        },
    )


def retuned(quantised: Quantised, population: Population) -> Quantised | None:
    """Return a population with other parameters; the shifts of its weights stay."""
    params = registers(population, approximate=False)
    for field in ("exc_shift", "inh_shift"):
        params[field] = quantised.params[field]
    return dataclasses.replace(quantised, params=params, state=_state(population))


def _state(population: Population) -> NDArray[Any]:
    """The first registers, 0 where nothing is given."""
    state = np.zeros(population.n, neurons.model(MODEL).state)
    for name, (field, unit) in REGISTERS.items():
        state[field] = _fixed(population, f"{name}_init", 1 / unit)
    return state


# ------------------------------------------------------------------------------ registers
def registers(population: Population, approximate: bool) -> NDArray[Any]:
    """Return the parameters without shifts. Raises UnsupportedNode E0228, E0281."""
    p = population.params
    params = np.zeros(population.n, neurons.model(MODEL).params)
    r = _resistance(population, approximate)
    params["exp_tc"] = np.minimum(np.rint(p["alpha"] * ONE), ONE - 1)
    params["r"] = _s16(population, "resistance (MOhm)", r / MEGA)
    current = p["offset"] / (1 - _kept(p["alpha"])) / r
    params["i_offset"] = _s16(population, "i_offset (nA)", current / NANO)
    params["v_thresh"] = _s16(population, "threshold (mV)", p["threshold"] / MILLI)
    params["v_reset"] = _s16(population, "v_reset (mV)", p["v_reset"] / MILLI)
    params["refract"] = _waits(p)
    for sign in ("exc", "inh"):
        decay, init = _synapse(p[f"{sign}_decay"])
        params[f"{sign}_decay"] = np.floor(decay * FULL)
        params[f"{sign}_init"] = np.minimum(np.floor(init * FULL), FULL - 1)
    return params


def _waits(p: dict[str, Array]) -> Array:
    """Steps of silence: a part of one counts as a whole one, where the time itself is known."""
    if "tau_refrac" not in p or "dt" not in p:
        return p["refract"]
    found: Array = np.ceil(p["tau_refrac"] / p["dt"] - EDGE)
    return found


def _kept(alpha: Array) -> Array:
    """What a potential keeps per step, a leak of one part in 32,768 at least."""
    return np.minimum(alpha, SLOWEST)


def _resistance(population: Population, approximate: bool) -> Array:
    """Ohms, as both gains have it. Raises UnsupportedNode E0228, E0281."""
    p = population.params
    if (p["alpha"] > 1 - 0.5 / ONE).any() and not approximate:
        raise UnsupportedNode(
            "E0228",
            "every potential leaks here",
            where=population.node,
            got=f"decay {p['alpha'].max():g} per step",
            allowed=f"decay up to {SLOWEST:.6g}",
            hint="a shorter tau_m, or Options(approximate=True) for a leak of 1/32768 a step",
        )
    with np.errstate(divide="ignore"):
        tau_m, exc, inh = (-1 / np.log(p[k]) for k in ("alpha", "exc_decay", "inh_decay"))
    alone = coefficients(
        1.0, tau_m=tau_m, c_m=1.0, tau_exc=exc, tau_inh=inh, v_rest=0.0, v_reset=0.0,
        v_thresh=0.0, tau_refrac=0.0, i_offset=0.0,
    )  # fmt: skip
    tau_m = -1 / np.log(_kept(p["alpha"]))
    r: Array = tau_m * p["exc_gain"] / alone["exc_gain"]
    other = tau_m * p["inh_gain"] / alone["inh_gain"]
    if not (np.isfinite(r) & (r > 0) & (np.abs(other / r - 1) < ALIKE)).all():
        raise UnsupportedNode(
            "E0281",
            "the coefficients are not those of one membrane with two currents",
            where=population.node,
            got=f"resistances of {r.min():.4g} and {other.min():.4g} ohms",
            allowed="what neurons.if_curr_exp.coefficients returns",
            hint="give tau_m, c_m and both synaptic time constants to that function",
        )
    return r


def _synapse(decay: Array) -> tuple[Array, Array]:
    """Decay and init that the release makes of a time constant, whose inverse it cuts."""
    with np.errstate(divide="ignore"):
        tau = -1 / np.log(decay)
        k = np.floor(ONE / tau + EDGE)
    kept = np.where(k <= UNDERFLOW, np.exp(-np.minimum(k, UNDERFLOW) / ONE), 0.0)
    return kept, tau * (1 - kept)


def _s16(population: Population, what: str, value: Array) -> NDArray[np.int64]:
    """Numbers in s16.15; a threshold that is never met is the largest. Raises E0281."""
    found = np.rint(np.where(np.isposinf(value), 1.0, value) * ONE)
    if not (np.abs(found) < ONE << 16).all():
        raise UnsupportedNode(
            "E0281",
            f"a number does not fit s16.15: {what}",
            where=population.node,
            got=f"{value.min():.4g} to {value.max():.4g}",
            allowed="below 65536 either way",
            hint="a larger c_m, or smaller currents and potentials",
        )
    return np.where(np.isposinf(value), (1 << 31) - 1, found).astype(np.int64)


def _fixed(population: Population, name: str, per: float) -> NDArray[np.int64]:
    """An initial value, 0 where none is given."""
    given = population.params.get(name, np.zeros(population.n))
    return _s16(population, name, given * per)


# ------------------------------------------------------------------------------ weights
def _shifts(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> tuple[int, int]:
    """Left shift of either sign; a recipe with weights of both signs wants one for both."""
    if scaling.scale is not None:
        shift = min(DEEPEST, max(0, round(15 - math.log2(scaling.scale * NANO))))
        return shift, shift
    dt = float(population.params["dt"][0]) if "dt" in population.params else float(facts["tick"])
    rate, sigma = float(facts["spikes_per_second"]) * dt, float(facts["ring_sigma"])
    spare = TOP.bit_length() - min(scaling.bits or TOP.bit_length(), TOP.bit_length())
    found = []
    for sign in (1, -1):
        parts = [_inflow(j, sign, dt) for j in incoming]
        found.append(min(DEEPEST, left_shift(largest_sum(parts, rate, sigma)) + spare))
    if any(_mixed(j) for j in incoming):
        found = [max(found)] * 2
    return found[0], found[1]


def _mixed(j: Projection) -> bool:
    """Whether a drawn weight may have either sign, which one scale must serve."""
    w = j.weight
    if not isinstance(w, Recipe):
        return False
    least, most = w.weight.bounds if w.kind != "listed" else recipes.extreme(w, CHANCE)
    return least < 0 < most


def _inflow(j: Projection, sign: int, dt: float) -> Inflow:
    """Weights of one sign in nA, as a connector would tell them, and how often they come."""
    found = _weights(j, sign)
    return found if j.rate is None else found._replace(rate=j.rate * dt)


def _weights(j: Projection, sign: int) -> Inflow:
    w: Any = j.weight
    if isinstance(w, Recipe) and w.kind == "listed":
        if not w.post.size:
            return Inflow(0, 0.0, 0.0, 0.0, False)
        shape = (w.n_target, w.post.size)  # a column for each: a pair may be connected twice
        each = sparse.csr_array((w.weights / NANO, (w.post, np.arange(w.post.size))), shape)
        return inflow(each, sign, bool(np.ptp(w.delays) > 0))
    if not isinstance(w, Recipe):
        w = w if isinstance(w, sparse.csr_array) else conv2d.matrix(w)
        return inflow(w / NANO, sign, bool(np.ptp(j.delay_source) or np.ptp(j.delay_target)))
    mean = recipes.mean(w.weight) / NANO
    if (mean < 0) != (sign < 0):
        return Inflow(0, 0.0, 0.0, 0.0, False)
    least, most = recipes.extreme(w, CHANCE)
    return Inflow(
        recipes.degree(w, CHANCE),
        abs(mean),
        recipes.variance(w.weight) / NANO**2,
        abs((least if sign < 0 else most) / NANO),
        w.delay.shape != "constant" and bool(np.ptp(recipes.quantile(w.delay, [0.0, 1.0])) > 0),
    )


def _scaled(j: Projection, scale: Array, most: int) -> Synapses:
    w = j.weight
    if not isinstance(w, Recipe):
        return recipes.matrix(j, scale, TOP)
    made = recipes.whole(w, scale, TOP, most)
    return Synapses(j.source, j.name, made, j.delay_source, j.delay_target)


def _notes(
    population: Population, incoming: tuple[Projection, ...], scale: Array
) -> tuple[str, ...]:
    """What differs from the float form, and which weights have few bits."""
    if not incoming:
        return ()
    node = population.node
    notes = [f"{node}: a spike reaches the potential in the step it arrives, not in the next one"]
    for j in incoming:
        field = recipes.typical(j, scale)
        if 0 < field < COARSE:
            notes.append(
                f"{node}: the mean weight of {j.name} is {field:.3g} units of the ring buffer, "
                "which each weight is rounded to"
            )
    return tuple(notes)
