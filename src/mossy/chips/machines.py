"""Machines of a chip by number of boards or chips, with the parts that are known to be dead.

machine("NAME", boards=3, dead=["chip 3,4", "core 0,0,17", "link 5,5,2"])
"""

from __future__ import annotations

from collections.abc import Iterable

from mossy.chips.chip import chip
from mossy.errors import BadInput
from mossy.program.machine import Machine, grid, hexagonal

PARTS = {"chip": 2, "core": 3, "link": 3}  # how many numbers name one


def machine(
    name: str,
    *,
    boards: int | None = None,
    chips: int | None = None,
    wraps: bool | None = None,
    dead: Iterable[str] = (),
) -> Machine:
    """Return a machine of the chip called `name`; one chip where no size is given.

    boards: for chips that come on boards. wraps: whether the edges of several boards are joined;
    None: where their number is a multiple of three. dead: "chip x,y", "core x,y,core" or
    "link x,y,link". Raises BadInput E0143, E0192-E0195, UnknownName E0501.
    """
    target = chip(name)
    topology = target.spec.get("topology", {})
    steps = tuple((x, y) for x, y in topology.get("links", []))
    if boards is not None and topology.get("boards") != "hexagonal":
        raise BadInput(
            "E0195",
            "the chip does not come on boards",
            where=name,
            got=f"boards={boards}",
            hint="give a number of chips",
        )
    made = grid(chips or 1, steps) if boards is None else hexagonal(boards, steps, wraps)
    size = made.chips
    most = int(target.facts["chips_max"]) if "chips_max" in target.facts else size
    if size > most:
        raise BadInput(
            "E0193",
            "a machine larger than any of this chip can be",
            where=name,
            got=f"{size} chips",
            allowed=f"{most} chips",
            hint="fewer boards" if boards else "fewer chips",
        )
    lost: dict[str, list[tuple[int, ...]]] = {kind: [] for kind in PARTS}
    for text in dead:
        kind, numbers = _part(text)
        lost[kind].append(numbers)
    for part in lost["core"]:
        if part[2] not in target.grid:
            raise BadInput(
                "E0192",
                "no such part, or it is dead already",
                where=name,
                got=part,
                allowed=target.numbers or "none",
                hint="mossy inspect shows where the cores are",
            )
    # a chip that is dead takes its cores and links with it
    made = made.without(cores=lost["core"], links=lost["link"])  # type: ignore[arg-type]
    return made.without(chips=lost["chip"])  # type: ignore[arg-type]


def _part(text: str) -> tuple[str, tuple[int, ...]]:
    kind, _, rest = text.strip().replace(":", " ").partition(" ")
    try:
        numbers = tuple(int(n) for n in rest.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != PARTS.get(kind) or min(numbers) < 0:
        raise BadInput(
            "E0194",
            "a dead part is named by its kind and its numbers",
            got=repr(text),
            allowed="chip X,Y or core X,Y,CORE or link X,Y,LINK",
            hint='e.g. "core 0,0,17"',
        )
    return kind, numbers
