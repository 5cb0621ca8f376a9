"""Current sources: constant, stepped, oscillating and noisy currents into single cells.

The current of a step is constant: the one at the step's beginning. A source says when its current
changes next, and the run is cut there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN.parameters import ParameterSpace, Sequence
from pyNN.standardmodels import build_translations, electrodes

from mossy.pynn.simulator import state

Array = NDArray[np.float64]
NEAR = 1e-6  # of a step: what lies so close to a step is meant to be there


def _names(base: type) -> dict[str, Any]:
    parameters: dict[str, Any] = base.default_parameters  # type: ignore[attr-defined]
    found: dict[str, Any] = build_translations(*((k, k) for k in parameters))
    return found


class _Source:
    """What all sources do. given: the parameters, by PyNN's names."""

    given: dict[str, Any]
    targets: list[tuple[Any, NDArray[np.int64]]]

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        object.__setattr__(self, "given", {})
        object.__setattr__(self, "targets", [])
        object.__setattr__(self, "seed", len(state.currents))
        space = ParameterSpace(self.default_parameters, self.get_schema(), shape=(1,))  # type: ignore[attr-defined]
        space.update(**parameters)
        self.set_native_parameters(self.translate(space))  # type: ignore[attr-defined]
        state.currents.append(self)

    def set_native_parameters(self, parameters: Any) -> None:
        """Set parameters, from here on."""
        parameters.evaluate(simplify=True)
        for name, value in parameters.items():
            self.given[name] = value.value if isinstance(value, Sequence) else value

    def get_native_parameters(self) -> Any:
        """Return the parameters."""
        return ParameterSpace(dict(self.given))

    def inject_into(self, cells: Any) -> None:
        """Let the current flow into a population, a view, an assembly or a list of cells."""
        by_parent: dict[int, tuple[Any, list[int]]] = {}
        for cell in cells:
            if not cell.celltype.injectable:
                raise TypeError("Can't inject current into a spike source.")
            found = by_parent.setdefault(id(cell.parent), (cell.parent, []))[1]
            found.append(int(cell.parent.id_to_index(cell)))
        self.targets.extend((p, np.array(i, np.int64)) for p, i in by_parent.values())

    def _on(self, step: int) -> bool:
        """Whether a source that is switched on and off is on in a step."""
        begins = step - 1 + NEAR
        return bool(self.given["start"] / state.dt <= begins < self.given["stop"] / state.dt)

    def _edge(self, step: int) -> int | None:
        """The next step after one from which a source is on, or off."""
        edges = (math.ceil(self.given[k] / state.dt - NEAR) + 1 for k in ("start", "stop"))
        return min((e for e in edges if e > step), default=None)

    def next_change(self, step: int) -> int | None:
        """Return the first step after `step` whose current may be another; None for none."""
        return self._edge(step)

    def during(self, step: int) -> float:
        """Return the current of a step in nA."""
        raise NotImplementedError

    def record(self) -> None:
        """Accepted: what flowed is known anyway."""

    def _get_data(self) -> tuple[Array, Array]:
        steps = np.arange(state.step + 1, dtype=float)
        return steps * state.dt, np.array([self.during(int(k) + 1) for k in steps])


class DCSource(_Source, electrodes.DCSource):
    """One pulse of constant current."""

    translations = _names(electrodes.DCSource)

    def during(self, step: int) -> float:
        """Return the current of a step in nA."""
        return float(self.given["amplitude"]) if self._on(step) else 0.0


class StepCurrentSource(_Source, electrodes.StepCurrentSource):
    """A current that changes at given times."""

    translations = _names(electrodes.StepCurrentSource)

    def set_native_parameters(self, parameters: Any) -> None:
        """Set times, each moved to the nearest step, and amplitudes. Raises ValueError."""
        super().set_native_parameters(parameters)
        times, amplitudes = (np.atleast_1d(self.given[k]) for k in ("times", "amplitudes"))
        if times.size != amplitudes.size or (times < 0).any() or (np.diff(times) <= 0).any():
            raise ValueError(
                f"Step current times must be rising, from 0 on, each with an amplitude; got "
                f"{times.tolist()} ms with {amplitudes.size} amplitudes."
            )
        step = np.rint(times / state.dt)
        last = np.append(np.diff(step) > 0, True)[: step.size]  # of those on the same step
        self.given |= {"times": step[last] * state.dt, "amplitudes": amplitudes[last]}

    def _begins(self) -> Array:
        """The first step of each amplitude."""
        return np.ceil(np.atleast_1d(self.given["times"]) / state.dt - NEAR) + 1

    def during(self, step: int) -> float:
        """Return the current of a step in nA."""
        k = int(np.searchsorted(self._begins(), step, side="right")) - 1
        return float(np.atleast_1d(self.given["amplitudes"])[k]) if k >= 0 else 0.0

    def next_change(self, step: int) -> int | None:
        """Return the first step after `step` whose current may be another; None for none."""
        later = self._begins()[self._begins() > step]
        return int(later.min()) if later.size else None


class ACSource(_Source, electrodes.ACSource):
    """An oscillating current."""

    translations = _names(electrodes.ACSource)

    def during(self, step: int) -> float:
        """Return the current of a step in nA."""
        if not self._on(step):
            return 0.0
        g = self.given
        since = ((step - 1) * state.dt - g["start"]) * 1e-3
        turn = 2 * math.pi * g["frequency"] * since + math.radians(g["phase"])
        return float(g["offset"] + g["amplitude"] * math.sin(turn))

    def next_change(self, step: int) -> int | None:
        """Return the first step after `step` whose current may be another; None for none."""
        return step + 1 if self._on(step) else self._edge(step)


class NoisyCurrentSource(_Source, electrodes.NoisyCurrentSource):
    """A current that is drawn from a normal distribution every `dt` ms."""

    translations = _names(electrodes.NoisyCurrentSource)

    def _draw(self, step: int) -> int:
        """Number of the draw that holds in a step."""
        every: int = max(1, round(self.given["dt"] / state.dt))
        first: int = math.ceil(self.given["start"] / state.dt - NEAR)
        return (step - 1 - first) // every

    def during(self, step: int) -> float:
        """Return the current of a step in nA."""
        if not self._on(step):
            return 0.0
        rng = np.random.default_rng([state.seed, self.seed, self._draw(step)])
        return float(rng.normal(self.given["mean"], self.given["stdev"]))

    def next_change(self, step: int) -> int | None:
        """Return the first step after `step` whose current may be another; None for none."""
        if not self._on(step):
            return self._edge(step)
        later = step + 1
        while self._on(later) and self._draw(later) == self._draw(step):
            later += 1
        return later
