"""Run layer by layer, a program does what it does step by step, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mossy import neurons
from mossy.chips import chip, names
from mossy.errors import UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.passes import Options, compile
from mossy.program import Program
from mossy.testing.networks import cases
from mossy.testing.programs import accepted
from mossy.twin import Result
from mossy.twin.engines import fast, layerwise
from mossy.twin.engines.helpers import Helpers
from mossy.twin.layout.layers import Layered, layered, split
from mossy.twin.layout.link import link
from tests.strategies import Wanted, currents, networks, spikes
from tests.twin.runs import assert_same_run, fuzz

DT = 1e-3


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    yield request.param


def sorted_layers(program: Program) -> Layered | None:
    return layered(program, link(program, chip(program.chip)))


def step_by_step(program: Program, x: Any) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "layered", lambda program, linked: None)
        result: Result = program.run(x, record="*", states="*", threads=1)
    return result


def chain(sizes: tuple[int, ...], share: float, seed: int) -> nd.Network:
    """LIF layers with weights that no sum of floats is exact in; `share` of them not zero."""
    rng = np.random.default_rng(seed)
    nodes: dict[str, nd.Node] = {"input": nd.Input(sizes[:1])}
    for i, (n, m) in enumerate(pairwise(sizes)):
        one = np.ones(m)
        w = (3 * rng.random((m, n)) - 1.2) / np.sqrt(n * share) * (rng.random((m, n)) < share)
        nodes[f"w{i}"] = nd.Linear(w)
        nodes[f"n{i}"] = nd.LIF(5 * DT * one, 5 * one, 0 * one, rng.random(m) + 0.5, 0 * one)
    nodes["output"] = nd.Output(sizes[-1:])
    return build(nodes, list(zip(nodes, list(nodes)[1:], strict=False)), DT)


@pytest.mark.parametrize("name", names())
def test_the_tiny_zoo_is_the_same_either_way(name: str, threads: int) -> None:
    seen = 0
    for compiled in accepted(chip(name)):
        program, x = compiled.program, compiled.case.x
        if any(neurons.model(c.model).keeps for c in program.cores if c.role != "source"):
            assert sorted_layers(program) is None
            pytest.skip("its neurons keep their sums in their registers")
        if sorted_layers(program) is None:
            continue
        seen += 1
        found = program.run(x, record="*", states="*", threads=threads)
        assert_same_run(found, step_by_step(program, x))
        one = program.run(x[:1], record="*", states="*", threads=threads)
        assert_same_run(one, step_by_step(program, x[:1]))
    assert seen


@pytest.mark.parametrize("on", ["cpu", "spinnaker2", "loihi1"])
@fuzz(15)
@given(data=st.data(), seed=st.integers(0, 999), per_core=st.sampled_from([None, 3]))
def test_random_networks_are_the_same_either_way(
    on: str, data: st.DataObject, seed: int, per_core: int | None
) -> None:
    wanted = Wanted(graded=on == "cpu", resets=("node",))
    net = data.draw(networks(wanted))
    try:
        program = compile(net, on, options=Options(neurons_per_core=per_core))
    except UnsupportedNode as e:  # delays beyond the synapse word
        assume(e.code != "E0221")
        raise
    assume(sorted_layers(program) is not None)
    x = currents(net, seed) if on == "cpu" and seed % 2 else spikes(net, seed)
    for t in (1, 2):
        assert_same_run(program.run(x, record="*", states="*", threads=t), step_by_step(program, x))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("kind", ["spikes", "counts", "currents"])
def test_floats_are_added_in_the_same_order(share: float, kind: str, threads: int) -> None:
    program = compile(chain((70, 90, 33, 5), share, 3), "cpu")
    rng = np.random.default_rng(4)
    x = (rng.random((3, 40, 70)) < 0.3).astype(np.uint8)
    if kind == "counts":
        x *= rng.integers(1, 4, x.shape, np.uint8)
    given = x * rng.standard_normal(x.shape).astype(np.float32) if kind == "currents" else x
    found = sorted_layers(program)
    assert found is not None
    # whole rows where most pairs are connected, whatever their number
    assert [bool(layer.dense.size) for layer in found.layers] == [share > 0.2] * 3
    result = program.run(given, record="*", states="*", threads=threads)
    assert result.spikes["n2"].any()
    assert_same_run(result, step_by_step(program, given))


@pytest.mark.parametrize("top", [1, 127, 128])
@pytest.mark.parametrize("kind", ["spikes", "counts"])
def test_whole_weights_are_kept_in_bytes(kind: str, top: int, threads: int) -> None:
    """700 senders at once, many with the largest weight: more than 16 bits hold of one sign."""
    rng = np.random.default_rng(7)
    nodes: dict[str, nd.Node] = {"input": nd.Input((700,))}
    for i, (n, m) in enumerate([(700, 150), (150, 70)]):
        w = np.rint(rng.integers(-2, 3, (m, n)) * top / 2)
        w[: m // 3], w[m // 3 : m // 2] = top, -top
        one = np.ones(m)
        rest = 10.0 * top * one
        nodes[f"w{i}"] = nd.Linear(w)
        nodes[f"n{i}"] = nd.LIF(5 * DT * one, 5 * one, 0 * one, rest, 0 * one)
    nodes["output"] = nd.Output((70,))
    net = build(nodes, list(zip(nodes, list(nodes)[1:], strict=False)), DT)
    program = compile(net, "cpu")
    found = sorted_layers(program)
    assert found is not None
    assert [layer.dense.dtype == np.uint8 for layer in found.layers] == [top < 128] * 2
    x = (rng.random((2, 12, 700)) < np.array([0.01, 0.3, 1.0, 0.9] * 3)[:, None]).astype(np.uint8)
    if kind == "counts":
        x *= rng.integers(1, 200, x.shape, np.uint8)
    result = program.run(x, record="*", states="*", threads=threads)
    assert all(s.any() for s in result.spikes.values())
    assert_same_run(result, step_by_step(program, x))


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_events_on_many_cores_are_counted_alike(share: float, threads: int) -> None:
    """Cores that reach more cores than are added up at once, all of them the same ones."""
    program = compile(
        chain((60, 140, 30), share, 5), "spinnaker2", options=Options(neurons_per_core=2)
    )
    found = sorted_layers(program)
    assert found is not None
    senders = [s for s in found.senders if s.synapses.size]
    assert [s.synapses.shape[0] for s in senders][:1] == [2]  # 70 cores, 64 at once
    x = (np.random.default_rng(4).random((2, 30, 60)) < 0.3).astype(np.uint8)
    assert_same_run(
        program.run(x, record="*", states="*", threads=threads), step_by_step(program, x)
    )
    x[:, ::3] *= 3
    assert_same_run(
        program.run(x, record="*", states="*", threads=threads), step_by_step(program, x)
    )


@pytest.mark.parametrize("on", ["cpu", "spinnaker2", "loihi1"])
def test_threads_share_the_layers_of_one_sample(on: str) -> None:
    program = compile(chain((70, 330, 150, 5), 1.0, 3), on)
    x = (np.random.default_rng(4).random((1, 40, 70)) < 0.3).astype(np.uint8)
    wanted = step_by_step(program, x)
    assert wanted.spikes["n2"].any()
    whole = sorted_layers(program)
    assert whole is not None
    for threads in (2, 3):
        found = split(whole, threads)
        assert found.split and len(found.layers) > len(whole.layers)
        assert_same_run(program.run(x, record="*", states="*", threads=threads), wanted)


def test_two_synapses_of_one_pair_are_two_additions() -> None:
    one = np.ones(4)
    w = np.random.default_rng(0).random((4, 6)) / 3
    nodes: dict[str, nd.Node] = {
        "input": nd.Input((6,)),
        "a": nd.Linear(w),
        "b": nd.Linear(w[::-1].copy()),
        "lif": nd.LIF(5 * DT * one, 5 * one, 0 * one, one, 0 * one),
        "output": nd.Output((4,)),
    }
    edges = [("input", "a"), ("input", "b"), ("a", "lif"), ("b", "lif"), ("lif", "output")]
    program = compile(build(nodes, edges, DT), "cpu")
    found = sorted_layers(program)
    assert found is not None
    rows = int(np.sum([layer.weight.size for layer in found.layers]))
    assert rows in (0, 48), "either the compiler has added them up, or they are listed"
    x = (np.random.default_rng(1).random((2, 30, 6)) < 0.4).astype(np.uint8)
    assert_same_run(program.run(x, record="*", states="*"), step_by_step(program, x))


def test_a_population_that_reaches_itself_is_run_step_by_step() -> None:
    recurrent = next(c for c in cases() if c.name == "recurrent")
    assert sorted_layers(compile(recurrent.network, "cpu")) is None
    assert sorted_layers(compile(recurrent.network, "spinnaker2")) is None


def test_a_layer_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    program = compile(chain((20, 30, 10), 1.0, 1), "cpu")
    x = np.ones((1, 10, 20), np.uint8)
    program.run(x)
    real = layerwise.Run._layer

    def fails(self: Any, number: int, *rest: Any) -> None:
        if number == 1:
            raise MemoryError("no room")
        real(self, number, *rest)

    monkeypatch.setattr(layerwise.Run, "_layer", fails)
    with pytest.raises(MemoryError, match="no room"):
        program.run(x, threads=threads)


def test_helpers_take_what_is_left_and_pass_on_what_fails() -> None:
    helpers, seen = Helpers(3), list[int]()
    helpers.map(seen.append, range(100))
    assert sorted(seen) == list(range(100))

    def fails(item: int) -> None:
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        helpers.map(fails, range(3))
