"""`mossy zoo`: the networks that come along."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from mossy.cli import _arguments as a
from mossy.cli import _show


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show the card of this network.")
    ] = None,
    json: a.Json = False,
) -> None:
    """List the trained networks that come along, or show the card of one."""
    from mossy import zoo

    cards = [zoo.card(n) for n in (zoo.names() if name is None else [name])]
    if json:
        found = [dataclasses.asdict(c) for c in cards]
        _show.show_json(found if name is None else found[0])
        return
    from mossy.columns import columns

    if name is None:
        rows = [(c.name, f"{c.accuracy_float:.1%}", c.steps, c.task) for c in cards]
        header = ["name", "float accuracy", "steps", "task"]
        print(columns(header, rows, right=["float accuracy", "steps"]))
        return
    shown = dataclasses.asdict(cards[0])
    spikes = shown.pop("spikes")
    shown["spikes"] = ", ".join(f"{k} {v:g}" for k, v in spikes.items())
    width = max(map(len, shown))
    for key, value in shown.items():
        if value is not None:
            print(f"{key:<{width}}  {value}")
