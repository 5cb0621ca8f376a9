"""The program file: a zip of one JSON tree and the arrays it names, version in the tree.

Arrays are .npy members; structured arrays keep their field names. Members carry a fixed date, so
one program always gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mossy.errors import BadInput
from mossy.program import artefact
from mossy.program.artefact import FORMAT, Program

_TYPES = {
    c.__name__: c
    for c in vars(artefact).values()
    if isinstance(c, type) and dataclasses.is_dataclass(c)
}
_DATE = (1980, 1, 1, 0, 0, 0)
# what the zip, JSON and array readers and the types of the tree raise for a damaged file
_BROKEN = (
    OSError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def save(program: Program, path: str | Path) -> None:
    """Write `program` to `path`. Raises BadInput E0161 where the file cannot be written."""
    arrays: list[np.ndarray[Any, Any]] = []
    tree = json.dumps({"mossy": FORMAT, "program": _encode(program, arrays)})
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr(zipfile.ZipInfo("program.json", _DATE), tree, zipfile.ZIP_DEFLATED)
            for i, array in enumerate(arrays):
                data = io.BytesIO()
                np.save(data, array)
                info = zipfile.ZipInfo(f"{i}.npy", _DATE)
                out.writestr(info, data.getvalue(), zipfile.ZIP_DEFLATED)
    except OSError as e:
        raise BadInput(
            "E0161",
            f"cannot write the program ({e.strerror})",
            where=str(path),
            hint="choose a folder that exists and that you may write to",
        ) from e


def load(path: str | Path) -> Program:
    """Read a program. Raises BadInput E0162 (not a whole program file) or E0163 (its version)."""
    try:
        with zipfile.ZipFile(path) as archive:
            tree = json.loads(archive.read("program.json"))
            if tree["mossy"] != FORMAT:
                raise BadInput(
                    "E0163",
                    "program file of another version",
                    where=str(path),
                    got=tree["mossy"],
                    allowed=FORMAT,
                    hint="compile the network again with this version",
                )

            def array(i: int) -> np.ndarray[Any, Any]:
                data = io.BytesIO(archive.read(f"{i}.npy"))
                return np.load(data, allow_pickle=False)  # type: ignore[no-any-return]

            program = _decode(tree["program"], array)
    except _BROKEN as e:
        raise BadInput(
            "E0162",
            f"not a whole program file ({type(e).__name__}: {e})",
            where=str(path),
            hint="compile the network again, or copy the file once more",
        ) from e
    if not isinstance(program, Program):
        raise BadInput("E0162", "not a whole program file", where=str(path))
    return program


def _encode(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: _encode(getattr(value, f.name), arrays) for f in dataclasses.fields(value)
        }
        return {"$": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {"$": "array", "at": len(arrays) - 1}
    if isinstance(value, tuple):
        return {"$": "tuple", "of": [_encode(v, arrays) for v in value]}
    if isinstance(value, frozenset):
        return {"$": "set", "of": [_encode(v, arrays) for v in sorted(value)]}
    if isinstance(value, list):
        return [_encode(v, arrays) for v in value]
    if isinstance(value, dict):
        return {"$": "dict", "of": [[k, _encode(v, arrays)] for k, v in value.items()]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a program cannot hold a {type(value).__name__}")


def _decode(value: Any, array: Any) -> Any:
    if isinstance(value, list):
        return [_decode(v, array) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value["$"]
    if kind == "array":
        return array(value["at"])
    if kind == "tuple":
        return tuple(_decode(v, array) for v in value["of"])
    if kind == "set":
        return frozenset(_decode(v, array) for v in value["of"])
    if kind == "dict":
        return {k: _decode(v, array) for k, v in value["of"]}
    fields = {k: _decode(v, array) for k, v in value.items() if k != "$"}
    return _TYPES[kind](**fields)
