"""N-MNIST: recordings per second on each twin, beside conventional simulations of the same network.

A twin keeps every count of every core and step; the peers compute outputs alone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mossy
from benchmarks.figure import Figure, best, skipped
from benchmarks.scipy_loop import Loop
from examples import nmnist
from mossy.chips import names
from mossy.errors import MossyError
from mossy.network import nodes as nd
from mossy.network import reference

WANTED = 20  # recordings per second
UNIT = "recordings/s"
FEW = 20  # recordings for the slow peers
TIMES = 3
PEERS = ("SciPy, dense in time", "PyTorch, dense", "snnTorch, dense")
ROOT = Path(__file__).parents[1]


def figures(paths: tuple[Path, Path, Path] | None, torch: Path, threads: int) -> Iterator[Figure]:
    """Yield the figures. paths: network, folder of recordings, list of labels."""
    if paths is None:
        yield skipped("N-MNIST", UNIT, "no recordings: give --network, --data and --labels")
        return
    net = mossy.load(paths[0], dt=nmnist.DT)
    x, y = nmnist.recordings(paths[1], paths[2], 100)
    peers = [*_numpy(net, x, y), *_torch(net, x, y, torch, threads)]
    for chip in names():
        yield from _twin(net, chip, x, y, threads)
    yield from peers


def _twin(
    net: nd.Network, chip: str, x: NDArray[np.uint8], y: NDArray[np.int64], threads: int
) -> Iterator[Figure]:
    try:
        program = mossy.compile(net, chip)
    except MossyError as refused:
        yield skipped(f"N-MNIST on {chip}", UNIT, str(refused).splitlines()[0])
        return
    seconds = best(lambda: mossy.compile(net, chip), 2)
    yield Figure(f"compile N-MNIST for {chip}", seconds, "s", remark="warm, best of 2")
    result = program.run(x, threads=threads)
    seconds = min(program.run(x, threads=threads).wall for _ in range(TIMES))
    yield Figure(
        f"N-MNIST on {chip}", len(x) / seconds, UNIT, WANTED,
        remark=f"batch {len(x)}, all counts on, {_right(result.outputs['output'], y)}",
        ratio_to="PyTorch, dense",
    )  # fmt: skip


def _numpy(net: nd.Network, x: NDArray[np.uint8], y: NDArray[np.int64]) -> Iterator[Figure]:
    few, truth = x[:FEW], y[:FEW]
    loop = Loop(net)
    out = loop.run(few)
    yield Figure(
        PEERS[0], FEW / best(lambda: loop.run(few), TIMES), UNIT,
        remark=f"sparse matrices, float32, 1 thread, batch {FEW}, {_right(out, truth)}",
    )  # fmt: skip
    seconds = best(lambda: reference.run(net, few, dtype=np.float32), TIMES)
    yield Figure("mossy's float reference", FEW / seconds, UNIT, remark=f"float32, batch {FEW}")


def _torch(
    net: nd.Network, x: NDArray[np.uint8], y: NDArray[np.int64], python: Path, threads: int
) -> Iterator[Figure]:
    """Run the peers that need PyTorch in an environment of their own."""
    if not python.exists():
        for peer in PEERS[1:]:
            yield skipped(peer, UNIT, f"no {python}")
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "network.npz"
        np.savez(source, x=np.packbits(x), shape=x.shape, **_layers(net))
        done = subprocess.run(
            [python, ROOT / "benchmarks" / "torch_peers.py", source, str(threads)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        for peer in PEERS[1:]:
            yield skipped(peer, UNIT, done.stderr.strip().splitlines()[-1])
        return
    for name, found in json.loads(done.stdout).items():
        if found["seconds"] is None:
            yield skipped(f"{name}, dense", UNIT, found["version"])
            continue
        right = np.mean(np.array(found["answers"]) == y)
        yield Figure(
            f"{name}, dense", len(x) / found["seconds"], UNIT,
            remark=f"{found['version']}, batch {len(x)}, outputs alone, {right:.0%} right",
        )  # fmt: skip


def _layers(net: nd.Network) -> dict[str, Any]:
    """The chain of layers as plain arrays: "0.Conv2d.weight", ..., in order."""
    found: dict[str, Any] = {}
    (name,) = net.inputs
    number = 0
    while net.targets(name):
        (name,) = net.targets(name)
        node = net.nodes[name]
        for key, value in vars(node).items():
            found[f"{number}.{type(node).__name__}.{key}"] = np.asarray(value)
        number += 1
    return found


def _right(out: NDArray[Any], y: NDArray[np.int64]) -> str:
    return f"{(out.sum(axis=1).argmax(axis=1) == y).mean():.0%} right"
