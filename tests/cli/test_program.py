"""mossy compile and mossy inspect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mossy.chips import chip, names
from mossy.plots import core_memory
from mossy.program import load
from tests.cli.toy import SIZES, files, mistake, mossy, printed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the toy network compiled for every chip, in several cores where it can be."""
    made = tmp_path_factory.mktemp("programs")
    net, x, _ = files(made)
    for name in names():
        printed(
            "compile", net, "--on", name, "-o", made / f"{name}.mossy", "--data", x,
            "--neurons-per-core", 4, "--approximate",
        )  # fmt: skip
    return made


def test_compile_says_what_it_made(folder: Path) -> None:
    result = mossy("compile", folder / "net.nir", "--on", "cpu", "-o", folder / "again.mossy")
    assert result.exit_code == 0 and result.stderr == ""
    assert result.stdout.startswith(f"{folder / 'again.mossy'}: toy for CPU (this machine), ")


def test_compile_as_json(folder: Path) -> None:
    found = printed("compile", folder / "net.nir", "--on", "cpu", "-o", folder / "again.mossy")
    assert found["bytes"] == (folder / "again.mossy").stat().st_size
    assert found["chip"] == "cpu" and found["calibrated"] is False


@pytest.mark.parametrize("name", names())
def test_the_overview_accounts_for_the_memory(name: str, folder: Path) -> None:
    text = mossy("inspect", folder / f"{name}.mossy").stdout
    program = load(folder / f"{name}.mossy")
    room = core_memory(chip(name))
    for core in program.cores:
        used = sum(b.size for b in core.memory if b.memory == "data")
        assert f"{used:,} B" in text
        for block in core.memory:
            assert f"0x{block.address:08x}" in text
    assert ("share" if room is None else f"of {room:,} B") in text
    for population in program.populations:
        assert population.name in text


def test_the_overview_says_what_loading_takes(folder: Path) -> None:
    text = mossy("inspect", folder / "spinnaker2.mossy")
    load = printed("inspect", folder / "spinnaker2.mossy")["loading"]["load"]
    assert load["bottleneck"] == "Ethernet" and load["time"]["value"] > 0
    assert "most of it on Ethernet, chip (0,0)" in text.stdout
    assert f"{load['packets']['core_to_core']:,} core to core packets" in text.stdout
    assert printed("inspect", folder / "cpu.mossy")["loading"] is None


def test_the_overview_shows_places_keys_and_routes(folder: Path) -> None:
    program = load(folder / "spinnaker2.mossy")
    lines = mossy("inspect", folder / "spinnaker2.mossy").stdout.splitlines()
    table = program.tables["0,0"]
    assert f"routing table of chip 0,0: {len(table)} entries" in lines
    for route in table:
        assert any(f"0x{route.key:08x}  0x{route.mask:08x}" in line for line in lines)
    first = program.cores[0]
    assert any("chip 0,0 core 101" in x and f"{first.lo}..{first.hi - 1}" in x for x in lines)


@pytest.mark.parametrize("name", names())
def test_inspect_as_json_equals_the_program(name: str, folder: Path) -> None:
    program = load(folder / f"{name}.mossy")
    found = printed("inspect", folder / f"{name}.mossy")
    assert found["network_hash"] == program.network_hash
    assert [c["hi"] - c["lo"] for c in found["cores"]] == [c.n for c in program.cores]
    assert [len(t) for t in found["tables"].values()] == [len(t) for t in program.tables.values()]
    assert found["core_memory_B"] == core_memory(chip(name))


@pytest.mark.parametrize("name", names())
def test_one_core_in_full(name: str, folder: Path) -> None:
    number = load(folder / f"{name}.mossy").cores[-1].number
    found = printed("inspect", folder / f"{name}.mossy", "--core", number)
    assert found["number"] == number and found["population"] == "lif2"
    synapses = found["synapses"]
    assert found["row_start"][-1] == len(synapses["weight"]) == len(synapses["index"])
    kept_as_kernel = any(np.any(k["weight"]) for k in found["kernels"])
    assert any(synapses["weight"]) or kept_as_kernel
    text = mossy("inspect", folder / f"{name}.mossy", "--core", number).stdout
    kept = f"{len(synapses['weight']):,} synapse" if any(synapses["weight"]) else "kernel 0:"
    assert kept in text
    assert "parameter" in text and "neuron" in text


def test_the_text_form_is_deterministic_and_sees_every_weight(folder: Path) -> None:
    before = mossy("inspect", folder / "loihi1.mossy", "--text").stdout
    assert before == mossy("inspect", folder / "loihi1.mossy", "--text").stdout
    program = load(folder / "loihi1.mossy")
    program.cores[-1].words[0] ^= 1 << 16  # the lowest bit of a weight
    program.save(str(folder / "changed.mossy"))
    after = mossy("inspect", folder / "changed.mossy", "--text").stdout
    changed = [a for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == 1 and "weight" in changed[0]


def test_a_large_program_is_shown_in_part(folder: Path) -> None:
    many = folder / "many.mossy"
    printed("compile", folder / "net.nir", "--on", "spinnaker2", "-o", many,
            "--neurons-per-core", 1)  # fmt: skip
    hidden = sum(SIZES) - 24
    assert f"({hidden} more cores: --text, or --core N)" in mossy("inspect", many).stdout
    assert "more core" not in mossy("inspect", many, "--text").stdout


# ------------------------------------------------------------------------------ mistakes
def test_an_output_path_is_refused_before_compiling(tmp_path: Path) -> None:
    message = mistake("compile", "no-such.nir", "--on", "cpu", "-o", tmp_path / "no" / "p.mossy")
    assert message.startswith("[E0601]") and "No such file or directory" in message


def test_no_such_core(folder: Path) -> None:
    last = len(load(folder / "cpu.mossy").cores) - 1
    message = mistake("inspect", folder / "cpu.mossy", "--core", 999)
    assert message == (
        f"[E0613] --core: no such core in the program; got 999; allowed: 0 to {last}"
    )


def test_what_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "x.mossy").write_text("no", "utf-8")
    assert mistake("inspect", tmp_path / "x.mossy").startswith("[E0162]")
