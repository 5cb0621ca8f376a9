"""Synapse rows in SpiNNaker2's DRAM: the same spikes, other memories, bytes fetched."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import mossy
from mossy import twin
from mossy.chips import chip
from mossy.chips.quantised import CoreLoad
from mossy.chips.spinnaker2 import rules
from mossy.errors import BadInput, DoesNotFit, UnsupportedNode
from mossy.network.recipe import Draw, Recipe, constant
from mossy.passes import Options, compile
from mossy.passes.connectivity import Connectivity
from mossy.program import Program
from mossy.program.text import text as program_text
from mossy.synapses import generate
from mossy.twin.traffic.dram import fetched
from tests.chips import simulated
from tests.cli import toy
from tests.cli.toy import printed
from tests.strategies import Wanted, networks, sample, spikes
from tests.twin.machines import small
from tests.twin.recurrent import compiled
from tests.twin.runs import assert_same_run, fuzz

CHIP = "spinnaker2"
FACTS = chip(CHIP).facts
CURRENT = constant(1e-10)


def blocks(program: Program, memory: str) -> list[tuple[Any, ...]]:
    """(chip, name, address, size) of all blocks in a memory."""
    return [
        (c.place[:2], b.name, b.address, b.size)
        for c in program.cores
        for b in c.memory
        if b.memory == memory and c.place
    ]


@fuzz(6)
@given(net=networks(Wanted()), seed=st.integers(0, 999), engine=st.sampled_from(["fast", "wide"]))
def test_spikes_do_not_depend_on_where_rows_lie(net: Any, seed: int, engine: str) -> None:
    runs = []
    for rows in ("sram", "dram"):
        options = Options(neurons_per_core=3, rows=rows)
        try:
            program = compile(net, small(CHIP), options=options)
        except (UnsupportedNode, DoesNotFit):
            assume(False)
            raise
        x = spikes(net, seed, batch=1)
        runs.append(twin.run(program, x, engine=engine, record="*", states="*"))
    for name, raster in runs[0].spikes.items():
        np.testing.assert_array_equal(runs[1].spikes[name], raster)
    for name in ("spikes", "packets_in", "synaptic_events"):
        np.testing.assert_array_equal(runs[0].counts[name], runs[1].counts[name])
    assert not runs[0].counts["fetches"].any()


@pytest.mark.parametrize("kind", ["in_degree", "out_degree", "probability", "all_to_all"])
def test_rows_of_recipes_go_there_too(kind: Any) -> None:
    more = {"p": 0.3} if kind == "probability" else {"count": 12} if "degree" in kind else {}
    net = simulated.network(simulated.cells(40), simulated.several(kind, 50, 40, **more))
    own, far = (compiled(net, CHIP, neurons_per_core=16, rows=r) for r in (None, "dram"))
    x = simulated.spikes(50, 60, 0.2)
    a, b = (twin.run(p, x, record=["a"], states=["a"]) for p in (own, far))
    assert_same_run(a, dataclasses.replace(b, program=a.program, counts=a.counts))
    assert a.spikes["a"].any()
    for c in (c for c in far.cores if c.role == "neurons"):
        start, *_ = generate.rows(c.recipes[0], c.lo, c.hi)
        longest = int(np.diff(start).max())
        assert {t.stride for t in c.tables} == {-(-(4 + 2 * longest) // 16) * 16}
        sizes = {name: size for _, name, _, size in blocks(far, "data")}
        assert "row buffers" in sizes and "row pointers" not in sizes


def test_each_chip_hands_out_its_own_dram() -> None:
    """Strides, buffers and ranges from the rows themselves, over several chips."""
    program = compile(sample(), small(CHIP), options=Options(neurons_per_core=1, rows="dram"))
    sizes = {c.key: c.n for c in program.cores}
    free: dict[Any, int] = {}
    for c in (c for c in program.cores if any(t.kind == "rows" for t in c.tables)):
        held = 0
        for t in (t for t in c.tables if t.kind == "rows"):
            rows = np.diff(c.row_start)[t.first : t.first + sizes[t.key]]
            assert t.stride % 16 == 0 and 0 <= t.stride - 4 - 2 * rows.max() < 16
            held += t.stride * sizes[t.key]
        (own,) = (b for b in c.memory if b.memory == "shared")
        assert c.place is not None and own.name == rules.IN_DRAM and own.size >= held
        assert own.address % 16 == 0 and own.address >= free.get(c.place[:2], 0)
        free[c.place[:2]] = own.address + own.size
        buffers = next(b for b in c.memory if b.name == "row buffers")
        assert buffers.size >= 2 * max(t.stride for t in c.tables)
    assert len(free) > 1 and max(free.values()) > own.size  # two cores on some chip
    assert not any(t.stride for c in program.cores for t in c.tables if t.kind == "kernel")


def test_rows_that_do_not_fit_a_core_fit_the_dram() -> None:
    """60,000 synapses of 2 bytes on one neuron, from 1,000 sources."""
    many = Recipe("in_degree", 1000, 1, CURRENT, constant(1), 1, count=60_000)
    net = simulated.network(simulated.cells(1), many)
    with pytest.raises(DoesNotFit) as found:
        compiled(net, CHIP, activity=0.0)
    text = str(found.value)
    assert "[E0301]" in text and "data memory (B), 120000 of them synapse rows" in text
    program = compiled(net, CHIP, activity=0.0, rows="dram")
    (core,) = (c for c in program.cores if c.role == "neurons")
    assert core.data_bytes < 20_000 and core.fetches
    assert sum(b.size for b in core.memory if b.memory == "shared") > 120_000


def test_a_population_of_many_sources_needs_no_pointers() -> None:
    wide = Recipe("in_degree", 40_000, 10, CURRENT, constant(1), 1, count=4000)
    net = simulated.network(simulated.cells(10), wide)
    with pytest.raises(DoesNotFit, match="of them row pointers"):
        compiled(net, CHIP, activity=0.0)
    assert compiled(net, CHIP, activity=0.0, rows="dram").cores


def test_dram_is_a_limit_by_name() -> None:
    load = CoreLoad("neurons", "lif", 1, n=1, word_bits=16, rows=10, shared=10**8, longest=160)
    limit = next(m for m in rules.limits(load, FACTS) if "DRAM" in m.name)
    assert limit.used == 10**8 and limit.allowed == int(2e9) // 148 and "sparser" in limit.hint
    data = next(m for m in rules.limits(load, FACTS) if m.name.startswith("data"))
    assert data.used < 6000 and ("row buffers", 320) in data.parts


def test_a_fetch_takes_time_of_the_core() -> None:
    net, x = toy.network(), toy.inputs()
    own, far = (compile(net, CHIP, options=Options(rows=r)).run(x) for r in ("sram", "dram"))
    fetches = far.counts["fetches"]
    cores = [c.number for c in far.program.cores if c.fetches]
    assert cores and fetches.sum() == far.counts["packets_in"][:, :, cores].sum() > 0
    cycles = fetches.sum(axis=(0, 1)) * float(FACTS["cycles_per_fetch"])
    longer = far.timing.busy - own.timing.busy
    np.testing.assert_allclose(longer, cycles / float(FACTS["pe_clock"]), atol=1e-12)
    unpriced = {u.name: u for u in far.energy.unpriced}
    assert unpriced["fetches from DRAM"].amount == far.counts.mean("fetches")
    assert "fetches from DRAM" not in {u.name for u in own.energy.unpriced}


def _per_chip(program: Program, result: Any) -> dict[Any, np.ndarray[Any, Any]]:
    """Bytes fetched on each chip by packets followed one by one: (batch, steps)."""
    walked: dict[Any, np.ndarray[Any, Any]] = {}
    for sender in program.cores:
        for c in program.cores:
            taken = [t for t in c.tables if sender.key & t.mask == t.key]
            if c.place is not None and taken:
                here = walked.setdefault(c.place[:2], np.zeros(result.counts.shape[:2]))
                sent = result.counts["spikes"][:, :, sender.number]
                here += sent * float(sum(t.stride for t in taken))
    return walked


def test_bytes_per_tick_by_walking_packets() -> None:
    """Two chips: every spike, every core that takes its key, the stride of the entry there."""
    net = sample()
    program = compile(net, small(CHIP), options=Options(neurons_per_core=5, rows="dram"))
    result = program.run(spikes(net, 3, batch=2))
    batch = result.counts.shape[0]
    walked = _per_chip(program, result)
    found = fetched(program, result.counts, result.chip)
    assert found is not None and found.most == max(h.max() for h in walked.values())
    assert walked[found.chip][found.sample, found.step] == found.most > 0
    assert found.total == pytest.approx(sum(h.sum() for h in walked.values()) / batch)
    assert found.use is not None and found.use.value == pytest.approx(found.most / 6.4e6)


def test_the_report_says_what_was_fetched() -> None:
    net, x = toy.network(), toy.inputs()
    program = compile(net, CHIP, options=Options(rows="dram"))
    report = program.run(x).report()
    assert "  shared memory     busiest" in str(report) and "% of a tick at dram_rate" in str(
        report
    )
    assert "fetches from DRAM (dram_fetch_energy unknown" in str(report)
    said = report.json()["shared_memory"]
    assert said["rate"] == "dram_rate" and said["most"] > 0 and said["chip"] == (0, 0)
    slow = program.run(x, assume={"dram_rate": 1e3}).report()
    assert "above 100 %: rows come after their tick, in" in str(slow)
    own = compile(net, CHIP).run(x).report()
    assert "shared memory" not in str(own) and own.json()["shared_memory"] is None


def test_rows_that_come_late_make_a_step_longer() -> None:
    """Two chips or more, at a rate that brings a third of the busiest step's bytes in a tick."""
    net = sample()
    program = compile(net, small(CHIP), options=Options(neurons_per_core=5, rows="dram"))
    whole = program.run(spikes(net, 3, batch=2))
    found = fetched(program, whole.counts, whole.chip)
    assert found is not None and found.over == found.over_steps == 0
    assert whole.timing.worst_step is not None
    assert whole.timing.worst_step.value == whole.busy.max()
    rate = found.most / 3e-3
    slow = whole.assuming(dram_rate=rate)
    late = fetched(program, slow.counts, slow.chip)
    assert late is not None and late.seconds is not None
    assert late.seconds.value == pytest.approx(3e-3)
    each = [h > rate * 1e-3 for h in _per_chip(program, whole).values()]
    assert late.over == sum(h.any() for h in each) > 0
    assert late.over_steps == sum(h.sum() for h in each)
    assert slow.timing.worst_step is not None
    assert slow.timing.worst_step.value == pytest.approx(3e-3)
    text = str(slow.report())
    assert "longest step      3 ms" in text and "of a 1 ms tick" in text
    assert f"in {late.over_steps} steps on {late.over} chips; the busiest needs 3 ms" in text
    assert slow.report().json()["shared_memory"]["over_steps"] == late.over_steps
    longer = dataclasses.replace(program, tick=4e-3)
    again = fetched(longer, slow.counts, slow.chip)
    assert again is not None and again.over == again.over_steps == 0


