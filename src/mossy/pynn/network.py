"""From a script's populations and projections to a program.

A Poisson source that does nothing but feed one population, cell by cell, with one weight and delay
becomes noise that the population draws for itself: no list, no queue, as many cells as one likes.
Its spikes are those of the source, `delay` steps later. On a chip that draws no noise it stays a
source, of the same spikes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised
from mossy.errors import UnsupportedNode
from mossy.network.populations import Array, Population, Populations, Projection
from mossy.network.recipe import Draw, Noise
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program.artefact import Program
from mossy.pynn import pieces as pc
from mossy.pynn.cells import CELLS, SpikeSourcePoisson
from mossy.pynn.pieces import Grid, Piece
from mossy.pynn.sources import steady
from mossy.twin.live import runs_here

COARSE = 0.05  # of a weight: beyond it, rounding is worth a word to the user
RATE = 30.0  # Hz, expected of every cell where cores are to be made small enough for their work
FINER = {
    True: 'setup(precision="double")',
    False: "weights that differ less, which is all that the chip's own words allow",
}


@dataclass(frozen=True, eq=False)
class Built:
    """A network ready to run.

    names: of each population that is in the program. late: of a Poisson source that is noise, or
    would be, the steps by which its spikes arrive later. rates: of the Poisson sources by which a
    chip chose its weights, Hz. coarse: what rounding did to weights, to be told.
    """

    program: Program
    chip: Chip
    populations: dict[str, Population]
    quantised: dict[str, Quantised]
    names: dict[int, str]
    late: dict[int, int]
    rates: dict[int, float]
    coarse: tuple[str, ...]

    def name(self, population: Any) -> str | None:
        """Return the name of a population in the program; None if it is not there."""
        return self.names.get(id(population))

    def noise(self, population: Any) -> bool:
        """Return whether a population is a Poisson source that became noise."""
        return id(population) in self.late and self.name(population) is None

    def livelier(self, population: Any) -> bool:
        """Return whether a source has another rate than a chip's weights were made for."""
        return rate(population) != self.rates.get(id(population), rate(population))

    @property
    def ahead(self) -> int:
        """Steps by which arrivals and spikes come before those of the float forms: 0 or 1."""
        return int(getattr(self.chip.rules, "AT_ONCE", False))


def neurons(population: Any) -> bool:
    """Return whether a population is made of neurons; else of sources."""
    return hasattr(population.celltype, "form")


def build(
    populations: Sequence[Any],
    projections: Sequence[Any],
    chip: Chip,
    precision: str,
    dt: float,
    tick: float | None = None,
) -> Built | None:
    """Return the program of a network, None where it has no neurons.

    dt: ms. tick: seconds of real time for a step, None for the chip's own. Raises UnsupportedNode
    E0266, E0270, E0274, E0275 and what the chip's rules raise.
    """
    names = _names(populations)
    feeding = {id(p): n for p in populations if (n := _noise(p, projections)) is not None}
    noise = feeding if getattr(chip.rules, "NOISE", True) else {}
    used = {id(w.pre) for j in projections for w in j.pieces} - set(noise)
    inside = [p for p in populations if neurons(p) or id(p) in used]
    if not any(neurons(p) for p in inside):
        return None
    _has_cells(inside, names, chip, precision)
    drawn = {id(p): _noises(p, noise, dt) for p in inside}
    made = tuple(_population(p, names[id(p)], drawn[id(p)], precision, dt) for p in inside)
    links = tuple(
        _projection(j, w, k, names, dt)
        for j in projections
        for k, w in enumerate(j.pieces)
        if id(w.pre) not in noise and len(w) and neurons(w.post)
    )
    inputs, outputs = ({p.name: p.name for p in made if (p.model == "source") == s} for s in (1, 0))
    whole = Populations(made, links, inputs, outputs)
    quantised, program = _mapped(whole, chip, dt, tick)
    late = {i: max(1, round(pc.in_steps(w.delay, dt).a)) for i, (w, _) in feeding.items()}
    rates = {id(p): r for p in inside if (r := rate(p)) is not None and noise is not feeding}
    return Built(
        program, chip, {p.name: p for p in made}, quantised, {id(p): names[id(p)] for p in inside},
        late, rates, tuple(_coarse(projections, quantised, names)),
    )  # fmt: skip


def _header(dt: float) -> Header:
    return Header("script", "", dt * 1e-3, "exact", "node")


