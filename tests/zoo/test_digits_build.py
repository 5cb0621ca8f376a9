"""The training of `digits`: gradient, a short run, and what it writes."""

from __future__ import annotations

import tomllib
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from mossy import zoo
from mossy.network import nir
from mossy.network.graph import network_hash
from mossy.signals.encode import regular
from mossy.zoo.digits import bptt
from mossy.zoo.digits.build import network, rewrite
from mossy.zoo.digits.data import images
from mossy.zoo.digits.train import Recipe, augment, initial, loss_and_gradient, train

LEAK = bptt.Leak(tau=4e-3, dt=1e-3)


def test_gradient_is_that_of_the_smooth_network() -> None:
    """Central differences in float64: the error is O(h^2), so 1e-6 relative leaves room."""
    rng = np.random.default_rng(1)
    weights = [w.astype(np.float64) for w in initial((5, 4, 3), LEAK, rng)]
    x = (rng.random((6, 7, 5)) < 0.5).astype(np.float64)
    y = rng.integers(0, 3, 6)

    def loss() -> float:
        return loss_and_gradient(weights, x, y, LEAK, 0.05, bptt.smooth)[0]

    grads = loss_and_gradient(weights, x, y, LEAK, 0.05, bptt.smooth)[1]
    h = 1e-5
    for weight, grad in zip(weights, grads, strict=True):
        numeric = np.empty_like(weight)
        for place in np.ndindex(weight.shape):
            kept = weight[place]
            weight[place] = kept + h
            above = loss()
            weight[place] = kept - h
            numeric[place] = (above - loss()) / (2 * h)
            weight[place] = kept
        np.testing.assert_allclose(grad, numeric, rtol=1e-6, atol=1e-9)
        assert np.abs(grad).max() > 1e-3


def test_one_neuron_by_hand() -> None:
    """a = 3/4, g = 1/4, w = 3: u = 0.75, then 1.3125 > 1 spikes, then from zero again."""
    trace = bptt.layer(np.ones((1, 3, 1)), np.array([[3.0]]), LEAK)
    assert trace.u.ravel().tolist() == [0.75, 1.3125, 0.75]
    assert trace.s.ravel().tolist() == [0, 1, 0]


def test_threshold_itself_is_no_spike() -> None:
    assert bptt.hard(np.array([-1.0, 0.0, 1e-12])).tolist() == [0, 0, 1]


def test_short_training_lowers_the_loss_and_repeats_exactly() -> None:
    pixels, labels = images("train")
    recipe = Recipe(LEAK, (64, 24, 16, 10), seed=3, epochs=20)
    encoder = partial(regular, steps=6)
    first, second = (list(train(pixels[:512], labels[:512], encoder, recipe)) for _ in range(2))
    losses = [loss for loss, _ in first]
    assert losses[-1] < 0.5 * losses[0]
    for a, b in zip(first[-1][1], second[-1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_penalty_makes_hidden_layers_spike_less() -> None:
    pixels, labels = images("train")
    counts = []
    for penalty in (0.0, 0.05):
        recipe = Recipe(LEAK, (64, 24, 10), seed=3, epochs=4, penalty=penalty)
        *_, (_, weights) = train(pixels[:512], labels[:512], partial(regular, steps=6), recipe)
        x = regular(pixels[:64], 6).astype(np.float32)
        counts.append(bptt.forward(weights, x, LEAK)[0].s.sum())
    assert counts[1] < 0.8 * counts[0]


def test_augmentation_moves_by_less_than_a_pixel_and_stays_in_range() -> None:
    image = np.zeros((200, 8, 8))
    image[:, 4, 3] = 1
    moved = augment(image.reshape(200, 64), 0.4, 0.0, np.random.default_rng(0)).reshape(200, 8, 8)
    assert moved.min() >= 0
    np.testing.assert_allclose(moved.sum(axis=(1, 2)), 1)
    assert not moved[:, [0, 1, 2, 6, 7]].any()
    offset = (moved * np.arange(8)).sum(axis=(1, 2)) - 3
    assert 0.3 < np.abs(offset).max() <= 0.4
    assert abs(offset.mean()) < 0.05


def test_jitter_leaves_dark_pixels_dark() -> None:
    dark = np.zeros((3, 64))
    dark[:, 10] = 0.5
    out = augment(dark, 0.0, 0.2, np.random.default_rng(0))
    assert not np.delete(out, 10, axis=1).any()
    assert len(set(out[:, 10])) == 3


def test_network_written_is_the_network_read(tmp_path: Path) -> None:
    net = network(initial((64, 6, 10), LEAK, np.random.default_rng(0)), LEAK)
    nir.write(net, tmp_path / "net.nir")
    back = nir.read(tmp_path / "net.nir")
    assert network_hash(back) == network_hash(net)
    assert list(back.nodes) == ["input", "fc1", "lif1", "fc2", "lif2", "output"]


def test_rewrite_changes_one_value_and_keeps_comments() -> None:
    text = resources.files("mossy.zoo").joinpath("digits", "card.toml").read_text("utf-8")
    new = rewrite(text, {"accuracy_float": "0.5", "lif1": "3.25"})
    card = zoo.parse_card(new, "here")
    assert (card.accuracy_float, card.spikes["lif1"]) == (0.5, 3.25)
    assert tomllib.loads(new) != tomllib.loads(text)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments == [line for line in new.splitlines() if line.startswith("#")]


def test_rewrite_refuses_a_field_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="must hold accuracy once, found 0 times"):
        rewrite("a = 1\n", {"accuracy": "1"})
