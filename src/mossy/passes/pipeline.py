"""The order of the passes. Each stage's value can be printed with `passes.text`.

Network -lower-> Populations -align-> -quantise-> Quantised -partition-> slices -place-> places
-keys-> -route-> tables -compress-> -emit-> Program
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips.chip import Chip
from mossy.chips.chip import chip as find_chip
from mossy.chips.quantised import Quantised
from mossy.network import graph, reference
from mossy.network.nodes import Network
from mossy.network.populations import Populations
from mossy.passes.align import align
from mossy.passes.compress import compress
from mossy.passes.connectivity import Connectivity
from mossy.passes.destinations import Destinations, destinations
from mossy.passes.emit import images, population_maps
from mossy.passes.keys import keys
from mossy.passes.lower import lower, with_depths
from mossy.passes.options import Options
from mossy.passes.partition import Slice, partition
from mossy.passes.place import machine_for, place
from mossy.passes.quantise import Activity, quantise
from mossy.passes.route import route
from mossy.passes.travel import routing
from mossy.program.artefact import LINKED, Place, Program, Route

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Stages:
    """Every intermediate value of one compilation, in order."""

    populations: Populations
    quantised: dict[str, Quantised]
    slices: tuple[Slice, ...]
    places: tuple[Place | None, ...]
    keys: tuple[tuple[int, int], ...]
    destinations: Destinations
    routes: dict[tuple[int, int], tuple[Route, ...]]
    tables: dict[tuple[int, int], tuple[Route, ...]]


@dataclass(frozen=True, eq=False)
class Header:
    """What a program says of where it came from."""

    network: str
    network_hash: str
    dt: float
    integrator: str
    reset: str
    options: dict[str, Any] = field(default_factory=dict)


def compile(
    network: Network,
    chip: str | Chip,
    *,
    calibration: NDArray[Any] | dict[str, NDArray[Any]] | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Program:
    """Compile `network` for `chip`.

    calibration: inputs (batch, time, *shape) that show how active the network is; they choose the
    clipping of the weights and the size of the slices. progress is told the name of each stage.
    Raises UnsupportedNode, DoesNotFit, BadInput.
    """
    options = options or Options()
    target = find_chip(chip) if isinstance(chip, str) else chip
    say = progress or (lambda stage: None)
    say("calibrate")
    activity, busy = measure(network, calibration) if calibration is not None else (None, None)
    say("lower")
    populations = lowered(network, target, options)
    say("quantise")
    if activity is not None:  # what the chip's own rules put in was not in the network
        activity = {
            p.name: activity.get(p.name, np.full(p.n, options.activity))
            for p in populations.populations
        }
    quantised = quantise(populations, target, options, activity)
    header = Header(
        network.name,
        graph.network_hash(network),
        network.dt,
        network.integrator,
        network.reset,
        {
            **{k: v for k, v in vars(options).items() if k != "machine"},
            "calibrated": calibration is not None,
        },
    )
    return assemble(populations, quantised, target, options, header, busy, say)[0]


def lowered(network: Network, chip: Chip, options: Options) -> Populations:
    """Return `network` as populations in the chip's own time, rewritten where the chip needs it."""
    populations = lower(network)
    prepare = getattr(chip.rules, "prepare", None)
    if prepare:
        changed, cuts = prepare(populations, options, chip.facts)
        populations = dataclasses.replace(with_depths(changed), cuts=cuts)
    return align(populations, chip.latency)


def assemble(
    populations: Populations,
    quantised: dict[str, Quantised],
    chip: Chip,
    options: Options,
    header: Header,
    busy: dict[str, float] | None = None,
    say: Progress = lambda stage: None,
) -> tuple[Program, Stages]:
    """Map quantised populations onto the chip: everything from partition to emit.

    busy: share of each population that spikes in a busy step, options.activity where not given.
    """
    if hasattr(chip.rules, "extend"):
        populations, quantised, options = chip.rules.extend(
            populations, quantised, options, chip.facts
        )
    share = {p.name: options.activity for p in populations.populations} | (busy or {})
    say("partition")
    slices = partition(populations, quantised, chip, options, share)
    say("place")
    links = Connectivity(quantised)
    targets = destinations(slices, links)
    machine = machine_for(slices, chip, options)
    places = place(slices, targets, machine, chip, options.placer, share)
    blocks = keys(slices, places)
    say("route")
    routes: dict[tuple[int, int], tuple[Route, ...]] = {}
    tables = routes
    travel = routing(chip, options)
    drawn = route(machine, places, blocks, targets) if travel in LINKED else None
    if drawn is not None and travel == "multicast":
        tables = compress(drawn, int(chip.facts["routing_entries"])).by_chip()
        routes = drawn.by_chip()
    say("emit")
    cores = images(slices, places, blocks, targets, links, chip, travel)
    tick = None
    if chip.spec["timing"]["kind"] == "tick":
        tick = options.tick or float(chip.facts["tick"])
    elif chip.spec["timing"]["kind"] == "cycles":
        tick = options.tick or header.dt
    program = Program(
        chip=chip.name,
        network=header.network,
        network_hash=header.network_hash,
        dt=header.dt,
        integrator=header.integrator,
        reset=header.reset,
        tick=tick,
        latency=chip.latency,
        routing=travel,
        inputs=populations.inputs,
        outputs=populations.outputs,
        populations=population_maps(populations, quantised, slices, chip),
        cores=cores,
        tables={f"{x},{y}": t for (x, y), t in tables.items()},
        machine=machine,
        options=header.options,
        notes=populations.notes + tuple(n for q in quantised.values() for n in q.notes),
        version=metadata.version("mossy"),
    )
    stages = Stages(populations, quantised, slices, places, blocks, targets, routes, tables)
    return program, stages


def measure(
    network: Network, calibration: NDArray[Any] | dict[str, NDArray[Any]]
) -> tuple[Activity, dict[str, float]]:
    """Run the float reference: spikes per step of each neuron, and the busiest step's share.

    Where numbers travel instead of spikes, the first is their mean size; one packet carries any.
    """
    from mossy.network import nodes as nd

    names = [k for k, n in network.nodes.items() if isinstance(n, nd.STATEFUL)]
    recorded = reference.run(network, calibration, record=names)
    given = calibration if isinstance(calibration, dict) else {network.inputs[0]: calibration}
    seen = {k: recorded[k] for k in names} | {k: np.asarray(v, float) for k, v in given.items()}
    rate, busy = {}, {}
    for name, s in seen.items():
        flat = np.abs(s.reshape(s.shape[0], s.shape[1], -1))
        rate[name] = flat.mean(axis=(0, 1))
        spikes = (s >= 0).all() and (flat == np.rint(flat)).all()
        busy[name] = float((flat if spikes else flat != 0).mean(axis=2).max(initial=0))
    for name in network.outputs:  # a readout added by the compiler sends nothing
        rate.setdefault(name, np.zeros(int(np.prod(network.shapes[name][0], dtype=np.int64))))
        busy.setdefault(name, 0.0)
    return rate, busy
