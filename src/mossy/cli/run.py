"""`mossy run`: compile a network for a chip, run it on the twin, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mossy.cli import _arguments as a
from mossy.cli import _paths, _show, _source
from mossy.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mossy.program import Program
    from mossy.twin import Fault, Result


def command(
    net: a.NetOrProgram,
    on: Annotated[
        str | None, typer.Option(metavar="CHIP", help="The chip; see mossy chips.")
    ] = None,
    dt: a.Dt = None,
    data: a.Data = None,
    labels: a.Labels = None,
    samples: a.Samples = None,
    integrator: a.Integrator = None,
    reset: a.Reset = None,
    calibrate: a.Calibrate = a.CALIBRATE,
    decode: a.Decode = None,
    engine: a.Engine = "fast",
    assume: a.Assume = None,
    bits: a.Bits = None,
    chips: a.Chips = None,
    tick: a.Tick = None,
    neurons_per_core: a.NeuronsPerCore = None,
    approximate: a.Approximate = False,
    boards: a.Boards = None,
    dead: a.Dead = None,
    rows: a.Rows = None,
    routing: a.Routing = None,
    fault: a.Faults = None,
    level: a.Level = None,
    level_threshold: a.Threshold = None,
    raster: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the spikes of the first input.")
    ] = None,
    json: a.Json = False,
) -> None:
    """Run NET on the twin of a chip and report accuracy, time and energy."""
    _paths.check_file(raster)
    if raster:
        from mossy import plots

        plots.require()
    facts, faults = a.facts(assume), a.faults(fault)
    compiling: dict[str, Any] = {
        "on": on, "dt": dt, "integrator": integrator, "reset": reset, "bits": bits,
        "chips": chips, "tick": tick, "neurons_per_core": neurons_per_core,
        "approximate": approximate or None, "boards": boards, "dead": dead or None, "rows": rows,
        "routing": routing,
    }  # fmt: skip
    with _show.progress() as bar:
        bar.begin(net, None)
        bar.stage("load")
        if Path(net).suffix == _source.PROGRAM:
            program, x, y = _compiled(net, compiling, data, labels, samples)
        else:
            settings = _Settings(**compiling, calibrate=calibrate, assume=facts)
            program, x, y = _fresh(net, settings, data, labels, samples, bar)
        result, answers, accuracy = _judged(program, x, y, decode, engine, facts, faults, bar)
        if level is not None:
            result = result.at(level, threshold=level_threshold)
        report = result.report()
        found: dict[str, Any] = report.json()
        if raster:
            draw(program, x, raster, facts, faults)
    if json:
        _show.show_json({**found, "accuracy": accuracy, "answers": answers})
        return
    print(report)
    if accuracy is not None:
        print(f"  accuracy          {accuracy:.2%} of {len(x)} inferences")


@dataclass(frozen=True)
class _Settings:
    """What the user asked of the compiler."""

    on: str | None
    dt: float | None
    integrator: str | None
    reset: str | None
    bits: int | None
    chips: int | None
    tick: float | None
    neurons_per_core: int | None
    approximate: bool
    boards: int | None
    dead: list[str] | None
    rows: str | None
    routing: str | None
    calibrate: int
    assume: dict[str, float | str]


def _fresh(
    net: str,
    asked: _Settings,
    data: Path | None,
    labels: Path | None,
    samples: int | None,
    bar: _show.Bar,
) -> tuple[Program, NDArray[Any], NDArray[Any] | None]:
    """Compile NET. Everything that can be wrong with the input is found before."""
    from mossy import passes
    from mossy.chips import chip, names
    from mossy.network import reference

    if asked.on is None:
        raise BadInput("E0606", "no chip given", hint=" or ".join(f"--on {n}" for n in names()))
    target = chip(asked.on).assuming(asked.assume)
    machine = a.machine(asked.on, asked.boards, asked.chips, asked.dead)
    options = a.compiler_options(
        asked.bits, asked.chips, asked.tick, asked.neurons_per_core, asked.approximate, machine,
        asked.rows,
        asked.routing,
    )  # fmt: skip
    network = _source.network(net, asked.dt, asked.integrator, asked.reset)
    own = net if _source.is_zoo(net) else None
    x, y = _source.data(own, data, labels, samples)
    reference.check_input(network, x)
    busy = _source.calibration(own, x, data is not None, asked.calibrate)
    program = passes.compile(network, target, calibration=busy, options=options, progress=bar.stage)
    return program, x, y


def _compiled(
    net: str,
    compiling: dict[str, Any],
    data: Path | None,
    labels: Path | None,
    samples: int | None,
) -> tuple[Program, NDArray[Any], NDArray[Any] | None]:
    from mossy.program import load

    settings = [f"--{k.replace('_', '-')}" for k, v in compiling.items() if v is not None]
    if settings:
        raise BadInput(
            "E0607",
            "a program is compiled already; what was chosen then stays",
            where=net,
            got=", ".join(settings),
            hint="leave them out, or compile the network again",
        )
    program = load(net)
    own = None if data else _source.zoo_name(program)
    return program, *_source.data(own, data, labels, samples)


def _judged(
    program: Program,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    decode: str | None,
    engine: str,
    facts: dict[str, float | str],
    faults: tuple[Fault, ...],
    bar: _show.Bar,
) -> tuple[Result, list[int], float | None]:
    """Run, and read the answers; labels are checked before the run."""
    from math import prod

    from mossy import twin
    from mossy.compare import program_readout
    from mossy.signals.answers import check_labels, decoded, decoder
    from mossy.signals.decode import accuracy

    rule, _ = decoder(decode, program_readout(program))
    name, population = next(iter(program.outputs.items()))
    classes = prod(program.population(population).shape)
    truth = None if y is None else check_labels(y, len(x), classes)
    bar.begin(program.network, len(x))
    bar.stage(f"on {program.chip}")
    result = twin.run(program, x, engine=engine, assume=facts, faults=faults, progress=bar.advance)
    answers = decoded(rule, result.outputs[name])
    return result, answers.tolist(), None if truth is None else accuracy(answers, truth)


def draw(
    program: Program,
    x: NDArray[Any],
    path: Path,
    facts: dict[str, float | str],
    faults: tuple[Fault, ...] = (),
) -> None:
    """Draw the spikes of the first input: it is run again, recorded this time."""
    from mossy import plots, twin

    potentials = [p.name for p in program.populations if p.readout == "potential"]
    shown = twin.run(program, x[:1], record=["*"], states=potentials, assume=facts, faults=faults)
    plots.raster(shown, path=path)
