"""Slices, destinations and tables of networks that are said in recipes, against their synapses.

A packet must come to every core that holds a synapse of its slice, and to no other; what a core is
said to hold is what its neurons have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy.chips.chip import chip as find
from mossy.network.populations import Populations
from mossy.network.recipe import KINDS, Draw, Recipe
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, Stages, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program
from mossy.synapses import generate
from tests.chips.simulated import cells, projection, source
from tests.passes.test_mapping import delivered
from tests.twin.runs import fuzz

SIZES = {"in": 30, "a": 45, "b": 1, "c": 24}


def recipe(kind: str, n: int, m: int, rng: np.random.Generator) -> Recipe:
    """Few synapses: most slices of the source reach some slices of the target only."""
    more: dict[str, Any] = {"p": 0.05, "count": int(rng.integers(0, min(n, m, 3) + 1))}
    if kind == "distance":
        at = {"source_at": rng.random((n, 1)), "target_at": rng.random((m, 1))}
        more = {"p": 0.8, "width": 0.1, **at}
    if kind == "listed":
        count = int(rng.integers(0, 12))
        more = {
            "pre": rng.integers(0, n, count), "post": rng.integers(0, m, count),
            "weights": rng.normal(0, 1e-10, count), "delays": rng.integers(1, 6, count),
        }  # fmt: skip
    weight, delay = Draw("normal", 60e-12, 15e-12), Draw("uniform", 0.6, 6.4)
    return Recipe(kind, n, m, weight, delay, int(rng.integers(1 << 60)), **more)  # type: ignore[arg-type]


def network(seed: int, kinds: list[str]) -> Populations:
    """Populations joined by recipes of these kinds, some pairs by more than one."""
    rng = np.random.default_rng(seed)
    made = {"in": source(SIZES["in"])} | {k: cells(SIZES[k], name=k) for k in "abc"}
    links = []
    for kind in kinds:
        before, after = made[str(rng.choice(list(made)))], made[str(rng.choice(list("abc")))]
        links.append(projection(before, after, recipe(kind, before.n, after.n, rng)))
    shown = {k: k for k in "abc"}
    return Populations(tuple(made.values()), tuple(links), {"in": "in"}, shown)


def mapped(net: Populations, chip: str, size: int) -> tuple[Program, Stages]:
    on, chosen = find(chip), Options(neurons_per_core=size)
    header = Header("said", "", 1e-3, "exact", "zero")
    return assemble(net, quantise(net, on, chosen, None), on, chosen, header)


def joined(net: Populations, stages: Stages) -> dict[tuple[str, str], NDArray[np.int64]]:
    """Synapses (n_target, n_source) of each pair of populations, made from the recipes."""
    n = {p.name: p.n for p in net.populations}
    found: dict[tuple[str, str], NDArray[np.int64]] = {}
    for target, q in stages.quantised.items():
        for s in q.incoming:
            start, index, *_ = generate.rows(s.weight, 0, n[target])
            pairs = found.setdefault((s.source, target), np.zeros((n[target], n[s.source]), int))
            np.add.at(pairs, (index, np.repeat(np.arange(n[s.source]), np.diff(start))), 1)
    return found


def cores_of(program: Program, number: int, neuron: int) -> list[int]:
    """The cores that a packet is handed to, followed chip by chip."""
    core, at = program.cores[number], {c.place: c.number for c in program.cores}
    assert core.place is not None
    found = delivered(program.tables, program.machine, core.place[:2], core.key + neuron)
    return sorted(at[(*spot, c)] for spot, c in found)


@pytest.mark.parametrize("chip", ["spinnaker1", "spinnaker2"])
@fuzz(12)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=6),
    size=st.sampled_from([3, 7, 16]),
)
def test_packets_reach_the_cores_that_hold_synapses(
    chip: str, seed: int, kinds: list[str], size: int
) -> None:
    net = network(seed, kinds)
    program, stages = mapped(net, chip, size)
    pairs = joined(net, stages)
    for core in program.cores:
        wanted = sorted(
            other.number
            for other in program.cores
            if (core.population, other.population) in pairs and other.role != "source"
            and pairs[core.population, other.population]
            [other.lo : other.hi, core.lo : core.hi].any()
        )  # fmt: skip
        for k in (0, core.n - 1):
            assert cores_of(program, core.number, k) == wanted


@pytest.mark.parametrize("chip", ["spinnaker1", "spinnaker2"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_core_is_said_to_hold_what_it_holds(chip: str, kind: str) -> None:
    net = network(5, [kind] * 5)
    program, stages = mapped(net, chip, 7)
    pairs = joined(net, stages)
    own = [(s, c) for s, c in zip(stages.slices, program.cores, strict=True) if s.role != "source"]
    assert own
    for s, core in own:
        here = {a: w[s.lo : s.hi] for (a, b), w in pairs.items() if b == s.population}
        assert s.load.synapses == sum(int(w.sum()) for w in here.values())
        senders = [
            other
            for other in program.cores
            if other.population in here and here[other.population][:, other.lo : other.hi].any()
        ]
        assert s.load.sources == len(senders)
        assert s.load.rows == sum(other.n for other in senders)
        heard = {key for table in core.tables for key in [table.key]}
        assert heard == {other.key for other in senders}
