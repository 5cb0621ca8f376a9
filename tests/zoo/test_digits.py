"""What the card of `digits` claims, checked by a loop of its own over the file."""

from __future__ import annotations

from importlib import resources
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mossy import zoo
from mossy.network import reference
from mossy.zoo.digits.data import images

Weights = list[NDArray[np.float64]]


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """Read network.nir with h5py alone: weights, leak factors, and the test split."""
    path = resources.files("mossy.zoo").joinpath("digits", "network.nir")
    with resources.as_file(path) as file, h5py.File(file) as f:
        nodes = f["node"]["nodes"]
        weights = [nodes[f"fc{k}"]["weight"][()] for k in (1, 2, 3)]
        tau = np.unique(np.concatenate([nodes[f"lif{k}"]["tau"][()] for k in (1, 2, 3)]))
        for k in (1, 2, 3):
            lif = nodes[f"lif{k}"]
            plain = {"r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
            assert {key: set(lif[key][()]) for key in plain} == {k: {v} for k, v in plain.items()}
    assert len(tau) == 1
    x, y = zoo.data("digits")
    return {"weights": weights, "share": zoo.card("digits").dt / tau[0], "x": x, "y": y}


def spikes(weights: Weights, share: float, x: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Return the spikes of every layer: step by step, all layers within a step."""
    v = [np.zeros((len(x), len(w))) for w in weights]
    out = [np.zeros((len(x), x.shape[1], len(w))) for w in weights]
    for t in range(x.shape[1]):
        signal = x[:, t].astype(float)
        for k, w in enumerate(weights):
            v[k] = (1 - share) * v[k] + share * (signal @ w.T)
            signal = (v[k] > 1).astype(float)
            v[k][signal > 0] = 0
            out[k][:, t] = signal
    return out


def right(weights: Weights, parts: dict[str, Any]) -> float:
    counts = spikes(weights, parts["share"], parts["x"])[-1].sum(axis=1)
    return float((counts.argmax(axis=1) == parts["y"]).mean())


def rounded(weights: Weights, levels: int) -> Weights:
    """Return weights rounded to -levels..levels of each layer's own unit."""
    units = [np.abs(w).max() / levels for w in weights]
    return [np.rint(w / unit) * unit for w, unit in zip(weights, units, strict=True)]


def test_accuracy_is_that_of_the_card_and_at_least_96_percent(parts: dict[str, Any]) -> None:
    found = right(parts["weights"], parts)
    assert found >= 0.96
    assert found == pytest.approx(zoo.card("digits").accuracy_float, abs=5e-5)  # four digits


def test_spikes_per_inference_are_those_of_the_card(parts: dict[str, Any]) -> None:
    layers = spikes(parts["weights"], parts["share"], parts["x"])
    found = {f"lif{k}": s.sum() / len(s) for k, s in enumerate(layers, start=1)}
    found["input"] = parts["x"].sum() / len(parts["x"])
    assert found == pytest.approx(zoo.card("digits").spikes, abs=5e-3)  # two digits


def test_float_reference_gives_the_same_spikes(parts: dict[str, Any]) -> None:
    net = zoo.load("digits")
    signals = reference.run(net, parts["x"], record=["lif1", "lif2"])
    layers = spikes(parts["weights"], parts["share"], parts["x"])
    for name, layer in zip(("lif1", "lif2", "output"), layers, strict=True):
        np.testing.assert_array_equal(signals[name], layer)


def test_the_nir_package_reads_the_file_and_its_metadata() -> None:
    with resources.as_file(resources.files("mossy.zoo").joinpath("digits", "network.nir")) as file:
        graph = nir.read(file)
    assert list(graph.nodes["input"].input_type["input"]) == [64]
    assert set(graph.nodes) == {
        "input", "fc1", "lif1", "fc2", "lif2", "fc3", "lif3", "output",
    }  # fmt: skip
    kept = {key: graph.metadata[key] for key in ("tool", "dt", "integrator", "reset")}
    assert kept == {"tool": "mossy", "dt": "0.001", "integrator": "euler", "reset": "node"}


def test_eight_bit_weights_cost_less_than_half_a_point(parts: dict[str, Any]) -> None:
    assert right(rounded(parts["weights"], 127), parts) > right(parts["weights"], parts) - 0.005


def test_the_accuracy_check_can_fail(parts: dict[str, Any]) -> None:
    assert right(rounded(parts["weights"], 1), parts) < 0.96


def test_a_step_of_delay_between_layers_costs_less_than_two_points(parts: dict[str, Any]) -> None:
    """Chips that pass spikes on at the next tick lose what is still on its way at the end."""
    x = parts["x"]
    for w in parts["weights"]:
        out = spikes([w], parts["share"], x)[0]
        x = np.concatenate([np.zeros_like(out[:, :1]), out[:, :-1]], axis=1)
    found = (x.sum(axis=1).argmax(axis=1) == parts["y"]).mean()
    assert found > right(parts["weights"], parts) - 0.02


def test_splits_hold_every_image_once_and_every_class_alike() -> None:
    (train_x, train_y), (test_x, test_y) = images("train"), images("test")
    assert (len(train_y), len(test_y)) == (1437, 360)
    both = np.concatenate([train_x, test_x]) * 16
    original = load_digits().data
    np.testing.assert_array_equal(both[np.lexsort(both.T)], original[np.lexsort(original.T)])
    assert set(np.bincount(test_y)) <= {35, 36, 37}


def test_data_are_spikes_and_repeat_exactly() -> None:
    x, y = zoo.data("digits")
    assert x.dtype == bool
    assert y.dtype == np.int64
    np.testing.assert_array_equal(x, zoo.data("digits")[0])


def test_the_stored_split_is_scikit_learns() -> None:
    pixels, labels = load_digits(return_X_y=True)
    seed = zoo.card("digits").split_seed
    train, test, train_y, test_y = train_test_split(
        pixels / 16, labels, test_size=360, stratify=labels, random_state=seed
    )
    for found, x, y in ((images("train"), train, train_y), (images("test"), test, test_y)):
        np.testing.assert_array_equal(found[0], x)
        np.testing.assert_array_equal(found[1], y)
