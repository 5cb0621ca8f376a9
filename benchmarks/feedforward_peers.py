"""A feed-forward network of LIF neurons in one peer: python feedforward_peers.py FILE PEER THREADS

Runs in an environment of its own, without mossy. FILE holds the weights, and inputs (time, batch,
n); the times of every batch asked for and the spikes of every layer are printed as JSON. Each peer
is set as fast as it goes: no gradients, all steps in one call where it has that, its own compiled
step where it has one. With one thread the clock is the processor's time, which other programs on
the machine disturb least; with more it is the wall's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

LEAST = 2  # runs of each batch, and more of them while they take less than LONG together
MOST = 60
LONG = 4.0  # s

Forward = Callable[[Any, bool], Any]  # (inputs, count the spikes?) -> output spikes or counts


def main() -> None:
    path, peer, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if threads == 1:
        os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[:1]))
    data = np.load(path)
    weights = [data[k] for k in sorted(data.files) if k.startswith("weight")]
    beta, threshold = float(data["beta"]), float(data["threshold"])
    shape = tuple(data["shape"])
    x = np.unpackbits(data["x"])[: int(np.prod(shape))].reshape(shape).astype(np.float32)
    clock = time.process_time if threads == 1 else time.perf_counter
    make = {"spyx": with_jax, "GeNN": with_genn}.get(peer, with_torch)
    find, version = make(peer, weights, beta, threshold, threads)
    found: dict[str, Any] = {"version": version, "seconds": {}}
    for batch in data["batches"].tolist():
        forward, given = find(np.ascontiguousarray(x[:, :batch]))
        forward(given, False)  # warms up
        times: list[float] = []
        while len(times) < LEAST or (len(times) < MOST and sum(times) < LONG):
            begin = clock()
            forward(given, False)
            times.append(clock() - begin)
        found["seconds"][str(batch)] = min(times)
        found["spikes"] = forward(given, True)
    print(json.dumps(found))


# ---------------------------------------------------------------------------------------- PyTorch


def with_torch(
    peer: str, weights: list[Any], beta: float, threshold: float, threads: int
) -> tuple[Callable[[Any], tuple[Forward, Any]], str]:
    """Return what readies inputs and the forward call, and the versions."""
    import torch

    torch.set_num_threads(threads)
    layers = [torch.nn.Linear(w.shape[1], w.shape[0], bias=False) for w in weights]
    for layer, w in zip(layers, weights, strict=True):
        layer.weight.data = torch.from_numpy(w)
    maker = {
        "PyTorch": plain,
        "PyTorch compiled": plain,
        "SpikingJelly": spikingjelly,
        "sinabs": sinabs,
        "snnTorch": snntorch,
        "Norse": norse,
    }[peer]
    step = maker(torch, weights, beta, threshold, peer)

    def forward(x: Any, count: bool) -> Any:
        with torch.inference_mode():
            signals = step(layers, x)
            if count:
                return [float(s.sum()) for s in signals]
            return signals[-1].sum(0)

    package = {"PyTorch compiled": "torch", "PyTorch": "torch"}.get(peer, peer.lower())
    version = f"{metadata.version(package)}, torch {torch.__version__}"
    return lambda x: (forward, torch.from_numpy(x)), version


def plain(torch: Any, weights: list[Any], beta: float, threshold: float, peer: str) -> Any:
    """One product for all steps, then a loop over them; compiled: one fused kernel for a step."""

    def fire(v: Any, current: Any) -> tuple[Any, Any]:
        v = beta * v + current
        spikes = (v >= threshold).to(v.dtype)
        return v * (1 - spikes), spikes

    if peer.endswith("compiled"):
        fire = torch.compile(fire, dynamic=False)

    def run(layers: list[Any], s: Any) -> list[Any]:
        signals = []
        for layer in layers:
            current = layer(s)
            v = torch.zeros_like(current[0])
            sent = []
            for t in range(len(current)):
                v, spikes = fire(v, current[t])
                sent.append(spikes)
            s = torch.stack(sent)
            signals.append(s)
        return signals

    return run


def spikingjelly(torch: Any, weights: list[Any], beta: float, threshold: float, peer: str) -> Any:
    """All steps in one call, with the compiled step that it has for evaluation."""
    from spikingjelly.activation_based import functional, neuron

    nodes = [
        neuron.LIFNode(
            tau=1 / (1 - beta), decay_input=False, v_threshold=threshold, v_reset=0.0,
            step_mode="m",
        ).eval()
        for _ in weights
    ]  # fmt: skip

    def run(layers: list[Any], s: Any) -> list[Any]:
        signals = []
        for layer, node in zip(layers, nodes, strict=True):
            functional.reset_net(node)
            s = node(layer(s))
            signals.append(s)
        return signals

    return run


def sinabs(torch: Any, weights: list[Any], beta: float, threshold: float, peer: str) -> Any:
    """All steps in one call; its arrays are (batch, time, n)."""
    import sinabs.activation as activation
    import sinabs.layers as layers_of

    nodes = [
        layers_of.LIF(
            tau_mem=float(-1 / np.log(beta)), spike_threshold=torch.tensor(threshold),
            spike_fn=activation.SingleSpike, reset_fn=activation.MembraneReset(), norm_input=False,
        ).eval()
        for _ in weights
    ]  # fmt: skip

    def run(layers: list[Any], x: Any) -> list[Any]:
        s, signals = x.transpose(0, 1), []
        for layer, node in zip(layers, nodes, strict=True):
            node.reset_states()
            s = node(layer(s))
            signals.append(s.transpose(0, 1))
        return signals

    return run


def snntorch(torch: Any, weights: list[Any], beta: float, threshold: float, peer: str) -> Any:
    """Step by step. It resets at the next step, so it may spike a little differently."""
    import snntorch as library

    cells = [
        library.Leaky(beta=beta, threshold=threshold, reset_mechanism="zero").eval()
        for _ in weights
    ]
    return stepping(torch, cells, lambda cell: cell.init_leaky(), 1.0)


def norse(torch: Any, weights: list[Any], beta: float, threshold: float, peer: str) -> Any:
    """Step by step. Its input is scaled by dt / tau, which is taken out again here."""
    import norse.torch as library

    p = library.LIFBoxParameters(
        tau_mem_inv=torch.tensor((1 - beta) / 1e-3), v_th=torch.tensor(threshold)
    )
    cells = [library.LIFBoxCell(p) for _ in weights]
    return stepping(torch, cells, lambda cell: None, 1 / (1 - beta))


def stepping(torch: Any, cells: list[Any], start: Any, scale: float) -> Any:
    """All layers in every step, from one product for all steps of the first layer on."""

    def run(layers: list[Any], x: Any) -> list[Any]:
        states = [start(c) for c in cells]
        sent: list[list[Any]] = [[] for _ in cells]
        first = layers[0](x) * scale
        for t in range(len(x)):
            s = first[t]
            for i, cell in enumerate(cells):
                s, states[i] = cell(s if i == 0 else layers[i](s) * scale, states[i])
                sent[i].append(s)
        return [torch.stack(s) for s in sent]

    return run


# -------------------------------------------------------------------------------------------- JAX


def with_jax(
    peer: str, weights: list[Any], beta: float, threshold: float, threads: int
) -> tuple[Callable[[Any], tuple[Forward, Any]], str]:
    """The same for Spyx, compiled as a whole. It resets by subtraction, so it spikes more."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    if threads == 1:
        os.environ["XLA_FLAGS"] = (
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        )
    import jax.numpy as jnp
    import spyx.nn as snn
    from flax import nnx

    rngs = nnx.Rngs(0)
    layers: list[Any] = []
    for w in weights:
        dense = nnx.Linear(w.shape[1], w.shape[0], use_bias=False, rngs=rngs)
        dense.kernel.value = jnp.asarray(w.T)
        layers += [dense, snn.LIF((w.shape[0],), beta=beta, threshold=threshold, rngs=rngs)]
    net = snn.Sequential(*layers)
    run = nnx.jit(lambda net, x: snn.run(net, x)[0].sum(0))

    def forward(x: Any, count: bool) -> Any:
        return run(net, x).block_until_ready() if not count else counted(jnp, layers, x)

    version = f"{metadata.version('spyx')}, jax {metadata.version('jax')}"
    return lambda x: (forward, jnp.asarray(x)), version


