"""Pictures: when each neuron spiked, and which core of the machine holds what.

    raster(result, path="raster.png")            placement(program, path="placement.png")

Colours follow the populations in both and can be told apart by colour-blind readers (Okabe and Ito
2008). matplotlib is loaded when a picture is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mossy.chips import Chip
from mossy.chips import chip as find_chip
from mossy.chips.quantised import CoreLoad
from mossy.errors import BadInput
from mossy.program import PopulationMap, Program
from mossy.program.artefact import Place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mossy.twin import Result

# Okabe and Ito's eight without black and yellow, which is too light for dots on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
HATCHES = ("", "////", "....", "xxxx")  # for the second six populations, the third, ...
GREY, FREE = "#555555", "#EDEDED"
LIGHTEST = 0.25  # strength of the colour of an empty core
DPI = 150
POINTS = 72  # per inch
THINNEST = 0.6  # points
MOST_LINES = 12  # potentials drawn with a name each
LEGEND_WIDTH = 22  # characters of a population's name that a legend shows


def raster(result: Result, sample: int = 0, *, path: str | Path) -> None:
    """Draw the spikes (and recorded potentials) of one sample: a panel per population, time in ms.

    The run must have recorded them: run(..., record=["*"]). Raises BadInput E0601, E0609, E0612.
    """
    panels = _panels(result, sample)
    figure = _figure((8.0, 1.3 + sum(p.height for p in panels)))
    axes = figure.subplots(
        len(panels), 1, sharex=True, squeeze=False, height_ratios=[p.height for p in panels]
    )[:, 0]
    program = result.program
    steps = result.counts.shape[1]
    for ax, panel in zip(axes, panels, strict=True):
        (_draw_potential if panel.potential else _draw_spikes)(ax, panel, program, result, sample)
        ax.set_xlim(-0.5 * program.dt * 1e3, (steps - 0.5) * program.dt * 1e3)
        ax.set_ylabel("potential" if panel.potential else "neuron", color=GREY)
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("model time (ms); grey: nothing of the input can have arrived yet")
    axes[-1].locator_params(axis="x", steps=[1, 2, 5, 10])
    title = f"{program.network} on {result.chip.title}, inference {sample}"
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    figure.align_ylabels(axes)
    _save(figure, path)


def placement(program: Program, *, path: str | Path) -> None:
    """Draw the machine: every core at its grid place, coloured by population, darker when fuller.

    A platform without places is drawn as a list of its cores. Raises BadInput E0601, E0609.
    """
    chip = find_chip(program.chip)
    grid = chip.grid
    room = core_memory(chip)
    tiles = _tiles(program, room)
    title = f"{program.network} on {chip.title}"
    if grid:
        title += f": {len(tiles)} core{'s' if len(tiles) > 1 else ''}"
        figure = _draw_machine(chip, tiles)
        _legend(figure, tiles, "of a core's memory" if room else "of the memory of the fullest")
    else:
        figure = _draw_list(tiles)
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    _save(figure, path)


def core_memory(chip: Chip) -> int | None:
    """Return the bytes of a core's memory that a program may fill, None where there is no limit."""
    nothing = CoreLoad("neurons", "", 1)  # limits do not depend on the load
    for limit in chip.rules.limits(nothing, chip.facts):
        if limit.name.endswith("(B)"):
            return int(limit.allowed)
    return None


