"""Rows of published.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from mossy import discover
from mossy.chips import names
from mossy.chips.published import published
from mossy.errors import BadInput

ROW = """[[measured]]
name = "power"
workload = "keywords"
value = 2e-3
low = 1e-3
unit = "W"
basis = "published"
source = "Somebody et al. 2020"
"""


@pytest.fixture
def chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "chip.toml").touch()
    monkeypatch.setattr(discover, "folders", lambda *_: {"cpu": tmp_path})
    return tmp_path / "published.toml"


def test_a_row_is_read_with_its_range(chip: Path) -> None:
    assert published("cpu") == ()
    chip.write_text(ROW)
    (row,) = published("cpu")
    q = row.quantity
    assert (q.value, q.unit, q.low, q.high) == (2e-3, "W", 1e-3, 2e-3)
    assert row.predict is None


@pytest.mark.parametrize("line", ['colour = "red"', 'basis = "heard"', None])
def test_a_bad_row_is_e0172(chip: Path, line: str | None) -> None:
    bad = ROW.replace('basis = "published"\n', "")
    chip.write_text(ROW.replace('unit = "W"\n', "") if line is None else bad + line + "\n")
    with pytest.raises(BadInput) as found:
        published("cpu")
    e = found.value
    assert e.code == "E0172" and "bad row in published.toml" in str(e) and "cpu: power" in str(e)


def test_the_rows_of_every_chip_can_be_read() -> None:
    rows = [m for name in names() for m in published(name)]
    assert all(m.quantity.low <= m.value <= m.quantity.high for m in rows)
    assert all(len(m.source.split()) > 1 for m in rows)
