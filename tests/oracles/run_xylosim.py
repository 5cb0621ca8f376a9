"""Run Xylo networks on xylosim 0.1.3, the vendor's bit-exact model.

    .oracles/xylosim/bin/python -m tests.oracles.run_xylosim IN.npz OUT.npz

(from the root of the checkout). Registers are written straight into layers of `xylosim.v1` or
`xylosim.v2`. A layer holds raw pointers to its synapse objects, so the lists live as long as it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

# The package lives in an environment of its own and ships no types.
from xylosim import v1, v2  # type: ignore[import-not-found]

from tests.oracles.xylo_exchange import (
    NO_ALIAS,
    Ints,
    Network,
    Trace,
    late,
    load_networks,
    save_traces,
)

MODULES = {1: v1, 2: v2}


def run(network: Network) -> Trace:
    """Return every register and spike of a network."""
    make = MODULES[network["version"]].XyloSynapse
    synapses = [  # kept in this frame until the layer is done
        _synapses(make, network["w_in"][:, :, : network["synapses"]]),
        _synapses(make, network["w_rec"][:, :, : network["synapses"]]),
        _synapses(make, network["w_out"][:, :, None]),
    ]
    layer = _layer(network, synapses)
    sent = np.array(layer.evolve(late(network).tolist()), np.int64)
    i0 = _states(layer.rec_i_syn)
    i1 = _states(layer.rec_i_syn2) if network["synapses"] == 2 else np.zeros_like(i0)
    return Trace(
        _states(layer.rec_v_mem),
        i0,
        i1,
        np.array(layer.rec_recurrent_spikes, np.int64),
        _states(layer.rec_v_mem_out),
        _states(layer.rec_i_syn_out),
        sent,
    )


def _layer(network: Network, synapses: list[Any]) -> Any:
    used = network["synapses"]
    options: dict[str, Any] = {}
    if network["version"] == 2:
        options = {
            "has_bias": bool(network["has_bias"]),
            "bias": network["bias"].tolist(),
            "bias_out": network["out_bias"].tolist(),
        }
    return MODULES[network["version"]].XyloLayer(
        synapses_in=synapses[0],
        synapses_rec=synapses[1],
        synapses_out=synapses[2],
        aliases=[[] if a == NO_ALIAS else [a] for a in network["alias"].tolist()],
        threshold=network["threshold"].tolist(),
        threshold_out=network["out_threshold"].tolist(),
        weight_shift_inp=int(network["shift"][0]),
        weight_shift_rec=int(network["shift"][1]),
        weight_shift_out=int(network["shift"][2]),
        dash_mem=network["dash_mem"].tolist(),
        dash_mem_out=network["out_dash_mem"].tolist(),
        dash_syns=network["dash_syn"][:, :used].tolist(),
        dash_syns_out=network["out_dash_syn"][:, None].tolist(),
        name="network",
        **options,
    )


def _synapses(make: Any, weight: Ints) -> list[list[Any]]:
    """For each sending neuron, its synapses: (target, register, weight)."""
    return [
        [make(int(j), int(s), int(rows[j, s])) for s in range(rows.shape[1])
         for j in np.flatnonzero(rows[:, s])]
        for rows in weight
    ]  # fmt: skip


def _states(recorded: Any) -> Ints:
    """(steps, neurons) from what the layer keeps as a list per neuron."""
    return np.array(recorded, np.int64).T


def main(source: str, target: str) -> None:
    """Read networks from `source`, write their traces to `target`."""
    save_traces(Path(target), [run(network) for network in load_networks(Path(source))])


if __name__ == "__main__":
    main(*sys.argv[1:])
