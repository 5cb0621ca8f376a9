"""A digest of a value made of arrays, records, tables and plain things, to compare it elsewhere."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from mossy.program.artefact import Program
from mossy.twin.remembered import remembered


@remembered
def of_program(program: Program) -> bytes:
    """Return the digest of a program, taken once as long as it lives."""
    return of(program)


def of(value: Any) -> bytes:
    """Return 16 bytes that differ where values differ."""
    found = hashlib.blake2b(digest_size=16)
    _feed(found, value)
    return found.digest()


def _feed(found: Any, value: Any) -> None:
    found.update(f"{type(value).__name__}:".encode())
    if dataclasses.is_dataclass(value):
        for f in dataclasses.fields(value):
            _feed(found, getattr(value, f.name))
    elif isinstance(value, np.ndarray):
        found.update(f"{value.dtype.descr}{value.shape}".encode())
        found.update(np.ascontiguousarray(value).view(np.uint8).reshape(-1))
    elif isinstance(value, set | frozenset):
        _feed(found, sorted(value, key=repr))
    elif isinstance(value, dict):
        _feed(found, list(value.items()))
    elif isinstance(value, list | tuple):
        found.update(f"{len(value)}".encode())
        for item in value:
            _feed(found, item)
    else:
        found.update(repr(value).encode())
