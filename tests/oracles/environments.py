"""Where the independent emulators live, and how one is run.

Each has a virtual environment .oracles/<name> in the checkout, made by make_envs.sh, and runs as
a program of its own that reads one .npz file and writes another.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python_of(name: str) -> Path:
    """Return the environment's interpreter; skips the test where it has not been made."""
    python = ROOT / ".oracles" / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no .oracles/{name}; make it with: tests/oracles/make_envs.sh {name}")
    return python


def run(name: str, module: str, source: Path, target: Path) -> None:
    """Run `python -m module source target` in environment `name`; fails with what it said."""
    done = subprocess.run(
        [python_of(name), "-m", module, source, target],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{module} ended with {done.returncode}:\n{done.stderr}", pytrace=False)