def require() -> None:
    """Raise BadInput E0609 where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BadInput(
            "E0609",
            "pictures need matplotlib, which is not installed",
            hint="pip install 'mossy[report]'",
        ) from None


# ------------------------------------------------------------------------------ raster
@dataclass(frozen=True)
class _Panel:
    population: PopulationMap
    colour: str
    potential: bool
    height: float  # inches


def _panels(result: Result, sample: int) -> list[_Panel]:
    batch = result.counts.shape[0]
    if not 0 <= sample < batch:
        raise BadInput(
            "E0612", "no such inference to draw", got=sample, allowed=f"0 to {batch - 1}"
        )
    colours = _colours(result.program)
    panels = []
    for p in result.program.populations:
        n = math.prod(p.shape)
        height = min(0.55 + 0.045 * n, 1.9)
        if p.readout == "potential":
            if p.name in result.states:
                panels.append(_Panel(p, colours[p.name], True, 1.5))
        elif p.name in result.spikes:
            panels.append(_Panel(p, colours[p.name], False, height))
    if not panels:
        raise BadInput(
            "E0612", "nothing was recorded to draw", hint='run(x, record=["*"], states=["*"])'
        )
    return panels


def _heading(ax: Axes, panel: _Panel, program: Program, what: str) -> None:
    p = panel.population
    n, lag = math.prod(p.shape), p.lag
    text = f"{p.name}   {n} {'inputs' if p.role == 'source' else 'neurons'}, {what}"
    if lag:
        text += f", {lag} step{'s' if lag > 1 else ''} behind the input"
        ax.axvspan(-1e3, (lag - 0.5) * program.dt * 1e3, color=FREE, lw=0, zorder=0)
    ax.set_title(text, loc="left", fontsize=9, color=panel.colour)


def _draw_spikes(ax: Axes, panel: _Panel, program: Program, result: Result, sample: int) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import MaxNLocator

    p = panel.population
    spikes = result.spikes[p.name][sample].reshape(result.counts.shape[1], -1)
    step, neuron = np.nonzero(spikes)
    n = spikes.shape[1]
    dt = program.dt * 1e3
    middle, half = step * dt, 0.4 * dt
    bars = LineCollection(
        list(np.stack([np.c_[middle - half, neuron], np.c_[middle + half, neuron]], axis=1)),
        linewidths=max(panel.height * POINTS / n * 0.55, THINNEST),
        colors=panel.colour,
        rasterized=True,  # one vector per spike would be slow to show
    )
    ax.add_collection(bars)
    ax.set_ylim(n - 0.25, -0.75)  # neuron 0 on top
    ticks = max(2, int(panel.height * 2.5))
    ax.yaxis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))
    _heading(ax, panel, program, f"{int(spikes.sum()):,} spikes")


def _draw_potential(ax: Axes, panel: _Panel, program: Program, result: Result, sample: int) -> None:
    p = panel.population
    v = result.states[p.name]["v"][sample].astype(float) / p.v_scale + p.v_shift
    time = np.arange(len(v)) * program.dt * 1e3
    strength = np.linspace(1.0, 0.35, v.shape[1])
    top = np.argsort(-v.max(axis=0), kind="stable")[:3]
    for k in range(v.shape[1]):
        ax.plot(time, v[:, k], color=panel.colour, alpha=float(strength[k]), lw=1.0)
    if v.shape[1] <= MOST_LINES:
        for k in top[:1]:
            at = int(v[:, k].argmax())
            ax.annotate(f"highest: {k}", (time[at], v[at, k]), fontsize=8, color=GREY,
                        textcoords="offset points", xytext=(4, 2))  # fmt: skip
    _heading(ax, panel, program, "potential")


# ------------------------------------------------------------------------------ placement
@dataclass(frozen=True)
class _Tile:
    """A core as it is drawn. share: of a core's memory, 0 to 1."""

    number: int
    population: str
    place: Place
    memory: int
    share: float
    colour: str
    hatch: str


def _tiles(program: Program, room: int | None) -> list[_Tile]:
    """The cores that are on the chip; those of the host have no place."""
    used = {c.number: c.data_bytes for c in program.cores}
    full = room or max(used.values(), default=1) or 1
    colours, names = _colours(program), [p.name for p in program.populations]
    tiles = []
    for c in program.cores:
        if c.place is not None:
            again = names.index(c.population) // len(COLOURS)
            share, hatch = min(used[c.number] / full, 1.0), HATCHES[again % len(HATCHES)]
            colour = colours[c.population]
            tiles.append(
                _Tile(c.number, c.population, c.place, used[c.number], share, colour, hatch)
            )
    return tiles


def _draw_machine(chip: Chip, tiles: list[_Tile]) -> Figure:
    cells, across, down = _cells(chip)
    chips = sorted({t.place[:2] for t in tiles}) or [(0, 0)]
    wide = max(x for x, _ in chips) + 1
    high = max(y for _, y in chips) + 1
    size = 4.6 if len(chips) == 1 else max(2.2, 7.5 / max(wide, high))
    legend = 2.6
    figure = _figure((wide * size * across / max(across, down) + legend,
                      max(high * size * down / max(across, down) + 0.6, 3.2)))  # fmt: skip
    axes = figure.subplots(high, wide, squeeze=False)
    for y in range(high):
        for x in range(wide):
            ax = axes[high - 1 - y, x]  # y grows upwards, as in the routing links
            ax.set_axis_off()
            if (x, y) not in chips:
                continue
            here = {t.place[2]: t for t in tiles if t.place[:2] == (x, y)}
            _draw_chip(ax, cells, here, names=len(chips) == 1)
            ax.set_title(f"chip {x}, {y}: {len(here)} of {len(cells)} cores", fontsize=9,
                         color=GREY, loc="left")  # fmt: skip
            ax.set_xlim(-0.1, across + 0.1)
            ax.set_ylim(-0.1, down + 0.1)
            ax.set_aspect("equal")
    return figure


