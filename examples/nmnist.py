"""Event-camera digits on every chip that holds them: the N-MNIST network of the NIR paper.

    python examples/nmnist.py --network cnn_sinabs.nir --data recordings/ --labels test100.txt

NETWORK is a .nir file with two polarities of 34 by 34 pixels in and ten classes out, such as the
one in the NIR paper's repository (paper/02_cnn/cnn_sinabs.nir). DATA is a folder of N-MNIST
recordings (.bin or .bs2), LABELS a list of lines "recording class". An argument left out is looked
for under $MOSSY_DATA: cnn_sinabs.nir, nmnist/ and nmnist/labels.txt.

Each recording becomes 300 frames of 1 ms; a pixel of a frame is 1 if it had an event of that
polarity. The class with the most output spikes wins. Nothing is drawn at random.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mossy
from mossy.compare import Comparison
from mossy.network.nodes import Network
from mossy.signals import events

DT = 1e-3  # seconds: the network was trained with steps of 1 ms
STEPS = 300  # a recording lasts 0.3 s
CHIPS = ("spinnaker2", "loihi1", "loihi2", "speck", "cpu")


def recordings(
    folder: Path, labels: Path, most: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return frames (n, 300, 2, 34, 34) and classes (n,) of the first `most` recordings listed."""
    lines = (line.split() for line in labels.read_text("utf-8").splitlines())
    rows = [(row[0], int(row[1])) for row in lines if len(row) == 2 and row[0].isdigit()][:most]
    frames = []
    for name, _ in rows:
        bs2 = folder / f"{name}.bs2"
        e = events.read_nmnist(bs2 if bs2.exists() else folder / f"{name}.bin")
        frames.append(
            events.frames(e.t, e.x, e.y, e.p, dt=DT, steps=STEPS, shape=events.NMNIST_SHAPE)
        )
    return np.stack(frames).astype(np.uint8), np.array([label for _, label in rows])


def compare(network: Network, x: NDArray[np.uint8], y: NDArray[np.int64]) -> Comparison:
    """Return the float reference's accuracy and every chip's accuracy, time and energy."""
    return mossy.compare(network, x, y, on=CHIPS, progress=show)


def show(chip: str, stage: str, more: int) -> None:
    """Say on stderr what is being done."""
    if not more:
        print(f"{chip}: {stage}", file=sys.stderr)


def arguments() -> argparse.Namespace:
    """Return the arguments, those left out looked for under $MOSSY_DATA."""
    parser = argparse.ArgumentParser(description="N-MNIST on two chips and this computer")
    parser.add_argument("--network", type=Path, help="a .nir file")
    parser.add_argument("--data", type=Path, help="folder of .bin or .bs2 recordings")
    parser.add_argument("--labels", type=Path, help='lines of "recording class"')
    parser.add_argument("--recordings", type=int, help="only the first so many")
    given = parser.parse_args()
    root = Path(os.environ.get("MOSSY_DATA", ""))
    given.network = given.network or root / "cnn_sinabs.nir"
    given.data = given.data or root / "nmnist"
    given.labels = given.labels or given.data / "labels.txt"
    for path in (given.network, given.data, given.labels):
        if not path.exists():
            parser.error(f"{path} does not exist; see --help, or set MOSSY_DATA")
    return given


def main() -> None:
    """Run the example."""
    given = arguments()
    x, y = recordings(given.data, given.labels, given.recordings)
    network = mossy.load(given.network, dt=DT)
    found = compare(network, x, y)
    print(found)
    for result in found.results.values():
        print()
        print(result.report())


if __name__ == "__main__":
    main()
