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
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common

from mossy.chips import chip as find_chip
from mossy.chips import names
from mossy.chips.chip import Chip
from mossy.errors import UnsupportedNode
from mossy.pynn import network, registers, sources
from mossy.pynn.cells import SpikeSourceArray
from mossy.pynn.network import Built
from mossy.pynn.pieces import Grid
from mossy.pynn.results import Ran, results
from mossy.pynn.sources import Events
from mossy.twin import Fault
from mossy.twin.bill.meter import Meter
from mossy.twin.live import Live, Watched
from mossy.twin.result import Result

name = "mossy"  # what PyNN writes into recorded data
IN_CACHE = 1 << 18  # spikes of sources
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
        self.tick: float | None = None  # seconds
        self.precision, self.threads, self.seed = "single", os.cpu_count() or 1, 0
        self.faults: tuple[Fault, ...] = ()  # steps and times count from time 0
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
        self._ran: Built | None = None  # the network that runs
        self._runs: list[Ran] = []
        # spikes of late, by population; of what a chip put in, by name
        self._sent: dict[int | str, list[Events]] = {}
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
                self.populations, self.projections, chip, self.precision, self.dt, self.tick
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
        if built is None or built.noise(population) or built.livelier(population):
            self.changed()
            return
        inside = built.name(population)
        if inside is None or not network.neurons(population):
            return
        now = registers.again(built, population, inside, self.dt)
        if now is None:
            self.changed()
        elif self._live is not None and self._live.program is built.program:
            self._live.tune(inside, now.params)

    # ---------------------------------------------------------------------- running
    def run(self, time: float) -> None:
        """Run for some ms."""
        self.run_until(self.t + time)

    def run_until(self, stop: float) -> None:
        """Run to a time in ms."""
        end = round(stop / self.dt)
        self.running = True
        self._ready()
        if self._live is not None and self._ran is not None:
            live, threads = self._live, self._threads()
            ran = Ran(live.program, self._ran.chip, threads, self.step + 1, live.faults)
            self._runs.append(ran)
        while self.step < end:
            self._inject()
            changes = [c.next_change(self.step + 1) for c in self.currents]
            stops = [c - 1 for c in changes if c is not None]
            self._piece(min([end, self.step + self._most(), *stops]))

    def _most(self) -> int:
        """Steps of a piece at most, so that its spikes from outside stay in the cache."""
        drawn = (p for p in self.populations if "rate" in p.parameters and self._wanted(p))
        mean = sum(float(p.parameters["rate"].sum()) for p in drawn) * self.dt * 1e-3
        return max(1, int(IN_CACHE / max(mean, 1.0)))

    def _wanted(self, source: Any) -> bool:
        """Whether the spikes of a source are asked for, by the network or by the script."""
        inside = self._built is not None and self._built.name(source) is not None
        return inside or source.recorder.counts_spikes

    def _ready(self) -> None:
        """Have a network that is what the script says, with what was under way in the old one."""
        built, live = self.built(), self._live
        for r in self.recorders:
            r.note()
        if built is None or (live is not None and live.program is built.program):
            return
        for text in built.coarse:
            warnings.warn(text, stacklevel=4)
        now_on = self.step + 1
        new = Live(built.program, threads=self._threads(), step=now_on, faults=self.faults)
        for p in self.populations:
            inside = built.name(p)
            if inside is not None and network.neurons(p):
                now = registers.again(built, p, inside, self.dt)
                assert now is not None, "the network is not what was built"
                new.tune(inside, now.params)
                new.put(inside, now.state)
        if live is not None and self._ran is not None:
            self._inherit(live, self._ran, new, built)
        self._live, self._ran = new, built

    def _threads(self) -> int:
        size = sum(p.size for p in self.populations if network.neurons(p))
        return 1 if size <= ONE_THREAD else self.threads

    def results(self) -> tuple[Result, ...]:
        """Return a result of each run since the beginning, or since the last reset."""
        return results([r for r in self._runs if r.steps])

    def _inherit(self, old: Live, ran: Built, new: Live, built: Built) -> None:
        """Give the registers and the spikes of late of one network to the next."""
        spikes = {}
        for p in self.populations:
            was, now = ran.name(p), built.name(p)
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
                pair = ran.quantised[was], built.quantised[now]
                new.put(now, registers.carried(*pair, before))
            if now is not None and id(p) in self._sent:
                spikes[now] = _joined(self._sent[id(p)])
        sizes = [{p.name: p.shape for p in live.program.populations} for live in (old, new)]
        for held in (k for k in self._sent if isinstance(k, str)):
            if sizes[0].get(held) == sizes[1].get(held):
                spikes[held] = _joined(self._sent[held])
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
            ahead = self._built.ahead
            found = {k: (step + ahead, neuron) for k, (step, neuron) in found.items()}
            fed = {inside[k]: e for k, e in found.items() if k in inside}
            with Meter() as meter:
                piece = self._live.run(end - first + 1, fed)
            self._runs[-1].add(end - first + 1, fed | piece.events, meter.seconds, meter.joules)
            found |= {k: piece.events[n] for k, n in inside.items() if n in piece.events}
            fields = piece.fields
            held = {k: e for k, e in piece.events.items() if k not in inside.values()}
            self._remember(found, end - self._live.reach)
            self._remember(held, end - self._live.reach)
            found = {k: (step - ahead, neuron) for k, (step, neuron) in found.items()}
        for p in self.populations:
            times = given.get(id(p))
            exact = times[2] if times is not None and len(times) > 2 else None
            p.recorder.take(first, end, found.get(id(p)), exact, self._signals(p, fields))

    def _signals(self, p: Any, fields: dict[tuple[str, str], Any]) -> dict[str, Any]:
        """What was recorded of a population: (steps, cells) by variable, in SI units."""
        built = self._built
        inside = built.name(p) if built is not None else None
        if built is None or inside is None or not network.neurons(p):
            return {}
        q, found = built.quantised[inside], {}
        for variable, cells in p.recorder.variables().items():
            field, per = registers.unit(q, variable) or ("", 1.0)
            if (inside, field) in fields:
                each = per[cells] if isinstance(per, np.ndarray) else per
                found[variable] = fields[inside, field] / each
        return found

    def _remember(self, found: Mapping[Any, Events], since: int) -> None:
        """Keep the spikes that may still be under way."""
        for k, events in found.items():
            step, neuron = _joined([*self._sent.get(k, []), events])
            late = step >= since
            self._sent[k] = [(step[late], neuron[late])]

    def _watched(self, inside: dict[int, str]) -> Watched:
        assert self._built is not None
        found: Watched = {}
        for r in self.recorders:
            name = inside.get(id(r.population))
            if name is None:
                continue
            for variable, cells in r.variables().items():
                unit = registers.unit(self._built.quantised[name], variable)
                if unit is not None:
                    found[name, unit[0]] = cells
        return found

    def _from_outside(self, p: Any, first: int, end: int) -> tuple[Any, ...] | None:
        """Spikes of a source in the steps first .. end: step and neuron, and exact times if any."""
        if network.neurons(p):
            return None
        if isinstance(p.celltype, SpikeSourceArray):
            step, neuron, time = p.times(self.dt)
            here = (step >= (first if first > 1 else 0)) & (step <= end)
            return step[here], neuron[here], time[here]
        late = self._built.late.get(id(p), 0) if self._built else 0
        if not self._wanted(p):
            return None
        mean = p.parameters["rate"] * self.dt * 1e-3
        step, neuron = sources.poisson(mean, p.seed, first + late, end + late + 1)
        on = p.parameters["start"], p.parameters["duration"]
        return sources.during((step - late, neuron), *on, self.dt)

    def value(self, population: Any, variable: str) -> NDArray[np.float64]:
        """Return a variable of all cells of a population as it is now, in PyNN's units."""
        inside = self._ran.name(population) if self._ran is not None else None
        if inside is None or self._live is None or self._ran is None:
            return np.asarray(population.initial[variable], float)
        form, q = population.celltype.form, self._ran.quantised[inside]
        now = registers.read(q, form.registers[variable][0], self._live.registers(inside))
        return np.asarray(form.outside(variable, now, population.zero()))

    def put(self, population: Any, variable: str, value: NDArray[np.float64]) -> None:
        """Set a variable of all cells of a population in the running network."""
        live, ran, form = self._live, self._ran, population.celltype.form
        inside = ran.name(population) if ran is not None else None
        if live is None or ran is None or inside is None or variable not in form.registers:
            return
        now, given = live.registers(inside), form.inside(variable, value, population.parameters)
        registers.write(ran.quantised[inside], form.registers[variable][0], now, given)
        live.put(inside, now)


def _joined(events: list[Events]) -> Events:
    step, neuron = (np.concatenate([e[k] for e in events]) for k in (0, 1))
    return step, neuron


def default_chip() -> Chip:
    """Return the platform that is this computer: the one whose time is measured."""
    return next(c for c in map(find_chip, names()) if c.spec["timing"]["kind"] == "measured")


state = State()
