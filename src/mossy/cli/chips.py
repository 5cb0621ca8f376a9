"""`mossy chips`: what there is to run on, and the facts and choices of one chip."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mossy.cli import _arguments as a
from mossy.cli import _show

if TYPE_CHECKING:
    from mossy.chips import Fact
    from mossy.chips.choices import Choice

NARROWEST = 30  # characters of a source per line


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show the facts of this chip.")
    ] = None,
    json: a.Json = False,
) -> None:
    """List the chips, or the facts of one with their ranges and sources."""
    from mossy.chips import chip, names

    if name is None:
        found = [_summary(n) for n in names()]
        if json:
            _show.show_json(found)
            return
        width = max((len(c["name"]) for c in found), default=0)
        for c in found:
            lines = [c["title"], *textwrap.wrap(c["summary"], _show.width() - width - 2)]
            for name_or_blank, line in zip([c["name"], *[""] * len(lines)], lines, strict=False):
                print(f"{name_or_blank:<{width}}  {line}".rstrip())
        return
    facts, choices = list(chip(name).facts.values()), list(chip(name).choices.values())
    if json:
        said = {"facts": [vars(f) for f in facts], "choices": [vars(c) for c in choices]}
        _show.show_json({**_summary(name), **said})
        return
    _print_facts(name, facts)
    if choices:
        _print_choices(choices)


def _summary(name: str) -> dict[str, Any]:
    from mossy.chips import chip

    c = chip(name)
    return {"name": c.name, "title": c.title, "summary": c.spec["chip"].get("summary", "")}


def _print_facts(name: str, facts: list[Fact]) -> None:
    from mossy.columns import columns

    about = _summary(name)
    print(f"{about['title']} ({about['name']})\n{about['summary']}\n")
    header = ["fact", "value", "range", "unit", "basis", "source"]
    plain = [[f.name, _number(f.value), _range(f), f.unit, f.basis] for f in facts]
    used = sum(max(len(row[i]) for row in [header, *plain]) + 2 for i in range(5))
    rows = []
    for fact, row in zip(facts, plain, strict=True):
        lines = textwrap.wrap(fact.source, max(_show.width() - used, NARROWEST))
        rows.append([*row, lines[0]])
        rows += [[*[""] * 5, line] for line in lines[1:]]
    print(columns(header, rows, right=["value"]))


def _print_choices(choices: list[Choice]) -> None:
    from mossy.columns import columns

    rows = []
    for choice in choices:
        words = " | ".join(choice.allowed)
        lines = textwrap.wrap(choice.source, max(_show.width() // 2, NARROWEST))
        rows.append([choice.name, choice.value, words, choice.basis, lines[0]])
        rows += [[*[""] * 4, line] for line in lines[1:]]
    print("\n" + columns(["choice", "value", "allowed", "basis", "source"], rows))


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _range(fact: Fact) -> str:
    if fact.low is None and fact.high is None:
        return ""
    return f"{_number(fact.low)} to {_number(fact.high)}"
