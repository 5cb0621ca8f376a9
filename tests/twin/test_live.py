"""Pieces of a run are the run, and one program can take over from another in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mossy import twin
from mossy.errors import BadInput
from mossy.program import Program
from mossy.twin.live import Events, Live, runs_here
from tests.twin.machines import faults
from tests.twin.recurrent import compiled, random_network
from tests.twin.runs import fuzz
from tests.twin.test_wide_faults import CHIPS, programs

NAMES, STEPS = "abc", 59  # the inputs' step 0 is time 0, before the first step


def spikes(x: NDArray[Any], begin: int, end: int) -> dict[str, Events]:
    step, channel = np.nonzero(x[0])
    here = (step >= begin) & (step < end)
    return {"in": (step[here], channel[here])}


def joined(parts: list[Events]) -> Events:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def network(seed: int) -> tuple[Program, NDArray[Any], dict[tuple[str, str], NDArray[np.int64]]]:
    populations, x = random_network(seed)
    watched = {(p, "v"): np.array([0, 2]) for p in NAMES}
    return compiled(populations, neurons_per_core=17), x, watched


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("threads", "cuts"), [(1, [20, 1, 1, 30, 7]), (2, [13, 13, 13, 13, 7])])
def test_pieces_and_a_change_of_programs_leave_no_trace(
    seed: int, threads: int, cuts: list[int]
) -> None:
    program, x, watched = network(seed)
    whole = Live(program, threads=1)
    whole.watch(watched)
    expected = whole.run(STEPS, spikes(x, 0, STEPS + 1))
    live = Live(program, threads=threads)
    live.watch(watched)
    sent: dict[str, list[Events]] = {p: [] for p in NAMES}
    v, now = [], 1
    for k, steps in enumerate(cuts):
        if k == 2:
            heir = Live(program, threads=threads, step=live.step)
            heir.watch(watched)
            for p in NAMES:
                heir.put(p, live.registers(p))
            heir.replay({p: joined(sent[p]) for p in NAMES} | spikes(x, 0, now))
            live = heir
        piece = live.run(steps, spikes(x, 0 if k == 0 else now, now + steps))
        assert piece.first == now
        for p in NAMES:
            sent[p].append(piece.events[p])
        v.append(piece.fields["a", "v"])
        now += steps
    assert sum(len(expected.events[p][0]) for p in NAMES) > 50
    for p in NAMES:
        for got, wanted in zip(joined(sent[p]), expected.events[p], strict=True):
            np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(np.concatenate(v), expected.fields["a", "v"])


@pytest.mark.parametrize("chip", CHIPS)
@fuzz(10)
@given(data=st.data(), threads=st.integers(1, 2), cut=st.integers(1, 7), heir=st.booleans())
def test_parts_die_as_in_one_run(
    chip: str, data: st.DataObject, threads: int, cut: int, heir: bool
) -> None:
    """Spikes and registers; a spike that is sent in step t of a run is one of step t + 1 here."""
    program, x = data.draw(programs(chip))
    died = data.draw(faults(program))
    whole = twin.run(program, x, record="*", states="*", faults=died, engine="wide")
    steps = whole.counts.shape[1]
    watched = {
        (p.name, f): np.arange(int(np.prod(p.shape)))
        for p in program.populations
        for f in ((whole.states[p.name].dtype.names or ()) if p.role != "source" else ())
    }
    given: dict[str, Events] = {}
    for node, spikes in x.items():
        flat = spikes.reshape(spikes.shape[1], -1)
        step, neuron = (np.repeat(a, flat[np.nonzero(flat)]) for a in np.nonzero(flat))
        given[program.inputs[node]] = step + 1, neuron
    live = Live(program, threads=threads, faults=died)
    live.watch(watched)
    first = live.run(cut, {k: (t[t <= cut], i[t <= cut]) for k, (t, i) in given.items()})
    if heir:
        now = Live(program, threads=threads, step=live.step, faults=died)
        now.watch(watched)
        for p in {name for name, _ in watched}:
            now.put(p, live.registers(p))
        now.replay(first.events | {k: (t[t <= cut], i[t <= cut]) for k, (t, i) in given.items()})
        live = now
    rest = {k: (t[t > cut], i[t > cut]) for k, (t, i) in given.items()}
    second = live.run(steps - cut, rest)
    for p, field in watched:
        step, neuron = joined([first.events[p], second.events[p]])
        np.testing.assert_array_equal((step - 1, neuron), whole.events(p))
        kept = np.concatenate([first.fields[p, field], second.fields[p, field]])
        np.testing.assert_array_equal(kept, whole.states[p][field][0].reshape(kept.shape))


def test_a_part_that_is_not_there_cannot_die() -> None:
    program, *_ = network(0)
    with pytest.raises(BadInput, match=r"\[E0412\].*no such part"):
        Live(program, threads=1, faults=["chip 70,1 @ 3"])


def test_parameters_change_between_pieces_and_reach_every_part() -> None:
    program, x, watched = network(0)
    live = Live(program, threads=2)
    live.watch(watched)
    live.run(10, spikes(x, 0, 11))
    core = program.cores[program.population("a").cores[0]]
    params = np.zeros(program.population("a").shape, core.params.dtype)
    for c in (program.cores[k] for k in program.population("a").cores):
        params[c.lo : c.hi] = c.params
    params["threshold"] = 1e3
    live.tune("a", params)
    assert not len(live.run(40, spikes(x, 11, 51)).events["a"][0])
    held = live.registers("a")
    held["v"] = 0.125
    live.put("a", held)
    np.testing.assert_array_equal(live.registers("a")["v"], 0.125)


def test_what_may_send_twice_in_a_step_is_told_apart() -> None:
    once = np.zeros(2, [("refract", "i4")])
    assert runs_here("if_cond_exp", once)
    assert not runs_here("eif_cond_exp", once)
    once["refract"] = 1
    assert runs_here("eif_cond_exp", once)
