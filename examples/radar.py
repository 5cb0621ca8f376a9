"""A network of the shape of a published radar-gesture network, on a neuromorphic chip.

    python -m examples.radar --chip spinnaker2

2,048 inputs (range and Doppler bins), 5 hidden neurons, 4 gestures: the demonstration network of
the SpiNNaker2 prototype at AICAS 2022. Published of it: less than 8,000 cycles of a core per frame,
134.2 kB over 3 cores, 3.29 uJ per frame. Its weights and recordings are not; here both are drawn,
so that shape, memory, cycles and energy can be compared but not accuracy. How many inputs are
active in a frame is not published either: --active says what share; a frame is one step. The
published energy is compared with that of the cores at work; what the chip spends between frames is
beside it.
"""

from __future__ import annotations

import numpy as np

import mossy
from examples.networks import Row, options, show
from mossy.network import nodes as nd
from mossy.network.graph import build
from mossy.program import Program
from mossy.twin import Result

INPUTS, HIDDEN, GESTURES = 2048, 5, 4
DT = 35e-3  # seconds: a frame; the published loop closes within 35 ms
FRAMES = 100
PUBLISHED = "AICAS 2022 abstract"


def network(rng: np.random.Generator) -> nd.Network:
    """Return the network, with drawn weights."""
    nodes: dict[str, nd.Node] = {"input": nd.Input((INPUTS,)), "output": nd.Output((GESTURES,))}
    edges, before, size = [], "input", INPUTS
    for name, n in (("hidden", HIDDEN), ("gesture", GESTURES)):
        one = np.ones(n)
        nodes[f"to_{name}"] = nd.Linear(rng.normal(0, 2 / size**0.5, (n, size)))
        nodes[name] = nd.LIF(4 * DT * one, 4 * one, 0 * one, one, 0 * one)
        edges += [(before, f"to_{name}"), (f"to_{name}", name)]
        before, size = name, n
    return build(nodes, [*edges, (before, "output")], dt=DT, name="radar shape")


def run(chip: str, active: float) -> tuple[Program, Result]:
    """Return the program and its run on FRAMES frames. active: share of inputs that spike."""
    rng = np.random.default_rng(16)
    program = mossy.compile(network(rng), chip)
    frames = (rng.random((1, FRAMES, INPUTS)) < active).astype(np.uint8)
    return program, program.run(frames)


def rows(program: Program, result: Result) -> list[Row]:
    """Return the figures beside the published ones."""
    from mossy.twin.bill.timing import work

    memory = sum(c.data_bytes for c in program.cores if c.role != "source")
    own = [c.number for c in program.cores if c.role != "source"]
    cycles = float(work(program, result.counts, result.chip, "value")[0][:, own].max())
    frames = result.counts.shape[1]
    spent = result.energy.by("operation")
    at_work = sum(e for name, e in spent.items() if name.startswith(("processing", "packets")))
    return [
        Row("cores", len(own), 3, PUBLISHED),
        Row("memory (kB)", memory / 1e3, 134.2, PUBLISHED),
        Row("cycles of the busiest core in a frame", cycles, 8000, f"{PUBLISHED}, at most"),
        Row("energy of a frame, cores at work (uJ)", at_work / frames * 1e6, 3.29, PUBLISHED),
        Row("energy of a tick, whole chip (uJ)", result.energy.value / frames * 1e6, None,
            f"a tick of {program.tick:g} s, most of it asleep" if program.tick else ""),
    ]  # fmt: skip


def main() -> None:
    """Run the example."""
    given = options("A radar-gesture network's shape", chip="spinnaker2", active=0.05)
    program, result = run(given.chip, given.active)
    show(f"2048-5-4 on {result.chip.title}, {100 * given.active:g} % of the inputs active",
         rows(program, result))  # fmt: skip
    if given.out:
        from mossy import plots

        plots.placement(program, path=given.out)


if __name__ == "__main__":
    main()
