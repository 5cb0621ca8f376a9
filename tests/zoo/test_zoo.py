"""The cards, and what is said where a card, a name or a file is wrong."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import pytest

from mossy import discover, zoo
from mossy.errors import BadInput, UnknownName
from mossy.network.graph import network_hash
from mossy.network.nodes import LIF

CARD = resources.files("mossy.zoo").joinpath("digits", "card.toml").read_text("utf-8")


def test_names_are_the_folders_with_a_card() -> None:
    assert "digits" in zoo.names()
    assert zoo.names() == sorted(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_card_fits_its_network(name: str) -> None:
    card, net = zoo.card(name), zoo.load(name)
    assert (card.name, net.name) == (name, name)
    assert network_hash(net) == card.network_hash
    assert (net.dt, net.integrator, net.reset) == (card.dt, card.integrator, card.reset)
    neurons = {key for key, node in net.nodes.items() if isinstance(node, LIF)}
    assert set(card.spikes) == {*net.inputs, *neurons}


@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.parametrize("split", zoo.SPLITS)
def test_data_fit_the_network(name: str, split: str) -> None:
    net = zoo.load(name)
    x, y = zoo.data(name, split)
    assert x.shape == (len(y), zoo.card(name).steps, *net.shapes[net.inputs[0]][0])


@pytest.mark.parametrize("ask", [zoo.card, zoo.load, zoo.data])
def test_unknown_name_is_answered_with_the_nearest(ask: object) -> None:
    with pytest.raises(UnknownName) as error:
        ask("digit")  # type: ignore[operator]  # each takes a name
    assert str(error.value) == "[E0501] unknown zoo network; got 'digit'. Try: digits"


def test_unknown_split_is_named() -> None:
    with pytest.raises(BadInput) as error:
        zoo.data("digits", "valid")
    assert str(error.value) == (
        "[E0141] zoo network 'digits': unknown split; got 'valid'; allowed: 'train', 'test'"
    )


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("steps = ", "step = ", "card.toml lacks steps"),
        ("dt = ", "DT = 1\ndt = ", "card.toml has the unknown DT"),
        ("split_seed = 0", 'split_seed = "a"', "card.toml has a wrong type in split_seed = 'a'"),
        ("split_seed = 0", "split_seed = true", "card.toml has a wrong type in split_seed = True"),
        ("dt = 1e-3", "dt = ", "card.toml is not TOML: Invalid value (at line"),
    ],
)
def test_broken_card_is_explained(before: str, after: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        zoo.parse_card(CARD.replace(before, after, 1), "here")
    assert str(error.value).startswith(f"[E0140] here: {says}")


def test_encoder_seed_may_be_left_out_or_given() -> None:
    assert zoo.parse_card(CARD, "here").encoder_seed is None
    assert zoo.parse_card("encoder_seed = 3\n" + CARD, "here").encoder_seed == 3


def test_network_of_another_card_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with resources.as_file(resources.files("mossy.zoo").joinpath("digits")) as folder:
        shutil.copy(folder / "network.nir", tmp_path)
    wrong = CARD.replace(f'"{zoo.card("digits").network_hash}"', '"0123"')
    (tmp_path / "card.toml").write_text(wrong, "utf-8")
    monkeypatch.setattr(discover, "folders", lambda package, marker: {"digits": tmp_path})
    with pytest.raises(BadInput) as error:
        zoo.load("digits")
    text = str(error.value)
    assert text.startswith(
        "[E0142] zoo network 'digits': network.nir is not the network that card.toml describes; "
    )
    assert text.endswith("; allowed: 0123. Try: make both again: python -m mossy.zoo.digits.build")


def test_plug_in_is_found_and_its_data_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, told = tmp_path / "grown_elsewhere", tmp_path / "grown_elsewhere-1.dist-info"
    with resources.as_file(resources.files("mossy.zoo").joinpath("digits")) as folder:
        package.mkdir()
        shutil.copy(folder / "network.nir", package)
        shutil.copy(folder / "card.toml", package)
    (package / "__init__.py").touch()
    (package / "data.py").write_text("def data(split):\n    return split, 'labels'\n")
    told.mkdir()
    (told / "METADATA").write_text("Name: grown-elsewhere\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[mossy.zoo]\nseedling = grown_elsewhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert {"digits", "seedling"} <= set(zoo.names())
    assert network_hash(zoo.load("seedling")) == zoo.card("digits").network_hash
    assert [str(part) for part in zoo.data("seedling", "train")] == ["train", "labels"]
