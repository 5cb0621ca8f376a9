from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mossy.network import nir
from tests.cli.toy import BATCH, files, inputs, mistake, mossy, network, printed


@pytest.fixture
def net(tmp_path: Path) -> tuple[str, str, str]:
    return files(tmp_path)


def test_run_reports_accuracy_time_and_energy(net: tuple[str, str, str]) -> None:
    path, x, y = net
    result = mossy("run", path, "--on", "spinnaker2", "--data", x, "--labels", y)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("toy on SpiNNaker2: 6 inferences")
    assert [line.split()[0] for line in lines if line.startswith("  ")].count("energy") == 1
    assert "  accuracy " in lines[-1] and lines[-1].endswith("of 6 inferences")
    assert result.stderr == ""


def test_run_as_json(net: tuple[str, str, str]) -> None:
    path, x, y = net
    found = printed("run", path, "--on", "loihi1", "--data", x, "--labels", y)
    assert found["chip"] == "loihi1" and found["inferences"] == BATCH
    assert found["energy"]["low"] <= found["energy"]["value"] <= found["energy"]["high"]
    assert len(found["answers"]) == BATCH
    share = np.mean(np.array(found["answers"]) == np.load(y))
    assert found["accuracy"] == pytest.approx(share)


def test_run_without_labels_has_answers_and_no_accuracy(net: tuple[str, str, str]) -> None:
    found = printed("run", net[0], "--on", "cpu", "--data", net[1], "--samples", 2)
    assert found["accuracy"] is None and len(found["answers"]) == 2


def test_the_engines_agree(net: tuple[str, str, str]) -> None:
    command = ("run", net[0], "--on", "spinnaker2", "--data", net[1], "--engine")
    fast, slow = printed(*command, "fast"), printed(*command, "reference")
    assert slow["engine"] == "reference"
    assert fast["counts_per_inference"] == slow["counts_per_inference"]
    assert fast["answers"] == slow["answers"]


def test_compiler_options_reach_the_compiler(net: tuple[str, str, str]) -> None:
    command = ("run", net[0], "--on", "spinnaker2", "--data", net[1], "--calibrate", 0)
    plain = printed(*command)
    more = printed(*command, "--neurons-per-core", 4, "--tick", 2e-3)
    assert more["cores"] > plain["cores"]
    assert more["tick"]["value"] == 2e-3 and plain["tick"]["value"] == 1e-3
    coarse = printed(*command, "--bits", 2)
    assert coarse["counts_per_inference"] != plain["counts_per_inference"]


def test_an_assumed_fact_changes_the_energy(net: tuple[str, str, str]) -> None:
    command = ("run", net[0], "--on", "spinnaker2", "--data", net[1])
    found = printed(*command, "--assume", "uncore_power=2", "--assume", "pe_sleep_power=0")
    assert found["energy_assumed_share"] > 0.9
    assert found["energy"]["value"] > 10 * printed(*command)["energy"]["value"]


def test_integrator_reset_and_dt_reach_the_network(tmp_path: Path) -> None:
    import nir as package

    plain = network()
    nir.write(plain, tmp_path / "net.nir")
    graph = package.read(tmp_path / "net.nir")
    graph.metadata = {}
    package.write(tmp_path / "bare.nir", graph)
    np.save(tmp_path / "x.npy", inputs())
    command = ("run", tmp_path / "bare.nir", "--on", "cpu", "--data", tmp_path / "x.npy")
    assert mistake(*command).startswith("[E0115]")
    found = printed(*command, "--dt", 2e-3, "--integrator", "exponential", "--reset", "subtract")
    assert (found["dt"], found["integrator"], found["reset"]) == (2e-3, "exponential", "subtract")


def test_a_raster_is_drawn(net: tuple[str, str, str], tmp_path: Path) -> None:
    picture = tmp_path / "spikes.png"
    printed("run", net[0], "--on", "cpu", "--data", net[1], "--raster", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_zoo_network_brings_its_data() -> None:
    found = printed("run", "digits", "--on", "spinnaker2", "--samples", 40)
    assert found["network"] == "digits" and found["inferences"] == 40
    assert found["accuracy"] > 0.9


def test_a_program_runs_as_its_network_did(net: tuple[str, str, str], tmp_path: Path) -> None:
    program = tmp_path / "p.mossy"
    shared = ("--data", net[1])
    printed("compile", net[0], "--on", "loihi1", "-o", program, *shared, "--calibrate", 3)
    again = printed("run", program, *shared)
    direct = printed("run", net[0], "--on", "loihi1", *shared, "--calibrate", 3)
    for key in ("counts_per_inference", "energy", "latency", "answers"):
        assert again[key] == direct[key]


def test_a_program_of_the_zoo_finds_its_data(tmp_path: Path) -> None:
    program = tmp_path / "digits.mossy"
    printed("compile", "digits", "--on", "spinnaker2", "-o", program, "--calibrate", 8)
    assert printed("run", program, "--samples", 5)["accuracy"] is not None


def test_progress_goes_to_standard_error_only(net: tuple[str, str, str]) -> None:
    code = "from mossy.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", net[0], "--on", "cpu", "--data", net[1], "--json"],
        env={"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "100", "PATH": "",
             "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["chip"] == "cpu"
    assert "toy on cpu" in done.stderr and "6/6" in done.stderr


# ------------------------------------------------------------------------------ mistakes
def test_an_unknown_chip_names_the_nearest(net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--on", "spinaker2", "--data", net[1])
    assert message.startswith("[E0501] unknown chip; got 'spinaker2'. Try: spinnaker2")


def test_an_unknown_network_of_the_zoo() -> None:
    message = mistake("run", "digitz", "--on", "cpu")
    assert message.startswith("[E0501] unknown zoo network; got 'digitz'. Try: digits")


def test_a_file_that_is_not_there() -> None:
    message = mistake("run", "no/such.nir", "--on", "cpu")
    assert message.startswith("[E0113] no/such.nir:") and "no such file" in message


@pytest.mark.parametrize("where", ["missing/r.png", "."])
def test_an_output_path_is_refused_before_anything_is_read(where: str, tmp_path: Path) -> None:
    message = mistake("run", "no-such.nir", "--on", "cpu", "--raster", tmp_path / where)
    assert message.startswith(f"[E0601] {tmp_path / where}: cannot write there (")
    assert ". Try: " in message


def test_a_write_protected_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.png").touch()
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)  # root may write all
    message = mistake("run", "no-such.nir", "--on", "cpu", "--raster", tmp_path / "r.png")
    assert "cannot write there (the file is write-protected). Try: another name" in message


def test_inputs_that_are_missing_or_corrupt(net: tuple[str, str, str], tmp_path: Path) -> None:
    command = ("run", net[0], "--on", "cpu", "--data")
    gone = mistake(*command, tmp_path / "gone.npy")
    assert gone.startswith(
        f"[E0602] {tmp_path / 'gone.npy'}: cannot read this as an array (No such"
    )
    short = tmp_path / "short.npy"
    short.write_bytes(Path(net[1]).read_bytes()[:150])
    assert "[E0602]" in mistake(*command, short)
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{}, None]), allow_pickle=True)
    assert "cannot read this as an array (Object arrays" in mistake(*command, objects)
    np.savez(tmp_path / "two.npz", a=np.ones(2))
    assert "this file holds several arrays" in mistake(*command, tmp_path / "two.npz")


