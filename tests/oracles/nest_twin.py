"""The networks that NEST runs: on mossy's neuron model in a plain loop, and compiled and run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.chips import chip
from mossy.network.populations import Population, Populations, Projection
from mossy.network.recipe import Recipe, constant
from mossy.neurons.if_curr_exp import coefficients
from mossy.neurons.model import Model
from mossy.passes.options import Options
from mossy.passes.pipeline import Header, assemble
from mossy.passes.quantise import quantise
from mossy.program import Program
from tests.oracles.nest_exchange import Floats, Given, Ints, Trace, ordered

PICO, MILLI = 1e-12, 1e-3


def parameters(given: Given) -> dict[str, Floats]:
    """Return the float model's parameters, in SI units."""
    found = coefficients(
        given.dt * MILLI,
        tau_m=given.tau_m * MILLI,
        c_m=given.c_m * PICO,
        tau_exc=given.tau_exc * MILLI,
        tau_inh=given.tau_inh * MILLI,
        v_rest=given.e_l * MILLI,
        v_reset=given.v_reset * MILLI,
        v_thresh=given.v_th * MILLI,
        tau_refrac=given.t_ref * MILLI,
        i_offset=given.i_e * PICO,
    )
    return found | {"unit": np.asarray(given.grain * PICO)}


class Rows:
    """Synapses sorted by what sends, to be added to a ring of sums: (slots, 2 x neurons)."""

    def __init__(self, n: int, pre: Ints, post: Ints, weight: Ints, delay: Ints) -> None:
        order = np.argsort(pre, kind="stable")
        self.start = np.searchsorted(pre[order], np.arange(n + 1))
        self.column = 2 * post[order] + (weight[order] < 0)
        self.weight, self.delay = np.abs(weight[order]), delay[order]

    def deliver(self, senders: Ints, step: int, ring: NDArray[Any]) -> None:
        """Add the weights of all synapses of the senders of `step` where they are due."""
        for i in senders.tolist():
            part = slice(self.start[i], self.start[i + 1])
            slot = (step + self.delay[part]) % len(ring)
            np.add.at(ring, (slot, self.column[part]), self.weight[part])


def stepped(given: Given, model: Model) -> Trace:
    """Return what the neuron model does, its compiled population loop called once a step."""
    n = given.neurons
    params, state = np.zeros(n, model.params), np.zeros((1, n), model.state)
    for name, value in parameters(given).items():
        params[name] = value
    state["v"] = (given.v_m - given.e_l) * MILLI
    ring = np.zeros((1, 1 + max(given.delay.max(), given.x_delay.max()), 2 * n), model.drive)
    recurrent = Rows(n, given.pre, given.post, given.weight, given.delay)
    inputs = Rows(given.channels, given.x_pre, given.x_post, given.x_weight, given.x_delay)
    fired, sent = np.zeros((1, n), np.int32), np.zeros((1, n), np.int32)
    count = np.zeros(1, np.int32)
    steps, neurons, v = [], [], np.empty((given.steps, len(given.watched)))
    ends = np.searchsorted(given.x_step, np.arange(given.steps + 1))
    for k in range(given.steps):
        model.update(state, params, ring, k % ring.shape[1], 0, (), fired, sent, count)
        now = fired[0, : count[0]].astype(np.int64)
        recurrent.deliver(now, k, ring[0])
        inputs.deliver(given.x_channel[ends[k] : ends[k + 1]], k, ring[0])
        steps.append(np.full(len(now), k))
        neurons.append(now)
        v[k] = state["v"][0, given.watched]
    return ordered(np.concatenate(steps), np.concatenate(neurons), v / MILLI + given.e_l)


# ------------------------------------------------------------------------------- compiled
def program(given: Given, model: str, per_core: int | None = None) -> Program:
    """Return the network compiled for a processor: populations "in" and "cells"."""
    cpu, options = chip("cpu"), Options(neurons_per_core=per_core)
    cells = {k: np.broadcast_to(v, given.neurons) for k, v in parameters(given).items()}
    cells["v_init"] = (given.v_m - given.e_l) * MILLI
    whole = Populations(
        (_population("in", given.channels, "source", {}),
         _population("cells", given.neurons, model, cells)),
        (_projection(given, "in", given.x_pre, given.x_post, given.x_weight, given.x_delay),
         _projection(given, "cells", given.pre, given.post, given.weight, given.delay)),
        {"in": "in"},
        {"out": "cells"},
    )  # fmt: skip
    registers = quantise(whole, cpu, options, None)
    header = Header("random", "", given.dt * MILLI, "exact", "node")
    return assemble(whole, registers, cpu, options, header)[0]


def _population(name: str, n: int, model: str, params: dict[str, Floats]) -> Population:
    return Population(name, name, (n,), model, params, False, "spikes", False, 0)


def _projection(
    given: Given, source: str, pre: Ints, post: Ints, weight: Ints, delay: Ints
) -> Projection:
    n = {"in": given.channels, "cells": given.neurons}
    recipe = Recipe(
        "listed", n[source], n["cells"], constant(0), constant(1), 0,
        pre=pre, post=post,
        weights=(weight * (given.grain * PICO)).astype(np.float64), delays=delay,
    )  # fmt: skip
    none = np.zeros(n[source], np.int64), np.zeros(n["cells"], np.int64)
    return Projection(source, source, "cells", recipe, *none, source == "cells")


def compiled(
    given: Given, compiled: Program, engine: str, threads: int, steps: int, states: bool = False
) -> Trace:
    """Return what an engine makes of the first `steps` steps; V only where `states`."""
    x = np.zeros((1, steps, given.channels), bool)
    soon = given.x_step < steps
    x[0, given.x_step[soon], given.x_channel[soon]] = True
    result = compiled.run(
        x, engine=engine, threads=threads, record=["cells"], states=["cells"] * states
    )
    step, neuron = np.nonzero(result.spikes["cells"][0, :steps])
    v = np.zeros((0, len(given.watched)))
    if states:
        v = result.states["cells"]["v"][0, :steps][:, given.watched] / MILLI + given.e_l
    return ordered(step, neuron, v)