def _cells(chip: Chip) -> tuple[dict[int, tuple[float, float, float]], float, float]:
    """Corner and side of each core's square, cores that share a grid place side by side in it."""
    grid = list(chip.grid.values())
    members: dict[tuple[int, int], int] = {}
    left, low = min(x for x, _ in grid), min(y for _, y in grid)
    side = math.isqrt(max(grid.count(g) for g in set(grid)) - 1) + 1
    cells = {}
    for core, (x, y) in chip.grid.items():
        k = members.get((x, y), 0)
        members[(x, y)] = k + 1
        step = 0.9 / side
        cells[core] = x - left + (k % side) * step, y - low + (k // side) * step, step * 0.9
    return cells, max(x for x, _ in grid) - left + 1.0, max(y for _, y in grid) - low + 1.0


def _draw_chip(
    ax: Axes, cells: dict[int, tuple[float, float, float]], here: dict[int, _Tile], names: bool
) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground="white")]  # numbers stand out on any colour
    for k, (x, y, side) in cells.items():
        tile = here.get(k)
        if tile is None:
            ax.add_patch(Rectangle((x, y), side, side, facecolor=FREE, lw=0))
            continue
        face = _shade(tile.colour, tile.share)
        ax.add_patch(
            Rectangle((x, y), side, side, facecolor=face, lw=0, hatch=tile.hatch, edgecolor="w")
        )
        if names:
            ax.text(x + side / 2, y + side / 2, str(tile.number), ha="center", va="center",
                    fontsize=8, path_effects=outline)  # fmt: skip


def _draw_list(tiles: list[_Tile]) -> Figure:
    figure = _figure((6.4, 0.9 + 0.3 * max(len(tiles), 3)))
    ax = figure.subplots()
    rows = range(len(tiles))
    ax.barh(rows, [t.memory / 1024 for t in tiles], height=0.7, color=[t.colour for t in tiles])
    ax.set_yticks(rows, [f"{t.number} {_short(t.population)}" for t in tiles])
    ax.set_ylim(max(len(tiles), 3) - 0.5, -0.5)
    ax.set_xlabel("memory (KiB)")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def _legend(figure: Figure, tiles: list[_Tile], memory: str) -> None:
    from matplotlib.patches import Patch

    first = {t.population: t for t in reversed(tiles)}
    handles = []
    for name in dict.fromkeys(t.population for t in tiles):
        n = sum(t.population == name for t in tiles)
        label = f"{_short(name)}: {n} core{'s' if n > 1 else ''}"
        tile = first[name]
        handles.append(
            Patch(facecolor=tile.colour, hatch=tile.hatch, edgecolor="w", lw=0, label=label)
        )
    handles.append(Patch(color=FREE, label="free"))
    for s in (0.0, 0.5, 1.0):
        label = f"{s:.0%} {memory}" if s == 1 else f"{s:.0%}"
        handles.append(Patch(color=_shade(GREY, s), label=label))
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=8)


# ------------------------------------------------------------------------------ shared
def _figure(size: tuple[float, float]) -> Figure:
    require()
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")  # no pyplot: no window system, no state


def _save(figure: Figure, path: str | Path) -> None:
    try:
        figure.savefig(path, dpi=DPI)
    except (OSError, ValueError) as error:  # ValueError: no such picture format
        raise BadInput(
            "E0601",
            f"cannot write the picture ({error})",
            where=str(path),
            hint="a .png in a folder that exists and that you may write to",
        ) from None


def _colours(program: Program) -> dict[str, str]:
    names = [p.name for p in program.populations]
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def _shade(colour: str, share: float) -> str:
    """Mix `colour` with white: the fuller, the stronger."""
    strength = LIGHTEST + (1 - LIGHTEST) * share
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - p) * strength):02x}" for p in parts)


def _short(name: str) -> str:
    return name if len(name) <= LEGEND_WIDTH else "…" + name[1 - LEGEND_WIDTH :]
