"""Pages made from the package: one per module, chip and zoo network, and the command line.

A new folder or file in the package has its page without anyone writing one.
"""

from __future__ import annotations

import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

import mossy
import mossy.cli
from mossy import discover
from mossy.chips.published import published


def write(folder: Path) -> None:
    """Write every generated page into `folder`; pages of things that are gone are removed."""
    pages = dict(_modules()) | dict(_chips()) | dict(_zoo()) | {"cli.md": _cli()}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:  # unchanged pages are not rebuilt
            path.write_text(text, "utf-8")


def plain_docstring(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Turn a plain-text docstring into markup that shows it as written.

    Indented parts become literal blocks, `names` become code, and nothing else is markup.
    """
    out: list[str] = []
    literal = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not literal:
            out += ["", "::", ""]
        elif literal and not indented and line.strip():
            out.append("")
        literal = indented or (literal and not line.strip())
        out.append(line if literal else _escape(line))
    lines[:] = [*out, ""]


def _escape(line: str) -> str:
    pieces = re.split(r"(``[^`]+``|`[^`]+`)", line)
    for i, piece in enumerate(pieces):
        if i % 2:
            pieces[i] = "\\ ``" + piece.strip("`") + "``\\ "  # escaped blanks: may touch a letter
        else:
            pieces[i] = re.sub(r"([\\*`|_])", r"\\\1", piece)
    return "".join(pieces).strip()


def _modules() -> Iterator[tuple[str, str]]:
    """One page for the package and one per public module.

    The front page shows everything that `mossy` offers; any other page shows what its module
    defines itself, so that each thing is in the index once. A package with a function of the same
    name as one of its modules stays out of the index, which could not tell them apart.
    """
    found = pkgutil.walk_packages(mossy.__path__, "mossy.")
    names = sorted(m.name for m in found if not re.search(r"\._|\.__main__$", m.name))
    yield _page("mossy", "   :no-index:\n")
    for name in names:
        held = vars(sys.modules[name]) if name in sys.modules else {}  # the walk imports packages
        offered = {f"{name}.{k}" for k, v in held.items() if not isinstance(v, ModuleType)}
        index = "   :no-index:\n" if offered & set(names) else ""
        yield _page(name, f"   :ignore-module-all:\n{index}")


def _page(module: str, options: str) -> tuple[str, str]:
    title = f"{module}\n{'=' * len(module)}"
    return f"{module}.rst", f"{title}\n\n.. automodule:: {module}\n{options}"


def _chips() -> Iterator[tuple[str, str]]:
    """One page per chip: its README.md, its facts with ranges and sources, then its SOURCES.md."""
    for name, folder in discover.folders("mossy.chips", "chip.toml").items():
        spec = tomllib.loads(folder.joinpath("chip.toml").read_text("utf-8"))
        lines = [f"# {spec['chip']['title']}", "", spec["chip"].get("summary", ""), ""]
        guide = folder.joinpath("README.md")
        if guide.is_file():
            lines = [guide.read_text("utf-8"), ""]
        lines += [f"Name on the command line: `{name}`.", "", "## Facts", ""]
        lines += ["| fact | value | range | basis | source |", "|---|---|---|---|---|"]
        lines += [_fact(key, row) for key, row in spec["facts"].items()]
        for variant, rows in spec.get("variants", {}).items():
            lines += ["", f"## {rows['title']}", "", rows.get("summary", ""), ""]
            lines += [f"Name on the command line: `{name}-{variant}`. What differs:", ""]
            lines += ["| fact | value | range | basis | source |", "|---|---|---|---|---|"]
            lines += [_fact(key, row) for key, row in rows.get("facts", {}).items()]
        measured = published(name)
        if measured:
            lines += ["", "## Measured by others", "", "| what | workload | value | source |"]
            lines += ["|---|---|---|---|"]
            lines += [f"| {m.name} | {m.workload} | {m.quantity} | {m.source} |" for m in measured]
        sources = folder.joinpath("SOURCES.md")
        if sources.is_file():
            lines += ["", re.sub(r"^#", "##", sources.read_text("utf-8"), flags=re.M)]
        yield f"chip-{name}.md", "\n".join(lines) + "\n"


def _fact(name: str, row: dict[str, Any]) -> str:
    value = "unknown" if row.get("value") is None else f"{row['value']:g} {_unit(row)}"
    bounds = "" if "low" not in row else f"{row['low']:g} to {row['high']:g}"
    source = str(row["source"]).replace("|", r"\|")
    return f"| `{name}` | {value} | {bounds} | {row['basis']} | {source} |"


def _unit(row: dict[str, Any]) -> str:
    return "" if row["unit"] == "1" else str(row["unit"])


def _zoo() -> Iterator[tuple[str, str]]:
    """One page per zoo network: its card."""
    for name, folder in discover.folders("mossy.zoo", "card.toml").items():
        card = folder.joinpath("card.toml").read_text("utf-8").rstrip()
        yield f"zoo-{name}.md", f"# {name}\n\n```toml\n{card}\n```\n"


def _cli() -> str:
    """The help of every command, as printed."""
    root: Any = typer.main.get_command(mossy.cli.app)
    commands = [("mossy", root)]
    commands += [(f"mossy {name}", c) for name, c in getattr(root, "commands", {}).items()]
    text = ["# Command line", ""]
    for title, command in commands:
        command.rich_markup_mode = None  # plain text instead of boxes
        help_text = command.get_help(command.context_class(command, info_name=title))
        text += [f"## {title}", "", "```text", help_text.rstrip(), "```", ""]
    return "\n".join(text)
