"""SpiNNaker1: sPyNNaker's fixed point registers, weight scaling and memories.

Potentials are `unit` 2^15 register units per network unit, currents `unit` `coarse` 2^15; both
factors are powers of two: R lies between 16 and 32 where it is largest, and `unit` is the largest
with which nothing wraps, whatever the input, as long as a source sends one spike a step at most.

    exp_tc = alpha                  R = gain / (1 - alpha) / coarse
    cuba_lif   decay = alpha_syn    init = tau (1 - decay), as the chip's code computes it
    lif        decay = 0, init = 1/16: tau_syn = 1/16 step, whose exponential the chip rounds to 0

so a weight w is a current of w gain_syn unit coarse / init before `init` is applied. The exponent
1 / tau of a synapse is itself s16.15, so decay is exp(-k / 2^15) with a whole k. scaling.py has the
left shift and the weights; cells.py the simulators' IF_curr_exp, whose units are the release's own;
delays.py what waits longer than a ring buffer can hold it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mossy import neurons
from mossy.chips import refuse
from mossy.chips.facts import Facts
from mossy.chips.float_state import bias_notes, offset_with_current
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Scaling, Synapses, busy_cycles
from mossy.chips.spinnaker1 import cells, delays
from mossy.chips.spinnaker1 import scaling as weighing
from mossy.chips.spinnaker1.fixed import DEEPEST, MODEL, SLOWEST, UNDERFLOW, rounding
from mossy.chips.spinnaker1.fixed import FULL as FULL
from mossy.chips.spinnaker1.fixed import ONE as ONE
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Projection
from mossy.program.artefact import Place

MODELS = ("lif", "cuba_lif", *cells.MODELS)  # of network/populations.py
RECIPES, NOISE, AT_ONCE = True, False, True
retuned, extend = cells.retuned, delays.extend
INSTANT = 1 / 16  # steps: a synaptic time constant that leaves nothing for the next step
ROOM = ONE - 1.0  # largest potential and current, where a register ends at twice that
R_LOW = 16.0  # the largest R lies between this and twice this
R_LEAST = 1 / 256  # a smaller R keeps less than 7 bits
TOLD = 0.01  # a time constant that is off by more than this share is told
WORD = delays.WORD
NEURON = 32 + 24 + 4 + 4  # bytes: registers, synaptic currents, threshold, routing key
ROW_HEADER, TABLE_ENTRY, RING_SLOT = 12, 16, 2  # bytes
RECORDED_STEPS = 128


class _Units(NamedTuple):
    """The two powers of two, the left shift, and weight field units per weight, by neuron."""

    unit: float
    coarse: float
    shift: int
    scale: Array


def quantise(
    population: Population, incoming: tuple[Projection, ...], scaling: Scaling, facts: Facts
) -> Quantised:
    """Return the population in s16.15.

    Raises UnsupportedNode E0220, E0222-E0224, E0228, E0229, E0280, E0281.
    """
    if population.model in cells.MODELS:
        return cells.quantise(population, incoming, scaling, facts)
    refuse.listed(population, incoming)
    refuse.graded(population)
    refuse.no_gain(population)
    refuse.subtraction(population, "v_reset")
    refuse.decay_outside(population)
    _refuse_no_leak(population, scaling)
    params = _factors(population)
    units = _units(population, incoming, params, scaling, facts)
    _finish(params, population, units)
    weights = weighing.matrices(incoming, units.scale)
    before = sum(int(np.count_nonzero(w.data)) for w in weights)
    fields = _rounded(weights)
    lost, scale = before - sum(w.nnz for w in fields), float(np.median(units.scale))
    return Quantised(
        population.name,
        MODEL,
        rounding(facts),
        params,
        np.zeros(population.n, neurons.model(MODEL).state),
        WORD,
        np.full(population.n, units.unit * ONE),
        np.zeros(population.n),
        scale,
        tuple(
            Synapses(j.source, j.name, w, j.delay_source, j.delay_target)
            for j, w in zip(incoming, fields, strict=True)
        ),
        _notes(population, params, fields, lost, scale, scaling.scale),
    )


def _refuse_no_leak(population: Population, scaling: Scaling) -> None:
    kept = {k: population.params[k] for k in ("alpha", "alpha_syn") if k in population.params}
    slowest = max(float(v.max(initial=0)) for v in kept.values())
    if slowest > 1 - 0.5 / ONE and not scaling.approximate:
        raise UnsupportedNode(
            "E0228",
            "every potential and current leaks here",
            where=population.node,
            got=f"decay {slowest:g} per step",
            allowed=f"decay up to {SLOWEST:.6g}",
            hint="train with a leak, or Options(approximate=True) for one of 1/32768 a step",
        )


def _factors(population: Population) -> NDArray[Any]:
    """Parameters with exp_tc, decay and init, the numbers that no unit touches."""
    p = population.params
    params = np.zeros(population.n, neurons.model(MODEL).params)
    params["exp_tc"] = np.clip(np.rint(p["alpha"] * ONE), 0, ONE - 1)
    decay, init = np.zeros(population.n), np.full(population.n, INSTANT)
    if population.model == "cuba_lif":
        with np.errstate(divide="ignore"):
            k = np.maximum(np.rint(-np.log(p["alpha_syn"]) * ONE), 1)
        slow = k <= UNDERFLOW
        decay = np.where(slow, np.exp(-np.minimum(k, UNDERFLOW) / ONE), 0)
        tau = ONE / (k + 0.5)  # whose inverse is cut to k, and is not at the edge of doing so
        init = np.where(slow, tau * (1 - decay), INSTANT)
    for sign in ("exc", "inh"):
        params[f"{sign}_decay"] = np.floor(decay * FULL)
        params[f"{sign}_init"] = np.floor(init * FULL)
    return params


def _units(
    population: Population,
    incoming: tuple[Projection, ...],
    params: NDArray[Any],
    scaling: Scaling,
    facts: Facts,
) -> _Units:
    p, r = population.params, _resistance(population, params)
    coarse = 2.0 ** (np.floor(np.log2(float(r.max()))) - np.log2(R_LOW))
    _refuse_unlike(population, r / coarse)
    init, decay = params["exc_init"] / FULL, params["exc_decay"] / FULL
    synaptic = p["gain_syn"] if population.model == "cuba_lif" else np.ones(population.n)
    plain = weighing.matrices(incoming, synaptic)
    most = weighing.totals(plain, population.n)
    threshold = np.where(np.isfinite(p["threshold"]), np.abs(p["threshold"]), 0)
    reached = r * most / (1 - decay) + np.abs(_rest(population, params))
    currents = np.maximum(most / (1 - decay), most / init) * coarse
    largest = np.maximum.reduce([threshold, np.abs(p["v_reset"]), reached, currents])
    spare = WORD.weight - min(scaling.bits or WORD.weight, WORD.weight)  # at the user's wish
    unit = 2.0 ** (np.floor(np.log2(ROOM / (float(largest.max(initial=0)) or 1.0))) - spare)
    full = synaptic * unit * coarse / init * ONE  # what a weight of 1 is worth, in s16.15 bits
    if scaling.scale is not None:
        shift = max(0, round(math.log2(float(np.median(full)) / scaling.scale)))
        finer = 2.0 ** max(0, shift - DEEPEST)  # the unit makes up for shifts beyond it
        shift = min(shift, DEEPEST)
        return _Units(unit / finer, coarse, shift, full / finer / 2.0**shift)
    w_max = weighing.expected(incoming, weighing.matrices(incoming, full / ONE), facts)
    shift = weighing.left_shift(w_max)
    shift = weighing.fitting_shift(weighing.matrices(incoming, full), population.n, shift) + spare
    return _Units(unit, coarse, shift, full / 2.0**shift)


def _resistance(population: Population, params: NDArray[Any]) -> Array:
    """R that gives one unit of current its gain, with the leak as its register has it."""
    r: Array = population.params["gain"] / (1 - params["exp_tc"] / ONE)
    return r


def _rest(population: Population, params: NDArray[Any]) -> Array:
    rest: Array = offset_with_current(population) / (1 - params["exp_tc"] / ONE)
    return rest


def _refuse_unlike(population: Population, r: Array) -> None:
    if r.min() < R_LEAST:
        raise UnsupportedNode(
            "E0229",
            "input resistances are too unlike for one fixed point unit",
            where=population.node,
            got=f"the largest is {r.max() / r.min():.3g} times the smallest",
            allowed=f"up to about {R_LOW / R_LEAST:g} times",
            hint="put neurons with very different r or tau into layers of their own",
        )


def _finish(params: NDArray[Any], population: Population, units: _Units) -> None:
    """Write the registers that depend on the units."""
    p, s = population.params, units.unit * ONE
    finite = np.isfinite(p["threshold"])
    above = np.floor(np.where(finite, p["threshold"], 0) * s) + 1  # V >= here is v > there
    params["v_thresh"] = np.where(finite, above, (1 << 31) - 1)
    params["v_rest"] = np.rint(_rest(population, params) * s)
    params["v_reset"] = np.rint(p["v_reset"] * s)
    params["r"] = np.rint(_resistance(population, params) / units.coarse * ONE)
    params["exc_shift"] = params["inh_shift"] = units.shift


def _rounded(weights: list[Any]) -> list[Any]:
    """Weight fields; one that rounds to zero needs no synapse."""
    for w in weights:
        w.data = np.clip(np.rint(w.data), -weighing.TOP, weighing.TOP).astype(np.int32)
        w.eliminate_zeros()
        w.sort_indices()
    return weights


def _notes(
    population: Population,
    params: NDArray[Any],
    fields: list[Any],
    lost: int,
    scale: float,
    wanted: float | None,
) -> tuple[str, ...]:
    """What the chip's numbers cost: lost weights, time constants, sums that may saturate."""
    notes, node = [*bias_notes(population)], population.node
    if lost:
        notes.append(f"{node}: {lost} weights below {0.5 / scale:.3g} became zero")
    for name, field, one in (("alpha", "exp_tc", ONE), ("alpha_syn", "exc_decay", FULL)):
        if name in population.params:
            notes += _told(node, population.params[name], params[field] / one)
    most = float(weighing.totals(fields, population.n).max(initial=0))
    if most > weighing.TOP:
        notes.append(
            f"{node}: a ring buffer entry holds {weighing.TOP / most:.0%} of all weights of one "
            "sign; a step that brings more saturates"
        )
    if wanted is not None and not math.isclose(scale, wanted):
        notes.append(f"{node}: weight scale {scale:g}, the power of two nearest to {wanted:g}")
    return tuple(notes)


