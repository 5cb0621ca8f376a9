"""SpiNNaker2 against a released trace: one LIF neuron of the NIR paper, run by py-spinnaker2.

The file has 1,000 steps of (input spikes, potential, output spikes). Its run used the weight scale
102.02, so one unit of the recorded potential is 102.02 register units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

import mossy
from mossy.program import Program
from tests import data

pytestmark = pytest.mark.oracle

SCALE = 102.02
SPIKES = [460, 510, 710, 760]
NEURON = "1"
# Half a unit in the last place of a float32 near the largest potential (255 units), in network
# units, is 7.5e-8; the recording was written from another program's sums, a few of them off by one.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Trace:
    """What was released: spikes in, potential after reset, spikes out, each (steps,)."""

    x: NDArray[np.uint8]
    v: NDArray[np.float64]
    spikes: NDArray[np.int64]


@pytest.fixture(scope="module")
def trace() -> Trace:
    folder = data.require("nir-vectors") / "paper" / "01_lif"
    table = np.loadtxt(folder / "lif_spinnaker2.csv", delimiter=",")
    return Trace(table[:, 0].astype(np.uint8), table[:, 1], np.flatnonzero(table[:, 2]))


@pytest.fixture(scope="module")
def program() -> Program:
    path = data.require("nir-vectors") / "paper" / "01_lif" / "lif_norse.nir"
    net = mossy.load(path, dt=1e-4)
    return mossy.compile(net, "spinnaker2", options=mossy.Options(weight_scale={NEURON: SCALE}))


def test_the_trace_is_worth_comparing(trace: Trace) -> None:
    assert len(trace.v) == 1000
    assert trace.x.sum() > 10
    assert trace.spikes.tolist() == SPIKES
    assert len(np.unique(trace.v)) > 100


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_every_spike_and_potential_is_the_released_one(
    program: Program, trace: Trace, engine: str
) -> None:
    x = trace.x[None, :, None]
    result = program.run(x, engine=engine, record=[NEURON], states=[NEURON])
    lag = program.population(NEURON).lag
    seen = slice(lag, lag + len(trace.v))
    assert np.flatnonzero(result.spikes[NEURON][0, seen, 0]).tolist() == SPIKES
    v = result.states[NEURON]["v"][0, seen, 0] / SCALE
    assert np.abs(v - trace.v).max() <= TOLERANCE


def test_outputs_come_without_the_lag(program: Program, trace: Trace) -> None:
    out = program.run(trace.x[None, :, None]).outputs["output"]
    assert np.flatnonzero(out[0, :, 0]).tolist() == SPIKES


def test_without_the_released_scale_the_chip_uses_its_own(trace: Trace) -> None:
    """127 / max|w| with one weight of 1: the same spikes from finer numbers."""
    path = data.require("nir-vectors") / "paper" / "01_lif" / "lif_norse.nir"
    program = mossy.compile(mossy.load(path, dt=1e-4), "spinnaker2")
    result = program.run(trace.x[None, :, None], states=[NEURON])
    lag = program.population(NEURON).lag
    v = result.states[NEURON]["v"][0, lag : lag + len(trace.v), 0]
    at = int(np.flatnonzero(trace.v)[0])
    assert v[at] == 127
    assert np.flatnonzero(result.outputs["output"][0, :, 0]).tolist() == SPIKES
