"""Where sPyNNaker's released code puts the synapses of a packet that comes late.

    .oracles/spynnaker_binary/bin/python -m tests.oracles.spinnaker1_late IN.npz OUT.npz

`late` (packets,): by how many steps each comes late, which the code learns from the colour in its
key. arrives (packets, SLOTS): steps from the packet's handling to the arrival of a synapse of 1, 2,
.. SLOTS steps; -1 where the code skips it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.oracles.run_spynnaker_binary import COLOURS, ROW, Neurons, image
from tests.oracles.spinnaker1_exchange import SLOTS, Ints
from tests.oracles.spinnaker1_networks import plain_population

NOW = 1000


def arrivals(late: int, data: bytes) -> Ints:
    """Return for each delay when its synapse arrives, or -1."""
    core = Neurons(data, plain_population(SLOTS))
    row = core.row(np.ones(SLOTS, np.int64), np.arange(SLOTS))
    core.core.call(ROW, NOW, (NOW - late) & COLOURS, COLOURS, row, stacked=core.flag)
    low = core.index_bits + 1
    ring = core.core.peek(core.ring, SLOTS << low, "<u2").reshape(SLOTS, 2, -1)
    found = np.full(SLOTS, -1, np.int64)
    slot, _, index = np.nonzero(ring)
    found[index] = (slot - NOW) % SLOTS
    return found


def main(source: str, target: str) -> None:
    """Read what is asked from `source`; write the answer."""
    data = image()
    with np.load(source) as file:
        found = [arrivals(int(late), data) for late in file["late"]]
    with Path(target).open("wb") as out:
        np.savez(out, arrives=np.array(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
