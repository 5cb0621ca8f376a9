"""The N-MNIST example, on the public network and recordings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import mossy
from examples import nmnist
from mossy.compare import Comparison
from tests import data


def compared(most: int) -> Comparison:
    network = data.require("nir-vectors") / "paper" / "02_cnn" / "cnn_sinabs.nir"
    labels = data.path("nmnist-small/test100.txt")
    recordings = data.require("nmnist-small")
    assert labels is not None
    x, y = nmnist.recordings(recordings, labels, most)
    assert x.shape == (most, nmnist.STEPS, 2, 34, 34)
    return nmnist.compare(mossy.load(network, dt=nmnist.DT), x, y)


def test_five_recordings_run_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(5)
    assert found.accuracy_float == 1
    for row in found.rows:
        assert row.error is None
        assert row.accuracy == 1
        assert row.energy is not None and row.latency is not None
        assert 0 < row.energy.low <= row.energy.value <= row.energy.high
        assert 10_000 < (row.spikes or 0) < 50_000
    assert [row.chip for row in found.rows] == list(nmnist.CHIPS)
    said = capsys.readouterr()
    assert said.out == ""
    assert "loihi1: run" in said.err


@pytest.mark.slow
def test_a_hundred_recordings_are_told_apart() -> None:
    """98 of 100 is what one wrong digit more than ever seen would leave; the paper has 98.2 %."""
    found = compared(100)
    assert found.accuracy_float is not None and found.accuracy_float >= 0.98
    for name in nmnist.CHIPS:
        accuracy = found.row(name).accuracy
        assert accuracy is not None and accuracy >= 0.98, name


def test_labels_come_with_or_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "7.bin").write_bytes(bytes([3, 5, 0x80, 0x13, 0x88]))  # x 3, y 5, on, 5000 µs
    labels = tmp_path / "labels.txt"
    labels.write_text("#sample #class\n7\t4\n\n", "utf-8")
    x, y = nmnist.recordings(tmp_path, labels)
    assert y.tolist() == [4]
    assert x.sum() == x[0, 5, 1, 5, 3] == 1


def test_what_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nmnist.py"])
    monkeypatch.setenv("MOSSY_DATA", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        nmnist.main()
    assert stopped.value.code == 2
    assert f"{tmp_path / 'cnn_sinabs.nir'} does not exist" in capsys.readouterr().err
