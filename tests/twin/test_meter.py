"""The energy counter of the machine, on a folder that looks like Linux powercap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mossy.twin.bill import meter
from mossy.twin.bill.meter import Meter
from tests.twin.test_pricing import three_spikes


def counter(root: Path, name: str, microjoules: int) -> Path:
    (root / name).mkdir(exist_ok=True)
    file = root / name / "energy_uj"
    file.write_text(f"{microjoules}\n")
    return file


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(meter, "POWERCAP", tmp_path)
    return tmp_path


def test_joules_are_the_packages_difference_and_no_sub_zone_counts(powercap: Path) -> None:
    a, b = counter(powercap, "intel-rapl:0", 1_000_000), counter(powercap, "intel-rapl:1", 5)
    core = counter(powercap, "intel-rapl:0:0", 0)  # part of package 0
    with Meter() as m:
        a.write_text("3500000")
        b.write_text("5")
        core.write_text("9000000")
    assert m.joules == pytest.approx(2.5) and m.seconds > 0


def test_a_counter_that_wrapped_or_cannot_be_read_gives_no_joules(powercap: Path) -> None:
    file = counter(powercap, "intel-rapl:0", 100)
    with Meter() as m:
        file.write_text("7")
    assert m.joules is None
    file.write_text("not a number")
    with Meter() as m:
        pass
    assert m.joules is None


def test_a_machine_without_counters_gives_no_joules(powercap: Path) -> None:
    with Meter() as m:
        pass
    assert m.joules is None


def test_a_measured_energy_replaces_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    joules = iter(np.arange(0, 1000, 0.5))
    monkeypatch.setattr(meter, "_joules", lambda: float(next(joules)))
    result = three_spikes("cpu")
    (row,) = result.energy.operations
    assert row.name == "measured" and result.energy.value == pytest.approx(0.5)
    assert result.energy.assumed_share == 0
