"""What a run is given: spikes, currents or values, checked and brought into one form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import PopulationMap, Program

MOST_SPIKES = 255  # what a recorded step can hold
LARGEST_VALUE = (1 << 31) - 1  # what a packet's payload can hold


def extent(program: Program, inputs: dict[str, NDArray[Any]], steps: int | None) -> tuple[int, int]:
    """Return batch and time. Raises BadInput E0175."""
    if inputs and steps is None:
        batch, time = next(iter(inputs.values())).shape[:2]
        return batch, time
    if inputs or steps is None or steps < 1:
        raise BadInput(
            "E0175",
            "steps= says how long a network without inputs runs, and only that",
            where=f"program {program.network}",
            got=f"inputs {sorted(inputs) or 'none'}, steps {steps}",
            hint="run({}, steps=1000)" if not inputs else "leave steps out",
        )
    return 1, steps


def taken(
    program: Program, chip: Chip, x: NDArray[Any] | dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return population -> (batch, time, n), checked. Raises BadInput E0183-E0189."""
    names = list(program.inputs)
    if not names and not (isinstance(x, dict) and not x):
        raise BadInput("E0183", "inputs do not match", got="an array", allowed="{}")
    given = x if isinstance(x, dict) else {names[0]: x}
    if set(given) != set(names):
        raise BadInput("E0183", "inputs do not match", got=sorted(given), allowed=sorted(names))
    checked = {}
    for name, value in given.items():
        population = program.population(program.inputs[name])
        checked[population.name] = _input(chip, name, population, np.asarray(value))
    if len({v.shape[:2] for v in checked.values()}) > 1:
        raise BadInput(
            "E0184",
            "inputs differ in batch or time",
            got={k: v.shape[:2] for k, v in checked.items()},
        )
    return checked


def _input(chip: Chip, name: str, population: PopulationMap, x: NDArray[Any]) -> NDArray[Any]:
    wanted = ("batch", "time", *population.shape)
    flat = (*x.shape[:2], int(np.prod(population.shape, dtype=np.int64)))
    if x.ndim < 3 or x.shape[2:] not in (population.shape, flat[2:]) or 0 in x.shape:
        raise BadInput(
            "E0185",
            "wrong shape",
            where=f"input {name}",
            got=x.shape,
            allowed=f"({', '.join(map(str, wanted))})",
            hint="x[None] adds the batch axis",
        )
    if x.dtype.kind not in "biuf":
        raise BadInput(
            "E0186", "wrong dtype", where=f"input {name}", got=x.dtype, allowed="numbers"
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise BadInput("E0186", "NaN or infinite values", where=f"input {name}")
    x = x.reshape(flat)
    if population.sends == "values":
        return _values(name, x, population.sent_scale)
    if population.sends == "spikes":
        x = _spikes(name, x)
    elif x.dtype.kind == "i" and x.min() < 0:
        x = x.astype(np.float64)  # nothing spikes a negative number of times: a current
    most = int(chip.spec["input"].get("most", MOST_SPIKES))
    if x.dtype.kind in "iu" and x.max() > most:
        raise BadInput(
            "E0189",
            "too many spikes of one channel in one step",
            where=f"input {name}",
            got=int(x.max()),
            allowed=f"0 to {most}",
            hint="a smaller dt, or x.astype(float) where the platform takes currents",
        )
    return x.astype(np.uint8) if x.dtype.kind == "b" else x


def _spikes(name: str, x: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers of spikes."""
    if x.dtype.kind == "f" and (x == np.rint(x)).all():
        x = x.astype(np.int32)
    if x.dtype.kind == "f" or (x.dtype.kind == "i" and x.size and x.min() < 0):
        raise BadInput(
            "E0187",
            "this chip takes spikes: whole numbers of them, not currents",
            where=f"input {name}",
            got=f"{x.dtype}, {x.min():g} to {x.max():g}",
            allowed="bool or counts >= 0",
            hint="encode the input, e.g. mossy.signals.encode.rate(x, steps, rng)",
        )
    return x


def _values(name: str, given: NDArray[Any], scale: float) -> NDArray[np.int32]:
    """Signed payloads, rounded to the chip's unit; a unit of one leaves nothing to round."""
    x = given * scale
    if scale == 1 and (x != np.rint(x)).any():
        raise BadInput(
            "E0187",
            "this chip takes spikes here: whole numbers, not currents",
            where=f"input {name}",
            got=f"{given.dtype}, {given.min():g} to {given.max():g}",
            allowed="whole numbers, negative ones too",
            hint="encode the input, e.g. mossy.signals.encode.rate(x, steps, rng)",
        )
    if np.abs(x).max() > LARGEST_VALUE:
        raise BadInput(
            "E0187",
            "a value does not fit the payload of a packet",
            where=f"input {name}",
            got=f"{x.min():g} to {x.max():g} in the chip's unit",
            allowed=f"-{LARGEST_VALUE} to {LARGEST_VALUE}",
            hint="smaller inputs, with the weights scaled up instead",
        )
    rounded: NDArray[np.int32] = np.rint(x).astype(np.int32)
    return rounded
