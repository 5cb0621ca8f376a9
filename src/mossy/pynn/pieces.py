"""What a connector says, as recipes: who connects to whom, with weights and delays in PyNN's units.

A projection is cut into pieces, one for each pair of populations that its two ends are made of. A
piece keeps a rule (and a distribution of weights and delays) where PyNN's connector is one that a
recipe can say; everything else becomes a list.
"""

from __future__ import annotations

import ast
import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import connectors as co
from pyNN.random import RandomDistribution

from mossy.network.recipe import Draw, Recipe, constant
from mossy.synapses import generate

Ints = NDArray[np.int64]
Array = NDArray[np.float64]
Value = Draw | Array
FINE = 2.0**40  # a weight's share of the largest that a list of drawn ones still tells apart
RARE = 1e-3  # weights of the wrong sign that a whole projection may be expected to draw


@dataclass(frozen=True)
class Grid:
    """Of a program's weights: whole numbers are rint(weight factor scale), at most top.

    scales: of weights above and below 0. told: the user is told these weights, not what was asked.
    """

    scales: tuple[float, float]
    top: float
    factor: float
    told: bool = False

    def rounded(self, weight: Array) -> Array:
        """Return weights as they are in the program, in PyNN's units."""
        scale = np.where(weight * self.factor < 0, self.scales[1], self.scales[0]) * self.factor
        return np.asarray(np.clip(np.rint(weight * scale), -self.top, self.top) / scale)


