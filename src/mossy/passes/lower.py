"""Lower: fold a network's linear nodes into projections between populations.

Before: a checked `Network`. After: `Populations`, where every neuron model is `lif`, `cuba_lif`,
`sigma_delta` or one of `own_neurons`, with per-step coefficients (see network/populations.py) and
every path of linear nodes is one matrix or one convolution. Constant biases move into the offsets.
A spike is worth its weight once per step in every model.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from mossy.errors import UnsupportedNode
from mossy.network import graph
from mossy.network import nodes as nd
from mossy.network.nodes import Network, Node, Shape
from mossy.network.populations import Array, Conv, Population, Populations, Projection
from mossy.passes import own_neurons
from mossy.synapses import conv2d

INF = np.inf
WHOLE = 1e-6  # of a step: closer to a whole number is a float's rounding, not the user's wish


@dataclass(frozen=True, eq=False)
class Path:
    """A chain of linear nodes that begins at `source` and ends before `target`.

    feedback: how many of its edges carry the value of the step before.
    """

    source: str
    nodes: tuple[str, ...]
    target: str
    feedback: int


def lower(net: Network) -> Populations:
    """Return `net` as populations and projections. Raises UnsupportedNode E0136, E0210."""
    back = graph.feedback_edges(net)
    ends = [k for k in graph.order(net) if isinstance(net.nodes[k], (*nd.STATEFUL, nd.Output))]
    populations = [_source(net, k) for k in net.inputs]
    projections: list[Projection] = []
    outputs: dict[str, str] = {}
    for name in ends:
        paths = _paths(net, name, back)
        node = net.nodes[name]
        if isinstance(node, nd.Output):
            if len(paths) == 1 and not _has_effect(net, paths[0]):
                outputs[name] = paths[0].source
                continue
            node = nd.Threshold(np.full(net.shapes[name][0], INF))
            outputs[name] = name
        bias: Array = np.zeros(int(np.prod(net.shapes[name][0], dtype=np.int64)))
        for i, path in enumerate(paths):
            projection, b = _project(net, path, f"{path.source}->{name}" + (f"#{i}" if i else ""))
            projections.append(projection)
            bias = bias + b
        populations.append(_population(net, name, node, bias))
    return with_depths(
        Populations(
            tuple(populations),
            tuple(projections),
            {k: k for k in net.inputs},
            outputs,
            tuple(_told(net) + _rounded_delays(net)),
        )
    )


def _told(net: Network) -> list[str]:
    """What the file that the network came from has to say to the user."""
    return [net.metadata["note"]] if net.metadata.get("note") else []


def _rounded_delays(net: Network) -> list[str]:
    """What to tell the user of delays that are no whole number of steps."""
    notes = []
    for name, node in net.nodes.items():
        if isinstance(node, nd.Delay):
            steps = node.delay / net.dt
            off = float(np.abs(steps - np.rint(steps)).max(initial=0))
            if off > WHOLE:
                notes.append(f"{name}: delays are rounded to whole steps, by up to {off:.2g} steps")
    return notes


def _has_effect(net: Network, path: Path) -> bool:
    return any(not isinstance(net.nodes[k], nd.Flatten) for k in path.nodes) or isinstance(
        net.nodes[path.source], nd.Input
    )


def _paths(net: Network, target: str, back: Any) -> list[Path]:
    """All chains of linear nodes that end at `target`, in graph order."""
    found: list[Path] = []

    def walk(name: str, behind: tuple[str, ...], feedback: int) -> None:
        for source in net.sources(name):
            loops = feedback + ((source, name) in back)
            if isinstance(net.nodes[source], nd.LINEAR):
                walk(source, (source, *behind), loops)
            else:
                found.append(Path(source, behind, target, loops))

    walk(target, (), 0)
    return found


def _source(net: Network, name: str) -> Population:
    return Population(name, name, net.shapes[name][1], "source", {}, False, "spikes", False, 0)


def _population(net: Network, name: str, node: Node, bias: Array) -> Population:
    shape = net.shapes[name][0]
    n = int(np.prod(shape, dtype=np.int64))

    def flat(x: Any) -> Array:
        return np.broadcast_to(np.asarray(x, float), shape).reshape(n).copy()

    def leak(tau: Any) -> tuple[Array, Array]:
        r = net.dt / flat(tau)
        return (1 - r, r) if net.integrator == "euler" else (np.exp(-r), -np.expm1(-r))

    if isinstance(node, nd.SigmaDelta):
        _no_ramp(name, bias)
        p = {"threshold": flat(node.threshold), "offset": flat(node.bias), "gain": flat(1)}
        return Population(name, name, shape, "sigma_delta", p, False, "spikes", False, 0)
    if isinstance(node, nd.ResonateFire | nd.AdaptiveLIF | nd.GradedLIF):
        own_neurons.no_bias(name, node, bias)
    if isinstance(node, nd.ResonateFire):
        p = own_neurons.resonate_fire(node, net.dt, flat, lambda tau: leak(tau)[0])
        return Population(name, name, shape, "resonate_fire", p, False, "spikes", False, 0)
    if isinstance(node, nd.AdaptiveLIF):
        p = own_neurons.adaptive_lif(node, flat, lambda tau: leak(tau)[0])
        return Population(name, name, shape, "adaptive_lif", p, False, "spikes", False, 0)
    if isinstance(node, nd.GradedLIF):
        p = own_neurons.graded_lif(node, flat, lambda tau: leak(tau)[0])
        return Population(name, name, shape, "graded_lif", p, False, "spikes", False, 0)
    p = {"threshold": flat(INF), "v_reset": flat(0)}
    model: Any = "lif"
    if isinstance(node, nd.IF | nd.LIF | nd.CubaLIF):
        p |= {"threshold": flat(node.v_threshold), "v_reset": flat(node.v_reset)}
    if isinstance(node, nd.Threshold):
        p |= {"threshold": flat(node.threshold), "alpha": flat(0), "gain": flat(1)}
        p["offset"] = bias
    elif isinstance(node, nd.I | nd.IF):
        p |= {"alpha": flat(1), "gain": flat(node.r), "offset": flat(node.r) * bias}
    elif isinstance(node, nd.LI | nd.LIF):
        p["alpha"], g = leak(node.tau)
        p["gain"] = g * flat(node.r)
        p["offset"] = g * flat(node.v_leak) + p["gain"] * bias
    elif isinstance(node, nd.CubaLI | nd.CubaLIF):
        model = "cuba_lif"
        p["alpha"], g = leak(node.tau_mem)
        p["alpha_syn"], g_syn = leak(node.tau_syn)
        p["gain"], p["gain_syn"] = g * flat(node.r), g_syn * flat(node.w_in)
        p["offset"], p["offset_syn"] = g * flat(node.v_leak), p["gain_syn"] * bias
    else:
        raise TypeError(f"{name}: no population for a {type(node).__name__}")
    spikes = isinstance(node, nd.SPIKING) and bool(np.isfinite(p["threshold"]).any())
    graded = not spikes and any(not isinstance(net.nodes[k], nd.Output) for k in net.targets(name))
    subtract = net.reset == "subtract" and isinstance(node, nd.IF | nd.LIF | nd.CubaLIF)
    readout: Any = "spikes" if spikes else "potential"
    return Population(name, name, shape, model, p, subtract, readout, graded, 0)


def _no_ramp(name: str, bias: Array) -> None:
    """Raise UnsupportedNode E0136 where a constant would be added to a sum of changes each step."""
    if bias.any():
        raise UnsupportedNode(
            "E0136",
            "a bias reaches a SigmaDelta, which would add it to its sum again in every step",
            where=name,
            got=f"{int(np.count_nonzero(bias))} of {bias.size} biases that are not 0",
            allowed="layers without bias in front of a SigmaDelta",
            hint="give the constant to the SigmaDelta itself: SigmaDelta(threshold, bias)",
        )


@dataclass
class _Chain:
    """A path of linear nodes while it is being composed."""

    shape: Shape
    matrix: sparse.csr_array | None  # None: identity so far
    conv: Conv | None
    pool: tuple[int, int] | None
    gain: float
    bias: Array
    before: Array  # delay in steps, per source neuron
    after: Array  # delay in steps, per element here


def _project(net: Network, path: Path, name: str) -> tuple[Projection, Array]:
    shape = net.shapes[path.source][1]
    n = int(np.prod(shape, dtype=np.int64))
    chain = _Chain(shape, None, None, None, 1.0, np.zeros(n), np.zeros(n), np.zeros(n))
    for k in path.nodes:
        _extend(chain, net, k)
    weight: sparse.csr_array | Conv
    even = all((d == d[:1]).all() for d in (chain.before, chain.after))
    if chain.conv is not None and chain.matrix is None and even:  # a kernel has one delay
        weight = dataclasses.replace(chain.conv, weight=chain.conv.weight * chain.gain)
    else:
        weight = sparse.csr_array(_matrix(chain))
        weight.eliminate_zeros()
    steps = [np.rint(d).astype(np.int64) for d in (chain.before, chain.after)]
    steps[0] += max(path.feedback - 1, 0)  # `align` adds the step of the first feedback edge
    return Projection(
        name, path.source, path.target, weight, steps[0], steps[1], path.feedback > 0
    ), chain.bias


def _matrix(chain: _Chain) -> sparse.csr_array:
    """The chain so far as one matrix (targets, sources)."""
    if chain.matrix is not None:
        return chain.matrix
    if chain.conv is not None:
        return sparse.csr_array(conv2d.matrix(chain.conv) * chain.gain)
    if chain.pool is not None:
        return _pool_matrix(chain.shape, chain.pool, chain.pool) * chain.gain
    n = int(np.prod(chain.shape, dtype=np.int64))
    return sparse.csr_array(sparse.eye_array(n, format="csr") * chain.gain)


def _extend(chain: _Chain, net: Network, name: str) -> None:
    """Put one linear node behind the chain."""
    node = net.nodes[name]
    shape_in, shape_out = net.shapes[name]
    if isinstance(node, nd.Flatten):
        return
    if isinstance(node, nd.Delay):
        steps = np.rint(np.broadcast_to(node.delay, shape_in).reshape(-1) / net.dt)
        identity = chain.matrix is None and chain.conv is None and chain.pool is None
        if identity:
            chain.before = chain.before + steps
        else:
            chain.after = chain.after + steps
        return
    if isinstance(node, nd.SumPool2d | nd.AvgPool2d):
        plain = node.kernel_size == node.stride and node.padding == (0, 0)
        fresh = chain.matrix is None and chain.conv is None and chain.pool is None
        area = node.kernel_size[0] * node.kernel_size[1]
        gain = 1 / area if isinstance(node, nd.AvgPool2d) else 1.0
        if plain and fresh and len(shape_in) == 3 and not chain.bias.any():
            chain.pool, chain.gain, chain.shape = node.kernel_size, chain.gain * gain, shape_in
            chain.bias = np.zeros(int(np.prod(shape_out, dtype=np.int64)))
            chain.after = np.zeros(chain.bias.size)
            return
        step = _pool_matrix(shape_in, node.kernel_size, node.stride, node.padding) * gain
        _apply(chain, step, None, name)
        return
    if isinstance(node, nd.Conv2d):
        conv = _conv(node, chain, shape_in, shape_out)
        if conv is not None:
            _, out_y, out_x = shape_out
            unpooled = dataclasses.replace(conv, pool=(1, 1), in_shape=_three(shape_in))
            chain.bias = conv2d.matrix(unpooled) @ chain.bias + np.repeat(node.bias, out_y * out_x)
            chain.after = np.zeros(chain.bias.size)
            chain.conv, chain.pool = conv, None
            return
    _apply(chain, *_step_matrix(node, shape_in, shape_out), name)


def _conv(node: nd.Conv2d, chain: _Chain, shape_in: Shape, shape_out: Shape) -> Conv | None:
    """The convolution as a kernel where it is the chain's first weight, else None."""
    first = chain.matrix is None and chain.conv is None and not chain.after.any()
    if not first or node.groups != 1 or node.dilation != (1, 1) or len(shape_in) != 3:
        return None
    padding = conv_padding(node, shape_in, shape_out)
    pool = chain.pool or (1, 1)
    full = chain.shape if chain.pool else shape_in
    return Conv(node.weight, _three(full), _three(shape_out), node.stride, padding, pool)