def _names(populations: Sequence[Any]) -> dict[int, str]:
    """A name of its own for each population: its label, with a number where that is not enough."""
    found: dict[int, str] = {}
    for p in populations:
        label = str(p.label)
        while label in found.values():
            label += "'"
        found[id(p)] = label
    return found


# ------------------------------------------------------------------------------ noise
Feeding = tuple[Piece, Any]


def _noise(source: Any, projections: Sequence[Any]) -> Feeding | None:
    """The one piece (and its projection) by which a source is noise of its target, if it is."""
    if not isinstance(source.celltype, SpikeSourcePoisson):
        return None
    found = [(w, j) for j in projections for w in j.pieces if w.pre is source]
    if len(found) != 1:
        return None
    (piece, projection) = found[0]
    same = (
        piece.rule.get("kind") == "one_to_one"
        and piece.pre.size == piece.post.size
        and isinstance(piece.weight, Draw)
        and isinstance(piece.delay, Draw)
        and piece.weight.shape == piece.delay.shape == "constant"
    )
    p = source.parameters
    return (piece, projection) if same and steady(p["start"], p["duration"]) else None


def _noises(target: Any, noise: dict[int, Feeding], dt: float) -> tuple[Noise, ...]:
    found = []
    for piece, projection in noise.values():
        if piece.post is target:
            assert isinstance(piece.weight, Draw)
            weight = piece.weight.a * _factor(projection, piece)
            mean = piece.pre.parameters["rate"] * dt * 1e-3
            found.append(Noise(mean, weight, piece.pre.seed))
    return tuple(found)


# ------------------------------------------------------------------------------ pieces
def _population(
    p: Any, name: str, noise: tuple[Noise, ...], precision: str, dt: float
) -> Population:
    if not neurons(p):
        return Population(name, name, (p.size,), "source", {}, False, "spikes", False, 0)
    model = p.celltype.form.model(precision)
    return Population(name, name, (p.size,), model, params(p, dt), False, "spikes", False, 0, noise)


def params(p: Any, dt: float) -> dict[str, Array]:
    """Return the parameters and initial registers of a population of neurons. dt: ms.

    With them, for chips that round in their own way, what is given in seconds.
    """
    found: dict[str, Array] = p.celltype.form.params(p.parameters, dt * 1e-3, p.injected)
    times = {"dt": np.full(p.size, dt * 1e-3)}
    if "tau_refrac" in p.parameters:
        times["tau_refrac"] = p.parameters["tau_refrac"] * 1e-3
    return found | initial(p) | times


def initial(p: Any) -> dict[str, Array]:
    """Return the first registers of a population of neurons, by name with "_init"."""
    form, found = p.celltype.form, {}
    for variable, value in p.initial.items():
        if variable in form.registers:
            register = form.registers[variable][0]
            found[f"{register}_init"] = form.inside(variable, value, p.parameters)
    if "i_exc_init" in found:
        found["i_init"] = found["i_exc_init"] - found["i_inh_init"]
    return found


def _factor(projection: Any, piece: Piece) -> float:
    """SI units of a weight of PyNN, its sign changed where it changes."""
    unit: float = piece.post.celltype.form.weight
    return -unit if projection.flipped else unit


def _projection(j: Any, w: Piece, k: int, names: dict[int, str], dt: float) -> Projection:
    recipe = w.recipe(dt, _factor(j, w))
    return Projection(
        key(j, k), names[id(w.pre)], names[id(w.post)], recipe,
        np.zeros(w.pre.size, np.int64), np.zeros(w.post.size, np.int64), True, rate(w.pre),
    )  # fmt: skip


def rate(source: Any) -> float | None:
    """Return the rate of the liveliest cell of a Poisson source, Hz; None for all others."""
    rates = source.parameters.get("rate")
    return None if rates is None else float(np.max(rates, initial=0.0))


def key(projection: Any, piece: int) -> str:
    """Return the name of a piece of a projection in the program."""
    return f"{projection.number}.{piece}"


def _has_cells(inside: Sequence[Any], names: dict[int, str], chip: Chip, precision: str) -> None:
    """Raise UnsupportedNode E0266 where the chip lacks a cell, E0275 where only a precision."""
    takes = {"single": list[str](), "double": list[str]()}
    for cell in CELLS:
        for one, known in takes.items():
            known += [cell.__name__] if cell.form.model(one) in chip.rules.MODELS else []
    for p in filter(neurons, inside):
        kind = type(p.celltype).__name__
        if kind in takes[precision]:
            continue
        other = kind in takes["single"]
        raise UnsupportedNode(
            "E0275" if other else "E0266",
            "the chip has an arithmetic of its own" if other else "the chip has no such cell",
            where=f"{chip.name}, population {names[id(p)]}",
            got=f'precision="{precision}"' if other else kind,
            allowed='"single", which stands for it'
            if other
            else ", ".join(takes["single"]) or "none",
            hint="leave precision out of sim.setup()"
            if other
            else "sim.setup() without chip=, which runs on this computer",
        )


