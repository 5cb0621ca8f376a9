"""What is recorded: spikes and registers, handed to PyNN's own code that makes Neo blocks of them.

A signal has the value at its start and one for each sampling interval after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import recording

from mossy.pynn import simulator
from mossy.pynn.simulator import state
from mossy.pynn.sources import Events

Ints = NDArray[np.int64]
Array = NDArray[np.float64]
SPIKES = recording.Variable("spikes", None, None)


class Recorder(recording.Recorder):
    """The recordings of one population."""

    _simulator = simulator

    def __init__(self, population: Any, file: Any = None) -> None:
        super().__init__(population, file)
        self.begin()

    def begin(self) -> None:
        """Forget what was recorded, and begin again here."""
        self._start = state.step
        self._first: dict[str, Array] = {}
        self._spikes: list[tuple[Array, Ints]] = []
        self._signals: dict[str, list[tuple[int, Ints, Array]]] = {}

    # PyNN's hooks
    def _record(self, variable: Any, new_ids: Any, sampling_interval: float | None = None) -> None:
        if variable != SPIKES:
            self.sampling_interval = sampling_interval or state.dt

    def _reset(self) -> None:
        self.begin()

    def _clear_simulator(self) -> None:
        self.begin()

    def _get_spiketimes(self, ids: Any, clear: bool = False) -> tuple[Ints, Array]:
        time = np.concatenate([np.zeros(0), *(t for t, _ in self._spikes)])
        cell = np.concatenate([np.zeros(0, np.int64), *(i for _, i in self._spikes)])
        wanted = np.zeros(self.population.size, bool)
        wanted[self._indices(ids)] = True
        here = wanted[cell]
        return cell[here] + int(self.population.first_id), time[here]

    def _get_all_signals(self, variable: Any, ids: Any, clear: bool = False) -> tuple[Array, None]:
        every = self._every
        found = np.full(((state.step - self._start) // every + 1, len(ids)), np.nan)
        cells = self._indices(ids)
        found[0] = self._at_first(variable.name)[cells]
        for first, recorded, values in self._signals.get(variable.name, ()):
            steps = np.arange(first, first + len(values))
            row = (steps - self._start) // every
            kept = (steps - self._start) % every == 0
            column = np.searchsorted(recorded, cells)
            known = np.isin(cells, recorded)
            found[np.ix_(row[kept], known)] = values[np.ix_(kept, column[known])]
        return found, None

    def _local_count(self, variable: Any, filter_ids: Any = None) -> dict[int, int]:
        ids = sorted(self.filter_recorded(variable, filter_ids))
        cell, _ = self._get_spiketimes(ids)
        each = np.bincount(cell - int(self.population.first_id), minlength=self.population.size)
        return {int(i): int(each[self.population.id_to_index(i)]) for i in ids}

    # what the simulator asks and hands over
    @property
    def _every(self) -> int:
        """Steps from one sample to the next."""
        return max(1, round(self.sampling_interval / state.dt))

    def _indices(self, ids: Any) -> Ints:
        first = int(self.population.first_id)
        return np.array([int(i) - first for i in ids], np.int64)

    @property
    def counts_spikes(self) -> bool:
        """Whether spikes are recorded at all."""
        return bool(self.recorded.get(SPIKES))

    def variables(self) -> dict[str, Ints]:
        """Return which variables of which cells are recorded, by the model's names."""
        form = getattr(self.population.celltype, "form", None)
        return {
            form.registers[v.name][0]: np.sort(self._indices(ids))
            for v, ids in self.recorded.items()
            if form and ids and v != SPIKES
        }

    def note(self) -> None:
        """Keep the values with which a recording begins; called before each run."""
        if state.step == self._start:
            self._first = {v.name: self._now(v.name) for v in self.recorded if v != SPIKES}

    def _now(self, variable: str) -> Array:
        return state.value(self.population, variable)

    def _at_first(self, variable: str) -> Array:
        """Values at the beginning; NaN if recording began later."""
        if variable in self._first:
            return self._first[variable]
        if state.step == self._start:
            return self._now(variable)
        return np.full(self.population.size, np.nan)

    def take(
        self,
        first: int,
        end: int,
        events: Events | None,
        exact: Array | None,
        fields: dict[str, NDArray[Any]],
    ) -> None:
        """Keep what the steps first .. end gave.

        exact: the times of the events in ms. fields: (steps, cells) by variable, in SI units.
        """
        if events is not None and self.counts_spikes:
            exact = events[0].astype(float) * state.dt if exact is None else exact
            self._spikes.append((np.asarray(exact, float), events[1]))
        if not fields:
            return
        form, cells = self.population.celltype.form, self.variables()
        for v in self.recorded:
            field = form.registers[v.name][0] if v != SPIKES else None
            if field is not None and field in fields:
                zero = np.broadcast_to(self.population.zero(), self.population.size)
                given = form.outside(v.name, fields[field], zero[cells[field]])
                self._thin(v.name, first, cells[field], given)

    def _thin(self, variable: str, first: int, cells: Ints, values: Array) -> None:
        """Keep the samples of a signal, one piece for each run of steps."""
        every = self._every
        skip = -(first - self._start) % every
        if every == 1:
            self._signals.setdefault(variable, []).append((first, cells, values))
            return
        for k in range(skip, len(values), every):
            self._signals.setdefault(variable, []).append((first + k, cells, values[k : k + 1]))