def counted(jnp: Any, layers: list[Any], s: Any) -> list[float]:
    """Spikes of every layer, one layer after the other, step by step; slow, and not timed."""
    found = []
    for dense, cell in zip(layers[::2], layers[1::2], strict=True):
        current, state, sent = dense(s), cell.initial_state(s.shape[1]), []
        for t in range(len(current)):
            spikes, state = cell(current[t], state)
            sent.append(spikes)
        s = jnp.stack(sent)
        found.append(float(s.sum()))
    return found


# ------------------------------------------------------------------------------------------- GeNN


def with_genn(
    peer: str, weights: list[Any], beta: float, threshold: float, threads: int
) -> tuple[Callable[[Any], tuple[Forward, Any]], str]:
    """The same for GeNN, whose CPU backend has neither batches nor threads: sample after sample.

    A layer hears the one before a step later, so a sample takes a step more for each layer; that
    adds no spikes, for without input no potential reaches the threshold.
    """
    models: list[tuple[Any, ...]] = []  # one, made when the number of steps is known

    def forward(samples: Any, count: bool) -> Any:
        model, source, layers, steps = models[0]
        first, last = (source.vars[k].view for k in ("startSpike", "endSpike"))
        times = source.extra_global_params["spikeTimes"].view
        v = [layer.vars["V"].view for layer in layers]
        sent = [layer.vars["sent"].view for layer in layers]
        found = []
        for begin, end, t in samples:
            first[:], last[:], times[: len(t)] = begin, end, t
            for state in (*v, *sent):
                state[:] = 0
            model.timestep = 0
            for _ in range(steps):
                model.step_time()
            found.append([float(s.sum()) for s in sent] if count else sent[-1].copy())
        return np.sum(found, 0).tolist() if count else np.array(found)

    def find(x: Any) -> tuple[Forward, Any]:
        if not models:
            models.append(genn_model(weights, beta, threshold, len(x)))
        return forward, [spike_times(x[:, b]) for b in range(x.shape[1])]

    return find, f"{metadata.version('pygenn')}; no batches, so one sample after the other"


