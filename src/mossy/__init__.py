"""mossy: compile trained networks to neuromorphic chips and run them on twins of those chips.

    net = mossy.load("net.nir", dt=1e-3)
    program = mossy.compile(net, mossy.chips()[0], calibration=x[:64])
    result = program.run(x)
    print(result.report())

Everything is imported when it is first used, so `import mossy` is quick and loads no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mossy import errors, signals, zoo
    from mossy.chips.chip import chip as chip
    from mossy.chips.chip import names as chips
    from mossy.chips.machines import machine
    from mossy.compare import compare
    from mossy.importers.file import load
    from mossy.importers.torch import from_torch
    from mossy.passes import Options, compile
    from mossy.program import load as load_program
    from mossy.twin import fault

_WHERE = {
    "Options": ("mossy.passes", "Options"),
    "chip": ("mossy.chips", "chip"),
    "chips": ("mossy.chips", None),
    "compare": ("mossy.compare", "compare"),
    "compile": ("mossy.passes", "compile"),
    "errors": ("mossy.errors", None),
    "fault": ("mossy.twin", "fault"),
    "from_torch": ("mossy.importers.torch", "from_torch"),
    "load": ("mossy.importers.file", "load"),
    "load_program": ("mossy.program", "load"),
    "machine": ("mossy.chips.machines", "machine"),
    "signals": ("mossy.signals", None),
    "zoo": ("mossy.zoo", None),
}

__all__ = [
    "Options",
    "chip",
    "chips",
    "compare",
    "compile",
    "errors",
    "fault",
    "from_torch",
    "load",
    "load_program",
    "machine",
    "signals",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("mossy")
    if name not in _WHERE:
        raise AttributeError(f"module 'mossy' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    found = import_module(module)
    value = found if attribute is None else getattr(found, attribute)
    if attribute is not None:  # a submodule of the same name must not win later
        globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
