"""From a NIR graph to a script's network, in the integers and float32 parameters of the chip.

    net, inputs, outputs = s2_nir.from_nir(nir.read("net.nir"), s2_nir.ConversionConfig(dt=1e-4))

With f = dt / tau (FORWARD) or 1 - exp(-dt / tau) (EXPONENTIAL), and w_scale = 127 / max |w| of all
weights into a population (1 without scale_weights):

    LIF       s = w_scale / (f r)           alpha = 1 - f,   threshold = v_threshold s
              i_offset = f v_leak s + bias w_scale
    CubaLIF   s = w_scale / (f r f_syn w_in)    the same, decays 1 - f_syn,
              i_offset = f v_leak s + bias w_scale / f_syn
    IF        s = w_scale / r               alpha = 1,       i_offset = bias w_scale

These are the formulas of py-spinnaker2's s2_nir module, read in public copies. A CubaLIF's bias
acts on the potential at once, as the current that it ends as. NIR does not say dt: no default.
Weights stay fractions until the run cuts them, kernels become 8-bit numbers at once, cut towards
zero, as there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mossy.errors import BadInput, UnsupportedNode
from mossy.network import nir, nodes
from mossy.py_spinnaker2 import ann2snn_helpers as rows
from mossy.py_spinnaker2 import snn

NEURONS = (nodes.LIF, nodes.IF, nodes.CubaLIF)
WEIGHTS = (nodes.Affine, nodes.Linear, nodes.Conv2d)
LARGEST = 127.0
logger = logging.getLogger(__name__)


class IntegratorMethod(StrEnum):
    """How time constants become factors."""

    FORWARD = "Forward-Euler"
    EXPONENTIAL = "Exponential-Euler"


class ResetMethod(StrEnum):
    """What a spike does to the potential."""

    SUBTRACT = "subtract"
    ZERO = "zero"


RESETS = {
    ResetMethod.SUBTRACT: "reset_by_subtraction",
    ResetMethod.ZERO: "reset_to_v_reset",
}


@dataclass
class ConversionConfig:
    """How a graph is converted. dt: seconds of a step, which has to be given."""

    dt: float | None = None
    output_record: list[str] = field(default_factory=lambda: ["spikes"])
    conn_delay: int = 1
    scale_weights: bool = False
    integrator: IntegratorMethod = IntegratorMethod.EXPONENTIAL
    reset: ResetMethod = ResetMethod.SUBTRACT


FIRST = ConversionConfig(integrator=IntegratorMethod.FORWARD, reset=ResetMethod.ZERO)
Converted = tuple[snn.Network, list[snn.Population], list[snn.Population]]


def from_nir(
    nir_model: Any,
    config: ConversionConfig | None = None,
    *,
    outputs: list[str] | None = None,
    discretization_timestep: float | None = None,
    conn_delay: int | None = None,
    scale_weights: bool | None = None,
) -> Converted:
    """Return a network, its input and its output populations. nir_model: a `nir.NIRGraph`.

    The keywords are those of the library's first version, and count before `config`; without one,
    FORWARD and ZERO are taken, as a trace shows that was released with a script of that time.
    Raises BadInput E0115 without a time step, UnsupportedNode E0262 for what the library does not
    convert.
    """
    first = discretization_timestep is not None
    cfg = config or (FIRST if first else ConversionConfig())
    dt = cfg.dt if discretization_timestep is None else discretization_timestep
    delay = cfg.conn_delay if conn_delay is None else conn_delay
    graph = nir.from_nir(nir_model, dt)
    made = _Made(graph, cfg, cfg.scale_weights if scale_weights is None else scale_weights)
    record = cfg.output_record if outputs is None else outputs
    net = snn.Network(graph.name)
    for name, node in graph.nodes.items():
        if isinstance(node, nodes.Input):
            size = int(np.prod(node.shape))
            made.add(name, snn.Population(size, "spike_list", {}, name))
        elif isinstance(node, NEURONS):
            leaves = [b for a, b in graph.edges if a == name]
            seen = any(isinstance(graph.nodes[b], nodes.Output) for b in leaves)
            made.add(name, made.neurons(name, node, list(record) if seen else []))
    net.add(*made.populations.values())
    for name, population in made.populations.items():
        if population.neuron_model != "spike_list":
            net.add(*(made.projection(path, name, delay) for path in made.paths(name)))
    found = net.populations
    inputs = [p for p in found if p.neuron_model == "spike_list"]
    ends = {a for a, b in graph.edges if isinstance(graph.nodes[b], nodes.Output)}
    return net, inputs, [p for name, p in made.populations.items() if name in ends]


def add_output_to_node(node_name: str, nir_model: Any, output_name: str) -> None:
    """Record one more node: give the graph an Output behind it. Raises BadInput E0259."""
    if node_name not in nir_model.nodes or output_name in nir_model.nodes:
        raise BadInput(
            "E0259",
            "the graph lacks the node, or has one of the output's name already",
            where="add_output_to_node",
            got=f"{node_name!r}, {output_name!r}",
            allowed=", ".join(nir_model.nodes),
        )
    like = next(n for n in nir_model.nodes.values() if type(n).__name__ == "Output")
    shape = nir_model.nodes[node_name].output_type["output"]
    nir_model.nodes[output_name] = type(like)(output_type={"output": shape})
    nir_model.edges.append((node_name, output_name))


def model_summary(nir_model: Any) -> None:
    """Log the nodes of a graph with their shapes and successors."""
    for name, node in nir_model.nodes.items():
        after = [b for a, b in nir_model.edges if a == name]
        kind = type(node).__name__
        logger.info("%s %s %s %s -> %s", name, kind, node.input_type, node.output_type, after)


@dataclass
class _Made:
    """Populations by node, while a graph is walked."""

    graph: nodes.Network
    config: ConversionConfig
    scaled: bool
    populations: dict[str, snn.Population] = field(default_factory=dict)

    def add(self, name: str, population: snn.Population) -> None:
        self.populations[name] = population

    def before(self, name: str) -> list[str]:
        return [a for a, b in self.graph.edges if b == name]

    def paths(self, name: str) -> Iterator[list[str]]:
        """Yield what leads to a node, from the population that sends to the node before it."""
        for last in self.before(name):
            path = [last]
            while not isinstance(self.graph.nodes[path[0]], (*NEURONS, nodes.Input)):
                sources = self.before(path[0])
                if len(sources) != 1:
                    raise _refused(path[0], "sums before weights", f"{len(sources)} inputs")
                path.insert(0, sources[0])
            yield path

    def neurons(self, name: str, node: Any, record: list[str]) -> snn.Population:
        before = [self.graph.nodes[a] for a in self.before(name)]
        weights = [n for n in before if isinstance(n, WEIGHTS)]
        largest = max((float(np.abs(n.weight).max(initial=0)) for n in weights), default=0.0)
        w_scale = LARGEST / largest if self.scaled and largest else 1.0
        shape = self.graph.shapes[name][0]
        bias = np.zeros(shape)
        for n in weights:
            if isinstance(n, nodes.Affine | nodes.Conv2d):
                own = n.bias[:, None, None] if isinstance(n, nodes.Conv2d) else n.bias
                bias = bias + own
        convolved = any(isinstance(n, nodes.Conv2d) for n in weights)
        if convolved and isinstance(node, nodes.CubaLIF):
            raise _refused(name, "a convolution into a CubaLIF", "Conv2d")
        model = "lif_conv2d" if convolved else "lif_no_delay"
        params, v_scale = _parameters(node, bias.ravel(), self.config, self.graph.dt, w_scale)
        if isinstance(node, nodes.CubaLIF):
            model = "lif_curr_exp_no_delay"
        made = snn.Population(int(np.prod(shape)), model, params, name, record)
        made.nir_v_scale, made.nir_w_scale = v_scale, w_scale
        return made

    def projection(
        self, path: list[str], name: str, delay: int
    ) -> snn.Projection | snn.Conv2DProjection:
        """Return what a path of weights, pools and flattenings comes to."""
        pre, post = self.populations[path[0]], self.populations[name]
        steps = [(n, self.graph.nodes[n]) for n in path[1:]]
        steps = [(n, node) for n, node in steps if not isinstance(node, nodes.Flatten)]
        kinds = [type(node) for _, node in steps]
        pooled = bool(kinds) and kinds[0] is nodes.SumPool2d
        rest = steps[pooled:]
        if len(rest) > 1 or not (steps and all(isinstance(n, WEIGHTS) for _, n in rest)):
            got = ", ".join(k.__name__ for k in kinds) or "nothing"
            raise _refused(name, "this way from one population to the next", got)
        pool = steps[0] if pooled else None
        if rest and isinstance(rest[0][1], nodes.Conv2d):
            return self._convolution(pre, post, rest[0], pool, delay)
        table: rows.Rows | None = None
        if pool is not None:
            shape = self.graph.shapes[pool[0]][0]
            window: Any = pool[1]
            table, _ = rows.connection_list_for_sumpool2d(
                shape, window.stride, window.kernel_size, window.padding, delay
            )
        if rest:
            layer: Any = rest[0][1]
            dense = rows.connection_list_from_dense_weights(
                layer.weight.T * post.nir_w_scale, delay
            )
            table = dense if table is None else rows.join_conn_lists(table, dense)
        assert table is not None
        return snn.Projection(pre, post, table)

    def _convolution(
        self, pre: snn.Population, post: snn.Population, at: Any, pool: Any, delay: int
    ) -> snn.Conv2DProjection:
        name, conv = at
        if delay or conv.groups != 1 or tuple(conv.dilation) != (1, 1):
            what = f"conn_delay {delay}, groups {conv.groups}, dilation {conv.dilation}"
            raise _refused(name, "a convolution with delay, groups or dilation", what)
        if isinstance(conv.padding, str):
            raise _refused(name, "padding by a word", repr(conv.padding))
        _, height, width = self.graph.shapes[pool[0] if pool else name][0]
        params = {
            "in_height": height,
            "in_width": width,
            "stride_x": conv.stride[0],
            "stride_y": conv.stride[1],
            "pad_top": conv.padding[0],
            "pad_bottom": conv.padding[0],
            "pad_left": conv.padding[1],
            "pad_right": conv.padding[1],
        }
        if pool:
            window = tuple(pool[1].kernel_size)
            if window != tuple(pool[1].stride) or any(pool[1].padding):
                raise _refused(pool[0], "a pool whose windows overlap or have a padding", window)
            params |= {"pool_x": window[0], "pool_y": window[1]}
        weight = np.trunc(conv.weight.swapaxes(0, 1) * post.nir_w_scale)
        kernel = np.clip(weight, -LARGEST, LARGEST).astype(np.int8)
        return snn.Conv2DProjection(pre, post, kernel, params)


def _parameters(
    node: Any, bias: NDArray[np.float64], config: ConversionConfig, dt: float, w_scale: float
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Return a population's parameters, and register units per unit of the graph's potential."""

    def share(tau: NDArray[np.float64]) -> NDArray[np.float64]:
        x = dt / tau.ravel()
        return x if config.integrator is IntegratorMethod.FORWARD else -np.expm1(-x)

    params: dict[str, Any] = {"reset": RESETS[config.reset]}
    if isinstance(node, nodes.IF):
        scale = w_scale / node.r.ravel()
        params |= {"alpha_decay": 1.0, "i_offset": bias * w_scale}
    elif isinstance(node, nodes.LIF):
        f = share(node.tau)
        scale = w_scale / (f * node.r.ravel())
        offset = f * node.v_leak.ravel() * scale + bias * w_scale
        params |= {"alpha_decay": 1 - f, "i_offset": offset}
    else:
        f, syn = share(node.tau_mem), share(node.tau_syn)
        scale = w_scale / (f * node.r.ravel() * syn * node.w_in.ravel())
        offset = f * node.v_leak.ravel() * scale + bias * w_scale / syn
        params |= {"alpha_decay": 1 - f, "i_offset": offset, "t_refrac": 0, "v_reset": 0.0}
        params |= {"exc_decay": 1 - syn, "inh_decay": 1 - syn}
    params["threshold"] = node.v_threshold.ravel() * scale
    return params, scale


def _refused(where: str, what: str, got: object) -> UnsupportedNode:
    return UnsupportedNode(
        "E0262",
        f"the library's NIR import does not take {what}",
        where=f"node {where!r}",
        got=got,
        allowed="[SumPool2d] [Flatten] and one of Affine, Linear, Conv2d between populations",
        hint="mossy.load or mossy.network.nir.from_nir, and mossy.compile, which take more",
    )
