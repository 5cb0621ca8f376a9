"""From a script's populations and projections to a program.

A Poisson source that does nothing but feed one population, cell by cell, with one weight and delay
becomes noise that the population draws for itself: no list, no queue, as many cells as one likes.
Its spikes are those of the source, `delay` steps later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.quantised import Quantised
from mossy.errors import MossyError, UnsupportedNode
from mossy.network.populations import Array, Population, Populations, Projection
from mossy.network.recipe import Draw, Noise
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program.artefact import Program
from mossy.pynn import pieces as pc
from mossy.pynn.cells import SpikeSourcePoisson
from mossy.pynn.pieces import Grid, Piece
from mossy.pynn.sources import steady
from mossy.twin.live import runs_here

COARSE = 0.05  # of a weight: beyond it, rounding is worth a word to the user


@dataclass(frozen=True, eq=False)
class Built:
    """A network ready to run.

    names: of each population that is in the program. noise: of a Poisson source that became noise,
    by its first cell's id, the steps by which its spikes arrive later. coarse: what rounding did
    to weights, to be told.
    """

    program: Program
    quantised: dict[str, Quantised]
    names: dict[int, str]
    noise: dict[int, int]
    coarse: tuple[str, ...]

    def name(self, population: Any) -> str | None:
        """Return the name of a population in the program; None if it is not there."""
        return self.names.get(id(population))


def neurons(population: Any) -> bool:
    """Return whether a population is made of neurons; else of sources."""
    return hasattr(population.celltype, "form")


def build(
    populations: Sequence[Any],
    projections: Sequence[Any],
    chip: Chip,
    precision: str,
    dt: float,
) -> Built | None:
    """Return the program of a network, None where it has no neurons. dt: ms.

    Raises UnsupportedNode E0266, E0270 and what the chip's rules raise.
    """
    names = _names(populations)
    noise = {id(p): n for p in populations if (n := _noise(p, projections)) is not None}
    used = {id(w.pre) for j in projections for w in j.pieces} - set(noise)
    inside = [p for p in populations if neurons(p) or id(p) in used]
    if not any(neurons(p) for p in inside):
        return None
    drawn = {id(p): _noises(p, noise, dt) for p in inside}
    made = tuple(_population(p, names[id(p)], drawn[id(p)], precision, dt) for p in inside)
    links = [
        _projection(j, w, k, names, dt)
        for j in projections
        for k, w in enumerate(j.pieces)
        if id(w.pre) not in noise and len(w) and neurons(w.post)
    ]
    whole = Populations(
        made,
        tuple(links),
        {p.name: p.name for p in made if p.model == "source"},
        {p.name: p.name for p in made if p.model != "source"},
    )
    quantised = _quantised(whole, chip)
    options = Options()
    header = Header("script", "", dt * 1e-3, "exact", "node")
    program, _ = assemble(whole, quantised, chip, options, header)
    late = {i: max(1, round(pc.in_steps(w.delay, dt).a)) for i, (w, _) in noise.items()}
    inner = {id(p): names[id(p)] for p in inside}
    return Built(program, quantised, inner, late, _coarse(projections, quantised, names))


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
    """Return the parameters and initial registers of a population of neurons. dt: ms."""
    found: dict[str, Array] = p.celltype.form.params(p.parameters, dt * 1e-3, p.injected)
    return found | initial(p)


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


def tuned(built: Built, p: Any, name: str, dt: float) -> NDArray[Any] | None:
    """Return a population's parameters as records (n,); None if another model must run them."""
    q, found = built.quantised[name], params(p, dt)
    if "i" in (q.state.dtype.names or ()):  # one current for both, where they decay alike
        pairs = (("exc_decay", "inh_decay"), ("exc_gain", "inh_gain"))
        if not all(np.array_equal(found[a], found[b]) for a, b in pairs):
            return None
    made = np.zeros(p.size, q.params.dtype)
    for field in made.dtype.names or ():
        made[field] = found.get(field, q.params[field])
    return made if runs_here(q.model, made) else None


def registers(built: Built, p: Any, name: str) -> NDArray[Any]:
    """Return a population's first registers as records (n,)."""
    made, found = built.quantised[name].state.copy(), initial(p)
    for field in made.dtype.names or ():
        made[field] = found.get(f"{field}_init", made[field])
    return made


def _factor(projection: Any, piece: Piece) -> float:
    """SI units of a weight of PyNN, its sign changed where it changes."""
    unit: float = piece.post.celltype.form.weight
    return -unit if projection.flipped else unit


def _projection(j: Any, w: Piece, k: int, names: dict[int, str], dt: float) -> Projection:
    recipe = w.recipe(dt, _factor(j, w))
    return Projection(
        key(j, k), names[id(w.pre)], names[id(w.post)], recipe,
        np.zeros(w.pre.size, np.int64), np.zeros(w.post.size, np.int64), True,
    )  # fmt: skip


def key(projection: Any, piece: int) -> str:
    """Return the name of a piece of a projection in the program."""
    return f"{projection.number}.{piece}"


def _quantised(whole: Populations, chip: Chip) -> dict[str, Quantised]:
    """Raise UnsupportedNode E0266 where the chip has no such cell, E0270 where it could burst."""
    try:
        found = quantise(whole, chip, Options(), None)
    except MossyError as e:
        if e.code != "E0226":
            raise
        raise UnsupportedNode(
            "E0266",
            "the chip has no such cell",
            where=f"{chip.name}, {e.where}",
            got=e.got,
            allowed=e.allowed,
            hint="sim.setup() without chip=, which runs on this computer",
        ) from None
    for name, q in found.items():
        if not runs_here(q.model, q.params):
            raise UnsupportedNode(
                "E0270",
                "without waiting after a spike these neurons could send several in a step",
                where=f"population {name}",
                got="tau_refrac of less than a step",
                hint="a tau_refrac of a time step or more, or a shorter timestep",
            )
    return found


def grid(built: Built, projection: Any, number: int) -> Grid | None:
    """Return the whole numbers that the weights of a piece become; None if it is not there."""
    piece = projection.pieces[number]
    q = built.quantised.get(built.name(piece.post) or "")
    for s in q.incoming if q else ():
        if q and s.name == key(projection, number):
            return Grid(q.weight_scale, float(s.weight.top), _factor(projection, piece))
    return None


def _coarse(
    projections: Sequence[Any], quantised: dict[str, Quantised], names: dict[int, str]
) -> tuple[str, ...]:
    """What is to be said of weights that are so small beside others that rounding changes them."""
    found = []
    for j in projections:
        for w in j.pieces:
            q = quantised.get(names[id(w.post)])
            typical = np.abs(_typical(w.weight)) if q is not None else 0.0
            if not typical or q is None:
                continue
            whole = typical * abs(_factor(j, w)) * q.weight_scale
            error = abs(np.rint(whole) - whole) / whole
            if error > COARSE:
                found.append(
                    f"{j.label}: weights of {typical:.3g} change by {100 * error:.0f} % when "
                    f"rounded to the unit of {names[id(w.post)]}, which its largest weight sets. "
                    'Try: setup(precision="double")'
                )
    return tuple(found)


def _typical(weight: Any) -> float:
    """The middle of the weights of a piece."""
    if isinstance(weight, Draw):
        low, high = weight.bounds
        middle = {"uniform": (weight.a + weight.b) / 2, "lognormal": float(np.exp(weight.a))}
        return float(np.clip(middle.get(weight.shape, weight.a), low, high))
    return float(np.median(np.abs(weight))) if weight.size else 0.0
