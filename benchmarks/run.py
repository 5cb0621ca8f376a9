"""Time our own code, beside peers where there are some: python -m benchmarks.run [--json]

Figures of one run on one machine; never a test. Speed of a simulation says nothing about the chip.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from benchmarks import digits, machine, nmnist, startup
from benchmarks.figure import Figure, table

ROOT = Path(__file__).parents[1]


def arguments() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", type=Path, help="the N-MNIST network, a .nir file")
    parser.add_argument("--data", type=Path, help="folder of N-MNIST recordings")
    parser.add_argument("--labels", type=Path, help='lines of "recording class"')
    parser.add_argument(
        "--torch", type=Path, default=ROOT / ".oracles/torch/bin/python", metavar="PYTHON",
        help="a Python that has PyTorch, and perhaps snnTorch, for the peers",
    )  # fmt: skip
    return parser.parse_args()


def recordings(given: argparse.Namespace) -> tuple[Path, Path, Path] | None:
    """Return network, recordings and labels as given, or as the tests find them, or None."""
    if given.network and given.data and given.labels:
        return given.network, given.data, given.labels
    try:
        from tests import data
    except ImportError:  # the tests' own needs are not installed here
        return None
    network, folder = data.archive("nir-vectors"), data.archive("nmnist-small")
    labels = data.path("nmnist-small/test100.txt")
    if network is None or folder is None or labels is None:
        return None
    return network / "paper" / "02_cnn" / "cnn_sinabs.nir", folder, labels


def main() -> None:
    """Measure everything and print it."""
    given = arguments()
    about = machine.describe(given.threads)
    figures: list[Figure] = []
    for name, part in (
        ("start", startup.figures()),
        ("digits", digits.figures(given.threads)),
        ("N-MNIST", nmnist.figures(recordings(given), given.torch, given.threads)),
    ):
        print(f"{name} ...", file=sys.stderr)
        figures += part
    if given.json:
        print(json.dumps({"machine": about, "figures": [vars_of(f) for f in figures]}, indent=2))
        return
    for key, value in about.items():
        print(f"{key}: {value}")
    print()
    print(table(figures))


def vars_of(figure: Figure) -> dict[str, object]:
    """Return a figure as plain values, with whether it meets its target."""
    return dataclasses.asdict(figure) | {"met": figure.met}


if __name__ == "__main__":
    main()
