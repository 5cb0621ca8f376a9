"""One measured figure, and how a table of them is printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mossy.columns import columns

HEAD = ("what", "measured", "target", "met", "remark")


@dataclass(frozen=True)
class Figure:
    """value in `unit`, None where it was not measured. target: at least, or at most, so much.

    ratio_to: a figure of the same unit that this one is divided by.
    """

    what: str
    value: float | None
    unit: str
    target: float | None = None
    at_least: bool = True
    remark: str = ""
    ratio_to: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is nothing to say."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


def skipped(what: str, unit: str, why: str) -> Figure:
    """A figure that could not be measured, and why."""
    return Figure(what, None, unit, remark=f"skipped: {why}")


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a text table, ratios to peers in the remarks."""
    found = list(figures)
    by_name = {f.what: f for f in found}
    return columns(HEAD, [_row(f, by_name) for f in found], right=("measured", "target"))


def best(work: Callable[[], object], times: int) -> float:
    """Return the seconds of the fastest of some runs: what the machine can do undisturbed."""
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _row(f: Figure, by_name: dict[str, Figure]) -> tuple[str, ...]:
    sign = "≥" if f.at_least else "≤"
    remark = f.remark
    peer = by_name.get(f.ratio_to or "")
    if peer is not None and peer.value and f.value:
        remark = f"{f.value / peer.value:.3g} x {peer.what}" + (f"; {remark}" if remark else "")
    return (
        f.what,
        "" if f.value is None else f"{f.value:.3g} {f.unit}",
        "" if f.target is None else f"{sign} {f.target:g} {f.unit}",
        {None: "", True: "yes", False: "NO"}[f.met],
        remark,
    )
