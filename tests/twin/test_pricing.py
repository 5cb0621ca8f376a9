"""Seconds and joules of three spikes, worked out here from the facts by plain arithmetic."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
import pytest

from mossy.chips import chip as find_chip
from mossy.errors import BadInput, UnknownFact
from mossy.network import graph
from mossy.network.nodes import LIF, Input, Linear, Node, Output
from mossy.passes import Options, compile
from mossy.twin import Result
from mossy.twin.bill.timing import behind

STEPS = 6  # and one more for the layer's lag


def fact(chip: str, name: str) -> dict[str, Any]:
    text = resources.files("mossy.chips").joinpath(chip, "chip.toml").read_text("utf-8")
    row: dict[str, Any] = tomllib.loads(text)["facts"][name]
    return row


def value(chip: str, name: str, bound: str = "value") -> float:
    row = fact(chip, name)
    return float(row.get(bound, row["value"]))


def three_spikes(chip: str, engine: str = "fast", **options: Any) -> Result:
    """Run two inputs on three neurons: one synapse each to neurons 0 and 1, and one more to 2.

    Input 0 reaches neurons 0 and 1, input 1 reaches neurons 1 and 2. Three input spikes: input 0 at
    steps 0 and 2, input 1 at step 2. Neurons 0, 1 fire on the first, all three on the others.
    """
    one = np.ones(3)
    nodes: dict[str, Node] = {"i": Input((2,)), "w": Linear(np.array([[1.0, 0], [1, 1], [0, 1]])),
             "n": LIF(1e-3 * one, one, 0 * one, 0.5 * one, 0 * one), "o": Output((3,))}  # fmt: skip
    net = graph.build(nodes, [("i", "w"), ("w", "n"), ("n", "o")], 1e-3)
    x = np.zeros((1, STEPS, 2), np.uint8)
    x[0, 0, 0] = x[0, 2, 0] = x[0, 2, 1] = 1
    result = compile(net, chip, options=Options(**options)).run(x, engine=engine, threads=1)
    assert isinstance(result, Result)
    return result


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("chip", ["spinnaker2", "loihi1", "cpu"])
def test_counts_of_three_spikes(chip: str, engine: str) -> None:
    result = three_spikes(chip, engine)
    assert result.outputs["o"][0].sum(axis=1).tolist() == [2, 0, 3, 0, 0, 0]
    c = result.counts
    steps = STEPS + (chip != "cpu")
    assert c.shape == (1, steps, 2)
    assert c.per_core("spikes").tolist() == [3, 5]
    assert c.per_core("packets_in").tolist() == [0, 3]
    assert c.per_core("packets_out").tolist() == [3, 0]  # outputs are read, not sent
    assert c.per_core("synaptic_events").tolist() == [0, 6]
    assert c.per_core("neuron_updates").tolist() == [0, 3 * steps]
    assert c["synaptic_events"][0, :, 1].tolist()[:4] == [2, 0, 4, 0]
    assert c.per_sample("spikes").tolist() == [8] and c.mean("spikes") == 8
    assert c.per_sample("router_lookups").tolist() == [3 if chip == "spinnaker2" else 0]
    assert c.per_sample("link_packets").tolist() == [0]


def test_an_unknown_count_is_e0180() -> None:
    counts = three_spikes("spinnaker2").counts
    with pytest.raises(BadInput) as e:
        counts["sneezes"]
    assert e.value.code == "E0180" and "no such count; got 'sneezes'" in str(e.value)
    assert "neuron_updates" in str(e.value)


# ------------------------------------------------------------------------------ tick
@pytest.mark.parametrize("bound", ["value", "low", "high"])
def test_tick_chip_by_hand(bound: str) -> None:
    result = three_spikes("spinnaker2")

    def v(name: str) -> float:
        return value("spinnaker2", name, bound)

    steps = STEPS + 1
    seconds = steps * v("tick")
    assert result.latency.value == pytest.approx(seconds)
    packets, events, updates = 3, 6, 3 * steps
    cycles = 2 * steps * v("cycles_per_tick") + updates * v("cycles_per_neuron_update")
    cycles += packets * v("cycles_per_packet") + events * v("cycles_per_synaptic_event")
    joules = v("uncore_power") * seconds + v("pe_sleep_power") * 2 * seconds
    joules += cycles * v("pe_cycle_energy") + 3 * v("router_packet_energy")
    assert getattr(result.energy, bound) == pytest.approx(joules, rel=1e-12)
    worst = v("cycles_per_tick") + 3 * v("cycles_per_neuron_update")
    worst += 2 * v("cycles_per_packet") + 4 * v("cycles_per_synaptic_event")
    longest = getattr(result.timing.worst_step, bound)
    assert longest == pytest.approx(worst / value("spinnaker2", "pe_clock"))
    assert result.timing.overruns == ()


def test_overruns_name_core_population_and_excess() -> None:
    program = three_spikes("spinnaker2").program
    x = np.zeros((2, STEPS, 2), np.uint8)
    x[:, 2] = 1
    # 1000 + 300 cycles in a quiet step, + 2 x 60 + 4 x 15.8 in a busy one; the tick has 1350
    tick = 1350 / value("spinnaker2", "pe_clock")
    result = replace(program, tick=tick).run(x, threads=1)
    (overrun,) = result.timing.overruns
    assert (overrun.core, overrun.population, overrun.steps) == (1, "n", 2)
    assert overrun.worst == pytest.approx((1483.2 - 1350) / 300e6)
    assert result.latency.value == pytest.approx((STEPS + 1) * tick)
    assert overrun.behind == pytest.approx(overrun.worst), "quiet steps make up for one busy step"
    assert "overrun: core 1 (n) by up to 444 ns in 2 steps, behind by up to 444 ns" in str(
        result.report()
    )


def test_a_core_that_nobody_waits_for_falls_behind_until_it_catches_up() -> None:
    over = np.array([[1.0, 1.0, -3.0, 2.0, -1.0], [-5.0, 2.0, 2.0, -1.0, -9.0]])
    np.testing.assert_allclose(behind(over), [[1, 2, 0, 2, 1], [0, 2, 4, 3, 0]])
    program = three_spikes("spinnaker2").program
    x = np.zeros((1, STEPS, 2), np.uint8)
    tick = 1200 / value("spinnaker2", "pe_clock")  # a quiet step takes 1300 cycles
    (overrun,) = replace(program, tick=tick).run(x, threads=1).timing.overruns
    assert overrun.behind == pytest.approx(overrun.steps * 100 / 300e6)


# ------------------------------------------------------------------------------ barrier
@pytest.mark.parametrize("bound", ["value", "low", "high"])
def test_barrier_chip_by_hand(bound: str) -> None:
    result = three_spikes("loihi1")

    def v(name: str) -> float:
        return value("loihi1", name, bound)

    steps = STEPS + 1
    seconds = steps * (v("barrier_1_tile") + 3 * v("neuron_update_time"))
    # five spikes are fired, none is sent on; what the host sends is not on the chip's bill
    seconds += 3 * v("axon_in_time") + 6 * v("synaptic_event_time") + 5 * v("spike_time")
    assert getattr(result.latency, bound) == pytest.approx(seconds, rel=1e-9)
    joules = 6 * v("synaptic_event_energy") + 3 * steps * v("neuron_update_energy")
    joules += 5 * v("spike_energy") + v("static_power") * seconds
    assert getattr(result.energy, bound) == pytest.approx(joules, rel=1e-9)


# ------------------------------------------------------------------------------ measured
def test_measured_platform_by_hand() -> None:
    result = replace(three_spikes("cpu"), joules=None)
    seconds = result.latency.value
    assert seconds > 0 and result.timing.kind == "measured"
    assert result.energy.value == pytest.approx(value("cpu", "package_power") * seconds)
    assert result.energy.low == pytest.approx(
        value("cpu", "package_power", "low") * result.latency.low
    )
    assert result.energy.assumed_share == 1


# ------------------------------------------------------------------------------ facts
def pricing_hops(result: Result) -> Result:
    """The same run on a chip that also prices hops, whose energy nobody has published."""
    row = {"name": "hops", "count": "hops", "fact": "noc_hop_energy"}
    spec = result.chip.spec | {"energy": [*result.chip.spec["energy"], row]}
    return replace(result, chip=replace(result.chip, spec=spec))


def test_pricing_an_unknown_fact_is_e0401_and_says_how_to_assume_it() -> None:
    result = pricing_hops(three_spikes("spinnaker2"))
    with pytest.raises(UnknownFact) as e:
        _ = result.energy
    assert e.value.code == "E0401"
    assert "noc_hop_energy is unknown (no public figure for a hop" in str(e.value)
    assert 'assume={"noc_hop_energy": value in J} and it is marked as assumed' in str(e.value)


def test_an_optional_price_that_is_unknown_is_listed_and_not_summed() -> None:
    result = pricing_hops(three_spikes("spinnaker2"))
    *rows, hops = result.chip.spec["energy"]
    spec = result.chip.spec | {"energy": [*rows, hops | {"optional": True}]}
    part = replace(result, chip=replace(result.chip, spec=spec)).energy
    assert [(u.name, u.fact) for u in part.unpriced][-1] == ("hops", "noc_hop_energy")
    assert part.unpriced[-1].amount == result.counts.mean("hops")
    assert "hops" not in part.by("operation")


def test_assuming_prices_the_same_run_again() -> None:
    result = pricing_hops(three_spikes("spinnaker2"))
    hops = result.counts.mean("hops")
    assert hops > 0
    again = result.assuming(noc_hop_energy=1e-9)
    assert again.counts is result.counts and again.outputs is result.outputs
    assert again.energy.by("operation")["hops"] == pytest.approx(hops * 1e-9)
    line = next(o for o in again.energy.operations if o.name == "hops")
    assert line.basis == "assumed" and line.source == "assumed by the user"


def test_assuming_a_fact_that_does_not_exist_is_e0402() -> None:
    with pytest.raises(UnknownFact) as e:
        three_spikes("spinnaker2").assuming(uncore_powr=1.0)
    assert e.value.code == "E0402" and "no such fact; got 'uncore_powr'" in str(e.value)
    assert "uncore_power" in str(e.value)


def test_run_can_assume_as_well() -> None:
    result = three_spikes("spinnaker2")
    x = np.zeros((1, STEPS, 2), np.uint8)
    dear = result.program.run(x, assume={"uncore_power": 10.0}, threads=1)
    assert dear.energy.by("operation")["uncore"] == pytest.approx(10 * (STEPS + 1) * 1e-3)
    assert find_chip("spinnaker2").facts["uncore_power"].value == value(
        "spinnaker2", "uncore_power"
    )


def test_assumed_share_is_the_joules_on_assumed_facts() -> None:
    energy = three_spikes("spinnaker2").energy
    assumed = sum(o.energy.value for o in energy.operations if o.basis == "assumed")
    named = {o.name for o in energy.operations if o.basis == "assumed"}
    work = ("steps", "neuron updates", "packets in", "synaptic events")
    assert named == {f"processing: {w}" for w in work} | {"packets"}
    assert energy.assumed_share == pytest.approx(assumed / energy.value)
    assert three_spikes("loihi1").energy.assumed_share == 0


def test_splits_add_up_and_others_are_e0181() -> None:
    for chip in ("spinnaker2", "loihi1"):
        energy = three_spikes(chip).energy
        for what in ("operation", "core"):
            assert sum(energy.by(what).values()) == pytest.approx(energy.value)
        with pytest.raises(BadInput) as e:
            energy.by("moon")
        allowed = "operation, core, state" if chip == "spinnaker2" else "operation, core"
        assert e.value.code == "E0181" and str(e.value).endswith(f"allowed: {allowed}")


@pytest.mark.parametrize("chip", ["spinnaker2", "loihi1"])
def test_counts_sum_over_samples_and_cores(chip: str) -> None:
    program = three_spikes(chip).program
    x = np.random.default_rng(1).integers(0, 3, (4, STEPS, 2))
    counts = program.run(x, threads=1).counts
    for name in counts.names:
        whole = int(counts[name].sum())
        assert counts.per_sample(name).sum() == counts.per_core(name).sum() == whole
        assert counts.mean(name) == whole / 4
    assert counts.per_core("spikes")[0] == x.sum()
