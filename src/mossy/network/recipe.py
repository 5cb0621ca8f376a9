"""Connectivity that is said, not listed: who connects to whom, with which weights and delays.

A recipe stays a recipe until a core is loaded. Every synapse is a function of the recipe's seed and
of its target neuron (of its source neuron for a fixed out-degree) alone, so any part of it can be
made anywhere, in any order, and a network is the same however it is cut.

    one_to_one     source j to target j
    all_to_all     every pair
    probability    every pair with probability p
    in_degree      `count` sources for every target      } with replacement (a pair may connect more
    out_degree     `count` targets for every source      } than once) or without
    total          `count` synapses between random pairs, with replacement
    distance       every pair with probability p f(d / width): f a step, exp(-x) or exp(-x^2 / 2)
    listed         the synapses themselves

A pair of one neuron with itself (population connected with itself) is left out where `selves` is
false; draws are repeated then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from mossy.errors import BadInput

Kind = Literal[
    "one_to_one", "all_to_all", "probability", "in_degree", "out_degree", "total", "distance",
    "listed",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
Shape = Literal["constant", "uniform", "normal", "lognormal", "exponential"]
SHAPES: tuple[str, ...] = get_args(Shape)
Profile = Literal["step", "exponential", "gaussian"]
PROFILES: tuple[str, ...] = get_args(Profile)


@dataclass(frozen=True)
class Draw:
    """A number or a distribution of numbers.

    constant: a; uniform: from a to b; normal: mean a, standard deviation b; lognormal: exp of that
    normal; exponential: mean a. What falls outside low .. high is drawn again, or set to the bound
    where `clip`. Raises BadInput E0173.
    """

    shape: Shape
    a: float
    b: float = 0.0
    low: float = -np.inf
    high: float = np.inf
    clip: bool = False

    def __post_init__(self) -> None:
        for name in ("a", "b", "low", "high"):  # plain numbers, as they come back from a file
            object.__setattr__(self, name, float(getattr(self, name)))
        wrong = (
            self.shape not in SHAPES
            or not (np.isfinite(self.a) and np.isfinite(self.b))
            or (self.shape in ("normal", "lognormal") and self.b < 0)
            or (self.shape == "exponential" and self.a <= 0)
            or (self.shape == "uniform" and self.b < self.a)
            or not self.low <= self.high
        )
        first, last = (0.0, 1.0) if wrong else self.shares
        if wrong or not (self.clip or first < last or self.shape == "constant"):
            raise BadInput(
                "E0173",
                "not a distribution",
                got=str(self),
                allowed="finite numbers, a deviation of 0 or more, a range that it can reach",
            )

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of the distribution below low and below high: what is drawn lies between."""
        if self.clip or self.shape == "constant":
            return 0.0, 1.0
        return float(self.below(self.low)), float(self.below(self.high))

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest number that can come out."""
        least, most = {
            "constant": (self.a, self.a),
            "uniform": (self.a, self.b),
            "normal": (-np.inf, np.inf) if self.b else (self.a, self.a),
            "lognormal": (0.0, np.inf),
            "exponential": (0.0, np.inf),
        }[self.shape]
        if self.shape == "constant" and not self.clip:
            return least, most
        return max(least, self.low), min(most, self.high)

    def below(self, x: Any) -> NDArray[np.float64]:
        """Return the share of the distribution below x, without regard to low and high."""
        v: NDArray[np.float64] = np.asarray(x, float)
        a, b = self.a, self.b
        with np.errstate(divide="ignore"):
            if self.shape == "exponential":
                return np.asarray(-np.expm1(-np.maximum(v, 0) / a))
            if self.shape == "lognormal":
                v = np.log(np.maximum(v, 0))
        if (
            self.shape == "constant"
            or (self.shape == "uniform" and a == b)
            or (self.shape in ("normal", "lognormal") and b == 0)
        ):
            return (v >= a).astype(float)
        if self.shape == "uniform":
            return np.asarray(np.clip((v - a) / (b - a), 0, 1))
        return np.asarray(ndtr((v - a) / b))


@dataclass(frozen=True, eq=False)
class Noise:
    """Poisson spikes of its own for every neuron of a population, arriving in the step they occur.

    mean: (n,) spikes per step. weight: of one spike, in the network's unit; in a program in whole
    units. Neuron i of the population draws from (seed, i, step) alone.
    """

    mean: NDArray[np.float64]
    weight: float
    seed: int


def constant(value: float) -> Draw:
    """Return the distribution of one value."""
    return Draw("constant", float(value))


def _no_floats() -> NDArray[np.float64]:
    return np.zeros(0)


def _no_numbers() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Recipe:
    """Synapses from n_source to n_target neurons.

    weight: in the network's unit; the chip's whole numbers are rint(weight scale), within +-top.
    delay: in steps, rounded, 1 at least. count, p, selves, replace: as the kind needs. profile,
    width, source_at, target_at, period: of a distance; positions (n, axes), period (axes,), 0 for
    an axis that does not close. listed: pre, post, and weight and delay (steps) of each synapse in
    place of the draws.
    """

    kind: Kind
    n_source: int
    n_target: int
    weight: Draw
    delay: Draw
    seed: int
    count: int = 0
    p: float = 1.0
    selves: bool = True
    replace: bool = True
    profile: Profile = "step"
    width: float = 1.0
    source_at: NDArray[np.float64] = field(default_factory=_no_floats)
    target_at: NDArray[np.float64] = field(default_factory=_no_floats)
    period: NDArray[np.float64] = field(default_factory=_no_floats)
    pre: NDArray[np.int64] = field(default_factory=_no_numbers)
    post: NDArray[np.int64] = field(default_factory=_no_numbers)
    weights: NDArray[np.float64] = field(default_factory=_no_floats)
    delays: NDArray[np.int64] = field(default_factory=_no_numbers)
    scale: float = 1.0
    top: float = np.inf

    def __post_init__(self) -> None:
        """Raise BadInput E0174 where the parts do not go together."""
        for wrong, what in self._faults():
            if wrong:
                raise BadInput(
                    "E0174",
                    f"not a recipe for synapses: {what}",
                    where=f"{self.kind}, {self.n_source} to {self.n_target} neurons",
                    got=f"count {self.count}, p {self.p:g}, delay {self.delay}",
                )

    def _faults(self) -> list[tuple[Any, str]]:
        fewest = self.n_target if self.kind == "out_degree" else self.n_source
        distinct = self.kind in ("in_degree", "out_degree") and not self.replace
        listed = (self.pre.size, self.post.size, self.weights.size, self.delays.size)
        away = self.kind == "distance"
        return [
            (self.kind not in KINDS, f"the kind is one of {', '.join(KINDS)}"),
            (min(self.n_source, self.n_target) < 1, "both sides need neurons"),
            (not 0 <= self.p <= 1, "p lies between 0 and 1"),
            (self.count < 0, "count is 0 or more"),
            (distinct and self.count > fewest - (not self.selves), "more than there are neurons"),
            (not self.selves and self.n_source != self.n_target, "selves=False needs equal sides"),
            (not self.selves and self.n_source == 1, "a lone neuron can reach only itself"),
            (self.kind != "listed" and self.delay.bounds[1] < 0.5, "a delay takes a step or more"),
            (len(set(listed)) > 1, "the columns of a list have the same length"),
            (away and self.profile not in PROFILES, f"profile is one of {', '.join(PROFILES)}"),
            (away and not self.width > 0, "a width is more than 0"),
            (away and len(self.source_at) != self.n_source, "source_at has a row per neuron"),
            (away and len(self.target_at) != self.n_target, "target_at has a row per neuron"),
            (self.kind == "listed" and _outside(self.pre, self.n_source), "pre names no neuron"),
            (self.kind == "listed" and _outside(self.post, self.n_target), "post names no neuron"),
            (self.delays.size and self.delays.min() < 1, "a delay takes a step or more"),
        ]

    @property
    def largest(self) -> float:
        """Largest |weight|, six standard deviations from the mean where nothing bounds it."""
        if self.kind == "listed":
            return float(np.abs(self.weights).max(initial=0))
        return max(abs(v) for v in _reach(self.weight))

    @property
    def max_delay(self) -> int:
        """Longest delay in steps, six standard deviations beyond the mean where nothing bounds."""
        if self.kind == "listed":
            return int(self.delays.max(initial=1))
        return max(1, int(np.rint(_reach(self.delay)[1])))

    @property
    def min_delay(self) -> int:
        """Shortest delay in steps."""
        if self.kind == "listed":
            return int(self.delays.min(initial=1))
        return max(1, int(np.rint(_reach(self.delay)[0])))


def _outside(index: NDArray[np.int64], n: int) -> bool:
    return bool(index.size and (index.min() < 0 or index.max() >= n))


def _reach(d: Draw) -> tuple[float, float]:
    """Bounds, at most six standard deviations (25 means of an exponential) out."""
    least, most = d.bounds
    if d.shape == "normal":
        return max(least, d.a - 6 * d.b), min(most, d.a + 6 * d.b)
    if d.shape == "lognormal":
        return least, min(most, float(np.exp(d.a + 6 * d.b)))
    if d.shape == "exponential":
        return least, min(most, 25 * d.a)
    return least, most
