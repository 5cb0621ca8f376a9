from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mossy.passes import Options, compile
from mossy.program import load, save
from mossy.program.artefact import same
from mossy.program.text import array, number, summary, text
from tests.strategies import sample
from tests.twin.recurrent import compiled, random_network

CHIPS = ("spinnaker2", "loihi1", "cpu")


@pytest.mark.parametrize("chip", CHIPS)
def test_text_is_the_same_for_the_same_program(chip: str, tmp_path: Path) -> None:
    program = compile(sample(), chip)
    save(program, tmp_path / "p")
    assert text(program) == text(load(tmp_path / "p"))


def test_one_changed_word_changes_the_text_of_its_core() -> None:
    program = compile(sample(), "spinnaker2")
    core = next(c for c in program.cores if c.words.size > 20)
    words = core.words.copy()
    words[17] ^= 1 << 9  # beyond the decoded words
    changed = replace(core, words=words)
    other = replace(program, cores=tuple(changed if c is core else c for c in program.cores))
    a, b = text(program).splitlines(), text(other).splitlines()
    assert len(a) == len(b)
    assert [x.split()[0] for x, y in zip(a, b, strict=True) if x != y] == ["words"]


@pytest.mark.parametrize("chip", CHIPS)
def test_text_decodes_the_first_words(chip: str) -> None:
    program = compile(sample(), chip, options=Options(weight_scale={"b": 4.0}))
    lines = text(program).splitlines()
    core = next(c for c in program.cores if c.population == "b")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"core {core.number} "))
    first = next(line for line in lines[start:] if line.startswith("    row 0"))
    weight = sample().nodes["ab"].weight[0, 0]  # type: ignore[union-attr]
    stored = {"spinnaker2": 4 * weight, "loihi1": 2 * weight, "cpu": weight}[chip]
    assert first.split() == ["row", "0", "to", "0", "weight", number(float(stored)), "delay", "0"]


@pytest.mark.parametrize("chip", CHIPS)
def test_summary_is_plain_and_adds_up(chip: str) -> None:
    program = compile(sample(), chip, options=Options(neurons_per_core=5))
    found = summary(program)
    assert json.loads(json.dumps(found)) == found
    rows = found["cores"]
    assert [r["core"] for r in rows] == list(range(len(program.cores)))
    assert sum(r["neurons"] for r in rows if r["role"] == "neurons") == found["neurons"] == 24
    assert sum(r["synapses"] for r in rows) == found["synapses"]
    assert all(sum(r["blocks"].values()) == r["memory_B"] for r in rows)
    assert found["memory_B"] == sum(r["memory_B"] for r in rows)
    assert found["cores_used"] == sum(r["place"] is not None for r in rows)


def test_summary_counts_axons_tables_and_kernels() -> None:
    loihi = summary(compile(sample(), "loihi1"))
    assert loihi["cores"][0]["place"] is None and loihi["cores"][0]["out_axons"] == 32
    spinnaker = summary(compile(sample(), "spinnaker2"))
    assert spinnaker["tables"] == {"0,0": 3} and spinnaker["chips_used"] == 1
    assert [r["kernel_weights"] for r in spinnaker["cores"]] == [0, 8, 0, 0]


def test_short_arrays_are_written_out_and_long_ones_hashed() -> None:
    assert array(np.arange(3)) == "[0 1 2]"
    assert array(np.full(20, 0.5)) == "(20,) all 0.5"
    assert array(np.zeros(0)) == "[]"
    long = np.arange(20.0) / 8
    assert array(long).startswith("(20,) 0..2.375 #")
    assert array(long) != array(long.reshape(4, 5)) != array(long.astype(np.float32))


def test_numbers_are_written_so_that_they_can_be_told_apart() -> None:
    assert number(np.float32(0.1)) == "0.1" and number(0.1 + 0.2) == "0.30000000000000004"
    assert number(np.uint64(2**63)) == "9223372036854775808" and number(np.float32("inf")) == "inf"


def test_recipes_and_noise_are_shown_and_kept(tmp_path: Path) -> None:
    program = compiled(random_network(0)[0])
    shown = text(program)
    save(program, tmp_path / "p")
    assert same(program, load(tmp_path / "p"))
    core = next(c for c in program.cores if c.recipes and c.noise)
    assert shown.count("\n  recipe ") == sum(len(c.recipes) for c in program.cores)
    assert f"seed {core.recipes[0].seed}" in shown and f"seed {core.noise[0].seed}" in shown
    assert "of recipe 0" in shown
    assert sum(r["recipes"] for r in summary(program)["cores"]) == shown.count("\n  recipe ")
