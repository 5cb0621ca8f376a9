"""Layers of torch.nn that work on one step: their parameters as nodes, exactly or not at all.

torch.nn counts the batch as axis 0, a network does not, so the axes of Flatten move by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.importers.pieces import Piece, Setting, array, refuse
from mossy.network import nodes as nd


def linear(module: Any, setting: Setting, where: str) -> Piece:
    """Return torch.nn.Linear as Affine, or Linear if it has no bias."""
    weight = array(module.weight)
    if module.bias is None:
        return Piece({"": nd.Linear(weight)})
    return Piece({"": nd.Affine(weight, array(module.bias))})


def _conv(module: Any, where: str) -> dict[str, Any]:
    if module.padding_mode != "zeros":
        raise refuse(where, "only zero padding is supported", got=module.padding_mode)
    weight = array(module.weight)
    bias = np.zeros(weight.shape[0]) if module.bias is None else array(module.bias)
    return {"weight": weight, "bias": bias, "groups": module.groups}


def conv1d(module: Any, setting: Setting, where: str) -> Piece:
    """Return torch.nn.Conv1d."""
    padding: Any = module.padding if isinstance(module.padding, str) else module.padding[0]
    return Piece(
        {
            "": nd.Conv1d(
                stride=module.stride[0],
                padding=padding,
                dilation=module.dilation[0],
                **_conv(module, where),
            )
        }
    )


def conv2d(module: Any, setting: Setting, where: str) -> Piece:
    """Return torch.nn.Conv2d."""
    return Piece(
        {
            "": nd.Conv2d(
                stride=module.stride,
                padding=module.padding,
                dilation=module.dilation,
                **_conv(module, where),
            )
        }
    )


def avg_pool2d(module: Any, setting: Setting, where: str) -> Piece:
    """Return torch.nn.AvgPool2d. A sum pool is an average pool with divisor_override=1."""
    kernel, padding = _pair(module.kernel_size), _pair(module.padding)
    stride = kernel if module.stride is None else _pair(module.stride)
    if module.ceil_mode:
        raise refuse(where, "ceil_mode is not supported", hint="pad the image instead")
    if padding != (0, 0) and not module.count_include_pad:
        raise refuse(where, "count_include_pad=False is not supported with padding")
    if module.divisor_override == 1:
        return Piece({"": nd.SumPool2d(kernel, stride, padding)})
    if module.divisor_override not in (None, kernel[0] * kernel[1]):
        raise refuse(where, "divisor_override must be 1", got=module.divisor_override)
    return Piece({"": nd.AvgPool2d(kernel, stride, padding)})


def flatten(module: Any, setting: Setting, where: str) -> Piece:
    """Return torch.nn.Flatten with axes counted without the batch."""
    rank = len(setting.in_shape) + 1
    start, end = (d + rank if d < 0 else d for d in (module.start_dim, module.end_dim))
    if start < 1:
        raise refuse(where, "Flatten joins the batch with the signal", hint="start_dim=1")
    return Piece({"": nd.Flatten(start - 1, end - 1)})


def nothing(module: Any, setting: Setting, where: str) -> Piece:
    """Return a module that hands on its input: Identity, and Dropout when not training."""
    if getattr(module, "p", 0) and module.training:
        raise refuse(where, "Dropout is random in training mode", hint="module.eval() first")
    return Piece({})


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


LAYERS = {
    "torch.nn.modules.linear.Linear": linear,
    "torch.nn.modules.conv.Conv1d": conv1d,
    "torch.nn.modules.conv.Conv2d": conv2d,
    "torch.nn.modules.pooling.AvgPool2d": avg_pool2d,
    "torch.nn.modules.flatten.Flatten": flatten,
    "torch.nn.modules.linear.Identity": nothing,
    "torch.nn.modules.dropout.Dropout": nothing,
    "torch.nn.modules.dropout.Dropout1d": nothing,
    "torch.nn.modules.dropout.Dropout2d": nothing,
}
