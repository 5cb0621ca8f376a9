"""`mossy inspect`: what a compiled program holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mossy.cli import _arguments as a
from mossy.cli import _show


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE.mossy", help="A compiled program.")],
    text: Annotated[
        bool,
        typer.Option("--text", help="Everything, in a form that two versions can be diffed in."),
    ] = False,
    core: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Everything about core N.")
    ] = None,
    json: a.Json = False,
) -> None:
    """Show what a program holds: cores, places, memory, routing tables, notes."""
    from mossy.cli import _program
    from mossy.program import load

    program = load(file)
    if core is not None:
        one = _program.core(program, core)
        if json:
            _show.show_json(_program.core_json(program, one))
        else:
            print(_program.core_text(program, one))
    elif json:
        _show.show_json(_program.program_json(program))
    else:
        print(_program.program_text(program) if text else _program.overview(program))
