"""What others measured on chips beside what the twins predict: python -m benchmarks.validation

Rows come from the chips' published.toml. A row is predicted where it names what computes it and
the network and data are at hand; every other row is listed as what it is, and nothing is claimed.
A prediction that only repeats a figure the facts were taken from says "by construction". Some rows
have a target, the deviation that is allowed; the ratios of the gesture network are among them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import mossy
from benchmarks import figure, gesture, pilotnet
from benchmarks.figure import Figure
from benchmarks.run import recordings, vars_of
from examples import nmnist
from mossy.chips import Chip, chip, names
from mossy.chips.chip import folder_of
from mossy.chips.published import Measured, published
from mossy.columns import columns
from mossy.errors import UnknownFact
from mossy.passes import Options
from mossy.twin import Result
from mossy.twin.bill import levels
from mossy.units import Quantity

HEAD = ("chip", "what", "published", "predicted", "predicted / published", "remark")
FEW = 100  # recordings
REST = "power at rest alone: no energy per operation is published"


@dataclass(frozen=True)
class Prediction:
    """What the twin says: a quantity, or None with the reason."""

    value: Quantity | None
    remark: str = ""


Predict = Callable[[Chip, Measured], Prediction]


def _exact(value: float, unit: str, remark: str = "") -> Prediction:
    return Prediction(Quantity.exact(value, unit), remark)


def power_off(target: Chip, row: Measured) -> Prediction:
    """Power with every core off."""
    return Prediction(target.facts["uncore_power"].quantity(), "by construction")


def power(level: str, duty: float) -> Predict:
    """Power with every core at a level, asleep (duty 0) or at work in every cycle (1)."""

    def predict(target: Chip, row: Measured) -> Prediction:
        f = levels.at(target, level).facts
        core = float(f["pe_sleep_power"]) + duty * float(f["pe_cycle_energy"]) * float(
            f["pe_clock"]
        )
        watts = float(f["uncore_power"]) + float(f["cores_per_chip"]) * core
        return _exact(watts, "W", "by construction")

    return predict


EVENTS_NEURONS, EVENTS_PER_PACKET = 1024, 100


def events_per_core(target: Chip, row: Measured) -> Prediction:
    """Synaptic events that fit a tick beside the tick's own work, neuron updates and packets."""
    f = target.facts
    room = float(f["tick"]) * float(f["pe_clock"]) - float(f["cycles_per_tick"])
    room -= EVENTS_NEURONS * float(f["cycles_per_neuron_update"])
    each = float(f["cycles_per_synaptic_event"])
    each += float(f["cycles_per_packet"]) / EVENTS_PER_PACKET
    remark = f"cost of an event chosen so, {EVENTS_NEURONS} neurons, {EVENTS_PER_PACKET} a packet"
    return _exact(room / each / float(f["tick"]), "1/s", remark)


def events_per_chip(target: Chip, row: Measured) -> Prediction:
    """The same on every core."""
    one = events_per_core(target, row)
    assert one.value is not None
    cores = float(target.facts["cores_per_chip"])
    return Prediction(one.value.times(cores), f"{cores:g} cores; {one.remark}")


def gesture_energy(level: str) -> Predict:
    """Energy of a gesture-like network, in the ratio to its high level."""

    def predict(target: Chip, row: Measured) -> Prediction:
        if level == "high":
            return Prediction(None, "sets the scale: how many ticks it is for is not published")
        high = next(r.value for r in published(target.name) if r.predict == "gesture_high")
        ratio = gesture.ratios()[level]
        return _exact(
            ratio * high, "J", f"{ratio:.3f} x the high level; random weights, see gesture"
        )

    return predict


@cache
def _nmnist(name: str) -> tuple[Result, float] | None:
    paths = recordings(argparse.Namespace(network=None, data=None, labels=None))
    if paths is None:
        return None
    net = mossy.load(paths[0], dt=nmnist.DT)
    x, y = nmnist.recordings(paths[1], paths[2], FEW)
    result = mossy.compile(net, name).run(x)
    right = (result.outputs["output"].sum(axis=1).argmax(axis=1) == y).mean()
    return result, float(right)


def nmnist_accuracy(target: Chip, row: Measured) -> Prediction:
    """Share of the recordings at hand that are told apart."""
    found = _nmnist(target.name)
    if found is None:
        return Prediction(None, "no recordings here")
    return _exact(found[1], "1", f"{FEW} recordings of a subset")


def nmnist_longest_step(target: Chip, row: Measured) -> Prediction:
    """Longest step of those recordings; users choose a tick at least as long."""
    found = _nmnist(target.name)
    if found is None:
        return Prediction(None, "no recordings here")
    return Prediction(found[0].timing.worst_step, f"longest step of {FEW} recordings, cut by us")


def power_of_operations(target: Chip, row: Measured) -> Prediction:
    """Synaptic operations per second times the energy of one."""
    hertz = re.search(r"([\d.]+) Hz mean rate, (\d+)", row.workload)
    assert hertz is not None, row
    neurons = int(target.facts["cores_per_chip"]) * int(target.facts["neurons"])
    operations = neurons * float(hertz[1]) * int(hertz[2])
    each = target.facts["energy_per_operation"].quantity()
    watts = (operations * e for e in (each.value, each.low, each.high))
    value, low, high = watts
    return Prediction(Quantity(value, "W", low, high), "operations x energy per operation")


def static_power(target: Chip, row: Measured) -> Prediction:
    """Power at rest."""
    return Prediction(target.facts["static_power"].quantity(), "by construction")


