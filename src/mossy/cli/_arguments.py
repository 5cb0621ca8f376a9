"""Options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mossy.errors import BadInput

if TYPE_CHECKING:
    from mossy.passes import Options
    from mossy.program.machine import Machine
    from mossy.twin import Fault

Net = Annotated[
    str, typer.Argument(metavar="NET", help="A .nir or .net file, or the name of a zoo network.")
]
NetOrProgram = Annotated[
    str,
    typer.Argument(
        metavar="NET", help="A .nir or .net file, the name of a zoo network or a .mossy program."
    ),
]
Dt = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Time step; needed where the file holds none."),
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="X.npy", help="Inputs (batch, time, ...). Default: the zoo's test data."),
]
Labels = Annotated[
    Path | None, typer.Option(metavar="Y.npy", help="Class indices (batch,), for the accuracy.")
]
Samples = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Run the first N inputs only.")
]
Integrator = Annotated[
    str | None, typer.Option(metavar="NAME", help="euler (default) or exponential.")
]
Reset = Annotated[str | None, typer.Option(metavar="NAME", help="node (default) or subtract.")]
Calibrate = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Inputs that show the compiler how busy the network is."),
]
Decode = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        help="spike_count, first_spike or max_potential. Default: what the output carries.",
    ),
]
Engine = Annotated[str, typer.Option(metavar="NAME", help="fast, or reference (packet by packet).")]
Assume = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Assume a fact of the chip, in its unit, or the word of a choice; repeatable.",
    ),
]
Level = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Performance level to price at, on chips that have some."),
]
Threshold = Annotated[
    float | None,
    typer.Option(metavar="PACKETS", help="--level auto: packets above which a core takes the top."),
]
Bits = Annotated[
    int | None, typer.Option(min=2, metavar="N", help="Weight bits. Default: the chip's best.")
]
Chips = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Most chips to use. Default: all there are.")
]
Tick = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Real time per step, on chips that keep step by a timer."),
]
NeuronsPerCore = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Most neurons on a core.")
]
Boards = Annotated[int | None, typer.Option(min=1, metavar="N", help="Boards of the machine.")]
Dead = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PART",
        help="A part that is broken: chip:X,Y or core:X,Y,CORE or link:X,Y,LINK. Repeatable.",
    ),
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PART@STEP",
        help="A part that dies during the run: core:X,Y,CORE@STEP, chip:X,Y@STEP or "
        'link:X,Y,LINK@STEP; "@0.1 s" for a time. Repeatable.',
    ),
]
Approximate = Annotated[
    bool,
    typer.Option(
        "--approximate", help="Take the nearest thing where the chip cannot do it exactly."
    ),
]
Rows = Annotated[
    str | None,
    typer.Option(metavar="MEMORY", help="Where synapse rows lie, on chips with a choice: dram."),
]
Routing = Annotated[
    str | None,
    typer.Option(metavar="WAY", help="How packets travel, on chips with a choice: core_to_core."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]

CALIBRATE = 64


def facts(assume: Sequence[str] | None) -> dict[str, float | str]:
    """Return the facts and choices of `--assume name=value`. Raises BadInput E0604."""
    found: dict[str, float | str] = {}
    for text in assume or ():
        name, equals, given = text.partition("=")
        value = _number_or_word(given.strip())
        if not (name.strip() and equals) or value is None or name.strip() in found:
            raise BadInput(
                "E0604",
                "an assumption is one fact and one number, or one choice and one word",
                where="--assume",
                got=repr(text),
                allowed="NAME=VALUE, each name once",
                hint="mossy chips NAME lists a chip's facts with their units, and its choices",
            )
        found[name.strip()] = value
    return found


def _number_or_word(text: str) -> float | str | None:
    try:
        number = float(text)
    except ValueError:
        return text if text.isidentifier() else None
    return number if abs(number) < float("inf") else None


def faults(asked: Sequence[str] | None) -> tuple[Fault, ...]:
    """Return the faults of `--fault`. Raises BadInput E0410, E0411."""
    if not asked:
        return ()
    from mossy.twin import fault

    return tuple(fault(text) for text in asked)


def compiler_options(
    bits: int | None,
    chips: int | None,
    tick: float | None,
    neurons_per_core: int | None,
    approximate: bool,
    machine: Machine | None = None,
    rows: str | None = None,
    routing: str | None = None,
) -> Options:
    """Return the compiler's options. Raises BadInput E0610 for a tick that is no time."""
    from mossy.passes import Options

    if tick is not None and not 0 < tick < float("inf"):
        raise BadInput(
            "E0610", "a tick takes time", where="--tick", got=tick, allowed="seconds > 0"
        )
    return Options(
        bits=bits,
        chips=chips,
        tick=tick,
        neurons_per_core=neurons_per_core,
        approximate=approximate,
        machine=machine,
        rows=rows,
        routing=routing,
    )


def machine(
    on: str, boards: int | None, chips: int | None, dead: Sequence[str] | None
) -> Machine | None:
    """Return the machine asked for, None where nothing is said of it. Raises what it raises."""
    if boards is None and not dead:
        return None
    from mossy.chips.machines import machine as make

    return make(on, boards=boards, chips=None if boards else chips, dead=dead or ())