@dataclass(frozen=True, eq=False)
class Piece:
    """Synapses from cells of one population to cells of another.

    pre, post: populations. rows, columns: which of their cells, None for all. at: where these cells
    begin in the projection's own numbering. rule: what a recipe is told; empty for a list, which
    has i and j among `rows` and `columns`. weight, delay: PyNN's units, of a list one for each.
    """

    pre: Any
    post: Any
    rows: Ints | None
    columns: Ints | None
    at: tuple[int, int]
    weight: Value
    delay: Value
    rule: dict[str, Any] = field(default_factory=dict)
    i: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    j: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells on either side."""
        n = self.pre.size if self.rows is None else self.rows.size
        return n, self.post.size if self.columns is None else self.columns.size

    def __len__(self) -> int:
        """Number of synapses."""
        if not self.rule:
            return int(self.i.size)
        made = generate.spec(_recipe(self.rule, self.shape, _ONE, _ONE))
        return int(generate.in_degrees(made, 0, self.shape[1]).sum())

    def recipe(self, dt: float, factor: float) -> Recipe:
        """Return the recipe between whole populations. factor: SI of a weight; dt: ms."""
        if self.rule:
            weight, delay = _times(self.weight, factor), in_steps(self.delay, dt)
            return _recipe(self.rule, self.shape, weight, delay)
        assert isinstance(self.weight, np.ndarray) and isinstance(self.delay, np.ndarray)
        return Recipe(
            "listed", self.pre.size, self.post.size, _ONE, _ONE, 0,
            pre=self.i if self.rows is None else self.rows[self.i],
            post=self.j if self.columns is None else self.columns[self.j],
            weights=self.weight * factor,
            delays=np.maximum(1, np.rint(self.delay / dt)).astype(np.int64),
        )  # fmt: skip

    def listed(self, dt: float, grid: Grid | None = None) -> Piece:
        """Return the same synapses as a list. grid: of the whole numbers that weights become."""
        if not self.rule:
            return self
        assert isinstance(self.weight, Draw) and isinstance(self.delay, Draw)
        factor = grid.factor if grid else 1.0
        weights = _times(self.weight, factor)
        recipe = _recipe(self.rule, self.shape, weights, in_steps(self.delay, dt))
        scale = grid.scales[0] if grid else FINE / (recipe.largest or 1.0)
        top = grid.top if grid else 2.0**60
        i, j, w, d = expanded(dataclasses.replace(recipe, scale=scale, top=top))
        weight = w / (scale * factor)
        weight = np.full(i.size, self.weight.a) if _same(self.weight) else weight
        delay = np.full(i.size, self.delay.a) if _same(self.delay) else d.astype(float) * dt
        return dataclasses.replace(self, rule={}, i=i, j=j, weight=weight, delay=delay)


_ONE = constant(1.0)


def _same(d: Draw) -> bool:
    return d.shape == "constant"


def _recipe(rule: dict[str, Any], shape: tuple[int, int], weight: Any, delay: Any) -> Recipe:
    more = {k: v for k, v in rule.items() if k not in ("kind", "seed")}
    return Recipe(rule["kind"], *shape, weight, delay, rule["seed"], **more)


def expanded(recipe: Recipe) -> tuple[Ints, Ints, Ints, Ints]:
    """Return source, target, whole-numbered weight and delay in steps of every synapse."""
    start, j, w, d = generate.rows(recipe, 0, recipe.n_target)
    return np.repeat(np.arange(recipe.n_source), np.diff(start)), j, w, d


def replaced(piece: Piece, name: str, value: Value) -> Piece:
    """Return a piece with another weight or delay."""
    if name == "weight":
        return dataclasses.replace(piece, weight=value)
    return dataclasses.replace(piece, delay=value)


# ------------------------------------------------------------------ weights and delays
def _times(d: Value, f: float) -> Draw:
    """A distribution of weights in other units."""
    assert isinstance(d, Draw)
    low, high = sorted((d.low * f, d.high * f))
    if d.shape == "lognormal":
        a, b = d.a + math.log(f), d.b
    elif d.shape == "normal":
        a, b = d.a * f, d.b * abs(f)
    elif d.shape == "uniform":
        a, b = sorted((d.a * f, d.b * f))
    else:
        a, b = d.a * f, d.b
    return Draw(d.shape, a, b, low, high, d.clip)


def in_steps(d: Value, dt: float) -> Draw:
    """A distribution of delays in steps: what is shorter than one takes one."""
    assert isinstance(d, Draw)
    found = _times(d, 1 / dt)
    if _same(found):
        return Draw("constant", max(1.0, found.a))
    if found.low >= 0.5:
        return found
    return dataclasses.replace(found, low=1.0, high=max(found.high, 1.0), clip=True)


def draw(value: Any) -> Draw | None:
    """Return PyNN's number or distribution; None where a recipe has none like it."""
    if isinstance(value, int | float | np.integer | np.floating):
        return constant(float(value))
    if not isinstance(value, RandomDistribution):
        return None
    p, name = value.parameters, value.name
    low, high = float(p.get("low", -np.inf)), float(p.get("high", np.inf))
    if name == "uniform":
        return Draw("uniform", low, high)
    if name in ("normal", "normal_clipped", "normal_clipped_to_boundary"):
        clip = name.endswith("boundary")
        return Draw("normal", float(p["mu"]), float(p["sigma"]), low, high, clip)
    if name == "lognormal":
        return Draw("lognormal", float(p["mu"]), float(p["sigma"]))
    if name == "exponential" and float(p["beta"]) > 0:
        return Draw("exponential", float(p["beta"]))
    return None


def signed(d: Draw, sign: int, flipped: bool, synapses: float) -> Draw | None:
    """Return a distribution of weights with one sign; None where too many would have the other.

    sign: +1 or -1, what PyNN asks of the synapse. flipped: the sign changes on the way.
    """
    if flipped and d.shape in ("lognormal", "exponential"):
        return None
    low, high = d.bounds
    if (low >= 0) if sign > 0 else (high <= 0):
        return d
    share = float(d.below(0.0))
    wrong = share if sign > 0 else 1 - share
    if _same(d) or d.clip or wrong * synapses > RARE:
        return None
    if sign > 0:
        return dataclasses.replace(d, low=max(d.low, 0.0))
    return dataclasses.replace(d, high=min(d.high, 0.0))


# ------------------------------------------------------------------ connectors
def rule(connector: Any, pre: Any, post: Any, space: Any, selves: bool) -> dict[str, Any] | None:
    """Return what a recipe is told of a connector between two groups of cells, None if it cannot.

    pre, post: have size and positions. selves: whether a cell may connect to itself.
    """
    found = _rule(connector, pre, post, space, selves)
    if found is not None and not selves and found["kind"] != "one_to_one":
        found["selves"] = False
    return found


