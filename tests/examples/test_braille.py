"""The Braille example, on both public networks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from examples import braille
from tests import data

NETWORKS = ("braille_noDelay_bias_zero", "braille_noDelay_noBias_subtract")


def path(name: str) -> Path:
    return data.require("nir-vectors") / "paper" / "03_rnn" / f"{name}.nir"


@pytest.mark.parametrize("name", NETWORKS)
def test_spike_counts_are_near_the_float_reference(name: str) -> None:
    """Weights of 8 bits move the number of output spikes a little: 6.1 % at most was seen."""
    rows = [dict(zip(braille.HEAD, row, strict=True)) for row in braille.rows(path(name))]
    assert [(r["reset"], r["chip"]) for r in rows] == [
        (reset, chip) for reset in braille.RESETS for chip in braille.CHIPS
    ]
    for row in rows:
        if row["remark"]:
            continue
        assert float(row["float"]) > 20
        assert float(row["spikes"]) == pytest.approx(float(row["float"]), rel=0.1)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_chip_that_cannot_subtract_says_so(name: str) -> None:
    refused = [row for row in braille.rows(path(name)) if row[-1]]
    assert [row[1:3] for row in refused] == [("subtract", "loihi1")]
    assert "E0223" in refused[0][-1]
    assert "reset by subtraction is not native" in refused[0][-1]


def test_it_prints_one_table_for_each_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["braille.py", str(path(NETWORKS[1]))])
    braille.main()
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1 + len(braille.RESETS) * len(braille.CHIPS)
    assert said.err == f"{NETWORKS[1]}.nir ...\n"


def test_a_file_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["braille.py", "nowhere.nir"])
    with pytest.raises(SystemExit) as stopped:
        braille.main()
    assert stopped.value.code == 2
    assert "nowhere.nir does not exist" in capsys.readouterr().err
