"""Run networks on SANA-FE 2.2.9 (University of Texas at Austin), with the chips that it brings.

    .oracles/sanafe/bin/python -m tests.oracles.run_sanafe IN.npz OUT.npz

(from the root of the checkout). Conventions, found by experiment and held by the test:

* a neuron's input is what was sent in the step before; it is lost while the neuron is silent after
  a spike, and a refractory_delay of 0 does the same as 1;
* leak_decay works before the input, and what it leaves is cut to whole 64ths;
* an input neuron replays `spikes` and needs a soma unit of its own;
* the "spikes" of a result are synaptic events; "neurons_updated" counts a neuron in a step in which
  it fires, is forced, has a bias, has a potential, or anything arrives; soma energy is paid for
  every mapped neuron in every step ("access") and for what is updated and fired on top;
* a packet goes to every core that holds a target, the sender's own among them; hops are tiles along
  x and y, and tiles are numbered column by column.

Potentials are in the order in which neurons were created, groups in the order of their names.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import sanafe

from tests.oracles.sanafe_networks import (
    UNIT,
    Network,
    Trace,
    load_networks,
    save_traces,
)

RESET_MODES = ("hard", "soft", "none")


def build(network: Network) -> tuple[Any, Any]:
    """Return architecture and network as SANA-FE has them; group "n" holds all neurons."""
    arch = sanafe.load_loihi() if network.arch == "loihi" else sanafe.load_truenorth()
    net = sanafe.Network()
    group = net.create_neuron_group("n", network.core.size)
    neurons = list(group)
    _attributes(network, neurons)
    for i, j, w in zip(
        network.pre.tolist(), network.post.tolist(), network.weight.tolist(), strict=True
    ):
        neurons[i].connect_to_neuron(neurons[j], {"weight": w})
    cores = arch.cores()
    for neuron, c in zip(neurons, network.core.tolist(), strict=True):
        neuron.map_to_core(cores[c])
    return arch, net


def _attributes(network: Network, neurons: list[Any]) -> None:
    trains = iter(network.x.T.tolist())
    units: dict[int, int] = {}
    for i, neuron in enumerate(neurons):
        if network.is_input[i]:
            core = int(network.core[i])
            unit = units[core] = units.get(core, -1) + 1
            neuron.set_attributes(
                soma_hw_name=f"loihi_inputs[{unit}]", model_attributes={"spikes": next(trains)}
            )
            continue
        given = {k: v[i].item() for k, v in network.attributes.items()}
        given["force_update"] = bool(given.get("force_update", False))
        if network.arch == "truenorth":
            given["reset_mode"] = RESET_MODES[int(given["reset_mode"])]
            given["leak_towards_zero"] = False
            given["reverse_reset_mode"] = "saturate" if given.pop("floored") else "none"
            given["reverse_threshold"] = -given.pop("floor")
        else:
            given["refractory_delay"] = int(given["refractory_delay"])
        neuron.set_attributes(model_attributes=given)


def run(network: Network) -> Trace:
    """Run a network with everything recorded."""
    arch, net = build(network)
    for neuron in net["n"]:
        neuron.set_attributes(log_spikes=True, log_potential=True)
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    steps, n = network.steps, network.core.size
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        found = chip.sim(
            steps, timing_model="simple", perf_trace=True, spike_trace=True, potential_trace=True
        )
    spikes = np.zeros((steps, n), bool)
    for t, fired in enumerate(found["spike_trace"]):
        spikes[t, [address.neuron_offset for address in fired]] = True
    v = np.array(found["potential_trace"], float).reshape(steps, n)
    unit = UNIT if network.arch == "loihi" else 1
    perf = {k: np.array(w) for k, w in found["perf_trace"].items()}
    return Trace(
        spikes,
        np.rint(np.where(network.is_input, 0, v) * unit).astype(np.int64),
        perf["fired"],
        perf["updated"],
        perf["spikes"],
        perf["hops"],
        np.array([found["packets_sent"]]),
        np.array([found["energy"]["soma"]]),
    )


def main() -> None:
    """Run all networks of a file."""
    source, target = map(Path, sys.argv[1:])
    save_traces(target, [run(network) for network in load_networks(source)])


if __name__ == "__main__":
    main()
