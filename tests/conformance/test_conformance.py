"""Every check on every chip, plug-ins included. The list is found, not kept."""

from __future__ import annotations

import numpy as np
import pytest

from mossy.chips import chip, names
from mossy.chips.chip import folder_of
from mossy.testing import Check, all_checks, vectors
from tests.conformance.make_vectors import made

CHECKS = dict(all_checks())
MADE = made()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_chip_meets_the_check(check: Check, name: str) -> None:
    check(chip(name))


@pytest.mark.parametrize("path", MADE)
def test_vectors_are_what_their_maker_makes(path: str) -> None:
    owner, _, name = path.split("/")
    (file,) = (f for f in vectors.files(owner) if f.name == name)
    stored, wanted = vectors.read(file), MADE[path]
    assert (stored.model, stored.provenance) == (wanted.model, wanted.provenance)
    for field in ("fmt", "params", "state", "drive", "states", "fired"):
        a, b = getattr(stored, field), getattr(wanted, field)
        assert a.dtype == b.dtype and np.array_equal(a, b), field


def test_no_vector_is_of_unknown_make() -> None:
    folders = {folder_of(c) for c in names()}
    stored = {f"{c}/vectors/{f.name}" for c in folders for f in vectors.files(c)}
    assert stored == set(MADE)
