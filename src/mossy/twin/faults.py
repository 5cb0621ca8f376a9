"""Faults during a run: a core, a chip or a link dies at the beginning of a step, for good.

    run(program, x, faults=["link 3,4,0 @ 120", fault("core 0,0,17", seconds=0.5)])

From that step on a dead core is neither updated nor sends nor receives; what its registers held
stays as it was. A dead chip is all its cores and its router, a dead link loses what would cross it,
in both directions. What was delivered before stays delivered. Nothing is routed around: the tables
are those that were loaded (a machine with parts known to be dead is compiled for, instead). Spikes
for an input core that is dead are dropped by the host.

A run with faults is cut into stretches of steps between which nothing dies. `parted` gives them for
any engine; `traffic/packets.py` says what a packet does in each; `severed` is the linked program of
a stretch. Lost packets and synaptic events are counted on the core that sent them: one packet for
every core that was meant to get it and is not reached.

What the host would have read is given all the same. A live chip that no working wired chip leads to
any more keeps its records to itself, and gets no input that is not there yet: `cut_off` says so.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.errors import BadInput
from mossy.program.artefact import LINKED, Program
from mossy.program.machine import Machine, Spot
from mossy.twin.traffic.packets import NONE_DEAD, Dead
from mossy.twin.traffic.ways import reached

PARTS = {"chip": 2, "core": 3, "link": 3}  # how many numbers name one
DIRECTIONS = {
    "east": (1, 0), "north-east": (1, 1), "north": (0, 1),
    "west": (-1, 0), "south-west": (-1, -1), "south": (0, -1),
}  # fmt: skip
FORMS = "chip X,Y @ STEP or core X,Y,CORE @ STEP or link X,Y,LINK @ STEP"
NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
TEXT = re.compile(rf"(\w+)[\s:]+([^@]+?)\s*(?:@\s*({NUMBER})\s*(s?))?\s*")


@dataclass(frozen=True)
class Fault:
    """A part that dies. kind: "chip", "core" or "link"; place: its numbers.

    at: the step at whose beginning it dies, or the seconds of model time, if `seconds`. toward: the
    direction of a link of the chip at `place`, where it is not named by its number.
    """

    kind: str
    place: tuple[int, ...]
    at: float
    seconds: bool = False
    toward: str = ""

    def step(self, dt: float) -> int:
        """Return the first step without the part. dt: seconds of model time per step."""
        # a time that is a step's own, but for rounding, is that step
        return math.ceil(self.at / dt * (1 - 1e-12)) if self.seconds else int(self.at)

    @property
    def part(self) -> str:
        """The part in words, as it is named everywhere."""
        return f"{self.kind} {','.join(map(str, self.place))} {self.toward}".rstrip()

    def __str__(self) -> str:
        return f"{self.part} @ {self.at:g}{' s' if self.seconds else ''}"


def fault(part: str, *, step: int | None = None, seconds: float | None = None) -> Fault:
    """Return the fault of one part at a step or a time.

    part: "chip x,y", "core x,y,core" or "link x,y,link", where the link is a number or a direction
    ("east"); the time may be in the text: "core 0,0,17 @ 120" (a step) or "@ 0.12 s". Raises
    BadInput E0410, E0411.
    """
    found = TEXT.fullmatch(part.strip())
    kind, numbers, at, unit = found.groups() if found else ("", "", None, "")
    place, toward = _place(kind, numbers)
    if not place:
        raise BadInput(
            "E0410",
            "a fault is a part and when it dies",
            got=repr(part),
            allowed=FORMS,
            hint='e.g. "core 0,0,17 @ 120", or "@ 0.12 s" for a time',
        )
    when = [v for v in (at, step, seconds) if v is not None]
    whole = seconds is not None or unit == "s" or all(float(v) == int(float(v)) for v in when)
    if len(when) != 1 or not 0 <= float(when[0]) < math.inf or not whole:
        raise BadInput(
            "E0411",
            "a part dies once, at a step or at a time",
            where=part.strip(),
            got=when,
            allowed="one whole step from 0 on, or seconds of model time",
            hint="step=120, or seconds=0.12",
        )
    return Fault(kind, place, float(when[0]), seconds is not None or unit == "s", toward)


def _place(kind: str, text: str) -> tuple[tuple[int, ...], str]:
    """The numbers of a part, and the direction of a link that is named by it."""
    words = [w for w in re.split(r"[,\s]+", text.strip()) if w]
    if len(words) != PARTS.get(kind):
        return (), ""
    toward = words.pop() if kind == "link" and words[-1] in DIRECTIONS else ""
    if not all(w.isascii() and w.isdigit() for w in words):
        return (), ""
    return tuple(map(int, words)), toward


def checked(program: Program, chip: Chip, asked: Iterable[Fault | str]) -> tuple[Fault, ...]:
    """Return the faults in the order of their steps. Raises BadInput E0410-E0413."""
    if isinstance(asked, str):
        asked = [asked]
    found = [_check(program, chip, fault(f) if isinstance(f, str) else f) for f in asked]
    return tuple(sorted(found, key=lambda f: f.step(program.dt)))


def _check(program: Program, chip: Chip, asked: Fault) -> Fault:
    """The fault with its link's number, if there is such a part."""
    machine, places, f = program.machine, {c.place for c in program.cores}, asked
    if f.kind == "link" and program.routing not in LINKED:
        raise BadInput(
            "E0413",
            "the links of this chip are not followed one by one",
            where=chip.name,
            got=f"fault {f.part}",
            allowed="chip and core",
            hint="the chip behind the link",
        )
    known = machine.has(f.place[:2])  # type: ignore[arg-type]
    if f.kind == "link":
        if f.toward:  # a direction that the machine lacks is as good as a number it lacks
            numbers = {step: k for k, step in enumerate(machine.steps)}
            link = numbers.get(DIRECTIONS[f.toward], len(machine.steps))
            f = dataclasses.replace(f, place=(*f.place[:2], link), toward="")
        known = known and f.place[2] < len(machine.steps)
    elif f.kind == "core":
        known = f.place in places or (known and f.place[2] in chip.grid)
        known = known and f.place not in machine.dead_cores
    if not known:
        raise BadInput(
            "E0412",
            "no such part, or it was dead when the program was compiled",
            where=f"{chip.name}, machine of {machine.width} x {machine.height} chips",
            got=f"fault {asked.part}",
            allowed=f"chips (x, y) below {machine.width}, {machine.height}"
            + (f", {chip.numbers}" if chip.numbers else "")
            + (f", links below {len(machine.steps)}" if machine.steps else ""),
            hint="mossy inspect shows where the cores are",
        )
    return f


