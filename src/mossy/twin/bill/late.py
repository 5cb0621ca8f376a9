"""What packets that are sent late would miss, where their keys say in which step they were sent.

A core that is behind by k ticks sends the packets of a step k steps late. Whoever gets one learns k
from its colour, the `colour_bits` low bits of the key, and leaves out the synapses of up to k
steps; longer ones still arrive when they should.

    skipped = sum over steps of spikes sent x synapses of a spike with delays of up to k
    k = floor(behind at the beginning of the step / tick), as far as colours tell it: modulo 2^bits

This is an estimate, from the spikes of a run in which nothing was late: other cores are taken to
keep time, all neurons of a core to have as many synapses, and spikes that would then be missing
still count. Of a recipe whose delays are drawn it is what is expected, not what was drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips import recipes
from mossy.chips.chip import Chip
from mossy.program.artefact import CoreImage, Draw, Program, RowTable
from mossy.program.words import unpack

Shares = NDArray[np.float64]


def skipped(
    program: Program,
    chip: Chip,
    core: CoreImage,
    late: NDArray[np.float64],
    spikes: NDArray[Any],
) -> float | None:
    """Return the synaptic events that packets of a core would miss.

    None where packets have no colour, and where they reach convolutions, which are not followed.
    late: (batch, steps) seconds by which the core is behind after a step. spikes: (batch, steps).
    """
    if "colour_bits" not in chip.facts or program.tick is None:
        return None
    colours = 1 << int(chip.facts["colour_bits"])
    ticks = np.floor(late[:, :-1] / program.tick).astype(np.int64) % colours
    when = ticks > 0
    if not when.any():
        return 0.0
    each = events(program, core, colours)
    return None if each is None else float((spikes[:, 1:][when] * each.cumsum()[ticks[when]]).sum())


def events(program: Program, core: CoreImage, steps: int) -> Shares | None:
    """Return the synapses that a spike of a core reaches by delay, on average: (steps,) from 0."""
    found = np.zeros(steps)
    for target in program.cores:
        for table in target.tables:
            if core.key & table.mask != table.key:
                continue
            if table.kind == "rows":
                found += _of_rows(program, core, target, table, steps)
            elif table.kind == "recipe":
                found += _of_recipe(core, target, table, steps)
            else:
                return None
    return found


def _of_rows(
    program: Program, core: CoreImage, target: CoreImage, table: RowTable, steps: int
) -> Shares:
    a, b = target.row_start[table.first], target.row_start[table.first + core.n]
    _, delay, _ = unpack(target.word_format, target.words[a:b])
    return _counted(delay + program.latency, steps) / core.n


def _of_recipe(core: CoreImage, target: CoreImage, table: RowTable, steps: int) -> Shares:
    recipe = target.recipes[table.kernel]
    if recipe.kind == "listed":
        own = (recipe.pre >= table.first) & (recipe.pre < table.first + core.n)
        own &= (recipe.post >= target.lo) & (recipe.post < target.hi)
        return _counted(recipe.delays[own], steps) / core.n
    each = recipes.synapses(recipe) / recipe.n_source * target.n / recipe.n_target
    return each * np.diff(_below(recipe.delay, np.linspace(0.5, steps - 0.5, steps)), prepend=0.0)


def _below(d: Draw, edges: Shares) -> Shares:
    """Shares of the delays drawn that lie below; what is shorter than a step takes one."""
    low, high = d.shares
    found = np.clip((d.below(edges) - low) / max(high - low, 1e-300), 0, 1)
    if d.clip:
        found = np.where(edges > d.high, 1.0, np.where(edges < d.low, 0.0, found))
    return np.where(edges < 1, 0.0, found)


def _counted(delay: NDArray[Any], steps: int) -> Shares:
    return np.bincount(delay[delay < steps].astype(np.int64), minlength=steps).astype(np.float64)
