"""mossy chips, mossy zoo, mossy --version, and what the command line as a whole promises."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import mossy as package
from mossy import cli, zoo
from mossy.chips import chip, names
from tests.cli.toy import mistake, mossy, printed

COMMANDS = {"run", "compare", "compile", "inspect", "chips", "zoo"}


def test_chips_are_listed_with_title_and_summary() -> None:
    text = mossy("chips").stdout
    found = printed("chips")
    assert [c["name"] for c in found] == names()
    for c in found:
        assert any(line.split()[0] == c["name"] for line in text.splitlines() if line[0] != " ")
        assert c["title"] in text and c["summary"].split()[0] in text
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("name", names())
def test_the_facts_of_a_chip_are_shown_with_their_sources(name: str) -> None:
    facts = chip(name).facts
    shown = {f["name"]: f for f in printed("chips", name)["facts"]}
    assert {k: v["value"] for k, v in shown.items()} == {k: f.value for k, f in facts.items()}
    lines = mossy("chips", name).stdout.splitlines()
    for fact in facts.values():
        (line,) = [x for x in lines if x.startswith(f"{fact.name} ")]
        cells = line.split()
        assert cells[1] == ("unknown" if fact.value is None else f"{fact.value:g}")
        assert fact.basis in cells and fact.source.split()[0] in cells


def test_the_choices_of_a_chip_are_shown_below_its_facts() -> None:
    shown, said = mossy("chips", "spinnaker2").stdout, printed("chips", "spinnaker2")
    assert [c["name"] for c in said["choices"]] == list(chip("spinnaker2").choices)
    for choice in said["choices"]:
        assert choice["name"] in shown and " | ".join(choice["allowed"]) in shown
    assert printed("chips", "cpu")["choices"] == []


def test_the_zoo_is_listed_and_a_card_shown() -> None:
    assert [c["name"] for c in printed("zoo")] == zoo.names()
    listed = mossy("zoo").stdout.splitlines()
    assert listed[0].split() == ["name", "float", "accuracy", "steps", "task"]
    card = zoo.card("digits")
    assert printed("zoo", "digits")["network_hash"] == card.network_hash
    text = mossy("zoo", "digits").stdout
    assert card.citation in text and f"lif1 {card.spikes['lif1']:g}" in text


@pytest.mark.parametrize("group", ["chips", "zoo"])
def test_an_unknown_name(group: str) -> None:
    message = mistake(group, "digit" if group == "zoo" else "loihi")
    assert message.startswith("[E0501] unknown ")
    assert ("Try: digits" if group == "zoo" else "Try: loihi") in message


def test_the_version_is_the_packages() -> None:
    assert mossy("--version").stdout == f"mossy {package.__version__}\n"


def test_every_file_of_the_folder_is_a_command() -> None:
    found = {m.name for m in pkgutil.iter_modules(cli.__path__) if m.name[0] != "_"}
    assert found == {c.name for c in cli.app.registered_commands} >= COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_json(name: str) -> None:
    text = mossy(name, "--help").stdout
    assert "--json" in text and "Usage: " in text


def test_showing_help_loads_nothing_that_computes() -> None:
    code = (
        "import sys\nfrom mossy.cli import app\n"
        "try: app(['run', '--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'numba', 'scipy', 'rich', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_loads_neither_pandas_nor_matplotlib() -> None:
    code = (
        "import sys\nfrom mossy.cli import run, _source\n"
        "import mossy.compare, mossy.twin, mossy.passes, mossy.network.nir\n"
        "print([m for m in ('pandas', 'matplotlib', 'sklearn', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr("mossy.zoo.names", broken)
    assert isinstance(mossy("zoo").exception, RuntimeError)
