"""A small random network with its inputs, and the command line as a function."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from mossy.cli import app
from mossy.network import nir
from mossy.network import nodes as nd
from mossy.network.graph import build

SIZES = (12, 20, 5)
BATCH, STEPS = 6, 10


def network(*, potential: bool = False, reset: nd.Reset = "node") -> nd.Network:
    """Two layers of LIF neurons, the last one without threshold where `potential`."""
    rng = np.random.default_rng(7)
    nodes: dict[str, nd.Node] = {"input": nd.Input((SIZES[0],))}
    edges, last = [], "input"
    for i, (n_in, n_out) in enumerate(pairwise(SIZES), start=1):
        tau, one, zero = (np.full(n_out, v) for v in (10e-3, 1.0, 0.0))
        nodes[f"fc{i}"] = nd.Linear(rng.normal(2.0, 6.0, (n_out, n_in)))
        readout = potential and i == len(SIZES) - 1
        nodes[f"lif{i}"] = nd.LI(tau, one, zero) if readout else nd.LIF(tau, one, zero, one, zero)
        edges += [(last, f"fc{i}"), (f"fc{i}", f"lif{i}")]
        last = f"lif{i}"
    nodes["output"] = nd.Output((SIZES[-1],))
    return build(nodes, [*edges, (last, "output")], dt=1e-3, reset=reset, name="toy")


def inputs() -> NDArray[np.bool_]:
    """Spikes (BATCH, STEPS, SIZES[0])."""
    return np.random.default_rng(8).random((BATCH, STEPS, SIZES[0])) < 0.3


def labels() -> NDArray[np.int64]:
    """Class indices (BATCH,)."""
    return np.arange(BATCH) % SIZES[-1]


def files(folder: Path) -> tuple[str, str, str]:
    """Write net.nir, x.npy and y.npy into `folder` and return their paths."""
    net, x, y = (str(folder / name) for name in ("net.nir", "x.npy", "y.npy"))
    nir.write(network(), net)
    np.save(x, inputs())
    np.save(y, labels())
    return net, x, y


def mossy(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


def printed(*arguments: object) -> Any:
    """Run with --json and return the one document on standard output."""
    result = mossy(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def mistake(*arguments: object) -> str:
    """Run what must be refused and return its one message."""
    result = mossy(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (message,) = result.stderr.splitlines()
    return message
