"""Neurons of snnTorch: Leaky, RLeaky, Synaptic, RSynaptic.

    Leaky      v <- beta v + x            Synaptic   i <- alpha i + x;  v <- beta v + i
    spike      s = 1 if v > threshold
    "subtract" v <- ... - threshold s(t-1)           (one step after the spike, not decayed)
    "zero"     Leaky: v is zeroed, then decays and adds x, as mossy does at the spike itself

mossy subtracts at the spike, so by the next step only beta * threshold is missing. The rest,
-(1 - beta) threshold s(t-1), is put in by a feedback of each neuron to itself, the node
`<name>.reset`. In Synaptic it would decay as a current, so a second one, a step later, takes away
alpha times the first. Both are exact. Options that change what a spike is are refused, as are
those whose state mossy cannot keep; snnTorch's own export to NIR leaves them out in silence
(snntorch 1.0.0, export_nir.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.importers.pieces import Piece, Setting, array, refuse, tau
from mossy.importers.torch_layers import conv2d
from mossy.network import nodes as nd
from mossy.network.nodes import Array, Node, Reset


def leaky(module: Any, setting: Setting, where: str) -> Piece:
    """Return snntorch.Leaky, or RLeaky if it has a recurrent part."""
    _check(module, where)
    recurrent = getattr(module, "recurrent", None)
    zero = module.reset_mechanism == "zero"
    if zero and recurrent is not None and module.reset_delay:
        raise _late_zero(where)
    beta, threshold = np.clip(array(module.beta), 0, 1), array(module.threshold)
    rest = np.zeros(())
    if (beta == 1).all():
        return _with_recurrence(Piece({"": nd.IF(np.ones(()), threshold, rest)}), module, where)
    node = nd.LIF(tau(beta, setting, where, "beta"), 1 / (1 - beta), rest, threshold, rest)
    piece = Piece({"": node}, reset="node")
    if not zero:
        piece = _late_subtract(piece, -(1 - beta) * threshold, setting, None)
    return _with_recurrence(piece, module, where)


def synaptic(module: Any, setting: Setting, where: str) -> Piece:
    """Return snntorch.Synaptic, or RSynaptic if it has a recurrent part."""
    _check(module, where)
    zero = module.reset_mechanism == "zero"
    if zero and module.reset_delay:
        raise _late_zero(where)
    alpha, beta = (np.clip(array(a), 0, 1) for a in (module.alpha, module.beta))
    threshold, rest = array(module.threshold), np.zeros(())
    node = nd.CubaLIF(
        tau(alpha, setting, where, "alpha"),
        tau(beta, setting, where, "beta"),
        1 / (1 - beta),
        rest,
        threshold,
        rest,
        1 / (1 - alpha),
    )
    piece = Piece({"": node}, reset="node")
    if not zero:
        piece = _late_subtract(piece, -(1 - beta) * threshold, setting, alpha)
    return _with_recurrence(piece, module, where)


def _check(module: Any, where: str) -> None:
    if module.reset_mechanism == "none":
        raise refuse(
            where,
            "spikes without a reset are not supported",
            got="reset_mechanism='none'",
            allowed="'subtract', 'zero'",
            hint="to read potentials, end the network before this module",
        )
    if module.reset_mechanism == "subtract" and not module.reset_delay:
        raise refuse(
            where,
            "reset_delay=False with 'subtract' counts a reset twice where v is above 2 thresholds",
            hint="reset_delay=True, or reset_mechanism='zero'",
        )
    for option, plain in (("inhibition", False), ("state_quant", False)):
        if getattr(module, option) is not plain:
            raise refuse(where, f"option {option} is not supported", allowed=f"{option}={plain}")
    if (array(module.graded_spikes_factor) != 1).any():
        raise refuse(
            where,
            "graded spikes are not supported",
            got=f"graded_spikes_factor={array(module.graded_spikes_factor)}",
            hint="multiply the next layer's weights by the factor",
        )
    # The surrogate's forward function decides what a spike is; some draw it or grade it.
    probe = module.threshold.detach().new_tensor([-1.0, -1e-3, 0.0, 1e-3, 1.0])
    if not np.array_equal(array(module.spike_grad(probe)), [0, 0, 0, 1, 1]):
        raise refuse(
            where,
            "the surrogate's forward value is not 1 above threshold and 0 else",
            got=array(module.spike_grad(probe)).round(3).tolist(),
            hint="snntorch.surrogate.atan() or fast_sigmoid()",
        )


def _late_zero(where: str) -> Exception:
    return refuse(
        where,
        "this module loses the input of the step after a spike, which mossy cannot express",
        got="reset_mechanism='zero', reset_delay=True",
        hint="reset_delay=False, or reset_mechanism='subtract'",
    )


def _late_subtract(piece: Piece, rest: Array, setting: Setting, alpha: Array | None) -> Piece:
    """Return the piece with the part of the subtraction that mossy's own leaves over."""
    shape = setting.out_shape
    nodes: dict[str, Node] = {**piece.nodes, ".reset": nd.Scale(np.broadcast_to(rest, shape))}
    edges = [("", ".reset"), (".reset", "")]
    if alpha is not None:
        nodes[".reset_delay"] = nd.Delay(np.full(shape, setting.dt))
        nodes[".reset_end"] = nd.Scale(np.broadcast_to(-alpha * rest, shape))
        edges += [("", ".reset_delay"), (".reset_delay", ".reset_end"), (".reset_end", "")]
    return Piece(nodes, tuple(edges), reset="subtract")


def _with_recurrence(piece: Piece, module: Any, where: str) -> Piece:
    """Return the piece with its recurrent layer; its bias goes to the layer in front.

    A recurrent bias acts at the first step too, when a feedback edge still carries zero.
    """
    reset: Reset = "node" if module.reset_mechanism == "zero" else "subtract"
    recurrent = getattr(module, "recurrent", None)
    if recurrent is None:
        return Piece(piece.nodes, piece.edges, reset=reset)
    kind, bias = type(recurrent).__name__, None
    layer: Node
    if kind == "RecurrentOneToOne":
        layer = nd.Scale(array(recurrent.V))
    elif kind == "Linear":
        bias = None if recurrent.bias is None else array(recurrent.bias)
        layer = nd.Linear(array(recurrent.weight))
    elif kind == "Conv2d":
        bias = None if recurrent.bias is None else array(recurrent.bias)
        conv = _conv_node(recurrent, where)
        layer = nd.Conv2d(
            conv.weight, conv.bias * 0, conv.stride, conv.padding, conv.dilation, conv.groups
        )
    else:
        raise refuse(where, "unknown recurrent layer", got=kind)
    nodes = {**piece.nodes, ".w_rec": layer}
    edges = (*piece.edges, ("", ".w_rec"), (".w_rec", ""))
    return Piece(nodes, edges, bias=bias, reset=reset)


def _conv_node(module: Any, where: str) -> nd.Conv2d:
    node = conv2d(module, Setting(1.0, "euler", (), ()), where).nodes[""]
    assert isinstance(node, nd.Conv2d)
    return node


NEURONS = {
    "snntorch._neurons.leaky.Leaky": leaky,
    "snntorch._neurons.rleaky.RLeaky": leaky,
    "snntorch._neurons.synaptic.Synaptic": synaptic,
    "snntorch._neurons.rsynaptic.RSynaptic": synaptic,
}
