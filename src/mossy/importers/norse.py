"""Neurons of Norse: the cells for one step, LIFCell, LIFBoxCell, LICell, LIBoxCell, IAFCell and
LIFRecurrentCell.

    LIFCell      i <- i + x;  v <- v + dt tau_mem_inv (v_leak - v + i);  spike;
                 i <- i (1 - dt tau_syn_inv)
    LIFBoxCell   v <- v + dt tau_mem_inv (v_leak - v + x)
    IAFCell      v <- v + x

Norse has inverse time constants in 1/s and a time step of its own, `cell.dt`. Its current jumps
by x and decays after use, which is mossy's Cuba neuron with w_in = 1 / (dt tau_syn_inv). Norse's
own export to NIR (norse 1.1.0, export_nir.py) multiplies its time constants by dt once too often
and leaves w_in and v_reset out. Norse starts at v = v_leak, mossy at 0, so v_leak must be 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mossy.importers.pieces import Piece, Setting, array, refuse, tau
from mossy.network import nodes as nd
from mossy.network.nodes import Array, Node, Reset


def lif(module: Any, setting: Setting, where: str) -> Piece:
    """Return LIFCell."""
    return Piece({"": _cuba(module, setting, where)}, reset="node")


def lif_recurrent(module: Any, setting: Setting, where: str) -> Piece:
    """Return LIFRecurrentCell: its input weights, neurons and recurrent weights."""
    nodes: dict[str, Node] = {
        ".w_in": nd.Linear(array(module.input_weights)),
        "": _cuba(module, setting, where),
        ".w_rec": nd.Linear(array(module.recurrent_weights)),
    }
    edges = ((".w_in", ""), ("", ".w_rec"), (".w_rec", ""))
    return Piece(nodes, edges, entry=".w_in", reset="node")


def lif_box(module: Any, setting: Setting, where: str) -> Piece:
    """Return LIFBoxCell, which resets to a value or by subtraction."""
    p, method = module.p, module.p.reset_method.__name__
    resets: dict[str, Reset] = {"reset_value": "node", "reset_subtract": "subtract"}
    if method not in resets:
        raise refuse(where, "unknown reset method", got=method, allowed=", ".join(resets))
    node = nd.LIF(
        _time(p.tau_mem_inv, module, setting, where, "tau_mem_inv"),
        np.ones(()),
        _at_rest(p.v_leak, where, "v_leak"),
        array(p.v_th),
        array(p.v_reset),
    )
    return Piece({"": node}, reset=resets[method])


def li(module: Any, setting: Setting, where: str) -> Piece:
    """Return LICell."""
    p = module.p
    node = nd.CubaLI(
        _time(p.tau_syn_inv, module, setting, where, "tau_syn_inv"),
        _time(p.tau_mem_inv, module, setting, where, "tau_mem_inv"),
        np.ones(()),
        _at_rest(p.v_leak, where, "v_leak"),
        1 / (setting.dt * array(p.tau_syn_inv)),
    )
    return Piece({"": node})


def li_box(module: Any, setting: Setting, where: str) -> Piece:
    """Return LIBoxCell."""
    p = module.p
    factor = _time(p.tau_mem_inv, module, setting, where, "tau_mem_inv")
    return Piece({"": nd.LI(factor, np.ones(()), _at_rest(p.v_leak, where, "v_leak"))})


def iaf(module: Any, setting: Setting, where: str) -> Piece:
    """Return IAFCell, which has no leak; it starts at v_reset, so that must be 0."""
    v_reset = _at_rest(module.p.v_reset, where, "v_reset")
    return Piece({"": nd.IF(np.ones(()), array(module.p.v_th), v_reset)}, reset="node")


def _cuba(module: Any, setting: Setting, where: str) -> nd.CubaLIF:
    p = module.p
    return nd.CubaLIF(
        _time(p.tau_syn_inv, module, setting, where, "tau_syn_inv"),
        _time(p.tau_mem_inv, module, setting, where, "tau_mem_inv"),
        np.ones(()),
        _at_rest(p.v_leak, where, "v_leak"),
        array(p.v_th),
        array(p.v_reset),
        1 / (setting.dt * array(p.tau_syn_inv)),
    )


def _time(inverse: Any, module: Any, setting: Setting, where: str, what: str) -> Array:
    if not np.isclose(module.dt, setting.dt, rtol=1e-9, atol=0):
        raise refuse(
            where,
            "the module was made for another time step",
            got=f"dt={setting.dt:g}",
            allowed=f"dt={module.dt:g}, the cell's own",
            hint=f"from_torch(..., dt={module.dt:g})",
        )
    return tau(1 - setting.dt * array(inverse), setting, where, f"1 - dt {what}")


def _at_rest(value: Any, where: str, what: str) -> Array:
    if (array(value) != 0).any():
        raise refuse(
            where,
            f"Norse starts at {what}, mossy at 0, so the first steps would differ",
            got=f"{what}={array(value)}",
            allowed=f"{what}=0",
            hint="shift all potentials by it",
        )
    return array(value)


NEURONS = {
    "norse.torch.module.lif.LIFCell": lif,
    "norse.torch.module.lif.LIFRecurrentCell": lif_recurrent,
    "norse.torch.module.lif_box.LIFBoxCell": lif_box,
    "norse.torch.module.leaky_integrator.LICell": li,
    "norse.torch.module.leaky_integrator_box.LIBoxCell": li_box,
    "norse.torch.module.iaf.IAFCell": iaf,
}
