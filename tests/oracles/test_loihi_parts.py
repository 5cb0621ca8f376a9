"""The golden model on cases worked by hand, and the exchange format; no emulator needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.oracles.loihi_exchange import (
    INPUT,
    Connection,
    Ints,
    Network,
    Population,
    Trace,
    load_networks,
    load_traces,
    save_networks,
    save_traces,
)
from tests.oracles.loihi_golden import golden, simulate
from tests.oracles.loihi_networks import Emulator, random_network


def one_neuron(
    x: list[int],
    weight: int,
    *,
    delay: int = 0,
    decay_u: int = 4096,
    decay_v: int = 0,
    vth: int = 2**23 - 64,
    refract: int = 1,
    bias: int = 0,
) -> Network:
    return Network(
        x=np.array(x, dtype=bool)[:, np.newaxis],
        populations=[
            Population(
                n=1,
                decay_u=decay_u,
                decay_v=decay_v,
                vth=vth,
                refract=refract,
                bias=np.array([bias]),
            )
        ],
        connections=[
            Connection(src=INPUT, dst=0, weight=np.array([[weight]]), delay=np.array([[delay]]))
        ],
    )


def column(values: Ints) -> list[int]:
    return [int(v) for v in values[:, 0]]


def test_a_spike_arrives_one_step_and_its_delay_later() -> None:
    assert column(golden(one_neuron([1, 0, 0], 128))[0].u) == [0, 128, 0]
    assert column(golden(one_neuron([1, 0, 0, 0, 0], 128, delay=2))[0].u) == [0, 0, 0, 128, 0]


def test_decay_rounds_towards_zero() -> None:
    network = one_neuron([1, 0, 0, 0], -128, decay_u=1024, decay_v=2048)
    trace = golden(network)[0]
    assert column(trace.u) == [0, -128, -96, -72]
    assert column(trace.v) == [0, -128, -160, -152]
    odd = golden(one_neuron([1, 0, 0], -128, decay_u=1, decay_v=4095))[0]
    assert column(odd.u) == [0, -128, -127]


def test_spike_above_threshold_then_wait() -> None:
    equal = golden(one_neuron([1, 1, 1, 1, 1], 64, vth=64))[0]
    assert column(equal.v) == [0, 64, 0, 64, 0]  # 64 is not above 64, 128 is
    waits = golden(one_neuron([1] * 7, 128, vth=64, refract=3))[0]
    assert column(waits.spikes.astype(np.int64)) == [0, 1, 0, 0, 1, 0, 0]


def test_registers_wrap_and_clip() -> None:
    big = 254 << 13
    trace, corners = simulate(one_neuron([1] * 9, big, decay_u=1, bias=0))
    assert corners.u > 0
    assert int(trace[0].u.min()) < 0
    trace, corners = simulate(one_neuron([1] * 9, big, decay_u=4096))
    assert column(trace[0].v)[:6] == [0, big, 2 * big, 3 * big, 4 * big, 0]
    assert corners.v == 1


@pytest.mark.parametrize("emulator", ["nengo", "brian2"])
def test_a_seed_gives_one_network_and_files_keep_it(emulator: Emulator, tmp_path: Path) -> None:
    networks = [random_network(seed, for_=emulator) for seed in (3, 4, 7)]
    again = random_network(4, for_=emulator)
    assert np.array_equal(again["x"], networks[1]["x"])
    save_networks(tmp_path / "in.npz", networks)
    loaded = load_networks(tmp_path / "in.npz")
    traces = [golden(network) for network in networks]
    save_traces(tmp_path / "out.npz", traces)
    kept = load_traces(tmp_path / "out.npz", loaded)
    for network, expected, stored in zip(loaded, traces, kept, strict=True):
        rerun = golden(network)
        assert all(same(a, b) for a, b in zip(rerun, expected, strict=True))
        assert all(same(a, b) for a, b in zip(stored, expected, strict=True))
    wraps = [sum(simulate(network)[1][:2]) > 0 for network in networks]
    assert wraps == ([False, True, False] if emulator == "nengo" else [False] * 3)


def same(a: Trace, b: Trace) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