def genn_model(
    weights: list[Any], beta: float, threshold: float, steps: int
) -> tuple[Any, Any, list[Any], int]:
    """Build the network; return it, its source, its layers and the steps of a sample."""
    import pygenn

    os.environ["CXX"] = os.environ.get("CXX", "c++") + " -march=native"
    model = pygenn.GeNNModel("float", "peer", backend="single_threaded_cpu", optimize_code=True)
    model.dt = 1.0
    lif = pygenn.create_neuron_model(
        "lif", params=["beta", "threshold"], vars=[("V", "scalar"), ("sent", "scalar")],
        sim_code="V = (beta * V) + Isyn;", threshold_condition_code="V >= threshold",
        reset_code="V = 0; sent += 1;",
    )  # fmt: skip
    n = weights[0].shape[1]
    source = model.add_neuron_population(
        "source", n, "SpikeSourceArray", {}, {"startSpike": np.zeros(n), "endSpike": np.zeros(n)}
    )
    source.extra_global_params["spikeTimes"].set_init_values(np.zeros(n * steps))
    layers = [source]
    for i, w in enumerate(weights):
        layer = model.add_neuron_population(
            f"layer{i}", len(w), lif, {"beta": beta, "threshold": threshold}, {"V": 0, "sent": 0}
        )
        genn_synapses(pygenn, model, layers[-1], layer, w)
        layers.append(layer)
    with tempfile.TemporaryDirectory() as folder:
        model.build(folder)
        model.load()
    return model, source, layers[1:], steps + len(weights)


def genn_synapses(library: Any, model: Any, source: Any, target: Any, w: Any) -> None:
    """Connect two layers by an array of the model's own, with an index of 64 bits.

    The 32 bits of GeNN's dense weights could overflow, for which GCC leaves the loop over them in
    single additions, a third as fast. Its sparse form was slower than either.
    """
    pulse = library.create_weight_update_model(
        "pulse", params=[("width", "int")], extra_global_params=[("w", "scalar*")],
        pre_spike_syn_code="addToPost(w[((int64_t)id_pre * width) + id_post]);",
    )  # fmt: skip
    synapses = model.add_synapse_population(
        f"to_{target.name}", "DENSE", source, target,
        library.init_weight_update(pulse, {"width": len(w)}),
        library.init_postsynaptic("DeltaCurr"),
    )  # fmt: skip
    synapses.extra_global_params["w"].set_init_values(w.T.ravel())


def spike_times(x: Any) -> tuple[Any, Any, Any]:
    """Where each input's times begin and end, and the times; x: (time, n)."""
    at, times = np.nonzero(x.T)
    end = np.cumsum(np.bincount(at, minlength=x.shape[1]))
    return np.concatenate([[0], end[:-1]]), end, times


if __name__ == "__main__":
    main()
