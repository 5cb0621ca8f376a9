"""Networks mapped to cores, as SANA-FE speaks of them, and the files that carry them.

Every neuron has a core, numbered as SANA-FE numbers them; what it sends reaches each core that
holds a target in one packet. One .npz file holds many networks under net{k}/<field> and
net{k}/attributes/<name>. Only NumPy is needed here, because the same file is read inside SANA-FE's
own environment.

Attributes by architecture, one number per neuron:

    loihi      v <- trunc_64(leak_decay v) + bias + sum of weights; v > threshold: spike, v <- 0,
               and silent until refractory_delay steps have begun. trunc_64 cuts towards zero to
               whole 64ths. force_update changes nothing but what is counted
    truenorth  v <- v + leak + bias + sum of weights; v >= threshold: spike, and v <- reset
               (reset_mode 0), v - threshold (1) or v (2); else, with floored, v <= -floor:
               v <- -floor
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Arch = Literal["loihi", "truenorth"]
Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNIT = 64  # register units per unit of potential, where fractions are kept
TYPES = 4  # of axons


class Network(NamedTuple):
    """n neurons on cores. Inputs are neurons that only replay their own spikes."""

    arch: Arch
    core: Ints  # (n,)
    attributes: dict[str, Array]  # each (n,)
    is_input: Bools  # (n,)
    x: Bools  # (steps, inputs), in the order of the neurons
    pre: Ints  # (synapses,)
    post: Ints
    weight: Array
    kind: Ints  # (n,) the type of the axon that a neuron drives; truenorth alone

    @property
    def steps(self) -> int:
        """Number of steps to run."""
        return len(self.x)


class Trace(NamedTuple):
    """What a run did, step by step, and soma energy (J) of the whole run.

    v is 0 for inputs. Synaptic events, packets and hops are booked when they are sent; packets are
    known of the whole run alone.
    """

    spikes: Bools  # (steps, n)
    v: Ints  # (steps, n) in register units
    fired: Ints  # (steps,)
    updated: Ints
    synaptic_events: Ints
    hops: Ints
    packets: Ints  # (1,)
    soma_energy: Array  # (1,)


def save_networks(path: Path, networks: list[Network]) -> None:
    """Write networks to an .npz file."""
    arrays = {"count": np.array(len(networks))}
    for k, network in enumerate(networks):
        for name, value in network._asdict().items():
            if name == "attributes":
                arrays |= {f"net{k}/attributes/{a}": v for a, v in value.items()}
            else:
                arrays[f"net{k}/{name}"] = np.asarray(value)
    _save(path, arrays)


def load_networks(path: Path) -> list[Network]:
    """Read the networks that `save_networks` wrote."""
    with np.load(path) as file:
        found = {key: file[key] for key in file.files}
    networks = []
    for k in range(int(found["count"])):
        start = f"net{k}/attributes/"
        attributes = {a.removeprefix(start): v for a, v in found.items() if a.startswith(start)}
        rest = {name: found[f"net{k}/{name}"] for name in Network._fields if name != "attributes"}
        networks.append(Network(**{**rest, "arch": str(rest["arch"]), "attributes": attributes}))
    return networks


def save_traces(path: Path, traces: list[Trace]) -> None:
    """Write one trace per network."""
    _save(path, {f"net{k}/{n}": v for k, t in enumerate(traces) for n, v in t._asdict().items()})


def load_traces(path: Path) -> list[Trace]:
    """Read the traces that `save_traces` wrote."""
    with np.load(path) as file:
        count = len({key.partition("/")[0] for key in file.files})
        return [Trace(*(file[f"net{k}/{n}"] for n in Trace._fields)) for k in range(count)]


def _save(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    with path.open("wb") as file:  # an open file, so that NumPy adds no suffix of its own
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for options


# --------------------------------------------------------------------------- random networks
def random_network(arch: Arch, seed: int) -> Network:
    """Return a small network on cores here and there."""
    rng = np.random.default_rng(seed)
    return _random_loihi(rng) if arch == "loihi" else _random_truenorth(rng)


def _cores(rng: np.random.Generator, of: int, most: int) -> Ints:
    """Neurons on some cores; sizes come twice, so that some neighbours are alike."""
    cores = rng.choice(of, int(rng.integers(2, 7)), replace=False)
    sizes = rng.choice(rng.integers(8, most, 2), cores.size)
    shuffled: Ints = rng.permutation(np.repeat(cores, sizes)).astype(np.int64)
    return shuffled


def _random_loihi(rng: np.random.Generator) -> Network:
    core = _cores(rng, 128, 60)
    n = core.size
    is_input = rng.random(n) < rng.uniform(0.1, 0.3)
    is_input[int(rng.integers(n))] = True
    scale = 2.0 ** rng.integers(0, 6)  # of weights: whole 64ths, up to 64
    reached = (rng.random((n, n)) < rng.uniform(0.02, 0.4)) & ~is_input[None]
    pre, post = np.nonzero(reached)
    mantissa = rng.integers(1, 128, pre.size) * np.where(rng.random(pre.size) < 0.4, -1, 1)
    busy = 64 * scale / UNIT * reached.sum() / n  # of what may arrive in a step
    attributes = {
        "threshold": rng.uniform(0.02, 0.5, n) * max(busy, 0.1),
        "bias": np.where(rng.random(n) < 0.3, np.rint(rng.normal(0, busy, n) * 4), 0) / UNIT,
        "leak_decay": 1 - rng.choice([0, 1, 100, 1024, 4096], n) / 4096,
        "refractory_delay": rng.integers(0, 5, n).astype(float),
        "force_update": (rng.random(n) < 0.5).astype(float),
    }
    steps = int(rng.integers(20, 60))
    x = rng.random((steps, int(is_input.sum()))) < rng.uniform(0.05, 0.6)
    weight = mantissa * scale / UNIT
    return Network("loihi", core, attributes, is_input, x, pre, post, weight, np.zeros(n, np.int64))


def _random_truenorth(rng: np.random.Generator) -> Network:
    core = _cores(rng, 4096, 42)  # six of them have no more neurons than a core has axons
    n = core.size
    target = rng.choice(core, n)
    kind = rng.integers(0, TYPES, n)
    own = rng.integers(-40, 60, (n, TYPES))
    own += own == 0
    bits = (rng.random((n, n)) < rng.uniform(0.05, 0.5)) & (target[:, None] == core[None])
    pre, post = np.nonzero(bits)
    threshold = rng.integers(1, 300, n)
    attributes = {
        "threshold": threshold,
        "reset": rng.integers(-50, 1, n),
        "reset_mode": rng.integers(0, 3, n),
        "leak": rng.integers(-5, 20, n),
        "bias": rng.integers(0, 9, n),
        "floored": rng.integers(0, 2, n),
        "floor": rng.integers(0, 200, n),
        "force_update": rng.integers(0, 2, n),
    }
    return Network(
        "truenorth", core, {k: v.astype(float) for k, v in attributes.items()},
        np.zeros(n, bool), np.zeros((int(rng.integers(20, 60)), 0), bool),
        pre, post, own[post, kind[pre]].astype(float), kind,
    )  # fmt: skip
