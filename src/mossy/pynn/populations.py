"""Populations, views of them and assemblies, on PyNN's common code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common
from pyNN.errors import InvalidParameterValueError
from pyNN.parameters import LazyArray, ParameterSpace, simplify
from pyNN.random import RandomDistribution

from mossy.errors import UnsupportedNode
from mossy.pynn import simulator, sources
from mossy.pynn.cells import CELLS, SOURCES
from mossy.pynn.recording import Recorder
from mossy.pynn.simulator import state

Array = NDArray[np.float64]
SEEDS = 0x9E3779B97F4A7C15  # golden ratio: seeds of neighbours differ in all bits


class Assembly(common.Assembly):
    """A group of populations and views."""

    _simulator = simulator

    @property
    def receptor_types(self) -> list[str]:
        """Receptors that all of it has, in the first one's order: a set has another every time."""
        shared = set(super().receptor_types)
        return [r for r in self.populations[0].celltype.receptor_types if r in shared]


class _Cells:
    """What a population and a view have in common. cells: which ones, of `whole`."""

    def _whole(self) -> tuple[Any, Any]:
        raise NotImplementedError

    def _get_parameters(self, *names: str) -> Any:
        whole, cells = self._whole()
        found = {n: simplify(whole.parameters[n][cells]) for n in names}
        return ParameterSpace(found, whole.celltype.get_schema(), (len(self.all_cells),))  # type: ignore[attr-defined]

    def _get_native_parameters(self, *names: str) -> Any:
        return self._get_parameters(*names)

    def _set_parameters(self, space: Any) -> None:
        whole, cells = self._whole()
        space.evaluate(simplify=False)
        for name, value in space.items():
            _in_order(name, value)
            changed = whole.parameters[name].copy()
            changed[cells] = value
            whole.parameters[name] = changed
        whole.forget_times()
        state.tuned(whole)

    def _set_initial_value_array(self, variable: str, value: Any) -> None:
        whole, cells = self._whole()
        drawn = np.asarray(value.evaluate(simplify=False), float)
        if isinstance(value.base_value, RandomDistribution):
            value.base_value, value.operations = drawn, []  # what was drawn is what is reported
        changed = np.array(whole.initial.get(variable, np.zeros(whole.size)))
        changed[cells] = drawn
        whole.initial[variable] = changed
        if state.running and hasattr(whole.celltype, "form"):
            now = state.value(whole, variable) if variable in whole.celltype.form.registers else 0
            now = np.array(np.broadcast_to(now, whole.size))
            now[cells] = drawn
            state.put(whole, variable, now)

    def _get_view(self, selector: Any, label: str | None = None) -> PopulationView:
        return PopulationView(self, selector, label)


class PopulationView(_Cells, common.PopulationView):
    """Some of the cells of a population."""

    _simulator = simulator
    _assembly_class = Assembly

    def _whole(self) -> tuple[Any, Any]:
        return self.grandparent, self.index_in_grandparent(np.arange(self.size))

    def initialize(self, **initial_values: Any) -> None:
        """Set state variables of these cells."""
        for variable, value in initial_values.items():
            lazy = LazyArray(value, shape=(self.size,), dtype=float)
            self._set_initial_value_array(variable, lazy)


class Population(_Cells, common.Population):
    """Cells of one type; see PyNN's own documentation."""

    _simulator = simulator
    _recorder_class = Recorder
    _assembly_class = Assembly

    def _create_cells(self) -> None:
        if not isinstance(self.celltype, (*CELLS, *SOURCES)):
            raise UnsupportedNode(
                "E0268",
                "not a cell type of this backend",
                where=f"population {self.label}",
                got=type(self.celltype).__name__,
                allowed=", ".join(c.__name__ for c in (*CELLS, *SOURCES)),
                hint="import the cell types from mossy.pynn",
            )
        first = state.id_counter
        self.all_cells = np.array(
            [simulator.ID(i) for i in range(first, first + self.size)], simulator.ID
        )
        for cell in self.all_cells:
            cell.parent = self
        self._mask_local = np.ones(self.size, bool)
        space = self.celltype.native_parameters
        space.shape = (self.size,)
        space.evaluate(simplify=False)
        self.parameters: dict[str, NDArray[Any]] = {
            k: np.array(np.broadcast_to(v, self.size)) for k, v in space.as_dict().items()
        }
        for name, value in self.parameters.items():
            _in_order(name, value)
        self.initial: dict[str, Array] = {}
        self.injected: Array | float = 0.0  # amperes, from current sources
        self.seed = (SEEDS * (1 + len(state.populations)) + state.seed) & ((1 << 62) - 1)
        self._times: Any = None
        state.id_counter += self.size
        state.populations.append(self)
        state.changed()

    def _whole(self) -> tuple[Any, Any]:
        return self, slice(None)

    def zero(self) -> Array | float:
        """Return what V is relative to, mV."""
        rest = self.celltype.form.rest
        return self.parameters[rest] if rest else 0.0

    def times(self, dt: float) -> tuple[Any, Any, Any]:
        """Return step, neuron and time in ms of the spikes that a source was given."""
        if self._times is None:
            self._times = sources.listed(self.parameters["spike_times"], dt)
        return self._times  # type: ignore[no-any-return]

    def forget_times(self) -> None:
        """Have the times of the spikes read again."""
        self._times = None


def _in_order(name: str, value: Any) -> None:
    """Raise PyNN's InvalidParameterValueError where spike times do not rise."""
    if name != "spike_times":
        return
    for train in np.atleast_1d(value):
        if (np.diff(train.value) < 0).any():
            raise InvalidParameterValueError(
                f"Spike times given to SpikeSourceArray must be in increasing order; got "
                f"{train.value[:8].tolist()}"
            )
