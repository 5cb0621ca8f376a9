"""Projections: PyNN's connectors as recipes where they can be, else as lists.

A recipe's synapses are made when the network is loaded, from a seed that PyNN's own random number
generators give, so that a script whose generators are seeded makes the same network each time. A
generator without a seed of its own leaves the choice to the seed of `setup`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, connectors
from pyNN.core import IndexBasedExpression
from pyNN.parameters import LazyArray
from pyNN.random import RandomDistribution
from pyNN.space import Space

from mossy.network.recipe import constant
from mossy.pynn import pieces as pc
from mossy.pynn import simulator
from mossy.pynn.pieces import Array, Grid, Ints, Piece
from mossy.pynn.simulator import state
from mossy.pynn.synapses import StaticSynapse

WHOLE = {  # rules that only hold for all of one side at once: whether of the source, of the target
    "in_degree": (True, False),
    "out_degree": (False, True),
    "total": (True, True),
    "one_to_one": (True, True),
}
ANYWHERE = Space()


class Connection(common.Connection):
    """One synapse of a projection: presynaptic_index, postsynaptic_index, weight, delay."""

    def __init__(self, projection: Projection, place: int) -> None:
        self._projection, self._place = projection, place

    @property
    def presynaptic_index(self) -> int:
        """Index of the sending cell in the projection's `pre`."""
        return int(self._projection.columns()[0][self._place])

    @property
    def postsynaptic_index(self) -> int:
        """Index of the receiving cell in the projection's `post`."""
        return int(self._projection.columns()[1][self._place])

    @property
    def weight(self) -> float:
        """The weight: nA, uS or mV."""
        return float(self._projection.columns()[2][self._place])

    @weight.setter
    def weight(self, value: float) -> None:
        self._projection.change("weight", self._place, value)

    @property
    def delay(self) -> float:
        """The delay in ms."""
        return float(self._projection.columns()[3][self._place])

    @delay.setter
    def delay(self, value: float) -> None:
        self._projection.change("delay", self._place, value)

    def as_tuple(self, *names: str) -> tuple[float, ...]:
        """Return some attributes."""
        return tuple(getattr(self, name) for name in names)


