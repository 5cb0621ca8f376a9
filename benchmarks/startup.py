"""How long a process needs before it does something useful."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.figure import Figure, skipped

TIMES = 5
CHIP = "spinnaker2"


def figures() -> Iterator[Figure]:
    """Yield import time, time to the first computed step, and a whole short command."""
    bare = _seconds(["-c", "pass"])
    importing = _seconds(["-c", "import mossy"])
    yield Figure(
        "import mossy", importing - bare, "s", 0.5, at_least=False,
        remark=f"on top of {bare:.2g} s for Python itself; best of {TIMES}",
    )  # fmt: skip
    command = ["run", "digits", "--on", CHIP]
    _seconds(["-m", "mossy.cli", *command, "--json"], times=1)  # fills the cache of compiled code
    first = _first_step(command)
    if first is None:
        yield skipped("mossy run digits, to the first step", "s", "the command printed no time")
    else:
        yield Figure(
            "mossy run digits, to the first step", first, "s", 2.0, at_least=False,
            remark=f"from process start, second run, on {CHIP}; best of {TIMES}",
        )  # fmt: skip
    whole = _seconds(["-m", "mossy.cli", *command, "--json"])
    yield Figure("mossy run digits, whole", whole, "s", remark="360 inferences and the report")


def _seconds(arguments: list[str], times: int = TIMES) -> float:
    """Return the shortest wall time of a Python process."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        found.append(time.perf_counter() - begin)
    return min(found)


def _first_step(command: list[str]) -> float | None:
    found = []
    for _ in range(TIMES):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.first_step", *command],
            env=os.environ | {"BENCHMARK_BEGAN": repr(time.time())},
            capture_output=True,
            text=True,
            check=False,
        )
        found += [float(line.split()[1]) for line in done.stdout.splitlines() if "FIRST" in line]
    return min(found, default=None)
