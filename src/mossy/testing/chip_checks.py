"""What every chip's folder must hold and do. Each check raises AssertionError, saying why."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from mossy import discover
from mossy.chips import Chip
from mossy.chips.chip import MARKER, PACKAGE, folder_of
from mossy.chips.facts import BASES, Facts
from mossy.chips.quantised import CoreLoad, Limit
from mossy.errors import DoesNotFit, MossyError, UnsupportedNode
from mossy.passes.options import Options
from mossy.program import load, save
from mossy.program.artefact import Program, same
from mossy.testing import vectors
from mossy.testing.checks import expect
from mossy.testing.networks import cases
from mossy.testing.programs import accepted, compile_case

ROUTING, ALSO = ("multicast", "axons", "none"), ("core_to_core",)
INPUTS = ("core", "host")
TIMING = ("tick", "barrier", "cycles", "measured")
RULES = ("quantise", "blocks", "limits", "places", "hops")
TIMES = ("chip_seconds", "core_seconds", "busy_cycles", "busy_seconds", "level_switches", "steps")


def check_chip_toml_is_complete(chip: Chip) -> None:
    """Every section holds what the compiler and the twin read, with a word they know."""
    spec = chip.spec
    for key in ("title", "summary"):
        expect(spec["chip"].get(key), f"[chip] lacks {key}")
    for section, key, known in (
        ("routing", "kind", ROUTING),
        ("input", "on", INPUTS),
        ("timing", "kind", TIMING),
    ):
        got = spec[section].get(key)
        expect(got in known, f"[{section}] {key} is {got!r}, known are {', '.join(known)}")
    for also in spec["routing"].get("also", []):
        expect(also in ALSO, f"[routing] also {also!r}, known are {', '.join(ALSO)}")
    for row in spec["energy"]:
        expect({"name", "count", "fact"} <= row.keys(), f"[[energy]] {row} lacks a key")
    if spec["routing"]["kind"] == "multicast":
        expect(spec.get("topology", {}).get("links"), "multicast routing needs [topology] links")
    for name in RULES:
        expect(callable(getattr(chip.rules, name, None)), f"rules.py lacks {name}()")


def check_every_fact_has_a_basis_and_a_source(chip: Chip) -> None:
    """A number says where it comes from; one that nobody has published says so."""
    for name, fact in chip.facts.items():
        expect(fact.basis in BASES, f"fact {name}: basis {fact.basis!r}")
        expect(fact.unit.strip(), f"fact {name} has no unit")
        expect(len(fact.source.split()) > 1, f"fact {name}: {fact.source!r} is no source")
        unknown = fact.basis == "unknown"
        expect((fact.value is None) == unknown, f"fact {name}: {fact.basis}, but {fact.value}")
        if not unknown:
            q = fact.quantity()
            expect(q.low <= q.value <= q.high, f"fact {name}: {q.value} is outside its range")


def check_every_fact_named_exists(chip: Chip) -> None:
    """Facts named in [timing], [[energy]] and [memory] exist, and those that rules.py needs."""
    for name in sorted(named_facts(chip)):
        expect(name in set(chip.facts), f"chip.toml names the fact {name!r}, which it lacks")
    asked: set[str] = set()
    facts = _Asked(chip.facts, asked)
    chip.rules.limits(_load(), facts)
    chip.rules.blocks(_load(), facts)
    chip.rules.places(facts)
    known = {"step_latency", *chip.facts}
    expect(asked <= known, f"rules.py asks for {sorted(asked - known)}")


def check_energy_counts_exist(chip: Chip) -> None:
    """Everything that is priced or timed is something that the twin counts."""
    done = accepted(chip)[0]
    names = {*done.program.run(done.case.x).counts.names, *TIMES}
    rows = [*chip.spec["energy"], *chip.spec["timing"].get("work", [])]
    for row in rows:
        expect(row["count"] in names, f"nothing counts {row['count']!r}")


def check_networks_compile_or_say_why(chip: Chip) -> None:
    """Each network of the tiny zoo compiles, or is refused by name with a code."""
    taken = 0
    for case in cases():
        try:
            compile_case(case, chip)
            taken += 1
        except (UnsupportedNode, DoesNotFit) as error:
            expect(error.where, f"{case.name}: the refusal does not say where: {error}")
            expect(error.hint or error.allowed, f"{case.name}: nothing to try: {error}")
    expect(taken, f"{chip.name} takes none of the networks of the tiny zoo")


def check_limits_are_enforced(chip: Chip) -> None:
    """A limit that even one neuron exceeds ends the compilation, named, with what to try."""
    for limit in chip.rules.limits(_load(), chip.facts):
        expect(
            limit.allowed > 0 and limit.hint, f"limit {limit.name} allows nothing or has no hint"
        )
        error = _refusal(_with_limit(chip, limit.name))
        if error is None:  # no slice of the tiny zoo uses any of it
            continue
        for part in ("E0301", chip.name, limit.name, limit.hint, "got", "allowed"):
            expect(part in str(error), f"limit {limit.name}: {part!r} is not said in {error}")


def check_at_least_one_limit_binds(chip: Chip) -> None:
    """A core that could hold anything would not be a core."""
    over = [m for m in chip.rules.limits(_load(10**9), chip.facts) if m.used > m.allowed]
    expect(over, "a population of 10^9 neurons exceeds no limit of one core")


def check_the_machine_ends(chip: Chip) -> None:
    """More cores than the machine has is an error that says how many are missing."""
    if not chip.cores or hasattr(chip.rules, "assign"):
        return  # everything shares one place, or the chip says itself what does not fit it
    rules = SimpleNamespace(**vars(chip.rules))
    rules.cores = lambda facts: chip.cores[:1]
    error = _refusal(dataclasses.replace(chip, rules=rules), Options(chips=1))  # type: ignore[arg-type]
    expect(error is not None, "a network of several cores fits a chip of one")
    for part in ("E0302", "more cores", chip.name, "chips="):
        expect(part in str(error), f"{part!r} is not said in {error}")


def check_same_program_twice(chip: Chip) -> None:
    """Compiling again gives the same file, byte for byte."""
    for done in accepted(chip):
        wanted = Options(neurons_per_core=done.program.options.get("neurons_per_core"))
        first = compile_case(done.case, chip, wanted).program
        again = compile_case(done.case, chip, wanted).program
        expect(_bytes(first) == _bytes(again), f"{done.case.name}: two compilations differ")


def check_program_survives_its_file(chip: Chip) -> None:
    """Saving and loading a program is the identity."""
    with TemporaryDirectory() as folder:
        for i, done in enumerate(accepted(chip)):
            path = Path(folder) / f"{i}.mossy"
            save(done.program, path)
            expect(same(load(path), done.program), f"{done.case.name}: the file differs")


def check_time_and_energy_have_ranges(chip: Chip) -> None:
    """Every run has a latency and an energy above zero, inside their ranges."""
    for done in accepted(chip):
        result = done.program.run(done.case.x)
        for what, q in (("latency", result.latency), ("energy", result.energy.total)):
            expect(q.value > 0, f"{done.case.name}: {what} is {q.value}")
            expect(q.low <= q.value <= q.high, f"{done.case.name}: {what} {q} is outside its range")
        share = result.energy.assumed_share
        expect(0 <= share <= 1, f"{done.case.name}: assumed share {share}")
        total = sum(result.energy.by("operation").values())
        near = abs(total - result.energy.value) <= 1e-9 * total
        expect(near, f"{done.case.name}: operations add up to {total}, not {result.energy.value}")


def check_sources_are_documented(chip: Chip) -> None:
    """The folder holds SOURCES.md, and says there what the arithmetic was compared with."""
    file = discover.folders(PACKAGE, MARKER)[folder_of(chip.name)].joinpath("SOURCES.md")
    expect(file.is_file(), "SOURCES.md is missing")
    text = file.read_text("utf-8")
    expect("## Compared with" in text, 'SOURCES.md has no section "Compared with"')


def check_vectors_replay(chip: Chip) -> None:
    """The folder's vectors come out bit by bit, in Python and compiled."""
    found = vectors.files(chip.name)
    expect(found, "vectors/ holds no .npz")
    for file in found:
        vector = vectors.read(file)
        expect(vector.provenance.strip(), f"{file.name} does not say where it comes from")
        expect(vector.fired.any(), f"{file.name}: nothing ever fires")
        for way in (vectors.replay, vectors.replay_compiled):
            found_difference = vectors.difference(vector, *way(vector))
            expect(not found_difference, f"{file.name}, {way.__name__}: {found_difference}")


