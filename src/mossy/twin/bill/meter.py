"""Wall-clock time, and joules where the machine has a counter (Linux powercap, "RAPL")."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@cache
def _packages(powercap: Path) -> list[Path]:
    return sorted(p for p in powercap.glob("intel-rapl:*") if p.name.count(":") == 1)


def _joules() -> float | None:
    """Sum of all packages' counters, None where there are none or they may not be read."""
    try:
        found = [int((p / "energy_uj").read_text()) for p in _packages(POWERCAP)]
    except (OSError, ValueError):
        return None
    return sum(found) * 1e-6 if found else None


@dataclass
class Meter:
    """Measures what passes between `start` and `stop`. joules: None where not measurable."""

    seconds: float = 0.0
    joules: float | None = None
    _begin: tuple[float, float | None] = field(default=(0.0, None))

    def __enter__(self) -> Meter:
        self._begin = time.perf_counter(), _joules()
        return self

    def __exit__(self, *failure: object) -> None:
        begin, before = self._begin
        self.seconds = time.perf_counter() - begin
        after = _joules()
        if before is not None and after is not None and after >= before:
            self.joules = after - before
