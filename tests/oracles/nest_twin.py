"""The networks that NEST runs, on mossy's neuron model in a plain loop over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.neurons.if_curr_exp import coefficients
from mossy.neurons.model import Model
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
