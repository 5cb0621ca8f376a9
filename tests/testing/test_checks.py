"""The checks find what they are for: a chip, program or vector with a planted fault fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mossy.chips import Chip, chip
from mossy.chips.facts import Facts
from mossy.network import nodes as nd
from mossy.network import reference
from mossy.testing import all_checks, chip_checks, engine_checks, pass_checks, vectors
from mossy.testing.networks import cases
from mossy.testing.programs import Compiled, accepted

CHIP = "spinnaker2"


def spec_with(section: str, **values: Any) -> Chip:
    """The chip with some words of its chip.toml changed."""
    whole = chip(CHIP)
    return dataclasses.replace(whole, spec=whole.spec | {section: whole.spec[section] | values})


def facts_with(name: str, **values: Any) -> Chip:
    whole = chip(CHIP)
    fact = dataclasses.replace(whole.facts[name], **values)
    return dataclasses.replace(whole, facts=Facts(CHIP, dict(whole.facts) | {name: fact}))


def rules_with(**functions: Any) -> Chip:
    whole = chip(CHIP)
    rules: Any = SimpleNamespace(**vars(whole.rules) | functions)
    return dataclasses.replace(whole, rules=rules)


def energy_row(**values: str) -> Chip:
    whole = chip(CHIP)
    row = whole.spec["energy"][0] | values
    return dataclasses.replace(whole, spec=whole.spec | {"energy": [row]})


LIMIT = chip(CHIP).rules.limits(chip_checks._load(), chip(CHIP).facts)[0]
BROKEN: list[tuple[Callable[[Chip], None], Chip, str]] = [
    (chip_checks.check_chip_toml_is_complete, spec_with("chip", summary=""), "lacks summary"),
    (chip_checks.check_chip_toml_is_complete, spec_with("timing", kind="sundial"), "'sundial'"),
    (chip_checks.check_chip_toml_is_complete, rules_with(hops=None), r"lacks hops\(\)"),
    (
        chip_checks.check_every_fact_has_a_basis_and_a_source,
        facts_with("tick", source="somewhere"),
        "fact tick: 'somewhere' is no source",
    ),
    (
        chip_checks.check_every_fact_has_a_basis_and_a_source,
        facts_with("tick", basis="unknown"),
        "fact tick: unknown",
    ),
    (
        chip_checks.check_every_fact_has_a_basis_and_a_source,
        facts_with("tick", low=2.0, high=3.0),
        "outside its range",
    ),
    (chip_checks.check_every_fact_named_exists, energy_row(fact="luck"), "'luck', which it lacks"),
    (chip_checks.check_energy_counts_exist, energy_row(count="sighs"), "nothing counts 'sighs'"),
    (
        chip_checks.check_limits_are_enforced,
        rules_with(limits=lambda load, facts: [dataclasses.replace(LIMIT, hint="")]),
        "has no hint",
    ),
    (
        chip_checks.check_at_least_one_limit_binds,
        rules_with(limits=lambda load, facts: []),
        "exceeds no limit",
    ),
]


@pytest.mark.parametrize(("check", "broken", "message"), BROKEN)
def test_a_planted_fault_of_a_chip_is_found(
    check: Callable[[Chip], None], broken: Chip, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check(broken)
    check(chip(CHIP))


def altered(change: Callable[[Compiled], Compiled], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checks see programs with a fault."""
    found = tuple(change(done) for done in accepted(chip(CHIP)))
    for module in (pass_checks, engine_checks, chip_checks):
        monkeypatch.setattr(module, "accepted", lambda _: found)


def stage(**values: Any) -> Callable[[Compiled], Compiled]:
    def change(done: Compiled) -> Compiled:
        made = {k: v(done.stages) for k, v in values.items()}
        return dataclasses.replace(done, stages=dataclasses.replace(done.stages, **made))

    return change


def one_core_less_routed(done: Compiled) -> Compiled:
    tables = {
        k: tuple(dataclasses.replace(r, cores=r.cores[1:]) for r in table)
        for k, table in done.program.tables.items()
    }
    return dataclasses.replace(done, program=dataclasses.replace(done.program, tables=tables))


