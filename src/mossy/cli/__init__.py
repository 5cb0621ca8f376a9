"""The `mossy` command. Each file of this folder is one command, found by listing the folder.

A command file holds a function `command`; its name is the file's, its help the docstring. Nothing
but typer is loaded to show a command's help: what computes is imported inside the functions.
A user's mistake ends with exit code 2 and its one message on standard error.
"""

from __future__ import annotations

import functools
import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from mossy.errors import MossyError

ABOUT = "Compile spiking networks to neuromorphic chips, run them on twins, report time and energy."
MISTAKE = 2  # exit code

app = typer.Typer(
    name="mossy",
    help=ABOUT,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich takes longer to load than the help to print
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        import mossy

        print(f"mossy {mossy.__version__}")
        raise typer.Exit


@app.callback(help=ABOUT)
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hold the options that come before the command."""


def _guarded(function: Callable[..., None]) -> Callable[..., None]:
    """Turn a user's mistake into one message and exit code 2."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except MossyError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(MISTAKE) from None

    return run


for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        _module = import_module(f"{__name__}.{_found.name}")
        app.command(_found.name)(_guarded(_module.command))


def main() -> None:
    """Run the command line of this process."""
    app()
