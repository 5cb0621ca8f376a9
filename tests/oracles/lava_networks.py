"""Random networks of integer registers for lava-nc: one per seed, the family by seed modulo 9.

    0 lif       spikes; 1 to 3 populations, forward, self and backward connections
    1 delays    the same, with delays of 0..7, one in four 0..63
    2 graded    the same as 0, but the input sends signed numbers
    3 wraps     lif with weights so large that the current leaves its 24 bits
    4 sdn       a chain of sigma-delta populations, graded inputs, some with delays and skips
    5 mixed     sigma-delta into lif into lif
    6 rf        resonate and fire, both forms, with inputs to both parts
    7 atrlif    adaptive thresholds, alone or behind lif
    8 overflow  one sigma-delta population whose sums leave 32 bits

Weights are w << e, w in -127..127, of mixed sign or of one. Inputs of a step stay below a whole
turn of the 24-bit current (2^24), beyond which the emulator leaves its own register width, and
twice the input of a sigma-delta neuron below 2^31, because the emulator halves it after adding up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.oracles.lava_exchange import INPUT, Connection, Ints, Network, Population

FAMILIES = ("lif", "delays", "graded", "wraps", "sdn", "mixed", "rf", "atrlif", "overflow")
TURN = 1 << 24
VTH_MAX = (1 << 17) - 1


def random_network(seed: int, family: str | None = None) -> Network:
    """Return the network of this seed, of the family that the seed names or of the one given."""
    family = family or FAMILIES[seed % len(FAMILIES)]
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    steps, channels = int(rng.integers(40, 71)), int(rng.integers(5, 31))
    graded = family in ("graded", "sdn", "mixed", "overflow") or (
        family == "rf" and rng.random() < 0.5
    )
    kinds = _kinds(rng, family)
    size = {INPUT: channels} | {p: int(rng.integers(5, 31)) for p in range(len(kinds))}
    connections = [
        _connection(rng, family, src, dst, size, kinds) for src, dst in _pairs(rng, family, kinds)
    ]
    if family == "rf":
        connections += [
            _connection(rng, family, c["src"], c["dst"], size, kinds) | {"port": 1}
            for c in connections
            if rng.random() < 0.7
        ]
    x = _input(rng, family, steps, channels, graded)
    for p, kind in enumerate(kinds):
        if kind in ("lif", "atrlif"):
            _bounded(rng, [c for c in connections if c["dst"] == p], kinds, x, family == "wraps")
    populations = [
        _population(rng, kind, size[p], [c for c in connections if c["dst"] == p], x, family)
        for p, kind in enumerate(kinds)
    ]
    return Network(graded=graded, x=x, populations=populations, connections=connections)


def _kinds(rng: Generator, family: str) -> list[str]:
    count = 1 if family == "overflow" else int(rng.integers(1, 4))
    if family in ("sdn", "overflow"):
        return ["sigma_delta"] * count
    if family == "mixed":
        return ["sigma_delta", "lif", "lif"]
    if family == "rf":
        return [str(rng.choice(["rf", "rf_iz"])) for _ in range(count)]
    if family == "atrlif":
        return [["atrlif"], ["lif", "atrlif"], ["atrlif", "lif"]][count - 1]
    return ["lif"] * count


def _pairs(rng: Generator, family: str, kinds: list[str]) -> list[tuple[int, int]]:
    """Which population feeds which: a chain from the input, and others by chance."""
    chain = [(p - 1, p) for p in range(len(kinds))]
    if family in ("sdn", "overflow"):
        others = [(a, b) for b in range(len(kinds)) for a in range(INPUT, b - 1)]  # no loops
    elif family == "mixed":
        others = [(2, 1), (2, 2)]
    else:
        others = [(a, b) for a in range(len(kinds)) for b in range(len(kinds)) if a != b - 1]
    return chain + [pair for pair in others if rng.random() < 0.35]


def _connection(
    rng: Generator, family: str, src: int, dst: int, size: dict[int, int], kinds: list[str]
) -> Connection:
    shape = size[src], size[dst]
    shares = [0, 0.5, 0.5] if family == "overflow" else [0.8, 0.15, 0.05]
    low, high = [(-127, 127), (0, 127), (-127, 0)][int(rng.choice(3, p=shares))]
    weight = rng.integers(low, high + 1, shape)
    if kinds[dst] == "sigma_delta":
        weight = weight // 3
    weight = np.where(rng.random(shape) < rng.uniform(0.3, 1.0), weight, 0)
    delay = np.zeros(shape, np.int64)
    if family == "delays" or (family in ("sdn", "mixed") and rng.random() < 0.4):
        delay = rng.integers(0, 64 if rng.random() < 0.25 else 8, shape)
    exponent = int(rng.integers(0, 4)) if kinds[dst] in ("lif", "atrlif") else 0
    return Connection(
        src=src, dst=dst, port=0, exponent=exponent, weight=weight.astype(np.int64), delay=delay
    )


def _input(rng: Generator, family: str, steps: int, channels: int, graded: bool) -> Ints:
    spikes = rng.random((steps, channels)) < rng.uniform(0.3 if family == "overflow" else 0.05, 0.4)
    if not graded:
        return spikes.astype(np.int64)
    top = {"sdn": 256 << 6, "mixed": 256 << 6, "overflow": (1 << 30) // (43 * channels)}
    most = top.get(family, 16)
    low = most // 2 if family == "overflow" else -most
    return np.where(spikes, rng.integers(low, most + 1, spikes.shape), 0)


def _bounded(
    rng: Generator, connections: list[Connection], kinds: list[str], x: Ints, wild: bool
) -> None:
    """Give all weights that reach a population an exponent that keeps a step's input in bounds."""
    most = {INPUT: int(abs(x).max())}
    for src, kind in enumerate(kinds):
        most[src] = 1 << 17 if kind == "sigma_delta" else 1

    def worst() -> int:
        total = sum((abs(c["weight"]) << c["exponent"]).sum(axis=0) * most[c["src"]]
                    for c in connections)  # fmt: skip
        return int(np.max(total, initial=0)) << 6

    while wild and worst() < TURN // 2 and connections[0]["exponent"] < 7:
        for c in connections:
            c["exponent"] += 1
    while worst() >= TURN:
        for c in connections:
            if c["exponent"]:
                c["exponent"] -= 1
            else:
                c["weight"] = np.trunc(c["weight"] / 2).astype(np.int64)


