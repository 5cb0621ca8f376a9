"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path


def describe(threads: int) -> dict[str, str]:
    """Return the machine, the versions and the command, as text by name."""
    load = ", ".join(f"{x:.2f}" for x in os.getloadavg())
    versions = [f"{name} {metadata.version(name)}" for name in ("mossy", "numpy", "scipy", "numba")]
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count()}, {threads} threads used; load before: {load}",
        "python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "versions": ", ".join(versions),
        "command": " ".join(["python -m benchmarks.run", *sys.argv[1:]]),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