def test_inputs_of_a_wrong_shape_are_found_before_compiling(
    net: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", inputs()[:, :, :5])
    monkeypatch.setattr("mossy.passes.compile", None)
    message = mistake("run", net[0], "--on", "cpu", "--data", tmp_path / "x.npy")
    assert message.startswith("[E0120]")


def test_labels_that_do_not_match(net: tuple[str, str, str], tmp_path: Path) -> None:
    labels = tmp_path / "l.npy"
    command = ("run", net[0], "--on", "cpu", "--data", net[1], "--labels", labels)
    np.save(labels, np.zeros(4, int))
    message = mistake(*command)
    assert message.startswith(f"[E0603] {labels}: labels do not match the inputs; got shape (4,)")
    np.save(labels, np.full(BATCH, 9))
    assert "[E0603] a label is no class of the network's output; got 9 to 9" in mistake(*command)


@pytest.mark.parametrize(
    "text", ["uncore_power", "uncore_power=", "=1", "uncore_power=a lot", "uncore_power=nan"]
)
def test_a_bad_assumption(text: str, net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--on", "cpu", "--data", net[1], "--assume", text)
    assert message.startswith(
        "[E0604] --assume: an assumption is one fact and one number, or one choice and one word; "
    )
    assert repr(text) in message and "mossy chips NAME" in message


def test_one_fact_assumed_twice(net: tuple[str, str, str]) -> None:
    twice = ("--assume", "package_power=1", "--assume", "package_power=2")
    message = mistake("run", net[0], "--on", "cpu", "--data", net[1], *twice)
    assert "'package_power=2'" in message and "each name once" in message


def test_an_unknown_fact(net: tuple[str, str, str]) -> None:
    bad = ("--assume", "packge_power=3")
    message = mistake("run", net[0], "--on", "cpu", "--data", net[1], *bad)
    assert message.startswith("[E0402] cpu: no such fact; got 'packge_power'. Try: package_power")


def test_no_chip_given(net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--data", net[1])
    assert message.startswith("[E0606] no chip given. Try: --on cpu or --on ")


def test_a_zoo_network_brings_its_time_step() -> None:
    message = mistake("run", "digits", "--on", "cpu", "--dt", 1e-3, "--reset", "node")
    assert message.startswith("[E0607] digits: a zoo network brings its own time step")
    assert "got --dt, --reset" in message


def test_a_program_is_compiled_already() -> None:
    message = mistake("run", "p.mossy", "--on", "cpu", "--neurons-per-core", 3)
    assert message.startswith("[E0607] p.mossy: a program is compiled already")
    assert "got --on, --neurons-per-core" in message


def test_a_file_brings_no_inputs(net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--on", "cpu")
    assert message.startswith("[E0608] no inputs: only zoo networks bring their own. Try: --data")


def test_pictures_without_matplotlib(
    net: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = mistake("run", "no-such.nir", "--on", "cpu", "--raster", tmp_path / "r.png")
    assert message.startswith("[E0609] pictures need matplotlib")


def test_a_tick_that_is_no_time(net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--on", "spinnaker2", "--data", net[1], "--tick", 0)
    assert message == "[E0610] --tick: a tick takes time; got 0.0; allowed: seconds > 0"


def test_an_unknown_way_to_read_the_output(net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--on", "cpu", "--data", net[1], "--decode", "loudest")
    assert message.startswith("[E0611] unknown way to read an output; got 'loudest'")


def test_what_does_not_fit_is_one_message(net: tuple[str, str, str]) -> None:
    message = mistake("run", net[0], "--on", "loihi1", "--data", net[1], "--reset", "subtract")
    assert message.startswith("[E0223]")


def test_a_run_is_priced_at_a_level(net: tuple[str, str, str]) -> None:
    command = ("run", net[0], "--on", "spinnaker2", "--data", net[1])
    high, low = (printed(*command, "--level", k)["energy"]["value"] for k in ("high", "low"))
    auto = printed(*command, "--level", "auto", "--level-threshold", 3)["energy"]["value"]
    assert low < auto < high
    assert mistake(*command, "--level", "fast").startswith("[E0196]")
