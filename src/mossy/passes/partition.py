"""Partition: cut populations into slices that each fit a core, in memory and in time.

Every limit comes from the chip's rules, among them the predicted cycles of a busy step, so a slice
is small enough to meet its tick and not just small enough to fit. A population is cut into equal
runs of neurons; the number of runs grows until the worst one fits. Fan-out limits depend on how the
targets were cut, so the populations are visited from the outputs backwards until nothing changes.

Before: quantised populations. After: `Slice`s in population order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.quantised import CoreLoad, Limit, Quantised, Synapses
from mossy.errors import DoesNotFit
from mossy.network.populations import Conv, Population, Populations
from mossy.network.recipe import Recipe
from mossy.passes.connectivity import Connectivity
from mossy.passes.options import Options
from mossy.passes.rows import in_shared_memory, longest
from mossy.passes.travel import routing


@dataclass(frozen=True, eq=False)
class Slice:
    """Neurons lo .. hi of a population, on one core. load: what they ask of it."""

    population: str
    role: str
    lo: int
    hi: int
    load: CoreLoad


def partition(
    populations: Populations,
    quantised: dict[str, Quantised],
    chip: Chip,
    options: Options,
    activity: dict[str, float],
) -> tuple[Slice, ...]:
    """Return the slices. activity: share of neurons that spike in a busy step, by population.

    Raises DoesNotFit E0301 where not even a single neuron fits a core.
    """
    planner = _Planner(populations, quantised, chip, options, activity)
    return planner.plan()


class _Planner:
    def __init__(
        self,
        populations: Populations,
        quantised: dict[str, Quantised],
        chip: Chip,
        options: Options,
        activity: dict[str, float],
    ) -> None:
        self.populations, self.quantised = populations, quantised
        self.chip, self.options, self.activity = chip, options, activity
        self.links = Connectivity(quantised)
        self.shared = in_shared_memory(chip, options)
        self.routing = routing(chip, options)
        self.cuts: dict[str, int] = {
            p.name: populations.cuts.get(p.name, 1) for p in populations.populations
        }

    def plan(self) -> tuple[Slice, ...]:
        order = sorted(self.populations.populations, key=lambda p: -p.depth)
        changed = True
        while changed:
            changed = False
            for p in order:
                count = self._enough(p)
                changed |= count != self.cuts[p.name]
                self.cuts[p.name] = count
        return tuple(
            Slice(p.name, _role(p), lo, hi, self._load(p, lo, hi))
            for p in self.populations.populations
            for lo, hi in bounds(p.n, self.cuts[p.name])
        )

    def _enough(self, p: Population) -> int:
        """Smallest number of cuts, at least today's, with which every slice fits."""
        count = self.cuts[p.name]
        if self.options.neurons_per_core and getattr(self.chip.rules, "CUT", True):
            count = max(count, -(-p.n // self.options.neurons_per_core))
        on_host = p.model == "source" and self.chip.spec["input"]["on"] == "host"
        while True:
            worst = max(
                (self._worst(p, lo, hi) for lo, hi in bounds(p.n, count)),
                key=lambda found: found[0],
            )
            if worst[0] <= 1 or on_host:
                return count
            if count >= p.n or not getattr(self.chip.rules, "CUT", True):
                raise self._too_big(p, worst[1], count)
            # what a slice needs is at best proportional to its length, so this never overshoots
            count = min(p.n, max(count + 1, int(count * worst[0])))
            self.links.forget(p.name)

    def _worst(self, p: Population, lo: int, hi: int) -> tuple[float, Limit | None]:
        load = self._load(p, lo, hi)
        limits = [self._left(limit) for limit in self.chip.rules.limits(load, self.chip.facts)]
        shares = [(limit.used / limit.allowed, limit) for limit in limits]
        return max(shares, key=lambda s: s[0]) if shares else (0.0, None)

    def _left(self, limit: Limit) -> Limit:
        """Return the limit with what the options leave of it."""
        if not limit.name.startswith("cycles"):
            return limit
        tick = float(self.chip.facts["tick"])
        share = self.options.headroom * (self.options.tick or tick) / tick
        return dataclasses.replace(limit, allowed=limit.allowed * share)

    def _too_big(self, p: Population, limit: Limit | None, count: int) -> DoesNotFit:
        assert limit is not None
        over = limit.used / limit.allowed
        what = "one neuron alone" if count >= p.n else "a population, which cannot be cut here,"
        return DoesNotFit(
            "E0301",
            f"{what} exceeds the limit of a core by {over - 1:.0%}: {limit.name}{_most(limit)}",
            where=f"{self.chip.name}, population {p.name}",
            got=f"{limit.used:g}",
            allowed=f"{limit.allowed:g}",
            hint=limit.hint,
        )

    def _load(self, p: Population, lo: int, hi: int) -> CoreLoad:
        if p.model == "source":
            out = self._out_axons(p, lo, hi)
            busy = (hi - lo) * self.activity[p.name]
            targets = self._targets(p, lo, hi)
            return CoreLoad(
                "source",
                "source",
                0,
                hi - lo,
                out_axons=out,
                neuron_updates=busy,
                targets=targets,
                copies=busy * max(targets - 1, 0),
            )
        q = self.quantised[p.name]
        synapses = rows = kernel_bytes = sources = in_axons = shared = widest = 0
        packets = events = 0.0
        axons, targets = self.routing == "axons", self._targets(p, lo, hi)
        for source in dict.fromkeys(s.source for s in q.incoming):
            reached = self.links.reached(p.name, source, lo, hi)
            in_axons += int(reached.sum())
            senders, sends = self._heard(source, reached)
            sources += senders
            sends = int(reached.sum()) if axons else sends
            packets += sends * self.activity[source]
            kept_as_rows = False
            for s in (s for s in q.incoming if s.source == source):
                here = self.links.synapses(s.weight, lo, hi)
                events += here * self.activity[source]
                if isinstance(s.weight, Conv):
                    kernel_bytes += restrict(s.weight, lo, hi)[0].nbytes // s.weight.weight.itemsize
                else:
                    synapses += here
                    kept_as_rows = True
            rows += sends if kept_as_rows else 0
            if self.shared:
                each = longest(self.links, p.name, source, lo, hi)
                strides = [self.chip.rules.stride(words, q.word.bits) for words in each]
                shared, widest = shared + sends * sum(strides), max(widest, *strides, 0)
        return CoreLoad(
            "neurons",
            q.model,
            2 if q.params.dtype.names and "inh_decay" in q.params.dtype.names else 1,
            hi - lo,
            q.params.dtype.itemsize + q.state.dtype.itemsize,
            q.word.bits,
            synapses,
            rows,
            kernel_bytes,
            sources,
            max((self._field(s) for s in q.incoming), default=0),
            in_axons,
            self._out_axons(p, lo, hi),
            self._profiles(q, lo, hi),
            float(hi - lo),
            packets,
            events,
            tuple(
                (*s.weight.weight.shape, *s.weight.out_shape[1:])
                for s in q.incoming
                if isinstance(s.weight, Conv)
            ),
            shared,
            widest,
            targets,
            (hi - lo) * self.activity[p.name] * max(targets - 1, 0),
        )

    def _heard(self, source: str, reached: NDArray[np.bool_]) -> tuple[int, int]:
        """Return how many slices of `source` send here, and how many neurons those have."""
        edges = np.array(bounds(reached.size, self.cuts[source]))
        heard = np.logical_or.reduceat(reached, edges[:, 0])
        return int(heard.sum()), int((edges[:, 1] - edges[:, 0])[heard].sum())

    def _field(self, s: Synapses) -> int:
        """Largest delay field; a recipe says how many steps, the chip's latency included."""
        return s.max_delay - self.chip.latency * isinstance(s.weight, Recipe)

    def _profiles(self, q: Quantised, lo: int, hi: int) -> int:
        fields = list(getattr(self.chip.rules, "PROFILE", ()))
        return len(np.unique(q.params[lo:hi][fields])) if fields else 0

    def _out_axons(self, p: Population, lo: int, hi: int) -> int:
        if self.routing != "axons":
            return 0
        return sum(int(hit.sum()) for hit in self._hits(p, lo, hi))

    def _targets(self, p: Population, lo: int, hi: int) -> int:
        """Cores that each get a packet of their own when a neuron of the slice spikes."""
        if self.routing != "core_to_core":
            return 0
        return sum(bool(hit.any()) for hit in self._hits(p, lo, hi))

    def _hits(self, p: Population, lo: int, hi: int) -> Iterator[NDArray[np.bool_]]:
        """Which neurons of a slice reach each slice that `p` has synapses on, as cut by now."""
        for target, q in self.quantised.items():
            if any(s.source == p.name for s in q.incoming):
                for a, b in bounds(self.populations.population(target).n, self.cuts[target]):
                    yield self.links.reached(target, p.name, a, b)[lo:hi]


def _most(limit: Limit) -> str:
    """What takes most of it, where it is a sum."""
    if not limit.parts:
        return ""
    name, size = max(limit.parts, key=lambda part: part[1])
    return f", {size} of them {name}"


def _role(p: Population) -> str:
    return "source" if p.model == "source" else "neurons"


def bounds(n: int, count: int) -> list[tuple[int, int]]:
    """Return `count` runs of near-equal length that cover 0 .. n."""
    edges = [n * i // count for i in range(count + 1)]
    return list(pairwise(edges))


def restrict(conv: Conv, lo: int, hi: int) -> tuple[NDArray[Any], int]:
    """Return the weights of the output channels that outputs lo .. hi need, and the first one."""
    area = conv.out_shape[1] * conv.out_shape[2]
    first, last = lo // area, -(-hi // area)
    return conv.weight[first:last], first
