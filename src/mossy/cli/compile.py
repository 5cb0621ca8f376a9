"""`mossy compile`: compile a network for a chip and keep the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mossy.cli import _arguments as a
from mossy.cli import _paths, _show, _source


def command(
    net: a.Net,
    on: Annotated[str, typer.Option(metavar="CHIP", help="The chip; see mossy chips.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.mossy", help="Where to write it.")
    ],
    dt: a.Dt = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="X.npy", help="Inputs to calibrate with. Default: the zoo's."),
    ] = None,
    integrator: a.Integrator = None,
    reset: a.Reset = None,
    calibrate: a.Calibrate = a.CALIBRATE,
    bits: a.Bits = None,
    chips: a.Chips = None,
    tick: a.Tick = None,
    neurons_per_core: a.NeuronsPerCore = None,
    approximate: a.Approximate = False,
    boards: a.Boards = None,
    dead: a.Dead = None,
    rows: a.Rows = None,
    routing: a.Routing = None,
    json: a.Json = False,
) -> None:
    """Compile NET for a chip and write the program, for mossy run and mossy inspect."""
    _paths.check_file(output)
    from mossy import passes
    from mossy.chips import chip

    target = chip(on)
    machine = a.machine(on, boards, chips, dead)
    options = a.compiler_options(
        bits, chips, tick, neurons_per_core, approximate, machine, rows, routing
    )
    with _show.progress() as bar:
        bar.begin(net, None)
        bar.stage("load")
        network = _source.network(net, dt, integrator, reset)
        own = net if _source.is_zoo(net) else None
        busy = None
        if data is not None or own is not None:
            x, _ = _source.data(own, data, None, None)
            busy = _source.calibration(own, x, data is not None, calibrate)
        program = passes.compile(
            network, target, calibration=busy, options=options, progress=bar.stage
        )
        bar.stage("write")
        program.save(str(output))
    cores = sum(c.place is not None for c in program.cores)
    found = {
        "file": str(output),
        "bytes": output.stat().st_size,
        "chip": program.chip,
        "network": program.network,
        "network_hash": program.network_hash,
        "calibrated": busy is not None,
        "cores": cores,
        "chips": len({c.place[:2] for c in program.cores if c.place}),
        "notes": list(program.notes),
    }
    if json:
        _show.show_json(found)
        return
    print(f"{output}: {program.network} for {target.title}, {_show.count(cores, 'core')}")
    for note in program.notes:
        print(f"  note: {note}")
