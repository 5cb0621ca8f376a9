from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from mossy import twin
from mossy.chips import names
from mossy.compare import Comparison, _ratio, _value_and_range, compare, readout
from mossy.errors import BadInput, UnknownName
from mossy.network import reference
from mossy.passes import Options, compile
from mossy.signals.answers import CHOICES
from mossy.units import Quantity
from tests.cli import toy


@pytest.fixture(scope="module")
def all_chips() -> Comparison:
    """One network on every chip, with permission to come near where a chip cannot do it."""
    return compare(
        toy.network(),
        toy.inputs(),
        toy.labels(),
        calibration=toy.inputs()[:2],
        options=Options(approximate=True),
    )


def test_without_a_choice_every_chip_has_a_row(all_chips: Comparison) -> None:
    assert [r.chip for r in all_chips.rows] == names()
    assert all(r.error is None and r.latency and r.energy for r in all_chips.rows)


def test_a_row_says_what_a_run_of_its_own_says(all_chips: Comparison) -> None:
    program = compile(toy.network(), "spinnaker2", calibration=toy.inputs()[:2])
    result = twin.run(program, toy.inputs())
    row = all_chips.row("spinnaker2")
    assert (row.latency, row.energy) == (result.latency, result.energy.total)
    assert row.spikes == result.counts.mean("spikes")
    assert row.synaptic_events == result.counts.mean("synaptic_events")
    assert row.assumed_share == result.energy.assumed_share
    answers = result.outputs["output"].sum(axis=1).argmax(axis=1)
    assert row.accuracy == (answers == toy.labels()).mean()


def test_the_float_column_is_the_reference(all_chips: Comparison) -> None:
    out = reference.run(toy.network(), toy.inputs())["output"]
    expected = (out.sum(axis=1).argmax(axis=1) == toy.labels()).mean()
    assert all_chips.accuracy_float == expected
    assert {r.accuracy_float for r in all_chips.rows} == {expected}


def test_ratios_are_to_the_measured_platform(all_chips: Comparison) -> None:
    base, other = all_chips.row("cpu"), all_chips.row("loihi1")
    assert all_chips.baseline == "cpu"
    assert base.energy_ratio == base.time_ratio == Quantity.exact(1.0, "1")
    assert base.energy and other.energy and other.energy_ratio
    assert other.energy_ratio.value == other.energy.value / base.energy.value
    assert other.energy_ratio.low == other.energy.low / base.energy.high


def test_a_ratio_to_nothing_has_no_upper_bound() -> None:
    ratio = _ratio(Quantity(1, "J", 1, 1), Quantity(2, "J", 0, 4), same=False)
    assert ratio == Quantity(0.5, "1", 0.25, math.inf)


def test_without_a_measured_platform_there_are_no_ratios() -> None:
    found = compare(toy.network(), toy.inputs(), on=["spinnaker2"])
    assert found.baseline is None and found.rows[0].energy_ratio is None
    assert found.rows[0].accuracy is None and found.accuracy_float is None
    assert "energy/" not in str(found)


def test_a_chip_that_cannot_take_the_network_keeps_its_row_with_the_reason() -> None:
    net = toy.network(reset="subtract")
    found = compare(net, toy.inputs(), toy.labels(), on=["loihi1", "cpu"])
    refused, done = found.rows
    assert refused.error and refused.error.startswith("[E0223]") and refused.energy is None
    assert done.error is None and done.energy is not None
    assert list(found.results) == ["cpu"]
    assert f"loihi1: {refused.error}" in str(found)


def test_a_chip_that_takes_spikes_only_does_not_end_the_comparison() -> None:
    found = compare(toy.network(), toy.inputs() * 0.7, on=["cpu", "spinnaker2"])
    assert found.rows[0].error is None
    assert str(found.rows[1].error).startswith("[E0187]")


def test_potentials_are_read_by_their_maximum() -> None:
    net = toy.network(potential=True)
    assert readout(net) == "potential" and readout(toy.network()) == "spikes"
    found = compare(net, toy.inputs(), toy.labels(), on=["cpu"])
    assert found.decode == "max_potential"
    answers = found.results["cpu"].outputs["output"].max(axis=1).argmax(axis=1)
    assert found.rows[0].accuracy == (answers == toy.labels()).mean()


def test_a_function_may_read_the_answer() -> None:
    def always_two(out: np.ndarray) -> np.ndarray:
        return np.full(len(out), 2)

    found = compare(toy.network(), toy.inputs(), toy.labels(), on=["cpu"], decode=always_two)
    assert found.decode == "always_two"
    assert found.rows[0].accuracy == (toy.labels() == 2).mean()


def test_assumptions_reach_the_chips_that_have_the_fact() -> None:
    found = compare(
        toy.network(), toy.inputs(), on=["loihi1", "cpu"], assume={"neuron_update_energy": 1.0}
    )
    share = found.rows[0].assumed_share
    assert share is not None and share > 0.99
    assert found.results["loihi1"].chip.facts["neuron_update_energy"].basis == "assumed"


