"""Networks of given registers as programs: compilation begins behind quantisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from mossy.chips import chip
from mossy.chips.quantised import Quantised
from mossy.network.populations import Population, Populations, Projection
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.program import Program

INPUT = -1  # number of the input among the populations


def name_of(p: int) -> str:
    """Return the name of a population by its number."""
    return "in" if p == INPUT else f"pop{p}"


def assembled(
    on: str,
    sizes: Mapping[int, int],
    connections: Sequence[Any],
    registers: Callable[[int, list[Any]], Quantised],
    per_core: int | None = None,
) -> Program:
    """Return the program of a network for the chip called `on`.

    sizes: neurons by population, `INPUT` among them. connections: with src, dst and weight
    (sources, targets). registers: a population in its registers, from its number and the
    connections that end at it.
    """
    populations = tuple(_population(name_of(p), n, p == INPUT) for p, n in sizes.items())
    projections = tuple(
        Projection(
            f"{c}",
            name_of(con["src"]),
            name_of(con["dst"]),
            sparse.csr_array(con["weight"].T.astype(float)),
            np.zeros(sizes[con["src"]], np.int64),
            np.zeros(sizes[con["dst"]], np.int64),
            False,
        )
        for c, con in enumerate(connections)
    )
    whole = Populations(populations, projections, {"in": "in"}, {"out": name_of(0)})
    quantised = {
        name_of(p): registers(p, [c for c in connections if c["dst"] == p])
        for p in sizes
        if p != INPUT
    }
    header = Header("random", "", 1e-3, "euler", "node")
    return assemble(whole, quantised, chip(on), Options(neurons_per_core=per_core), header)[0]


def _population(name: str, n: int, source: bool) -> Population:
    kind = "source" if source else "cuba_lif"
    return Population(name, name, (n,), kind, {}, False, "spikes", False, 0)  # type: ignore[arg-type]
