"""What commands print: JSON on standard output, progress on standard error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

PLURALS = ("", "s")


def show_json(value: Any, file: TextIO | None = None) -> None:
    """Print one JSON document; what NumPy left behind becomes plain numbers."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    print(text, file=file)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"no JSON for a {type(value).__name__}")


def width() -> int:
    """Return the columns of the terminal, 120 where there is none."""
    return shutil.get_terminal_size((120, 24)).columns


def count(n: int, what: str) -> str:
    """Return "1 core", "2 cores"."""
    return f"{n:,} {what}{PLURALS[n != 1]}"


class Bar:
    """A progress bar of one kind of work; inert where standard error is no terminal."""

    def __init__(self, bars: Any) -> None:
        self.bars = bars
        self.task: Any = None
        self.name = ""

    def begin(self, name: str, total: int | None) -> None:
        """Start a new line called `name`, of `total` inferences."""
        self.name = name
        self.task = self.bars.add_task(name, total=total)

    def stage(self, text: str) -> None:
        """Show what is being done."""
        self.bars.update(self.task, description=f"{self.name} {text}")

    def advance(self, more: int) -> None:
        """Count `more` inferences as done."""
        self.bars.advance(self.task, more)


@contextmanager
def progress() -> Iterator[Bar]:
    """Give a bar on standard error that leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    parts = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    hidden = not console.is_terminal
    with Progress(*parts, console=console, transient=True, disable=hidden) as bars:
        yield Bar(bars)
