"""Packets that are sent late: what they would miss, by hand and from the synapses themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from mossy.chips import chip
from mossy.network.recipe import Draw, Recipe, constant
from mossy.program import Program
from mossy.synapses import generate
from mossy.twin.bill.late import events, skipped
from tests.chips import simulated
from tests.twin.recurrent import compiled

CHIP = chip("spinnaker1")
FROM = np.array([0, 0, 1, 2, 2, 2])
DELAYS = np.array([1, 3, 2, 1, 1, 15])


def listed() -> Recipe:
    """Six synapses of three cells, three of them of one step."""
    return Recipe(
        "listed", 3, 3, constant(0), constant(1), 0,
        pre=FROM, post=FROM * 0 + 1, weights=np.full(6, 1e-10), delays=DELAYS,
    )  # fmt: skip


def program(weight: Any, **options: Any) -> Program:
    """An input to three cells with these synapses among themselves."""
    n = weight.n_target if isinstance(weight, Recipe) else 3
    a = simulated.cells(n, i_offset=0.6e-9)
    made = simulated.network(a, simulated.several("in_degree", 2, n, count=1))
    more = simulated.projection(a, a, weight)
    if not isinstance(weight, Recipe):
        more = replace(more, delay_source=np.array([0, 3, 20]))
    return compiled(replace(made, projections=(*made.projections, more)), CHIP.name, **options)


def cell(program: Program) -> Any:
    return next(c for c in program.cores if c.population == "a")


def test_synapses_by_delay_of_a_list() -> None:
    found = events(program(listed()), cell(program(listed())), 16)
    assert found is not None
    wanted = np.zeros(16)
    wanted[[1, 2, 3, 15]] = 1, 1 / 3, 1 / 3, 1 / 3
    np.testing.assert_allclose(found, wanted)
    apart = program(listed(), neurons_per_core=1)
    each = [events(apart, c, 16) for c in apart.cores if c.population == "a"]
    assert [float(np.sum(e)) for e in each] == [2, 1, 3]  # type: ignore[arg-type]


def test_synapses_by_delay_of_rows() -> None:
    made = program(sparse.csr_array(np.full((3, 3), 1e-10)))
    found = events(made, cell(made), 16)
    assert found is not None
    assert found[[1, 4]].tolist() == [1, 1] and found.sum() == 2  # 21 steps are beyond all colours


DRAWS = (
    Draw("normal", 5, 3, low=1),
    Draw("normal", 5, 3, 2, 8, clip=True),
    Draw("uniform", 0.6, 9.4),
    constant(7),
)


@pytest.mark.parametrize("delay", DRAWS)
def test_drawn_delays_are_expected_ones(delay: Draw) -> None:
    recipe = simulated.several("in_degree", 400, 400, count=40, delay=delay, seed=3)
    made = program(recipe)
    own = [c for c in made.cores if c.population == "a"]
    found = events(made, own[0], 16)
    assert found is not None
    drawn = generate.rows(recipe, 0, 400)[3]
    wanted = np.bincount(drawn[drawn < 16], minlength=16) / 400
    np.testing.assert_allclose(found, wanted, atol=0.45)  # four deviations


def test_late_packets_by_hand() -> None:
    """One tick late skips delays of 1, three ticks those up to 3; in step 0 nothing is late yet."""
    made = program(listed())
    tick = made.tick or 0.0
    late = np.array([[0.9, 1.0, 3.5, 16.2, 0.0]]) * tick
    sent = np.array([[9, 9, 2, 3, 5]])
    wanted = 2 * 1 + 3 * (1 + 1 / 3 + 1 / 3)  # 16 ticks late has the colour of none
    assert skipped(made, CHIP, cell(made), late, sent) == pytest.approx(wanted)
    assert skipped(made, CHIP, cell(made), late * 0, sent) == 0.0
    assert skipped(made, chip("spinnaker2"), cell(made), late, sent) is None


def test_the_report_says_so_beside_the_overrun() -> None:
    made = program(listed())
    result = replace(made, tick=11e-6).run(np.ones((1, 60, 2), np.uint8))
    (overrun,) = result.timing.overruns
    assert overrun.population == "a" and overrun.skipped is not None and overrun.skipped > 1
    text = str(result.report())
    assert f"late packets skip about {overrun.skipped:,.0f} events" in text
    assert result.report().json()["overruns"][0]["skipped"] == overrun.skipped
    calm = made.run(np.ones((1, 60, 2), np.uint8))
    assert "late packets" not in str(calm.report())