class Projection(common.Projection):
    """Synapses of one kind between two groups of cells; see PyNN's own documentation."""

    _simulator = simulator
    _static_synapse_class = StaticSynapse

    def __init__(
        self,
        presynaptic_neurons: Any,
        postsynaptic_neurons: Any,
        connector: Any,
        synapse_type: Any = None,
        source: Any = None,
        receptor_type: str | None = None,
        space: Any = ANYWHERE,
        label: str | None = None,
    ) -> None:
        super().__init__(
            presynaptic_neurons, postsynaptic_neurons, connector, synapse_type, source,
            receptor_type, space, label,
        )  # fmt: skip
        self.number = len(state.projections)
        self._met: list[tuple[Ints, int, Any, Any]] = []
        self._columns: tuple[NDArray[Any], ...] | None = None
        self.pieces: tuple[Piece, ...] = tuple(self._listed() or self._ruled() or self._walked())
        state.projections.append(self)
        state.changed()

    # ---------------------------------------------------------------------- what it says
    @property
    def flipped(self) -> bool:
        """Whether weights change their sign on the way: inhibitory conductances are positive."""
        return bool(self.post.conductance_based) and self.receptor_type == "inhibitory"

    @property
    def sign(self) -> int:
        """The sign that weights have in PyNN."""
        return 1 if self.post.conductance_based or self.receptor_type != "inhibitory" else -1

    def _values(self) -> tuple[Any, Any]:
        """Weight and delay as PyNN has them, lazily."""
        space = self.synapse_type.native_parameters
        space.shape = self.shape
        return space["weight"], space["delay"]

    def _listed(self) -> list[Piece]:
        """Pieces of a connector that brings a list or a matrix; none where it is another."""
        kind, c = type(self._connector), self._connector
        if kind is connectors.ArrayConnector:
            i, j = np.nonzero(np.broadcast_to(np.asarray(c.array, bool), self.shape))
            return self._split(i, j, *(self._at(v, i, j) for v in self._values()))
        if kind is not connectors.FromListConnector or len(c.conn_list) == 0:
            return []
        if not set(c.column_names) <= {"weight", "delay"}:
            return []
        if (c.conn_list[:, 0] >= self.pre.size).any() or (
            c.conn_list[:, 1] >= self.post.size
        ).any():
            return []  # PyNN says what is wrong
        i, j = (c.conn_list[:, k].astype(np.int64) for k in (0, 1))
        given = {name: c.conn_list[:, k].astype(float) for k, name in enumerate(c.column_names, 2)}
        values = dict(zip(("weight", "delay"), self._values(), strict=True))
        both = [given[k] if k in given else self._at(v, i, j) for k, v in values.items()]
        return self._split(i, j, *both)

    def _ruled(self) -> list[Piece]:
        """Pieces of a connector that recipes can say; none where one of them cannot."""
        c = self._connector
        selves = getattr(c, "allow_self_connections", True)
        sources, targets = list(pc.parts(self.pre)), list(pc.parts(self.post))
        values = self._values()
        if selves == "NoMutual" or c.location_selector is not None or not _plain(values):
            return []
        found, seed = [], self._seed(c, values)
        for k, (pre, rows, a) in enumerate(sources):
            for m, (post, columns, b) in enumerate(targets):
                own = _meeting(pre, rows, post, columns) if not selves else "apart"
                if own == "partly":
                    return []
                ends = [_group(p, r) for p, r in ((pre, rows), (post, columns))]
                rule = pc.rule(c, ends[0], ends[1], self.space, own == "apart")
                if rule is None:
                    return []
                alone = WHOLE.get(rule["kind"], (False, False))
                if (alone[0] and len(sources) > 1) or (alone[1] and len(targets) > 1):
                    return []
                rule["seed"] = _mixed(*seed, k, m)
                found.append(self._piece(pre, post, rows, columns, (a, b), rule, values))
        return found

    def _piece(
        self, pre: Any, post: Any, rows: Any, columns: Any, at: tuple[int, int],
        rule: dict[str, Any], values: tuple[Any, Any],
    ) -> Piece:  # fmt: skip
        """A rule with its weights and delays, as distributions where a recipe has them."""
        bare = Piece(pre, post, rows, columns, at, constant(1.0), constant(state.dt), rule)
        weight, delay = (pc.draw(v.base_value) for v in values)
        if weight is not None:
            if weight.shape == "constant":
                self._check(weight.a)
            most = float(np.prod(bare.shape)) * max(1.0, rule.get("count", 1) / bare.shape[0])
            weight = pc.signed(weight, self.sign, self.flipped, most)
        if weight is not None and delay is not None:
            found = dataclasses.replace(bare, weight=weight, delay=delay)
            return found if rows is None and columns is None else found.listed(state.dt)
        found = bare.listed(state.dt)
        i, j = found.i + at[0], found.j + at[1]
        w, d = (self._at(v, i, j) for v in values)
        self._check(w)
        return dataclasses.replace(found, weight=w, delay=d)

    def _seed(self, c: Any, values: tuple[Any, Any]) -> tuple[int, ...]:
        """Numbers from every generator that has a seed, and the projection's own."""
        rngs = [getattr(c, "rng", None), *(getattr(v.base_value, "rng", None) for v in values)]
        drawn = [
            int(r.next(1, "uniform_int", {"low": 0, "high": 2**31 - 1})[0])
            for r in rngs
            if r is not None and getattr(r, "seed", None) is not None
        ]
        return (state.seed, self.number, *drawn)

    def _walked(self) -> list[Piece]:
        """Pieces of any other connector: PyNN itself goes through it, cell by cell."""
        self._connector.connect(self)
        met, self._met = self._met, []
        if not met:
            return []
        i = np.concatenate([a for a, _, _, _ in met])
        j = np.repeat([b for _, b, _, _ in met], [a.size for a, _, _, _ in met])
        w, d = (
            np.concatenate([np.broadcast_to(np.asarray(x[k], float), x[0].shape) for x in met])
            for k in (2, 3)
        )
        return self._split(i, j.astype(np.int64), w, d)

    def _convergent_connect(
        self,
        presynaptic_indices: Any,
        postsynaptic_index: int,
        location_selector: Any = None,
        **parameters: Any,
    ) -> None:
        """Called by PyNN's connectors for each cell that is reached."""
        sources = np.atleast_1d(np.asarray(presynaptic_indices)).astype(np.int64)
        self._met.append(
            (sources, int(postsynaptic_index), parameters["weight"], parameters["delay"])
        )

    def _split(self, i: Ints, j: Ints, w: Array, d: Array) -> list[Piece]:
        """A list in the projection's numbering as pieces."""
        self._check(w)
        found = []
        for pre, rows, a in pc.parts(self.pre):
            for post, columns, b in pc.parts(self.post):
                whole = Piece(pre, post, rows, columns, (a, b), w, d)
                n, m = whole.shape
                k = (i >= a) & (i < a + n) & (j >= b) & (j < b + m)
                found.append(
                    dataclasses.replace(whole, i=i[k] - a, j=j[k] - b, weight=w[k], delay=d[k])
                )
        return found

    def _check(self, weights: Any) -> None:
        """Raise PyNN's ConnectionError for weights of the wrong sign."""
        if self._connector.safe and np.size(weights):
            self.synapse_type.parameter_checks["weight"](weights, self)

    def _at(self, value: Any, i: Ints, j: Ints) -> Array:
        """A lazy weight or delay, for the pairs i, j."""
        base = value.base_value
        if value.operations or isinstance(base, IndexBasedExpression):
            return np.asarray(value.evaluate(simplify=False), float)[i, j]
        if isinstance(base, RandomDistribution):
            return np.atleast_1d(np.asarray(base.next(i.size), float))
        if callable(base):
            found = base(self._distance(i, j))
            return np.broadcast_to(np.asarray(found, float), i.shape).copy()
        if isinstance(base, np.ndarray):
            return np.broadcast_to(base, self.shape)[i, j].astype(float)
        return np.full(i.size, float(base))

    def _distance(self, i: Ints, j: Ints) -> Array:
        place = pc.places(self.pre, self.post, self.space)
        apart = np.abs(place["source_at"][i] - place["target_at"][j])
        round_ = place["period"] > 0
        apart[:, round_] = np.minimum(apart, place["period"] - apart)[:, round_]
        return np.asarray(np.sqrt((apart**2).sum(axis=1)))

    # ---------------------------------------------------------------------- asking and changing
    def __len__(self) -> int:
        """Return the number of synapses."""
        return sum(len(p) for p in self.pieces)

    def __getitem__(self, i: int) -> Connection:
        """Return one synapse."""
        return Connection(self, range(len(self))[i])

    @property
    def connections(self) -> Iterator[Connection]:
        """All synapses, one by one."""
        return (Connection(self, k) for k in range(len(self)))

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return source, target, weight and delay of all synapses, in PyNN's units.

        Drawn weights are those that would be simulated were the network run as it is now; on a
        chip with weights of its own, all are.
        """
        if self._columns is None or self._columns[0].size != len(self):
            each = [self._told(p, state.grid(self, k)) for k, p in enumerate(self.pieces)]
            types = (np.int64, np.int64, float, float)
            self._columns = tuple(
                np.concatenate([*(x[k] for x in each), np.zeros(0, t)]) for k, t in enumerate(types)
            )
        return self._columns

    @staticmethod
    def _told(piece: Piece, grid: Grid | None) -> tuple[NDArray[Any], ...]:
        """Source, target, weight and delay of the synapses of a piece."""
        p = piece.listed(state.dt, grid)
        assert isinstance(p.weight, np.ndarray) and isinstance(p.delay, np.ndarray)
        weight = grid.rounded(p.weight) if grid and grid.told else p.weight
        return p.i + p.at[0], p.j + p.at[1], weight, p.delay

    def forget(self) -> None:
        """Forget the list of synapses that was made to be looked at."""
        self._columns = None

    def change(self, name: str, place: int, value: float) -> None:
        """Set the weight or delay of one synapse."""
        self.pieces = tuple(
            p.listed(state.dt, state.grid(self, k)) for k, p in enumerate(self.pieces)
        )
        for k, p in enumerate(self.pieces):
            if place < len(p):
                changed = getattr(p, name).copy()
                changed[place] = value
                changed_piece = pc.replaced(p, name, changed)
                self.pieces = (*self.pieces[:k], changed_piece, *self.pieces[k + 1 :])
                break
            place -= len(p)
        self.forget()
        state.changed()

    def _get_attributes_as_list(self, names: Any) -> list[tuple[float, ...]]:
        every = dict(zip(_COLUMNS, self.columns(), strict=True))
        return list(zip(*(every[n].tolist() for n in names), strict=True))

    def _get_attributes_as_arrays(self, names: Any, multiple_synapses: str = "sum") -> list[Array]:
        every = dict(zip(_COLUMNS, self.columns(), strict=True))
        i, j = every["presynaptic_index"], every["postsynaptic_index"]
        return [_matrix(self.shape, i, j, every[n], multiple_synapses) for n in names]

    def _value_list_to_array(self, attributes: dict[str, Any]) -> dict[str, Any]:
        lists = [v for v in attributes.values() if isinstance(v, list) or np.ndim(v) == 1]
        return super()._value_list_to_array(attributes) if lists else attributes

    def _set_attributes(self, parameter_space: Any) -> None:
        for name, value in parameter_space.items():
            assert isinstance(value, LazyArray)
            self.pieces = tuple(self._changed(k, p, name, value) for k, p in enumerate(self.pieces))
        self.forget()
        state.changed()

    def _changed(self, k: int, p: Piece, name: str, value: Any) -> Piece:
        """A piece with other weights or delays."""
        found = pc.draw(value.base_value) if _plain((value,)) else None
        if found is not None and name == "weight":
            if found.shape == "constant":
                self._check(found.a)
            found = pc.signed(found, self.sign, self.flipped, float(np.prod(p.shape)))
        if found is not None and p.rule:
            return pc.replaced(p, name, found)
        p = p.listed(state.dt, state.grid(self, k))
        given = self._at(value, p.i + p.at[0], p.j + p.at[1])
        if name == "weight":
            self._check(given)
        return pc.replaced(p, name, given)


_COLUMNS = ("presynaptic_index", "postsynaptic_index", "weight", "delay")
_MEET = {"sum": np.add, "min": np.minimum, "max": np.maximum}


def _matrix(shape: tuple[int, int], i: Ints, j: Ints, value: Array, how: str) -> Array:
    """Values as a matrix, NaN where there is no synapse."""
    found = np.full(shape, np.nan)
    if how == "first":
        i, j, value = i[::-1], j[::-1], value[::-1]
    if how not in _MEET:
        found[i, j] = value
        return found
    found[i, j] = {"sum": 0.0, "min": np.inf, "max": -np.inf}[how]
    _MEET[how].at(found, (i, j), value)
    return found


def _plain(values: tuple[Any, ...]) -> bool:
    """Whether lazy values are numbers, distributions, matrices or functions of distance."""
    return not any(v.operations or isinstance(v.base_value, IndexBasedExpression) for v in values)


def _group(population: Any, rows: Ints | None) -> Any:
    return population if rows is None else population[rows]


def _meeting(pre: Any, rows: Any, post: Any, columns: Any) -> str:
    """Whether two groups of cells are "same", "apart" or share only some."""
    if pre is not post:
        return "apart"
    a, b = (np.arange(p.size) if r is None else r for p, r in ((pre, rows), (post, columns)))
    if np.array_equal(a, b):
        return "same"
    return "partly" if np.intersect1d(a, b).size else "apart"


def _mixed(*numbers: int) -> int:
    """One seed out of several numbers."""
    made = np.random.SeedSequence([n & 0xFFFFFFFF for n in numbers])
    return int(made.generate_state(1, np.uint64)[0] >> np.uint64(1))
