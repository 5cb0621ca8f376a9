"""The library's mapper. Scripts import it, and some change its classes, which are not here."""

from __future__ import annotations

from typing import Any

from mossy.errors import UnsupportedNode

REFUSED = ("Mapper", "IterativeMapper")


def __getattr__(name: str) -> Any:
    if name not in REFUSED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise UnsupportedNode(
        "E0261",
        f"the library's {name} is not there: programs are mapped by mossy's own passes",
        where="mapper",
        hint="hw.run(net, timesteps, mapping_only=True), and hw.program",
    )
