"""Recurrent networks of the NIR paper's Braille task on two chips, against the float reference.

    python examples/braille.py braille_noDelay_bias_zero.nir braille_noDelay_noBias_subtract.nir

The input of the paper is tactile readings encoded as spikes, which are not part of its repository.
Here they are random spikes with a stated seed, so what is compared is the number of spikes of each
chip with the float reference's, not accuracy. A neuron resets to v_reset and, where the chip can,
by subtraction; a chip that cannot says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mossy
from mossy.columns import columns
from mossy.errors import DoesNotFit, UnsupportedNode
from mossy.network import reference
from mossy.network.nodes import Reset

DT = 1e-4  # seconds: the networks were trained with steps of 0.1 ms
STEPS = 256
BATCH = 4
SEED = 0
RATE = 0.1  # spikes per input and step
CHIPS = ("spinnaker2", "loihi1")
RESETS: tuple[Reset, ...] = ("node", "subtract")
HEAD = ("network", "reset", "chip", "spikes", "float", "latency", "energy", "remark")


def spikes(channels: int) -> NDArray[np.bool_]:
    """Return random input spikes (batch, time, channels); the same every time."""
    return np.random.default_rng(SEED).random((BATCH, STEPS, channels)) < RATE


def rows(path: Path) -> list[tuple[str, ...]]:
    """Return one row per reset and chip: output spikes per inference, or why there are none."""
    found: list[tuple[str, ...]] = []
    for reset in RESETS:
        net = mossy.load(path, dt=DT, reset=reset)
        (name,) = net.outputs
        x = spikes(int(np.prod(net.shapes[net.inputs[0]][1])))
        wanted = reference.run(net, x)[name].sum() / BATCH
        for chip in CHIPS:
            begin = (path.stem, reset, chip)
            try:
                result = mossy.compile(net, chip).run(x)
            except (UnsupportedNode, DoesNotFit) as error:
                found.append((*begin, "", f"{wanted:.1f}", "", "", str(error)))
                continue
            got = result.outputs[name].sum() / BATCH
            found.append(
                (*begin, f"{got:.1f}", f"{wanted:.1f}", str(result.latency), str(result.energy), "")
            )
    return found


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description="Braille networks on two chips")
    parser.add_argument("networks", type=Path, nargs="+", help=".nir files")
    for path in parser.parse_args().networks:
        if not path.exists():
            parser.error(f"{path} does not exist")
        print(f"{path.name} ...", file=sys.stderr)
        print(columns(HEAD, rows(path), right=("spikes", "float")))


if __name__ == "__main__":
    main()
