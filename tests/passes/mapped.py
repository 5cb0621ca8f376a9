"""All intermediate values of one compilation, and small chips to map onto."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips import Chip
from mossy.chips import chip as find_chip
from mossy.network.nodes import Network
from mossy.passes.align import align
from mossy.passes.lower import lower
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, Stages, assemble
from mossy.passes.quantise import quantise
from mossy.passes.tables import Tables
from mossy.program import Program

SMALL = {"spinnaker2": "usable_cores", "loihi1": "cores_per_chip"}  # chips are made this small


def small(name: str, cores: int) -> Chip:
    """Return a chip with few cores, so that small networks need several."""
    return find_chip(name).assuming({SMALL[name]: float(cores)})


def stages(
    net: Network,
    chip: str | Chip,
    options: Options | None = None,
    busy: dict[str, float] | None = None,
) -> tuple[Program, Stages]:
    """Return the program of `net` with everything made on the way."""
    options = options or Options()
    target = find_chip(chip) if isinstance(chip, str) else chip
    populations = align(lower(net), target.latency)
    quantised = quantise(populations, target, options, None)
    header = Header(net.name, "0" * 64, net.dt, net.integrator, net.reset)
    return assemble(populations, quantised, target, options, header, busy)


def crossed(tables: Tables, keys: NDArray[Any]) -> int:
    """Links that one packet of every slice crosses. tables: as drawn; keys: (slice, 2)."""
    key, mask = tables.key.astype(np.int64), tables.mask.astype(np.int64)
    sent = np.sort(keys[:, 0])
    senders = np.searchsorted(sent, key + (1 << 32) - mask) - np.searchsorted(sent, key)
    return int((np.bitwise_count(tables.links) * senders).sum())
