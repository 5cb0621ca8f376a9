"""Run networks on the fixed-point process models of lava-nc 0.10.0 (Python 3.10).

    .oracles/lava/bin/python -m tests.oracles.run_lava IN.npz OUT.npz

(from the root of the checkout). Conventions, found by experiment:

* LIF and ATRLIF: the register `du` (or `delta_i`) gives the factor 4096 - 1 - du, so ours minus
  one is written; ATRLIF takes its decays as shares of 4096. Thresholds are written without their 6
  bits.
* Dense: an 8-bit weight matrix of mixed sign keeps even numbers only. A weight w << e is written
  as the mantissa 2 w with the exponent e - 1, which the emulator applies to the sum: with e = 0 the
  sum of even numbers is halved exactly. A matrix of one sign keeps 8 bits, in which 2 w fits too.
* DelayDense is Dense with a delay of 0..63 steps for each weight.
* RF's `period` and `alpha` become its integers cos and sin; they are handed back with the states.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np

# The package lives in an environment of its own and ships no types.
from lava.magma.core.run_conditions import RunSteps  # type: ignore[import-not-found]
from lava.magma.core.run_configs import Loihi2SimCfg  # type: ignore[import-not-found]
from lava.proc.atrlif.process import ATRLIF  # type: ignore[import-not-found]
from lava.proc.dense.process import DelayDense, Dense  # type: ignore[import-not-found]
from lava.proc.io.sink import RingBuffer as Sink  # type: ignore[import-not-found]
from lava.proc.io.source import RingBuffer as Source  # type: ignore[import-not-found]
from lava.proc.lif.process import LIF  # type: ignore[import-not-found]
from lava.proc.monitor.process import Monitor  # type: ignore[import-not-found]
from lava.proc.rf.process import RF  # type: ignore[import-not-found]
from lava.proc.rf_iz.process import RF_IZ  # type: ignore[import-not-found]
from lava.proc.sdn.process import ActivationMode, SigmaDelta  # type: ignore[import-not-found]

from tests.oracles.lava_exchange import (
    INPUT,
    STATES,
    Connection,
    Network,
    Population,
    Trace,
    load_networks,
    save_traces,
)

MESSAGE_BITS = 24
PORTS = {"rf": ("a_real_in", "a_imag_in"), "rf_iz": ("a_real_in", "a_imag_in")}


def run(network: Network) -> list[Trace]:
    """Return states and what was sent of every population."""
    steps = len(network["x"])
    source = Source(data=network["x"].T)
    neurons = [_neurons(population) for population in network["populations"]]
    for connection in network["connections"]:
        _connect(network, connection, source, neurons)
    probes: list[dict[str, Any]] = []
    sinks = []
    for process, population in zip(neurons, network["populations"], strict=True):
        sink = Sink(shape=(population["n"],), buffer=steps)
        process.s_out.connect(sink.a_in)
        sinks.append(sink)
        probes.append({})
        for name in STATES[population["kind"]]:
            probes[-1][name] = Monitor()
            probes[-1][name].probe(getattr(process, name), steps)
    config = Loihi2SimCfg(select_tag="fixed_pt")
    neurons[0].run(condition=RunSteps(num_steps=steps), run_cfg=config)
    traces = [
        {name: _seen(monitor) for name, monitor in found.items()}
        | {"sent": np.rint(sink.data.get().T).astype(np.int64)}
        for found, sink in zip(probes, sinks, strict=True)
    ]
    neurons[0].stop()
    return traces


def _seen(monitor: Any) -> Any:
    (by_process,) = monitor.get_data().values()
    (values,) = by_process.values()
    return np.rint(values).astype(np.int64)


def _neurons(population: Population) -> Any:
    r, shape = population["registers"], (population["n"],)
    kind = population["kind"]
    if kind == "lif":
        return LIF(
            shape=shape,
            du=int(r["decay_u"]) - 1,
            dv=int(r["decay_v"]),
            vth=int(r["vth"]) >> 6,
            **_bias(r["bias"]),
        )
    if kind == "sigma_delta":
        both = 1 << int(r["spike_exp"] + r["state_exp"])
        return SigmaDelta(
            shape=shape,
            vth=int(r["vth"]) / both,
            bias=r["bias"] / both,
            act_mode=ActivationMode.RELU,
            spike_exp=int(r["spike_exp"]),
            state_exp=int(r["state_exp"]),
        )
    if kind == "atrlif":
        return ATRLIF(
            shape=shape,
            delta_i=(int(r["decay_u"]) - 1) / 4096,
            delta_v=int(r["decay_v"]) / 4096,
            delta_theta=int(r["decay_theta"]) / 4096,
            delta_r=int(r["decay_r"]) / 4096,
            theta=int(r["rest"]) / 64,
            theta_0=int(r["rest"]) / 64,
            theta_step=int(r["jump"]) / 64,
            **_bias(r["bias"]),
        )
    return {"rf": RF, "rf_iz": RF_IZ}[kind](
        shape=shape,
        period=float(r["period"]),
        alpha=float(r["alpha"]),
        state_exp=int(r["state_exp"]),
        decay_bits=int(r["decay_bits"]),
        vth=int(r["vth"]),
    )


def _bias(bias: Any) -> dict[str, Any]:
    """A mantissa of 13 bits and an exponent for each bias."""
    exponent = np.zeros(len(bias), int)
    mantissa = bias.astype(int)
    while (abs(mantissa) > 4095).any():
        large = abs(mantissa) > 4095
        mantissa, exponent = np.where(large, mantissa >> 1, mantissa), exponent + large
    return {"bias_mant": mantissa, "bias_exp": exponent}


def _connect(network: Network, connection: Connection, source: Any, neurons: list[Any]) -> None:
    src, dst = connection["src"], connection["dst"]
    kind = "input" if src == INPUT else network["populations"][src]["kind"]
    graded = kind == "sigma_delta" or (kind == "input" and network["graded"])
    common = {
        "weights": 2 * connection["weight"].T,
        "weight_exp": connection["exponent"] - 1,
        "num_message_bits": MESSAGE_BITS if graded else 0,
    }
    if connection["delay"].any():
        process = DelayDense(delays=connection["delay"].T.astype(int), **common)
    else:
        process = Dense(**common)
    (source if src == INPUT else neurons[src]).s_out.connect(process.s_in)
    ports = PORTS.get(network["populations"][dst]["kind"], ("a_in",))
    process.a_out.connect(getattr(neurons[dst], ports[connection["port"]]))


def main(source: str, target: str) -> None:
    """Read networks from `source`, write their traces to `target`."""
    logging.disable(logging.CRITICAL)
    save_traces(Path(target), [run(network) for network in load_networks(Path(source))])


if __name__ == "__main__":
    main(*sys.argv[1:])
