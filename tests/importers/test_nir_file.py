"""`load`, the door to NIR files."""

from __future__ import annotations

import nir
import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.importers.nir_file import load
from mossy.network import nir as mossy_nir


def test_load_asks_for_dt_once(tmp_path):
    nir.write(tmp_path / "a.nir", nir.Linear(np.ones((2, 3))))
    with pytest.raises(BadInput, match="E0115"):
        load(tmp_path / "a.nir")
    net = load(tmp_path / "a.nir", dt=2e-3, reset="subtract")
    mossy_nir.write(net, tmp_path / "b.nir")
    again = load(tmp_path / "b.nir")
    assert (again.dt, again.integrator, again.reset) == (2e-3, "euler", "subtract")


def test_load_takes_a_path_as_text(tmp_path):
    nir.write(tmp_path / "a.nir", nir.Linear(np.ones((2, 3))))
    assert load(str(tmp_path / "a.nir"), dt=1.0, integrator="exponential").name == "a"
