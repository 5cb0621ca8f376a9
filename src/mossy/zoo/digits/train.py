"""Train a chain of LIF layers to give the most spikes at the neuron of the right class.

    loss = cross-entropy(softmax(output spike counts)) + penalty * hidden spikes, both per image

Adam (Kingma and Ba, arXiv:1412.6980) with decoupled weight decay (Loshchilov and Hutter,
arXiv:1711.05101) and a cosine schedule. In every epoch each image is moved by a fraction of a
pixel and its brightness is jittered. Constants were chosen on images held out of the training
split; the test split took no part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mossy.zoo.digits import bptt
from mossy.zoo.digits.bptt import Array, Leak

Labels = NDArray[np.int64]
Encode = Callable[[Array], NDArray[np.bool_]]

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8  # Adam's decay of both moments and its divisor's floor


@dataclass(frozen=True)
class Recipe:
    """How to train. `rate` and `decay` count in units of what a weight adds to v in one step."""

    leak: Leak
    sizes: tuple[int, ...]
    seed: int
    epochs: int = 200
    batch: int = 64
    rate: float = 8e-3
    decay: float = 0.1
    penalty: float = 1e-3  # per hidden spike; ten times less costs twice the spikes
    shift: float = 0.4  # pixels
    jitter: float = 0.1  # of full brightness, standard deviation


def loss_and_gradient(
    weights: Sequence[Array],
    x: Array,
    y: Labels,
    leak: Leak,
    penalty: float,
    spike: Callable[[Array], Array] = bptt.hard,
) -> tuple[float, list[Array]]:
    """Return the loss per image and its gradient. x: (batch, time, in); y: (batch,)."""
    traces = bptt.forward(weights, x, leak, spike)
    counts = traces[-1].s.sum(axis=1)
    logits = counts - counts.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    hidden = sum(float(trace.s.sum()) for trace in traces[:-1])
    loss = float(-log_p[rows, y].mean()) + penalty * hidden / len(y)
    d_counts = np.exp(log_p)
    d_counts[rows, y] -= 1
    price = np.asarray(penalty / len(y), x.dtype)
    direct = [price] * (len(weights) - 1) + [d_counts[:, None] / np.asarray(len(y), x.dtype)]
    return loss, bptt.backward(weights, traces, leak, direct)


def initial(sizes: Sequence[int], leak: Leak, rng: np.random.Generator) -> list[Array]:
    """Return weights (out, in) under which a third to a half of the neurons spike."""
    return [
        (0.7 / leak.gain * rng.normal(size=(n, m)) / np.sqrt(m)).astype(np.float32)
        for m, n in pairwise(sizes)
    ]


def augment(pixels: Array, shift: float, jitter: float, rng: np.random.Generator) -> Array:
    """Return images (n, 64) moved by up to `shift` < 1 pixels, lit pixels jittered."""
    image = pixels.reshape(-1, 8, 8)
    for axis in (1, 2):
        by = rng.uniform(-shift, shift, (len(image), 1, 1))
        padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        before, after = (np.take(padded, range(k, k + 8), axis) for k in (0, 2))
        moved = np.maximum(by, 0) * before + np.maximum(-by, 0) * after
        image = (1 - np.abs(by)) * image + moved
    noise = rng.normal(0, jitter, image.shape) * (image > 0)
    return np.clip(image + noise, 0, 1).reshape(-1, 64)


class _Adam:
    """Weights on their way, with the running moments of their gradients."""

    def __init__(self, weights: Sequence[Array], recipe: Recipe) -> None:
        self.weights, self.recipe, self.steps = list(weights), recipe, 0
        self.mean = [np.zeros_like(w) for w in weights]
        self.square = [np.zeros_like(w) for w in weights]

    def step(self, grads: Sequence[Array], done: float) -> None:
        """Move the weights. done: share of the training that is over, for the schedule."""
        self.steps += 1
        rate = self.recipe.rate * 0.5 * (1 + math.cos(math.pi * done))
        for i, g in enumerate(grads):
            self.mean[i] += (1 - FIRST) * (g - self.mean[i])
            self.square[i] += (1 - SECOND) * (g * g - self.square[i])
            scale = np.sqrt(self.square[i] / (1 - SECOND**self.steps)) + TINY
            move = self.mean[i] / (1 - FIRST**self.steps) / scale / self.recipe.leak.gain
            self.weights[i] = self.weights[i] - rate * (move + self.recipe.decay * self.weights[i])


def train(
    pixels: Array, labels: Labels, encode: Encode, recipe: Recipe
) -> Iterator[tuple[float, list[Array]]]:
    """Yield (mean loss, weights) after every epoch. pixels: (n, 64) in [0, 1]; labels: (n,).

    Images that do not fill a batch sit out the epoch; n must be at least `recipe.batch`.
    """
    rng = np.random.default_rng(recipe.seed)
    adam = _Adam(initial(recipe.sizes, recipe.leak, rng), recipe)
    batches = len(labels) // recipe.batch
    for _ in range(recipe.epochs):
        losses = []
        order = rng.permutation(len(labels))
        for k in range(batches):
            pick = order[k * recipe.batch : (k + 1) * recipe.batch]
            moved = augment(pixels[pick], recipe.shift, recipe.jitter, rng)
            loss, grads = loss_and_gradient(
                adam.weights,
                encode(moved).astype(np.float32),
                labels[pick],
                recipe.leak,
                recipe.penalty,
            )
            adam.step(grads, (adam.steps + 1) / (recipe.epochs * batches))
            losses.append(loss)
        yield float(np.mean(losses)), list(adam.weights)
