"""Make the test vectors in the chips' folders: python -m tests.conformance.make_vectors

Nothing here calls mossy's neurons: expected numbers are worked by hand, come from float64
arithmetic rounded after each operation, or from the NumPy models in tests/oracles, which the
emulators confirm. A file tests/oracles/*_vectors.py with CHIP and vectors() is found by itself.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.testing.vectors import Vector, write
from tests.oracles.loihi_exchange import Network
from tests.oracles.loihi_golden import golden
from tests.oracles.loihi_networks import random_network

CHIPS = Path(__file__).parents[2] / "src" / "mossy" / "chips"

LIF = [
    ("alpha", "f4"),
    ("offset", "f4"),
    ("threshold", "f4"),
    ("v_reset", "f4"),
    ("subtract", "u1"),
]
CUBA = [
    ("exc_decay", "f4"), ("inh_decay", "f4"), ("offset_syn", "f4"), ("alpha", "f4"),
    ("offset", "f4"), ("threshold", "f4"), ("v_reset", "f4"), ("refract", "i4"), ("subtract", "u1"),
]  # fmt: skip
INT = [(k, "i4") for k in ("decay_u", "decay_v", "bias", "threshold", "v_min", "v_max", "refract")]
V_MAX = 2**23 - 1


def made() -> dict[str, Vector]:
    """Return every vector by its path in the folder of chips."""
    by_hand = {"lif_by_hand.npz": lif_by_hand(), "cuba_lif_by_hand.npz": cuba_by_hand()}
    return {
        **{f"cpu/vectors/{k}": v for k, v in by_hand.items()},
        **{f"spinnaker2/vectors/{k}": v for k, v in by_hand.items()},
        "spinnaker2/vectors/lif_rounding.npz": lif_rounding(),
        "loihi1/vectors/cuba_lif_plain.npz": from_golden([0, 1, 10]),
        "loihi1/vectors/cuba_lif_wraps.npz": from_golden([4, 9]),
        **found(),
    }


def found() -> dict[str, Vector]:
    """Return the vectors that files beside the oracles make."""
    made = {}
    for file in sorted((Path(__file__).parents[1] / "oracles").glob("*_vectors.py")):
        maker = import_module(f"tests.oracles.{file.stem}")
        made |= {f"{maker.CHIP}/vectors/{k}": v for k, v in maker.vectors().items()}
    return made


def lif_by_hand() -> Vector:
    """Threshold 250, weight 102, decay 3/4. Neuron 0 resets to 0, neuron 1 subtracts.

    step  in   before the spike                      neuron 0       neuron 1
    0     102  102                                   102            102
    1     102  76.5 + 102                            178.5          178.5
    2     102  133.875 + 102                         235.875        235.875
    3     102  176.90625 + 102 = 278.90625  spike    0              28.90625
    4     0    3/4 of it                             0              21.6796875
    5     204  204 | 16.259765625 + 204              204            220.259765625
    6     102  153 + 102 = 255 | 165.19482421875 + 102 = 267.19482421875, both spike:
                                                     0              17.19482421875
    """
    drive = [102, 102, 102, 102, 0, 204, 102]
    v = [
        [102, 178.5, 235.875, 0, 0, 204, 0],
        [102, 178.5, 235.875, 28.90625, 21.6796875, 220.259765625, 17.19482421875],
    ]
    fired = [[0, 0, 0, 1, 0, 0, 1]] * 2
    params = np.array([(0.75, 0, 250, 0, 0), (0.75, 0, 250, 0, 1)], LIF)
    states = np.array(v).T.astype([("v", "f4")])
    return Vector(
        "lif", "worked by hand: 0.75 v + 102 per spike, threshold 250", np.zeros(0, np.int64),
        params, np.zeros(2, [("v", "f4")]), np.repeat(np.array(drive, float)[:, None, None], 2, 1),
        states, np.array(fired, bool).T,
    )  # fmt: skip


def cuba_by_hand() -> Vector:
    """Currents halve, the potential keeps 3/4; threshold 100, v_reset -8, 1 silent step after it.

    step  exc  inh   i_exc   i_inh   v
    0     64   0     64      0       64
    1     0    16    32      16      48 + 16 = 64
    2     64   0     80      8       48 + 72 = 120 > 100: spike, -8, refractory 1
    3     0    0     40      4       -8 (silent), refractory 0
    4     0    0     20      2       -6 + 18 = 12
    5     0    64    10      65      9 - 55 = -46
    """
    drive = [[64, 0], [0, 16], [64, 0], [0, 0], [0, 0], [0, 64]]
    rows = [
        (64, 64, 0, 0), (64, 32, 16, 0), (-8, 80, 8, 1), (-8, 40, 4, 0), (12, 20, 2, 0),
        (-46, 10, 65, 0),
    ]  # fmt: skip
    record = [("v", "f4"), ("i_exc", "f4"), ("i_inh", "f4"), ("refract", "i4")]
    params = np.array([(0.5, 0.5, 0, 0.75, 0, 100, -8, 1, 0)], CUBA)
    return Vector(
        "cuba_lif", "worked by hand: currents halve, 0.75 v + i, threshold 100, one silent step",
        np.zeros(0, np.int64), params, np.zeros(1, record), np.array(drive, float)[:, None],
        np.array(rows, record)[:, None], np.array([[0], [0], [1], [0], [0], [0]], bool),
    )  # fmt: skip


def lif_rounding(steps: int = 200) -> Vector:
    """Decay 0.96 and weights of 102: the product of two float32 is exact in float64, as is the sum
    here, so rounding each of them once is what float32 arithmetic must give.
    """
    alpha, threshold = float(np.float32(0.96)), float(np.float32(255.05))
    x = np.where(np.arange(steps) % 7 < 2, 102.0, 0.0)
    v, states, fired = 0.0, [], []
    for drive in x:
        v = float(np.float32(float(np.float32(alpha * v)) + drive))
        fired.append(v > threshold)
        v = 0.0 if v > threshold else v
        states.append(v)
    return Vector(
        "lif", "float64 arithmetic, rounded to float32 after each operation",
        np.zeros(0, np.int64), np.array([(0.96, 0, 255.05, 0, 0)], LIF),
        np.zeros(1, [("v", "f4")]), x[:, None, None],
        np.array(states).astype([("v", "f4")])[:, None], np.array(fired)[:, None],
    )  # fmt: skip


def from_golden(seeds: list[int]) -> Vector:
    """All populations of some random networks side by side, cut to the shortest run."""
    networks = [random_network(seed, for_="nengo") for seed in seeds]
    steps = min(len(network["x"]) for network in networks)
    columns = [_columns(network, steps) for network in networks]
    params, drive, states, fired = (np.concatenate(c, axis=-1) for c in zip(*columns, strict=True))
    return Vector(
        "cuba_lif.int", f"NumPy model, equal to nengo-loihi 1.1.0 on these networks; seeds {seeds}",
        np.array([12, 21, 23]), params, np.zeros(params.size, states.dtype), drive[..., None],
        states, fired,
    )  # fmt: skip


def _columns(network: Network, steps: int) -> tuple[NDArray[Any], ...]:
    """Parameters (n,), inputs, states and spikes (steps, n) of all neurons of a network."""
    traces = golden(network)
    rest = _waits(network, [t.spikes for t in traces])
    params, states = [], []
    for pop, trace, wait in zip(network["populations"], traces, rest, strict=True):
        p = np.zeros(pop["n"], INT)
        p["decay_u"], p["decay_v"], p["bias"] = pop["decay_u"], pop["decay_v"], pop["bias"]
        p["threshold"], p["refract"] = pop["vth"], pop["refract"]
        p["v_min"], p["v_max"] = -V_MAX, V_MAX
        params.append(p)
        s = np.zeros(trace.u.shape, [("v", "i4"), ("u", "i4"), ("refract", "i4")])
        s["v"], s["u"], s["refract"] = trace.v, trace.u, wait
        states.append(s[:steps])
    spikes = np.concatenate([t.spikes[:steps] for t in traces], axis=1)
    drive = [_arrived(network, p, [t.spikes for t in traces])[:steps] for p in range(len(traces))]
    return np.concatenate(params), np.concatenate(drive, 1), np.concatenate(states, 1), spikes


def _waits(network: Network, spikes: list[NDArray[np.bool_]]) -> list[NDArray[np.int64]]:
    """Silent steps still to come, at the end of each step."""
    found = []
    for pop, fired in zip(network["populations"], spikes, strict=True):
        wait = np.zeros(fired.shape, np.int64)
        for t, now in enumerate(fired):
            before = wait[t - 1] if t else np.zeros(pop["n"], np.int64)
            wait[t] = np.where(now, pop["refract"] - 1, np.maximum(before - 1, 0))
        found.append(wait)
    return found


def _arrived(network: Network, p: int, spikes: list[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Sum of weights that reaches each neuron in each step: one step of latency, then the delay."""
    steps = len(network["x"])
    total = np.zeros((steps, network["populations"][p]["n"]), np.int64)
    for con in (c for c in network["connections"] if c["dst"] == p):
        sent = network["x"] if con["src"] < 0 else spikes[con["src"]]
        for t, k in np.argwhere(sent):
            for i in np.flatnonzero(con["weight"][k]):
                when = t + 1 + con["delay"][k, i]
                if when < steps:
                    total[when, i] += con["weight"][k, i]
    return total


if __name__ == "__main__":
    for name, vector in made().items():
        path = CHIPS / name
        path.parent.mkdir(exist_ok=True)
        write(vector, path)
        print(f"{name}: {path.stat().st_size} bytes, {int(vector.fired.sum())} spikes")
