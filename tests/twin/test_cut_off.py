"""Chips that live and that the host reaches no more: two chips, one of them wired to the host."""

from __future__ import annotations

import dataclasses

import pytest

from mossy.chips import chip as find_chip
from mossy.program.machine import Spot
from mossy.twin.faults import checked, cut_off
from tests.twin.test_congestion import line

CHIP = find_chip("spinnaker2")


@pytest.mark.parametrize(("died", "lost"), [
    (["chip 0,0 @ 2"], {2: {(1, 0)}}),
    (["link 0,0,0 @ 3"], {3: {(1, 0)}}),
    (["link 1,0 west @ 3", "chip 0,0 @ 4"], {3: {(1, 0)}}),
    (["chip 1,0 @ 2"], {}),
    (["core 0,0,101 @ 2"], {}),
    (["chip 0,0 @ 99"], {}),
    ([], {}),
])  # fmt: skip
def test_who_is_behind_what_died(died: list[str], lost: dict[int, set[Spot]]) -> None:
    program, x = line()
    assert cut_off(program, checked(program, CHIP, died), x.shape[1]) == lost
    wired = dataclasses.replace(program.machine, ethernet=((0, 0), (1, 0)))
    program = dataclasses.replace(program, machine=wired)
    assert cut_off(program, checked(program, CHIP, died), x.shape[1]) == {}


def test_the_report_says_that_nobody_could_have_read_it() -> None:
    program, x = line()
    hurt = program.run(x, record="*", faults=["chip 0,0 @ 2"])
    report = hurt.report()
    assert report.json()["faults"]["cut_off"] == [{"step": 2, "chips": [(1, 0)]}]
    said = "no wired chip leads to chip (1,0) from step 2 on: what was recorded there could not"
    assert said in str(report)
    assert hurt.spikes["lif"].any()  # given all the same
    whole = program.run(x).report()
    assert whole.json()["faults"]["cut_off"] == [] and "no wired chip" not in str(whole)