def named_facts(chip: Chip) -> set[str]:
    """Return the facts that chip.toml names outside of [facts]."""
    timing = chip.spec["timing"]
    found = {row["fact"] for row in chip.spec["energy"]} | {"step_latency"}
    found |= {row["fact"] for key in ("work", "barrier") for row in timing.get(key, [])}
    found |= {timing[key] for key in ("tick", "clock") if key in timing}
    found |= set(timing.get("level", {}).values())
    found |= {fact for level in chip.spec.get("levels", {}).values() for fact in level.values()}
    for section in ("links", "packets", "loading"):
        for value in chip.spec.get(section, {}).values():
            if not isinstance(value, list):  # of numbers, or of names of blocks
                found |= set(value.values()) if isinstance(value, dict) else {value}
    base = chip.spec.get("memory", {}).get("base")
    return found | ({base} if base else set())


class _Asked(Facts):
    """Facts that write down which of them were asked for."""

    def __init__(self, facts: Facts, asked: set[str]) -> None:
        super().__init__(facts.chip, dict(facts))
        self._asked = asked

    def __getitem__(self, name: str) -> Any:
        self._asked.add(name)
        return super().__getitem__(name)


def _load(n: int = 1) -> CoreLoad:
    """A population of n neurons that asks for a little of everything, per neuron."""
    return CoreLoad(
        role="neurons", model="", inputs=1, n=n, param_bytes=4, word_bits=16, synapses=n, rows=n,
        kernel_bytes=n, sources=1, delay=1, in_axons=n, out_axons=n, profiles=n,
        neuron_updates=float(n), packets_in=float(n), synaptic_events=float(n),
    )  # fmt: skip


def _with_limit(chip: Chip, name: str) -> Chip:
    """The same chip with one limit so low that nothing meets it."""
    rules = SimpleNamespace(**vars(chip.rules))

    def limits(load: CoreLoad, facts: Facts) -> list[Limit]:
        found: list[Limit] = chip.rules.limits(load, facts)
        return [dataclasses.replace(m, allowed=1e-9) if m.name == name else m for m in found]

    rules.limits = limits
    return dataclasses.replace(chip, rules=rules)  # type: ignore[arg-type]


def _refusal(chip: Chip, options: Options | None = None) -> MossyError | None:
    """The first DoesNotFit that the tiny zoo meets on a chip, or None."""
    nearly = dataclasses.replace(options or Options(), approximate=True)
    for case in cases():
        try:
            compile_case(case, chip, nearly)
        except UnsupportedNode:
            continue
        except DoesNotFit as error:
            return error
    return None


def _bytes(program: Program) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "program.mossy"
        save(program, path)
        return path.read_bytes()