@dataclass(frozen=True)
class Stretch:
    """Steps begin .. end of a run, all with the same parts dead."""

    begin: int
    end: int
    dead: Dead


def parted(program: Program, faults: Sequence[Fault], steps: int) -> tuple[Stretch, ...]:
    """Return the stretches of a run of `steps` steps.

    In the first one nothing is dead, so it is empty where something dies at step 0.
    """
    at = sorted({s for f in faults if (s := f.step(program.dt)) < steps})
    first = Stretch(0, at[0] if at else steps, NONE_DEAD)
    later = (Stretch(a, b, dead_at(program, faults, a)) for a, b in pairwise([*at, steps]))
    return first, *later


def dead_at(program: Program, faults: Sequence[Fault], step: int) -> Dead:
    """Return the parts that are dead in a step."""
    lost: dict[str, set[Any]] = {kind: set() for kind in PARTS}
    for f in faults:
        if f.step(program.dt) <= step:
            lost[f.kind].add(f.place)
    return Dead(*(frozenset(lost[kind]) for kind in ("chip", "core", "link")))


def cut_off(program: Program, faults: Sequence[Fault], steps: int) -> dict[int, set[Spot]]:
    """Return step -> live chips with cores of the program that the host reaches no more from then.

    Links carry in both directions, so what cannot be read cannot be written to either.
    """
    found: dict[int, set[Spot]] = {}
    gone: set[Spot] = set()
    used = {c.place[:2] for c in program.cores if c.place is not None}
    machine = program.machine
    for s in parted(program, faults, steps)[1:]:
        if not (s.dead.chips or s.dead.links):
            continue
        left = dataclasses.replace(
            machine,
            empty=machine.empty | s.dead.chips,
            dead_links=machine.dead_links | s.dead.links,
        )
        _, missing = reached(left, used - s.dead.chips)
        if missing - gone:
            found[s.begin] = missing - gone
        gone |= missing
    return found


def last_steps(program: Program, stretches: Sequence[Stretch]) -> NDArray[np.int64]:
    """Return for each core how many steps it lives: (cores,)."""
    lives = np.full(len(program.cores), stretches[-1].end, np.int64)
    for s in reversed(stretches[1:]):
        for c in program.cores:
            if s.dead.core(c.place):
                lives[c.number] = s.begin
    return lives


def silenced(
    program: Program, lives: NDArray[np.int64], inputs: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the inputs without what was meant for dead cores. inputs: (batch, time, n) each."""
    found = dict(inputs)
    for c in (c for c in program.cores if c.role == "source"):
        x = inputs[c.population]
        if lives[c.number] < x.shape[1]:
            if found[c.population] is x:
                found[c.population] = x.copy()
            found[c.population][:, lives[c.number] :, c.lo : c.hi] = 0
    return found


def direction(machine: Machine, link: int) -> str:
    """Return the name of a link's direction, its number where it has none."""
    named = {step: name for name, step in DIRECTIONS.items()}
    return named.get(machine.steps[link], str(link))


def kept(program: Program, lives: NDArray[np.int64], states: dict[str, NDArray[Any]]) -> None:
    """Write into recorded states what the registers of dead cores held. states: (batch, steps, n).

    A core that is dead from the first step on holds what it was loaded with.
    """
    for c in program.cores if states else ():
        end = int(lives[c.number])
        here = states.get(c.population)
        if here is not None and end < here.shape[1]:
            last = here[:, end - 1 : end, c.lo : c.hi] if end else c.state
            here[:, end:, c.lo : c.hi] = last
