"""Figures that have targets: of chips, and of ranks; and how they are gathered into one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import gesture, scaling, validation
from benchmarks.figure import skipped, table
from benchmarks.run import vars_of
from benchmarks.targets import PARTS, figures, said
from mossy.chips import chip
from mossy.chips.published import published
from mossy.twin.counts import Counts
from mossy.units import Quantity

CHIP = "spinnaker2"


def rows(*predict: str) -> list[Any]:
    found = [r for r in published(CHIP) if r.predict in predict]
    return [(CHIP, r, validation.predicted(chip(CHIP), r)) for r in found]


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gesture network costs seconds; its ratios are told, not run."""
    monkeypatch.setattr(gesture, "ratios", lambda: {"low": 1.6, "high": 1.0, "auto": 0.724})


def test_every_bound_is_that_of_a_published_row() -> None:
    assert {r.predict for r in published(CHIP)} >= set(validation.ALLOWED)


def test_power_and_events_are_what_was_published(off: None) -> None:
    found = [f for f in validation.targets(rows(*validation.ALLOWED)) if "gestures" not in f.what]
    assert len(found) == 7 and all(f.met for f in found)
    power = [f for f in found if "power" in f.what]
    assert [f.target for f in power] == [1e-6] * 5
    assert all(f.remark.endswith("by construction") for f in power)
    chips = next(f for f in found if f.what.endswith("events per second and chip"))
    assert chips.value == pytest.approx(0.0123, abs=1e-3) and chips.target == 0.02
    assert "published 1.8 G/s, predicted 1.82 G/s" in chips.remark


def test_a_prediction_that_is_off_or_unknown_does_not_meet_its_target(off: None) -> None:
    ((_, row, _),) = rows("power_busy")
    for value, met, remark in (
        (Quantity.exact(1.25, "W"), False, "published 1.25 W, predicted 1.25 W; "),
        (None, None, "skipped: "),
    ):
        figure = next(validation.targets([(CHIP, row, validation.Prediction(value, ""))]))
        assert (figure.met, figure.remark) == (met, remark)


def test_ratios_of_the_gesture_network_are_held_against_the_published_ones(off: None) -> None:
    low, auto = list(validation.targets(rows("gesture_low")))
    assert low.what == "spinnaker2: gestures, low / high" and low.target == 0.15
    assert low.value == pytest.approx(1 - 1.6 * 1.023 / 2.010) and not low.met
    assert auto.value == pytest.approx(0, abs=0.01) and auto.met
    assert "published 1.965, predicted 1.600" in low.remark
    assert "chosen knowing the published ratio" in low.remark


def strong(**counts: str) -> list[tuple[scaling.Case, dict[str, Any]]]:
    engines = {"wide": ("wide", 1), "one": ("mpi", 1), "two": ("mpi", 2), "four": ("mpi", 4)}
    return [
        (scaling.Case("strong", 80, 15, ranks, engine), {"counts": counts[k], "held": 4 / ranks})
        for k, (engine, ranks) in engines.items()
    ]


def test_ranks_that_count_something_else_are_named() -> None:
    assert scaling.same(strong(wide="a", one="a", two="a", four="a")).met
    figure = scaling.same(strong(wide="a", one="a", two="b", four="a c"))  # c on one of its ranks
    assert (figure.value, figure.target, figure.met) == (2, 0, False)
    assert figure.remark.endswith("other on 2, 4 ranks")
    assert [f.what for f in scaling.targets(strong(wide="a", one="a", two="a", four="a"))] == [
        "memory of 2 ranks", "memory of 4 ranks", "ranks: runs that differ",
    ]  # fmt: skip


def test_a_digest_tells_every_count_but_not_its_width() -> None:
    def counts(dtype: Any, last: int) -> Counts:
        spikes = np.zeros((1, 5, 2), dtype)
        spikes[0, 4, 1] = last
        return Counts({"spikes": spikes, "hops": spikes + 1}, np.zeros(2, np.int64))

    assert scaling.said_of(counts(np.int64, 1)) == scaling.said_of(counts(np.int32, 1))
    assert scaling.said_of(counts(np.int64, 1)) != scaling.said_of(counts(np.int64, 2))


def test_a_part_gives_its_targets_and_what_it_skipped(tmp_path: Path, off: None) -> None:
    every = [*validation.targets(rows("gesture_low")), skipped("a peer", "x", "absent")]
    kept = {"figures": [vars_of(f) for f in every]}
    (tmp_path / "chips.json").write_text(json.dumps(kept), "utf-8")
    found = list(figures("chips", said("chips", tmp_path, again=False)))
    assert found == every
    assert "skipped: absent" in table(found)


def test_what_fails_is_a_row_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "chips", ("no_such_benchmark",))
    (figure,) = figures("chips", said("chips", tmp_path, again=False))
    assert figure.remark.startswith("skipped: -m benchmarks.no_such_benchmark --json ended with")
    assert not list(tmp_path.iterdir())


def test_a_gpu_is_asked_for_where_it_has_a_target() -> None:
    assert PARTS["cortex"][-2:] == ("mossy", "mossy-cuda")