def core_power(target: Chip, row: Measured) -> Prediction:
    """Power of a core at work: the idle and the dynamic share of the variant that was measured."""
    title = max((chip(n).title for n in names()), key=lambda t: row.workload.endswith(t))
    facts = next(chip(n).facts for n in names() if chip(n).title == title)
    total = facts["dynamic_power"].quantity()
    if facts["idle_power"].value is not None:
        total = total + facts["idle_power"].quantity()
    return Prediction(total, "by construction")


def resting_power(target: Chip, row: Measured) -> Prediction:
    """Power with nothing to do."""
    return Prediction(target.facts["resting_power"].quantity(), "by construction")


def power_at_rest(target: Chip, row: Measured) -> Prediction:
    """Power of a run that is bound by its input: what the chip draws anyway."""
    return Prediction(target.facts["static_power"].quantity(), REST)


def energy_at_rest(target: Chip, row: Measured) -> Prediction:
    """The same over the time of a frame, which the input takes."""
    rate = next(r for r in published(target.name) if r.name == row.name.split(",")[0] + ", rate")
    watts = target.facts["static_power"].quantity()
    joules = (watts.value / rate.value, watts.low / rate.value, watts.high / rate.value)
    value, low, high = joules
    return Prediction(Quantity(value, "J", low, high), f"{REST}, at the published rate")


def pilotnet_cores(build: Callable[[], Any]) -> Predict:
    """Cores of a network of that shape, weights drawn at random."""

    def predict(target: Chip, row: Measured) -> Prediction:
        program = mossy.compile(build(), target.name, options=Options(approximate=True))
        cores = [c for c in program.cores if c.place is not None]
        by = [sum(c.population == p.name for c in cores) for p in program.populations]
        return _exact(len(cores), "cores", f"by layer {', '.join(str(n) for n in by if n)}")

    return predict


PREDICT: dict[str, Predict] = {
    "power_off": power_off,
    "power_asleep": power("high", 0),
    "power_busy": power("high", 1),
    "power_asleep_low": power("low", 0),
    "power_busy_low": power("low", 1),
    "events_per_core": events_per_core,
    "events_per_chip": events_per_chip,
    "gesture_low": gesture_energy("low"),
    "gesture_high": gesture_energy("high"),
    "gesture_auto": gesture_energy("auto"),
    "nmnist_accuracy": nmnist_accuracy,
    "nmnist_longest_step": nmnist_longest_step,
    "power_of_operations": power_of_operations,
    "static_power": static_power,
    "core_power": core_power,
    "resting_power": resting_power,
    "power_at_rest": power_at_rest,
    "energy_at_rest": energy_at_rest,
    "pilotnet_sdnn_cores": pilotnet_cores(pilotnet.sigma_delta),
    "pilotnet_snn_cores": pilotnet_cores(pilotnet.spiking),
}


def predicted(target: Chip, row: Measured) -> Prediction:
    """Return what the twin says of a row."""
    if row.predict is None:
        return Prediction(None, "the network is not at hand")
    try:
        return PREDICT[row.predict](target, row)
    except UnknownFact as unknown:
        return Prediction(None, str(unknown))


def rows(wanted: list[str]) -> list[tuple[str, Measured, Prediction]]:
    """Return every published row of the chips, with its prediction."""
    found = []
    for name in wanted:
        if folder_of(name) != name:
            continue  # variants share their folder's rows
        for row in published(name):
            print(f"{name}: {row.name} ...", file=sys.stderr)
            found.append((name, row, predicted(chip(name), row)))
    return found


def table(found: list[tuple[str, Measured, Prediction]]) -> str:
    """Return the table as text."""
    lines = []
    for name, row, p in found:
        ratio = "" if p.value is None or not row.value else f"{p.value.value / row.value:.3g}"
        said = "" if p.value is None else str(p.value)
        lines.append([name, row.name, str(row.quantity), said, ratio, p.remark])
    return columns(HEAD, lines, right=["predicted / published"])


ROUNDED = 1e-6  # facts have fewer digits than the sums that they were taken from
COUNTED = 0.02
ALLOWED = {
    "power_off": ROUNDED,
    "power_asleep": ROUNDED,
    "power_busy": ROUNDED,
    "power_asleep_low": ROUNDED,
    "power_busy_low": ROUNDED,
    "events_per_core": COUNTED,
    "events_per_chip": COUNTED,
}


def targets(found: list[tuple[str, Measured, Prediction]]) -> Iterator[Figure]:
    """Yield how far a prediction is off what was published, where that is to stay within bounds."""
    for name, row, p in found:
        if row.predict not in ALLOWED:
            continue
        what = f"{name}: {row.name}"
        if p.value is None:
            yield figure.skipped(what, "off", p.remark)
            continue
        off = abs(p.value.value / row.value - 1)
        remark = f"published {row.quantity}, predicted {p.value}; {p.remark}"
        yield Figure(what, off, "off", ALLOWED[row.predict], at_least=False, remark=remark)
    if any(name == gesture.CHIP for name, _, _ in found):
        yield from gesture.targets()


def plain(found: list[tuple[str, Measured, Prediction]]) -> list[dict[str, Any]]:
    """Return the rows as plain values."""
    return [
        {
            "chip": name,
            **dataclasses.asdict(row),
            "predicted": None if p.value is None else vars(p.value),
            "remark": p.remark,
        }
        for name, row, p in found
    ]


def main() -> None:
    """Print the table, or the rows as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--chips", metavar="A,B", help="these chips only")
    given = parser.parse_args()
    found = rows(given.chips.split(",") if given.chips else names())
    if given.json:
        figures = [vars_of(f) for f in targets(found)]
        print(json.dumps({"rows": plain(found), "figures": figures}, indent=1))
        return
    print(table(found))
    known = [p for _, _, p in found if p.value is not None]
    print(f"\n{len(found)} published figures, {len(known)} predicted\n")
    print(figure.table(targets(found)))


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
