"""The digits of the zoo: compile time, and inferences of the test set per second on each twin."""

from __future__ import annotations

from collections.abc import Iterator

import mossy
from benchmarks.figure import Figure, best, skipped
from mossy.chips import names
from mossy.errors import MossyError

WANTED = 200  # inferences per second


def figures(threads: int) -> Iterator[Figure]:
    """Yield two figures per chip."""
    net = mossy.zoo.load("digits")
    x, y = mossy.zoo.data("digits")
    for chip in names():
        try:
            program = mossy.compile(net, chip)
        except MossyError as refused:
            yield skipped(f"digits on {chip}", "inferences/s", str(refused).splitlines()[0])
            continue
        seconds = best(lambda chip=chip: mossy.compile(net, chip), 3)  # type: ignore[misc]
        yield Figure(f"compile digits for {chip}", seconds, "s", remark="warm, best of 3")
        out = program.run(x, threads=threads).outputs["output"]  # also loads the compiled code
        right = (out.sum(axis=1).argmax(axis=1) == y).mean()
        seconds = best(lambda p=program: p.run(x, threads=threads), 3)  # type: ignore[misc]
        yield Figure(
            f"digits on {chip}", len(x) / seconds, "inferences/s", WANTED,
            remark=f"{len(x)} images, {x.shape[1]} steps, all counts on, {right:.1%} right",
        )  # fmt: skip