def _population(
    rng: Generator, kind: str, n: int, incoming: list[Connection], x: Ints, family: str
) -> Population:
    values: dict[str, Any]
    if kind == "sigma_delta":
        spike, state = int(rng.integers(0, 7)), int(rng.integers(8, 11))
        one = 1 << (spike + state)
        vth, bias = int(rng.integers(0, 9 * one)), rng.integers(-50, 51, n) * one
        values = {"spike_exp": spike, "state_exp": state, "vth": vth, "bias": bias}
    elif kind in ("rf", "rf_iz"):
        values = {"period": rng.uniform(2.5, 20), "alpha": rng.uniform(0.01, 0.3),
                  "decay_bits": 12, "state_exp": int(rng.integers(0, 7)),
                  "vth": int(_drive(incoming, x) * rng.uniform(0.3, 1.5)) + 1}  # fmt: skip
    else:
        scale = int(_drive(incoming, x) * rng.uniform(0.3, 2)) + 1
        level = int(np.clip(scale, 1, VTH_MAX)) << 6
        bias = rng.integers(-4095, 4096, n) * (rng.random() < 0.5)
        values = {"decay_u": _one_of(rng, 4096, rng.integers(1, 4096), rng.integers(1, 400)),
                  "decay_v": _one_of(rng, 0, 4095, rng.integers(1, 4095), rng.integers(1, 400)),
                  "bias": bias << int(rng.integers(0, 3))}  # fmt: skip
        if family == "wraps":
            values["decay_u"] = int(rng.integers(1, 200))  # so that it adds up
        if kind == "lif":
            values["vth"] = level
        else:
            values |= {"rest": level, "jump": int(rng.integers(0, level >> 6)) << 6,
                       "decay_theta": int(rng.integers(1, 2000)),
                       "decay_r": int(rng.integers(50, 4096))}  # fmt: skip
    registers = {k: np.asarray(v, np.float64) for k, v in values.items()}
    return Population(kind=kind, n=n, registers=registers)


def _drive(incoming: list[Connection], x: Ints) -> float:
    """About what reaches a neuron in a step, before any alignment."""
    total = 0.0
    for c in incoming:
        each = float((x.astype(float) ** 2).mean()) if c["src"] == INPUT else 0.2
        weight = (c["weight"] << c["exponent"]).astype(float)
        total += each * float((weight**2).sum(axis=0).mean())
    return float(np.sqrt(total))


def _one_of(rng: Generator, *values: int | np.int64) -> int:
    return int(values[rng.integers(len(values))])