def _rule(connector: Any, pre: Any, post: Any, space: Any, selves: bool) -> dict[str, Any] | None:
    kind, n = type(connector), getattr(connector, "n", None)
    if kind is co.AllToAllConnector:
        return {"kind": "all_to_all"}
    if kind is co.OneToOneConnector:
        return {"kind": "one_to_one"}
    if kind is co.FixedProbabilityConnector:
        return {"kind": "probability", "p": min(1.0, float(connector.p_connect))}
    if kind is co.DistanceDependentProbabilityConnector:
        profile = fitted(connector.distance_function, connector.d_expression)
        return None if profile is None else profile | places(pre, post, space)
    if not isinstance(n, int):
        return None
    if kind is co.FixedTotalNumberConnector:
        return {"kind": "total", "count": n}
    most = {co.FixedNumberPreConnector: pre.size, co.FixedNumberPostConnector: post.size}
    if kind not in most or (not connector.with_replacement and n > most[kind] - (not selves)):
        return None
    way = "in_degree" if kind is co.FixedNumberPreConnector else "out_degree"
    return {"kind": way, "count": n, "replace": bool(connector.with_replacement)}


def places(pre: Any, post: Any, space: Any) -> dict[str, Any]:
    """Return where the cells are, on the axes that count, and how far round these go."""
    axes = np.asarray(space.axes)
    edges = [e or (0.0, 0.0) for e in space.periodic_boundaries or (None,) * 3]
    period = [edges[a][1] - edges[a][0] for a in axes]
    return {
        "source_at": pre.positions.T[:, axes].astype(float),
        "target_at": (space.scale_factor * (post.positions.T + space.offset))[:, axes].astype(
            float
        ),
        "period": np.array(period, float),
    }


def fitted(f: Callable[[Any], Any], text: Any) -> dict[str, Any] | None:
    """Return the profile of a probability over distance, None where no recipe has one like it."""
    step = _step(text) if isinstance(text, str) else None
    if step is not None:
        return {"kind": "distance", "profile": "step", "p": 1.0, "width": step}
    try:
        p, widths = float(f(0.0)), 2.0 ** np.arange(-20, 30)
        at = np.array([float(f(float(d))) for d in widths])
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    inside = (at < 0.9 * p) & (at > 0.1 * p)
    if not (0 < p <= 1 and inside.any()):
        return None
    d = float(widths[inside][0])
    fall = -math.log(float(f(d)) / p)
    shapes: tuple[tuple[str, float, Callable[[Array], Array]], ...] = (
        ("exponential", d / fall, lambda x: np.exp(-x)),
        ("gaussian", d / math.sqrt(2 * fall), lambda x: np.exp(-0.5 * x * x)),
    )
    for profile, width, g in shapes:
        x = width * np.linspace(0, 6, 25)
        if np.allclose([float(f(float(v))) for v in x], p * g(x / width), rtol=1e-9, atol=0):
            return {"kind": "distance", "profile": profile, "p": p, "width": width}
    return None


def _step(text: str) -> float | None:
    """The radius of "d < r" or "d <= r"."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1):
            return None
        right = float(ast.literal_eval(tree.comparators[0]))
    except (SyntaxError, ValueError, TypeError):
        return None
    if not (isinstance(tree.left, ast.Name) and tree.left.id == "d" and right > 0):
        return None
    if isinstance(tree.ops[0], ast.LtE):
        return right
    return float(np.nextafter(right, 0)) if isinstance(tree.ops[0], ast.Lt) else None


def parts(cells: Any) -> Iterator[tuple[Any, Ints | None, int]]:
    """Yield population, which of its cells (None: all) and where they begin, of any group."""
    at = 0
    for p in getattr(cells, "populations", [cells]):
        if hasattr(p, "grandparent"):
            yield p.grandparent, np.asarray(p.index_in_grandparent(np.arange(p.size))), at
        else:
            yield p, None, at
        at += p.size
