"""Trained networks that come with mossy: each folder is one, found by its card.

    zoo.names()                   # ["digits", ...]
    net  = zoo.load("digits")
    x, y = zoo.data("digits")     # spikes (batch, time, *shape) and labels of the test split

A folder holds `card.toml` (what the network is and how good), `network.nir`, `data.py` (whose
`data(split)` gives encoded inputs) and `build.py` (which makes the network again). A plug-in adds
one by an entry point in the group "mossy.zoo" that names its package.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from importlib import import_module, metadata
from importlib.resources import as_file
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mossy import discover
from mossy.errors import BadInput
from mossy.network import nir
from mossy.network.graph import network_hash
from mossy.network.nodes import Integrator, Network, Reset

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PACKAGE = "mossy.zoo"
MARKER = "card.toml"
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Card:
    """What a network of the zoo is, from its `card.toml`.

    dt in seconds. accuracy_float: of the float reference on the test split, 0 to 1. spikes: mean
    number per inference, by node, the input included. encoder_seed is None where nothing is drawn.
    """

    name: str
    task: str
    data: str
    data_licence: str
    citation: str
    rebuild: str
    split_seed: int
    steps: int
    dt: float
    integrator: Integrator
    reset: Reset
    encoder: str
    readout: str
    accuracy_float: float
    network_hash: str
    spikes: dict[str, float]
    encoder_seed: int | None = None


TYPES: dict[str, type[Any]] = {
    "str": str, "Integrator": str, "Reset": str, "int": int, "int | None": int, "float": float,
    "dict[str, float]": dict,
}  # fmt: skip


def names() -> list[str]:
    """Return the names of all networks, sorted."""
    return discover.names(PACKAGE, MARKER)


def card(name: str) -> Card:
    """Return the card of a network. Raises UnknownName E0501, BadInput E0140."""
    return parse_card(_folder(name).joinpath(MARKER).read_text("utf-8"), f"zoo network {name!r}")


def parse_card(text: str, where: str) -> Card:
    """Return the card written as TOML in `text`. Raises BadInput E0140."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput("E0140", f"{MARKER} is not TOML: {error}", where=where) from None
    known = {f.name: f for f in fields(Card)}
    missing = [k for k, f in known.items() if k not in found and f.default is MISSING]
    strange = [k for k in found if k not in known]
    wrong = [
        f"{k} = {v!r}"
        for k, v in found.items()
        if k in known and type(v) is not TYPES[str(known[k].type)]
    ]
    faults = {"lacks": missing, "has the unknown": strange, "has a wrong type in": wrong}
    for what, which in faults.items():
        if which:
            raise BadInput(
                "E0140",
                f"{MARKER} {what} {', '.join(which)}",
                where=where,
                allowed="the fields of mossy.zoo.Card",
                hint="write it like the card of 'digits'",
            )
    return Card(**found)


def load(name: str) -> Network:
    """Return a network. Raises UnknownName E0501; BadInput E0140, E0142 and those of `nir.read`."""
    about = card(name)
    with as_file(_folder(name).joinpath("network.nir")) as path:
        net = nir.read(path, about.dt, about.integrator, about.reset)
    made = network_hash(net)
    if made != about.network_hash:
        raise BadInput(
            "E0142",
            "network.nir is not the network that card.toml describes",
            where=f"zoo network {name!r}",
            got=f"hash {made}",
            allowed=about.network_hash,
            hint=f"make both again: {about.rebuild}",
        )
    return net


def data(name: str, split: str = "test") -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return inputs (batch, time, *shape), ready to run, and labels (batch,) of a network's task.

    split: "train" or "test". Raises UnknownName E0501, BadInput E0141.
    """
    _folder(name)
    if split not in SPLITS:
        raise BadInput(
            "E0141",
            "unknown split",
            where=f"zoo network {name!r}",
            got=repr(split),
            allowed=", ".join(map(repr, SPLITS)),
        )
    plugged = {point.name: point.value for point in metadata.entry_points(group=PACKAGE)}
    module = import_module(f"{plugged.get(name, f'{PACKAGE}.{name}')}.data")
    x, y = module.data(split)
    return x, y


def _folder(name: str) -> Traversable:
    return discover.find(PACKAGE, MARKER, name, "zoo network")
