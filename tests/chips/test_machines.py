"""Machines of a chip, and what compiling onto one with dead parts does."""

from __future__ import annotations

import numpy as np
import pytest

import mossy
from mossy.errors import BadInput, DoesNotFit
from mossy.passes import Options, compile
from tests.cli import toy
from tests.cli.toy import mistake, printed


def test_a_machine_of_boards_has_what_is_dead_left_out() -> None:
    m = mossy.machine("spinnaker2", boards=3, dead=["chip 3,4", "core:0,0,17", "link 5,5,2"])
    assert m.chips == 143 and m.wraps
    assert not m.has((3, 4)) and (0, 0, 17) in m.dead_cores and m.beside((5, 5), 2) is None


def test_a_dead_chip_may_have_dead_cores_too() -> None:
    m = mossy.machine("spinnaker2", boards=1, dead=["chip 1,1", "core 1,1,1"])
    assert m.chips == 47


def test_a_mesh_has_so_many_chips() -> None:
    assert mossy.machine("loihi1", chips=5).chips == 5
    with pytest.raises(BadInput) as found:
        mossy.machine("loihi1", boards=3)
    assert found.value.code == "E0195" and "does not come on boards" in str(found.value)


@pytest.mark.parametrize(
    "text", ["chip 1", "cores 0,0,1", "core 0,0", "link a,b,c", "chip -1,0", ""]
)
def test_a_part_that_is_no_part_is_e0194(text: str) -> None:
    with pytest.raises(BadInput) as found:
        mossy.machine("spinnaker2", dead=[text])
    e = found.value
    assert e.code == "E0194" and "chip X,Y or core X,Y,CORE or link X,Y,LINK" in str(e)


def test_a_core_the_chip_does_not_have_is_e0192() -> None:
    with pytest.raises(BadInput) as found:
        mossy.machine("spinnaker2", dead=["core 0,0,153"])
    assert found.value.code == "E0192" and "cores 1 to 152" in str(found.value)


def test_no_machine_is_larger_than_the_largest() -> None:
    assert mossy.machine("spinnaker2", boards=729).chips == 729 * 48
    with pytest.raises(BadInput, match="larger than any of this chip can be") as e:
        mossy.machine("spinnaker2", boards=732)
    assert e.value.code == "E0193" and "35136 chips; allowed: 34992" in str(e.value)


def test_nothing_is_put_on_dead_parts_and_spikes_stay_the_same() -> None:
    net, x = toy.network(), toy.inputs()
    whole = compile(net, "spinnaker2").run(x, record="*")
    first, *others = mossy.chip("spinnaker2").cores
    dead = ["chip 1,0", "chip 0,1", f"core 0,0,{first}"]
    dead += [f"core 0,0,{k}" for k in others[1:]]  # one core is left on the first chip
    machine = mossy.machine("spinnaker2", boards=1, dead=dead)
    program = compile(net, "spinnaker2", options=Options(machine=machine, neurons_per_core=4))
    places = [c.place for c in program.cores if c.place is not None]
    assert places[0] == (0, 0, others[0])
    assert all(p not in machine.dead_cores and machine.has(p[:2]) for p in places)
    assert len({p[:2] for p in places}) > 1 and len(program.tables) > 1
    for engine in ("fast", "reference"):
        run = program.run(x, record="*", engine=engine)
        for name, spikes in whole.spikes.items():
            np.testing.assert_array_equal(run.spikes[name], spikes)
    assert run.counts.mean("link_packets") > 0


def test_a_machine_that_is_too_small_says_so() -> None:
    dead = [f"core 0,0,{k}" for k in mossy.chip("spinnaker2").cores[1:]]
    machine = mossy.machine("spinnaker2", dead=dead)
    with pytest.raises(DoesNotFit) as found:
        compile(toy.network(), "spinnaker2", options=Options(machine=machine))
    assert found.value.code == "E0302" and "1 cores on 1 chip(s)" in str(found.value)


def test_the_command_line_takes_boards_and_dead_parts(tmp_path: object) -> None:
    net, x, _ = toy.files(tmp_path)  # type: ignore[arg-type]
    machine = ("--boards", 1, "--dead", "core:0,0,101", "--dead", "chip:1,0")
    report = printed("run", net, "--on", "spinnaker2", "--data", x, *machine)
    assert report["cores"] == 3
    text = mistake("run", net, "--on", "loihi1", "--data", x, "--boards", 1)
    assert text.startswith("[E0195]")
