"""What the point neurons in float have in common: two precisions, and a refractory threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.neurons.model import Model, build


def in_float(
    name: str, step: Callable[..., Any], state: Iterable[str], params: Iterable[str]
) -> tuple[Model, Model]:
    """Return the model in single and in double precision.

    state, params: the fields that are numbers; `refract`, a count of steps, comes behind both. The
    sums of the two inputs are whole numbers of `unit`, of 32 and of 64 bits.
    """
    kinds = (name, "f4", "int32"), (f"{name}.double", "f8", "int64")
    single, double = (
        build(
            known,
            step,
            inputs=2,
            drive=drive,
            takes=real,
            state=[*((f, real) for f in state), ("refract", "i4")],
            params=[*((f, real) for f in params), ("refract", "i4")],
        )
        for known, real, drive in kinds
    )
    return single, double


def firing(
    dt: float,
    *,
    v_rest: ArrayLike,
    v_reset: ArrayLike,
    v_thresh: ArrayLike,
    tau_refrac: ArrayLike,
) -> dict[str, NDArray[np.float64]]:
    """Return threshold and v_reset relative to rest, and refract in steps. Seconds and volts."""
    rest = np.asarray(v_rest, float)
    return {
        "threshold": np.asarray(v_thresh, float) - rest,
        "v_reset": np.asarray(v_reset, float) - rest,
        "refract": np.rint(np.asarray(tau_refrac, float) / dt),
    }
