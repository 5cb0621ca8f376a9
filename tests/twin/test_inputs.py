"""What the twin takes, and what it says to what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy.errors import BadInput
from mossy.network import graph
from mossy.network.nodes import LIF, Input, Linear, Node, Output
from mossy.passes import compile
from mossy.program import Program
from tests.strategies import sample, spikes

X = np.zeros((1, 3, 1, 4, 4), np.uint8)


@pytest.fixture(scope="module")
def chip() -> Program:
    return compile(sample(), "spinnaker2")


@pytest.fixture(scope="module")
def two() -> Program:
    one = np.ones(1)
    nodes: dict[str, Node] = {"a": Input((1,)), "b": Input((1,)), "wa": Linear(np.ones((1, 1)))}
    nodes |= {"wb": Linear(np.ones((1, 1))), "n": LIF(one, one, one, one, one), "o": Output((1,))}
    edges = [("a", "wa"), ("b", "wb"), ("wa", "n"), ("wb", "n"), ("n", "o")]
    return compile(graph.build(nodes, edges, 1e-3), "cpu")


def refused(program: Program, x: Any, **options: Any) -> BadInput:
    with pytest.raises(BadInput) as e:
        program.run(x, **options)
    return e.value


def test_unknown_engine_is_e0182(chip: Program) -> None:
    e = refused(chip, X, engine="warp")
    assert str(e) == "[E0182] unknown engine; got 'warp'; allowed: fast, wide, mpi, cuda, reference"


def test_wrong_input_names_are_e0183(two: Program) -> None:
    e = refused(two, {"a": np.zeros((1, 2, 1)), "c": np.zeros((1, 2, 1))})
    assert e.code == "E0183" and "inputs do not match" in str(e)
    assert "got ['a', 'c']; allowed: ['a', 'b']" in str(e)


def test_inputs_of_unequal_length_are_e0184(two: Program) -> None:
    e = refused(two, {"a": np.zeros((1, 2, 1)), "b": np.zeros((1, 3, 1))})
    assert e.code == "E0184" and "inputs differ in batch or time" in str(e)
    assert "(1, 2)" in str(e) and "(1, 3)" in str(e)


@pytest.mark.parametrize(
    "shape", [(3, 1, 4, 4), (1, 3, 4, 4, 1), (1, 3, 15), (1, 0, 1, 4, 4), (2,)]
)
def test_wrong_shape_is_e0185(chip: Program, shape: tuple[int, ...]) -> None:
    e = refused(chip, np.zeros(shape, np.uint8))
    assert e.code == "E0185" and e.where == "input in" and f"got {shape}" in str(e)
    assert "allowed: (batch, time, 1, 4, 4)" in str(e) and "x[None] adds the batch axis" in str(e)


def test_not_numbers_is_e0186(chip: Program) -> None:
    e = refused(chip, np.full(X.shape, "a"))
    assert e.code == "E0186" and "wrong dtype; got <U1; allowed: numbers" in str(e)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_e0186(two: Program, bad: float) -> None:
    x = np.zeros((1, 2, 1))
    e = refused(two, {"a": x, "b": x + bad})
    assert e.code == "E0186" and "input b: NaN or infinite values" in str(e)


@pytest.mark.parametrize(("value", "text"), [(0.5, "float64, 0.5 to 0.5"), (-1, "int64, -1 to -1")])
def test_currents_on_a_spiking_chip_are_e0187(chip: Program, value: float, text: str) -> None:
    e = refused(chip, np.full(X.shape, value))
    assert e.code == "E0187" and "whole numbers of them, not currents" in str(e)
    assert f"got {text}" in str(e) and "allowed: bool or counts >= 0" in str(e)


@pytest.mark.parametrize("key", ["record", "states"])
def test_unknown_population_is_e0188(chip: Program, key: str) -> None:
    e = refused(chip, X, **{key: ["nope"]})
    assert e.code == "E0188" and "no such population; got ['nope']" in str(e)
    assert "a, b, c" in str(e)


def test_sources_have_no_registers(chip: Program) -> None:
    assert refused(chip, X, states=["in"]).code == "E0188"
    assert list(chip.run(X, states="*", threads=1).states) == ["a", "b", "c"]
    assert list(chip.run(X, record="*", threads=1).spikes) == ["in", "a", "b", "c"]


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_every_type_of_whole_number_is_the_same_input(chip: Program, kind: type) -> None:
    x = np.random.default_rng(0).integers(0, 2, (2, 6, *X.shape[2:]))
    wanted = chip.run(x, threads=1)
    got = chip.run(x.astype(kind), threads=1)
    assert (got.outputs["out"] == wanted.outputs["out"]).all()
    assert (got.counts["spikes"] == wanted.counts["spikes"]).all()


def test_flat_inputs_are_taken(chip: Program) -> None:
    x = np.random.default_rng(0).integers(0, 2, (2, 6, *X.shape[2:]))
    flat = chip.run(x.reshape(2, 6, 16), threads=1)
    assert (flat.outputs["out"] == chip.run(x, threads=1).outputs["out"]).all()


def test_more_spikes_than_a_step_can_hold_are_e0189(chip: Program) -> None:
    e = refused(chip, np.full(X.shape, 256))
    assert e.code == "E0189" and "too many spikes of one channel in one step; got 256" in str(e)
    assert "allowed: 0 to 255" in str(e) and "a smaller dt" in str(e)
    assert chip.run(np.full(X.shape, 255), record=["in"], threads=1).spikes["in"].max() == 255


def test_negative_whole_numbers_are_currents_where_those_are_taken(two: Program) -> None:
    a = np.array([[[-3], [2], [-1]]])
    wanted = two.run({"a": a.astype(float), "b": 0.0 * a}, states=["n"], threads=1).states["n"]["v"]
    assert len(np.unique(wanted)) == 3
    for engine in ("fast", "reference"):
        got = two.run({"a": a, "b": 0 * a}, states=["n"], threads=1, engine=engine)
        assert (got.states["n"]["v"] == wanted).all()


def test_a_fraction_of_a_spike_is_not_rounded_away_where_values_travel() -> None:
    program = compile(sample(), "loihi2")
    x = {k: v.astype(float) for k, v in spikes(sample(), 1).items()}
    program.run(x)
    program.run({k: -v for k, v in x.items()})  # a graded spike may be negative
    with pytest.raises(BadInput) as found:
        program.run({k: 0.4 * v for k, v in x.items()})
    e = found.value
    assert e.code == "E0187" and "whole numbers, negative ones too" in str(e)
