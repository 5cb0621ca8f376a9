"""Pieces of a run are the run, and one program can take over from another in the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mossy.program import Program
from mossy.twin.live import Events, Live, runs_here
from tests.twin.recurrent import compiled, random_network

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
