"""The program file: what is saved is what is loaded, byte by byte, and nothing broken is loaded."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mossy.errors import BadInput, UnsupportedNode
from mossy.passes import Options, compile
from mossy.program import load, save
from mossy.program.artefact import same
from tests.strategies import Wanted, networks, sample
from tests.twin.runs import fuzz

CHIPS = ("spinnaker2", "loihi1", "cpu")


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as e:
        load(path)
    return e.value


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("program") / "p.mossy"
    save(compile(sample(), "spinnaker2"), path)
    return path.read_bytes()


@fuzz(40)
@given(data=st.data(), chip=st.sampled_from(CHIPS))
def test_load_gives_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, chip: str
) -> None:
    net = data.draw(networks(Wanted(resets=("node",), graded=chip == "cpu")))
    options = Options(neurons_per_core=data.draw(st.sampled_from([None, 4])))
    try:
        program = compile(net, chip, options=options)
    except UnsupportedNode as e:
        assume(e.code != "E0221")
        raise
    path = tmp_path_factory.getbasetemp() / "p.mossy"
    save(program, path)
    again = load(path)
    assert same(program, again)
    first = path.read_bytes()
    again.save(str(path))
    assert path.read_bytes() == first


@pytest.mark.parametrize("chip", CHIPS)
def test_equal_programs_give_equal_bytes(chip: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(compile(sample(), chip), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_same_sees_a_difference_of_one_bit() -> None:
    program = compile(sample(), "spinnaker2")
    core = next(c for c in program.cores if c.words.size)
    for changed in (
        replace(core, words=core.words ^ np.uint16(1)),
        replace(core, words=core.words.astype(np.uint32)),
        replace(core, key=core.key + 1),
        replace(core, memory=core.memory[:-1]),
    ):
        cores = tuple(changed if c is core else c for c in program.cores)
        assert not same(program, replace(program, cores=cores))
    assert not same(program, replace(program, dt=2 * program.dt))
    assert same(program, replace(program))


def test_types_survive(tmp_path: Path) -> None:
    program = replace(
        compile(sample(), "loihi1"),
        options={"a": None, "b": True, "c": (1, 2.5, float("inf")), "d": [{"e": "µ"}], "f": 0.1},
        tables={"0,0": ()},
    )
    save(program, tmp_path / "p")
    assert same(load(tmp_path / "p"), program)


def test_a_program_holds_no_other_things(tmp_path: Path) -> None:
    program = replace(compile(sample(), "cpu"), options={"a": {1, 2}})
    with pytest.raises(TypeError, match="cannot hold a set"):
        save(program, tmp_path / "p")


# ------------------------------------------------------------------------------ bad files
def test_unwritable_place_is_e0161(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as e:
        save(compile(sample(), "cpu"), tmp_path / "no" / "p")
    assert e.value.code == "E0161"
    assert "cannot write the program (No such file or directory)" in str(e.value)
    assert "no/p" in str(e.value) and "choose a folder that exists" in str(e.value)


def test_missing_file_is_e0162(tmp_path: Path) -> None:
    e = refused(tmp_path / "p")
    assert e.code == "E0162" and "not a whole program file (FileNotFoundError" in str(e)
    assert "copy the file once more" in str(e)


def test_another_version_is_e0163(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p", "w") as out:
        out.writestr("program.json", json.dumps({"mossy": 99, "program": None}))
    e = refused(tmp_path / "p")
    assert e.code == "E0163" and "got 99; allowed: 4" in str(e)
    assert "compile the network again with this version" in str(e)


@pytest.mark.parametrize(
    "tree",
    [
        "",
        "[]",
        "3",
        '{"mossy": 4}',
        '{"mossy": 4, "program": 3}',
        '{"mossy": 4, "program": {"$": "Nonsense"}}',
        '{"mossy": 4, "program": {"$": "Route", "key": 1}}',
        '{"mossy": 4, "program": {"$": "array", "at": 4}}',
        '{"mossy": 4, "program": {"$": "Route", "key": 1, "mask": 2, "links": 0, "cores": 0}}',
    ],
)
def test_any_other_tree_is_e0162(tree: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p", "w") as out:
        out.writestr("program.json", tree)
    e = refused(tmp_path / "p")
    assert e.code == "E0162" and "not a whole program file" in str(e)


@fuzz(60)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_harmless(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path_factory.getbasetemp() / "damaged"
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        bit = 1 << data.draw(st.integers(0, 7))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
    try:
        found = load(path)
    except BadInput as e:
        assert e.code == "E0162"
        return
    path.write_bytes(whole)
    assert same(found, load(path))
