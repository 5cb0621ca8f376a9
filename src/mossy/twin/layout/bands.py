"""Bands: neighbours of one population that one call steps through, whatever cores they are on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.program.artefact import CoreImage, Noise, Program
from mossy.twin.layout.load import plane
from mossy.twin.layout.shape import Part


@dataclass(frozen=True, eq=False)
class Band:
    """Neurons lo .. hi of a population, which are neurons `at` .. of a block.

    state: their first registers, one array per field. alike, params: as `by_field` gives them.
    noise: with the sum that it goes to, and what a spike of it adds there.
    """

    population: str
    model: str
    fmt: tuple[int, ...]
    lo: int
    hi: int
    at: int
    state: dict[str, NDArray[Any]]
    alike: bool
    params: list[NDArray[Any]]
    noise: tuple[tuple[Noise, int, int], ...]


def by_field(records: NDArray[Any]) -> tuple[bool, list[NDArray[Any]]]:
    """Return whether all records (n,) are alike, and each field, of one element where they are."""
    alike = bool((records == records[:1]).all())
    some = records[: 1 if alike else None]
    return alike, [np.array(some[f]) for f in records.dtype.names or ()]


def bands(program: Program, parts: tuple[Part, ...]) -> tuple[Band, ...]:
    """Return the bands of a block with these parts."""
    found: list[list[Part]] = []
    for p in parts:
        if found and _joins(program, found[-1][-1], p):
            found[-1].append(p)
        else:
            found.append([p])
    return tuple(_band(program, ps) for ps in found)


def _joins(program: Program, a: Part, b: Part) -> bool:
    """Whether part b goes on where part a ends."""
    one, two = program.cores[a.core], program.cores[b.core]
    return (
        (one.population, one.model, one.fmt) == (two.population, two.model, two.fmt)
        and one.lo + a.hi == two.lo + b.lo
        and [(n.seed, n.weight) for n in one.noise] == [(n.seed, n.weight) for n in two.noise]
    )


def _band(program: Program, parts: list[Part]) -> Band:
    mine = [(program.cores[p.core], slice(p.lo, p.hi)) for p in parts]
    first, lo = mine[0][0], mine[0][0].lo + parts[0].lo
    state = np.concatenate([c.state[s] for c, s in mine])
    alike, params = by_field(np.concatenate([c.params[s] for c, s in mine]))
    return Band(
        first.population,
        first.model,
        first.fmt,
        lo,
        lo + state.size,
        parts[0].at,
        {f: np.ascontiguousarray(state[f]) for f in state.dtype.names or ()},
        alike,
        params,
        tuple(_noise(mine, k) for k in range(len(first.noise))),
    )


def _noise(mine: list[tuple[CoreImage, slice]], k: int) -> tuple[Noise, int, int]:
    core, own = mine[0][0], mine[0][0].noise[k]
    mean = np.concatenate([c.noise[k].mean[s] for c, s in mine])
    return Noise(mean, own.weight, own.seed), *plane(core, own)