def _mapped(
    whole: Populations, chip: Chip, dt: float, tick: float | None
) -> tuple[dict[str, Quantised], Program]:
    """Raise UnsupportedNode E0274 where a delay is too long, E0270 where a cell could burst."""
    options = Options(tick=tick, activity=RATE * dt * 1e-3)
    try:
        found = quantise(whole, chip, Options(), None)
        _run_live(found)
        program, _ = assemble(whole, found, chip, options, _header(dt))
    except UnsupportedNode as e:
        if e.code != "E0221":
            raise
        raise UnsupportedNode(
            "E0274",
            "a delay is longer than the chip can hold a spike back",
            where=f"{chip.name}, projections onto {e.where}",
            got=f"{e.got} of {dt:g} ms",
            allowed=f"{e.allowed} steps",
            hint="shorter delays, or a longer timestep",
        ) from None
    _hold_live(program, whole, chip)
    return found, program


def _hold_live(program: Program, whole: Populations, chip: Chip) -> None:
    """Raise UnsupportedNode E0274 where what a chip put in to hold spikes back could burst."""
    own = {p.name for p in whole.populations}
    for c in program.cores:
        if c.population not in own and not runs_here(c.model, c.params):
            raise UnsupportedNode(
                "E0274",
                "a delay from a source is longer than its targets can wait, and a source may send "
                "several spikes in a step",
                where=f"{chip.name}, {c.population}",
                hint="shorter delays from sources, or from cells that they drive",
            )


def _run_live(found: dict[str, Quantised]) -> None:
    """Raise UnsupportedNode E0270 where a cell could burst."""
    for name, q in found.items():
        if not runs_here(q.model, q.params):
            raise UnsupportedNode(
                "E0270",
                "without waiting after a spike these neurons could send several in a step",
                where=f"population {name}",
                got="tau_refrac of less than a step",
                hint="a tau_refrac of a time step or more, or a shorter timestep",
            )


def grid(built: Built, projection: Any, number: int) -> Grid | None:
    """Return the whole numbers that the weights of a piece become; None if it is not there."""
    piece = projection.pieces[number]
    q = built.quantised.get(built.name(piece.post) or "")
    for s in q.incoming if q else ():
        if q and s.name == key(projection, number):
            scales = (s.weight.scale,) * 2 if piece.rule else _scales(q)
            told = built.chip.spec["timing"]["kind"] != "measured"
            return Grid(scales, float(s.weight.top), _factor(projection, piece), told)
    return None


def _scales(q: Quantised) -> tuple[float, float]:
    """Whole numbers per weight of either sign."""
    return q.weight_scale, q.negative_scale or q.weight_scale


def _coarse(
    projections: Sequence[Any], quantised: dict[str, Quantised], names: dict[int, str]
) -> Iterator[str]:
    """What is to be said of weights that are so small beside others that rounding changes them."""
    for j in projections:
        for w in j.pieces:
            q = quantised.get(names[id(w.post)])
            typical = np.abs(_typical(w.weight)) if q is not None else 0.0
            if not typical or q is None:
                continue
            factor = _factor(j, w)
            whole = typical * abs(factor) * _scales(q)[int(j.sign * factor < 0)]
            error = abs(np.rint(whole) - whole) / whole
            if error > COARSE:
                yield (
                    f"{j.label}: weights of {typical:.3g} change by {100 * error:.0f} % when "
                    f"rounded to the unit of {names[id(w.post)]}, which its largest weight sets. "
                    f"Try: {FINER[q.negative_scale is None]}"
                )


def _typical(weight: Any) -> float:
    """The middle of the weights of a piece."""
    if isinstance(weight, Draw):
        low, high = weight.bounds
        middle = {"uniform": (weight.a + weight.b) / 2, "lognormal": float(np.exp(weight.a))}
        return float(np.clip(middle.get(weight.shape, weight.a), low, high))
    return float(np.median(np.abs(weight))) if weight.size else 0.0
