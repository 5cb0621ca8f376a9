"""Events of a camera: lists of (time, x, y, polarity), binned into frames.

N-MNIST (Orchard et al., Front. Neurosci. 9:437, 2015) stores 5 bytes an event: x, y, then one bit
of polarity and 23 bits of time in microseconds, the high byte first. The image has 34 by 34
pixels; a recording lasts about 0.3 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mossy.errors import BadInput

NMNIST_BYTES = 5
NMNIST_SHAPE = (2, 34, 34)  # polarity, y, x


@dataclass(frozen=True, eq=False)
class Events:
    """One recording: t in seconds, x and y in pixels, p the polarity 0 or 1; all (events,)."""

    t: NDArray[np.float64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    p: NDArray[np.int64]


def read_nmnist(path: str | Path) -> Events:
    """Return the events of one N-MNIST file (.bin, .bs2), in file order.

    Raises BadInput E0132 (no such file, or not a whole number of events).
    """
    file = Path(path)
    if not file.is_file():
        raise BadInput("E0132", "no such event file", where=str(file), hint="check the path")
    data = np.fromfile(file, dtype=np.uint8)
    if data.size % NMNIST_BYTES:
        raise BadInput(
            "E0132",
            "the file is cut short or is not in the N-MNIST format",
            where=str(file),
            got=f"{data.size} bytes",
            allowed=f"a multiple of {NMNIST_BYTES}",
            hint="copy the file again",
        )
    b = data.reshape(-1, NMNIST_BYTES).astype(np.int64)
    microseconds = ((b[:, 2] & 0x7F) << 16 | b[:, 3] << 8 | b[:, 4]).astype(np.float64)
    return Events(np.asarray(microseconds * 1e-6, dtype=np.float64), b[:, 0], b[:, 1], b[:, 2] >> 7)


def frames(
    t: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    p: ArrayLike,
    *,
    dt: float,
    steps: int,
    shape: tuple[int, int, int],
    binary: bool = True,
) -> NDArray[np.uint8] | NDArray[np.int64]:
    """Return events binned into (time, polarity, y, x) = (steps, *shape).

    t, dt: seconds; an event falls into step floor(t / dt), and events after the last step are
    left out. binary: 1 (uint8) however many events meet in a bin, else their count (int64).
    Raises BadInput E0133 (outside `shape`, before 0, or lists of unequal length).
    """
    if not dt > 0 or steps < 1:
        raise BadInput("E0131", "dt and steps must be above 0", got=f"dt={dt}, steps={steps}")
    lists = [np.asarray(a) for a in (t, x, y, p)]
    if any(a.ndim != 1 or len(a) != len(lists[0]) for a in lists):
        raise BadInput(
            "E0133",
            "t, x, y and p must be lists of one length",
            where="events",
            got=", ".join(str(a.shape) for a in lists),
        )
    times = np.asarray(lists[0], dtype=np.float64)
    if times.size and not (np.isfinite(times).all() and times.min() >= 0):
        raise BadInput(
            "E0133", "times must be finite and not before 0", where="events", got=times.min()
        )
    places = [a.astype(np.int64) for a in (lists[3], lists[2], lists[1])]
    for name, place, limit in zip(("p", "y", "x"), places, shape, strict=True):
        _in_range(name, place, limit)
    # Times written as microseconds * 1e-6 may fall a rounding error short of their bin's edge.
    bins = np.floor(times / dt + 1e-9).astype(np.int64)
    kept = bins < steps
    out = np.zeros((steps, *shape), dtype=np.int64)
    np.add.at(out, tuple(a[kept] for a in (bins, *places)), 1)
    return (out > 0).astype(np.uint8) if binary else out


def _in_range(name: str, place: NDArray[np.int64], limit: int) -> None:
    bad = int(((place < 0) | (place >= limit)).sum())
    if bad:
        raise BadInput(
            "E0133",
            f"{bad} events have {name} outside the image",
            where="events",
            got=f"{name} from {place.min()} to {place.max()}",
            allowed=f"0 to {limit - 1}",
            hint="shape is (polarities, height, width)",
        )
