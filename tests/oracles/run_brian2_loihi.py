"""Run Loihi 1 networks on brian2-loihi 0.5.2.

    .oracles/brian2_loihi/bin/python -m tests.oracles.run_brian2_loihi IN.npz OUT.npz

(from the root of the checkout). Conventions, found by experiment:

* decay_u, decay_v, the refractory period and delays are ours as they stand;
* weights are an even mantissa and an exponent for each synapse group; a connection becomes one
  group per delay, with the smallest exponent that its weights allow;
* a generator's spike of step s arrives in step s, so x[t] is given as a spike of step t + 1
  (a spike of step 0 is refused, so this is needed anyway).

What it cannot do: a bias (asked for here, it raises); registers that overflow: u, q and v are
unbounded, so the networks given to it must stay inside. Delays end at 62.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import brian2  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
from brian2_loihi import (  # type: ignore[import-not-found]  # as above
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiSpikeMonitor,
    LoihiStateMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)

from tests.oracles.loihi_exchange import (
    INPUT,
    Connection,
    Ints,
    Network,
    Population,
    Trace,
    load_networks,
    save_traces,
)

MANTISSA_MIN, MANTISSA_MAX = -256, 254


def run(network: Network) -> list[Trace]:
    """Return u, v and spikes of every population."""
    steps = len(network["x"])
    when, channel = np.nonzero(network["x"])
    source = LoihiSpikeGeneratorGroup(network["x"].shape[1], channel, when + 1)
    groups = [_group(population) for population in network["populations"]]
    ends = {INPUT: source} | dict(enumerate(groups))
    synapses = [
        part
        for connection in network["connections"]
        for part in _synapses(connection, ends[connection["src"]], ends[connection["dst"]])
    ]
    monitors = [
        (LoihiStateMonitor(g, "I"), LoihiStateMonitor(g, "v"), LoihiSpikeMonitor(g)) for g in groups
    ]
    whole = LoihiNetwork(source, *groups, *synapses, *(m for three in monitors for m in three))
    whole.run(steps)
    return [_trace(steps, len(g), *three) for g, three in zip(groups, monitors, strict=True)]


def _group(population: Population) -> Any:
    if population["bias"].any():
        raise ValueError("brian2-loihi has no bias")
    if population["vth"] % 64:
        raise ValueError("vth must be a multiple of 64")
    return LoihiNeuronGroup(
        population["n"],
        refractory=population["refract"],
        threshold_v_mant=population["vth"] >> 6,
        decay_v=population["decay_v"],
        decay_I=population["decay_u"],
    )


def _synapses(connection: Connection, source: Any, target: Any) -> list[Any]:
    """Return one synapse group per delay that a synapse has."""
    weight, delay = connection["weight"], connection["delay"]
    mantissa, exponent = _split(weight)
    parts = []
    for d in np.unique(delay[weight != 0]):
        i, j = np.nonzero((weight != 0) & (delay == d))
        part = LoihiSynapses(
            source,
            target,
            delay=int(d),
            w_exp=exponent,
            sign_mode=synapse_sign_mode.MIXED,
            num_weight_bits=8,
        )
        part.connect(i=i, j=j)
        part.w = mantissa[i, j]
        parts.append(part)
    return parts


def _split(weight: Ints) -> tuple[Ints, int]:
    """Return the mantissas and the smallest exponent with which they stand for the weights."""
    for exponent in range(8):
        mantissa = weight >> (6 + exponent)
        even = not (mantissa % 2).any() and np.array_equal(mantissa << (6 + exponent), weight)
        if even and mantissa.min() >= MANTISSA_MIN and mantissa.max() <= MANTISSA_MAX:
            return mantissa, exponent
    raise ValueError("the weights are no even mantissas with one exponent of 0..7")


def _trace(steps: int, n: int, current: Any, voltage: Any, fired: Any) -> Trace:
    spikes = np.zeros((steps, n), bool)
    # `fired.t` truncates 28.999... ms to 28, so the times are rounded here
    spikes[np.rint(np.asarray(fired.t_) * 1e3).astype(int), np.asarray(fired.i)] = True
    return Trace(_whole(current.I), _whole(voltage.v), spikes)


def _whole(states: Any) -> Ints:
    """Return (steps, n) integers from the monitor's (n, steps) floats, which must be whole."""
    values = np.asarray(states).T
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise ValueError("a state is not a whole number")
    return whole


def main(source: str, target: str) -> None:
    """Read networks from `source`, write their traces to `target`."""
    brian2.prefs.codegen.target = "numpy"  # no C compiler needed
    save_traces(Path(target), [run(network) for network in load_networks(Path(source))])


if __name__ == "__main__":
    main(*sys.argv[1:])