def one_word_wrong(done: Compiled) -> Compiled:
    def wrong(words: Any) -> Any:
        other = words.copy()
        other[:1] ^= 1 << 9  # a bit of the weight
        return other

    cores = tuple(dataclasses.replace(c, words=wrong(c.words)) for c in done.program.cores)
    return dataclasses.replace(done, program=dataclasses.replace(done.program, cores=cores))


def blocks_on_top_of_each_other(done: Compiled) -> Compiled:
    cores = tuple(
        dataclasses.replace(c, memory=tuple(dataclasses.replace(b, address=0) for b in c.memory))
        for c in done.program.cores
    )
    return dataclasses.replace(done, program=dataclasses.replace(done.program, cores=cores))


def later(stages: Any) -> Any:
    late = tuple(
        dataclasses.replace(j, delay_source=j.delay_source + 1)
        for j in stages.populations.projections
    )
    return dataclasses.replace(stages.populations, projections=late)


FAULTS: list[tuple[Callable[[Chip], None], Callable[[Compiled], Compiled], str]] = [
    (pass_checks.check_align_delivers_in_time, stage(populations=later), "1 steps late, not 0"),
    (
        pass_checks.check_partition_covers_each_neuron_once,
        stage(slices=lambda s: s.slices[1:]),
        "is cut into",
    ),
    (
        pass_checks.check_place_uses_each_core_once,
        stage(places=lambda s: s.places[:1] * len(s.places)),
        "a core is used twice",
    ),
    (
        pass_checks.check_keys_are_disjoint,
        stage(keys=lambda s: s.keys[:1] * len(s.keys)),
        "overlap|has 8 keys",
    ),
    (pass_checks.check_routes_reach_exactly_the_targets, one_core_less_routed, "reaches cores"),
    (pass_checks.check_emit_writes_what_was_decided, one_word_wrong, "holds other synapses"),
    (
        pass_checks.check_memory_map_has_no_overlaps,
        blocks_on_top_of_each_other,
        "begins inside the block before it",
    ),
]


@pytest.mark.parametrize(("check", "fault", "message"), FAULTS)
def test_a_planted_fault_of_a_program_is_found(
    check: Callable[[Chip], None],
    fault: Callable[[Compiled], Compiled],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    altered(fault, monkeypatch)
    with pytest.raises(AssertionError, match=message):
        check(chip(CHIP))


def test_engines_that_differ_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine_checks._run

    def other(done: Compiled, x: Any, **options: Any) -> Any:
        result = run(done, x, **options)
        if options.get("engine") == "reference":
            result.counts.arrays["packets_in"][0, 0, 0] += 1
        return result

    monkeypatch.setattr(engine_checks, "_run", other)
    with pytest.raises(AssertionError, match="differ in counts: packets_in"):
        engine_checks.check_engines_agree(chip(CHIP))


@pytest.mark.parametrize("field", ["states", "fired"])
def test_a_vector_that_differs_is_found(field: str) -> None:
    vector = vectors.read(vectors.files(CHIP)[0])
    changed = getattr(vector, field).copy()
    if field == "fired":
        changed[2, 0] ^= True
    else:
        changed["v"][2, 0] += 1
    wrong = dataclasses.replace(vector, **{field: changed})
    assert vectors.difference(vector, *vectors.replay(vector)) == ""
    assert "neuron 0 in step 2" in vectors.difference(wrong, *vectors.replay(vector))


def test_every_check_is_listed_once_with_a_reason_to_exist() -> None:
    found = list(all_checks())
    assert len({name for name, _ in found}) == len(found) > 20
    assert {name.split("-")[0] for name, _ in found} == {"chip", "pass", "engine"}
    assert all(check.__doc__ for _, check in found)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_every_population_of_the_tiny_zoo_spikes_and_rests(case: Any) -> None:
    spiking = [k for k, n in case.network.nodes.items() if isinstance(n, nd.SPIKING)]
    run = reference.run(case.network, case.x, record=spiking)
    for name in spiking:
        assert 0 < np.mean(run[name] != 0) < 0.6, name