def _three(shape: Shape) -> tuple[int, int, int]:
    return shape[0], shape[1], shape[2]


def conv_padding(node: nd.Conv2d, shape_in: Shape, shape_out: Shape) -> tuple[int, int]:
    """The leading padding of both axes; the trailing one follows from the output shape."""
    if node.padding == "valid":
        return (0, 0)
    if node.padding != "same":
        return node.padding
    pads = []
    for axis in (0, 1):
        span = node.dilation[axis] * (node.weight.shape[2 + axis] - 1) + 1
        total = max(0, (shape_out[1 + axis] - 1) * node.stride[axis] + span - shape_in[1 + axis])
        pads.append(total // 2)
    return pads[0], pads[1]


def _apply(chain: _Chain, step: sparse.csr_array, bias: Array | None, name: str) -> None:
    delays = np.unique(chain.after)
    if delays.size > 1:
        raise UnsupportedNode(
            "E0210",
            "a delay that differs between neurons lies between two weight layers",
            where=name,
            got=f"{int(delays.min())} to {int(delays.max())} steps",
            allowed="one delay there, or delays beside a neuron node",
            hint="move the Delay node next to a neuron",
        )
    shape = (step @ np.zeros(step.shape[1])).shape
    before = _matrix(chain)
    chain.matrix = sparse.csr_array(step @ before)
    chain.conv, chain.pool, chain.gain = None, None, 1.0
    chain.bias = step @ chain.bias + (0 if bias is None else bias)
    chain.after = np.full(shape, delays[0] if delays.size else 0.0)


def _step_matrix(
    node: Node, shape_in: Shape, shape_out: Shape
) -> tuple[sparse.csr_array, Array | None]:
    if isinstance(node, nd.Scale):
        return sparse.csr_array(sparse.diags_array(_flat(node.scale, shape_in))), None
    if isinstance(node, nd.Linear | nd.Affine):
        w = node.weight.reshape(-1, *node.weight.shape[-2:])
        step = sparse.csr_array(w[0] if len(w) == 1 else sparse.block_diag(list(w), format="csr"))
        bias = _flat(node.bias, shape_out) if isinstance(node, nd.Affine) else None
        return step, bias
    if isinstance(node, nd.Conv1d):
        return _conv1d_matrix(node, shape_in, shape_out)
    if isinstance(node, nd.Conv2d):
        return _conv2d_matrix(node, shape_in, shape_out)
    raise TypeError(f"no matrix for a {type(node).__name__}")


def _flat(x: Any, shape: Shape) -> Array:
    return np.broadcast_to(np.asarray(x, float), shape).reshape(-1).copy()


def _conv1d_matrix(
    node: nd.Conv1d, shape_in: Shape, shape_out: Shape
) -> tuple[sparse.csr_array, Array | None]:
    wide = nd.Conv2d(
        node.weight[:, :, None, :],
        node.bias,
        (1, node.stride),
        node.padding if isinstance(node.padding, str) else (0, node.padding),
        (1, node.dilation),
        node.groups,
    )
    flat_in, flat_out = (shape_in[0], 1, shape_in[1]), (shape_out[0], 1, shape_out[1])
    return _conv2d_matrix(wide, flat_in, flat_out)


def _conv2d_matrix(
    node: nd.Conv2d, shape_in: Shape, shape_out: Shape
) -> tuple[sparse.csr_array, Array | None]:
    """Any convolution as a matrix: dilation as a kernel with holes, groups as blocks."""
    kernel = node.weight
    dy, dx = node.dilation
    holes = np.zeros(
        (*kernel.shape[:2], dy * (kernel.shape[2] - 1) + 1, dx * (kernel.shape[3] - 1) + 1)
    )
    holes[:, :, ::dy, ::dx] = kernel
    padding = conv_padding(node, shape_in, shape_out)
    c_out, c_in = shape_out[0] // node.groups, shape_in[0] // node.groups
    blocks = [
        conv2d.matrix(
            Conv(
                holes[g * c_out : (g + 1) * c_out],
                (c_in, *_three(shape_in)[1:]),
                (c_out, *_three(shape_out)[1:]),
                node.stride,
                padding,
                (1, 1),
            )
        )
        for g in range(node.groups)
    ]
    step = sparse.csr_array(sparse.block_diag(blocks, format="csr"))
    return step, np.repeat(node.bias, shape_out[1] * shape_out[2])


def _pool_matrix(
    shape: Shape, kernel: nd.Pair, stride: nd.Pair, padding: nd.Pair = (0, 0)
) -> sparse.csr_array:
    """Sum pooling as a matrix: a depthwise convolution of ones."""
    channels, (y, x) = int(np.prod(shape[:-2], dtype=np.int64)), shape[-2:]
    out = tuple(
        (n + 2 * p - k) // s + 1 for n, k, s, p in zip((y, x), kernel, stride, padding, strict=True)
    )
    one = conv2d.matrix(
        Conv(np.ones((1, 1, *kernel)), (1, y, x), (1, out[0], out[1]), stride, padding, (1, 1))
    )
    return sparse.csr_array(sparse.block_diag([one] * channels, format="csr"))


def with_depths(populations: Populations) -> Populations:
    """Return the same with each population's longest chain of forward projections from an input."""
    depth = {p.name: 0 for p in populations.populations}
    for _ in populations.populations:
        for j in populations.projections:
            if not j.feedback:
                depth[j.target] = max(depth[j.target], depth[j.source] + 1)
    return dataclasses.replace(
        populations,
        populations=tuple(
            dataclasses.replace(p, depth=depth[p.name]) for p in populations.populations
        ),
    )