def _told(node: str, wanted: Array, got: Array) -> list[str]:
    """A note where a leak per step is off by more than `TOLD`."""
    leak = np.maximum(1 - wanted, 0)
    off = np.abs(1 - got - leak)
    if not (off > TOLD * leak).any():
        return []
    i = int(np.argmax(off - TOLD * leak))
    return [f"{node}: a leak of {leak[i]:.3g} per step became {1 - got[i]:.3g} in fixed point"]


def blocks(load: CoreLoad, facts: Facts) -> list[tuple[str, int]]:
    """Return the blocks of a core's data memory and of its share of SDRAM: (name, bytes)."""
    if load.model in (delays.RELAY, delays.RELAY_MANY):
        return delays.blocks(load, facts)
    if load.role == "source":
        return [("spike list", load.n * RECORDED_STEPS // 8), ("stack", int(facts["stack"]))]
    return [
        ("neurons", load.n * NEURON),
        ("population table", load.sources * TABLE_ENTRY),
        ("ring buffers", _entries(load, facts) * RING_SLOT),
        ("stack", int(facts["stack"])),
        ("synapse rows (SDRAM)", _rows(load)),
    ]


def _entries(load: CoreLoad, facts: Facts) -> int:
    """Ring buffer entries: slot, type and neuron are fields of their address."""
    slots = 1 << max(int(facts["delay_bits"]), load.delay.bit_length())
    columns = 1 << max(0, load.n - 1).bit_length()
    return int(slots * columns * load.inputs)


def _rows(load: CoreLoad) -> int:
    return load.synapses * load.word_bits // 8 + load.rows * ROW_HEADER


def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
    """Return every limit of a core with what `load` uses of it."""
    if load.model in (delays.RELAY, delays.RELAY_MANY):
        return delays.limits(load, facts)
    own = tuple((name, size) for name, size in blocks(load, facts) if "SDRAM" not in name)
    memory = sum(size for _, size in own)
    share = int(facts["sdram"]) // int(facts["usable_cores"])
    return [
        Limit("neurons", load.n, int(facts["neurons_per_core"]), "split the population"),
        Limit(
            "ring buffer entries",
            _entries(load, facts),
            1 << int(facts["ring_bits"]),
            "shorter delays",
        ),
        Limit("data memory (B)", memory, int(facts["dtcm"]), "fewer neurons on the core", own),
        Limit("SDRAM of a core (B)", _rows(load), share, "sparser weights"),
        Limit(
            "cycles per tick",
            busy_cycles(load, facts),
            float(facts["tick"]) * float(facts["core_clock"]),
            "a longer tick, or a network with fewer spikes",
        ),
    ]


def places(facts: Facts) -> list[tuple[int, int]]:
    """Return the place of each core around the router, six to a row."""
    return [(i % 6, i // 6) for i in range(int(facts["cores_per_chip"]))]


def cores(facts: Facts) -> range:
    """Return the numbers of the cores that programs use."""
    return range(int(facts["usable_cores"]))


def hops(start: Place, end: Place, facts: Facts) -> int:
    """Return 0: a packet reaches every core of a chip in one step of its router."""
    return 0
