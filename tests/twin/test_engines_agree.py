"""The fast engine gives what the packet-by-packet reference gives: spikes, registers, counts."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mossy.errors import UnsupportedNode
from mossy.passes import Options, compile
from tests.strategies import Wanted, currents, networks, sample, spikes
from tests.twin.runs import assert_same_run, fuzz

TAKES = {
    "spinnaker2": Wanted(),
    "loihi1": Wanted(resets=("node",)),
    "cpu": Wanted(graded=True),
}


@pytest.mark.parametrize("chip", TAKES)
@fuzz(30)
@given(data=st.data(), seed=st.integers(0, 999), per_core=st.sampled_from([None, 3]))
def test_fast_equals_reference(
    chip: str, data: st.DataObject, seed: int, per_core: int | None
) -> None:
    net = data.draw(networks(TAKES[chip]))
    try:
        program = compile(net, chip, options=Options(neurons_per_core=per_core))
    except UnsupportedNode as e:  # delays beyond the synapse word
        assume(e.code != "E0221")
        raise
    x = spikes(net, seed)
    fast = program.run(x, record="*", states="*", threads=1)
    assert_same_run(fast, program.run(x, engine="reference", record="*", states="*"))


@fuzz(30)
@given(net=networks(Wanted(graded=True)), seed=st.integers(0, 999))
def test_fast_equals_reference_on_currents(net: object, seed: int) -> None:
    program = compile(net, "cpu")  # type: ignore[arg-type]
    x = currents(net, seed)  # type: ignore[arg-type]
    fast = program.run(x, record="*", states="*", threads=1)
    assert_same_run(fast, program.run(x, engine="reference", record="*", states="*"))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 5])
def test_threads_and_groups_change_nothing(threads: int, batch: int) -> None:
    net = sample()
    program = compile(net, "spinnaker2")
    x = spikes(net, 3, batch=5)
    whole = program.run(x, record="*", threads=1)
    part = program.run({k: v[:batch] for k, v in x.items()}, record="*", threads=threads)
    for name in whole.spikes:
        assert (whole.spikes[name][:batch] == part.spikes[name]).all()
    for name in whole.counts.arrays:
        assert (whole.counts[name][:batch] == part.counts[name]).all()
