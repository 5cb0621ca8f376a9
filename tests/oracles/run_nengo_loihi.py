"""Run Loihi 1 networks on the emulator of nengo-loihi 1.1.0.

    .oracles/nengo_loihi/bin/python -m tests.oracles.run_nengo_loihi IN.npz OUT.npz

(from the root of the checkout). Integer registers are written straight into blocks; the
package's builder and its rounding are not used. Conventions, found by experiment:

* the register decay_u gives the factor 4096 - 1 - decay_u, so ours minus one is written;
* a refractory register of 1 is no dead step, as ours;
* input spikes of emulator step s arrive in step s + 1, and its steps count from 1.

The emulator has no synaptic delays: its input ring is one step long. A delay of d is made of a
chain of d relay compartments for each neuron of the source, of which the d-th spikes d steps
after the neuron (weight 64, threshold 0, no memory); synapses of delay d start at the d-th.
So the emulator vouches for the neurons, the synaptic sums and the one step of latency; that a
delay is that many steps more rests on the chain.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

# The package lives in an environment of its own and ships no types.
from nengo_loihi.block import Axon, LoihiBlock, Synapse  # type: ignore[import-not-found]
from nengo_loihi.builder import Model  # type: ignore[import-not-found]
from nengo_loihi.emulator import EmulatorInterface  # type: ignore[import-not-found]
from nengo_loihi.inputs import SpikeInput  # type: ignore[import-not-found]

from tests.oracles.loihi_exchange import (
    INPUT,
    Ints,
    Network,
    Population,
    Trace,
    load_networks,
    save_traces,
)

V_MAX = 2**23 - 1
RELAY_WEIGHT = 64  # the smallest weight there is, above the relay's threshold of 0


def run(network: Network) -> list[Trace]:
    """Return u, v and spikes of every population, without the relays."""
    model, sizes = _build(network)
    steps, total = len(network["x"]), sum(sizes)
    u, v = np.zeros((steps, total), np.int64), np.zeros((steps, total), np.int64)
    spikes = np.zeros((steps, total), bool)
    emulator = EmulatorInterface(model, seed=0)
    for t in range(steps):
        emulator.step()
        state = emulator.compartment  # populations come first, relays after them
        u[t], v[t] = state.current[:total], state.voltage[:total]
        spikes[t] = state.spiked[:total]
    cuts = np.cumsum(sizes)[:-1]
    parts = (np.split(array, cuts, axis=1) for array in (u, v, spikes))
    return [Trace(*part) for part in zip(*parts, strict=True)]


def _build(network: Network) -> tuple[Any, list[int]]:
    """Return the model and the number of neurons of each population."""
    model = Model()
    source = _input(network)
    model.add_input(source)
    blocks = [_block(population) for population in network["populations"]]
    sizes = [population["n"] for population in network["populations"]]
    starts = {INPUT: source} | dict(enumerate(blocks))
    widths = {INPUT: network["x"].shape[1]} | dict(enumerate(sizes))
    chains = {key: [start] for key, start in starts.items()}
    for connection in network["connections"]:
        src, weight, delay = connection["src"], connection["weight"], connection["delay"]
        chain = chains[src]
        while len(chain) <= int(delay.max()):
            relay = _block(_relay(widths[src]))
            _connect(chain[-1], relay, RELAY_WEIGHT * np.eye(widths[src], dtype=np.int64))
            chain.append(relay)
        for d, stage in enumerate(chain):
            part = np.where(delay == d, weight, 0)
            if part.any():
                _connect(stage, blocks[connection["dst"]], part)
    for block in blocks + [relay for chain in chains.values() for relay in chain[1:]]:
        model.add_block(block)
    return model, sizes


def _relay(n: int) -> Population:
    """Neurons that repeat in this step the spike that arrives in it."""
    return Population(n=n, decay_u=4096, decay_v=4096, vth=0, refract=1, bias=np.zeros(n, np.int64))


def _input(network: Network) -> Any:
    source = SpikeInput(network["x"].shape[1])
    for t, row in enumerate(network["x"]):
        source.add_spikes(t + 1, np.nonzero(row)[0], permanent=True)
    return source


def _block(population: Population) -> Any:
    n = population["n"]
    block = LoihiBlock(n)
    registers = block.compartment
    registers.decay_u = np.full(n, population["decay_u"] - 1, np.int32)
    registers.decay_v = np.full(n, population["decay_v"], np.int32)
    registers.vth = np.full(n, population["vth"], np.int32)
    registers.bias = population["bias"].astype(np.int32)
    registers.refract_delay = np.full(n, population["refract"], np.int32)
    registers.vmin, registers.vmax = -V_MAX, V_MAX
    registers.scale_u = registers.scale_v = False
    return block


def _connect(source: Any, target: Any, weight: Ints) -> None:
    """Add one axon per source neuron, with the weights that are not zero."""
    n = len(weight)
    synapse = Synapse(n)
    columns = [np.nonzero(row)[0].astype(np.int32) for row in weight]
    pairs = list(zip(weight, columns, strict=True))
    synapse.weights = [row[cols].astype(np.int32)[np.newaxis] for row, cols in pairs]
    synapse.indices = [cols[np.newaxis] for cols in columns]
    target.add_synapse(synapse)
    axon = Axon(n)
    axon.target = synapse
    axon.set_compartment_axon_map(np.arange(n))
    source.add_axon(axon)


def main(source: str, target: str) -> None:
    """Read networks from `source`, write their traces to `target`."""
    warnings.filterwarnings("ignore", message="Overflow")  # a wrap, which is what we ask about
    save_traces(Path(target), [run(network) for network in load_networks(Path(source))])


if __name__ == "__main__":
    main(*sys.argv[1:])
