"""What is wrong with a script for the chip is said by name, with what would be right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy.errors import BadInput, DoesNotFit, MossyError, UnsupportedNode
from mossy.py_spinnaker2 import hardware, models, snn
from tests.test_habits import ROOT

LIF = {"threshold": 10.0, "alpha_decay": 0.9, "reset": "reset_by_subtraction"}
CURRENT = LIF | {"exc_decay": 0.5, "inh_decay": 0.2, "t_refrac": 0}


def source(spikes: dict[int, list[Any]], size: int = 1) -> snn.Population:
    return snn.Population(size=size, neuron_model="spike_list", params=spikes, name="stim")


def run(parts: list[Any], timesteps: int) -> None:
    net = snn.Network("test")
    net.add(*parts)
    hardware.SpiNNaker2Chip().run(net, timesteps)


def refused(call: Any, kind: type[MossyError], code: str) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.code == code
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([5, 0, 1, 0], "got 5; allowed: 0 to 1"),
        ([0, 1, 1, 0], "got 1; allowed: 0 to 0"),
        ([0.5, 0, 1, 0], "got 0.5"),
        ([0, 0, 1, 8], "got 8; allowed: 0 to 7"),
        ([0, 0, 1], "rows [pre, post, weight, delay]"),
        ([0, 0, float("nan"), 0], "four columns"),
    ],
)
def test_bad_connections_name_the_row(row: list[float], says: str) -> None:
    stim, pop = source({}, 2), snn.Population(1, "lif", LIF, "pop")
    parts = [stim, pop, snn.Projection(stim, pop, [row])]
    text = refused(lambda: run(parts, 5), BadInput, "E0254")
    assert "projection stim -> pop" in text and says in text


# ------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize("name", list(models.UNKNOWN))
def test_unpublished_models_are_refused_with_what_is_unknown(name: str) -> None:
    text = refused(lambda: snn.Population(1, name, {}), UnsupportedNode, "E0253")
    assert models.UNKNOWN[name] in text and repr(name) in text


def test_the_manual_lists_every_model() -> None:
    page = (ROOT / "docs/how-to/py-spinnaker2.md").read_text("utf-8")
    for name in [*models.KNOWN, *models.UNKNOWN]:
        lines = [line for line in page.splitlines() if f"`{name}`" in line.split(" | ")[0]]
        assert lines, name
        assert (" | yes |" in lines[0]) == (name in models.KNOWN), name


def test_a_misspelt_model_gets_its_neighbours() -> None:
    text = refused(lambda: snn.Population(1, "lif_cur_exp", {}), UnsupportedNode, "E0253")
    assert "Try: lif_curr_exp" in text


@pytest.mark.parametrize(
    ("model", "params", "says"),
    [
        ("lif", {"threshold": 1.0}, "needs the parameter 'alpha_decay'"),
        ("lif_curr_exp", LIF, "needs the parameter 'exc_decay', whose default is not published"),
        ("lif", LIF | {"reset": "reset_to_zero"}, "'reset_by_subtraction' or 'reset_to_v_reset'"),
        ("lif", LIF | {"threshold": [1.0, 2.0]}, "one of or 3 numbers"),
        ("lif", LIF | {"threshold": float("nan")}, "'threshold'"),
        ("lif_curr_exp", CURRENT | {"t_refrac": 1.5}, "whole numbers"),
        ("poisson_process", {"p": 1.5}, "numbers from 0 to 1"),
        ("lif_fugu", {"Vspike": 1, "decay": 0, "delay": 0}, "from 1 to 32"),
    ],
)
def test_bad_parameters_are_named(model: str, params: dict[str, Any], says: str) -> None:
    pop = snn.Population(3, model, params, "pop")
    text = refused(lambda: run([pop], 5), BadInput, "E0255")
    assert "population pop" in text and says in text


def test_a_parameter_that_the_model_does_not_have_is_said() -> None:
    pop = snn.Population(1, "lif", LIF | {"v_rest": 0.0}, "pop")
    with pytest.warns(UserWarning, match="lif has no parameter v_rest; it changes nothing"):
        run([pop], 3)


def test_bad_recordings() -> None:
    kinds = (lambda: snn.Population(1, "lif", LIF, record=["w"])), BadInput, "E0256"
    assert "spikes, v, time_done, n_packets" in refused(*kinds)
    pop = snn.Population(1, "lif", LIF, "pop", record=["v"])
    assert "no run yet" in refused(pop.get_voltages, BadInput, "E0256")
    assert "record=['v']" in refused(pop.get_spikes, BadInput, "E0256")
    pop.record = ["volts"]
    assert "got ['volts']" in refused(lambda: run([pop], 1), BadInput, "E0256")
    stim = snn.Population(1, "spike_list", {0: [1]}, "stim", record=["v"])
    assert "no potential" in refused(lambda: run([stim], 3), BadInput, "E0256")


@pytest.mark.parametrize("spikes", [{3: [1]}, {0: [-1]}, {0: [0.5]}])
def test_bad_spike_lists(spikes: dict[int, list[int]]) -> None:
    text = refused(lambda: run([source(spikes, 2)], 3), BadInput, "E0257")
    assert "neurons 0 to 1" in text


def test_bad_projections_and_convolutions() -> None:
    stim, pop = source({}, 4), snn.Population(4, "lif_no_delay", LIF, "pop")
    back = snn.Projection(pop, stim, [[0, 0, 1, 0]])
    assert "swap pre and post" in refused(
        lambda: run([stim, pop, back], 3), UnsupportedNode, "E0258"
    )
    kernel, size = np.ones((1, 1, 1, 1)), {"in_height": 2, "in_width": 2}
    wrong = snn.Conv2DProjection(stim, pop, kernel, size)
    assert "lif_conv2d" in refused(lambda: run([stim, pop, wrong], 3), UnsupportedNode, "E0258")
    conv = snn.Population(4, "lif_conv2d", LIF, "conv")
    for params, says in (
        ({"in_height": 2}, "missing ['in_width']"),
        (size | {"kernel": 3}, "unknown ['kernel']"),
        (size | {"stride_x": 2}, "stride_x and stride_y differ"),
        (size | {"in_height": 3}, "the sizes do not match"),
    ):
        bad = snn.Conv2DProjection(stim, conv, kernel, params)
        text = refused(lambda bad=bad: run([stim, conv, bad], 3), UnsupportedNode, "E0258")
        assert says in text


def test_bad_networks() -> None:
    hw, net = hardware.SpiNNaker2Chip(), snn.Network("net")
    assert "empty" in refused(lambda: hw.run(net, 3), BadInput, "E0259")
    stim, pop = source({}), snn.Population(1, "lif", LIF, "pop")
    net.add(pop, snn.Projection(stim, pop, []))
    assert "population 'stim' was not added" in refused(lambda: hw.run(net, 3), BadInput, "E0259")
    net.add(stim)
    assert "timesteps=0" in refused(lambda: hw.run(net, 0), BadInput, "E0259")
    assert "got list" in refused(lambda: net.add([pop]), BadInput, "E0259")  # type: ignore[arg-type]
    assert "got 0" in refused(lambda: pop.set_max_atoms_per_core(0), BadInput, "E0255")


def test_one_chip_is_one_chip() -> None:
    pop = snn.Population(300, "lif", LIF, "pop")
    pop.set_max_atoms_per_core(1)
    text = refused(lambda: run([pop], 1), DoesNotFit, "E0302")
    assert "148 cores on 1 chip" in text
    net = snn.Network()
    net.add(pop)
    board = hardware.SpiNNcloud48NodeBoard()
    board.run(net, 1, mapping_only=True)
    assert board.program is not None and len(board.program.population("pop").cores) == 300
    assert board.result is None
