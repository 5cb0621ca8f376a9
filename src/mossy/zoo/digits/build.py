"""Train `digits` anew, measure it, and write network.nir and the measured fields of card.toml.

    python -m mossy.zoo.digits.build          # under a minute on one core

64 pixels - 128 - 64 - 10 LIF neurons, no biases; the class is the output neuron with the most
spikes. tau is 16 steps, so the leak 1 - dt/tau = 15/16 is exact in fixed point. Equal seeds give
equal weights on one machine, where one thread keeps the order of sums; another BLAS may round
otherwise and give a network as good but not the same, which is why the card holds a hash.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import (  # type: ignore[import-untyped]  # comes with scikit-learn; no stubs
    threadpool_limits,
)

from mossy import zoo
from mossy.network import nir, reference
from mossy.network.graph import build, network_hash
from mossy.network.nodes import LIF, Input, Linear, Network, Node, Output
from mossy.signals.decode import accuracy, spike_count
from mossy.signals.encode import regular
from mossy.zoo.digits.bptt import THRESHOLD, Array, Leak
from mossy.zoo.digits.data import images
from mossy.zoo.digits.train import Recipe, train

HERE = Path(__file__).parent
TAU = 16e-3
SIZES = (64, 128, 64, 10)
SEED = 0


def network(weights: Sequence[Array], leak: Leak) -> Network:
    """Return the chain input, fc1, lif1, fc2, lif2, ..., output for weights (out, in)."""
    nodes: dict[str, Node] = {"input": Input((weights[0].shape[1],))}
    for k, weight in enumerate(weights, start=1):
        n = len(weight)
        nodes[f"fc{k}"] = Linear(np.asarray(weight, np.float64))
        nodes[f"lif{k}"] = LIF(
            tau=np.full(n, leak.tau),
            r=np.ones(n),
            v_leak=np.zeros(n),
            v_threshold=np.full(n, THRESHOLD),
            v_reset=np.zeros(n),
        )
    nodes["output"] = Output((len(weights[-1]),))
    chain = list(nodes)
    return build(nodes, pairwise(chain), leak.dt, "euler", "node", "digits")


def measure(
    net: Network, x: NDArray[np.bool_], y: NDArray[np.int64]
) -> tuple[float, dict[str, float]]:
    """Return accuracy in float and mean spikes per inference by node. x: (n, time, 64)."""
    layers = [name for name, node in net.nodes.items() if isinstance(node, LIF)]
    signals = reference.run(net, x, record=["input", *layers])
    spikes = {name: float(signals[name].sum()) / len(x) for name in ("input", *layers)}
    return accuracy(spike_count(signals["output"]), y), spikes


def rewrite(text: str, values: dict[str, str]) -> str:
    """Return TOML `text` with the value of each named key replaced; comments stay."""
    for key, value in values.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        if found != 1:
            raise ValueError(f"card.toml must hold {key} once, found {found} times")
    return text


def fit(recipe: Recipe, steps: int) -> list[Array]:
    """Return trained weights, showing progress."""
    pixels, labels = images("train")
    weights: list[Array] = []
    columns = (
        TextColumn("training"), BarColumn(), MofNCompleteColumn(),
        TextColumn("epochs, loss {task.fields[loss]:.3f}"), TimeRemainingColumn(),
    )  # fmt: skip
    with threadpool_limits(1), Progress(*columns) as bar:
        task = bar.add_task("", total=recipe.epochs, loss=float("nan"))
        for loss, weights in train(pixels, labels, partial(regular, steps=steps), recipe):  # noqa: B007
            bar.update(task, advance=1, loss=loss)
    return weights


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--seed", type=int, default=SEED, help="of weights, order and augmentation")
    options = parser.parse_args()
    card = zoo.card("digits")
    leak = Leak(TAU, card.dt)
    net = network(fit(Recipe(leak, SIZES, options.seed), card.steps), leak)
    pixels, labels = images("test")
    share, spikes = measure(net, regular(pixels, card.steps), labels)
    nir.write(net, options.out / "network.nir")
    measured = {
        "accuracy_float": f"{share:.4f}",
        "network_hash": f'"{network_hash(net)}"',
        **{name: f"{count:.2f}" for name, count in spikes.items()},
    }
    text = rewrite((HERE / "card.toml").read_text("utf-8"), measured)
    (options.out / "card.toml").write_text(text, "utf-8")
    print(f"test accuracy {share:.2%} of {len(labels)} images; spikes per image:", end=" ")
    print(", ".join(f"{name} {count:.1f}" for name, count in spikes.items()))


if __name__ == "__main__":
    main()
