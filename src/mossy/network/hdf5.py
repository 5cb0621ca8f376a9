"""An HDF5 file as nested dicts, for the formats that are kept in one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from mossy.errors import BadInput


def tree(
    file: Path, plain: Callable[[Any], Any], *, code: str, allowed: str, hint: str
) -> dict[str, Any]:
    """Return groups as dicts and data sets as `plain` makes them.

    Raises BadInput with `code` where the file cannot be read as HDF5.
    """
    try:
        with h5py.File(file, "r") as f:
            return _group(f, plain)
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(
            code,
            "cannot read this as an HDF5 file",
            where=str(file),
            got="no such file" if not file.exists() else reason,
            allowed=allowed,
            hint=hint,
        ) from None


def _group(group: Any, plain: Callable[[Any], Any]) -> dict[str, Any]:
    return {
        str(key): _group(item, plain) if isinstance(item, h5py.Group) else plain(item[()])
        for key, item in group.items()
    }
