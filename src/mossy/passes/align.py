"""Align: turn delays into the chip's delay fields so that layers see what the reference sees.

On a chip every hop takes `latency` steps, in the float reference a forward hop takes none and a
feedback hop one. A population at depth d therefore runs d steps behind the reference, and a
projection from depth a to depth b needs b - a steps (feedback: b - a + 1). A skip connection waits
for the longer path. A feedback path over several layers cannot be made shorter than it is: it is
left at the chip's latency and reported.

Before: `Populations` with the user's delays. After: the same with delay fields, counted beyond the
chip's latency.
"""

from __future__ import annotations

import dataclasses

from mossy.network.populations import Populations, Projection


def align(populations: Populations, latency: int) -> Populations:
    """Return `populations` with every projection's delay in the chip's own terms."""
    depth = {p.name: p.depth if latency else 0 for p in populations.populations}
    notes = list(populations.notes)
    projections: list[Projection] = []
    for j in populations.projections:
        wanted = depth[j.target] - depth[j.source] + int(j.feedback) - latency
        least = int(j.delay_source.min(initial=0) + j.delay_target.min(initial=0))
        if wanted + least < 0:
            late = -(wanted + least)
            notes.append(
                f"{j.name}: feedback over several layers arrives {late} step(s) later than in "
                "the float reference"
            )
            wanted = -least
        projections.append(dataclasses.replace(j, delay_source=j.delay_source + wanted))
    aligned = tuple(dataclasses.replace(p, depth=depth[p.name]) for p in populations.populations)
    return dataclasses.replace(
        populations, populations=aligned, projections=tuple(projections), notes=tuple(notes)
    )
