"""The engine of many ranks gives what the others give, whatever their number, or says why not.

The jobs of mpi_job.py run under the system's mpirun; they are skipped where there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mossy import twin
from mossy.chips.chip import chip as find
from mossy.errors import BadInput
from mossy.twin.engines import digest
from mossy.twin.layout.shape import Extent, Share
from mossy.twin.layout.wide import wide
from tests.twin.recurrent import compiled, random_network

ROOT = Path(__file__).parents[2]
SEED = int(os.environ["MOSSY_ORACLE_SEED"])
MPIRUN = ("mpirun", "--oversubscribe", "--allow-run-as-root", "-n")


@cache
def lacking() -> str:
    """Return why nothing can run on several ranks here, nothing where it can."""
    if shutil.which("mpirun") is None:
        return "no mpirun on this machine"
    asked = subprocess.run(
        [sys.executable, "-c", "from mpi4py import MPI"], capture_output=True, check=False
    )
    return "mpi4py or its MPI library cannot be loaded" if asked.returncode else ""


def outside_mpi() -> dict[str, str]:
    """The environment without what MPI, once loaded here, leaves in it: mpirun would not start."""
    own = ("OMPI_", "ORTE_", "PMIX_", "PRTE_")
    return {k: v for k, v in os.environ.items() if not k.startswith(own)}


def job(ranks: int, name: str) -> None:
    """Run a job and see every rank reach its end; a single rank is started without mpirun."""
    if lacking():
        pytest.skip(lacking())
    start = (*MPIRUN, str(ranks)) if ranks > 1 else ()
    done = subprocess.run(
        [*start, sys.executable, "-m", "mpi4py", "-m", "tests.twin.mpi_job", name, str(SEED)],
        cwd=ROOT, env=outside_mpi(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert all(f"rank {k} of {ranks} done" in said for k in range(ranks)), said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recipes", "chips"])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_every_number_of_ranks_gives_what_one_processor_gives(ranks: int, name: str) -> None:
    job(ranks, name)


def test_two_ranks_give_what_one_processor_gives() -> None:
    job(2, "one")


SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in (1, 4)]


@pytest.mark.parametrize("ranks", [2, *SLOW])
def test_parts_that_die_on_several_ranks(ranks: int) -> None:
    job(ranks, "hurt")


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_that_differ_are_told_so(ranks: int) -> None:
    job(ranks, "differ")


@pytest.mark.slow
def test_seconds_and_joules_are_those_of_all() -> None:
    job(4, "measure")


# ------------------------------------------------------------------------------ shares
@pytest.mark.parametrize("ranks", [2, 4, 7])
@pytest.mark.parametrize("threads", [1, 2])
def test_shares_are_the_whole_and_none_holds_much_more_than_its_part(
    ranks: int, threads: int
) -> None:
    populations, _ = random_network(11)
    chip = find("cpu")
    whole = wide(compiled(populations, neurons_per_core=9), chip, ranks * threads)

    extents: list[Extent] = []

    def told(extent: Extent) -> Extent:
        extents.append(extent)
        return extent

    for k in range(ranks):
        wide(compiled(populations, neurons_per_core=9), chip, threads, Share(k, ranks, told))
    lead, last, heaviest = zip(*extents, strict=True)
    agreed = min(lead), max(last), max(heaviest)
    program = compiled(populations, neurons_per_core=9)
    parts = [wide(program, chip, threads, Share(k, ranks, lambda _: agreed)) for k in range(ranks)]

    blocks = [b for p in parts for b in p.blocks]
    assert len(blocks) == len(whole.blocks)
    for a, b in zip(blocks, whole.blocks, strict=True):
        assert (a.first, a.last, a.shape) == (b.first, b.last, b.shape)
        np.testing.assert_array_equal(a.start, b.start)
        np.testing.assert_array_equal(a.words, b.words)
    assert sum(p.fan.count.sum() for p in parts) == whole.fan.count.sum() == whole.synapses
    neurons = sum(b.last - b.first for b in whole.blocks)
    for p in parts:
        own = sum(b.last - b.first for b in p.blocks)
        assert own <= neurons / ranks + threads * ranks


# ------------------------------------------------------------------------------ refusals
def test_without_mpi4py_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    populations, x = random_network(1)
    with pytest.raises(BadInput, match=r"several ranks need mpi4py.*mossy\[cluster\]") as e:
        twin.run(compiled(populations), x, engine="mpi")
    assert e.value.code == "E0420"


def test_it_refuses_what_the_engine_for_large_networks_refuses() -> None:
    populations, _ = random_network(2)
    alone = type(populations)(
        tuple(
            type(p)(**{**vars(p), "noise": ()})  # noise takes one sample at a time, anywhere
            for p in populations.populations
        ),
        populations.projections, populations.inputs, populations.outputs,
    )  # fmt: skip
    with pytest.raises(BadInput, match='several samples; got engine="mpi"') as e:
        twin.run(compiled(alone), np.zeros((2, 5, 20), np.uint8), engine="mpi")
    assert e.value.code == "E0177"


# ------------------------------------------------------------------------------ digests
def test_a_digest_tells_programs_apart() -> None:
    populations, _ = random_network(3)
    one, same, cut = (compiled(populations, neurons_per_core=n) for n in (30, 30, 20))
    other = compiled(random_network(4)[0], neurons_per_core=30)
    assert digest.of_program(one) == digest.of_program(same)
    assert len({digest.of_program(p) for p in (one, cut, other)}) == 3


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.arange(3), np.arange(3).astype(np.int32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (("ab", "c"), ("a", "bc")),
        (((), (1,)), ((1,), ())),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        (1, True),
        (0.1, 0.1 + 2.0**-56),
        (frozenset({1}), frozenset({2})),
    ],
)
def test_a_digest_tells_values_apart(a: object, b: object) -> None:
    assert digest.of(a) != digest.of(b)


def test_a_digest_does_not_depend_on_the_order_of_a_set() -> None:
    names = [f"n{i}" for i in range(50)]
    assert digest.of(frozenset(names)) == digest.of(frozenset(reversed(names)))
