"""Where tests find data sets that are too large, or not free enough, to be in the repository."""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path

import pytest


def _root() -> Path:
    given = os.environ.get("MOSSY_DATA")
    return Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"


def path(name: str) -> Path | None:
    """Return the folder or file `name` under $MOSSY_DATA, or None."""
    found = _root() / name
    return found if found.exists() else None


def archive(name: str) -> Path | None:
    """Return the folder into which `<name>/<name>.tar.gz` has been unpacked, once per user."""
    packed = path(f"{name}/{name}.tar.gz")
    if packed is None:
        return None
    stamp = f"{packed.stat().st_size}-{packed.stat().st_mtime_ns}"
    cache = Path(tempfile.gettempdir()) / f"mossy-tests-{os.getuid()}"
    done = cache / f"{name}-{stamp}"
    if not done.exists():
        cache.mkdir(mode=0o700, exist_ok=True)
        # Unpacked beside, then renamed: two test runs at once, or one cut short, do no harm.
        part = Path(tempfile.mkdtemp(dir=cache))
        with tarfile.open(packed) as tar:
            tar.extractall(part, filter="data")
        try:
            part.rename(done)
        except OSError:
            if not done.exists():
                raise
    inner = done / name  # archives hold one folder of their own name
    return inner if inner.is_dir() else done


def require(name: str) -> Path:
    """Return the unpacked archive or the folder `name`; skip the test if it is not there."""
    found = archive(name) or path(name)
    if found is None:
        pytest.skip(f"data set {name!r} is not under $MOSSY_DATA ({_root()})")
    return found
