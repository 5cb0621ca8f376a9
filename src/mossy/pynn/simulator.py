"""The state of a script: what it has made, and the network that runs.

PyNN's common code knows a backend by a module with `state`, `ID` and `name`. Steps are numbered
from 1: step k takes the neurons from (k - 1) dt to k dt. A run goes on where the last one ended,
piece by piece: a new piece begins where an injected current changes. What the script changes in
between is taken over: parameters go into the running network; other synapses or other populations
make a new one, which inherits registers and the spikes that are under way.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common

from mossy.chips import chip as find_chip
from mossy.chips import names
from mossy.chips.chip import Chip
from mossy.errors import UnsupportedNode
from mossy.pynn import network, sources
from mossy.pynn.cells import SpikeSourceArray
from mossy.pynn.network import Built
from mossy.pynn.pieces import Grid
from mossy.pynn.sources import Events
from mossy.twin.live import Live, Watched

name = "mossy"  # what PyNN writes into recorded data
ONE_THREAD = 2000  # neurons that one thread is enough for


class ID(int, common.IDMixin):
    """A cell, as PyNN numbers it."""

    def __init__(self, n: int) -> None:
        int.__init__(n)
        common.IDMixin.__init__(self)


class State(common.control.BaseState):
    """What a script has made and how far it has run. dt, shortest and longest delay: ms."""

    mpi_rank, num_processes = 0, 1

    def __init__(self) -> None:
        super().__init__()
        self.dt, self.shortest, self.longest = 0.1, "auto", "auto"
        self.chip: Chip | None = None
        self.precision, self.threads, self.seed = "single", os.cpu_count() or 1, 0
        self.clear()

    def clear(self) -> None:
        """Forget everything that a script has made."""
        self.recorders: set[Any] = set()
        self.id_counter, self.segment_counter = 0, -1
        self.populations: list[Any] = []
        self.projections: list[Any] = []
        self.currents: list[Any] = []
        self._built: Built | None = None
        self.reset()

    def reset(self) -> None:
        """Go back to time 0: registers as they were at first, nothing under way."""
        self.running, self.t_start, self.step = False, 0, 0
        self.segment_counter += 1
        self._live: Live | None = None
        self._inside: dict[int, str] = {}  # the names in the running network
        self._sent: dict[int, list[Events]] = {}  # spikes of late, by population
        for r in self.recorders:
            r.begin()
        for p in self.populations:
            p.injected = 0.0

    @property
    def t(self) -> float:
        """The time in ms."""
        return self.step * self.dt

    # ---------------------------------------------------------------------- the network
    def changed(self) -> None:
        """Note that the network is no longer what was built."""
        self._built = None

    def built(self) -> Built | None:
        """Return the network as it is now; None while it has no neurons."""
        if self._built is None and self.populations:
            chip = self.chip or default_chip()
            self._built = network.build(
                self.populations, self.projections, chip, self.precision, self.dt
            )
            for p in self.projections:
                p.forget()
        return self._built

    def grid(self, projection: Any, piece: int) -> Grid | None:
        """Return the whole numbers that the weights of a piece of a projection become."""
        built = self.built() if projection in self.projections else None
        return network.grid(built, projection, piece) if built else None

    @property
    def min_delay(self) -> float:
        """The shortest delay in ms: as set, or the shortest there is."""
        return self._delay(self.shortest, "min_delay", min)

    @property
    def max_delay(self) -> float:
        """The longest delay in ms: as set, or the longest there is."""
        return self._delay(self.longest, "max_delay", max)

    def _delay(self, asked: Any, which: str, pick: Any) -> float:
        if asked != "auto":
            return float(asked)
        every = [w.recipe(self.dt, 1.0) for j in self.projections for w in j.pieces if len(w)]
        return float(pick(getattr(r, which) for r in every) * self.dt) if every else self.dt

    def tuned(self, population: Any) -> None:
        """Take over the parameters of a population, into the running network if there is one."""
        built = self._built
        if built is None or id(population) in built.noise:
            self.changed()
            return
        inside = built.name(population)
        if inside is None or not network.neurons(population):
            return
        params = network.tuned(built, population, inside, self.dt)
        if params is None:
            self.changed()
        elif self._live is not None and self._live.program is built.program:
            self._live.tune(inside, params)

    # ---------------------------------------------------------------------- running
    def run(self, time: float) -> None:
        """Run for some ms."""
        self.run_until(self.t + time)

    def run_until(self, stop: float) -> None:
        """Run to a time in ms."""
        end = round(stop / self.dt)
        self.running = True
        self._ready()
        while self.step < end:
            self._inject()
            changes = [c.next_change(self.step + 1) for c in self.currents]
            self._piece(min([end, *(c - 1 for c in changes if c is not None)]))

    def _ready(self) -> None:
        """Have a network that is what the script says, with what was under way in the old one."""
        built, live = self.built(), self._live
        for r in self.recorders:
            r.note()
        if built is None or (live is not None and live.program is built.program):
            return
        for text in built.coarse:
            warnings.warn(text, stacklevel=4)
        size = sum(p.size for p in self.populations if network.neurons(p))
        threads = 1 if size <= ONE_THREAD else self.threads
        new = Live(built.program, threads=threads, step=self.step + 1)
        for p in self.populations:
            inside = built.name(p)
            if inside is not None and network.neurons(p):
                params = network.tuned(built, p, inside, self.dt)
                assert params is not None, "the network is not what was built"
                new.tune(inside, params)
                new.put(inside, network.registers(built, p, inside))
        if live is not None:
            self._inherit(live, new, built)
        self._live, self._inside = new, dict(built.names)

    def _inherit(self, old: Live, new: Live, built: Built) -> None:
        """Give the registers and the spikes of late of one network to the next."""
        spikes = {}
        for p in self.populations:
            was, now = self._inside.get(id(p)), built.name(p)
            if was is not None and now is not None and network.neurons(p):
                before, after = old.registers(was), new.registers(now)
                if before.dtype != after.dtype:
                    raise UnsupportedNode(
                        "E0271",
                        "one current cannot be parted into two in the middle of a run",
                        where=f"population {now}",
                        got="a time constant of one synapse changed",
                        hint="make tau_syn_E and tau_syn_I differ before the first run, if only "
                        "by little",
                    )
                new.put(now, before)
            if now is not None and id(p) in self._sent:
                spikes[now] = _joined(self._sent[id(p)])
        new.replay(spikes)

    def _inject(self) -> None:
        """Set the currents that flow in the next step."""
        flowing: dict[int, tuple[Any, NDArray[np.float64]]] = {}
        for c in self.currents:
            for p, cells in c.targets:
                found = flowing.setdefault(id(p), (p, np.zeros(p.size)))[1]
                np.add.at(found, cells, c.during(self.step + 1) * 1e-9)
        for p, current in flowing.values():
            if not np.array_equal(np.broadcast_to(p.injected, p.size), current):
                p.injected = current
                self.tuned(p)

    def _piece(self, end: int) -> None:
        """Run to the end of a step, and hand out what was found."""
        first, self.step = self.step + 1, end
        given = {id(p): self._from_outside(p, first, end) for p in self.populations}
        found: dict[int, Events] = {k: (e[0], e[1]) for k, e in given.items() if e is not None}
        fields = {}
        if self._live is not None and self._built is not None:
            inside = {id(p): n for p in self.populations if (n := self._built.name(p))}
            self._live.watch(self._watched(inside))
            fed = {inside[k]: e for k, e in found.items() if k in inside}
            piece = self._live.run(end - first + 1, fed)
            found |= {k: piece.events[n] for k, n in inside.items() if n in piece.events}
            fields = piece.fields
            self._remember(found, end - self._live.reach)
        for p in self.populations:
            wide = {
                f: v for (n, f), v in fields.items() if self._built and n == self._built.name(p)
            }
            times = given.get(id(p))
            exact = times[2] if times is not None and len(times) > 2 else None
            p.recorder.take(first, end, found.get(id(p)), exact, wide)

    def _remember(self, found: dict[int, Events], since: int) -> None:
        """Keep the spikes that may still be under way."""
        for k, events in found.items():
            step, neuron = _joined([*self._sent.get(k, []), events])
            late = step >= since
            self._sent[k] = [(step[late], neuron[late])]

    def _watched(self, inside: dict[int, str]) -> Watched:
        return {
            (inside[id(r.population)], field): cells
            for r in self.recorders
            if id(r.population) in inside
            for field, cells in r.registers().items()
        }

    def _from_outside(self, p: Any, first: int, end: int) -> tuple[Any, ...] | None:
        """Spikes of a source in the steps first .. end: step and neuron, and exact times if any."""
        if network.neurons(p):
            return None
        if isinstance(p.celltype, SpikeSourceArray):
            step, neuron, time = p.times(self.dt)
            here = (step >= (first if first > 1 else 0)) & (step <= end)
            return step[here], neuron[here], time[here]
        late = self._built.noise.get(id(p), 0) if self._built else 0
        wanted = p.recorder.counts_spikes or (self._built is not None and self._built.name(p))
        if not wanted:
            return None
        mean = p.parameters["rate"] * self.dt * 1e-3
        step, neuron = sources.poisson(mean, p.seed, first + late, end + late + 1)
        on = p.parameters["start"], p.parameters["duration"]
        return sources.during((step - late, neuron), *on, self.dt)

    def value(self, population: Any, variable: str) -> NDArray[np.float64]:
        """Return a variable of all cells of a population as it is now, in PyNN's units."""
        inside = self._inside.get(id(population)) if self._live is not None else None
        if inside is None or self._live is None:
            return np.asarray(population.initial[variable], float)
        form = population.celltype.form
        register = self._live.registers(inside)[form.registers[variable][0]]
        return np.asarray(form.outside(variable, register, population.zero()))

    def put(self, population: Any, variable: str, value: NDArray[np.float64]) -> None:
        """Set a variable of all cells of a population in the running network."""
        inside = self._inside.get(id(population)) if self._live is not None else None
        form = population.celltype.form
        if inside is None or self._live is None or variable not in form.registers:
            return
        registers = self._live.registers(inside)
        field = form.registers[variable][0]
        if field in (registers.dtype.names or ()):
            registers[field] = form.inside(variable, value, population.parameters)
            self._live.put(inside, registers)


def _joined(events: list[Events]) -> Events:
    step, neuron = (np.concatenate([e[k] for e in events]) for k in (0, 1))
    return step, neuron


def default_chip() -> Chip:
    """Return the platform that is this computer: the one whose time is measured."""
    return next(c for c in map(find_chip, names()) if c.spec["timing"]["kind"] == "measured")


state = State()
