from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from mossy import plots, twin
from mossy.chips import chip, names
from mossy.errors import BadInput
from mossy.passes import Options, compile
from mossy.twin import Result
from tests.cli import toy


def recorded(on: str, potential: bool = False) -> Result:
    program = compile(toy.network(potential=potential), on, options=Options(approximate=True))
    return twin.run(program, toy.inputs(), record=["*"], states=["lif2"] if potential else [])


def colours(path: Path) -> set[str]:
    """Return every colour of a picture as #rrggbb."""
    from matplotlib.image import imread

    pixels = np.rint(imread(path)[:, :, :3] * 255).astype(int) @ [1 << 16, 1 << 8, 1]
    return {f"#{p:06X}" for p in np.unique(pixels)}


@pytest.mark.parametrize("on", names())
def test_the_raster_has_every_population_in_its_colour(on: str, tmp_path: Path) -> None:
    plots.raster(recorded(on), path=tmp_path / "r.png")
    assert {c.upper() for c in plots.COLOURS[:3]} <= colours(tmp_path / "r.png")


def test_a_silent_input_gives_a_raster_without_bars(tmp_path: Path) -> None:
    program = compile(toy.network(), "cpu")
    silent = np.zeros_like(toy.inputs())
    plots.raster(twin.run(program, silent, record=["*"]), path=tmp_path / "silent.png")
    plots.raster(recorded("cpu"), path=tmp_path / "r.png")
    from matplotlib.image import imread

    blue = np.array([int(plots.COLOURS[0][i : i + 2], 16) / 255 for i in (1, 3, 5)])

    def share(name: str) -> float:
        return float((np.abs(imread(tmp_path / name)[:, :, :3] - blue).max(axis=2) < 0.01).mean())

    assert share("silent.png") < share("r.png") / 3  # the heading's letters stay


def test_potentials_are_drawn_as_lines(tmp_path: Path) -> None:
    result = recorded("spinnaker2", potential=True)
    panels = plots._panels(result, 0)
    assert [p.potential for p in panels] == [False, False, True]
    plots.raster(result, sample=3, path=tmp_path / "v.png")
    assert (tmp_path / "v.png").stat().st_size > 10_000


@pytest.mark.parametrize("on", [n for n in names() if chip(n).grid])
def test_the_placement_shades_each_core_by_its_memory(on: str, tmp_path: Path) -> None:
    program = compile(toy.network(), on, options=Options(neurons_per_core=10, approximate=True))
    plots.placement(program, path=tmp_path / "p.png")
    room = plots.core_memory(chip(on))
    sizes = {c.number: c.data_bytes for c in program.cores}
    full = room or max(sizes.values())
    palette = plots._colours(program)
    expected = {
        plots._shade(palette[c.population], sizes[c.number] / full).upper()
        for c in program.cores
        if c.place is not None and sizes[c.number]
    }
    assert len(expected) >= 2
    assert expected <= colours(tmp_path / "p.png")


def test_a_platform_without_places_is_a_list_of_its_cores(tmp_path: Path) -> None:
    program = compile(toy.network(), "cpu")
    plots.placement(program, path=tmp_path / "p.png")
    palette = plots._colours(program)
    filled = {palette[c.population] for c in program.cores if c.memory[0].size}
    assert len(filled) == 2 and filled <= colours(tmp_path / "p.png")


def test_populations_that_share_a_colour_differ_in_hatching() -> None:
    program = compile(toy.network(), "loihi1", options=Options(neurons_per_core=1))
    first = program.populations[0]
    named = [dataclasses.replace(first, name=f"p{i}") for i in range(14)]
    cores = [dataclasses.replace(c, population=f"p{i}") for i, c in enumerate(program.cores[-14:])]
    many = dataclasses.replace(program, populations=tuple(named), cores=tuple(cores))
    looks = {(t.colour, t.hatch) for t in plots._tiles(many, None)}
    assert len(looks) == 14


def test_several_chips_are_drawn_side_by_side(tmp_path: Path) -> None:
    program = compile(toy.network(), "loihi1", options=Options(neurons_per_core=10))
    cores = [c for c in program.cores if c.place is not None]
    moved = [dataclasses.replace(c, place=(i % 2, i // 2, i)) for i, c in enumerate(cores)]
    wide = dataclasses.replace(program, cores=tuple(moved))
    plots.placement(program, path=tmp_path / "one.png")
    plots.placement(wide, path=tmp_path / "four.png")
    from matplotlib.image import imread

    assert imread(tmp_path / "four.png").shape != imread(tmp_path / "one.png").shape


def test_core_memory_is_the_chips_limit() -> None:
    facts = chip("spinnaker2").facts
    assert plots.core_memory(chip("spinnaker2")) == int(facts["sram"]) - int(facts["itcm"])
    assert plots.core_memory(chip("loihi1")) == int(chip("loihi1").facts["synapse_memory"])
    assert plots.core_memory(chip("cpu")) is None


def test_a_fuller_core_is_darker_and_an_empty_one_is_not_white() -> None:
    shades = [int(plots._shade("#D55E00", s)[3:5], 16) for s in (0.0, 0.3, 0.7, 1.0)]
    assert shades == sorted(shades, reverse=True) and shades[0] < 255
    assert plots._shade("#D55E00", 1.0) == "#d55e00"


def test_neighbouring_populations_differ_in_colour() -> None:
    assert len(set(plots.COLOURS)) == len(plots.COLOURS) >= 6


# ------------------------------------------------------------------------------ refusals
def test_a_sample_that_was_not_run(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"\[E0612\] no such inference to draw; got 6; allowed: 0 to 5"
    ):
        plots.raster(recorded("cpu"), sample=6, path=tmp_path / "r.png")


def test_nothing_recorded(tmp_path: Path) -> None:
    program = compile(toy.network(potential=True), "cpu")
    with pytest.raises(BadInput, match=r"\[E0612\] nothing was recorded to draw\. Try: run\("):
        plots.raster(twin.run(program, toy.inputs()), path=tmp_path / "r.png")


@pytest.mark.parametrize("name", ["missing/r.png", "r.unknown"])
def test_a_path_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\[E0601\] .*cannot write the picture"):
        plots.raster(recorded("cpu"), path=tmp_path / name)


def test_matplotlib_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(BadInput, match=r"\[E0609\] pictures need matplotlib.*mossy\[report\]"):
        plots.placement(compile(toy.network(), "cpu"), path=tmp_path / "p.png")
