"""Instructions that sPyNNaker's released code takes for a synapse and for a neuron.

    .oracles/spynnaker_binary/bin/python -m tests.oracles.spinnaker1_instructions IN.npz OUT.npz

(from the root of the checkout). Each number is the difference between two runs that differ in
nothing but how many synapses, or neurons, there are: the two `sizes` of IN, powers of two, because
the code goes through that many ring buffer entries. OUT: `synapse`; `silent`, a neuron without
input and spike; `busy`, one that has both inputs and fires; `row`, a row beside its synapses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

# The emulator lives in an environment of its own and ships no types.
from unicorn import UC_HOOK_CODE  # type: ignore[import-not-found]

from tests.oracles.run_spynnaker_binary import Core, Neurons, image
from tests.oracles.spinnaker1_exchange import RING_TOP, Trace
from tests.oracles.spinnaker1_networks import NEVER, plain_population


def instructions(core: Core, work: Callable[[], None]) -> int:
    """Count the instructions that `work` takes on a core."""
    seen: list[int] = []
    hook = core.uc.hook_add(UC_HOOK_CODE, lambda uc, at, size, data: seen.append(at))
    work()
    core.uc.hook_del(hook)
    return len(seen)


def of_step(data: bytes, n: int, busy: bool) -> int:
    """Instructions of one step of n neurons."""
    pop = plain_population(n)
    pop["v_thresh"][:] = -1 if busy else NEVER
    pop["drive"] = np.full((1, n, 2), RING_TOP * busy)
    neurons = Neurons(data, pop)
    trace = Trace(*(np.zeros((1, n), np.int64) for _ in Trace._fields))
    found = instructions(neurons.core, lambda: neurons.step(0, trace))
    assert trace.spikes.all() == busy == trace.spikes.any()
    return found


def of_row(data: bytes, synapses: int) -> int:
    """Instructions of one row."""
    neurons = Neurons(data, plain_population(synapses))
    row = neurons.row(np.arange(1, synapses + 1), np.zeros(synapses, np.int64))
    return instructions(neurons.core, lambda: neurons.receive(3, row))


def main(source: str, target: str) -> None:
    """Read two sizes from `source`, write what one of each takes to `target`."""
    data = image()
    with np.load(source) as file:
        few, many = file["sizes"].tolist()

    def each(count: Callable[[int], int]) -> float:
        return (count(many) - count(few)) / int(many - few)

    found = {
        "synapse": each(lambda n: of_row(data, n)),
        "silent": each(lambda n: of_step(data, n, False)),
        "busy": each(lambda n: of_step(data, n, True)),
    }
    found["row"] = of_row(data, few) - few * found["synapse"]
    with Path(target).open("wb") as out:
        np.savez(out, **{k: np.array(v) for k, v in found.items()})  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