@pytest.mark.parametrize(("on", "rows", "allowed"), [
    ("loihi1", "dram", "None: its rows have one place"), ("cpu", "sram", "None: its rows"),
    ("spinnaker2", "flash", "'sram' or 'dram'"), ("spinnaker1", "dram", "None: its rows"),
])  # fmt: skip
def test_another_place_is_e0144(on: str, rows: str, allowed: str) -> None:
    with pytest.raises(BadInput) as found:
        compile(toy.network(), on, options=Options(rows=rows, approximate=True))
    e = found.value
    assert e.code == "E0144" and f"got {rows!r}" in str(e) and allowed in str(e)


def test_a_saved_program_keeps_its_strides(tmp_path: Any) -> None:
    program = compile(toy.network(), CHIP, options=Options(rows="dram"))
    program.save(str(tmp_path / "a.mossy"))
    again = mossy.program.load(tmp_path / "a.mossy")
    assert [c.tables for c in again.cores] == [c.tables for c in program.cores]
    assert [c.memory for c in again.cores] == [c.memory for c in program.cores]
    text = program_text(again)
    assert "block synapse rows (DRAM)  at 0x0" in text and "stride" in text


def test_the_command_line_takes_it(tmp_path: Any) -> None:
    net, x, _ = toy.files(tmp_path)
    report = printed("run", net, "--on", CHIP, "--data", x, "--rows", "dram")
    assert report["shared_memory"]["total"] > 0


def test_draws_of_any_kind_are_counted_by_source() -> None:
    kinds: list[tuple[Any, dict[str, Any]]] = [
        ("total", {"count": 70}), ("one_to_one", {}), ("in_degree", {"count": 9}),
        ("out_degree", {"count": 9}), ("probability", {"p": 0.3}),
    ]  # fmt: skip
    for kind, more in kinds:
        n, m = (20, 20) if kind == "one_to_one" else (13, 20)
        r = Recipe(kind, n, m, Draw("constant", 1.0), constant(1), 3, **more)
        start, *_ = generate.rows(dataclasses.replace(r, top=2.0**31), 4, 17)
        np.testing.assert_array_equal(Connectivity({}).rows(r, 4, 17), np.diff(start))
