"""Handwritten digits as spikes: scikit-learn's 1,797 images of 8x8 pixels with values 0 to 16.

A pixel's brightness in [0, 1] becomes a regular rate (signals/encode.py). Accuracy on images held
out of the training split, mean of three seeds, settings otherwise as in `build`:

    evenly spaced, 8 steps     98.2 %        Bernoulli, 16 steps    98.1 %
    one spike, 8 steps         96.4 %        Bernoulli, 8 steps     98.0 %
"""

from __future__ import annotations

import importlib.util
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mossy import zoo
from mossy.signals.encode import regular

Split = Literal["train", "test"]

BRIGHTEST = 16.0


def images(split: Split) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return brightness (n, 64) in [0, 1] and labels (n,), split by class with the card's seed."""
    table = _table()
    text = resources.files("mossy.zoo.digits").joinpath("split.txt").read_text("utf-8")
    train, test = (line for line in text.splitlines() if not line.startswith("#"))
    chosen = np.array((train if split == "train" else test).split(), np.int64)
    return table[chosen, :-1] / BRIGHTEST, table[chosen, -1].astype(np.int64)


def _table() -> NDArray[np.float64]:
    """All images as rows of 64 pixels and the label, from scikit-learn's own file.

    Importing scikit-learn for it takes over a second, reading the file that it ships takes none.
    """
    found = importlib.util.find_spec("sklearn")
    places = (found.submodule_search_locations or []) if found else []
    for place in places:
        file = Path(place, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    table: NDArray[np.float64] = np.column_stack([pixels, labels])
    return table


def data(split: Split) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return spikes (n, steps, 64) and labels (n,)."""
    x, y = images(split)
    return regular(x, zoo.card("digits").steps), y
