"""Packets between chips that lie side by side cross their edges, and are counted there."""

from __future__ import annotations

import numpy as np
import pytest

from mossy.chips import chip
from mossy.passes.options import Options
from mossy.testing.networks import cases
from mossy.testing.programs import compile_case
from mossy.twin import run

CASE = next(c for c in cases() if c.name == "integrate")


@pytest.mark.parametrize(
    ("name", "fact"), [("loihi1", "cores_per_chip"), ("loihi2", "cores_per_chip")]
)
def test_link_packets_are_spikes_times_the_edges_on_their_way(name: str, fact: str) -> None:
    small = chip(name).assuming({fact: 1.0})
    program = compile_case(CASE, small, Options(neurons_per_core=3)).program
    places = {c.number: c.place for c in program.cores}
    assert len({p[:2] for p in places.values() if p is not None}) > 2
    by_engine = [run(program, CASE.x, engine=e, record="*") for e in ("fast", "reference")]
    for result in by_engine:
        counted = result.counts.per_core("link_packets")
        for core in program.cores:
            sent = result.spikes[core.population][:, :, core.lo : core.hi].astype(np.int64)
            spikes = (sent != 0).sum(axis=(0, 1)) if name == "loihi2" else sent.sum(axis=(0, 1))
            expected = 0
            for axon in core.axons if core.place is not None else ():
                end, here = places[axon.target], core.place
                assert end is not None
                edges = abs(end[0] - here[0]) + abs(end[1] - here[1])
                expected += edges * int(spikes[axon.neurons].sum())
            assert counted[core.number] == expected
        assert counted.sum() > 0
