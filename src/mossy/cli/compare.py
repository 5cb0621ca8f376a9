"""`mossy compare`: one network on several chips, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mossy.cli import _arguments as a
from mossy.cli import _paths, _show, _source
from mossy.errors import BadInput


def command(
    net: a.Net,
    on: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Chips, by commas. Default: all.")
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
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write comparison.json and two pictures per chip."),
    ] = None,
    json: a.Json = False,
) -> None:
    """Run NET on several chips and show accuracy, time and energy side by side."""
    _paths.make_folder(out)
    facts = a.facts(assume)
    from mossy.chips import chip, names

    wanted = names() if on is None else [n.strip() for n in on.split(",") if n.strip()]
    if not wanted:
        raise BadInput("E0605", "no chip to compare on", where="--on", allowed=", ".join(names()))
    for name in wanted:
        chip(name)  # a wrong name shows before anything is loaded
    from mossy.compare import compare

    if out:
        from mossy import plots

        plots.require()
    options = a.compiler_options(bits, chips, tick, neurons_per_core, approximate)
    with _show.progress() as bar:
        bar.begin(net, None)
        bar.stage("load")
        network = _source.network(net, dt, integrator, reset)
        own = net if _source.is_zoo(net) else None
        x, y = _source.data(own, data, labels, samples)
        busy = _source.calibration(own, x, data is not None, calibrate)
        now = [""]

        def progress(name: str, stage: str, more: int) -> None:
            if name != now[0]:
                now[0] = name
                bar.begin(name, len(x))
            bar.stage(stage)
            bar.advance(more)

        found = compare(
            network, x, y, on=wanted, calibration=busy, options=options, decode=decode,
            engine=engine, assume=facts, progress=progress,
        )  # fmt: skip
        if out:
            from mossy.cli.run import draw

            for name, result in found.results.items():
                draw(
                    result.program,
                    x,
                    out / f"{name}-raster.png",
                    {k: v for k, v in facts.items() if k in set(result.chip.facts)},
                )
                plots.placement(result.program, path=out / f"{name}-placement.png")
            with (out / "comparison.json").open("w", encoding="utf-8") as file:
                _show.show_json(found.json(), file)
    if json:
        _show.show_json(found.json())
    else:
        print(found)
        if out:
            print(f"\nin {out}: comparison.json, a raster and a placement per chip")
