"""Products of the membrane rounded down, as the release does, or to nearest, as a branch does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mossy.chips import Chip
from mossy.chips import chip as find
from mossy.network import graph
from mossy.network import nodes as nd
from mossy.passes import compile
from mossy.program import Program
from tests.chips import simulated
from tests.oracles.spinnaker1_golden import golden
from tests.oracles.spinnaker1_networks import random_network
from tests.oracles.spinnaker1_twin import twin_run
from tests.twin.recurrent import compiled

CHIP = find("spinnaker1")
NEAREST = CHIP.assuming({"membrane_rounding": 1})


def layered(chip: Chip) -> Program:
    one = np.ones(3)
    nodes: dict[str, nd.Node] = {
        "in": nd.Input((3,)),
        "w": nd.Linear(np.eye(3)),
        "cell": nd.LI(20e-3 * one, one, 0 * one),
        "out": nd.Output((3,)),
    }
    edges = [("in", "w"), ("w", "cell"), ("cell", "out")]
    return compile(graph.build(nodes, edges, 1e-3, integrator="exponential"), chip)


def formats(program: Program) -> set[tuple[int, ...]]:
    return {c.fmt for c in program.cores if c.role != "source"}


def test_the_release_is_the_default_and_the_other_one_is_in_the_program() -> None:
    assert formats(layered(CHIP)) == {(0,)}
    assert formats(layered(NEAREST)) == {(1,)}
    cells = simulated.network(simulated.cells(2), simulated.several("in_degree", 3, 2, count=1))
    assert formats(compiled(cells, "spinnaker1")) == {(0,)}
    source = CHIP.facts["membrane_rounding"].source
    assert "MULT_ROUND_NEAREST_ACCUM" in source and "IF_curr_exp.aplx" in source


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_ways_are_a_plain_models_registers(seed: int) -> None:
    network = random_network(seed)
    found: dict[bool, Any] = {}
    for nearest in (False, True):
        wanted = golden(network, nearest)
        for engine in ("fast", "reference"):
            found[nearest] = twin_run(network, engine=engine, nearest=nearest)
            for mine, other in zip(found[nearest], wanted, strict=True):
                for name in ("v", "exc", "inh", "wait", "spikes"):
                    np.testing.assert_array_equal(getattr(mine, name), getattr(other, name), name)
    ways = zip(found[False], found[True], strict=True)
    assert any((a.v != b.v).any() for a, b in ways)


def test_the_two_differ_by_no_more_than_a_leak_adds_up() -> None:
    """Two products a step, half a unit each on average; a leak of 1 in 20.5 keeps 21 of them."""
    x = np.zeros((1, 200, 3), np.uint8)
    x[0, :, 0] = 1
    down, near = (layered(c).run(x, states=["cell"]).states["cell"]["v"] for c in (CHIP, NEAREST))
    assert 0 < abs(int(near[0, -1, 0]) - int(down[0, -1, 0])) <= 21
