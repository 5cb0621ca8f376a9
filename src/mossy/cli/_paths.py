"""Check output paths before the long work, not after it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mossy.errors import BadInput


def check_file(path: Path | None) -> None:
    """Raise BadInput E0601 where `path` cannot be written. None passes."""
    if path is None:
        return
    if path.is_dir():
        raise _refused(path, "it is a folder", "name a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise _refused(path, "the file is write-protected", "another name")
    _check_inside(path.parent, path)


def make_folder(path: Path | None) -> None:
    """Make the folder `path`. Raises BadInput E0601 where that or writing in it fails."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path, str(error.strerror), "a folder that you may make") from None
    _check_inside(path, path)


def _check_inside(folder: Path, path: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):  # rights alone do not tell a read-only disk
            pass
    except OSError as error:
        reason = str(error.strerror)
        raise _refused(path, reason, "a folder that exists and that you may write to") from None


def _refused(path: Path, reason: str, hint: str) -> BadInput:
    return BadInput("E0601", f"cannot write there ({reason})", where=str(path), hint=hint)
