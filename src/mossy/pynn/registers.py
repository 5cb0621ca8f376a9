"""Parameters and variables of a population in the registers of the network that runs.

A chip's rules say in which register a variable is and in what units; where they say nothing,
registers have the variables' names and SI units. Registers of whole numbers are rounded.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.quantised import Quantised
from mossy.pynn.network import Built, initial, params
from mossy.twin.live import runs_here

Array = NDArray[np.float64]


def unit(q: Quantised, variable: str) -> tuple[str, Array | float] | None:
    """Return the register of a variable and its units (n,) per SI unit; None if there is none."""
    if q.registers:
        return q.registers.get(variable)
    return (variable, 1.0) if variable in (q.state.dtype.names or ()) else None


def read(q: Quantised, variable: str, registers: NDArray[Any]) -> Array:
    """Return a variable (n,) in SI units. registers: (n,) records, with that variable."""
    found = unit(q, variable)
    assert found is not None, "a variable that can be recorded has a register"
    field, per = found
    return np.asarray(registers[field] / per)


def write(q: Quantised, variable: str, registers: NDArray[Any], value: Array) -> None:
    """Set a variable (n,) of (n,) records, in SI units; one without a register is passed over."""
    found = unit(q, variable)
    if found is not None:
        field, per = found
        _set(registers, field, value * per)


def _set(registers: NDArray[Any], field: str, value: Array) -> None:
    whole = registers.dtype[field].kind in "iu"
    registers[field] = np.rint(value) if whole else value


def carried(old: Quantised, new: Quantised, registers: NDArray[Any]) -> NDArray[Any]:
    """Return the registers (n,) of one network as the next one has them; both run one model."""
    found = registers.copy()
    for variable in new.registers:
        before, after = unit(old, variable), unit(new, variable)
        if before is not None and after is not None and not np.array_equal(before[1], after[1]):
            _set(found, after[0], registers[before[0]] * (after[1] / before[1]))
    return found


def again(built: Built, p: Any, name: str, dt: float) -> Quantised | None:
    """Return a population as its parameters are now; None if another network must run it.

    dt: ms.
    """
    q, population = built.quantised[name], built.populations[name]
    found = params(p, dt)
    retuned = getattr(built.chip.rules, "retuned", None)
    if retuned is not None:
        return _checked(retuned(q, dataclasses.replace(population, params=found)))
    if "i" in (q.state.dtype.names or ()):  # one current for both, where they decay alike
        pairs = (("exc_decay", "inh_decay"), ("exc_gain", "inh_gain"))
        if not all(np.array_equal(found[a], found[b]) for a, b in pairs):
            return None
    made, state = np.zeros(p.size, q.params.dtype), q.state.copy()
    for field in made.dtype.names or ():
        made[field] = found.get(field, q.params[field])
    start = initial(p)
    for field in state.dtype.names or ():
        state[field] = start.get(f"{field}_init", state[field])
    return _checked(dataclasses.replace(q, params=made, state=state))


def _checked(q: Quantised | None) -> Quantised | None:
    return q if q is not None and runs_here(q.model, q.params) else None
