"""Loihi 2: graded spikes through layers, their unit, what may follow them, what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mossy
from mossy.chips import chip
from mossy.errors import BadInput, UnsupportedNode
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.network.reference import run as reference
from mossy.passes.options import Options
from mossy.program import Program

DT = 1e-3
a = np.array
RNG = np.random.default_rng(2)
EXACT = [np.rint(RNG.normal(m, s, shape) * 64) / 64 for m, s, shape in (
    (0.1, 0.5, (12, 6)), (0.05, 0.15, (8, 12)), (0.0, 0.3, (3, 8)))]  # fmt: skip
ROUGH = [w + 0.003 * np.cos(np.arange(w.size)).reshape(w.shape) for w in EXACT]


def graded(v: float = 1.0, bias: float = 0.0) -> nd.Node:
    return nd.GradedLIF(a(3e-3), a(8e-3), a(v), a(bias))


def lif() -> nd.Node:
    return nd.LIF(tau=a(10e-3), r=a(10.0), v_leak=a(0.0), v_threshold=a(2.0), v_reset=a(0.0))


def li() -> nd.Node:
    return nd.LI(a(10e-3), a(10.0), a(0.0))


def sigma_delta() -> nd.Node:
    return nd.SigmaDelta(a(0.5), a(0.0))


def chain(*nodes: nd.Node, loop: tuple[str, str] | None = None) -> nd.Network:
    named: dict[str, nd.Node] = {"input": nd.Input((6,))}
    named |= {f"n{i}": n for i, n in enumerate(nodes)}
    last = next(n for n in reversed(nodes) if isinstance(n, nd.Linear))
    named["output"] = nd.Output((len(last.weight),))
    edges = list(pairwise(named)) + ([loop] if loop else [])
    return build(named, edges, DT)


def layers(weights: list[NDArray[np.float64]], *cells: nd.Node) -> nd.Network:
    return chain(*(x for w, c in zip(weights, cells, strict=False) for x in (nd.Linear(w), c)))


def events() -> NDArray[np.uint8]:
    return (np.random.default_rng(3).random((4, 80, 6)) < 0.2).astype(np.uint8)


def core(program: Program, name: str) -> Any:
    (found,) = (c for c in program.cores if c.population == name)
    return found


# ------------------------------------------------------------------------------ near the reference
@pytest.mark.parametrize("weights", [EXACT, ROUGH], ids=["exact", "scaled"])
@pytest.mark.parametrize("last", [graded, lif], ids=["graded", "lif"])
def test_spikes_of_two_layers_are_near_the_reference(
    weights: list[NDArray[np.float64]], last: Any
) -> None:
    """At most one neuron in 15 fires apart from the reference in a step; all else is within 5 %."""
    net, x = layers(weights, graded(), last()), events()
    wanted = reference(net, x)["output"]
    program = mossy.compile(net, "loihi2")
    got = program.run(x).outputs["output"]
    assert (got == program.run(x, engine="reference").outputs["output"]).all()
    both = (got != 0) & (wanted != 0)
    assert ((got != 0) != (wanted != 0)).mean() < 1 / 15 < (wanted != 0).mean()
    off = np.abs(got - wanted)[both] / wanted[both]
    assert np.median(off) < 0.05 and both.sum() > 200
    assert not program.notes


@pytest.mark.parametrize("weights", [EXACT, ROUGH], ids=["exact", "scaled"])
def test_a_readout_behind_two_layers_is_near_the_reference(
    weights: list[NDArray[np.float64]],
) -> None:
    """Within a tenth of the largest potential, and within a fiftieth on average."""
    net, x = layers(weights, graded(), graded(), li()), events()
    program = mossy.compile(net, "loihi2")
    off, wanted = program.run(x).outputs["output"], reference(net, x)["output"]
    off, most = np.abs(off - wanted), np.abs(wanted).max()
    assert off.max() < most / 10 and off.mean() < most / 50 and most > 5


@pytest.mark.parametrize("cells", [(graded(), nd.I(a(1.0))),
                                   (graded(), sigma_delta(), nd.I(a(1.0)))],
                         ids=["sum", "sigma-delta"])  # fmt: skip
def test_sums_and_sigma_delta_neurons_read_potentials(cells: tuple[nd.Node, ...]) -> None:
    net, x = layers(EXACT, *cells), events()
    program = mossy.compile(net, "loihi2")
    assert core(program, "n3").model == "sigma_delta.int"
    got, wanted = program.run(x).outputs["output"], reference(net, x)["output"]
    assert np.abs(got - wanted).max() < 0.04 * np.abs(wanted).max() and np.abs(wanted).max() > 20


def test_a_layer_that_feeds_itself_takes_its_input_in_the_same_unit() -> None:
    w = [EXACT[0], np.rint(64 * np.random.default_rng(8).normal(0, 0.1, (12, 12))) / 64]
    named: dict[str, nd.Node] = {
        "input": nd.Input((6,)), "fc": nd.Linear(w[0]), "cell": graded(), "back": nd.Linear(w[1]),
        "output": nd.Output((12,)),
    }  # fmt: skip
    edges = [("input", "fc"), ("fc", "cell"), ("cell", "back"), ("back", "cell"),
             ("cell", "output")]  # fmt: skip
    net, x = build(named, edges, DT), events()
    program = mossy.compile(net, "loihi2")
    assert program.population("input").sent_scale == 64 == program.population("cell").sent_scale
    got, wanted = program.run(x).outputs["output"], reference(net, x)["output"]
    assert ((got != 0) != (wanted != 0)).mean() < 1 / 15 < (wanted != 0).mean()


def test_finer_numbers_come_nearer() -> None:
    net, x = layers(EXACT, graded(), nd.I(a(1.0))), events()
    wanted, off = reference(net, x)["output"], []
    for bits in (6, 12):
        fine = chip("loihi2").assuming({"payload_fraction": bits})
        off.append(np.abs(mossy.compile(net, fine).run(x).outputs["output"] - wanted).mean())
    assert off[1] < 0.5 * off[0]


# ------------------------------------------------------------------------------ registers
def test_trained_numbers_of_1_64_come_back_and_the_payload_has_6_bits() -> None:
    program = mossy.compile(layers(EXACT, graded(1.25, -0.5), graded()), "loihi2")
    first, second = core(program, "n1"), core(program, "n3")
    assert first.fmt == second.fmt == (12, 31, 23, 31, 6)
    assert (first.params["threshold"] == 5 << 10).all() and (first.params["bias"] == -2048).all()
    assert (first.params["decay_u"] == round(4096 / 3)).all()
    assert (first.params["decay_v"] == 512).all()
    assert {t.shift for t in first.tables} == {6}  # of plain spikes
    assert {t.shift for t in second.tables} == {0}  # of numbers, which have the 6 bits
    sent = [program.population(p) for p in ("input", "n1", "n3")]
    assert [(p.sends, p.sent_scale) for p in sent] == [
        ("values", 1),
        ("values", 64),
        ("values", 64),
    ]
    assert program.population("n3").v_scale[0] == 4096


def test_a_spike_is_the_register_before_the_reset() -> None:
    net = chain(nd.Linear(np.eye(6)), graded(0.5))
    x = np.zeros((1, 4, 6), np.uint8)
    x[0, 0, 2] = 1
    result = mossy.compile(net, "loihi2").run(x, record=["n1"])
    # an input of 1 is 4096, then a current of 4096 - 1365; what is sent has 6 bits less
    assert result.spikes["n1"][0, :3, 2].tolist() == [0, 64, 2731 >> 6]
    assert result.outputs["output"][0, :2, 2].tolist() == [1, 42 / 64]


def test_other_weights_are_scaled_by_a_power_of_two() -> None:
    program = mossy.compile(layers(ROUGH, graded()), "loihi2")
    v_scale = program.population("n1").v_scale[0]
    assert float(np.log2(v_scale)).is_integer()
    assert core(program, "n1").fmt[4] == np.log2(v_scale) - 6


@pytest.mark.parametrize("size", [1e-3, 300.0])
def test_very_small_and_very_large_weights_keep_the_unit(size: float) -> None:
    w = size * ROUGH[0]
    net, x = chain(nd.Linear(w), nd.GradedLIF(a(3e-3), a(8e-3), a(size), a(0.0))), events()
    got, wanted = mossy.compile(net, "loihi2").run(x).outputs["output"], reference(net, x)["output"]
    assert ((got != 0) != (wanted != 0)).mean() < 1 / 15 < (wanted != 0).mean()


def test_clipped_potentials_are_told() -> None:
    fine = chip("loihi2").assuming({"payload_fraction": 12})
    notes = " ".join(mossy.compile(layers(ROUGH, graded(), graded()), fine).notes)
    assert "n3: potentials, and with them what spikes carry, end at" in notes


# ------------------------------------------------------------------------------ what is refused
def refused(net: nd.Network, **options: Any) -> str:
    with pytest.raises((UnsupportedNode, BadInput)) as found:
        mossy.compile(net, "loihi2", options=Options(**options))
    return str(found.value)


def joined(first: nd.Node, second: nd.Node, third: nd.Node) -> nd.Network:
    """Two layers beside each other, both in front of a third."""
    named: dict[str, nd.Node] = {
        "input": nd.Input((6,)), "fc1": nd.Linear(EXACT[0]), "one": first,
        "fc2": nd.Linear(EXACT[0]), "two": second, "fc3": nd.Linear(EXACT[1]),
        "three": third, "output": nd.Output((8,)),
    }  # fmt: skip
    edges = [("input", "fc1"), ("fc1", "one"), ("input", "fc2"), ("fc2", "two"), ("one", "fc3"),
             ("two", "fc3"), ("fc3", "three"), ("three", "output")]  # fmt: skip
    return build(named, edges, DT)


def test_plain_and_graded_spikes_into_the_same_neurons_are_e0230() -> None:
    text = refused(joined(lif(), graded(), lif()))
    assert "E0230" in text and "take numbers are fed with spikes by one" in text
    assert "three" in text and "after GradedLIF, not after both" in text


def test_changes_and_potentials_into_neurons_that_fire_are_e0230() -> None:
    text = refused(joined(sigma_delta(), graded(), graded()))
    assert "E0230" in text and "take numbers are fed with changes by one" in text
    # an input has one scale, and these two want different ones
    assert "E0227" in refused(joined(sigma_delta(), graded(), sigma_delta()))


def test_a_scale_that_is_no_power_of_two_is_e0231() -> None:
    net = layers(EXACT, graded())
    text = refused(net, weight_scale={"n1": 100.0})
    assert "E0231" in text and "powers of two" in text and "100" in text and "n1" in text
    program = mossy.compile(net, "loihi2", options=Options(weight_scale={"n1": 32.0}))
    assert float(np.log2(program.population("n1").v_scale[0])).is_integer()


def test_a_threshold_beyond_its_register_is_e0225() -> None:
    assert "E0225" in refused(chain(nd.Linear(EXACT[0] / 1000), graded(3000.0)))
