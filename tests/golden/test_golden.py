"""A network in, the text of every compiler stage and of the program out, compared with a file.

MOSSY_REGENERATE=1 writes the files anew; read the difference before keeping it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mossy.network.text import text as network_text
from mossy.passes.options import Options
from mossy.passes.text import text as stages_text
from mossy.program.text import text as program_text
from tests.passes.mapped import small, stages
from tests.strategies import sample

CASES = {
    "spinnaker2": (
        3,
        "A convolution kept as its kernel, a dense layer with a recurrent edge, and a skip that\n"
        "waits two steps in 4-bit weights; cut into slices of at most 8 neurons over several\n"
        "chips of 3 cores, so that routing tables hold entries of chips on the way.",
    ),
    "loihi1": (
        4,
        "A convolution written out as synapse lists, even mantissas with an exponent, and a skip\n"
        "that waits two steps in the delay field; cut into slices of at most 8 neurons over chips\n"
        "of 4 cores, with the input on the host.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_stage_is_as_it_was(name: str) -> None:
    cores, about = CASES[name]
    net = sample()
    program, made = stages(net, small(name, cores), Options(neurons_per_core=8))
    program = replace(program, version="")  # a release changes no program
    got = "\n".join(
        [about, "", network_text(net), stages_text(made), program_text(program)],
    )
    file = Path(__file__).parent / f"{name}.txt"
    if os.environ.get("MOSSY_REGENERATE"):
        file.write_text(got, "utf-8")
    assert got == file.read_text("utf-8")
