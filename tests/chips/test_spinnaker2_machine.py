"""SpiNNaker2's cores by their own numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import mossy
from mossy.chips import chip
from mossy.chips.spinnaker2 import grid, rules
from mossy.passes import Options, compile
from tests.cli import toy

CHIP = chip("spinnaker2")


def test_the_table_is_the_published_one() -> None:
    """152 cores in 38 quads; no two at one place; single rows as SpiNNMachine has them."""
    table = grid.mesh().cores
    assert list(table) == list(range(1, 153))
    quads = Counter(table.values())
    assert len(quads) == 38 and set(quads.values()) == {4}
    holes = {(x, y) for x in range(1, 8) for y in range(1, 7)} - set(quads)
    assert holes == {(4, 3), (4, 4), (7, 3), (7, 4)}
    published = {1: (7, 6), 21: (5, 4), 49: (1, 6), 77: (1, 1), 101: (3, 3), 129: (7, 1)}
    published |= {33: (4, 6), 152: (5, 3), 149: (5, 3), 148: (6, 3), 4: (7, 6), 5: (7, 5)}
    assert {core: table[core] for core in published} == published


def test_programs_take_148_cores_nearest_the_router_first() -> None:
    assert len(CHIP.cores) == 148 and len(set(CHIP.cores)) == 148
    assert set(CHIP.grid) - set(CHIP.cores) == {1, 2, 3, 4}  # assumed
    far = [grid.distance(c) for c in CHIP.cores]
    assert far == sorted(far) and far[0] == 1 and far[-1] == 5
    # none of the four kept ones is nearer than the last that programs take
    assert {grid.distance(c) for c in (1, 2, 3, 4)} == {5}
    assert CHIP.cores[:4] == (101, 102, 103, 104)
    assert len(CHIP.assuming({"usable_cores": 152.0}).cores) == 152


@pytest.mark.parametrize(
    ("start", "end", "hops"), [(101, 101, 2), (101, 149, 2), (1, 77, 10), (73, 121, 3)]
)
def test_hops_lead_by_the_router(start: int, end: int, hops: int) -> None:
    assert rules.hops((0, 0, start), (0, 0, end), CHIP.facts) == hops


def test_a_dead_core_that_no_program_uses_costs_none() -> None:
    net, x = toy.network(), toy.inputs()
    whole = compile(net, "spinnaker2")
    dead = ["core 0,0,1", "core 0,0,4", "core 0,0,150"]
    machine = mossy.machine("spinnaker2", dead=dead)
    program = compile(net, "spinnaker2", options=Options(machine=machine))
    assert [c.place for c in program.cores] == [c.place for c in whole.cores]
    cores = [c.place[2] for c in program.cores if c.place]
    assert cores == [101, 102, 103][: len(cores)]
    entries = [c for table in program.tables.values() for r in table for c in r.cores]
    assert set(entries) <= set(cores)
    np.testing.assert_array_equal(program.run(x).outputs["output"], whole.run(x).outputs["output"])
