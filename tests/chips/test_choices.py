"""Choices of a chip: words with a source, which whoever runs a program may replace."""

from __future__ import annotations

from typing import Any

import pytest

from mossy.chips import chip, names
from mossy.chips.choices import read
from mossy.errors import BadInput, UnknownFact

ROW = {"is": "late", "allowed": ["late", "drop"], "basis": "assumed", "source": "not published"}


def test_a_choice_is_read_with_its_source() -> None:
    (found,) = read("toy", {"policy": ROW}).values()
    assert (found.name, found.value, found.allowed) == ("policy", "late", ("late", "drop"))
    assert (found.basis, found.source) == ("assumed", "not published")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"is": "never"}, "a word not allowed"),
        ({"basis": "unknown"}, "bad basis"),
        ({"source": ""}, "no source"),
        ({"unit": "1"}, "needs is, allowed, basis and source"),
    ],
)
def test_a_bad_choice_is_e0170(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput) as error:
        read("toy", {"policy": {**ROW, **change}})
    assert error.value.code == "E0170" and why in str(error.value)
    assert "toy: choice policy" in str(error.value)


def test_a_word_and_a_number_are_assumed_together() -> None:
    found = chip("spinnaker2").assuming({"link_policy": "drop", "link_rate": 1e9})
    assert found.choices["link_policy"].value == "drop"
    assert found.choices["link_policy"].source == "assumed by the user"
    assert float(found.facts["link_rate"]) == 1e9
    assert chip("spinnaker2").choices["link_policy"].value == "late"  # the chip itself is as it was
    assert found.choices["fifo_policy"].source != "assumed by the user"


def test_words_and_numbers_in_the_wrong_place_are_e0415() -> None:
    target = chip("spinnaker2")
    with pytest.raises(BadInput) as error:
        target.assuming({"link_rate": "fast"})
    assert error.value.code == "E0415" and "allowed: a number in bit/s" in str(error.value)
    assert "link_policy, fifo_policy, noc_multicast" in str(error.value)
    with pytest.raises(BadInput, match="allowed: drop, overwrite, stall") as error:
        target.assuming({"fifo_policy": 3})
    assert error.value.code == "E0415"
    with pytest.raises(UnknownFact) as unknown:
        target.assuming({"fifo_polcy": "stall"})
    assert unknown.value.code == "E0402"


@pytest.mark.parametrize("name", names())
def test_choices_of_every_chip_have_a_source(name: str) -> None:
    found = chip(name)
    assert not set(found.choices) & set(found.facts)  # one name means one thing
    for choice in found.choices.values():
        assert len(choice.source.split()) > 1 and len(choice.allowed) > 1
