"""A script of py-spinnaker2 in which a core dies on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.py_spinnaker2 import hardware, snn
from tests.chips.test_py_spinnaker2 import source

STEP = 12


def ran(faults: Any = ()) -> tuple[hardware.SpiNNaker2Chip, dict[str, dict[int, list[int]]]]:
    """Two populations that hear the same inputs, and a third that hears both."""
    rng = np.random.default_rng(2)
    stim = source({k: np.flatnonzero(rng.random(30) < 0.2).tolist() for k in range(40)}, 40)
    gate = {"threshold": 60.0, "alpha_decay": 0.9, "reset": "reset_by_subtraction"}
    a, b, c = (snn.Population(8, "lif_no_delay", gate, name, ["spikes"]) for name in "abc")
    net = snn.Network("three")
    net.add(stim, a, b, c)
    for pop in (a, b):
        net.add(snn.Projection(stim, pop, [[i, i % 8, 30, 0] for i in range(40)]))
        net.add(snn.Projection(pop, c, [[i, i, 40, 0] for i in range(8)]))
    hw = hardware.SpiNNaker2Chip()
    hw.run(net, 30, faults=faults)
    return hw, {p.name: p.get_spikes() for p in (a, b, c)}


def test_a_core_that_dies_loses_its_spikes_and_no_others() -> None:
    hw, whole = ran()
    assert hw.program is not None and hw.result is not None and hw.result.faults == ()
    (core,) = (c for c in hw.program.cores if c.population == "b")
    part = "core " + ",".join(map(str, core.place or ()))
    hurt, spikes = ran([f"{part} @ {STEP}"])
    result = hurt.result
    assert result is not None and [str(f) for f in result.faults] == [f"{part} @ {STEP}"]
    assert spikes["a"] == whole["a"]
    assert spikes["b"] == {k: [t for t in times if t < STEP] for k, times in whole["b"].items()}
    assert spikes["b"] != whole["b"]
    assert sum(map(len, spikes["c"].values())) < sum(map(len, whole["c"].values()))
    assert result.counts.mean("packets_lost") > 0
    assert f"{part} died at step {STEP}" in str(result.report())


def test_a_core_that_is_not_there_cannot_die() -> None:
    with pytest.raises(BadInput, match=r"\[E0412\].*no such part.*got fault core 0,0,900"):
        ran("core 0,0,900 @ 3")
