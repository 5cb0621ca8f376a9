from __future__ import annotations

import json
from pathlib import Path

import pytest

from mossy.chips import names
from tests.cli.toy import files, mistake, mossy, printed


@pytest.fixture
def net(tmp_path: Path) -> tuple[str, str, str]:
    return files(tmp_path)


def test_compare_prints_a_row_per_chip(net: tuple[str, str, str]) -> None:
    path, x, y = net
    result = mossy("compare", path, "--on", "loihi1, cpu", "--data", x, "--labels", y)
    assert result.exit_code == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[2].startswith("chip  ")
    assert [line.split()[0] for line in lines[3:5]] == ["loihi1", "cpu"]


def test_compare_as_json_takes_every_chip_by_default(net: tuple[str, str, str]) -> None:
    found = printed("compare", net[0], "--data", net[1], "--labels", net[2])
    assert [r["chip"] for r in found["rows"]] == names()
    assert found["baseline"] == "cpu" and found["accuracy_float"] is not None


def test_out_holds_the_comparison_and_two_pictures_per_chip(
    net: tuple[str, str, str], tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    command = ("compare", net[0], "--on", "spinnaker2,cpu", "--data", net[1], "--out", out)
    found = printed(*command, "--assume", "uncore_power=1", "--samples", 2)
    assert json.loads((out / "comparison.json").read_text("utf-8")) == found
    pictures = sorted(p.name for p in out.glob("*.png"))
    assert pictures == [
        "cpu-placement.png", "cpu-raster.png", "spinnaker2-placement.png", "spinnaker2-raster.png",
    ]  # fmt: skip


def test_a_refusal_of_one_chip_is_part_of_the_table(net: tuple[str, str, str]) -> None:
    command = ("compare", net[0], "--on", "loihi1,cpu", "--data", net[1], "--reset", "subtract")
    result = mossy(*command)
    assert result.exit_code == 0
    assert "loihi1: [E0223]" in result.stdout
    rows = printed(*command)["rows"]
    assert rows[0]["error"].startswith("[E0223]") and rows[1]["error"] is None


# ------------------------------------------------------------------------------ mistakes
def test_an_unknown_chip_is_found_first() -> None:
    message = mistake("compare", "no-such.nir", "--on", "cpu,loihi")
    assert message.startswith("[E0501] unknown chip; got 'loihi'. Try: loihi")


def test_no_chip_at_all() -> None:
    message = mistake("compare", "digits", "--on", " ,")
    assert message.startswith("[E0605] --on: no chip to compare on; allowed: cpu")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = mistake("compare", "no-such.nir", "--out", tmp_path / "file" / "out")
    assert message.startswith("[E0601]") and "a folder that you may make" in message


def test_a_program_is_no_network() -> None:
    message = mistake("compare", "p.mossy", "--on", "cpu")
    assert message.startswith("[E0607] a network is wanted, not a program; got p.mossy")
    assert "mossy run p.mossy" in message


def test_a_fact_that_no_chip_has(net: tuple[str, str, str]) -> None:
    message = mistake("compare", net[0], "--data", net[1], "--assume", "hop_enrgy=1")
    assert message.startswith("[E0604] no chip of the comparison has that fact; got 'hop_enrgy'")
