"""The table of what each chip takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mossy.chips import chip, names
from mossy.errors import UnsupportedNode
from mossy.testing import support_table
from mossy.testing.networks import lif


def cells(name: str) -> dict[str, str]:
    return dict(zip(support_table.HEAD, support_table.row(chip(name)), strict=True))


def test_every_chip_has_a_row_and_every_row_the_same_columns() -> None:
    lines = support_table.table().splitlines()
    assert len(lines) == 2 + len(names())
    assert len({line.count("|") for line in lines}) == 1
    assert [name for name, line in zip(names(), lines[2:], strict=True) if f"`{name}`" in line] == (
        names()
    )


def test_cells_are_what_compiling_says() -> None:
    """Worked out from the rules of each chip, not from the table's own code."""
    two, one, cpu = cells("spinnaker2"), cells("loihi1"), cells("cpu")
    assert one["resets"] == "to v_reset"
    assert two["resets"] == "to v_reset, by subtraction"
    assert two["weights"] == "±127; ±15 with delays"  # 7 bits and sign; 3 of them go to the delay
    assert cpu["weights"] == "float32"
    assert two["delays (steps)"] == "0 to 7"  # 3 bits
    assert cpu["delays (steps)"] == "0 to 255"  # 8 bits
    assert two["potentials between neurons"] == "no"
    assert cpu["potentials between neurons"] == "LI, I, CubaLI"
    assert two["time"] == "a tick of 1 ms"
    assert cpu["facts behind time and energy"] == "1 assumed"


def test_what_was_compared_comes_from_the_list_in_sources() -> None:
    assert support_table.compared_with(chip("loihi1")) == [
        "nengo-loihi 1.1.0",
        "brian2-loihi 0.5.2",
    ]


def test_a_refusal_is_no_support(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnsupportedNode("E0220", "not today")

    monkeypatch.setattr(support_table, "compile", refuse)
    cell = {"cell": lif()}
    assert support_table.attempt(chip("cpu"), lif(), cell) is None
    assert support_table._listed({"LIF": support_table._how(chip("cpu"), lif(), cell)}) == "no"


def test_write_replaces_what_stands_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- chips -->\nold\n<!-- /chips -->\nb\n", "utf-8")
    for _ in range(2):
        assert support_table.write(page)
    wanted = f"a\n<!-- chips -->\n{support_table.table()}<!-- /chips -->\nb\n"
    assert page.read_text("utf-8") == wanted


def test_a_page_without_markers_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["support_table", "--write", str(page)])
    with pytest.raises(SystemExit) as stopped:
        support_table.main()
    assert stopped.value.code == 2
    assert "lacks the lines <!-- chips -->" in capsys.readouterr().err
    assert page.read_text("utf-8") == "nothing here\n"
