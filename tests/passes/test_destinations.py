"""Pairs of slices as arrays read like lists of lists, and follow from the synapses alone."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from mossy.errors import UnsupportedNode
from mossy.network.nodes import Network
from mossy.passes import Options
from mossy.passes.destinations import Destinations, listed
from tests.passes.mapped import stages
from tests.passes.test_mapping import wanted_slices
from tests.strategies import networks
from tests.twin.runs import fuzz

LISTS = st.lists(st.lists(st.integers(0, 5), max_size=6, unique=True), min_size=6, max_size=6)


@given(LISTS)
def test_arrays_read_like_lists(lists: list[list[int]]) -> None:
    found = listed(lists)
    assert listed(found) is found
    assert len(found) == 6 and list(found) == [tuple(t) for t in lists]
    assert found[-1] == tuple(lists[-1]) and found[1:3] == tuple(tuple(t) for t in lists[1:3])
    for target in range(6):
        assert found.senders(target) == [s for s, t in enumerate(lists) if target in t]


def test_nobody_sends_to_nobody() -> None:
    nothing = Destinations(np.zeros(1, np.int64), np.zeros(0, np.int64))
    assert len(nothing) == 0 and list(nothing) == []


@fuzz(25)
@given(net=networks(), per_core=st.integers(1, 5))
def test_slices_are_joined_where_there_are_synapses(net: Network, per_core: int) -> None:
    size = sum(int(np.prod(p[0])) for p in net.shapes.values())
    assume(size // per_core < 100)
    try:
        _, made = stages(net, "spinnaker2", Options(neurons_per_core=per_core))
    except UnsupportedNode as e:
        assume(e.code != "E0221")
        raise
    assert [set(t) for t in made.destinations] == wanted_slices(made)