def test_progress_names_chip_stage_and_inferences() -> None:
    seen: list[tuple[str, str, int]] = []
    compare(toy.network(), toy.inputs(), on=["cpu", "loihi1"], progress=lambda *a: seen.append(a))
    assert list(dict.fromkeys(name for name, _, _ in seen)) == ["float", "cpu", "loihi1"]
    assert sum(more for name, _, more in seen if name == "loihi1") == toy.BATCH
    assert ("loihi1", "place", 0) in seen


def test_json_is_json_and_complete(all_chips: Comparison) -> None:
    found = json.loads(json.dumps(all_chips.json(), allow_nan=False))
    assert found["inferences"] == toy.BATCH and found["steps"] == toy.STEPS
    row = dataclasses.asdict(all_chips.row("loihi1"))
    shown = next(r for r in found["rows"] if r["chip"] == "loihi1")
    assert set(shown) == set(row)
    assert shown["energy"] == row["energy"] and shown["energy"]["unit"] == "J"


def test_json_has_null_where_a_bound_is_missing(all_chips: Comparison) -> None:
    open_end = dataclasses.replace(
        all_chips.rows[0], energy_ratio=Quantity(1.0, "1", 0.5, math.inf)
    )
    found = dataclasses.replace(all_chips, rows=(open_end,)).json()
    assert found["rows"][0]["energy_ratio"] == {
        "value": 1.0, "unit": "1", "low": 0.5, "high": None,
    }  # fmt: skip


def test_frame_has_a_line_per_chip_with_bounds(all_chips: Comparison) -> None:
    frame = all_chips.frame().set_index("chip")
    row = all_chips.row("loihi1")
    assert row.energy
    assert frame.loc["loihi1", "energy"] == row.energy.value
    assert frame.loc["loihi1", "energy_high"] == row.energy.high


def test_the_table_reads_well(all_chips: Comparison) -> None:
    lines = str(all_chips).splitlines()
    assert lines[0].startswith("toy: 6 inferences of 10 steps, dt 1 ms, euler, reset node; read by")
    header = lines[2].split()
    assert header[:3] == ["chip", "accuracy", "latency"] and header[-1] == "time/cpu"
    assert [line.split()[0] for line in lines[3 : 3 + len(names())]] == names()
    assert "time measured on this machine: cpu" in lines
    computed = [name for name in names() if name != "cpu"]
    assert f"time computed from counts of events: {', '.join(computed)}" in lines


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [
        (Quantity(0.0182, "J", 0.004, 0.64), ("18.2 mJ", "(4 to 640)")),
        (Quantity(9.996e-4, "s", 9e-4, 1.5e-3), ("1e+03 µs", "(900 to 1,500)")),
        (Quantity(2e-3, "s", 0.0, 23.6), ("2 ms", "(0 to 23,600)")),
        (Quantity.exact(2e-3, "s"), ("2 ms", "")),
    ],
)
def test_bounds_are_shown_in_the_unit_of_the_value(
    quantity: Quantity, shown: tuple[str, str]
) -> None:
    assert _value_and_range(quantity) == shown


# ------------------------------------------------------------------------------ refusals
def refused(**options: object) -> BadInput:
    given = {"network": toy.network(), "x": toy.inputs(), "on": ["cpu"], **options}
    with pytest.raises(BadInput) as caught:
        compare(**given)  # type: ignore[arg-type]
    return caught.value


def test_an_unknown_chip_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"\[E0501\] unknown chip; got 'lohi1'. Try: loihi1"):
        compare(toy.network(), toy.inputs(), on=["lohi1"])


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([0, 1], r"labels do not match the inputs; got shape (2,); allowed: (6,)"),
        ([0.5] * 6, "labels must be whole numbers; got float64; allowed: 0 to 4"),
        ([0, 1, 2, 3, 4, 5], "a label is no class of the network's output; got 0 to 5"),
    ],
)
def test_labels_that_do_not_match(labels: list[float], text: str) -> None:
    error = refused(y=labels)
    assert error.code == "E0603" and text in str(error)


def test_a_fact_that_no_chip_has() -> None:
    error = refused(assume={"hop_enrgy": 1.0}, on=["loihi1"])
    assert error.code == "E0604"
    assert "no chip of the comparison has that fact; got 'hop_enrgy'. Try: hop_energy" in str(error)


def test_no_chip_at_all() -> None:
    error = refused(on=[])
    assert error.code == "E0605"
    assert "no chip to compare on; allowed: cpu" in str(error)


def test_an_unknown_way_to_read_the_output() -> None:
    error = refused(decode="loudest")
    assert error.code == "E0611"
    assert "unknown way to read an output; got 'loudest'; allowed: spike_count" in str(error)
    assert "max_potential" in CHOICES


def test_a_wrong_shape_ends_the_comparison_before_any_chip() -> None:
    assert refused(x=toy.inputs()[:, :, :3]).code == "E0120"


def test_the_module_does_not_hide_the_function() -> None:
    import mossy
    import mossy.compare  # what makes the name of the package mean the module

    found = mossy.compare(toy.network(), toy.inputs(), on=["cpu"])
    assert found.rows[0].chip == "cpu"
